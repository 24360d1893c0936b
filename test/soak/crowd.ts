/**
 * TLS clients that come again and again, to another member each time, and offer the session that they got last. Who finds a member
 * gone goes to the next one at once, with the same session, as behind a load balancer.
 */
import type { SecureVersion } from 'node:tls'
import type { Random } from '@reprise/testkit'
import { type HeldSession, heldSession, ripenessOf, SETTLED_MS } from '../../packages/chaos/src/tls/held-session.ts'
import { visit } from '../bench/tls-client.ts'
import { PACE_MS, STRANGER_RATE, TLS_LIFETIME_MS, TLS_RENEWAL_MS, VISIT_DEADLINE_MS, VISITS_MAX } from './constants.ts'

export interface CrowdOptions {
  readonly clients: number
  readonly perSecond: number
  readonly random: Random
  /** The ports of the servers that run. */
  readonly ports: () => ReadonlyMap<number, number>
}

/** Handshakes so far. */
export interface CrowdTally {
  handshakes: number
  /** That offered a live session made more than 50 ms before, and of those the resumed ones, and where the session was. */
  offered: number
  resumed: number
  local: number
  fromPeers: number
  /** That offered one which was younger, and one which may have ended meanwhile. */
  young: number
  old: number
  /** Connections that broke, and whose client went elsewhere. */
  broken: number
  /** Clients whom nobody served. */
  turnedAway: number
  /** Visits that came later than they should have, since too many were under way. */
  late: number
}

/** A handshake that should have been short, and was not. */
export interface Missed {
  readonly at: Date
  readonly version: SecureVersion
  /** Of the session. */
  readonly ageMs: number
  readonly madeAt: number
  readonly offeredTo: number
}

interface Client {
  readonly version: SecureVersion
  session: HeldSession | undefined
}

/** A handshake that was done. */
interface Done {
  readonly kind: string
  readonly session: Buffer | undefined
  readonly member: number
}

export class Crowd {
  readonly tally: CrowdTally = {
    handshakes: 0,
    offered: 0,
    resumed: 0,
    local: 0,
    fromPeers: 0,
    young: 0,
    old: 0,
    broken: 0,
    turnedAway: 0,
    late: 0,
  }
  readonly missed: Missed[] = []
  readonly #options: CrowdOptions
  readonly #clients: readonly Client[]
  readonly #underWay = new Set<Promise<void>>()
  #nextClient = 0
  #nextMember = 0
  /** Visits that should have begun, and when that was reckoned. */
  #due = 0
  #reckonedMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: CrowdOptions) {
    this.#options = options
    this.#clients = Array.from({ length: options.clients }, (_, index) => ({
      version: index % 2 === 0 ? 'TLSv1.2' : 'TLSv1.3',
      session: undefined,
    }))
  }

  /** Come, or come again after a `pause`. */
  go(): void {
    this.#reckonedMs = performance.now()
    this.#timer = setInterval(() => this.#letIn(), PACE_MS)
  }

  /** Nobody comes any more. Resolves when everybody has left; what was due then is not made up for. */
  async pause(): Promise<void> {
    clearInterval(this.#timer)
    this.#due = 0
    await Promise.all(this.#underWay)
  }

  #letIn(): void {
    const nowMs = performance.now()
    this.#due += ((nowMs - this.#reckonedMs) * this.#options.perSecond) / 1_000
    this.#reckonedMs = nowMs
    while (this.#due >= 1 && this.#underWay.size < VISITS_MAX) {
      this.#due -= 1
      const client = this.#clients[this.#nextClient++ % this.#clients.length]!
      const coming = this.#come(client).finally(() => this.#underWay.delete(coming))
      this.#underWay.add(coming)
    }
    // A queue without end would only make everything later.
    if (this.#due > VISITS_MAX) {
      this.tally.late += Math.floor(this.#due - VISITS_MAX)
      this.#due = VISITS_MAX
    }
  }

  async #come(client: Client): Promise<void> {
    const { tally } = this
    const isStranger = this.#options.random.chance(STRANGER_RATE)
    const session = isStranger || !isLive(client.session) ? undefined : client.session
    const offeredMs = performance.now()
    const done = await this.#visit(client.version, session?.bytes)
    if (done === undefined) {
      tally.turnedAway += 1
      return
    }
    tally.handshakes += 1
    const isResumed = done.kind !== 'new'
    if (session !== undefined) this.#judge(client.version, session, { done, offeredMs, isResumed })
    if (done.session === undefined) return
    const renewed = isResumed ? session : undefined
    const endedMs = performance.now()
    const made = { bytes: done.session, beganMs: offeredMs, endedMs, member: done.member, renewed }
    client.session = heldSession(made, { lifetimeMs: TLS_LIFETIME_MS, renewalMs: TLS_RENEWAL_MS })
  }

  #judge(
    version: SecureVersion,
    session: HeldSession,
    { done, offeredMs, isResumed }: { done: Done; offeredMs: number; isResumed: boolean },
  ): void {
    const { tally } = this
    // On a machine that stood still the handshake was over when the session was.
    const ripeness = ripenessOf(session, { offeredMs, endedMs: performance.now(), settledMs: SETTLED_MS })
    if (ripeness !== 'due') {
      tally[ripeness] += 1
      return
    }
    tally.offered += 1
    if (isResumed) {
      tally.resumed += 1
      tally[done.kind === 'local' ? 'local' : 'fromPeers'] += 1
    } else {
      const ageMs = offeredMs - session.madeMs
      this.missed.push({ at: new Date(), version, ageMs, madeAt: session.madeBy, offeredTo: done.member })
    }
  }

  /** At the next member whose turn it is and that serves. Undefined when none does. */
  async #visit(version: SecureVersion, session: Buffer | undefined): Promise<Done | undefined> {
    for (let attempt = 0; attempt <= this.#options.ports().size; attempt++) {
      const servers = [...this.#options.ports()]
      const [member, port] = servers[this.#nextMember++ % servers.length]!
      try {
        const signal = AbortSignal.timeout(VISIT_DEADLINE_MS)
        const done = await visit({ port, version, signal }, session)
        if (done.kind !== '') return { kind: done.kind, session: done.session, member }
      } catch {
        // Gone, or going: counted below.
      }
      this.tally.broken += 1
    }
    return undefined
  }
}

function isLive(session: HeldSession | undefined): session is HeldSession {
  return session !== undefined && performance.now() < session.livesUntilMs
}
