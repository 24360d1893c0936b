/**
 * TLS sessions that resume at every server of a cluster, for `tls`, `https` and `http2` servers of Node.js. Read on in
 * `resumption.ts`, then `front.ts`.
 *
 * @packageDocumentation
 *
 * @example
 * ```js
 * import { readFileSync } from 'node:fs'
 * import { createServer } from 'node:https'
 * import { createNode } from '@reprise/node'
 * import { resumeAcrossCluster } from '@reprise/tls'
 *
 * const node = await createNode({ secret: 'sixteen random bytes or more' })
 * const options = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') }
 * const server = createServer(options, (request, response) => {
 *   response.end(JSON.stringify(resumption.origin(request.socket)))
 *   // {"reused":true,"kind":"peers","peers":["12D3..."],"lookupMs":1.4}
 * })
 * const resumption = await resumeAcrossCluster(server, node, { context: 'shop' })
 * server.listen(8443)
 * ```
 */

import { constants } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { Server, type TLSSocket } from 'node:tls'
import { type SessionSource, UsageError } from '@reprise/core'
import { CLOSE_DEADLINE_MS, START_DEADLINE_MS } from './constants.ts'
import { within } from './deadline.ts'
import { Front } from './front.ts'
import { type ResumptionOptions, type Settings, settingsOf } from './options.ts'
import { type SessionOrigin, StatefulResumption } from './resumption.ts'
import {
  type ContextSettings,
  clientAuthentication,
  hasSniCallback,
  rawSocketOf,
  ServerContext,
} from './server-internals.ts'
import { type ResumptionStats, StatsCounter } from './stats.ts'
import { digestOfClients, digestOfContext } from './stored-session.ts'
import { type TicketKey, TicketKeyRing } from './ticket-keys.ts'

export { ProxyProtocolError, type ProxyProtocolFailure, RotationTooSoonError, UnsupportedNodeError } from './errors.ts'
export { apacheKeyFile, haproxyKey, haproxyKeyFile, nginxKeyFiles } from './key-files.ts'
export type { ResumptionOptions } from './options.ts'
export type { KeepOptions, OverlappingKeys, RotateOptions, TicketRingStore } from './overlapping-ring.ts'
export { keepRing, overlappingKeys, rotateRing } from './overlapping-ring.ts'
export type { SessionOrigin } from './resumption.ts'
export type { LatencyHistogram, ResumptionStats } from './stats.ts'
export type { TicketKey } from './ticket-keys.ts'
export { decodeRing, encodeRing, RING_PORTION, ringIdOf, ringLifetime } from './ticket-keys.ts'

/** Resumption on one server, until it is closed. */
export interface ClusterResumption {
  readonly mode: 'stateful' | 'tickets'

  /** What happened so far. */
  stats(): ResumptionStats

  /**
   * Where the TLS session of a connection came from: a TLS socket of this server, such as `request.socket`, also of
   * http2. Undefined for other sockets, and before `'secureConnection'`.
   */
  origin(socket: Duplex): SessionOrigin | undefined

  /**
   * Ticket mode: replace the key now. Resolves when this server uses the new one; the others follow within their
   * `pollMs`.
   *
   * @throws UsageError in stateful mode, where there is no key; whatever the source throws.
   */
  rotate(): Promise<void>

  /**
   * Ticket mode: the keys that are known, newest first, for terminators that accept several. Empty in stateful mode.
   */
  ticketKeys(): readonly TicketKey[]

  /**
   * Give the server back: its listeners, its context, its ticket keys. Connections live on. Resolves when what was
   * under way ended, or after two seconds. Safe to call twice.
   */
  close(): Promise<void>
}

/** Servers that have a resumption: a second one would undo the first. */
const TAKEN = new WeakSet<Server>()

/**
 * Let the TLS sessions of a server be resumed at every other server of the cluster that has the same `context`.
 *
 * The server is changed at once, before the promise resolves. It may be listening, and its certificate may be replaced
 * with `setSecureContext` later. Its own `newSession` and `resumeSession` events are used up.
 *
 * @param server An `https.Server`, an http2 secure server, or a `tls.Server`.
 * @param source The node, or anything that keeps sessions.
 * @returns Resolves when the source was seen to work, or after two seconds: a lost cluster makes handshakes full, not
 * late.
 * @throws UsageError for options that cannot work, a source that cannot seal, or a server that is taken.
 * @throws UnsupportedNodeError when this version of Node.js does not let us.
 */
export async function resumeAcrossCluster(
  server: Server,
  source: SessionSource,
  options: ResumptionOptions,
): Promise<ClusterResumption> {
  const settings = settingsOf(options)
  if (!(server instanceof Server)) throw new UsageError('server: expected a tls, https or http2 secure server')
  if (TAKEN.has(server)) throw new UsageError('server: its sessions are resumed across a cluster already')
  const { requestCert, opaque } = clientAuthentication(server)
  if (requestCert && (opaque || hasSniCallback(server)) && settings.clientCa === undefined) {
    throw new UsageError(
      'clientCa: with requestCert and pfx, SNICallback or addContext, say which authorities are accepted',
    )
  }
  const resumption = new ServerResumption(server, source, settings)
  try {
    resumption.open()
    await resumption.start()
  } catch (error) {
    await resumption.close()
    throw error
  }
  return resumption
}

