/**
 * TLS clients that come again and again, and offer the session that they were given last. Who finds a member gone, or silent, goes on to the
 * next one at once with the same session, as behind a load balancer. Every handshake is written down.
 */
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Random } from '@reprise/testkit'
import type { ClusterUnderTest } from '../backends/backend.ts'
import { CLIENTS_AT_ONCE, FINAL_READ_MEMBERS, PATIENCE_MS, TLS_LIFETIME_MS, TLS_RENEWAL_MS } from '../constants.ts'
import type { HandshakeDetail, OperationKind } from '../run-record.ts'
import type { TlsWorkload } from '../scenario.ts'
import { Arrivals } from '../workload/arrivals.ts'
import type { Balancer } from '../workload/balancer.ts'
import type { History } from '../workload/history.ts'
import type { Time } from '../workload/time.ts'
import { drawMembers, severalAtOnce, type Traffic } from '../workload/traffic.ts'
import { untilServed } from '../workload/until-served.ts'
import { type HeldSession, heldSession } from './held-session.ts'
import { clientName, type Identities, type Identity, SERVER_NAME } from './identities.ts'
import type { Greeting } from './tls-desk.ts'
import { type Visit, visit } from './visit.ts'

export interface TlsTrafficInit {
  readonly plan: TlsWorkload
  readonly cluster: Pick<ClusterUnderTest, 'expected' | 'tlsAddress'>
  readonly identities: Identities
  readonly balancer: Balancer
  readonly history: History
  /** Of who comes and when; and of where everything is offered again in the end. */
  readonly random: { readonly arrivals: Random; readonly reads: Random }
  readonly time: Time
}

interface TlsClient {
  readonly number: number
  /** Of the certificate. */
  readonly name: string
  readonly version: HandshakeDetail['version']
  readonly context: SecureContext
  session: NumberedSession | undefined
}

/** A number for each full handshake: what renews its session has the same. */
interface NumberedSession extends HeldSession {
  readonly number: number
}

/** One thing that a client wants. */
interface Wish {
  readonly client: TlsClient
  readonly request: number
  readonly kind: OperationKind
  readonly offered: NumberedSession | undefined
}

export class TlsTraffic implements Traffic {
  readonly #init: TlsTrafficInit
  readonly #clients: readonly TlsClient[]
  readonly #arrivals: Arrivals
  #nextRequest = 1
  #nextSession = 0

  constructor(init: TlsTrafficInit) {
    this.#init = init
    const { plan, identities, random, time } = init
    const { clients, rate } = plan
    this.#clients = identities.clients
      .slice(0, clients)
      .map((identity, number) => clientOf(number, identity, identities.ca))
    const serve = (client: number): Promise<void> => this.#come(this.#client(client))
    this.#arrivals = new Arrivals({ clients, rate, random: random.arrivals, time, serve })
  }

  /** A session for every client. */
  async fill(): Promise<void> {
    await severalAtOnce(this.#clients, CLIENTS_AT_ONCE, (client) => this.#come(client))
  }

  async run(): Promise<void> {
    await this.#arrivals.run()
  }

  async stop(): Promise<void> {
    await this.#arrivals.stop()
  }

  /** Every client's session, as it was when the clients went. */
  async readBack(): Promise<void> {
    const { cluster, random } = this.#init
    const offers = this.#clients.flatMap((client) => {
      const { session } = client
      if (session === undefined || !this.#isLive(session)) return []
      return drawMembers(cluster.expected, FINAL_READ_MEMBERS, random.reads).map((node) => ({ client, session, node }))
    })
    await severalAtOnce(offers, CLIENTS_AT_ONCE, async ({ client, session, node }) => {
      await this.#attempt({ client, request: this.#nextRequest++, kind: 'final-read', offered: session }, node)
    })
  }

