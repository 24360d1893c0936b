/**
 * The number and the bytes of every message, writing and reading side by side.
 *
 * A message is its number (one byte) and its fields in the order written here; the shapes of numbers, bytes and text are in
 * `bytes.ts`, those of records in `record-codec.ts`. Numbers are never used again for something else: a later version adds
 * messages, or writes one differently to links that speak it. Golden vectors in the tests hold every one of them still.
 */
import {
  BUCKET_COUNT,
  BUCKETS_PER_SHARD,
  CHECK_BUCKETS_MAX,
  CHECK_EDGES_MAX,
  MEMBER_ADDRESSES_MAX,
  MEMBERS_MAX,
  NACK_RANGES_MAX,
  PORTION_NAME_BYTES_MAX,
  PORTIONS_MAX,
  SHARD_COUNT,
  SYNC_ITEMS_MAX,
  SYNC_WANT_MAX,
  WIRE_VERSION,
} from '../constants.ts'
import { WireError } from '../errors.ts'
import { chunkKey, chunkName } from '../session/blob.ts'
import type { SessionKey } from '../session/id.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import type { NodeId, Version } from '../session/version.ts'
import type { Range } from '../stream/ranges.ts'
import { COUNTER_MAX, Reader, Writer } from './bytes.ts'
import type { AnswerStatus, CopyState, MemberNews, MemberState, Message, ShardNumber } from './messages.ts'
import type { KeyedRecord } from './record-codec.ts'
import { RecordBatchWriter, readRecords } from './record-codec.ts'

/** Encode a message for a link of this wire version; deadlines in its records are taken relative to `nowMs`. */
export function encodeMessage(message: Message, nowMs: number, wire: number = WIRE_VERSION): Uint8Array {
  const codec = byType[message.type] as Codec<Message>
  const out = new Writer()
  out.u8(codec.number)
  codec.write(message, out, nowMs, wire)
  return out.finish()
}

/** @throws WireError */
export function decodeMessage(bytes: Uint8Array, nowMs: number, wire: number = WIRE_VERSION): Message {
  const reader = new Reader(bytes)
  const number = reader.u8()
  const codec = byNumber[number]
  if (codec === undefined || (wire < 2 && number > NUMBER_MAX_WIRE_1)) throw new WireError(`unknown message ${number}`)
  const message = codec.read(reader, nowMs, wire)
  reader.end()
  return message
}

interface Codec<M extends Message> {
  readonly number: number
  write(message: M, out: Writer, nowMs: number, wire: number): void
  read(reader: Reader, nowMs: number, wire: number): M
}

