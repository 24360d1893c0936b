/**
 * Stateful resumption: the cluster holds the sessions, the client holds an id.
 *
 * Three moments of a connection meet here. Its ClientHello was read: the session it asks for is looked up. OpenSSL asks
 * for a session (`resumeSession`): it is given what was found. OpenSSL made a session (`newSession`): it goes to the
 * cluster. The invariant: every callback of Node is called exactly once and in time, whatever the cluster does.
 *
 * Which id is asked for depends on the version that will be spoken. Up to TLS 1.2 it is the session id of the
 * ClientHello, and Node asks for it. In TLS 1.3 it is the identity of a pre-shared key, and Node asks for the wrong
 * one; OpenSSL goes through the identities in order, those of another length than 32 bytes excepted, and takes one
 * session from Node for the first. So only the first of 32 bytes counts: what we gave for another one would be taken
 * for the first's, and the handshake would fail.
 */

import type { Duplex } from 'node:stream'
import type { Server } from 'node:tls'
import { CopiesError, type ResumeOrigin, type SessionSource, UsageError } from '@reprise/core'
import { type ClientHello, negotiatedVersion, TlsVersion } from './client-hello.ts'
import { LOOKUPS_MAX, PSK_IDENTITIES_MAX, SESSION_BYTES_MAX, STORE_DEADLINE_MS, STORES_MAX } from './constants.ts'
import { LATE, within } from './deadline.ts'
import type { Arrival } from './front.ts'
import type { Settings } from './options.ts'
import {
  type ClientAuthentication,
  captureHandle,
  clientAuthentication,
  handleOfEvent,
  holdEnd,
  rawSocketOfHandle,
  type TlsHandle,
  versionBounds,
} from './server-internals.ts'
import type { StatsCounter } from './stats.ts'
import {
  bindingOf,
  clusterId,
  decodeStored,
  digestOfClients,
  digestOfContext,
  encodeStored,
  factsOfSession,
  PORTION,
  sameBinding,
} from './stored-session.ts'

/** Where the session of a connection came from. */
export interface SessionOrigin {
  /** The handshake was short: the client had been here, or at another server, before. */
  readonly reused: boolean
  /**
   * `'local'`: this node had the session. `'peers'`: it came from other nodes. `'ticket'`: the client brought it.
   * `'new'`: the handshake was a full one.
   */
  readonly kind: 'local' | 'peers' | 'ticket' | 'new'
  /** The members that answered, by id. */
  readonly peers: readonly string[]
  /** How long the lookup took, in milliseconds; undefined when there was none. */
  readonly lookupMs: number | undefined
}

/** A session that the cluster had, fit for the connection. */
interface Found {
  readonly der: Buffer
  readonly bornMs: number
  readonly origin: ResumeOrigin
}

/** A search under way or done. */
interface Lookup {
  readonly id: Uint8Array
  /** The TLS version that will be spoken. */
  readonly version: number
  /** The handshake may ask twice (HelloRetryRequest), and will surely mean this session. */
  readonly repeatable: boolean
  /** Resolves with undefined when there is nothing to resume; never rejects. */
  readonly found: Promise<Found | undefined>
}

/** What is known of one connection. */
interface Connection {
  readonly serverName: string | undefined
  /** What its sessions are bound to, and the clients' part of that, which may change. */
  binding: { readonly clients: Buffer; readonly digest: Buffer } | undefined
  lookup: Lookup | undefined
  /** The session that was given before anybody asked. */
  preloaded: Found | undefined
  /** Set when a session was found. */
  bornMs: number | undefined
  origin: ResumeOrigin | undefined
  lookupMs: number | undefined
  /** What is called when every session of the connection is confirmed, and how many are not. */
  readonly held: (() => void)[]
  confirming: number
}

/** Node's callback of `resumeSession`. */
type Answer = (error: Error | null, session: Buffer | null) => void
/** Node's callback of `newSession`. */
type Done = () => void

const ID_BYTES = 32

