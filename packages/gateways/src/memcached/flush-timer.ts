/** A `flush_all` that was given a delay: the last one counts. */
import { FLUSH_DELAY_SECONDS_MAX } from './constants.ts'

export class FlushTimer {
  readonly #flush: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(flush: () => void) {
    this.#flush = flush
  }

  start(delaySeconds: number): void {
    this.stop()
    this.#timer = setTimeout(this.#flush, Math.min(delaySeconds, FLUSH_DELAY_SECONDS_MAX) * 1_000)
    this.#timer.unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