const byType: { readonly [T in Message['type']]: Codec<Extract<Message, { type: T }>> } = {
  greeting: {
    number: 1,
    write(m, out, _nowMs, wire) {
      writeNews(out, m.self, wire)
      out.u16(m.shardCount)
      out.u16(m.bucketCount)
      out.varint(m.copies)
    },
    read: (r, _nowMs, wire) => ({
      type: 'greeting',
      self: readNews(r, wire),
      shardCount: r.u16(),
      bucketCount: r.u16(),
      copies: r.varint(),
    }),
  },
  refused: {
    number: 2,
    write: (m, out) => out.u48(m.knownIncarnation),
    read: (r) => {
      const knownIncarnation = r.u48()
      // The receiver rises above it, and what it then writes must be read by all.
      if (knownIncarnation >= COUNTER_MAX) throw new WireError('no incarnation is above that')
      return { type: 'refused', knownIncarnation }
    },
  },
  heartbeat: {
    number: 3,
    write(m, out) {
      out.u48(m.incarnation)
      out.varint(m.beat)
      out.varint(m.echo)
      out.varint(m.echoAgeMs)
      writeHash(out, m.joined)
      writeHash(out, m.ready)
      writeStreams(out, m.streams)
    },
    read: (r) => ({
      type: 'heartbeat',
      incarnation: r.u48(),
      beat: r.varint(),
      echo: r.varint(),
      echoAgeMs: r.varint(),
      joined: readHash(r),
      ready: readHash(r),
      streams: readStreams(r),
    }),
  },
  members: {
    number: 4,
    write: (m, out, _nowMs, wire) => writeList(out, m.members, (news) => writeNews(out, news, wire)),
    read: (r, _nowMs, wire) => ({ type: 'members', members: readList(r, MEMBERS_MAX, 8, () => readNews(r, wire)) }),
  },
  join: {
    number: 5,
    write(m, out) {
      out.u48(m.incarnation)
      writeList(out, m.shards, (shard) => out.u16(shard))
    },
    read: (r) => ({ type: 'join', incarnation: r.u48(), shards: readList(r, SHARD_COUNT, 2, () => readShard(r)) }),
  },
  hello: {
    number: 6,
    write(m, out) {
      out.u48(m.incarnation)
      writeStreams(out, m.streams)
    },
    read: (r) => ({ type: 'hello', incarnation: r.u48(), streams: readStreams(r) }),
  },
  leave: {
    number: 7,
    write(m, out) {
      out.u48(m.incarnation)
      writeList(out, m.shards, (shard) => out.u16(shard))
    },
    read: (r) => ({ type: 'leave', incarnation: r.u48(), shards: readList(r, SHARD_COUNT, 2, () => readShard(r)) }),
  },
  ack: {
    number: 8,
    write(m, out) {
      out.u48(m.incarnation)
      writeList(out, m.positions, (position) => {
        out.u16(position.shard | (position.ready ? ACK_READY : 0))
        out.varint(position.number)
      })
    },
    read: (r) => ({
      type: 'ack',
      incarnation: r.u48(),
      positions: readList(r, SHARD_COUNT, 3, () => {
        const word = r.u16()
        return { shard: checkShard(word & ~ACK_READY), ready: (word & ACK_READY) !== 0, number: r.varint() }
      }),
    }),
  },
  nack: {
    number: 9,
    write(m, out) {
      out.u48(m.incarnation)
      out.u16(m.shard)
      writeList(out, m.ranges, (range) => {
        out.varint(range.from)
        out.varint(range.to - range.from)
      })
    },
    read: (r) => ({ type: 'nack', incarnation: r.u48(), shard: readShard(r), ranges: readRanges(r) }),
  },
  gone: {
    number: 10,
    write(m, out) {
      out.u48(m.incarnation)
      out.u16(m.shard)
      out.varint(m.upTo)
    },
    read: (r) => ({ type: 'gone', incarnation: r.u48(), shard: readShard(r), upTo: r.varint() }),
  },
  repair: {
    number: 11,
    write(m, out) {
      out.varint(m.ageMs)
      out.raw(m.frame)
    },
    read: (r) => ({ type: 'repair', ageMs: r.varint(), frame: r.raw(r.remaining) }),
  },
  probe: {
    number: 12,
    write(m, out) {
      out.u48(m.incarnation)
      writeStreams(out, m.streams)
    },
    read: (r) => ({ type: 'probe', incarnation: r.u48(), streams: readStreams(r) }),
  },
  push: {
    number: 13,
    write: (m, out, nowMs, wire) => writeRecords(out, m.records, nowMs, wire),
    read: (r, nowMs) => ({ type: 'push', records: readRecords(r, nowMs) }),
  },
  pull: {
    number: 14,
    write(m, out) {
      out.varint(m.request)
      out.latin1(m.key)
      out.u8(m.portions === undefined ? 0 : 1)
      if (m.portions !== undefined) writeList(out, m.portions, (name) => out.text(name))
      writeList(out, m.have, ({ name, version }) => {
        out.text(name)
        writeVersion(out, version)
      })
    },
    read(r) {
      const request = r.varint()
      const key = r.latin1() as SessionKey
      if (key.length === 0) throw new WireError('a pull without an id')
      const named = r.u8()
      if (named > 1) throw new WireError(`unknown pull scope ${named}`)
      const name = (): string => r.text(PORTION_NAME_BYTES_MAX)
      const portions = named === 1 ? readList(r, PORTIONS_MAX, 1, name) : undefined
      const have = readList(r, PORTIONS_MAX, 5, () => ({ name: name(), version: readVersion(r) }))
      return { type: 'pull', request, key, portions, have }
    },
  },
  answer: {
    number: 15,
    write(m, out, nowMs, wire) {
      out.varint(m.request)
      out.u8(STATUSES.indexOf(m.status))
      out.u8(m.ready ? 1 : 0)
      writeRecords(out, m.records, nowMs, wire)
    },
    read(r, nowMs) {
      const request = r.varint()
      const status = STATUSES[r.u8()]
      if (status === undefined) throw new WireError('unknown answer status')
      const ready = readFlag(r)
      const records = readRecords(r, nowMs)
      if (records.length !== (status === 'found' ? 1 : 0))
        throw new WireError('an answer has one record if it found it')
      return { type: 'answer', request, status, ready, records }
    },
  },
  'sync-ask': {
    number: 16,
    write(m, out) {
      out.varint(m.session)
      out.u16(m.shard)
      out.u8(m.scope === 'holder' ? 0 : 1)
      writeList(out, m.digests, (digest) => writeHash(out, digest))
    },
    read: (r) => ({
      type: 'sync-ask',
      session: r.varint(),
      shard: readShard(r),
      scope: readFlag(r) ? 'own' : 'holder',
      digests: readList(r, BUCKETS_PER_SHARD, 8, () => readHash(r)),
    }),
  },
  'sync-offer': {
    number: 17,
    write(m, out) {
      out.varint(m.session)
      out.u8(m.ready ? 1 : 0)
      writeList(out, m.positions, (position) => {
        out.text(position.sender)
        out.u48(position.incarnation)
        out.varint(position.number)
      })
      writeList(out, m.buckets, ({ bucket, parts }) => {
        out.u16(bucket)
        out.varint(parts)
      })
    },
    read: (r) => ({
      type: 'sync-offer',
      session: r.varint(),
      ready: readFlag(r),
      positions: readList(r, POSITIONS_MAX, 8, () => ({ sender: r.text(), incarnation: r.u48(), number: r.varint() })),
      buckets: readList(r, BUCKETS_PER_SHARD, 3, () => ({ bucket: readBucket(r), parts: readParts(r) })),
    }),
  },
  'sync-list': {
    number: 18,
    write(m, out) {
      out.varint(m.session)
      out.u8(m.scope === 'holder' ? 0 : 1)
      out.u16(m.bucket)
      out.varint(m.part)
      out.varint(m.parts)
    },
    read: (r) => ({
      type: 'sync-list',
      session: r.varint(),
      scope: readFlag(r) ? 'own' : 'holder',
      bucket: readBucket(r),
      part: r.varint(),
      parts: readParts(r),
    }),
  },
  'sync-items': {
    number: 19,
    write(m, out) {
      out.varint(m.session)
      out.u16(m.bucket)
      out.varint(m.part)
      writeList(out, m.items, (item) => {
        writeHash(out, item.key)
        writeHash(out, item.meta)
      })
    },
    read: (r) => ({
      type: 'sync-items',
      session: r.varint(),
      bucket: readBucket(r),
      part: r.varint(),
      items: readList(r, SYNC_ITEMS_MAX, 16, () => ({ key: readHash(r), meta: readHash(r) })),
    }),
  },
  'sync-want': {
    number: 20,
    write(m, out) {
      out.varint(m.session)
      out.u16(m.bucket)
      writeList(out, m.keys, (key) => writeHash(out, key))
    },
    read: (r) => ({
      type: 'sync-want',
      session: r.varint(),
      bucket: readBucket(r),
      keys: readList(r, SYNC_WANT_MAX, 8, () => readHash(r)),
    }),
  },
  'sync-records': {
    number: 21,
    write(m, out, nowMs, wire) {
      out.varint(m.session)
      out.varint(m.done)
      writeRecords(out, m.records, nowMs, wire)
    },
    read: (r, nowMs) => ({
      type: 'sync-records',
      session: r.varint(),
      done: r.varint(),
      records: readRecords(r, nowMs),
    }),
  },
  'vouch-ask': {
    number: 22,
    write(m, out) {
      out.text(m.node)
      out.u48(m.incarnation)
    },
    read: (r) => ({ type: 'vouch-ask', node: readNode(r), incarnation: r.u48() }),
  },
  vouch: {
    number: 23,
    write(m, out) {
      out.text(m.node)
      out.u48(m.incarnation)
      out.varint(m.heardAgoMs)
    },
    read: (r) => ({ type: 'vouch', node: readNode(r), incarnation: r.u48(), heardAgoMs: r.varint() }),
  },
  'pull-chunk': {
    number: 26,
    write(m, out) {
      const { session, portion, number, index } = chunkName(m.key)
      out.varint(m.request)
      out.latin1(session)
      out.text(portion)
      writeVersion(out, number)
      out.varint(index)
    },
    read(r) {
      const request = r.varint()
      const session = r.latin1() as SessionKey
      const portion = r.text(PORTION_NAME_BYTES_MAX)
      if (session.length === 0 || portion.length === 0) throw new WireError('a pull of a chunk without a name')
      const number = readVersion(r)
      if (number.tenure.epoch !== 0) throw new WireError('a blob number of another shape')
      return { type: 'pull-chunk', request, key: chunkKey({ session, portion, number, index: r.varint() }) }
    },
  },
  eject: {
    number: 30,
    write(m, out) {
      out.text(m.node)
      out.text(m.sender)
      out.u48(m.incarnation)
      writeList(out, m.shards, (shard) => out.u16(shard))
    },
    read: (r) => ({
      type: 'eject',
      node: readNode(r),
      sender: readNode(r),
      incarnation: r.u48(),
      shards: readList(r, SHARD_COUNT, 2, () => readShard(r)),
    }),
  },
  'check-ask': {
    number: 34,
    write: (m, out) => out.varint(m.check),
    read: (r) => ({ type: 'check-ask', check: r.varint() }),
  },
  'check-answer': {
    number: 35,
    write(m, out) {
      out.varint(m.check)
      writeList(out, m.copies, (copy) => {
        out.u16(copy.shard)
        writeCopyState(out, copy)
        out.varint(copy.evicted)
        writeList(out, copy.digests, (digest) => writeHash(out, digest))
      })
    },
    read: (r) => ({
      type: 'check-answer',
      check: r.varint(),
      copies: readList(r, SHARD_COUNT, 5, () => ({
        shard: readShard(r),
        ...readCopyState(r),
        evicted: r.varint(),
        digests: readList(r, BUCKETS_PER_SHARD, 8, () => readHash(r)),
      })),
    }),
  },
  'check-look': {
    number: 36,
    write(m, out) {
      out.varint(m.check)
      out.varint(m.round)
      writeList(out, m.buckets, (bucket) => out.u16(bucket))
    },
    read: (r) => ({
      type: 'check-look',
      check: r.varint(),
      round: r.varint(),
      buckets: readList(r, CHECK_BUCKETS_MAX, 2, () => readBucket(r)),
    }),
  },
  'check-seen': {
    number: 37,
    write(m, out) {
      out.varint(m.check)
      out.varint(m.round)
      writeList(out, m.copies, (copy) => {
        out.u16(copy.bucket)
        writeCopyState(out, copy)
        writeHash(out, copy.firm)
        writeList(out, copy.above, (meta) => writeHash(out, meta))
        writeList(out, copy.below, (meta) => writeHash(out, meta))
      })
    },
    read: (r) => ({
      type: 'check-seen',
      check: r.varint(),
      round: r.varint(),
      copies: readList(r, CHECK_BUCKETS_MAX, 13, () => ({
        bucket: readBucket(r),
        ...readCopyState(r),
        firm: readHash(r),
        above: readList(r, CHECK_EDGES_MAX, 8, () => readHash(r)),
        below: readList(r, CHECK_EDGES_MAX, 8, () => readHash(r)),
      })),
    }),
  },
}

