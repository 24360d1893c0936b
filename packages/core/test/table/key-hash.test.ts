import assert from 'node:assert/strict'
import fc from 'fast-check'
import xxhash from 'xxhash-wasm'
import { BUCKET_COUNT, SHARD_COUNT } from '../../src/constants.ts'
import { chunkKey } from '../../src/session/blob.ts'
import { toSessionKey } from '../../src/session/id.ts'
import type { Hash64 } from '../../src/session/meta-hash.ts'
import { bucketOf, loadKeyHash, shardOfBucket } from '../../src/table/key-hash.ts'
import { createXxHash64, KEY_BYTES_MAX } from '../../src/table/xxhash64.ts'
import { keyHash } from '../support/key-hash.ts'

const hex = ({ hi, lo }: Hash64): string => [hi, lo].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')

describe('the key hash', () => {
  it('[R9] is xxHash64 with seed 0: the known answers', () => {
    // From the xxHash specification's sanity checks and its reference implementation.
    const answers: Record<string, string> = {
      '': 'ef46db3751d8e999',
      a: 'd24ec4f1a98c6e5b',
      abc: '44bc2cf5ad770999',
      'Nobody inspects the spammish repetition': 'fbcea83c8a378bf1',
    }
    for (const [text, answer] of Object.entries(answers)) assert.equal(hex(keyHash(text)), answer, text)
  })

  it('is of the bytes, one per character', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (a, b) => {
        const [x, y] = [a, b].map((id) => hex(keyHash(Buffer.from(id).toString('latin1'))))
        assert.equal(x === y, Buffer.compare(a, b) === 0)
      }),
    )
  })

  it('[R9] chooses the bucket modulo 1024, and shards are runs of 16 buckets', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const hash = keyHash(text)
        const bucket = Number(BigInt(`0x${hex(hash)}`) % BigInt(BUCKET_COUNT))
        assert.equal(bucketOf(hash), bucket)
        assert.equal(shardOfBucket(bucket), Math.floor(bucket / 16))
      }),
    )
    assert.equal(shardOfBucket(BUCKET_COUNT - 1), SHARD_COUNT - 1)
  })

  it('[R9] is bit for bit what xxhash-wasm says, for keys of any bytes and any length', async () => {
    const { h64Raw } = await xxhash()
    const fast = createXxHash64()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const key = Buffer.from(bytes).toString('latin1')
        const expected = h64Raw(bytes).toString(16).padStart(16, '0')
        assert.equal(hex(fast.whole(key)), expected)
        assert.equal(fast.low(key) >>> 0, fast.whole(key).lo >>> 0)
        assert.equal(keyHash.low(key), keyHash(key).lo)
      }),
      { numRuns: 2_000 },
    )
    for (const length of [KEY_BYTES_MAX, KEY_BYTES_MAX + 1]) {
      // The second has as many characters as there is room for bytes, and takes more as UTF-8.
      for (const key of ['x'.repeat(length), `\xe9${'x'.repeat(length - 1)}`]) {
        assert.equal(hex(keyHash(key)), h64Raw(Buffer.from(key, 'latin1')).toString(16).padStart(16, '0'))
        assert.equal(keyHash.low(key), keyHash(key).lo)
      }
    }
  })

  it('[B1] takes the low byte of each character, so that the keys of chunks are spread like ids', () => {
    const number = { tenure: { epoch: 0, node: 'a', incarnation: 1 }, seq: 7 }
    const key = chunkKey({ session: toSessionKey('basket'), portion: 'übertrag \u{1f600}', number, index: 3 })
    assert.deepEqual(keyHash(key), keyHash(Buffer.from(key, 'latin1').toString('latin1')))
    assert.equal(keyHash.low(key), keyHash(key).lo)
  })

  it('is loaded once', async () => {
    assert.equal(await loadKeyHash(), await loadKeyHash())
  })
})
