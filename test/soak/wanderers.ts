/**
 * Sessions of an application, with little time: made at one member, confirmed by a holder, put to use at another one a second later, then
 * dropped there or left to end.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { SoakCluster } from './cluster.ts'
import { MEMBERS, WANDERER_IDLE_MS, WANDERER_MARGIN_MS, WANDERER_MOVES_MS, WANDERERS_PER_SECOND } from './constants.ts'

export interface WandererTally {
  /** Confirmed by a copy besides the one where it was made. */
  made: number
  found: number
  /** Confirmed, and not there: lost. */
  lost: number
  /** Of which was not known whether they are there: a deadline, or the member that was asked was killed. */
  unknown: number
  /** That were looked for so late that they may have ended by themselves. */
  late: number
  /** Whose making was not confirmed: the member was killed, or too few others were there. */
  refused: number
}

export class Wanderers {
  readonly tally: WandererTally = { made: 0, found: 0, lost: 0, unknown: 0, late: 0, refused: 0 }
  readonly #cluster: SoakCluster
  readonly #underWay = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #count = 0

  constructor(cluster: SoakCluster) {
    this.#cluster = cluster
  }

  go(): void {
    this.#timer = setInterval(() => {
      const wandering = this.#wander(this.#count++).finally(() => this.#underWay.delete(wandering))
      this.#underWay.add(wandering)
    }, 1_000 / WANDERERS_PER_SECOND)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#underWay)
  }

  async #wander(number: number): Promise<void> {
    const { tally } = this
    const id = `wanderer-${number}`
    const livesUntilMs = performance.now() + WANDERER_IDLE_MS - WANDERER_MARGIN_MS
    try {
      await this.#member(number).call('create', id)
    } catch {
      tally.refused += 1
      return
    }
    tally.made += 1
    await pause(WANDERER_MOVES_MS)
    // The next member, or the one after that, and so on round.
    const elsewhere = number + 1 + (number % (MEMBERS - 1))
    const outcome = await this.#member(elsewhere)
      .call('move', id, number % 2 === 0)
      .catch(() => 'unknown')
    if (outcome === 'complete') tally.found += 1
    else if (outcome === 'unknown') tally.unknown += 1
    else if (performance.now() > livesUntilMs) tally.late += 1
    else tally.lost += 1
  }

  /** The member, or the next one that is there. */
  #member(number: number): NonNullable<ReturnType<SoakCluster['process']>> {
    for (let step = 0; step < MEMBERS; step++) {
      const process = this.#cluster.process((number + step) % MEMBERS)
      if (process !== undefined) return process
    }
    throw new Error('all members are gone')
  }
}