const byNumber: (Codec<Message> | undefined)[] = []
for (const codec of Object.values(byType)) byNumber[codec.number] = codec as Codec<Message>

function writeRecords(out: Writer, records: readonly KeyedRecord[], nowMs: number, wire: number): void {
  const batch = new RecordBatchWriter(wire)
  for (const { key, record } of records) batch.add(key, record, nowMs)
  batch.writeTo(out)
}

function writeNews(out: Writer, news: MemberNews, wire: number): void {
  out.text(news.node)
  out.u48(news.incarnation)
  out.u8(STATES.indexOf(wire < 2 && news.state === 'leaving' ? 'alive' : news.state))
  out.text(news.name)
  out.text(news.zone)
  out.varint(Math.round(news.weight * 100))
  writeList(out, news.addresses, (address) => out.text(address))
}

function readNode(r: Reader): NodeId {
  const node = r.text()
  if (node.length === 0) throw new WireError('a member without an id')
  return node
}

function readNews(r: Reader, wire: number): MemberNews {
  const node = readNode(r)
  const incarnation = r.u48()
  if (incarnation > COUNTER_MAX) throw new WireError('nobody could read what is written in such a life')
  const state = STATES[r.u8()]
  if (state === undefined || (wire < 2 && state === 'leaving')) throw new WireError('unknown member state')
  const name = r.text()
  const zone = r.text()
  const weight = r.varint() / 100
  return {
    node,
    incarnation,
    state,
    name,
    zone,
    weight,
    addresses: readList(r, MEMBER_ADDRESSES_MAX, 1, () => r.text()),
  }
}

