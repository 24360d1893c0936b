/** What stands on a command line, read as a memcached server reads it. */
import { Buffer } from 'node:buffer'
import type { Expiry } from '../store/key-value.ts'
import { MEMCACHED_KEY_BYTES_MAX, RELATIVE_SECONDS_MAX } from './constants.ts'
import { BAD_FORMAT, MemcachedRefusal } from './refusal.ts'

/** @throws MemcachedRefusal when it is too long. */
export function keyOf(text: string | undefined): Buffer {
  if (text === undefined || text.length > MEMCACHED_KEY_BYTES_MAX) throw new MemcachedRefusal(BAD_FORMAT)
  return Buffer.from(text, 'latin1')
}

/** A whole number that fits 32 bits, unsigned. @throws MemcachedRefusal */
export function uint32(text: string | undefined, refusal: string = BAD_FORMAT): number {
  const value = /^\d{1,10}$/.test(text ?? '') ? Number(text) : Number.NaN
  if (value <= 0xffff_ffff) return value
  throw new MemcachedRefusal(refusal)
}

/** A whole number that fits 32 bits, signed. @throws MemcachedRefusal */
export function int32(text: string | undefined, refusal: string = BAD_FORMAT): number {
  const value = /^-?\d{1,10}$/.test(text ?? '') ? Number(text) : Number.NaN
  if (value >= -(2 ** 31) && value < 2 ** 31) return value
  throw new MemcachedRefusal(refusal)
}

/** A whole number that fits 64 bits, unsigned. @throws MemcachedRefusal */
export function uint64(text: string | undefined, refusal: string = BAD_FORMAT): bigint {
  const value = parseUint64(text ?? '')
  if (value !== undefined) return value
  throw new MemcachedRefusal(refusal)
}

export function parseUint64(text: string): bigint | undefined {
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined
  return value === undefined || value > UINT64_MAX ? undefined : value
}

/** A whole number of seconds. @throws MemcachedRefusal */
export function seconds(text: string | undefined, refusal: string = BAD_FORMAT): number {
  const value = /^-?\d{1,15}$/.test(text ?? '') ? Number(text) : Number.NaN
  if (!Number.isNaN(value)) return value
  throw new MemcachedRefusal(refusal)
}

/** An exptime: none, seconds from now, or a Unix time; a negative one has passed. @throws MemcachedRefusal */
export function expiryOf(text: string | undefined, refusal: string = BAD_FORMAT): Expiry {
  return expiryOfSeconds(seconds(text, refusal))
}

function expiryOfSeconds(given: number): Expiry {
  if (given === 0) return 'none'
  return given > RELATIVE_SECONDS_MAX ? { atUnixMs: given * 1_000 } : { afterMs: given * 1_000 }
}

export const UINT64_MAX: bigint = 2n ** 64n - 1n
