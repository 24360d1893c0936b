/**
 * One sample of every message and frame, written out by hand: the golden vectors are made from them, and their mutations
 * feed the fuzzing. Every optional part occurs with and without.
 */

import { chunkKey, chunkRecord } from '../../src/session/blob.ts'
import type { LiveRecord, SessionRecord } from '../../src/session/record.ts'
import { ABSENT, MISSING } from '../../src/session/record.ts'
import type { FrameHeader } from '../../src/wire/frame.ts'
import { encodeFrame } from '../../src/wire/frame.ts'
import type { MemberNews, Message } from '../../src/wire/messages.ts'
import type { KeyedRecord } from '../../src/wire/record-codec.ts'
import { RecordBatchWriter } from '../../src/wire/record-codec.ts'
import { bytes, keyOf } from './cluster.ts'

const first = { epoch: 1, node: 'node-a', incarnation: 1_767_225_600_000 }
const second = { epoch: 2, node: 'node-b', incarnation: 7 }

const live: LiveRecord = {
  kind: 'live',
  birth: { generation: 1_767_225_600_123, random: 0x0123_4567_89ab },
  frontier: [
    { tenure: second, seq: 3 },
    { tenure: first, seq: 300 },
  ],
  portions: new Map([
    ['auth', { version: { tenure: first, seq: 1 }, value: bytes('alice') }],
    ['basket', { version: { tenure: second, seq: 3 }, value: ABSENT }],
    ['tls', { version: { tenure: first, seq: 300 }, value: MISSING }],
    ['__proto__', { version: { tenure: second, seq: 1 }, value: new Uint8Array(0) }],
  ]),
  expiry: { version: { tenure: second, seq: 3 }, idleMs: 1_800_000, idleAtMs: 1_799_990, absoluteAtMs: 86_400_000 },
}
const empty: LiveRecord = { ...live, frontier: [], portions: new Map() }
const dropped: SessionRecord = { kind: 'dropped', birth: live.birth, absoluteAtMs: 86_400_000 }

const RECORDS: readonly KeyedRecord[] = [
  { key: keyOf('basket-17'), record: live },
  { key: keyOf('\0é'), record: dropped },
  { key: keyOf('x'.repeat(255)), record: empty },
]

const blob = { number: { tenure: { epoch: 0, node: 'node-a', incarnation: 7 }, seq: 300 }, byteLength: 20_000 }
const chunk = chunkKey({ session: keyOf('\0é'), portion: 'upload', number: blob.number, index: 1 })

/** A head with a value outside of it, a chunk of such a value, and a chunk that was dropped. */
const BLOBS: readonly KeyedRecord[] = [
  {
    key: keyOf('basket-17'),
    record: { ...live, portions: new Map([['upload', { version: { tenure: second, seq: 3 }, value: blob }]]) },
  },
  { key: chunk, record: chunkRecord(live.birth, blob.number, 86_400_000, bytes('the rest')) },
  { key: chunk, record: { kind: 'dropped', birth: live.birth, absoluteAtMs: 60_000, isBrief: true } },
]

/** A session whose id was dropped before, in an earlier life, and what is left of one that ended. */
const FLOORS: readonly KeyedRecord[] = [
  {
    key: keyOf('basket-17'),
    record: { ...empty, floor: { birth: { generation: 7, random: 300 }, untilMs: 86_000_000 } },
  },
  { key: keyOf('\0é'), record: { kind: 'dropped', birth: live.birth, absoluteAtMs: 86_400_000, isFloor: true } },
]

const news: MemberNews = {
  node: 'node-a',
  incarnation: 1_767_225_600_000,
  state: 'alive',
  name: 'web 1',
  zone: 'eu-1',
  weight: 1.25,
  addresses: ['/ip4/127.0.0.1/tcp/4001', '/dns/web-1/tcp/4001'],
}

const streams = [
  { shard: 0, number: 1 },
  { shard: 63, number: 70_000 },
]
const version = { tenure: second, seq: 3 }
const hash = { hi: -1, lo: 0x0102_0304 }

