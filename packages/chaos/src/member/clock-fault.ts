/**
 * Clocks that are wrong, in a process of their own: `Date.now` and `performance.now` are replaced, which is all that a node reads. Timers run on
 * as they did, as they do when somebody sets a clock; a rate changes what the node believes to have passed between them.
 */

/** What this process believes the time to be. */
export class FaultyClock {
  readonly #wallMs: () => number
  readonly #monotonicMs: () => number
  #rate = 1
  /** When the rate was set, by the true clock and by the wrong one. */
  #trueSinceMs: number
  #since: { readonly wallMs: number; readonly monotonicMs: number }

  /** Takes the place of the process's clocks, which it shows as they are until told otherwise. */
  static install(): FaultyClock {
    const clock = new FaultyClock(Date.now, performance.now.bind(performance))
    Date.now = () => Math.floor(clock.now().wallMs)
    performance.now = () => clock.now().monotonicMs
    return clock
  }

  constructor(wallMs: () => number, monotonicMs: () => number) {
    this.#wallMs = wallMs
    this.#monotonicMs = monotonicMs
    this.#trueSinceMs = monotonicMs()
    this.#since = { wallMs: wallMs(), monotonicMs: this.#trueSinceMs }
  }

  now(): { readonly wallMs: number; readonly monotonicMs: number } {
    const passedMs = (this.#monotonicMs() - this.#trueSinceMs) * this.#rate
    return { wallMs: this.#since.wallMs + passedMs, monotonicMs: this.#since.monotonicMs + passedMs }
  }

  /** Set the wall clock forward, or back; and let all clocks run at this rate from now on. */
  set({ jumpMs, rate }: { readonly jumpMs: number; readonly rate: number }): void {
    const { wallMs, monotonicMs } = this.now()
    this.#trueSinceMs = this.#monotonicMs()
    this.#since = { wallMs: wallMs + jumpMs, monotonicMs }
    this.#rate = rate
  }

  /** By the true clock. */
  trueMs(): number {
    return this.#monotonicMs()
  }
}
