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

  /** Spend `amount`, if there is anything left. One that is larger than what is left makes the next ones wait. */
  take(amount: number, nowMs: number): boolean {
    const given = this.#atMs === Number.NEGATIVE_INFINITY ? 0 : ((nowMs - this.#atMs) / 1_000) * this.#perSecond
    this.#tokens = Math.min(this.#max, this.#tokens + given)
    this.#atMs = nowMs
    if (this.#tokens <= 0) return false
    this.#tokens -= amount
    return true
  }
}
