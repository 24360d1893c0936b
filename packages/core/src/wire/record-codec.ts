/**
 * Records as bytes.
 *
 * ```
 * batch   := tenures record*
 * tenures := count (epoch:varint node:text incarnation:varint)*        each tenure once, named by its place
 * record  := kind:u8 id:latin1 generation:varint random:u48 body
 * live    := frontier idleMs:varint idleLeft:varint absoluteLeft:varint version portions
 * frontier:= count version*                                             highest first
 * portions:= count (name:text version state:u8 [value:bytes])*         state 0 value, 1 absent, 2 missing
 * dropped := absoluteLeft:varint
 * version := tenure:varint seq:varint
 * ```
 *
 * Deadlines travel as milliseconds that remain, counted at the moment of encoding, so no clock is compared (rule E2).
 */
import {
  ABSOLUTE_MS_MAX,
  FRONTIER_TENURES_MAX,
  ID_BYTES_MAX,
  PORTION_NAME_BYTES_MAX,
  PORTIONS_MAX,
  SESSION_BYTES_MAX,
  TENURES_PER_BATCH_MAX,
} from '../constants.ts'
import { WireError } from '../errors.ts'
import type { SessionKey } from '../session/id.ts'
import type { Expiry, LiveRecord, Portion, SessionRecord } from '../session/record.ts'
import { ABSENT, MISSING } from '../session/record.ts'
import type { Tenure, Version } from '../session/version.ts'
import { compareTenures } from '../session/version.ts'
import type { Reader } from './bytes.ts'
import { Writer } from './bytes.ts'

export interface KeyedRecord {
  readonly key: SessionKey
  readonly record: SessionRecord
}

/** Collects records and writes them, once, with one table of their tenures in front. */
export class RecordBatchWriter {
  readonly #records: Writer
  readonly #tenures: Tenure[] = []
  readonly #places = new Map<Tenure, number>()
  #count = 0

  constructor() {
    this.#records = spareWriters.pop() ?? new Writer(SPARE_WRITER_BYTES)
  }

  get count(): number {
    return this.#count
  }

  /** What the batch will take, roughly: exact but for the tenure table's few bytes. */
  get byteLength(): number {
    return this.#records.length + this.#tenures.length * TENURE_WIRE_BYTES
  }

  add(key: SessionKey, record: SessionRecord, nowMs: number): void {
    const out = this.#records
    this.#count++
    out.u8(record.kind === 'live' ? KIND_LIVE : KIND_DROPPED)
    out.latin1(key)
    out.varint(record.birth.generation)
    out.u48(record.birth.random)
    if (record.kind === 'dropped') {
      out.varint(leftMs(record.absoluteAtMs, nowMs))
      return
    }
    out.varint(record.frontier.length)
    for (const entry of record.frontier) this.#version(entry)
    out.varint(record.expiry.idleMs)
    out.varint(leftMs(record.expiry.idleAtMs, nowMs))
    out.varint(leftMs(record.expiry.absoluteAtMs, nowMs))
    this.#version(record.expiry.version)
    out.varint(record.portions.size)
    for (const [name, portion] of record.portions) {
      out.text(name)
      this.#version(portion.version)
      if (portion.value === MISSING) out.u8(STATE_MISSING)
      else if (portion.value === ABSENT) out.u8(STATE_ABSENT)
      else {
        out.u8(STATE_VALUE)
        out.bytes(portion.value)
      }
    }
  }

