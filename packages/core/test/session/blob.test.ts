import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { BLOB_CHUNK_BYTES, BLOB_TOMBSTONE_MS, PORTION_BYTES_MAX } from '../../src/constants.ts'
import type { ChunkName } from '../../src/session/blob.ts'
import {
  blobTenure,
  chunkBytes,
  chunkCount,
  chunkKey,
  chunkKeys,
  chunkName,
  chunkRecord,
  chunkTombstone,
  chunkValue,
  isChunkKey,
} from '../../src/session/blob.ts'
import { toSessionKey } from '../../src/session/id.ts'
import { mergeRecords } from '../../src/session/merge.ts'
import { shape } from '../support/arbitraries.ts'

const ids = fc.uint8Array({ minLength: 1, maxLength: 255 }).map((id) => toSessionKey(id))
const numbers = shape({
  tenure: fc.tuple(fc.string({ maxLength: 60 }), fc.nat(2 ** 31 - 1)).map(([node, life]) => blobTenure(node, life)),
  seq: fc.integer({ min: 1, max: 2 ** 48 - 2 }),
})
const names: fc.Arbitrary<ChunkName> = shape({
  session: ids,
  portion: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  number: numbers,
  index: fc.nat(PORTION_BYTES_MAX / BLOB_CHUNK_BYTES),
})

const BIRTH = { generation: 7, random: 1 }
const NUMBER = { tenure: blobTenure('a', 1), seq: 3 }

describe('chunks of values outside the head', () => {
  it('[W1] have keys that say all of their names, and that no id is', () => {
    fc.assert(
      fc.property(names, ids, (name, id) => {
        const key = chunkKey(name)
        assert.deepEqual(chunkName(key), name)
        assert(isChunkKey(key))
        assert.equal(isChunkKey(id), false)
        assert.notEqual(key, id)
      }),
    )
  })

  it('[W1] have different keys when anything differs, wherever one field ends and the next begins', () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        assert.equal(chunkKey(a) === chunkKey(b), JSON.stringify(a) === JSON.stringify(b))
      }),
    )
    const name = { session: toSessionKey('ab'), portion: 'c', number: NUMBER, index: 0 }
    assert.notEqual(chunkKey(name), chunkKey({ ...name, session: toSessionKey('a'), portion: 'bc' }))
  })

  it('cover a value, each byte once', () => {
    for (const byteLength of [1, BLOB_CHUNK_BYTES, BLOB_CHUNK_BYTES + 1, 5 * BLOB_CHUNK_BYTES - 1, PORTION_BYTES_MAX]) {
      const sizes = Array.from({ length: chunkCount(byteLength) }, (_, index) => chunkBytes(byteLength, index))
      assert.equal(
        sizes.reduce((sum, size) => sum + size, 0),
        byteLength,
      )
      assert(sizes.every((size) => size > 0 && size <= BLOB_CHUNK_BYTES))
      const keys = chunkKeys(toSessionKey('s'), 'upload', { number: NUMBER, byteLength })
      assert.equal(new Set(keys).size, sizes.length)
    }
  })

  it('[E3] live to the absolute deadline, whatever is touched or not', () => {
    const chunk = chunkRecord(BIRTH, NUMBER, 1_000_000, Buffer.from('bytes'))
    assert(chunkValue(chunk, 999_999) !== undefined)
    assert.equal(chunkValue(chunk, 1_000_000), undefined)
    assert.equal(chunkValue(undefined, 0), undefined)
  })

  it('[E4] are dropped by tombstones that end soon, in whatever order they merge', () => {
    const chunk = chunkRecord(BIRTH, NUMBER, 1_000_000, Buffer.from('bytes'))
    const early = chunkTombstone(BIRTH, 1_000_000, 0)
    const late = chunkTombstone(BIRTH, 1_000_000, 10)
    assert.equal(early.absoluteAtMs, BLOB_TOMBSTONE_MS)
    assert.equal(chunkTombstone(BIRTH, 1_000_000, 999_000).absoluteAtMs, 1_000_000)
    const all = [chunk, early, late]
    for (const first of all) {
      for (const second of all) {
        for (const third of all) {
          const merged = mergeRecords(mergeRecords(first, second).record, third).record
          if (![first, second, third].includes(late)) continue
          assert.deepEqual(merged, late)
        }
      }
    }
    assert.deepEqual(mergeRecords(chunk, early).record, early)
  })
})