function writeVersion(out: Writer, version: Version): void {
  out.varint(version.tenure.epoch)
  out.text(version.tenure.node)
  out.u48(version.tenure.incarnation)
  out.varint(version.seq)
}

function readVersion(r: Reader): Version {
  return { tenure: { epoch: r.counter(), node: r.text(), incarnation: r.u48() }, seq: r.counter() }
}

function writeStreams(out: Writer, streams: readonly ShardNumber[]): void {
  writeList(out, streams, ({ shard, number }) => {
    out.u16(shard)
    out.varint(number)
  })
}

function readStreams(r: Reader): ShardNumber[] {
  return readList(r, SHARD_COUNT, 3, () => ({ shard: readShard(r), number: r.varint() }))
}

function readRanges(r: Reader): Range[] {
  let floor = 0
  return readList(r, NACK_RANGES_MAX, 2, () => {
    const from = r.varint()
    const to = from + r.varint()
    if (from <= floor || !Number.isSafeInteger(to)) throw new WireError('ranges must be rising and apart')
    floor = to
    return { from, to }
  })
}

function writeHash(out: Writer, hash: Hash64): void {
  out.u32(hash.hi)
  out.u32(hash.lo)
}

function readHash(r: Reader): Hash64 {
  return { hi: r.u32() | 0, lo: r.u32() | 0 }
}

