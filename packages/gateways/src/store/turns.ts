/**
 * Work on a key, one piece after the other: what makes conditional operations atomic on a node. Work on a key that nobody
 * else works on begins at once, and needs no promise if it does not wait.
 */
import type { Answer } from './key-value.ts'

export class Turns {
  /** The end of what was begun last, by key. */
  readonly #tails = new Map<string, Promise<unknown>>()

  take<T>(key: string, work: () => Answer<T>): Answer<T> {
    const before = this.#tails.get(key)
    const result = before === undefined ? work() : before.then(work)
    if (!(result instanceof Promise)) return result
    const tail: Promise<unknown> = result.then(nothing, nothing).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    })
    this.#tails.set(key, tail)
    return result
  }
}

function nothing(): void {}
