/**
 * Shapes of fields that several messages have, written and read: lists, hashes, shards, members. Whatever is read is checked.
 */
import { BUCKET_COUNT, SHARD_COUNT } from '../constants.ts'
import { WireError } from '../errors.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import type { NodeId } from '../session/version.ts'
import type { Reader, Writer } from './bytes.ts'
import type { ShardNumber } from './messages.ts'
import type { KeyedRecord } from './record-codec.ts'
import { RecordBatchWriter } from './record-codec.ts'

export function writeRecords(out: Writer, records: readonly KeyedRecord[], nowMs: number, wire: number): void {
  const batch = new RecordBatchWriter(wire)
  for (const { key, record } of records) batch.add(key, record, nowMs)
  batch.writeTo(out)
}

export function readNode(r: Reader): NodeId {
  const node = r.text()
  if (node.length === 0) throw new WireError('a member without an id')
  return node
}

export function writeStreams(out: Writer, streams: readonly ShardNumber[]): void {
  writeList(out, streams, ({ shard, number }) => {
    out.u16(shard)
    out.varint(number)
  })
}

export function readStreams(r: Reader): ShardNumber[] {
  return readList(r, SHARD_COUNT, 3, () => ({ shard: readShard(r), number: r.varint() }))
}

export function writeHash(out: Writer, hash: Hash64): void {
  out.u32(hash.hi)
  out.u32(hash.lo)
}

export function readHash(r: Reader): Hash64 {
  return { hi: r.u32() | 0, lo: r.u32() | 0 }
}

export function readShard(r: Reader): number {
  return checkShard(r.u16())
}

export function checkShard(shard: number): number {
  if (shard >= SHARD_COUNT) throw new WireError(`no shard ${shard}`)
  return shard
}

export function readBucket(r: Reader): number {
  const bucket = r.u16()
  if (bucket >= BUCKET_COUNT) throw new WireError(`no bucket ${bucket}`)
  return bucket
}

export function readFlag(r: Reader): boolean {
  const flag = r.u8()
  if (flag > 1) throw new WireError(`a flag of ${flag}`)
  return flag === 1
}

export function writeList<T>(out: Writer, list: readonly T[], write: (item: T) => void): void {
  out.varint(list.length)
  for (const item of list) write(item)
}

export function readList<T>(r: Reader, max: number, bytesEach: number, read: () => T): T[] {
  const list: T[] = []
  for (let left = r.count(max, bytesEach); left > 0; left--) list.push(read())
  return list
}