function writeCopyState(out: Writer, { isCounted, isSure }: CopyState): void {
  out.u8((isCounted ? COPY_COUNTED : 0) | (isSure ? COPY_SURE : 0))
}

function readCopyState(r: Reader): CopyState {
  const bits = r.u8()
  if (bits > (COPY_COUNTED | COPY_SURE)) throw new WireError(`a copy in an unknown state ${bits}`)
  return { isCounted: (bits & COPY_COUNTED) !== 0, isSure: (bits & COPY_SURE) !== 0 }
}

function readShard(r: Reader): number {
  return checkShard(r.u16())
}

function checkShard(shard: number): number {
  if (shard >= SHARD_COUNT) throw new WireError(`no shard ${shard}`)
  return shard
}

function readBucket(r: Reader): number {
  const bucket = r.u16()
  if (bucket >= BUCKET_COUNT) throw new WireError(`no bucket ${bucket}`)
  return bucket
}

function readParts(r: Reader): number {
  const parts = r.varint()
  if (parts < 1 || parts > PARTS_MAX) throw new WireError(`a bucket in ${parts} parts`)
  return parts
}

function readFlag(r: Reader): boolean {
  const flag = r.u8()
  if (flag > 1) throw new WireError(`a flag of ${flag}`)
  return flag === 1
}

function writeList<T>(out: Writer, list: readonly T[], write: (item: T) => void): void {
  out.varint(list.length)
  for (const item of list) write(item)
}

function readList<T>(r: Reader, max: number, bytesEach: number, read: () => T): T[] {
  const list: T[] = []
  for (let left = r.count(max, bytesEach); left > 0; left--) list.push(read())
  return list
}

const STATUSES: readonly AnswerStatus[] = ['found', 'absent', 'evicted']
const STATES: readonly MemberState[] = ['alive', 'suspect', 'left', 'dead', 'leaving']
const ACK_READY = 0x8000
const COPY_COUNTED = 1
const COPY_SURE = 2
/** Messages above this number are unknown to wire 1. */
const NUMBER_MAX_WIRE_1 = 21
/** Positions in one offer: members times the lives of theirs that are still remembered. */
const POSITIONS_MAX = 8192
/** A bucket of so many parts would hold a hundred million records. */
const PARTS_MAX = 65_536
