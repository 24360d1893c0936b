import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Range } from '../../src/stream/ranges.ts'
import { RangeSet } from '../../src/stream/ranges.ts'

const numbers = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 })

/** The numbers up to `highest` that are not in the set, as runs. */
function holesOf(present: ReadonlySet<number>, position: number, highest: number): Range[] {
  const holes: { from: number; to: number }[] = []
  for (let n = position + 1; n <= highest; n++) {
    if (present.has(n)) continue
    const last = holes.at(-1)
    if (last !== undefined && last.to === n - 1) last.to = n
    else holes.push({ from: n, to: n })
  }
  return holes
}

describe('a set of ranges', () => {
  it('is what a Set of the same numbers is', () => {
    fc.assert(
      fc.property(numbers, fc.nat({ max: 45 }), (list, highest) => {
        const set = new RangeSet(Number.POSITIVE_INFINITY)
        const model = new Set<number>()
        for (const n of list) {
          assert.equal(set.add(n), true)
          model.add(n)
        }
        for (let n = 0; n <= 45; n++) assert.equal(set.has(n), model.has(n))
        assert.deepEqual(set.holes(0, highest, 99), holesOf(model, 0, highest))
        // Runs do not touch: each begins where the number before it is not there.
        assert.equal(set.size, [...model].filter((n) => !model.has(n - 1)).length)
      }),
    )
  })

  it('advances over what follows without a hole, and forgets it', () => {
    fc.assert(
      fc.property(numbers, fc.nat({ max: 45 }), (list, position) => {
        const set = new RangeSet(Number.POSITIVE_INFINITY)
        for (const n of list) set.add(n)
        let expected = position
        // Also over a range that began at or below the position.
        while (list.includes(expected + 1)) expected++
        assert.equal(set.advance(position), expected)
        assert(list.every((n) => set.has(n) === n > expected + 1))
      }),
    )
  })

  it('names the lowest holes first, and no more than asked for', () => {
    fc.assert(
      fc.property(
        numbers,
        fc.nat({ max: 20 }),
        fc.nat({ max: 45 }),
        fc.integer({ min: 1, max: 4 }),
        (list, position, highest, max) => {
          const set = new RangeSet(Number.POSITIVE_INFINITY)
          for (const n of list) if (n > position) set.add(n)
          const all = holesOf(new Set(list.filter((n) => n > position)), position, highest)
          assert.deepEqual(set.holes(position, highest, max), all.slice(0, max))
        },
      ),
    )
  })

  it('[pitfall 16] is bounded: what does not fit is not remembered, what extends a range always does', () => {
    const set = new RangeSet(2)
    assert.equal(set.add(3), true)
    assert.equal(set.add(7), true)
    assert.equal(set.add(11), false)
    assert.equal(set.has(11), false)
    assert.equal(set.add(8), true)
    assert.equal(set.add(2), true)
    assert.equal(set.add(3), true)
    assert.deepEqual(set.holes(0, 9, 9), [
      { from: 1, to: 1 },
      { from: 4, to: 6 },
      { from: 9, to: 9 },
    ])
    for (const n of [4, 5, 6]) assert.equal(set.add(n), true)
    assert.equal(set.size, 1)
    assert.equal(set.add(11), true)
  })

  it('[pitfall 4] counts on near the end of the numbers that are exact', () => {
    const top = Number.MAX_SAFE_INTEGER
    const set = new RangeSet(4)
    set.add(top - 1)
    set.add(top - 3)
    assert.deepEqual(set.holes(top - 4, top - 1, 4), [{ from: top - 2, to: top - 2 }])
    set.add(top - 2)
    assert.equal(set.advance(top - 4), top - 1)
  })
})