/** Samples by name. The name begins with the message's type. */
export const MESSAGES: Readonly<Record<string, Message>> = {
  greeting: { type: 'greeting', self: news, shardCount: 64, bucketCount: 1024, copies: 2 },
  refused: { type: 'refused', knownIncarnation: 1_767_225_600_000 },
  heartbeat: {
    type: 'heartbeat',
    incarnation: 7,
    beat: 300,
    echo: 299,
    echoAgeMs: 12,
    joined: { hi: -1, lo: 1 },
    ready: { hi: 0, lo: 1 },
    streams,
  },
  members: { type: 'members', members: [news, { ...news, node: 'node-b', state: 'dead', zone: '', addresses: [] }] },
  join: { type: 'join', incarnation: 7, shards: [0, 5, 63] },
  hello: { type: 'hello', incarnation: 7, streams },
  leave: { type: 'leave', incarnation: 7, shards: [63] },
  ack: {
    type: 'ack',
    incarnation: 7,
    positions: [
      { shard: 0, ready: false, number: 0 },
      { shard: 63, ready: true, number: 70_000 },
    ],
  },
  nack: {
    type: 'nack',
    incarnation: 7,
    shard: 5,
    ranges: [
      { from: 1, to: 1 },
      { from: 3, to: 700 },
    ],
  },
  gone: { type: 'gone', incarnation: 7, shard: 5, upTo: 700 },
  eject: { type: 'eject', node: 'b', sender: 'a', incarnation: 7, shards: [5, 63] },
  repair: { type: 'repair', ageMs: 250, frame: bytes('a frame') },
  probe: { type: 'probe', incarnation: 7, streams },
  push: { type: 'push', records: RECORDS },
  'push of nothing': { type: 'push', records: [] },
  'pull of all': { type: 'pull', request: 1, key: keyOf('basket-17'), portions: undefined, have: [] },
  'pull of some': {
    type: 'pull',
    request: 300,
    key: keyOf('\0é'),
    portions: ['auth', 'tls'],
    have: [{ name: 'auth', version }],
  },
  'answer found': { type: 'answer', request: 300, status: 'found', ready: true, records: RECORDS.slice(0, 1) },
  'answer absent': { type: 'answer', request: 300, status: 'absent', ready: true, records: [] },
  'answer evicted': { type: 'answer', request: 300, status: 'evicted', ready: false, records: [] },
  'sync-ask of a holder': {
    type: 'sync-ask',
    session: 9,
    shard: 5,
    scope: 'holder',
    digests: [hash, { hi: 0, lo: 0 }],
  },
  'sync-ask of own': { type: 'sync-ask', session: 9, shard: 5, scope: 'own', digests: [] },
  'sync-offer': {
    type: 'sync-offer',
    session: 9,
    ready: true,
    positions: [{ sender: 'node-a', incarnation: 7, number: 70_000 }],
    buckets: [
      { bucket: 80, parts: 1 },
      { bucket: 1023, parts: 3 },
    ],
  },
  'sync-list': { type: 'sync-list', session: 9, scope: 'own', bucket: 1023, part: 2, parts: 3 },
  'sync-items': {
    type: 'sync-items',
    session: 9,
    bucket: 80,
    part: 0,
    items: [{ key: hash, meta: { hi: 1, lo: -2 } }],
  },
  'sync-want': { type: 'sync-want', session: 9, bucket: 80, keys: [hash] },
  'sync-records': { type: 'sync-records', session: 9, done: 3, records: RECORDS },
  'members, one leaving': { type: 'members', members: [{ ...news, state: 'leaving' }] },
  'vouch-ask': { type: 'vouch-ask', node: 'node-b', incarnation: 7 },
  vouch: { type: 'vouch', node: 'node-b', incarnation: 7, heardAgoMs: 300 },
  'push of values outside the head': { type: 'push', records: BLOBS },
  'check-ask': { type: 'check-ask', check: 300 },
  'check-answer': {
    type: 'check-answer',
    check: 300,
    copies: [
      { shard: 0, isCounted: true, isSure: true, evicted: 300, digests: [hash, { hi: 0, lo: 0 }] },
      { shard: 63, isCounted: false, isSure: false, evicted: 0, digests: [] },
    ],
  },
  'check-look': { type: 'check-look', check: 300, round: 2, buckets: [80, 1023] },
  'check-seen': {
    type: 'check-seen',
    check: 300,
    round: 2,
    copies: [
      { bucket: 80, isCounted: true, isSure: false, firm: hash, above: [{ hi: 1, lo: -2 }], below: [hash] },
      { bucket: 1023, isCounted: false, isSure: true, firm: { hi: 0, lo: 0 }, above: [], below: [] },
    ],
  },
  'push of floors': { type: 'push', records: FLOORS },
  'pull-chunk': { type: 'pull-chunk', request: 300, key: chunk },
}

export const FRAME_HEADER: FrameHeader = {
  sender: { hi: -1, lo: 0x0102_0304 },
  incarnation: 1_767_225_600_000,
  shard: 63,
  number: 70_000,
  ackNow: true,
}

export function frameOf(header: FrameHeader, records: readonly KeyedRecord[], nowMs = 0): Uint8Array {
  const batch = new RecordBatchWriter()
  for (const { key, record } of records) batch.add(key, record, nowMs)
  return encodeFrame(header, batch)
}

export const FRAMES: Readonly<Record<string, Uint8Array>> = {
  'frame that wants an acknowledgement': frameOf(FRAME_HEADER, RECORDS),
  'frame of one record': frameOf({ ...FRAME_HEADER, shard: 0, number: 1, ackNow: false }, RECORDS.slice(1, 2)),
  'frame of values outside the head': frameOf(FRAME_HEADER, BLOBS),
  'frame of floors': frameOf(FRAME_HEADER, FLOORS),
}
