/**
 * Arguments as Redis reads them.
 *
 * Whole numbers are strict: an optional minus, no zero in front, 64 bits. Words are compared without regard to case. Times are
 * checked for what Redis would overflow at, and cut to what the store can keep only there.
 */
import type { Expiry } from '../store/key-value.ts'
import { invalidExpiry, notAnInteger } from './errors.ts'

export const INT64_MAX: bigint = 2n ** 63n - 1n
export const INT64_MIN: bigint = -(2n ** 63n)

/** The whole number that the bytes write out; undefined for anything else, and beyond 64 bits. */
export function parseInteger(bytes: Uint8Array): bigint | undefined {
  if (bytes.length === 0 || bytes.length > INTEGER_BYTES_MAX) return undefined
  const text = textOf(bytes)
  if (!/^(?:0|-?[1-9]\d*)$/.test(text)) return undefined
  const value = BigInt(text)
  return value > INT64_MAX || value < INT64_MIN ? undefined : value
}

/** @throws RespCommandError when it is no integer. */
export function integerOf(argument: Uint8Array): bigint {
  const value = parseInteger(argument)
  if (value === undefined) throw notAnInteger()
  return value
}

/** The bytes, a character each. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** A word of the protocol, in upper case. */
export function wordOf(argument: Uint8Array): string {
  return textOf(argument).toUpperCase()
}

/** How a time is given. */
export interface TimeUnit {
  /** Milliseconds. */
  readonly unitMs: 1n | 1_000n
  /** Since 1970 rather than from now. */
  readonly isAbsolute: boolean
}

/** The options that `SET` and `GETEX` give times with. */
export const TIME_OPTIONS: ReadonlyMap<string, TimeUnit> = new Map([
  ['EX', { unitMs: 1_000n, isAbsolute: false }],
  ['PX', { unitMs: 1n, isAbsolute: false }],
  ['EXAT', { unitMs: 1_000n, isAbsolute: true }],
  ['PXAT', { unitMs: 1n, isAbsolute: true }],
])

/** A time that must lie ahead as it is given, though it may have passed by the clock. @throws RespCommandError */
export function expiryOf(argument: Uint8Array, unit: TimeUnit, command: string, nowUnixMs: number): Expiry {
  const value = integerOf(argument)
  if (value <= 0n) throw invalidExpiry(command)
  const atMs = unixMsOf(value, unit, command, nowUnixMs)
  return unit.isAbsolute ? { atUnixMs: Number(atMs) } : { afterMs: Number(value * unit.unitMs) }
}

/** The time on the clock, in milliseconds since 1970. @throws RespCommandError when it is beyond 64 bits. */
export function unixMsOf(value: bigint, { unitMs, isAbsolute }: TimeUnit, command: string, nowUnixMs: number): bigint {
  const ms = value * unitMs
  const atMs = isAbsolute ? ms : ms + BigInt(Math.floor(nowUnixMs))
  if (ms < INT64_MIN || atMs > INT64_MAX) throw invalidExpiry(command)
  return atMs
}

/** Digits of 64 bits, and a minus. */
const INTEGER_BYTES_MAX = 20
