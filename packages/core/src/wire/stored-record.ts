/**
 * A record as a repository stores it.
 *
 * ```
 *  0     format:u8        1
 *  1-8   checksum         xxHash64 of the key and of all that follows
 *  9-14  written:u48      when, on the clock of the repository, in milliseconds
 * 15-    batch            of this one record, see record-codec.ts
 * ```
 *
 * Deadlines are in it as milliseconds that remained when it was written. Who reads it says how long ago that was: so the time in
 * which nobody ran counts too (rule E3).
 */
import { Buffer } from 'node:buffer'
import { WireError } from '../errors.ts'
import type { SessionKey } from '../session/id.ts'
import type { SessionRecord } from '../session/record.ts'
import type { KeyHash } from '../table/key-hash.ts'
import { Reader, Writer } from './bytes.ts'
import type { KeyedRecord } from './record-codec.ts'
import { RecordBatchWriter, readRecords } from './record-codec.ts'

/** @param storedMs the time on the repository's own clock, which goes on over its lives. */
export function encodeStored(
  key: SessionKey,
  record: SessionRecord,
  time: { readonly nowMs: number; readonly storedMs: number },
  keyHash: KeyHash,
): Uint8Array {
  const batch = new RecordBatchWriter()
  batch.add(key, record, time.nowMs)
  const body = new Writer(batch.byteLength + 64)
  body.u48(Math.floor(time.storedMs))
  batch.writeTo(body)
  const out = new Writer(body.length + SUM_BYTES + 1)
  out.u8(FORMAT)
  const rest = body.finish()
  const sum = checksum(key, rest, keyHash)
  out.u32(sum.hi)
  out.u32(sum.lo)
  out.raw(rest)
  return out.finish()
}

/** @throws WireError when the bytes are not what was stored under the key. */
export function decodeStored(
  key: SessionKey,
  bytes: Uint8Array,
  time: { readonly nowMs: number; readonly storedMs: number },
  keyHash: KeyHash,
): KeyedRecord {
  const reader = new Reader(bytes)
  const format = reader.u8()
  if (format !== FORMAT) throw new WireError(`a stored record of format ${format}`)
  const [hi, lo] = [reader.u32() | 0, reader.u32() | 0]
  const sum = checksum(key, bytes.subarray(SUM_BYTES + 1), keyHash)
  if (sum.hi !== hi || sum.lo !== lo) throw new WireError('a stored record whose checksum is wrong')
  const ageMs = Math.max(0, time.storedMs - reader.u48())
  const [first, ...more] = readRecords(reader, time.nowMs - ageMs)
  reader.end()
  if (first === undefined || more.length > 0 || first.key !== key) throw new WireError('a stored record of another key')
  return first
}

function checksum(key: SessionKey, rest: Uint8Array, keyHash: KeyHash): { hi: number; lo: number } {
  const { hi, lo } = keyHash(`${key}${Buffer.from(rest.buffer, rest.byteOffset, rest.length).toString('latin1')}`)
  return { hi: hi | 0, lo: lo | 0 }
}

const FORMAT = 1
const SUM_BYTES = 8
