/**
 * Records as bytes.
 *
 * ```
 * batch   := tenures record*
 * tenures := count (epoch:varint node:text incarnation:varint)*        each tenure once, named by its place
 * record  := kind:u8 id:latin1 generation:varint random:u48 body       kind 1 live, 2 dropped; 3 chunk, 4 dropped chunk;
 *                                                                       5 live, then its floor; 6 dropped, left of a floor
 * live    := frontier idleMs:varint idleLeft:varint absoluteLeft:varint version portions
 * frontier:= count version*                                             highest first
 * portions:= count (name:text version state:u8 [value])*                state 0 value, 1 absent, 2 missing, 3 reference
 * value   := bytes | reference                                          reference := version length:varint
 * floor   := generation:varint random:u48 left:varint
 * dropped := absoluteLeft:varint
 * chunk   := portion:text version index:varint absoluteLeft:varint bytes
 * dropped chunk := portion:text version index:varint absoluteLeft:varint
 * version := tenure:varint seq:varint
 * ```
 *
 * Chunks and references came with version 2 of the wire (rule B1). To who speaks an earlier one no chunk is written, and a
 * reference is written as a value that is missing: such a member knows the session without its large values. Floors came with
 * version 2, too: an earlier member gets the record without, and for what is left of a floor a tombstone like any other.
 *
 * Deadlines travel as milliseconds that remain, counted at the moment of encoding, so no clock is compared (rule E2). A floor
 * that is about to end does not travel.
 */
import {
  ABSOLUTE_MS_MAX,
  BLOB_CHUNK_BYTES,
  FLOOR_WIRE,
  FRONTIER_TENURES_MAX,
  HEAD_BYTES_MAX,
  ID_BYTES_MAX,
  OUTSIDE_WIRE,
  PORTION_BYTES_MAX,
  PORTION_NAME_BYTES_MAX,
  PORTIONS_MAX,
  SYNC_REMAINING_MS_MIN,
  TENURES_PER_BATCH_MAX,
  WIRE_VERSION,
  WIRE_VERSION_MIN,
} from '../constants.ts'
import { WireError } from '../errors.ts'
import { chunkCount, chunkKey, chunkName, chunkRecord, chunkValue, isChunkKey } from '../session/blob.ts'
import { isRemainder } from '../session/floor.ts'
import type { SessionKey } from '../session/id.ts'
import type {
  BlobReference,
  Expiry,
  Floor,
  LiveRecord,
  Portion,
  PortionBytes,
  SessionRecord,
  Tombstone,
} from '../session/record.ts'
import { ABSENT, MISSING } from '../session/record.ts'
import type { Birth, Tenure, Version } from '../session/version.ts'
import { compareBirths, compareTenures } from '../session/version.ts'
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
  #lastTenure: Tenure | undefined
  #lastPlace = 0
  readonly #wire: number
  #count = 0
  #needsWire = WIRE_VERSION_MIN

  /** @param wire the version of the wire that all readers speak. */
  constructor(wire: number = WIRE_VERSION) {
    this.#wire = wire
    this.#records = spareWriters.pop() ?? new Writer(SPARE_WRITER_BYTES)
  }

  /** The earliest version of the wire that reads the batch. */
  get needsWire(): number {
    return this.#needsWire
  }

  get count(): number {
    return this.#count
  }

  /** What the batch will take, roughly: exact but for the tenure table's few bytes. */
  get byteLength(): number {
    return this.#records.length + this.#tenures.length * TENURE_WIRE_BYTES
  }

  add(key: SessionKey, record: SessionRecord, nowMs: number): void {
    if (isChunkKey(key)) {
      if (this.#wire >= OUTSIDE_WIRE) this.#chunk(key, record, nowMs)
      return
    }
    const out = this.#records
    this.#count++
    const floor = record.kind === 'live' ? this.#sentFloor(record, nowMs) : undefined
    const isRemainderSent = isRemainder(record) && this.#wire >= FLOOR_WIRE
    if (floor !== undefined || isRemainderSent) this.#needsWire = FLOOR_WIRE
    if (record.kind === 'live') out.u8(floor === undefined ? KIND_LIVE : KIND_LIVE_FLOORED)
    else out.u8(isRemainderSent ? KIND_REMAINDER : KIND_DROPPED)
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
      this.#value(portion.value)
    }
    if (floor === undefined) return
    out.varint(floor.birth.generation)
    out.u48(floor.birth.random)
    out.varint(leftMs(floor.untilMs, nowMs))
  }

  #sentFloor({ floor }: LiveRecord, nowMs: number): Floor | undefined {
    if (floor === undefined || this.#wire < FLOOR_WIRE) return undefined
    return floor.untilMs > nowMs + SYNC_REMAINING_MS_MIN ? floor : undefined
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

  #value(value: PortionBytes): void {
    const out = this.#records
    if (value === ABSENT) out.u8(STATE_ABSENT)
    else if (value instanceof Uint8Array) {
      out.u8(STATE_VALUE)
      out.bytes(value)
    } else if (value === MISSING || this.#wire < OUTSIDE_WIRE) out.u8(STATE_MISSING)
    else {
      out.u8(STATE_REFERENCE)
      this.#version(value.number)
      out.varint(value.byteLength)
      this.#needsWire = OUTSIDE_WIRE
    }
  }

  #chunk(key: SessionKey, record: SessionRecord, nowMs: number): void {
    const value = chunkValue(record, nowMs)
    // One that ended is as good as none.
    if (record.kind === 'live' && value === undefined) return
    const out = this.#records
    this.#count++
    this.#needsWire = OUTSIDE_WIRE
    const { session, portion, number, index } = chunkName(key)
    out.u8(value === undefined ? KIND_CHUNK_DROPPED : KIND_CHUNK)
    out.latin1(session)
    out.varint(record.birth.generation)
    out.u48(record.birth.random)
    out.text(portion)
    this.#version(number)
    out.varint(index)
    out.varint(leftMs(record.kind === 'live' ? record.expiry.absoluteAtMs : record.absoluteAtMs, nowMs))
    if (value !== undefined) out.bytes(value)
  }

  #version({ tenure, seq }: Version): void {
    // Most of a batch was written in one tenure.
    if (tenure !== this.#lastTenure) {
      this.#lastTenure = tenure
      this.#lastPlace = this.#placeOf(tenure)
    }
    this.#records.varint(this.#lastPlace)
    this.#records.varint(seq)
  }

  #placeOf(tenure: Tenure): number {
    let place = this.#places.get(tenure)
    if (place === undefined) {
      place = this.#tenures.findIndex((known) => compareTenures(known, tenure) === 0)
      if (place < 0) place = this.#tenures.push(tenure) - 1
      this.#places.set(tenure, place)
    }
    return place
  }
}

