/**
 * A bounded map that forgets what was not asked for. When there is no more room the oldest entries go, but for those that were
 * asked for since they were kept or last spared, which are spared once (Corbató, "A paging experiment with the Multics system",
 * 1968). So being asked for costs a bit, where an order of use would move an entry each time.
 */
export class SecondChanceMap<Key, Value> {
  readonly #weightMax: number
  /** In the order in which they were kept or spared. */
  readonly #kept = new Map<Key, Kept<Value>>()
  #weight = 0

  /** @param weightMax of all entries together, in the unit in which `keep` is given weights. */
  constructor(weightMax: number) {
    this.#weightMax = weightMax
  }

  get(key: Key): Value | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    kept.isUsed = true
    return kept.value
  }

  /** @param key that is not here. */
  keep(key: Key, value: Value, weight: number): void {
    this.#kept.set(key, { value, weight, isUsed: false })
    this.#weight += weight
    if (this.#weight > this.#weightMax) this.#makeRoom()
  }

  /** For more than the one that came: to find the oldest of a map is to walk over all that were deleted before it. */
  #makeRoom(): void {
    const weightWanted = this.#weightMax * (1 - ROOM_SHARE)
    for (const [key, kept] of this.#kept) {
      this.#kept.delete(key)
      if (kept.isUsed) {
        kept.isUsed = false
        this.#kept.set(key, kept)
        continue
      }
      this.#weight -= kept.weight
      if (this.#weight <= weightWanted) return
    }
  }
}

interface Kept<Value> {
  readonly value: Value
  readonly weight: number
  isUsed: boolean
}

/** What is made room for at a time. */
const ROOM_SHARE: number = 1 / 16