/** One server's resumption: puts the parts together, and takes them apart. */
class ServerResumption implements ClusterResumption {
  readonly mode: 'stateful' | 'tickets'
  readonly #server: Server
  readonly #settings: Settings
  readonly #stats = new StatsCounter()
  readonly #context: ServerContext
  readonly #stateful: StatefulResumption
  readonly #front: Front
  readonly #ring: TicketKeyRing
  readonly #origins = new WeakMap<Duplex, SessionOrigin>()
  #ticketKey: Buffer | undefined
  #closing: Promise<void> | undefined

  constructor(server: Server, source: SessionSource, settings: Settings) {
    const stats = this.#stats
    const { mode, proxyFrom, helloDeadlineMs } = settings
    this.mode = mode
    this.#server = server
    this.#settings = settings
    this.#context = new ServerContext(server, (from) => this.#contextSettings(from))
    this.#stateful = new StatefulResumption(server, source, settings, stats)
    const onHello = mode === 'stateful' ? this.#stateful.arrive.bind(this.#stateful) : undefined
    this.#front = new Front({ server, stats, onHello, proxyFrom, helloDeadlineMs })
    this.#ring = new TicketKeyRing({ source, settings, stats, onKey: (key) => this.#useTicketKey(key) })
  }

  /** Change the server. */
  open(): void {
    const { mode, proxyFrom } = this.#settings
    if (mode === 'stateful') this.#stateful.open()
    else this.#ticketKey = this.#server.getTicketKeys()
    TAKEN.add(this.#server)
    this.#context.apply()
    if (mode === 'stateful' || proxyFrom !== undefined) this.#front.open()
    this.#server.prependListener('secureConnection', this.#onSecure)
    this.#server.on('tlsClientError', this.#onFailed)
  }

  /** See whether the source works. */
  async start(): Promise<void> {
    await this.#stateful.probe(START_DEADLINE_MS)
    if (this.mode === 'tickets') await within(START_DEADLINE_MS, () => this.#ring.start())
  }

  stats(): ResumptionStats {
    return this.#stats.snapshot()
  }

  origin(socket: Duplex): SessionOrigin | undefined {
    const raw = rawSocketOf(socket)
    return raw === undefined ? undefined : this.#origins.get(raw)
  }

  async rotate(): Promise<void> {
    if (this.mode === 'stateful') throw new UsageError("rotate: there are no ticket keys; use mode: 'tickets'")
    await this.#ring.rotate()
  }

  ticketKeys(): readonly TicketKey[] {
    return this.#ring.keys
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#server.off('secureConnection', this.#onSecure)
    this.#server.off('tlsClientError', this.#onFailed)
    this.#front.close()
    this.#stateful.close()
    this.#context.restore()
    TAKEN.delete(this.#server)
    await within(CLOSE_DEADLINE_MS, () => Promise.all([this.#ring.close(), this.#stateful.settled()]))
  }

  #contextSettings(from: object): ContextSettings {
    const { context, clientCa, lifetimeMs, mode } = this.#settings
    const clients = digestOfClients(clientAuthentication(this.#server, from), clientCa)
    const sessionIdContext = digestOfContext(context + clients.toString('hex')).toString('hex', 0, 16)
    return {
      secureOptions: mode === 'stateful' ? constants.SSL_OP_NO_TICKET : 0,
      sessionIdContext,
      sessionTimeout: Math.ceil(lifetimeMs / 1_000),
      ticketKeys: this.#ticketKey,
    }
  }

  #useTicketKey(key: Buffer): void {
    this.#ticketKey = key
    this.#context.setTicketKeys(key)
  }

  readonly #onSecure = (socket: TLSSocket): void => {
    const reused = socket.isSessionReused()
    if (reused) this.#checkClient(socket)
    this.#stats.handshakes[reused ? 'resumed' : 'full'] += 1
    const raw = rawSocketOf(socket)
    if (raw !== undefined) this.#origins.set(raw, this.#originOf(raw, reused))
  }

  #originOf(raw: Duplex, reused: boolean): SessionOrigin {
    if (this.mode === 'stateful') return this.#stateful.origin(raw, reused)
    return { reused, kind: reused ? 'ticket' : 'new', peers: [], lookupMs: undefined }
  }

  /**
   * Node 22 takes a client for authorized that resumes a TLS 1.3 session made without a certificate. Later versions
   * look, and so do we, for the ticket mode; in the stateful mode such sessions are not kept.
   */
  #checkClient(socket: TLSSocket): void {
    const { requestCert, rejectUnauthorized } = clientAuthentication(this.#server)
    if (!requestCert || !socket.authorized || socket.getPeerX509Certificate() !== undefined) return
    if (socket.getProtocol() !== 'TLSv1.3') return
    // The code, as Node itself has it, whatever the types say.
    Object.assign(socket, { authorized: false, authorizationError: 'UNABLE_TO_GET_ISSUER_CERT' })
    if (rejectUnauthorized) socket.destroy()
  }

  readonly #onFailed = (): void => {
    this.#stats.handshakes.failed += 1
  }
}