/** At most this many bytes for a tenure in a batch's table: a peer id of 52 letters and two counters. */
export const TENURE_WIRE_BYTES = 72

/** At most this many bytes for a record in a batch, its tenures not counted. */
export function recordWireBytes(key: SessionKey, record: SessionRecord): number {
  // The name in a chunk's key may take three bytes a character; its number is in the key as text, and so counted.
  const keyBytes = isChunkKey(key) ? 3 * key.length : key.length
  if (record.kind === 'dropped') return keyBytes + TOMBSTONE_WIRE_BYTES
  let bytes = keyBytes + RECORD_WIRE_BYTES + record.frontier.length * VERSION_WIRE_BYTES
  if (record.floor !== undefined) bytes += FLOOR_WIRE_BYTES
  for (const [name, { value }] of record.portions) {
    bytes += 3 * name.length + PORTION_WIRE_BYTES + (value instanceof Uint8Array ? value.length : REFERENCE_WIRE_BYTES)
  }
  return bytes
}

/** Read a batch. Values are copied, so the message may be reused; or they are views of it, for who stores them at once. */
export function readRecords(reader: Reader, nowMs: number, values: 'copied' | 'views' = 'copied'): KeyedRecord[] {
  const tenures: Tenure[] = []
  for (let left = reader.count(TENURES_PER_BATCH_MAX, 3); left > 0; left--) {
    const epoch = reader.counter()
    const node = reader.text()
    tenures.push(internTenure({ epoch, node, incarnation: reader.counter() }))
  }
  const records: KeyedRecord[] = []
  for (let left = reader.count(RECORDS_PER_BATCH_MAX, 10); left > 0; left--) {
    records.push(readRecord(reader, tenures, nowMs, values))
  }
  return records
}

function readRecord(
  reader: Reader,
  tenures: readonly Tenure[],
  nowMs: number,
  values: 'copied' | 'views',
): KeyedRecord {
  const kind = reader.u8()
  if (kind < KIND_LIVE || kind > KIND_REMAINDER) throw new WireError(`unknown record kind ${kind}`)
  const key = reader.latin1(ID_BYTES_MAX) as SessionKey
  if (key.length === 0) throw new WireError('a record without an id')
  const birth = { generation: reader.counter(), random: reader.u48() }
  if (kind === KIND_CHUNK || kind === KIND_CHUNK_DROPPED)
    return readChunk(reader, tenures, nowMs, { kind, session: key, birth }, values)
  if (kind === KIND_DROPPED || kind === KIND_REMAINDER) {
    const absoluteAtMs = nowMs + duration(reader)
    const tombstone: Tombstone = { kind: 'dropped', birth, absoluteAtMs }
    return { key, record: kind === KIND_DROPPED ? tombstone : { ...tombstone, isFloor: true } }
  }
  const frontier = new Array<Version>(reader.count(FRONTIER_TENURES_MAX, 2))
  for (let i = 0; i < frontier.length; i++) {
    const version = readVersion(reader, tenures)
    const previous = frontier[i - 1]
    if (previous !== undefined && compareTenures(previous.tenure, version.tenure) <= 0) {
      throw new WireError('a frontier that is not in falling order')
    }
    if (version.seq === 0) throw new WireError('a frontier of a tenure that wrote nothing')
    frontier[i] = version
  }
  const [last] = frontier
  const idleMs = duration(reader)
  const idleAtMs = nowMs + Math.min(duration(reader), idleMs)
  const absoluteAtMs = nowMs + duration(reader)
  const expiry: Expiry = { version: readVersion(reader, tenures, last), idleMs, idleAtMs, absoluteAtMs }
  const portions = readPortions(reader, tenures, last, values)
  const record: LiveRecord = { kind: 'live', birth, frontier, expiry, portions }
  return { key, record: kind === KIND_LIVE ? record : { ...record, floor: readFloor(reader, birth, nowMs) } }
}

