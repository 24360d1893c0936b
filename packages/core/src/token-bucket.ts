/** A rate with a burst: how much may be spent now, when so much per second is given. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #max: number
  #tokens: number
  #atMs = Number.NEGATIVE_INFINITY

  constructor(perSecond: number, max: number) {
    this.#perSecond = perSecond
    this.#max = max
    this.#tokens = max
  }

  /** Spend, if there is anything left. What is more than that is a debt that the next ones wait for. @returns whether it was. */
  take(amount: number, nowMs: number): boolean {
    if (this.waitMs(nowMs) > 0) return false
    this.#tokens -= amount
    return true
  }

  /** Spend what cannot be refused any more. */
  spend(amount: number, nowMs: number): void {
    this.#refill(nowMs)
    this.#tokens -= amount
  }

  /** How long to wait until something may be spent. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs)
    return this.#tokens > 0 ? 0 : Math.ceil((1_000 * -this.#tokens) / this.#perSecond) + 1
  }

  #refill(nowMs: number): void {
    if (nowMs <= this.#atMs) return
    const passedMs = this.#atMs === Number.NEGATIVE_INFINITY ? 0 : nowMs - this.#atMs
    this.#tokens = Math.min(this.#max, this.#tokens + (passedMs / 1_000) * this.#perSecond)
    this.#atMs = nowMs
  }
}
