/**
 * The gateway for stunnel's `sessiond`: datagrams on loopback.
 *
 * stunnel waits for a reply for some milliseconds at most, in which nothing can be fetched from elsewhere. So a get is answered in
 * the turn in which it comes, from what this node holds; what it does not hold is not found. The node has to hold everything:
 * with no more members than copies and one, with `copies: 'all'`, or as a repository, it does. The gateway says in the log
 * when it does not.
 *
 * Sessions are keys like any other, under a name with their id in it, and so are found over the other gateways, too.
 */
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { UsageError } from '@reprise/core'
import type { Logger, NodeStatus } from '@reprise/node'
import { COVERAGE_CHECK_MS, SESSIOND_PENDING_MAX } from '../constants.ts'
import { GatewayError } from '../errors.ts'
import type { GatewayFigures } from '../figures.ts'
import type { TcpAddress } from '../listen-address.ts'
import { isLocal, parseListenAddress } from '../listen-address.ts'
import type { LocalKeyValueStore } from '../store/cluster-store.ts'
import type { Answer } from '../store/key-value.ts'
import { decodeRequest, encodeReply } from './packet.ts'

export interface SessiondOptions {
  /** Shared by all gateways of a node. */
  readonly store: LocalKeyValueStore
  /** The node's status, to see whether it holds everything. Default: that is not looked at. */
  readonly status?: () => Pick<NodeStatus, 'shards' | 'ready'>
  /** `HOST:PORT` on loopback: the protocol cannot say who asks. */
  readonly listen: string
  /** Default: silent. */
  readonly logger?: Logger
}

/** What a sessiond gateway did, counted. */
export interface SessiondStats {
  readonly stored: number
  readonly removed: number
  readonly found: number
  readonly missed: number
  /** Datagrams that were no requests, and new sessions that could not be stored. */
  readonly refused: number
}

/** Serve stunnel's `sessiond`. @throws UsageError for an address that others reach, or the system's error when it cannot listen. */
export async function serveSessiond(options: SessiondOptions): Promise<SessiondGateway> {
  const address = parseListenAddress(options.listen)
  if ('path' in address) throw new UsageError('sessiond is spoken in datagrams: listen on 127.0.0.1:PORT')
  if (!isLocal(address)) {
    throw new UsageError(
      `sessiond at ${options.listen} could be reached from elsewhere, and asks nobody who he is; listen on 127.0.0.1`,
    )
  }
  const gateway = new SessiondGateway(options)
  await gateway.start(address)
  return gateway
}

/** A sessiond gateway that listens. Made by `serveSessiond`. */
export class SessiondGateway {
  readonly #options: SessiondOptions
  readonly #stats = { stored: 0, removed: 0, found: 0, missed: 0, refused: 0 }
  #datagrams = 0
  #inputBytes = 0
  #outputBytes = 0
  #socket: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  /** Writes under way. */
  #pending = 0
  #wasWarned = false

  /** @internal */
  constructor(options: SessiondOptions) {
    this.#options = options
  }

  /** Where it listens, with the port that the system chose. */
  get address(): TcpAddress {
    const { address, port } = this.#open().address()
    return { host: address, port }
  }

  stats(): SessiondStats {
    return { ...this.#stats }
  }

  /** What this gateway did, counted; also when it has stopped. */
  figures(): GatewayFigures {
    const { found: hits, missed: misses, refused: errors } = this.#stats
    const bytes = { in: this.#inputBytes, out: this.#outputBytes }
    return { commands: this.#datagrams, errors, hits, misses, bytes }
  }

  /** Called once, by `serveSessiond`. @internal */
  async start({ host, port }: TcpAddress): Promise<void> {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    socket.on('message', (datagram, { address, port: from }) => this.#onDatagram(datagram, address, from))
    socket.bind({ address: host, port, exclusive: true })
    try {
      await once(socket, 'listening')
    } catch (error) {
      socket.close()
      throw error
    }
    socket.on('error', (error) => this.#options.logger?.warn('sessiond: the socket failed', { error: error.message }))
    this.#socket = socket
    const { logger, status } = this.#options
    logger?.info('sessiond listens', { ...this.address })
    if (status === undefined) return
    this.#timer = setInterval(() => this.#checkCoverage(status()), COVERAGE_CHECK_MS)
    this.#timer.unref()
  }

  /** Answer nothing any more. Safe to call twice. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    const socket = this.#socket
    this.#socket = undefined
    if (socket === undefined) return
    socket.close()
    await once(socket, 'close')
  }

  #open(): Socket {
    if (this.#socket === undefined) throw new UsageError('the gateway has stopped')
    return this.#socket
  }

  #onDatagram(datagram: Buffer, address: string, port: number): void {
    this.#datagrams += 1
    this.#inputBytes += datagram.length
    const request = decodeRequest(datagram)
    if (request === undefined) {
      this.#stats.refused += 1
      return
    }
    const { store } = this.#options
    const key = keyOf(request.id)
    switch (request.type) {
      case 'get':
        return this.#onGet(request.id, key, address, port)
      case 'remove':
        return this.#write('removed', () => store.delete(key))
      case 'new': {
        const write = { value: request.session, expiry: { afterMs: request.seconds * 1_000 } }
        if (request.seconds > 0) this.#write('stored', () => store.set(key, write))
      }
    }
  }

  #onGet(id: Buffer, key: Buffer, address: string, port: number): void {
    const entry = this.#options.store.local(key)
    this.#stats[entry === undefined ? 'missed' : 'found'] += 1
    const reply = encodeReply(id, entry?.value)
    // It is answered or not; there is nobody to tell that it was not.
    if (reply === undefined) return
    this.#outputBytes += reply.length
    this.#socket?.send(reply, port, address, () => {})
  }

  /** Nobody waits for a write. More at once than a node can take are dropped: their clients make full handshakes. */
  #write(counted: 'stored' | 'removed', work: () => Answer<unknown>): void {
    if (this.#pending >= SESSIOND_PENDING_MAX) {
      this.#stats.refused += 1
      return
    }
    this.#pending += 1
    void this.#carryOut(counted, work)
  }

  async #carryOut(counted: 'stored' | 'removed', work: () => Answer<unknown>): Promise<void> {
    try {
      await work()
      this.#stats[counted] += 1
    } catch (error) {
      this.#stats.refused += 1
      if (!(error instanceof GatewayError)) {
        this.#options.logger?.error('sessiond: a write failed', { error: String(error) })
      }
    } finally {
      this.#pending -= 1
    }
  }

  /** Say once when this node turns out not to hold everything, and again when that came back. */
  #checkCoverage({ ready, shards }: Pick<NodeStatus, 'shards' | 'ready'>): void {
    if (!ready) return
    const held = shards.filter(({ state }) => state !== 'none').length
    const isCovered = held === shards.length
    if (!isCovered && !this.#wasWarned) {
      this.#options.logger?.warn(
        'sessiond answers from what this node holds, which is not all: set copies to all on every node, or make this one a repository',
        { held, shards: shards.length },
      )
    }
    this.#wasWarned = !isCovered
  }
}

function keyOf(id: Uint8Array): Buffer {
  return Buffer.from(`${KEY_PREFIX}${Buffer.from(id.buffer, id.byteOffset, id.length).toString('hex')}`, 'latin1')
}

/** What the keys of stunnel's sessions begin with. */
const KEY_PREFIX = 'stunnel-sess:'
