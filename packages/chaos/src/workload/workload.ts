/**
 * When clients come, to which session, and what for. They come at random at a steady rate whatever the cluster does, as people do: who is
 * slow is not asked less. When all clients are waiting, who would come then does not.
 */
import type { Random } from '@reprise/testkit'
import {
  CART_ITEMS_MAX,
  CLIENTS_AT_ONCE,
  END_MARGIN_MS,
  LIFETIME_MS,
  LOOK_AFTER_MS_MAX,
  LOOK_AFTER_MS_MIN,
  ZIPF_DEFAULT,
} from '../constants.ts'
import type { Activity, Workload as WorkloadPlan } from '../scenario.ts'
import type { Balancer } from './balancer.ts'
import type { Clients, RequestEnd, Time } from './client.ts'
import { type ClientSession, SessionPool } from './sessions.ts'

export interface WorkloadInit {
  readonly plan: WorkloadPlan
  readonly clients: Clients
  readonly balancer: Balancer
  readonly random: Random
  readonly time: Time
}

export class Workload {
  readonly #init: WorkloadInit
  readonly #pool: SessionPool
  readonly #weights: Readonly<Record<Activity, number>>
  /** Clients that have nothing to do. */
  readonly #idle: number[]
  readonly #underWay = new Set<Promise<void>>()
  #nextRequest = 1
  #isRunning = false

  constructor(init: WorkloadInit) {
    this.#init = init
    const { plan, random } = init
    const { keys, zipf = ZIPF_DEFAULT, idleMs = LIFETIME_MS } = plan
    const drawIdleMs = (): number => (random.chance(SHORT_SHARE) ? idleMs : LIFETIME_MS)
    this.#pool = new SessionPool({ keys, zipf, drawIdleMs, random })
    this.#weights = { cart: 0, read: 0, touch: 0, drop: 0, ...plan.mix }
    this.#idle = Array.from({ length: plan.clients }, (_, client) => client)
  }

  /** Every session that there ever was. */
  get sessions(): readonly ClientSession[] {
    return this.#pool.all
  }

  /** Make all sessions that are in use at a time, before anything is measured. */
  async fill(): Promise<void> {
    const slots = Array.from({ length: this.#init.plan.keys }, (_, slot) => slot).values()
    const fillSome = async (client: number): Promise<void> => {
      for (const slot of slots) await this.#create(client, slot)
    }
    await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, (_, client) => fillSome(client)))
  }

  /** Let clients come until `stop`. Resolves when none comes any more; some may still be at it. */
  async run(): Promise<void> {
    const { plan, random, time } = this.#init
    this.#isRunning = true
    let dueMs = time.nowMs()
    while (this.#isRunning) {
      dueMs += (-Math.log(1 - random.fraction()) * 1_000) / plan.rate
      const waitMs = dueMs - time.nowMs()
      if (waitMs > 0) await time.sleep(waitMs)
      if (this.#isRunning) this.#come()
    }
  }

  /** Nobody comes any more. Resolves when those that are there have gone. */
  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.all(this.#underWay)
  }

  /** A number for a request that somebody else makes. */
  nextRequest(): number {
    return this.#nextRequest++
  }

  #come(): void {
    const client = this.#idle.pop()
    if (client === undefined) return
    const slot = this.#pool.drawSlot()
    const served = slot === undefined ? Promise.resolve() : this.#serve(client, slot)
    this.#follow(served.finally(() => this.#idle.push(client)))
  }

  async #serve(client: number, slot: number): Promise<void> {
    const session = this.#pool.at(slot)
    if (session === undefined) return await this.#create(client, slot)
    // Whether it is still there when the request comes nobody can say.
    if (session.endsMs - END_MARGIN_MS < this.#init.time.nowMs()) return this.#expire(slot, session)
    const drawn = this.#init.random.weighted(this.#weights)
    const activity = drawn === 'cart' && session.itemsCount >= CART_ITEMS_MAX ? 'drop' : drawn
    session.isBusy = true
    const end = await this.#init.clients.serve({ client, number: this.nextRequest(), session }, activity)
    session.isBusy = false
    this.#onEnd(slot, session, activity, end)
  }

  async #create(client: number, slot: number): Promise<void> {
    this.#pool.reserve(slot)
    const request = { client, number: this.nextRequest() }
    this.#pool.fill(slot, await this.#init.clients.create(request, () => this.#pool.create()))
  }

  #onEnd(slot: number, session: ClientSession, activity: Activity, end: RequestEnd): void {
    if (end === 'dropped') this.#lookLater(session, 0)
    // After a drop that nobody confirmed the session may be there or not: nobody goes on with it.
    if (end === 'dropped' || end === 'absent' || activity === 'drop') this.#pool.clear(slot)
  }

  #expire(slot: number, session: ClientSession): void {
    this.#pool.clear(slot)
    this.#lookLater(session, Math.max(0, session.endsMs - this.#init.time.nowMs()) + END_MARGIN_MS)
  }

  /** See whether what has ended stays so. */
  #lookLater(session: ClientSession, inMs: number): void {
    const { balancer, clients, random, time } = this.#init
    const lookMs = inMs + random.between(LOOK_AFTER_MS_MIN, LOOK_AFTER_MS_MAX)
    const look = (): void => {
      const node = balancer.choose(new Set())
      if (!this.#isRunning || node === undefined) return
      const stranger = { ...session, token: undefined, proven: [] }
      const request = { client: LOOKER, number: this.nextRequest(), session: stranger }
      this.#follow(clients.look(request, node).then(() => {}))
    }
    // The run may be over before.
    void time.sleep(lookMs).then(look, () => {})
  }

  #follow(promise: Promise<void>): void {
    const followed = promise.finally(() => this.#underWay.delete(followed))
    // Whoever stops hears of it; a run that is ended before has said why.
    followed.catch(() => {})
    this.#underWay.add(followed)
  }
}

/** Of the sessions, when some are to end during the run. */
const SHORT_SHARE = 0.3
/** A client with no session of its own, who looks for what others have ended. */
const LOOKER = -1
