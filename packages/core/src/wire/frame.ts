/**
 * Frames: what is published to a shard's topic.
 *
 * ```
 *  0     format:u8        1
 *  1-8   sender           xxHash64 of the sender's node id
 *  9-14  incarnation:u48  of the sender
 * 15-16  shard:u16
 * 17-22  number:u48       from 1, without holes, per (sender, incarnation, shard)
 * 23     flags:u8         bit 0: acknowledge at once
 * 24-    batch            see record-codec.ts
 * ```
 *
 * The first 23 bytes are the frame's identity (rule W1): no two frames of a cluster share them, so they serve as the
 * message id of the topic carrier without hashing.
 */
import { SHARD_COUNT } from '../constants.ts'
import { WireError } from '../errors.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import { Reader, Writer } from './bytes.ts'
import type { KeyedRecord, RecordBatchWriter } from './record-codec.ts'
import { readRecords } from './record-codec.ts'

export interface FrameHeader {
  readonly sender: Hash64
  readonly incarnation: number
  readonly shard: number
  readonly number: number
  readonly ackNow: boolean
}

/** Length of the identity at the front of a frame, in bytes. */
export const FRAME_ID_BYTES = 23

export function encodeFrame(header: FrameHeader, batch: RecordBatchWriter): Uint8Array {
  const out = new Writer(batch.byteLength + 128)
  out.u8(FORMAT)
  out.u32(header.sender.hi)
  out.u32(header.sender.lo)
  out.u48(header.incarnation)
  out.u16(header.shard)
  out.u48(header.number)
  out.u8(header.ackNow ? FLAG_ACK_NOW : 0)
  batch.writeTo(out)
  return out.finish()
}

/**
 * Values are views of the frame: who keeps them keeps the whole of it.
 * @throws WireError
 */
export function decodeFrame(bytes: Uint8Array, nowMs: number): { header: FrameHeader; records: KeyedRecord[] } {
  const reader = new Reader(bytes)
  const format = reader.u8()
  if (format !== FORMAT) throw new WireError(`unknown frame format ${format}`)
  const sender = { hi: reader.u32() | 0, lo: reader.u32() | 0 }
  const incarnation = reader.u48()
  const shard = reader.u16()
  if (shard >= SHARD_COUNT) throw new WireError(`no shard ${shard}`)
  const number = reader.u48()
  if (number === 0) throw new WireError('frames are numbered from 1')
  const flags = reader.u8()
  if ((flags & ~FLAG_ACK_NOW) !== 0) throw new WireError(`unknown frame flags ${flags}`)
  const records = readRecords(reader, nowMs, 'views')
  reader.end()
  return { header: { sender, incarnation, shard, number, ackNow: (flags & FLAG_ACK_NOW) !== 0 }, records }
}

const FORMAT = 1
const FLAG_ACK_NOW = 1
