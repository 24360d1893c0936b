/**
 * How often the sweep comes: ten times a second while something happens, and about once when nothing does.
 *
 * What the sweep looks after has no timers of its own: records and drafts that end, touches, releases, joins and moves. An idle
 * node has none of it under way, and a timer of its own for each look costs it more than the looking. So when a sweep left
 * nothing to do, the next one comes with the first tick that is wanted for something else, such as a round of heartbeats, or
 * after a second; and soon when there was an event.
 */
import { SWEEP_INTERVAL_MS, SWEEP_QUIET_MS } from './constants.ts'

export class SweepPace {
  #sweptAtMs: number
  #isQuiet = false

  /** The first sweep is due at once. */
  constructor(nowMs: number) {
    this.#sweptAtMs = nowMs - SWEEP_INTERVAL_MS
  }

  /** When a tick is wanted for it. */
  get dueMs(): number {
    return this.#sweptAtMs + (this.#isQuiet ? SWEEP_QUIET_MS : SWEEP_INTERVAL_MS)
  }

  /** Something happened that may want a sweep. */
  wake(): void {
    this.#isQuiet = false
  }

  /** @returns how many intervals have passed since the last sweep, which is how much there is to sweep; 0: not now. */
  intervals(nowMs: number): number {
    if (nowMs < this.#sweptAtMs + SWEEP_INTERVAL_MS) return 0
    const passed = Math.round((nowMs - this.#sweptAtMs) / SWEEP_INTERVAL_MS)
    return Math.min(passed, SWEEP_QUIET_MS / SWEEP_INTERVAL_MS)
  }

  /** @param isQuiet whether nothing was left to look after. */
  onSwept(nowMs: number, isQuiet: boolean): void {
    this.#sweptAtMs = nowMs
    this.#isQuiet = isQuiet
  }
}
