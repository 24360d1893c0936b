/** Which session a client comes to, and what for: users of an application, with their carts. */
import type { Random } from '@reprise/testkit'
import type { ClusterUnderTest } from '../backends/backend.ts'
import {
  CART_ITEMS_MAX,
  CLIENTS_AT_ONCE,
  END_MARGIN_MS,
  LIFETIME_MS,
  LOOK_AFTER_MS_MAX,
  LOOK_AFTER_MS_MIN,
  ZIPF_DEFAULT,
} from '../constants.ts'
import type { Activity, SessionWorkload } from '../scenario.ts'
import { Arrivals } from './arrivals.ts'
import type { Balancer } from './balancer.ts'
import type { Clients, RequestEnd } from './client.ts'
import { readEverything } from './final-reads.ts'
import { type ClientSession, SessionPool } from './sessions.ts'
import type { Time } from './time.ts'
import { severalAtOnce, type Traffic } from './traffic.ts'

export interface WorkloadInit {
  readonly plan: SessionWorkload
  readonly cluster: Pick<ClusterUnderTest, 'expected'>
  readonly clients: Clients
  readonly balancer: Balancer
  /** Of who comes, when and what for; and of where everything is read back. */
  readonly random: { readonly arrivals: Random; readonly reads: Random }
  readonly time: Time
}

export class Workload implements Traffic {
  readonly #init: WorkloadInit
  readonly #pool: SessionPool
  readonly #weights: Readonly<Record<Activity, number>>
  readonly #arrivals: Arrivals
  #nextRequest = 1

  constructor(init: WorkloadInit) {
    this.#init = init
    const { plan, time } = init
    const { arrivals: random } = init.random
    const { clients, rate, keys, zipf = ZIPF_DEFAULT, idleMs = LIFETIME_MS } = plan
    const drawIdleMs = (): number => (random.chance(SHORT_SHARE) ? idleMs : LIFETIME_MS)
    this.#pool = new SessionPool({ keys, zipf, drawIdleMs, random })
    this.#weights = { cart: 0, read: 0, touch: 0, drop: 0, ...plan.mix }
    this.#arrivals = new Arrivals({ clients, rate, random, time, serve: (client) => this.#serveSome(client) })
  }

  /** Make all sessions that are in use at a time, before anything is measured. */
  async fill(): Promise<void> {
    const slots = Array.from({ length: this.#init.plan.keys }, (_, slot) => slot)
    await severalAtOnce(slots, CLIENTS_AT_ONCE, (slot, client) => this.#create(client, slot))
  }

  async run(): Promise<void> {
    await this.#arrivals.run()
  }

  async stop(): Promise<void> {
    await this.#arrivals.stop()
  }

  /** Every session that there ever was. */
  async readBack(): Promise<void> {
    const { cluster, clients, random } = this.#init
    const nextRequest = (): number => this.#nextRequest++
    await readEverything(this.#pool.all, { cluster, clients, random: random.reads, nextRequest })
  }

  async #serveSome(client: number): Promise<void> {
    const slot = this.#pool.drawSlot()
    if (slot !== undefined) await this.#serve(client, slot)
  }

  async #serve(client: number, slot: number): Promise<void> {
    const session = this.#pool.at(slot)
    if (session === undefined) return await this.#create(client, slot)
    // Whether it is still there when the request comes nobody can say.
    if (session.endsMs - END_MARGIN_MS < this.#init.time.nowMs()) return this.#expire(slot, session)
    const drawn = this.#init.random.arrivals.weighted(this.#weights)
    const activity = drawn === 'cart' && session.itemsCount >= CART_ITEMS_MAX ? 'drop' : drawn
    session.isBusy = true
    const end = await this.#init.clients.serve({ client, number: this.#nextRequest++, session }, activity)
    session.isBusy = false
    this.#onEnd(slot, session, activity, end)
  }

  async #create(client: number, slot: number): Promise<void> {
    this.#pool.reserve(slot)
    const request = { client, number: this.#nextRequest++ }
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
    const lookMs = inMs + random.arrivals.between(LOOK_AFTER_MS_MIN, LOOK_AFTER_MS_MAX)
    const look = (): void => {
      const node = balancer.choose(new Set())
      if (!this.#arrivals.isRunning || node === undefined) return
      const stranger = { ...session, token: undefined, proven: [] }
      const request = { client: LOOKER, number: this.#nextRequest++, session: stranger }
      this.#arrivals.follow(clients.look(request, node).then(() => {}))
    }
    // The run may be over before.
    void time.sleep(lookMs).then(look, () => {})
  }
}

/** Of the sessions, when some are to end during the run. */
const SHORT_SHARE = 0.3
/** A client with no session of its own, who looks for what others have ended. */
const LOOKER = -1