function readFloor(reader: Reader, above: Birth, nowMs: number): Floor {
  const birth = { generation: reader.counter(), random: reader.u48() }
  if (compareBirths(birth, above) >= 0) throw new WireError('a floor that is not below its record')
  return { birth, untilMs: nowMs + duration(reader) }
}

function readChunk(
  reader: Reader,
  tenures: readonly Tenure[],
  nowMs: number,
  { kind, session, birth }: { readonly kind: number; readonly session: SessionKey; readonly birth: Birth },
  values: 'copied' | 'views',
): KeyedRecord {
  const portion = reader.text(PORTION_NAME_BYTES_MAX)
  if (portion.length === 0) throw new WireError('a chunk of a portion without a name')
  const number = readBlobNumber(reader, tenures)
  const index = reader.varint()
  if (index >= chunkCount(PORTION_BYTES_MAX)) throw new WireError(`no value has a chunk ${index}`)
  const absoluteAtMs = nowMs + duration(reader)
  const key = chunkKey({ session, portion, number, index })
  if (kind === KIND_CHUNK_DROPPED) return { key, record: { kind: 'dropped', birth, absoluteAtMs, isBrief: true } }
  const value = readValue(reader, BLOB_CHUNK_BYTES, values)
  if (value.length === 0) throw new WireError('a chunk of nothing')
  return { key, record: chunkRecord(birth, number, absoluteAtMs, value) }
}

function readReference(reader: Reader, tenures: readonly Tenure[]): BlobReference {
  const number = readBlobNumber(reader, tenures)
  const byteLength = reader.varint()
  if (byteLength === 0 || byteLength > PORTION_BYTES_MAX) throw new WireError(`a value of ${byteLength} bytes outside`)
  return { number, byteLength }
}

function readBlobNumber(reader: Reader, tenures: readonly Tenure[]): Version {
  const number = readVersion(reader, tenures)
  if (number.tenure.epoch !== 0 || number.seq === 0) throw new WireError('a blob number of another shape')
  return number
}

function readValue(reader: Reader, bytesMax: number, values: 'copied' | 'views'): Uint8Array {
  return values === 'views' ? reader.view(bytesMax) : reader.copy(bytesMax)
}

function readPortions(
  reader: Reader,
  tenures: readonly Tenure[],
  last: Version | undefined,
  values: 'copied' | 'views',
): Map<string, Portion> {
  const portions = new Map<string, Portion>()
  for (let left = reader.count(PORTIONS_MAX, 4); left > 0; left--) {
    const name = reader.text(PORTION_NAME_BYTES_MAX)
    if (portions.has(name)) throw new WireError('a portion that is listed twice')
    const version = readVersion(reader, tenures, last)
    const state = reader.u8()
    if (state === STATE_VALUE) portions.set(name, { version, value: readValue(reader, HEAD_BYTES_MAX, values) })
    else if (state === STATE_ABSENT) portions.set(name, { version, value: ABSENT })
    else if (state === STATE_MISSING) portions.set(name, { version, value: MISSING })
    else if (state === STATE_REFERENCE) portions.set(name, { version, value: readReference(reader, tenures) })
    else throw new WireError(`unknown portion state ${state}`)
  }
  return portions
}

/** @param last the record's last write, which much of it is of: one object does for all. */
function readVersion(reader: Reader, tenures: readonly Tenure[], last?: Version): Version {
  const tenure = tenures[reader.varint()]
  if (tenure === undefined) throw new WireError('a version of a tenure that is not in the table')
  const seq = reader.counter()
  return last !== undefined && last.seq === seq && last.tenure === tenure ? last : { tenure, seq }
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
/** Generation, random, what is left. */
const FLOOR_WIRE_BYTES = 20
/** Length of the name, version, state, length of the value. */
const PORTION_WIRE_BYTES: number = 1 + VERSION_WIRE_BYTES + 1 + 3
/** Number and length: what a value takes at most that is not inside. */
const REFERENCE_WIRE_BYTES: number = VERSION_WIRE_BYTES + 4
const KIND_LIVE = 1
const KIND_DROPPED = 2
const KIND_CHUNK = 3
const KIND_CHUNK_DROPPED = 4
const KIND_LIVE_FLOORED = 5
const KIND_REMAINDER = 6
const STATE_VALUE = 0
const STATE_ABSENT = 1
const STATE_MISSING = 2
const STATE_REFERENCE = 3
