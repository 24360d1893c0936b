/**
 * When keys were last used through this gateway, and whether before: what `mg` tells with `h` and `l`. Nobody else knows it,
 * and what is forgotten counts as never used.
 */
import { USES_REMEMBERED_MAX } from './constants.ts'

export interface Use {
  readonly atMs: number
  /** It was fetched, not only stored. */
  readonly isFetched: boolean
}

export class Uses {
  /** In the order of use. */
  readonly #uses = new Map<string, Use>()

  /** @param key as Latin-1 text. */
  last(key: string): Use | undefined {
    return this.#uses.get(key)
  }

  stored(key: string): void {
    this.#put(key, false)
  }

  fetched(key: string): void {
    this.#put(key, true)
  }

  #put(key: string, isFetched: boolean): void {
    this.#uses.delete(key)
    if (this.#uses.size >= USES_REMEMBERED_MAX)
      for (const oldest of this.#uses.keys()) {
        this.#uses.delete(oldest)
        break
      }
    this.#uses.set(key, { atMs: performance.now(), isFetched })
  }
}
