import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  HEAD_BYTES_MAX,
  INSIDE_BYTES_MAX,
  OUTSIDE_BYTES_MIN,
  PORTION_BYTES_MAX,
  PORTIONS_MAX,
  SESSION_BYTES_MAX,
} from '../../src/constants.ts'
import { LimitError } from '../../src/errors.ts'
import { blobTenure } from '../../src/session/blob.ts'
import { placeOutside } from '../../src/session/portion-sizes.ts'
import type { Portion } from '../../src/session/record.ts'

const version = { tenure: { epoch: 1, node: 'a', incarnation: 1 }, seq: 1 }
const number = { tenure: blobTenure('a', 1), seq: 1 }

const inside = (length: number): Portion => ({ version, value: new Uint8Array(length) })
const outside = (byteLength: number): Portion => ({ version, value: { number, byteLength } })
const sizes = (all: Record<string, number>): Map<string, { length: number }> =>
  new Map(Object.entries(all).map(([name, length]) => [name, { length }]))

function limitOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert(error instanceof LimitError)
    return error.limit
  }
  return 'none'
}

describe('where the values of a commit go', () => {
  it('[B1] nothing is made for small ones', () => {
    assert.equal(placeOutside(new Map(), { changes: sizes({ a: OUTSIDE_BYTES_MIN }) }, 2), undefined)
    assert.equal(placeOutside(new Map([['a', outside(5_000)]]), { changes: new Map([['a', null]]) }, 2), undefined)
  })

  it('[B1] out above one size, back below a smaller one', () => {
    const of = (known: Portion | undefined, length: number): boolean => {
      const portions = new Map(known === undefined ? [] : [['a', known]])
      return placeOutside(portions, { changes: sizes({ a: length }) }, 2)?.has('a') === true
    }
    assert.deepEqual([of(undefined, OUTSIDE_BYTES_MIN), of(undefined, OUTSIDE_BYTES_MIN + 1)], [false, true])
    assert.deepEqual([of(outside(9), INSIDE_BYTES_MAX), of(outside(9), INSIDE_BYTES_MAX - 1)], [true, false])
    assert.deepEqual([of(inside(9), INSIDE_BYTES_MAX), of(inside(9), OUTSIDE_BYTES_MIN + 1)], [false, true])
  })

  it('[B1] what is sealed for a number is outside, however small', () => {
    const numbers = new Map([['a', number]])
    assert.deepEqual(placeOutside(new Map(), { changes: sizes({ a: 1, b: 1 }), numbers }, 2), new Set(['a']))
  })

  it('[B1] the head fits a frame, whatever is changed in whatever order', () => {
    const change = fc.tuple(fc.integer({ min: 0, max: PORTIONS_MAX - 1 }), fc.integer({ min: 0, max: 1_500 }))
    fc.assert(
      fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 40 }), { maxLength: 12 }), (commits) => {
        const portions = new Map<string, Portion>()
        for (const commit of commits) {
          const changes = sizes(Object.fromEntries(commit.map(([name, length]) => [`p${name}`, length])))
          const out = placeOutside(portions, { changes }, 2)
          for (const [name, { length }] of changes) {
            portions.set(name, out?.has(name) === true ? outside(length) : inside(length))
          }
          let bytes = 0
          for (const { value } of portions.values()) bytes += value instanceof Uint8Array ? value.length : 0
          assert(bytes <= HEAD_BYTES_MAX, `${bytes} bytes`)
        }
      }),
    )
  })

  it('names the limit that is reached', () => {
    const place = (all: Record<string, number>, wire = 2): string =>
      limitOf(() => placeOutside(new Map(), { changes: sizes(all) }, wire))
    assert.equal(place({ a: PORTION_BYTES_MAX }), 'none')
    assert.equal(place({ a: PORTION_BYTES_MAX + 1 }), 'PORTION_BYTES_MAX')
    const quarter = SESSION_BYTES_MAX / 4
    assert.equal(place({ a: quarter, b: quarter, c: quarter, d: quarter }), 'none')
    assert.equal(place({ a: quarter, b: quarter, c: quarter, d: quarter, e: 1 }), 'SESSION_BYTES_MAX')
    assert.equal(
      place(Object.fromEntries(Array.from({ length: PORTIONS_MAX + 1 }, (_, i) => [`p${i}`, 1]))),
      'PORTIONS_MAX',
    )
  })

  it('everything is inside while a member speaks an earlier version of the wire', () => {
    const place = (all: Record<string, number>): ReadonlySet<string> | undefined =>
      placeOutside(new Map([['old', outside(PORTION_BYTES_MAX)]]), { changes: sizes(all) }, 1)
    assert.equal(place({ a: 40_000 }), undefined)
    assert.equal(place({ a: HEAD_BYTES_MAX }), undefined)
    assert.equal(
      limitOf(() => place({ a: HEAD_BYTES_MAX, b: 1 })),
      'HEAD_BYTES_MAX',
    )
  })
})
