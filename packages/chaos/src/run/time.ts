/** Time of a run on real processes, in milliseconds since it was made. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Time } from '../workload/time.ts'

export class RunTime implements Time {
  readonly #signal: AbortSignal
  readonly #zeroMs: number

  /** @param signal ends every sleep, with its reason. */
  constructor(signal: AbortSignal) {
    this.#signal = signal
    this.#zeroMs = performance.now()
  }

  nowMs(): number {
    return performance.now() - this.#zeroMs
  }

  /** @throws the signal's reason. */
  async sleep(ms: number): Promise<void> {
    try {
      await sleep(Math.max(0, ms), undefined, { signal: this.#signal })
    } catch (error) {
      throw this.#signal.aborted ? this.#signal.reason : error
    }
  }
}
