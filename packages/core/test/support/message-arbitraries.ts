/** Generators of every message, within what the wire allows. Deadlines lie on whole milliseconds after time 0. */
import fc from 'fast-check'
import {
  ABSOLUTE_MS_MAX,
  BUCKET_COUNT,
  BUCKETS_PER_SHARD,
  CHECK_BUCKETS_MAX,
  CHECK_EDGES_MAX,
  MEMBER_ADDRESSES_MAX,
  NACK_RANGES_MAX,
  PORTION_BYTES_MAX,
  SHARD_COUNT,
  SYNC_REMAINING_MS_MIN,
} from '../../src/constants.ts'
import { chunkKey, chunkRecord } from '../../src/session/blob.ts'
import type { SessionKey } from '../../src/session/id.ts'
import type { Hash64 } from '../../src/session/meta-hash.ts'
import type { BlobReference, Floor, LiveRecord, Portion, SessionRecord, Tombstone } from '../../src/session/record.ts'
import { ABSENT, MISSING } from '../../src/session/record.ts'
import type { Birth, Tenure, Version } from '../../src/session/version.ts'
import { compareTenures } from '../../src/session/version.ts'
import type { Range } from '../../src/stream/ranges.ts'
import { COUNTER_MAX } from '../../src/wire/bytes.ts'
import type { BucketCopy, MemberNews, Message, ShardBits, ShardCopy, ShardNumber } from '../../src/wire/messages.ts'
import type { KeyedRecord } from '../../src/wire/record-codec.ts'
import { shape } from './arbitraries.ts'

/** The time at which generated messages are encoded and decoded. */
export const AT_MS = 0

const number = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: COUNTER_MAX }))
const u48 = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: COUNTER_MAX }))
const u32 = fc.integer()
const shard = fc.nat({ max: SHARD_COUNT - 1 })
const bucket = fc.nat({ max: BUCKET_COUNT - 1 })
const durationMs = fc.oneof(fc.nat({ max: 5_000 }), fc.nat({ max: ABSOLUTE_MS_MAX }))
const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const nodeId = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const name = fc.oneof(fc.constantFrom('__proto__', 'constructor', '\0', ''), text)
const key = fc.uint8Array({ minLength: 1, maxLength: 16 }).map((id) => Buffer.from(id).toString('latin1') as SessionKey)
const hash: fc.Arbitrary<Hash64> = shape({ hi: u32, lo: u32 })
const bits: fc.Arbitrary<ShardBits> = hash
const births: fc.Arbitrary<Birth> = shape({ generation: number, random: fc.nat({ max: 2 ** 48 - 1 }) })
const tenure: fc.Arbitrary<Tenure> = shape({ epoch: number, node: text, incarnation: u48 })
const version: fc.Arbitrary<Version> = shape({ tenure, seq: fc.integer({ min: 1, max: COUNTER_MAX }) })
const streams: fc.Arbitrary<ShardNumber[]> = fc.array(shape({ shard, number }), { maxLength: SHARD_COUNT })
const bytes = fc.uint8Array({ maxLength: 40 })
const blobNumber: fc.Arbitrary<Version> = shape({
  tenure: shape<Tenure>({ epoch: fc.constant(0), node: text, incarnation: u48 }),
  seq: fc.integer({ min: 1, max: COUNTER_MAX }),
})
const reference: fc.Arbitrary<BlobReference> = shape({
  number: blobNumber,
  byteLength: fc.integer({ min: 1, max: PORTION_BYTES_MAX }),
})

const portions = fc
  .uniqueArray(fc.tuple(name, version, fc.oneof(bytes, reference, fc.constantFrom(ABSENT, MISSING))), {
    maxLength: 5,
    selector: ([portionName]) => portionName,
  })
  .map((list): LiveRecord['portions'] => {
    return new Map(list.map(([portionName, at, value]): [string, Portion] => [portionName, { version: at, value }]))
  })

const frontier = fc
  .uniqueArray(version, { maxLength: 8, comparator: (a, b) => compareTenures(a.tenure, b.tenure) === 0 })
  .map((entries) => entries.sort((a, b) => compareTenures(b.tenure, a.tenure)))

