/**
 * The front of a TLS server: looks at what a client sends first, then steps out of the way.
 *
 * Node's TLS server makes a TLS connection of every socket in its own `connection` listener. The front takes that
 * listener's place: it reads the PROXY header (if one is required) and the ClientHello, puts the bytes of the latter
 * back, and calls the listener. From then on nothing of ours stands between the socket and the server.
 *
 * ```
 *   accepted ─► PROXY header ─► ClientHello ─► [session is looked up] ─► handed over
 *                    │               │                  │
 *                    ▼               ▼                  ▼
 *                 refused      garbage, slow,     left: 'tlsClientError', as Node has it
 *                              over a limit:
 *                              handed over unread
 * ```
 *
 * The invariant: unless the client leaves or the PROXY header is refused, every socket reaches the server, exactly
 * once, with every byte in order.
 */

import type { Duplex } from 'node:stream'
import type { Server } from 'node:tls'
import { type ClientHello, ClientHelloReader } from './client-hello.ts'
import { PEEK_BYTES_MAX, PEEK_TAIL_BYTES_MAX, PEEKS_MAX } from './constants.ts'
import { ProxyProtocolError, type ProxyProtocolFailure } from './errors.ts'
import { mayProxy, type ProxySources } from './options.ts'
import { type ProxiedAddress, parseProxyHeader } from './proxy-protocol.ts'
import { type ConnectionListener, handshakeTimeoutMs, ownConnectionListener, rawSocketOf } from './server-internals.ts'
import type { StatsCounter } from './stats.ts'

/** What is done with a connection whose ClientHello was read. */
export interface Arrival {
  /** The socket is handed over once this resolved; undefined: at once. Must not reject. */
  readonly ready: Promise<unknown> | undefined
  /** Hand over: calls `deliver` once, which makes the TLS connection. */
  handOver(deliver: () => void): void
}

export interface FrontInit {
  readonly server: Server
  readonly stats: StatsCounter
  /** Called once per connection, before it is handed over. Undefined: only PROXY headers are read. */
  readonly onHello: ((socket: Duplex, hello: ClientHello) => Arrival) | undefined
  readonly proxyFrom: ProxySources | undefined
  readonly helloDeadlineMs: number
  /** For tests. Default `PEEKS_MAX` and `PEEK_BYTES_MAX`. */
  readonly limits?: { readonly peeksMax: number; readonly bytesMax: number }
}

/** See the head of this file. */
export class Front {
  readonly server: Server
  readonly init: FrontInit
  readonly deadlineMs: number
  readonly #limits: { readonly peeksMax: number; readonly bytesMax: number }
  readonly #own: ConnectionListener
  readonly #peeks = new Set<Peek>()
  /** Real clients of proxied connections. */
  readonly #clients = new WeakMap<Duplex, ProxiedAddress>()
  /** Bytes that all peeks hold. */
  #bytes = 0
  #open = false

  /** @throws UnsupportedNodeError when the server has no listener of its own. */
  constructor(init: FrontInit) {
    this.init = init
    this.server = init.server
    this.#limits = init.limits ?? { peeksMax: PEEKS_MAX, bytesMax: PEEK_BYTES_MAX }
    this.#own = ownConnectionListener(init.server)
    this.deadlineMs = Math.min(init.helloDeadlineMs, handshakeTimeoutMs(init.server))
  }

