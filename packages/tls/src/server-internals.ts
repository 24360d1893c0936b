/**
 * The one place that leans on what Node.js does not document.
 *
 * Node's TLS server has events for a session store but does not say which connection they belong to, and asks for the
 * wrong id in TLS 1.3 (nodejs/node#60847). What is needed beyond its documented surface is gathered here, each piece
 * looked for before it is used. A piece that resumption cannot do without is an `UnsupportedNodeError` when it starts;
 * without any of the others some handshakes are full ones.
 *
 * | what | without it |
 * | --- | --- |
 * | the first `connection` listener is the TLS server's own | refused at the start |
 * | `server.key`, `.ca`, ... are the options of its context | refused at the start |
 * | a TLS event runs in its connection's async resource, which has `_parentWrap`, the socket | full handshakes |
 * | that has `loadSession`, `getFinished` | full: HelloRetryRequest, clients without legacy session id |
 * | that has `shutdown` | `confirm: 'copies'` does not wait in TLS 1.3 |
 * | `server._contexts`, the symbol `snicallback` | `clientCa` is not asked for where it is needed |
 */

import { createHook, executionAsyncResource } from 'node:async_hooks'
import { constants } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { DEFAULT_MAX_VERSION, DEFAULT_MIN_VERSION, type SecureContextOptions, type Server } from 'node:tls'
import { TlsVersion } from './client-hello.ts'
import { UnsupportedNodeError } from './errors.ts'

/** Takes a TCP socket (or any duplex stream) and makes a TLS connection of it. */
export type ConnectionListener = (this: Server, socket: Duplex) => void

/** Node's native side of one TLS connection. */
export interface TlsHandle {
  /** Give OpenSSL the session for its next lookup, whatever id it will ask for. */
  loadSession?(session: Buffer): void
  /** Undefined until the server has sent its Finished message. */
  getFinished?(): Buffer | undefined
  /** Send the end of the stream; returns 0 or an error number, and calls `oncomplete` when done. */
  shutdown?(request: ShutdownRequest): number
  readonly _parentWrap?: Duplex & { readonly stream?: Duplex }
}

interface ShutdownRequest {
  oncomplete(status: number): void
}

/** What a TLS server keeps of the options it was made with. */
interface ServerFields extends ContextOptions {
  readonly _sharedCreds?: { readonly context?: NativeContext }
  readonly _contexts?: readonly unknown[]
  readonly minVersion?: string
  readonly maxVersion?: string
  readonly requestCert?: boolean
  readonly rejectUnauthorized?: boolean
  readonly ca?: unknown
  readonly crl?: unknown
  readonly pfx?: unknown
}

/** The options that are ours while the server resumes across the cluster. */
interface ContextOptions {
  secureOptions?: number | undefined
  sessionIdContext?: string | undefined
  sessionTimeout?: number | undefined
  ticketKeys?: Buffer | undefined
}

interface NativeContext {
  getMinProto?(): number
  getMaxProto?(): number
}

const fields = (server: Server): ServerFields => server as unknown as ServerFields

/** The listener that makes TLS connections of TCP ones. Node registers it first, when the server is constructed. */
export function ownConnectionListener(server: Server): ConnectionListener {
  const [first] = server.listeners('connection')
  if (first === undefined) throw new UnsupportedNodeError("'connection' listener of its own on a TLS server")
  return first as ConnectionListener
}

/** The native handle of the connection whose TLS event is being emitted. Call it before anything asynchronous. */
export function handleOfEvent(): TlsHandle | undefined {
  const resource = executionAsyncResource() as TlsHandle
  return resource._parentWrap === undefined ? undefined : resource
}

/** The socket that was handed to the TLS server for this connection. */
export function rawSocketOfHandle(handle: TlsHandle): Duplex | undefined {
  return handle._parentWrap?.stream ?? handle._parentWrap
}

/** The socket that was handed to the TLS server to make this TLS socket, or its stand-in of an http2 session. */
export function rawSocketOf(tlsSocket: Duplex): Duplex | undefined {
  const { _parent, _handle } = tlsSocket as { readonly _parent?: Duplex; readonly _handle?: TlsHandle | null }
  return _parent ?? (_handle ? rawSocketOfHandle(_handle) : undefined)
}

