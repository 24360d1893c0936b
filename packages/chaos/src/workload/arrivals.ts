/**
 * When clients come: at random at a steady rate whatever the cluster does, as people do. Who is slow is not asked less; when all clients are
 * waiting, who would come then does not.
 */
import type { Random } from '@reprise/testkit'
import type { Time } from './time.ts'

export interface ArrivalsInit {
  readonly clients: number
  /** Per second. */
  readonly rate: number
  readonly random: Random
  readonly time: Time
  /** What a client does; never rejects but when the run is ended. */
  readonly serve: (client: number) => Promise<void>
}

export class Arrivals {
  readonly #init: ArrivalsInit
  /** Clients that have nothing to do, who has rested longest first. */
  readonly #idle: number[]
  readonly #underWay = new Set<Promise<void>>()
  #isRunning = false

  constructor(init: ArrivalsInit) {
    this.#init = init
    this.#idle = Array.from({ length: init.clients }, (_, client) => client)
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Let clients come until `stop`. Resolves when none comes any more; some may still be at it. */
  async run(): Promise<void> {
    const { rate, random, time } = this.#init
    this.#isRunning = true
    let dueMs = time.nowMs()
    while (this.#isRunning) {
      dueMs += (-Math.log(1 - random.fraction()) * 1_000) / rate
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

  /** `stop` waits for this, too. */
  follow(promise: Promise<void>): void {
    const followed = promise.finally(() => this.#underWay.delete(followed))
    // Whoever stops hears of it; a run that is ended before has said why.
    followed.catch(() => {})
    this.#underWay.add(followed)
  }

  #come(): void {
    const client = this.#idle.shift()
    if (client === undefined) return
    this.follow(this.#init.serve(client).finally(() => this.#idle.push(client)))
  }
}
