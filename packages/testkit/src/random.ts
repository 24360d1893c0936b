/**
 * Chance with a seed: every run of the simulator draws from here and nowhere else, so a seed is a run.
 *
 * One generator per concern (network, faults, workload), each with its own stream of the same seed: taking a fault away
 * then changes what the fault did and not what everybody else draws.
 */

/** sfc32 (Doty-Humphrey, PractRand): small, fast, and good enough for anything but secrets. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** @param stream sets generators of the same seed apart. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0
    // A seed above 32 bits counts in full.
    this.#b = Math.floor(seed / 2 ** 32) ^ 0x5bd1e995
    this.#c = Math.imul(stream + 1, 0x9e3779b1)
    for (let i = 0; i < 15; i++) this.uint32()
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.uint32() / 2 ** 32
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.fraction() * count)
  }

  /** Uniform in [min, max). */
  between(min: number, max: number): number {
    return min + this.fraction() * (max - min)
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  /** One of the names, in proportion to the weights. At least one weight is above 0. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const names = Object.keys(weights) as K[]
    let rest = this.fraction() * names.reduce((sum, name) => sum + weights[name], 0)
    for (const name of names) {
      rest -= weights[name]
      if (rest < 0) return name
    }
    return names.findLast((name) => weights[name] > 0) as K
  }

  /** A rank in [0, count), the low ones more often: in proportion to 1 / (rank + 1), as clients use keys. */
  rank(count: number): number {
    return Math.min(count - 1, Math.floor((count + 1) ** this.fraction()) - 1)
  }

  /** Some of the items, each with the probability, in their order. */
  some<T>(items: readonly T[], probability: number): T[] {
    return items.filter(() => this.chance(probability))
  }
}