  writeTo(out: Writer): void {
    out.varint(this.#tenures.length)
    for (const tenure of this.#tenures) {
      out.varint(tenure.epoch)
      out.text(tenure.node)
      out.varint(tenure.incarnation)
    }
    out.varint(this.#count)
    out.append(this.#records)
    this.#records.reset()
    if (spareWriters.length < SPARE_WRITERS_MAX) spareWriters.push(this.#records)
  }

  #version(version: Version): void {
    let place = this.#places.get(version.tenure)
    if (place === undefined) {
      place = this.#tenures.findIndex((known) => compareTenures(known, version.tenure) === 0)
      if (place < 0) place = this.#tenures.push(version.tenure) - 1
      this.#places.set(version.tenure, place)
    }
    this.#records.varint(place)
    this.#records.varint(version.seq)
  }
}

/** At most this many bytes for a tenure in a batch's table: a peer id of 52 letters and two counters. */
export const TENURE_WIRE_BYTES = 72

/** At most this many bytes for a record in a batch, its tenures not counted. */
export function recordWireBytes(key: SessionKey, record: SessionRecord): number {
  if (record.kind === 'dropped') return key.length + TOMBSTONE_WIRE_BYTES
  let bytes = key.length + RECORD_WIRE_BYTES + record.frontier.length * VERSION_WIRE_BYTES
  for (const [name, { value }] of record.portions) {
    bytes += 3 * name.length + PORTION_WIRE_BYTES + (value?.length ?? 0)
  }
  return bytes
}

/** Read a batch. Values are copied, so the message may be reused. */
export function readRecords(reader: Reader, nowMs: number): KeyedRecord[] {
  const tenures: Tenure[] = []
  for (let left = reader.count(TENURES_PER_BATCH_MAX, 3); left > 0; left--) {
    const epoch = reader.counter()
    const node = reader.text()
    tenures.push(internTenure({ epoch, node, incarnation: reader.counter() }))
  }
  const records: KeyedRecord[] = []
  for (let left = reader.count(RECORDS_PER_BATCH_MAX, 10); left > 0; left--) {
    records.push(readRecord(reader, tenures, nowMs))
  }
  return records
}

function readRecord(reader: Reader, tenures: readonly Tenure[], nowMs: number): KeyedRecord {
  const kind = reader.u8()
  if (kind !== KIND_LIVE && kind !== KIND_DROPPED) throw new WireError(`unknown record kind ${kind}`)
  const key = reader.latin1(ID_BYTES_MAX) as SessionKey
  if (key.length === 0) throw new WireError('a record without an id')
  const birth = { generation: reader.counter(), random: reader.u48() }
  if (kind === KIND_DROPPED) {
    return { key, record: { kind: 'dropped', birth, absoluteAtMs: nowMs + duration(reader) } }
  }
  const frontier: Version[] = []
  for (let left = reader.count(FRONTIER_TENURES_MAX, 2); left > 0; left--) {
    const version = readVersion(reader, tenures)
    const previous = frontier[frontier.length - 1]
    if (previous !== undefined && compareTenures(previous.tenure, version.tenure) <= 0) {
      throw new WireError('a frontier that is not in falling order')
    }
    if (version.seq === 0) throw new WireError('a frontier of a tenure that wrote nothing')
    frontier.push(version)
  }
  const idleMs = duration(reader)
  const idleAtMs = nowMs + Math.min(duration(reader), idleMs)
  const absoluteAtMs = nowMs + duration(reader)
  const expiry: Expiry = { version: readVersion(reader, tenures), idleMs, idleAtMs, absoluteAtMs }
  const record: LiveRecord = { kind: 'live', birth, frontier, expiry, portions: readPortions(reader, tenures) }
  return { key, record }
}

function readPortions(reader: Reader, tenures: readonly Tenure[]): Map<string, Portion> {
  const portions = new Map<string, Portion>()
  for (let left = reader.count(PORTIONS_MAX, 4); left > 0; left--) {
    const name = reader.text(PORTION_NAME_BYTES_MAX)
    if (portions.has(name)) throw new WireError('a portion that is listed twice')
    const version = readVersion(reader, tenures)
    const state = reader.u8()
    // A view would keep the whole message alive.
    if (state === STATE_VALUE) portions.set(name, { version, value: reader.copy(SESSION_BYTES_MAX) })
    else if (state === STATE_ABSENT) portions.set(name, { version, value: ABSENT })
    else if (state === STATE_MISSING) portions.set(name, { version, value: MISSING })
    else throw new WireError(`unknown portion state ${state}`)
  }
  return portions
}

function readVersion(reader: Reader, tenures: readonly Tenure[]): Version {
  const tenure = tenures[reader.varint()]
  if (tenure === undefined) throw new WireError('a version of a tenure that is not in the table')
  return { tenure, seq: reader.counter() }
}

function duration(reader: Reader): number {
  const ms = reader.varint()
  if (ms > ABSOLUTE_MS_MAX) throw new WireError(`a duration of ${ms} ms is over the limit`)
  return ms
}

function leftMs(atMs: number, nowMs: number): number {
  return Math.max(0, Math.floor(atMs - nowMs))
}

/** One object per tenure while it is among the last ones seen: comparing and hashing them is then mostly by identity. */
function internTenure(tenure: Tenure): Tenure {
  const slot = (tenure.epoch * 31 + (tenure.incarnation % 8191) + tenure.node.charCodeAt(tenure.node.length - 1)) & 255
  const known = interned[slot]
  if (known !== undefined && compareTenures(known, tenure) === 0) return known
  interned[slot] = tenure
  return tenure
}

const interned: (Tenure | undefined)[] = new Array(256)

/** Memory that batches are collected in, used again: it is new memory that costs. */
const spareWriters: Writer[] = []
const SPARE_WRITERS_MAX = 4
/** What a full frame and a large session take; a larger batch leaves a larger one. */
const SPARE_WRITER_BYTES: number = 64 * 1024

/** A batch is bounded by its bytes; this only refuses counts that no message within its size could hold. */
const RECORDS_PER_BATCH_MAX = 1 << 20
/** A place in the table of at most 4,096 tenures, and a counter of 48 bits. */
const VERSION_WIRE_BYTES = 9
/** Kind, length, generation, random, absolute deadline. */
const TOMBSTONE_WIRE_BYTES = 24
/** The same with the idle time, the idle deadline, counts, and the expiry's version. */
const RECORD_WIRE_BYTES = 48
/** Length of the name, version, state, length of the value. */
const PORTION_WIRE_BYTES: number = 1 + VERSION_WIRE_BYTES + 1 + 3
const KIND_LIVE = 1
const KIND_DROPPED = 2
const STATE_VALUE = 0
const STATE_ABSENT = 1
const STATE_MISSING = 2