const expiry = shape({
  version,
  idleMs: durationMs,
  idlePart: fc.double({ min: 0, max: 1, noNaN: true }),
  absoluteAtMs: durationMs,
}).map(({ idlePart, ...rest }) => ({ ...rest, idleAtMs: Math.floor(idlePart * rest.idleMs) }))

const record: fc.Arbitrary<SessionRecord> = fc.oneof(
  shape<LiveRecord>({ kind: fc.constant('live'), birth: births, frontier, portions, expiry }),
  shape<LiveRecord>({
    kind: fc.constant('live'),
    birth: births.map(({ generation, random }) => ({ generation: Math.max(1, generation), random })),
    frontier,
    portions,
    expiry,
    floor: shape<Floor>({
      birth: shape<Birth>({ generation: fc.constant(0), random: fc.nat({ max: 2 ** 48 - 1 }) }),
      untilMs: fc.integer({ min: SYNC_REMAINING_MS_MIN + 1, max: ABSOLUTE_MS_MAX }),
    }),
  }),
  shape<Tombstone>({ kind: fc.constant('dropped'), birth: births, absoluteAtMs: durationMs }),
  shape<Tombstone>({
    kind: fc.constant('dropped'),
    birth: births,
    absoluteAtMs: durationMs,
    isFloor: fc.constant(true),
  }),
)

const chunkNumber = fc.tuple(key, text, blobNumber, fc.nat({ max: 1_000 }))
const chunk: fc.Arbitrary<KeyedRecord> = fc
  .tuple(
    chunkNumber,
    births,
    fc.integer({ min: 1, max: ABSOLUTE_MS_MAX }),
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
  )
  .chain(([[session, portionText, at, index], birth, absoluteAtMs, value]) => {
    const keyOfChunk = chunkKey({ session, portion: `p${portionText}`, number: at, index })
    const dropped: SessionRecord = { kind: 'dropped', birth, absoluteAtMs, isBrief: true }
    return fc.constantFrom(
      { key: keyOfChunk, record: chunkRecord(birth, at, absoluteAtMs, value) },
      { key: keyOfChunk, record: dropped },
    )
  })

export const keyedRecords: fc.Arbitrary<KeyedRecord[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: shape<KeyedRecord>({ key, record }) }, { weight: 1, arbitrary: chunk }),
  { maxLength: 4 },
)

const news: fc.Arbitrary<MemberNews> = shape({
  node: nodeId,
  incarnation: u48,
  state: fc.constantFrom('alive' as const, 'suspect' as const, 'left' as const, 'dead' as const, 'leaving' as const),
  name: text,
  zone: text,
  weight: fc.nat({ max: 100_000 }).map((hundredths) => hundredths / 100),
  addresses: fc.array(text, { maxLength: MEMBER_ADDRESSES_MAX }),
})

const ranges: fc.Arbitrary<Range[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 1_000 }), fc.nat({ max: 1_000 })), { maxLength: NACK_RANGES_MAX })
  .map((steps) => {
    let floor = 0
    return steps.map(([gap, length]) => {
      const range = { from: floor + gap, to: floor + gap + length }
      floor = range.to
      return range
    })
  })

const scope = fc.constantFrom('holder' as const, 'own' as const)
const parts = fc.integer({ min: 1, max: 65_536 })

