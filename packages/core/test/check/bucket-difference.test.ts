/** When copies of a bucket count as different for good. */
import assert from 'node:assert/strict'
import { difference, OpenBucket } from '../../src/check/bucket-difference.ts'
import { CHECK_SETTLE_MS, CHECK_SIGHTINGS_MAX } from '../../src/constants.ts'
import { Context, withDefaults } from '../../src/context.ts'
import type { Hash64 } from '../../src/session/meta-hash.ts'
import { BucketTable } from '../../src/table/bucket-table.ts'
import type { BucketCopy } from '../../src/wire/messages.ts'
import { keyHash } from '../support/key-hash.ts'

const NOTHING: Hash64 = { hi: 0, lo: 0 }

describe('a bucket that differs', () => {
  let context: Context

  beforeEach(() => {
    const table = new BucketTable({
      bytesMax: 1e6,
      keyHash,
      isPinned: () => false,
      isHeld: () => true,
      onEvicted: () => {},
    })
    context = new Context(withDefaults({ nodeId: 'a', incarnation: 1, keyHash, seed: 1 }), table)
  })

  const look = (bucket: OpenBucket, copies: Record<string, BucketCopy>, beganAtMs = context.nowMs): void => {
    bucket.judge(new Map(Object.entries(copies)), beganAtMs)
  }

  it('[R5] does so for good when it differs in the same after the time that a write may take', () => {
    const bucket = new OpenBucket(context, 7, ['a', 'b', 'c'])
    for (const nowMs of [0, CHECK_SETTLE_MS - 1, CHECK_SETTLE_MS]) {
      assert.equal(bucket.isDecided, false)
      context.nowMs = nowMs
      // Written between the looks; what b lacks stays.
      look(bucket, { a: copy(nowMs ^ 5), b: copy(nowMs), c: copy(nowMs ^ 5) })
    }
    assert.equal(bucket.isDecided, true)
    assert.deepEqual(bucket.divergent, ['b'])
  })

  it('[R5] does not when the second look was asked for earlier, however late its answer was read', () => {
    const bucket = new OpenBucket(context, 7, ['a', 'b'])
    look(bucket, { a: copy(1), b: copy(2) })
    context.nowMs = 10 * CHECK_SETTLE_MS
    look(bucket, { a: copy(1), b: copy(2) }, CHECK_SETTLE_MS - 1)
    assert.deepEqual([bucket.isDecided, bucket.isStuck, bucket.divergent], [false, true, []])
  })

  it('[R5] does not while a holder knows that it misses something, nor for what it differed in then', () => {
    const bucket = new OpenBucket(context, 7, ['a', 'b'])
    for (const [nowMs, isSure] of [
      [0, true],
      [3_000, false],
      [6_000, true],
      [6_000 + CHECK_SETTLE_MS - 1, true],
    ] as const) {
      context.nowMs = nowMs
      look(bucket, { a: copy(1), b: copy(2, { isSure }) })
      assert.deepEqual(bucket.divergent, [])
    }
    context.nowMs++
    look(bucket, { a: copy(1), b: copy(2) })
    assert.deepEqual(bucket.divergent, ['a', 'b'])
  })

  it('[R5] does not when its copies were equal once, each beside the same other', () => {
    const bucket = new OpenBucket(context, 7, ['a', 'b', 'c'])
    look(bucket, { a: copy(1), b: copy(1), c: copy(2) })
    assert.equal(bucket.isDecided, false)
    look(bucket, { a: copy(4), b: copy(2), c: copy(4) })
    assert.deepEqual([bucket.isDecided, bucket.divergent], [true, []])
  })

  it('names those whose copy is not that of the most, also when it is the one that the others are compared with', () => {
    const [odd, tie] = [new OpenBucket(context, 7, ['a', 'b', 'c']), new OpenBucket(context, 7, ['a', 'b', 'c', 'd'])]
    for (const nowMs of [0, CHECK_SETTLE_MS]) {
      context.nowMs = nowMs
      look(odd, { a: copy(1), b: copy(2), c: copy(2) })
      look(tie, { a: copy(1), b: copy(1), c: copy(2), d: copy(2) })
    }
    assert.deepEqual(odd.divergent, ['a'])
    assert.deepEqual(tie.divergent, ['a', 'b', 'c', 'd'])
  })

  it('goes on without a holder whose copy no longer counts', () => {
    const bucket = new OpenBucket(context, 7, ['a', 'b', 'c'])
    look(bucket, { a: copy(1, { isCounted: false }), b: copy(2), c: copy(2) })
    assert.deepEqual(bucket.holders, ['b', 'c'])
    look(bucket, { b: copy(2), c: copy(2) })
    assert.deepEqual([bucket.isDecided, bucket.divergent], [true, []])
    look(bucket, { b: copy(2, { isCounted: false }), c: copy(3, { isCounted: false }) })
    assert.equal(bucket.isDecided, true)
  })

  it('is told from one that is written without pause, of which only so much is remembered', () => {
    const bucket = new OpenBucket(context, 7, ['a', 'b'])
    for (let n = 0; n < 4 * CHECK_SIGHTINGS_MAX; n++) {
      context.nowMs = n * CHECK_SETTLE_MS
      look(bucket, { a: copy(n), b: copy(n ^ (1 + (n % (2 * CHECK_SIGHTINGS_MAX)))) })
    }
    assert.deepEqual([bucket.isDecided, bucket.isStuck], [false, false])
  })

  it('[E2] does not differ in what one holder has before and another past the limit', () => {
    const [r, s] = [hash(5), hash(9)]
    const a = { ...copy(0), firm: hash(5 ^ 9 ^ 64), above: [r, s], below: [] }
    const b = { ...copy(0), firm: hash(9 ^ 64), above: [s], below: [r] }
    assert.deepEqual([difference(a, b), difference(b, a)], [NOTHING, NOTHING])
    // What the other does not have at all is a difference.
    assert.deepEqual(difference(a, { ...b, below: [] }), hash(5))
  })
})

function copy(firm: number, state: Partial<BucketCopy> = {}): BucketCopy {
  return { bucket: 7, isCounted: true, isSure: true, firm: hash(firm), above: [], below: [], ...state }
}

function hash(lo: number): Hash64 {
  return { hi: lo << 8, lo }
}
