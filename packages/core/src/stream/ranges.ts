/**
 * Runs of numbers: what was received ahead of a gap, and what a NACK asks for.
 */

/** Both ends included; numbers start at 1. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** A set of numbers above a floor, as rising ranges that do not touch. Bounded; what does not fit is not remembered. */
export class RangeSet {
  #ranges: Range[] = []
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#ranges.length
  }

  has(number: number): boolean {
    return this.#ranges.some((range) => range.from <= number && number <= range.to)
  }

  /** @returns false when the number does not fit the bound; it is then not in the set. */
  add(number: number): boolean {
    // Numbers come mostly in order: look from the end.
    let at = this.#ranges.length
    while (at > 0 && (this.#ranges[at - 1] as Range).from > number) at--
    const before = this.#ranges[at - 1]
    if (before !== undefined && number <= before.to) return true
    const after = this.#ranges[at]
    const joinsBefore = before !== undefined && before.to === number - 1
    const joinsAfter = after !== undefined && after.from === number + 1
    if (!joinsBefore && !joinsAfter && this.#ranges.length >= this.#max) return false
    const from = joinsBefore ? before.from : number
    const to = joinsAfter ? after.to : number
    this.#ranges.splice(joinsBefore ? at - 1 : at, Number(joinsBefore) + Number(joinsAfter), { from, to })
    return true
  }

  /** Take out everything that follows the position without a hole, and everything at or below it. @returns its new value. */
  advance(position: number): number {
    let advanced = position
    let used = 0
    for (const range of this.#ranges) {
      if (range.from > advanced + 1) break
      advanced = Math.max(advanced, range.to)
      used++
    }
    if (used > 0) this.#ranges.splice(0, used)
    return advanced
  }

  /** The holes above the position and up to the highest number, lowest first, at most `max` of them. */
  holes(position: number, highest: number, max: number): Range[] {
    const holes: Range[] = []
    let next = position + 1
    for (const range of this.#ranges) {
      if (holes.length === max || next > highest) return holes
      if (range.from > next) holes.push({ from: next, to: Math.min(range.from - 1, highest) })
      next = Math.max(next, range.to + 1)
    }
    if (next <= highest && holes.length < max) holes.push({ from: next, to: highest })
    return holes
  }
}