/** For each type of message, its generator. A message that is missing here does not compile. */
export const messages: { readonly [T in Message['type']]: fc.Arbitrary<Extract<Message, { type: T }>> } = {
  greeting: shape({
    type: is('greeting'),
    self: news,
    shardCount: fc.nat({ max: 65_535 }),
    bucketCount: fc.nat({ max: 65_535 }),
    copies: number,
  }),
  refused: shape({ type: is('refused'), knownIncarnation: u48 }),
  heartbeat: shape({
    type: is('heartbeat'),
    incarnation: u48,
    beat: number,
    echo: number,
    echoAgeMs: number,
    joined: bits,
    ready: bits,
    streams,
  }),
  members: shape({ type: is('members'), members: fc.array(news, { maxLength: 5 }) }),
  join: shape({ type: is('join'), incarnation: u48, shards: fc.array(shard, { maxLength: SHARD_COUNT }) }),
  hello: shape({ type: is('hello'), incarnation: u48, streams }),
  leave: shape({ type: is('leave'), incarnation: u48, shards: fc.array(shard, { maxLength: SHARD_COUNT }) }),
  ack: shape({
    type: is('ack'),
    incarnation: u48,
    positions: fc.array(shape({ shard, number, ready: fc.boolean() }), { maxLength: SHARD_COUNT }),
  }),
  nack: shape({ type: is('nack'), incarnation: u48, shard, ranges }),
  eject: shape({
    type: is('eject'),
    node: nodeId,
    sender: nodeId,
    incarnation: u48,
    shards: fc.array(shard, { maxLength: SHARD_COUNT }),
  }),
  gone: shape({ type: is('gone'), incarnation: u48, shard, upTo: number }),
  repair: shape({ type: is('repair'), ageMs: number, frame: bytes }),
  probe: shape({ type: is('probe'), incarnation: u48, streams }),
  push: shape({ type: is('push'), records: keyedRecords }),
  pull: shape({
    type: is('pull'),
    request: number,
    key,
    portions: fc.oneof(fc.constant(undefined), fc.array(name, { maxLength: 5 })),
    have: fc.array(shape({ name, version }), { maxLength: 5 }),
  }),
  answer: fc.oneof(
    shape({
      type: is('answer'),
      request: number,
      status: is('found'),
      ready: fc.boolean(),
      records: shape({ key, record }).map((one) => [one]),
    }),
    shape({
      type: is('answer'),
      request: number,
      status: fc.constantFrom('absent' as const, 'evicted' as const),
      ready: fc.boolean(),
      records: fc.constant([]),
    }),
  ),
  'sync-ask': shape({
    type: is('sync-ask'),
    session: number,
    shard,
    scope,
    digests: fc.array(hash, { maxLength: BUCKETS_PER_SHARD }),
  }),
  'sync-offer': shape({
    type: is('sync-offer'),
    session: number,
    ready: fc.boolean(),
    positions: fc.array(shape({ sender: text, incarnation: u48, number }), { maxLength: 5 }),
    buckets: fc.array(shape({ bucket, parts }), { maxLength: BUCKETS_PER_SHARD }),
  }),
  'sync-list': shape({ type: is('sync-list'), session: number, scope, bucket, part: number, parts }),
  'sync-items': shape({
    type: is('sync-items'),
    session: number,
    bucket,
    part: number,
    items: fc.array(shape({ key: hash, meta: hash }), { maxLength: 5 }),
  }),
  'sync-want': shape({ type: is('sync-want'), session: number, bucket, keys: fc.array(hash, { maxLength: 5 }) }),
  'pull-chunk': shape({ type: is('pull-chunk'), request: number, key: chunk.map((one) => one.key) }),
  'sync-records': shape({ type: is('sync-records'), session: number, done: number, records: keyedRecords }),
  'vouch-ask': shape({ type: is('vouch-ask'), node: nodeId, incarnation: u48 }),
  vouch: shape({ type: is('vouch'), node: nodeId, incarnation: u48, heardAgoMs: number }),
  'check-ask': shape({ type: is('check-ask'), check: number }),
  'check-answer': shape({
    type: is('check-answer'),
    check: number,
    copies: fc.array(
      shape<ShardCopy>({
        shard,
        isCounted: fc.boolean(),
        isSure: fc.boolean(),
        evicted: number,
        digests: fc.array(hash, { maxLength: BUCKETS_PER_SHARD }),
      }),
      { maxLength: SHARD_COUNT },
    ),
  }),
  'check-look': shape({
    type: is('check-look'),
    check: number,
    round: number,
    buckets: fc.array(bucket, { maxLength: CHECK_BUCKETS_MAX }),
  }),
  'check-seen': shape({
    type: is('check-seen'),
    check: number,
    round: number,
    copies: fc.array(
      shape<BucketCopy>({
        bucket,
        isCounted: fc.boolean(),
        isSure: fc.boolean(),
        firm: hash,
        above: fc.array(hash, { maxLength: CHECK_EDGES_MAX }),
        below: fc.array(hash, { maxLength: CHECK_EDGES_MAX }),
      }),
      { maxLength: CHECK_BUCKETS_MAX },
    ),
  }),
}

function is<T extends string>(word: T): fc.Arbitrary<T> {
  return fc.constant(word)
}
