/**
 * A value as the cluster keeps it: a portion of its key's session, sealed between nodes that have a sealing key.
 *
 * ```
 *  0    1  format, 1
 *  1    1  mark: bit 0 stale, bit 1 claimed
 *  2    4  flags
 *  6    8  unique
 * 14    n  the value
 * ```
 *
 * Integers are big-endian. When the key ends is not here but in the session's expiry, which travels as the time that
 * remains, is compared with nobody's clock, and changes without the value.
 */
import { Buffer } from 'node:buffer'
import type { PortionCodec, PortionValue } from '@reprise/core'
import { WireError } from '@reprise/core'
import type { Mark } from './key-value.ts'

export interface StoredValue {
  readonly value: Uint8Array
  readonly flags: number
  readonly unique: bigint
  readonly mark: Mark
}

/** The portion's name. */
export const PORTION = 'kv'

export const storedValue: PortionCodec<StoredValue> = {
  name: PORTION,
  sealed: true,

  encode({ value, flags, unique, mark }) {
    const bytes = Buffer.allocUnsafe(HEADER_BYTES + value.length)
    bytes[0] = FORMAT
    bytes[1] = MARKS.indexOf(mark)
    bytes.writeUInt32BE(flags, 2)
    wide.setBigUint64(0, unique)
    bytes.set(wideBytes, 6)
    bytes.set(value, HEADER_BYTES)
    return bytes
  },

  decode(stored: PortionValue) {
    const mark = stored instanceof Uint8Array ? MARKS[stored[1] ?? MARKS.length] : undefined
    if (!(stored instanceof Uint8Array) || stored[0] !== FORMAT || stored.length < HEADER_BYTES || mark === undefined) {
      throw new WireError('no value of a gateway, or one of a later version')
    }
    const view = new DataView(stored.buffer, stored.byteOffset, stored.length)
    return { value: stored.subarray(HEADER_BYTES), flags: view.getUint32(2), unique: view.getBigUint64(6), mark }
  },
}

const FORMAT = 1
const HEADER_BYTES = 14
/** Where numbers of 64 bits are written on their way: faster than what buffers have for it. */
const wideBytes = new Uint8Array(8)
const wide = new DataView(wideBytes.buffer)
const MARKS: readonly Mark[] = ['none', 'stale', 'claimed', 'stale-claimed']
