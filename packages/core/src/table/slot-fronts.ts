/**
 * What a read needs to know of a record before its block: its place in the order of use, and until when it may be read as it is.
 *
 * ```
 *   0  older:i32, newer:i32    the neighbours in the order of use; -1 at its ends, -2 in both for who is not in it
 *   8  wholeUntilMs:f64        when a record ends that is live, was written, and has all its values; else -Infinity
 * ```
 *
 * Sixteen bytes by slot, four to a cache line: a block is a line or two of its own, and most of the time that a read takes is
 * waiting for lines. The order is exact: each use moves its slot to the recent end.
 */
export class SlotFronts {
  #words = new Int32Array(0)
  #doubles = new Float64Array(0)
  #oldest = END
  #newest = END
  #size = 0

  /** How many are in the order of use. */
  get size(): number {
    return this.#size
  }

  /** The least recently used slot, or -1. */
  get oldest(): number {
    return this.#oldest
  }

  wholeUntilMs(slot: number): number {
    return this.#doubles[2 * slot + 1] as number
  }

  /** To be said of a slot before anything else. */
  setWholeUntilMs(slot: number, ms: number): void {
    if (2 * slot >= this.#doubles.length) this.#grow(slot + 1)
    this.#doubles[2 * slot + 1] = ms
  }

  /** Make a slot the most recently used, if it is in the order. */
  touch(slot: number): void {
    const words = this.#words
    const newer = words[4 * slot + 1] as number
    // The newest stays, and who is not in the order stays out of it.
    if (newer < 0) return
    this.#join(words[4 * slot] as number, newer)
    this.#append(slot)
  }

  /** Make a slot the most recently used, whether it was in the order or not. */
  add(slot: number): void {
    if (this.#words[4 * slot + 1] !== ABSENT) {
      this.touch(slot)
      return
    }
    this.#append(slot)
    this.#size++
  }

  /** Take a slot out of the order, if it is in it. */
  delete(slot: number): void {
    const words = this.#words
    const newer = words[4 * slot + 1] as number
    if (newer === ABSENT) return
    this.#join(words[4 * slot] as number, newer)
    words[4 * slot] = ABSENT
    words[4 * slot + 1] = ABSENT
    this.#size--
  }

  /** Let two be neighbours, of which either may be an end. */
  #join(older: number, newer: number): void {
    if (newer === END) this.#newest = older
    else this.#words[4 * newer] = older
    if (older === END) this.#oldest = newer
    else this.#words[4 * older + 1] = newer
  }

  #append(slot: number): void {
    this.#words[4 * slot] = this.#newest
    this.#words[4 * slot + 1] = END
    this.#join(this.#newest, slot)
    this.#newest = slot
  }

  #grow(slotsMin: number): void {
    const before = this.#words
    this.#words = new Int32Array(4 * (slotsMin + Math.max(SLOTS_MORE_MIN, slotsMin >> 3)))
    this.#words.set(before)
    this.#words.fill(ABSENT, before.length)
    this.#doubles = new Float64Array(this.#words.buffer)
  }
}

/** Room grows by an eighth, and by no less than this many slots. */
const SLOTS_MORE_MIN = 64
const END = -1
const ABSENT = -2