  /** Take the place of the server's own listener. */
  open(): void {
    this.#open = true
    this.server.removeListener('connection', this.#own)
    this.server.prependListener('connection', this.#accept)
    if (this.init.proxyFrom === undefined) return
    this.server.prependListener('secureConnection', this.#showClient)
    this.server.prependListener('tlsClientError', this.#showClientOfError)
  }

  /** Give the place back. Sockets that are still being read are handed over as they are. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.server.removeListener('connection', this.#accept)
    this.server.prependListener('connection', this.#own)
    for (const peek of [...this.#peeks]) peek.giveUp()
    this.server.removeListener('secureConnection', this.#showClient)
    this.server.removeListener('tlsClientError', this.#showClientOfError)
  }

  /** Make a TLS connection of the socket. */
  deliver(socket: Duplex): void {
    this.#own.call(this.server, socket)
  }

  /** A peek took so many bytes more. False when all together hold too many. */
  hold(byteCount: number): boolean {
    this.#bytes += byteCount
    return this.#bytes <= this.#limits.bytesMax
  }

  /** A peek ended. */
  forget(peek: Peek, byteCount: number): void {
    this.#bytes -= byteCount
    this.#peeks.delete(peek)
  }

  /** The connection's client is another one than its peer. */
  proxied(socket: Duplex, client: ProxiedAddress): void {
    this.#clients.set(socket, client)
    showClient(socket, client)
  }

  readonly #accept = (socket: Duplex): void => {
    const { proxyFrom, stats } = this.init
    if (proxyFrom !== undefined) {
      const { remoteAddress } = socket as { readonly remoteAddress?: string }
      if (!mayProxy(proxyFrom, remoteAddress)) return this.refuse(socket, 'PROXY_SOURCE', 'is not in proxyFrom')
      if (this.#peeks.size >= this.#limits.peeksMax)
        return this.refuse(socket, 'PROXY_LIMIT', 'came when too many were waiting')
    } else if (this.#peeks.size >= this.#limits.peeksMax) {
      stats.hellos.refused += 1
      return this.deliver(socket)
    }
    const peek = new Peek(this, socket)
    this.#peeks.add(peek)
    peek.start()
  }

  /** End a connection for want of a PROXY header. */
  refuse(socket: Duplex, code: ProxyProtocolFailure, what: string): void {
    const { remoteAddress } = socket as { readonly remoteAddress?: string }
    this.init.stats.proxy.refused += 1
    this.fail(
      socket,
      new ProxyProtocolError(code, `a connection from ${remoteAddress ?? 'here'} ${what}`, remoteAddress),
    )
  }

  /** End a connection that did not become a TLS one, as the server itself would have reported it. */
  fail(socket: Duplex, error: Error): void {
    socket.on('error', ignore)
    this.server.emit('tlsClientError', error, socket as never)
    socket.destroy()
  }

  readonly #showClient = (tlsSocket: Duplex): void => {
    const raw = rawSocketOf(tlsSocket)
    const client = raw === undefined ? undefined : this.#clients.get(raw)
    if (client !== undefined) showClient(tlsSocket, client)
  }

  readonly #showClientOfError = (_error: Error, tlsSocket: Duplex): void => this.#showClient(tlsSocket)
}

const NO_BYTES = Buffer.alloc(0)

/** One connection whose first bytes are being read. */
class Peek {
  readonly #front: Front
  readonly #socket: Duplex
  #phase: 'proxy' | 'hello' | 'lookup' | 'done'
  #head: Buffer = NO_BYTES
  readonly #reader = new ClientHelloReader()
  /** What followed the ClientHello while its session was looked up. */
  readonly #tail: Buffer[] = []
  #tailBytes = 0
  #held = 0
  #timer: NodeJS.Timeout | undefined

  constructor(front: Front, socket: Duplex) {
    this.#front = front
    this.#socket = socket
    this.#phase = front.init.proxyFrom === undefined ? 'hello' : 'proxy'
  }

  start(): void {
    const socket = this.#socket
    this.#timer = setTimeout(this.#onDeadline, this.#front.deadlineMs)
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onEnd)
    // `pauseOnConnect`: the application's pause is for what is decrypted; the handshake is read all the same.
    if (socket.isPaused()) socket.resume()
  }

  /** Stop looking: hand over what there is. */
  giveUp(): void {
    if (this.#phase === 'proxy')
      return this.#refuse('PROXY_TIMEOUT', 'has not sent its header when the front was closed')
    this.#handOver((deliver) => deliver())
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#held += chunk.length
    const within = this.#front.hold(chunk.length)
    if (this.#phase === 'lookup') {
      this.#tail.push(chunk)
      this.#tailBytes += chunk.length
      if (this.#tailBytes > PEEK_TAIL_BYTES_MAX) this.#socket.pause()
      return
    }
    if (this.#phase === 'proxy') this.#readProxyHeader(chunk)
    else this.#readHello(chunk)
    if (!within && this.#phase === 'hello') this.#handOverUnread('refused')
  }

  #readProxyHeader(chunk: Buffer): void {
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
    const header = parseProxyHeader(this.#head)
    if (header === 'more') return
    if (header === 'garbage') return this.#refuse('PROXY_HEADER', 'did not begin with a valid PROXY header')
    const { onHello, stats } = this.#front.init
    stats.proxy.accepted += 1
    if (header.source !== undefined) this.#front.proxied(this.#socket, header.source)
    const rest = this.#head.subarray(header.length)
    this.#head = NO_BYTES
    this.#phase = 'hello'
    if (onHello !== undefined) {
      if (rest.length > 0) this.#readHello(rest)
      return
    }
    if (rest.length > 0) this.#tail.push(rest)
    this.#handOver((deliver) => deliver())
  }

  #readHello(chunk: Buffer): void {
    const { onHello, stats } = this.#front.init
    const verdict = this.#reader.push(chunk)
    if (verdict === 'more') return
    const hello = this.#reader.hello
    if (verdict !== 'complete') return this.#handOverUnread(verdict)
    if (hello === undefined || onHello === undefined) return this.#handOver((deliver) => deliver())
    stats.hellos.read += 1
    const arrival = onHello(this.#socket, hello)
    const handOver = arrival.handOver.bind(arrival)
    if (arrival.ready === undefined) return this.#handOver(handOver)
    clearTimeout(this.#timer)
    this.#phase = 'lookup'
    void arrival.ready.then(() => this.#handOver(handOver))
  }

  readonly #onDeadline = (): void => {
    if (this.#phase === 'proxy') this.#refuse('PROXY_TIMEOUT', 'did not send its PROXY header in time')
    else this.#handOverUnread('slow')
  }

  #handOverUnread(why: 'garbage' | 'oversize' | 'slow' | 'refused'): void {
    this.#front.init.stats.hellos[why] += 1
    this.#handOver((deliver) => deliver())
  }

  #handOver(handOver: (deliver: () => void) => void): void {
    if (!this.#finish()) return
    const socket = this.#socket
    socket.pause()
    for (const chunk of this.#tail.splice(0).reverse()) socket.unshift(chunk)
    if (this.#reader.length > 0) socket.unshift(this.#reader.bytes)
    handOver(() => this.#front.deliver(socket))
  }

  readonly #onEnd = (): void => {
    if (!this.#finish()) return
    this.#front.init.stats.hellos.closed += 1
    const error = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
    this.#front.fail(this.#socket, error)
  }

  readonly #onError = (error: Error): void => {
    if (!this.#finish()) return
    this.#front.init.stats.hellos.closed += 1
    this.#front.fail(this.#socket, error)
  }

  #refuse(code: ProxyProtocolFailure, what: string): void {
    if (this.#finish()) this.#front.refuse(this.#socket, code, what)
  }

  /** Let go of the socket. False when that was done before. */
  #finish(): boolean {
    if (this.#phase === 'done') return false
    this.#phase = 'done'
    clearTimeout(this.#timer)
    const socket = this.#socket
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('error', this.#onError)
    socket.off('close', this.#onEnd)
    this.#front.forget(this, this.#held)
    return true
  }
}

function ignore(): void {}

/** Show the client's address instead of the proxy's. Own properties win over the getters of `net.Socket`. */
function showClient(socket: Duplex, client: ProxiedAddress): void {
  const value = { configurable: true, enumerable: false, writable: false }
  Object.defineProperties(socket, {
    remoteAddress: { ...value, value: client.address },
    remotePort: { ...value, value: client.port },
    remoteFamily: { ...value, value: client.family },
  })
}