/** The stateful half of `resumeAcrossCluster`, for one server. */
export class StatefulResumption {
  readonly #server: Server
  readonly #source: SessionSource
  readonly #settings: Settings
  readonly #stats: StatsCounter
  readonly #context: Buffer
  readonly #connections = new WeakMap<Duplex, Connection>()
  /** Work that was begun and has not ended. */
  readonly #pending = new Set<Promise<unknown>>()
  #lookups = 0
  #stores = 0
  #clients: { readonly seen: readonly unknown[]; readonly digest: Buffer } | undefined

  constructor(server: Server, source: SessionSource, settings: Settings, stats: StatsCounter) {
    this.#server = server
    this.#source = source
    this.#settings = settings
    this.#stats = stats
    this.#context = digestOfContext(settings.context)
  }

  /** @throws UsageError when the server has a session store of its own. */
  open(): void {
    for (const event of ['newSession', 'resumeSession']) {
      if (this.#server.listenerCount(event) > 0) {
        throw new UsageError(
          `the server has a '${event}' listener: two session stores would answer for one another; remove it`,
        )
      }
    }
    this.#server.on('newSession', this.#onNewSession)
    this.#server.on('resumeSession', this.#onResumeSession)
  }

  close(): void {
    this.#server.off('newSession', this.#onNewSession)
    this.#server.off('resumeSession', this.#onResumeSession)
  }

