/**
 * When keys were last used through this gateway, and whether before: what `mg` tells with `h` and `l`. Nobody else knows it,
 * and what is forgotten counts as never used.
 */
import { Buffer } from 'node:buffer'
import { SecondChanceMap } from '../second-chance.ts'
import { USES_REMEMBERED_MAX } from './constants.ts'

export interface Use {
  readonly atMs: number
  /** It was fetched, not only stored. */
  readonly isFetched: boolean
}

export class Uses {
  readonly #uses = new SecondChanceMap<string, { -readonly [Name in keyof Use]: Use[Name] }>(USES_REMEMBERED_MAX)

  /** @param key as Latin-1 text. */
  last(key: string): Use | undefined {
    const use = this.#uses.get(key)
    return use && { ...use }
  }

  stored(key: string): void {
    this.#put(key, false)
  }

  fetched(key: string): void {
    this.#put(key, true)
  }

  #put(key: string, isFetched: boolean): void {
    const atMs = performance.now()
    const use = this.#uses.get(key)
    // A piece of a line would keep the whole line.
    if (use === undefined) this.#uses.keep(Buffer.from(key, 'latin1').toString('latin1'), { atMs, isFetched }, 1)
    else {
      use.atMs = atMs
      use.isFetched = isFetched
    }
  }
}
