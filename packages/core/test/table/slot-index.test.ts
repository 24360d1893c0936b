import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BUCKET_COUNT } from '../../src/constants.ts'
import type { SessionKey } from '../../src/session/id.ts'
import { SlotIndex } from '../../src/table/slot-index.ts'
import { keyOf } from '../support/cluster.ts'

/** An index beside a map of what it shall have, with hashes that the test makes. */
class Checked {
  readonly #index = new SlotIndex()
  readonly #model = new Map<string, { readonly low: number; readonly slot: number }>()
  readonly #keys: (SessionKey | undefined)[] = []

  has(name: string): boolean {
    return this.#model.has(name)
  }

  add(name: string, low: number): void {
    const slot = this.#keys.push(keyOf(name)) - 1
    this.#model.set(name, { low, slot })
    this.#index.add(low, slot)
  }

  remove(name: string): void {
    const { low, slot } = this.#model.get(name) ?? assert.fail(`${name} is not here`)
    this.#index.remove(low, slot)
    this.#keys[slot] = undefined
    this.#model.delete(name)
  }

  find(name: string, low: number): number {
    return this.#index.find(low, keyOf(name), this.#keys)
  }

  checkAll(): void {
    for (const [name, { low, slot }] of this.#model) assert.equal(this.find(name, low), slot)
  }
}

/** Few places to begin at, the last ones among them, so that runs of cells meet and wrap around. */
const lows = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 5, 2 ** 22 - 1, 2 ** 22 - 2), fc.constantFrom(0, 1, BUCKET_COUNT - 1))
  .map(([place, bucket]) => (place * BUCKET_COUNT + bucket) | 0)

describe('the index of a shard', () => {
  it('[R9] behaves like a Map under any adding and removing, also of equal hashes', () => {
    const operations = fc.array(fc.tuple(fc.nat({ max: 24 }), fc.boolean()), { maxLength: 200 })
    fc.assert(
      fc.property(fc.array(lows, { minLength: 25, maxLength: 25 }), operations, (hashes, list) => {
        const index = new Checked()
        for (const [n, adds] of list) {
          const [name, low] = [`k${n}`, hashes[n] as number]
          assert.equal(index.find(name, low) >= 0, index.has(name))
          if (adds && !index.has(name)) index.add(name, low)
          else if (!adds && index.has(name)) index.remove(name)
          index.checkAll()
        }
      }),
      { numRuns: 300 },
    )
  })

  it('[R9] finds all while it grows, and none that was never there, when every hash is the same', () => {
    const index = new Checked()
    for (let i = 0; i < 200; i++) {
      index.add(`k${i}`, 7)
      assert.equal(index.find('other', 7), -1)
    }
    index.checkAll()
    for (let i = 0; i < 200; i += 2) index.remove(`k${i}`)
    index.checkAll()
    for (let i = 1; i < 200; i += 2) index.remove(`k${i}`)
    assert.equal(index.find('k1', 7), -1)
  })
})