  /** Resolves when nothing that was begun is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#pending])
  }

  /** Find out whether the source can seal. @throws UsageError when it cannot. */
  async probe(deadlineMs: number): Promise<void> {
    const id = clusterId(this.#context, Buffer.from('probe'))
    const probed = within(deadlineMs, async () => {
      const session = await this.#source.create(id, { assumeNew: true, deadlineMs })
      // Never committed: nobody but this process hears of it.
      session.set(PORTION, new Uint8Array(1), { seal: this.#settings.seal })
    })
    await probed.catch((error: unknown) => {
      if (error instanceof UsageError) throw error
    })
  }

  /** A ClientHello was read; the search for its session begins. */
  arrive(socket: Duplex, hello: ClientHello): Arrival {
    const connection: Connection = {
      serverName: hello.serverName,
      binding: undefined,
      lookup: undefined,
      preloaded: undefined,
      bornMs: undefined,
      origin: undefined,
      lookupMs: undefined,
      held: [],
      confirming: 0,
    }
    this.#connections.set(socket, connection)
    connection.lookup = this.#lookUp(connection, hello)
    const { lookup } = connection
    // Node asks only for a session id that its own parser finds: that one reads a single record.
    const nodeWillAsk = hello.legacySessionId.length > 0 && !hello.fragmented && !hello.hasTicket
    if (lookup === undefined || nodeWillAsk) return { ready: undefined, handOver: (deliver) => deliver() }

    let found: Found | undefined
    return {
      ready: lookup.found.then((result) => {
        found = result
      }),
      handOver: (deliver) => {
        if (found === undefined) deliver()
        else this.#preload(socket, connection, lookup, found, deliver)
      },
    }
  }

  /** Where the session of a connection came from, by the socket that the server was given. */
  origin(raw: Duplex, reused: boolean): SessionOrigin {
    const connection = this.#connections.get(raw)
    const { lookupMs, origin } = connection ?? {}
    if (!reused || origin === undefined) return { reused, kind: 'new', peers: [], lookupMs }
    return { reused, kind: origin.kind, peers: origin.peers, lookupMs }
  }

  #lookUp(connection: Connection, hello: ClientHello): Lookup | undefined {
    const version = negotiatedVersion(hello, versionBounds(this.#server))
    if (version === undefined) return undefined
    const identities = hello.pskIdentities.filter((identity) => identity.length === ID_BYTES)
    const id = version === TlsVersion.tls13 ? identities[0] : hello.hasTicket ? undefined : hello.legacySessionId
    if (id === undefined || id.length !== ID_BYTES) return undefined
    if (this.#lookups >= LOOKUPS_MAX) {
      this.#stats.lookups.refused += 1
      return undefined
    }
    const found = this.#track(this.#find(connection, id, version))
    const onlyOne = identities.length === 1 && hello.pskIdentities.length < PSK_IDENTITIES_MAX
    return { id, version, repeatable: version === TlsVersion.tls13 && onlyOne, found }
  }

  async #find(connection: Connection, id: Uint8Array, version: number): Promise<Found | undefined> {
    const { lookups } = this.#stats
    const startedMs = performance.now()
    this.#lookups += 1
    try {
      const deadlineMs = this.#settings.lookupDeadlineMs
      const resumed = await within(deadlineMs, () =>
        this.#source.resume(clusterId(this.#context, id), { portions: [PORTION], consistency: 'any', deadlineMs }),
      )
      if (resumed === LATE || resumed.outcome === 'unknown') {
        lookups.timeout += 1
        return undefined
      }
      if (resumed.outcome !== 'complete') {
        lookups.miss += 1
        return undefined
      }
      const stored = decodeStored(resumed.get(PORTION))
      if (stored === undefined) {
        lookups.failed += 1
        return undefined
      }
      const ageMs = Date.now() - stored.bornMs
      const binding = this.#binding(connection)
      const bound = binding !== undefined && sameBinding(stored.binding, binding)
      if (!bound || stored.version !== version || ageMs > this.#settings.renewalMs) {
        lookups.mismatch += 1
        return undefined
      }
      lookups.hit += 1
      connection.bornMs = stored.bornMs
      connection.origin = resumed.origin
      return { der: stored.der as Buffer, bornMs: stored.bornMs, origin: resumed.origin }
    } catch {
      // A stopped node, a value that does not open: the client gets a full handshake all the same.
      lookups.failed += 1
      return undefined
    } finally {
      this.#lookups -= 1
      connection.lookupMs = performance.now() - startedMs
      this.#stats.lookupTook(connection.lookupMs)
    }
  }

  readonly #onResumeSession = (id: Buffer, answer: Answer): void => {
    const handle = handleOfEvent()
    const connection = this.#connectionOf(handle)
    const lookup = connection?.lookup
    const meant = lookup !== undefined && (lookup.version === TlsVersion.tls13 || sameBytes(lookup.id, id))
    if (handle === undefined || connection === undefined || !meant) return answer(null, null)
    const give = (found: Found | undefined): void => {
      answer(null, found?.der ?? null)
      if (found !== undefined) giveAgain(handle, lookup, found)
    }
    connection.lookup = undefined
    if (connection.preloaded !== undefined) give(connection.preloaded)
    else void lookup.found.then(give)
  }

  readonly #onNewSession = (id: Buffer, der: Buffer, done: Done): void => {
    const handle = handleOfEvent()
    const connection = this.#connectionOf(handle)
    const facts = factsOfSession(der)
    const binding = connection === undefined ? undefined : this.#binding(connection)
    const over = this.#stores >= STORES_MAX || der.length > SESSION_BYTES_MAX
    if (handle === undefined || connection === undefined || facts === undefined || binding === undefined || over) {
      this.#stats.sessions.skipped += 1
      return done()
    }
    // A client that did not prove itself gains nothing by coming again: not every Node looks at resumed ones closely.
    if (clientAuthentication(this.#server).requestCert && !facts.clientProven) {
      this.#stats.sessions.skipped += 1
      return done()
    }
    const { version } = facts
    const stored = encodeStored({ version, bornMs: connection.bornMs ?? Date.now(), binding, der })
    const storing = this.#track(this.#store(clusterId(this.#context, id), stored))
    if (this.#settings.confirm === 'queued') return done()

    // TLS 1.3 makes two sessions at once, and Node goes on at the first callback: so all wait for all.
    if (connection.confirming === 0) {
      const release = holdEnd(handle)
      if (release === undefined && version === TlsVersion.tls13) return done()
      if (release !== undefined) connection.held.push(release)
    }
    connection.held.unshift(done)
    connection.confirming += 1
    void within(this.#settings.confirmDeadlineMs, () => storing).then((outcome) => {
      if (outcome !== 'confirmed') this.#stats.sessions.unconfirmed += 1
      connection.confirming -= 1
      if (connection.confirming === 0) for (const release of connection.held.splice(0)) release()
    })
  }

  /** Hand a session to the cluster. Never rejects. */
  async #store(id: Uint8Array, stored: Buffer): Promise<'confirmed' | 'queued' | 'failed'> {
    const { sessions } = this.#stats
    const { lifetimeMs, seal, confirm, confirmDeadlineMs } = this.#settings
    this.#stores += 1
    try {
      const lifetime = { idleMs: lifetimeMs, absoluteMs: lifetimeMs }
      const store = async (): Promise<void> => {
        const session = await this.#source.create(id, { assumeNew: true, ...lifetime })
        session.set(PORTION, stored, { seal })
        if (confirm === 'queued') await session.commit()
        else await session.commit({ copies: 1, deadlineMs: confirmDeadlineMs })
      }
      const outcome = await within(STORE_DEADLINE_MS, store, { ref: false })
      if (outcome === LATE) sessions.failed += 1
      else sessions.stored += 1
      return outcome === LATE ? 'failed' : 'confirmed'
    } catch (error) {
      // Not confirmed is not lost: the write is queued, or with a holder that did not answer in time.
      if (error instanceof CopiesError) sessions.stored += 1
      else sessions.failed += 1
      return error instanceof CopiesError ? 'queued' : 'failed'
    } finally {
      this.#stores -= 1
    }
  }

  /** Give the session before OpenSSL asks, for clients whose session id Node's own parser does not find. */
  #preload(socket: Duplex, connection: Connection, lookup: Lookup, found: Found, deliver: () => void): void {
    connection.preloaded = found
    const handle = captureHandle(deliver)
    if (handle === undefined || socket.destroyed) return
    handle.loadSession?.(found.der)
    // Node reads what was put back in the next tick, which is before this one. (From Node 26 on it answers after that.)
    const again = (): void => giveAgain(handle, lookup, found)
    process.nextTick(again)
    setImmediate(again)
  }