let captured: TlsHandle | undefined
const capture = createHook({
  init(_id: number, type: string, _trigger: number, resource: object): void {
    if (type === 'TLSWRAP') captured = resource
  },
  // Where Node knows it: promises are not to be followed only because of us.
  ...{ trackPromises: false },
})

/** Run what makes a TLS connection, and return its native handle. Not for the common path: hooks are not free. */
export function captureHandle(run: () => void): TlsHandle | undefined {
  captured = undefined
  capture.enable()
  try {
    run()
  } finally {
    capture.disable()
  }
  const handle = captured
  captured = undefined
  return handle
}

/**
 * Keep a connection from ending while its `newSession` callback is held. Node writes nothing until that callback, but
 * passes the end of the stream on: a TLS 1.3 server that answers and ends at once would end without the answer. What is
 * returned lets go, and ends the stream if that was asked for; undefined when it cannot be kept.
 */
export function holdEnd(handle: TlsHandle): (() => void) | undefined {
  const { shutdown } = handle
  if (shutdown === undefined || Object.hasOwn(handle, 'shutdown')) return undefined
  let asked: ShutdownRequest | undefined
  handle.shutdown = (request) => {
    asked = request
    return 0
  }
  return () => {
    delete handle.shutdown
    const request = asked
    const socket = rawSocketOfHandle(handle)
    if (request === undefined || socket === undefined || socket.destroyed) return
    const status = shutdown.call(handle, request)
    // One means done at once: then Node calls nothing.
    if (status !== 0) request.oncomplete(status === 1 ? 0 : status)
  }
}

/** The lowest and highest TLS version that the server speaks, as on the wire. */
export function versionBounds(server: Server): { readonly minVersion: number; readonly maxVersion: number } {
  const { _sharedCreds, secureOptions = 0, minVersion, maxVersion } = fields(server)
  const native = _sharedCreds?.context
  const min = native?.getMinProto?.() ?? VERSIONS[minVersion ?? DEFAULT_MIN_VERSION] ?? TlsVersion.tls12
  const max = native?.getMaxProto?.() ?? VERSIONS[maxVersion ?? DEFAULT_MAX_VERSION] ?? TlsVersion.tls13
  const withoutTls13 = (secureOptions & constants.SSL_OP_NO_TLSv1_3) !== 0
  // Zero means no bound of its own.
  const highest = max === 0 ? TlsVersion.tls13 : max
  return { minVersion: min, maxVersion: withoutTls13 ? Math.min(highest, TlsVersion.tls12) : highest }
}

const VERSIONS: Readonly<Record<string, number>> = {
  TLSv1: TlsVersion.tls10,
  'TLSv1.1': TlsVersion.tls11,
  'TLSv1.2': TlsVersion.tls12,
  'TLSv1.3': TlsVersion.tls13,
}

/** How the server judges client certificates, as far as its own fields say. */
export interface ClientAuthentication {
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
  readonly ca: unknown
  readonly crl: unknown
  /** Authorities may come from places that cannot be looked into: a PKCS#12 file, contexts for other server names. */
  readonly opaque: boolean
}

/** See `ClientAuthentication`. With `options`, as it will be when these are the options of the server's context. */
export function clientAuthentication(server: Server, options: object = server): ClientAuthentication {
  const { requestCert = false, rejectUnauthorized = true, _contexts = [] } = fields(server)
  const { ca, crl, pfx } = options as ServerFields
  return {
    requestCert,
    rejectUnauthorized,
    ca,
    crl,
    opaque: (ca === undefined && pfx !== undefined) || _contexts.length > 0,
  }
}

/** The application chooses contexts by server name itself. */
export function hasSniCallback(server: Server): boolean {
  return sniCallbackKey(server) !== undefined
}

/** Milliseconds that the server gives a handshake. */
export function handshakeTimeoutMs(server: Server): number {
  const key = symbolKey(server, 'handshake-timeout')
  const value = key === undefined ? undefined : (server as unknown as Record<symbol, unknown>)[key]
  return typeof value === 'number' && value > 0 ? value : 120_000
}

function symbolKey(server: Server, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(server).find((symbol) => symbol.description === description)
}

/** Where the server keeps the application's own choice of contexts, if it has one. */
function sniCallbackKey(server: Server): symbol | undefined {
  const key = symbolKey(server, 'snicallback')
  return key !== undefined && (server as unknown as Record<symbol, unknown>)[key] !== undefined ? key : undefined
}

