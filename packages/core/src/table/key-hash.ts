/**
 * The hash of keys: xxHash64 (Collet), from the WebAssembly build `xxhash-wasm`, kept as two 32-bit numbers.
 *
 * The low bits choose the bucket, and the bucket the shard, on every node alike. Loading is asynchronous because
 * WebAssembly is; the hash itself is a plain function, handed to whoever needs it.
 */
import { Buffer } from 'node:buffer'
import xxhash from 'xxhash-wasm'
import { BUCKET_COUNT, BUCKETS_PER_SHARD } from '../constants.ts'
import type { Hash64 } from '../session/meta-hash.ts'

/** Hash Latin-1 text by its bytes. */
export type KeyHash = (key: string) => Hash64

/** Load xxHash64. Loaded once per process. */
export function loadKeyHash(): Promise<KeyHash> {
  loading ??= xxhash().then(({ h64, h64Raw }) => (key: string): Hash64 => {
    // The bytes of ASCII text are the same in Latin-1 and UTF-8, and the latter goes into WebAssembly without a copy.
    const hash = ASCII.test(key) ? h64(key) : h64Raw(Buffer.from(key, 'latin1'))
    return { hi: Number(BigInt.asIntN(32, hash >> 32n)), lo: Number(BigInt.asIntN(32, hash)) }
  })
  return loading
}

export function bucketOf(hash: Hash64): number {
  return hash.lo & (BUCKET_COUNT - 1)
}

export function shardOfBucket(bucket: number): number {
  return Math.floor(bucket / BUCKETS_PER_SHARD)
}

let loading: Promise<KeyHash> | undefined

// biome-ignore lint/suspicious/noControlCharactersInRegex: a key may hold any byte, NUL included.
const ASCII = /^[\x00-\x7f]*$/