  /** What a session of this connection is bound to; undefined when that cannot be known, and so nothing is resumed. */
  #binding(connection: Connection): Buffer | undefined {
    const clients = clientAuthentication(this.#server)
    if (clients.requestCert && clients.opaque && this.#settings.clientCa === undefined) return undefined
    const digest = this.#clientsDigest(clients)
    if (connection.binding?.clients !== digest) {
      connection.binding = { clients: digest, digest: bindingOf(this.#context, digest, connection.serverName) }
    }
    return connection.binding.digest
  }

  #clientsDigest(clients: ClientAuthentication): Buffer {
    const { requestCert, rejectUnauthorized, ca, crl } = clients
    const seen = [requestCert, rejectUnauthorized, ca, crl]
    if (this.#clients === undefined || this.#clients.seen.some((value, index) => value !== seen[index])) {
      this.#clients = { seen, digest: digestOfClients(clients, this.#settings.clientCa) }
    }
    return this.#clients.digest
  }

  #connectionOf(handle: TlsHandle | undefined): Connection | undefined {
    const socket = handle === undefined ? undefined : rawSocketOfHandle(handle)
    return socket === undefined ? undefined : this.#connections.get(socket)
  }

  #track<Value>(work: Promise<Value>): Promise<Value> {
    this.#pending.add(work)
    void work.finally(() => this.#pending.delete(work))
    return work
  }
}

/**
 * The server sent a HelloRetryRequest: OpenSSL will ask a second time, for the second ClientHello. That repeats the
 * identities of the first, so the same session is meant; if there was one only, it cannot be another's.
 */
function giveAgain(handle: TlsHandle, lookup: Lookup, found: Found): void {
  const socket = rawSocketOfHandle(handle)
  if (!lookup.repeatable || socket === undefined || socket.destroyed) return
  // With the Finished message sent there was no retry. (A server that chooses its certificate asynchronously has not
  // sent it either: then the session is kept for nothing, as long as the connection.)
  if (handle.getFinished?.() === undefined) handle.loadSession?.(found.der)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