/** What resumption asks of a server's secure contexts. */
export interface ContextSettings {
  /** Bits of `SSL_OP_*` that are added. */
  readonly secureOptions: number
  /** At most 32 bytes. */
  readonly sessionIdContext: string
  /** Seconds. */
  readonly sessionTimeout: number
  /** 48 bytes; undefined leaves the server's own. */
  readonly ticketKeys: Buffer | undefined
}

/**
 * The secure context of a server, kept to our settings also when the application replaces it (a renewed certificate), and
 * given back as it would be without us. Contexts for other server names need nothing: OpenSSL takes session id context,
 * options and ticket keys from the one that a connection began with.
 */
export class ServerContext {
  readonly #server: Server
  readonly #settings: (options: object) => ContextSettings
  /** What the application asked for in the settings that are ours now. */
  #theirs: ContextOptions
  /** The keys that the server was made with, its own random ones if nobody gave it any. */
  readonly #ticketKeys: Buffer
  /** Puts the server's method back; undefined while ours is not in its place. */
  #letGo: (() => void) | undefined

  /**
   * `settings` is asked whenever a context is made, with the options it is made from.
   * @throws UnsupportedNodeError when the server does not keep its options where they are looked for.
   */
  constructor(server: Server, settings: (options: object) => ContextSettings) {
    this.#server = server
    this.#settings = settings
    const { secureOptions, sessionIdContext, sessionTimeout, ticketKeys } = fields(server)
    this.#theirs = { secureOptions, sessionIdContext, sessionTimeout, ticketKeys }
    this.#ticketKeys = server.getTicketKeys()
    if (sessionIdContext === undefined) throw new UnsupportedNodeError('fields with the options of a TLS server')
  }

  /** Make the context anew with our settings, and stay in force for those to come. */
  apply(): void {
    const server = this.#server
    const original = server.setSecureContext
    const hadOwn = Object.hasOwn(server, 'setSecureContext')
    let active = true
    const ours = (options: SecureContextOptions): void => {
      if (!active) return original.call(server, options)
      const { secureOptions, sessionIdContext, ticketKeys = this.#theirs.ticketKeys } = options as ContextOptions
      const { sessionTimeout = this.#theirs.sessionTimeout } = options
      this.#theirs = { secureOptions, sessionIdContext, sessionTimeout, ticketKeys }
      original.call(server, { ...options, ...this.#ours(options) })
    }
    server.setSecureContext = ours
    this.#letGo = () => {
      // Somebody else's method may be in front of ours by now: then ours stays, and passes calls on.
      active = false
      if (server.setSecureContext !== ours) return
      if (hadOwn) server.setSecureContext = original
      else delete (server as Partial<Server>).setSecureContext
    }
    this.#remake(this.#ours(server))
  }

  /** Use these ticket keys from the next connection on; the context stays. */
  setTicketKeys(keys: Buffer): void {
    this.#server.setTicketKeys(keys)
    fields(this.#server).ticketKeys = keys
  }

  /** Make the context as the application asked for, and let go of it. Safe to call twice. */
  restore(): void {
    if (this.#letGo === undefined) return
    this.#letGo()
    this.#letGo = undefined
    const own = fields(this.#server)
    const { sessionTimeout, ticketKeys } = this.#theirs
    // These two are not cleared by making a context without them.
    if (sessionTimeout === undefined) delete own.sessionTimeout
    if (ticketKeys === undefined) delete own.ticketKeys
    this.#remake(this.#theirs)
    if (ticketKeys === undefined) this.#server.setTicketKeys(this.#ticketKeys)
  }

  #ours(options: object): ContextOptions {
    const { secureOptions, sessionIdContext, sessionTimeout, ticketKeys } = this.#settings(options)
    const all = (this.#theirs.secureOptions ?? 0) | secureOptions
    return { secureOptions: all, sessionIdContext, sessionTimeout, ...(ticketKeys !== undefined && { ticketKeys }) }
  }

  /** Make the context from the server's own fields, each of which bears the name of the option that it came from. */
  #remake(changes: ContextOptions): void {
    const options = Object.assign(Object.create(this.#server), changes)
    Object.getPrototypeOf(this.#server).setSecureContext.call(this.#server, options)
  }
}
