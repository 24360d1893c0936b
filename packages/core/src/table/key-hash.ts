/**
 * The hash of keys: xxHash64 (Collet), kept as two 32-bit numbers.
 *
 * The low bits choose the bucket, and the bucket the shard, on every node alike, so a wrong hash would scatter a cluster's
 * sessions. The fast form of `xxhash64.ts` is therefore held against `xxhash-wasm` when it is loaded, which is also what
 * hashes whatever is longer than any key. Loading is asynchronous because that is; the hash itself is a plain function, handed
 * to whoever needs it.
 */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import xxhash from 'xxhash-wasm'
import { BUCKET_COUNT, BUCKETS_PER_SHARD } from '../constants.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import { createXxHash64, KEY_BYTES_MAX } from './xxhash64.ts'

/** Hash Latin-1 text by its bytes. */
export interface KeyHash {
  (key: string): Hash64
  /** The lower 32 bits alone, which name the bucket and the place in it, without making a hash: for reads. */
  readonly low: (key: string) => number
}

/** Load xxHash64. Loaded once per process. */
export function loadKeyHash(): Promise<KeyHash> {
  loading ??= xxhash().then(({ h64Raw }) => {
    const reference = (key: string): Hash64 => {
      const hash = h64Raw(Buffer.from(key, 'latin1'))
      return { hi: Number(BigInt.asIntN(32, hash >> 32n)), lo: Number(BigInt.asIntN(32, hash)) }
    }
    const fast = createXxHash64()
    for (const key of KNOWN_KEYS) assert.deepEqual(fast.whole(key), reference(key), 'two ways to xxHash64 differ')
    const hash = (key: string): Hash64 => (key.length <= KEY_BYTES_MAX ? fast.whole(key) : reference(key))
    const low = (key: string): number => (key.length <= KEY_BYTES_MAX ? fast.low(key) : reference(key).lo)
    return Object.assign(hash, { low })
  })
  return loading
}

export function bucketOf(hash: Hash64): number {
  return bucketOfLow(hash.lo)
}

/** The same of the lower 32 bits. */
export function bucketOfLow(low: number): number {
  return low & (BUCKET_COUNT - 1)
}

export function shardOfBucket(bucket: number): number {
  return Math.floor(bucket / BUCKETS_PER_SHARD)
}

let loading: Promise<KeyHash> | undefined

/** With every path through the hash: none, one and many of its runs of 32, 8, 4 and 1 bytes, and bytes over 127. */
const KNOWN_KEYS = [
  '',
  'a',
  'four',
  'eight888',
  '\xff'.repeat(31),
  'k'.repeat(32),
  `${'0123456789abcdef'.repeat(6)}\x80~`,
]
