/** Numbers in values: decimal, unsigned, of 64 bits. Adding goes around, taking away stops at 0. */
import { Buffer } from 'node:buffer'
import { parseUint64, UINT64_MAX } from './arguments.ts'
import { MemcachedRefusal } from './refusal.ts'

export type Direction = 'incr' | 'decr'

/** @throws MemcachedRefusal when the value is no number. */
export function addTo(value: Uint8Array, delta: bigint, direction: Direction): bigint {
  // What a server made shorter in place is padded with spaces.
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1').trimEnd()
  const number = parseUint64(text)
  if (number === undefined) {
    throw new MemcachedRefusal('CLIENT_ERROR cannot increment or decrement non-numeric value')
  }
  if (direction === 'incr') return (number + delta) & UINT64_MAX
  return number > delta ? number - delta : 0n
}

export function digits(number: bigint): Buffer {
  return Buffer.from(number.toString(), 'latin1')
}
