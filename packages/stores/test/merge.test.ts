import assert from 'node:assert/strict'
import type { JsonValue } from '@reprise/core'
import fc from 'fast-check'
import { isMap, sameJson } from '../src/json.ts'
import { mergeThreeWays } from '../src/merge.ts'

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)
const words = fc.array(fc.string({ maxLength: 3 }), { maxLength: 6 })
const maps = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd'),
  fc.oneof(fc.integer({ min: 0, max: 3 }), fc.dictionary(fc.constantFrom('x', 'y'), fc.boolean())),
  { noNullPrototype: true },
)

describe('mergeThreeWays', () => {
  it('takes the side that changed something when only one did', () => {
    fc.assert(
      fc.property(json, json, (base, changed) => {
        assert.deepEqual(mergeThreeWays(base, changed, base), changed)
        assert.deepEqual(mergeThreeWays(base, base, changed), changed)
      }),
    )
  })

  it('changes nothing when both sides did the same, but for lists that both appended to', () => {
    const withoutLists = fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('['))
    fc.assert(
      fc.property(withoutLists, withoutLists, (base, both) => {
        assert(sameJson(mergeThreeWays(base as JsonValue, both as JsonValue, both as JsonValue), both as JsonValue))
      }),
    )
    assert.deepEqual(mergeThreeWays(['a', 'b'], ['b'], ['b']), ['b'])
    assert.deepEqual(mergeThreeWays(['a'], ['x'], ['x']), ['x'])
    assert.deepEqual(mergeThreeWays(undefined, ['tea'], ['tea']), ['tea', 'tea'])
  })

  it('changes no input, and makes nothing but plain data', () => {
    fc.assert(
      fc.property(json, json, json, (base, mine, theirs) => {
        const before = JSON.stringify([base, mine, theirs])
        const merged = mergeThreeWays(base, mine, theirs)
        assert.equal(JSON.stringify([base, mine, theirs]), before)
        assert(sameJson(JSON.parse(JSON.stringify(merged)), merged))
      }),
    )
  })

  it('[R8] loses nothing that was appended to a list by either side', () => {
    fc.assert(
      fc.property(words, words, words, (base, mine, theirs) => {
        const merged = mergeThreeWays(base, [...base, ...mine], [...base, ...theirs])
        assert.deepEqual(merged, [...base, ...theirs, ...mine])
      }),
    )
  })

  it('[R8] gives a list that was changed otherwise what the other side appended', () => {
    fc.assert(
      fc.property(
        words,
        words,
        fc.array(fc.string({ minLength: 4, maxLength: 6 }), { minLength: 1 }),
        (base, mine, more) => {
          const merged = mergeThreeWays(base, mine, [...base, ...more])
          assert(Array.isArray(merged))
          for (const item of more) assert(merged.includes(item), item)
        },
      ),
    )
  })

  it('treats lists of texts that both sides changed as collections', () => {
    assert.deepEqual(mergeThreeWays(['a', 'b', 'c'], ['b', 'c', 'x'], ['a', 'c', 'y']), ['c', 'y', 'x'])
    assert.deepEqual(mergeThreeWays(['a', 'a', 'b'], ['a', 'b'], ['b', 'a', 'a', 'z']), ['b', 'a', 'z'])
  })

  it('merges lists of things place by place while nothing is taken out', () => {
    const item = (sku: string, quantity: number): JsonValue => ({ sku, quantity })
    const base = [item('tea', 1), item('pot', 1)]
    const merged = mergeThreeWays(
      base,
      [item('tea', 2), item('pot', 1)],
      [item('tea', 1), item('pot', 3), item('cup', 1)],
    )
    assert.deepEqual(merged, [item('tea', 2), item('pot', 3), item('cup', 1)])
  })

  it('merges maps key by key: keys that one side changed are as that side has them, for any data', () => {
    fc.assert(
      fc.property(maps, maps, maps, (base, mine, theirs) => {
        const merged = mergeThreeWays(base, mine, theirs)
        assert(isMap(merged))
        for (const name of ['a', 'b', 'c', 'd']) {
          if (sameJson(base[name], mine[name])) assert(sameJson(merged[name], theirs[name]), name)
          else if (sameJson(base[name], theirs[name])) assert(sameJson(merged[name], mine[name]), name)
        }
      }),
    )
  })

  it('keeps of what one side removed only what the other added to it', () => {
    assert.deepEqual(mergeThreeWays(['tea'], undefined, ['tea', 'pot']), ['pot'])
    assert.deepEqual(mergeThreeWays(['tea'], ['tea', 'pot'], undefined), ['pot'])
    assert.deepEqual(mergeThreeWays({ user: 1 }, undefined, { user: 1, flash: 'hello' }), { flash: 'hello' })
    assert.equal(mergeThreeWays({ user: 1 }, undefined, { user: 2 }), undefined)
    assert.deepEqual(mergeThreeWays({ user: 1 }, { user: 2 }, undefined), { user: 2 })
  })

  it('lets the later writer have what both changed and cannot be merged', () => {
    assert.equal(mergeThreeWays(1, 2, 3), 2)
    assert.deepEqual(mergeThreeWays({ a: 1 }, { a: 2, b: 1 }, { a: 3, c: 1 }), { a: 2, b: 1, c: 1 })
    assert.equal(mergeThreeWays('x', undefined, 'y'), undefined)
    assert.equal(mergeThreeWays('x', 'y', undefined), 'y')
  })
})