  async #come(client: TlsClient): Promise<void> {
    const { plan, random } = this.#init
    const isStranger = random.arrivals.chance(plan.strangerRate)
    const isOffered = !isStranger && client.session !== undefined && this.#isLive(client.session)
    const offered = isOffered ? client.session : undefined
    const kind = offered === undefined ? 'tls-new' : 'tls-resume'
    const wish: Wish = { client, request: this.#nextRequest++, kind, offered }
    const given = await untilServed(this.#init, (node) => this.#attempt(wish, node))
    if (given !== undefined) client.session = given === 'nothing-new' ? offered : given
  }

  /** One handshake. @returns the session that the client was given; undefined when it failed. */
  async #attempt(wish: Wish, node: number): Promise<NumberedSession | 'nothing-new' | undefined> {
    const { history, time } = this.#init
    const { client, request, kind, offered } = wish
    const session = offered?.number ?? this.#nextSession++
    const { version } = client
    const tls = { version, ...(offered !== undefined && { offered: offerOf(offered) }) }
    const startMs = time.nowMs()
    const add = (outcome: 'ok' | 'failed', detail: object): void => {
      const endMs = time.nowMs()
      history.add({ client: client.number, request, kind, session, node, startMs, endMs, outcome, detail })
    }
    try {
      const { answer, isResumed, session: bytes } = await this.#visit(client, node, offered)
      // Members and clients are of the same build: what it says is not validated.
      const { from, client: takenFor } = JSON.parse(answer) as Greeting
      const place = from === 'local' || from === 'peers' ? { from } : {}
      add('ok', { tls: { ...tls, result: isResumed ? 'resumed' : 'full', takenFor, ...(isResumed && place) } })
      if (bytes === undefined) return 'nothing-new'
      const renewed = isResumed ? offered : undefined
      const number = renewed?.number ?? (offered === undefined ? session : this.#nextSession++)
      const making = { bytes, beganMs: startMs, endedMs: time.nowMs(), member: node, renewed }
      return { number, ...heldSession(making, this.#lifetimes()) }
    } catch (error) {
      add('failed', { tls, error: describeError(error) })
      return undefined
    }
  }

  /** @throws when nobody listens there, or what breaks the connection. */
  async #visit(client: TlsClient, node: number, offered: NumberedSession | undefined): Promise<Visit> {
    const { cluster, plan } = this.#init
    const { patienceMs = PATIENCE_MS } = plan
    const address = cluster.tlsAddress(node)
    if (address === undefined) throw new NoAnswer('DOWN', 'nobody listens there')
    const { context: secureContext } = client
    const session = offered === undefined ? {} : { session: offered.bytes }
    const done = await visit(
      { ...address, servername: SERVER_NAME, secureContext, ...session },
      AbortSignal.timeout(patienceMs),
    )
    if (done.answer === '') throw new NoAnswer('GONE', 'the connection ended before the server spoke')
    return done
  }

  #lifetimes(): { readonly lifetimeMs: number; readonly renewalMs: number } {
    return { lifetimeMs: this.#init.plan.lifetimeMs ?? TLS_LIFETIME_MS, renewalMs: TLS_RENEWAL_MS }
  }

  #isLive({ livesUntilMs }: HeldSession): boolean {
    return this.#init.time.nowMs() < livesUntilMs
  }

  #client(number: number): TlsClient {
    const client = this.#clients[number]
    if (client === undefined) throw new Error(`there is no client ${number}`)
    return client
  }
}

function clientOf(number: number, { key, cert }: Identity, ca: string): TlsClient {
  const name = clientName(number)
  const version = number % 2 === 0 ? 'TLSv1.2' : 'TLSv1.3'
  const context = createSecureContext({ key, cert, ca, minVersion: version, maxVersion: version })
  return { number, name, version, context, session: undefined }
}

function offerOf({ madeMs, livesUntilMs, madeBy }: HeldSession): NonNullable<HandshakeDetail['offered']> {
  return { madeMs, livesUntilMs, madeBy }
}

/** Why there was no answer though nothing broke. */
class NoAnswer extends Error {
  readonly code: 'DOWN' | 'GONE'

  constructor(code: 'DOWN' | 'GONE', message: string) {
    super(message)
    this.code = code
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `ERROR: ${String(error)}`
  if (error.name === 'AbortError') return 'SILENT: no answer'
  return `${'code' in error ? String(error.code) : 'ERROR'}: ${error.message.replaceAll(/\d+(?:\.\d+){3}:\d+/g, 'there')}`
}
