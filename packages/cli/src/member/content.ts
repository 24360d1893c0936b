/**
 * Bytes for transfers: pseudo-random, the same in every process, readable from any offset without making those before.
 *
 * They are the AES-256-CTR key stream of a key derived from the content's name: block `n` of 16 bytes is the encryption of
 * the counter `n` (NIST SP 800-38A, 6.5).
 */
import { createCipheriv, createHash } from 'node:crypto'

const BLOCK_BYTES = 16

/** The bytes from `start` to before `end` of the content with that name. */
export function contentBytes(name: string, start: number, end: number): Buffer {
  const key = createHash('sha256').update(name).digest()
  const firstBlock = Math.floor(start / BLOCK_BYTES)
  const counter = Buffer.alloc(BLOCK_BYTES)
  counter.writeBigUInt64BE(BigInt(firstBlock), BLOCK_BYTES - 8)
  const skipped = start - firstBlock * BLOCK_BYTES
  const stream = createCipheriv('aes-256-ctr', key, counter).update(Buffer.alloc(skipped + end - start))
  return stream.subarray(skipped)
}

/** The SHA-256 of the first `size` bytes, made piece by piece so that the process serves others meanwhile. */
export async function contentSha256(name: string, size: number): Promise<Buffer> {
  const hash = createHash('sha256')
  for (let start = 0; start < size; start += HASH_BYTES) {
    hash.update(contentBytes(name, start, Math.min(size, start + HASH_BYTES)))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return hash.digest()
}

/** About a millisecond of work. */
const HASH_BYTES = 512 * 1024
