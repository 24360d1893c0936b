/**
 * A record as bytes in a slab: how it is written, read and copied.
 *
 * ```
 *   0  slot:i32, length:i32       whose block it is; the length counts the whole block, in bytes, a multiple of 8
 *   8  key hash:2 x i32, meta hash:2 x i32
 *  24  next:i32, previous:i32     slots: the list of the bucket; -1 ends it
 *  32  frame:f64, validatedAtMs:f64
 *  48  own version                tenure and sequence number of this node as the session's primary
 *  56  birth: generation:f64, random:f64
 *  72  idleMs:f64, idleAtMs:f64, absoluteAtMs:f64
 *  96  flags:u8, frontier count:u8, portion count:u16, accounted bytes:i32
 * 104  version of the expiry
 * 112  the frontier's versions
 *      portions: version, value length:i32 (-1 absent, -2 missing, -3 outside), name:u16, 0:u16
 *      the values, one after the other
 *      from the block's end, towards its front: of a floor its birth (generation:f64, random:f64) and end:f64;
 *      per value outside its number (a version) and length:i32, 0:i32
 *
 * a version: seq:u48, tenure:u16
 * ```
 *
 * Numbers are in the machine's byte order: nothing of this leaves the process. Tenures and names are indexes into lists of
 * the slab, because a slab's few hundred records were written in few tenures and have few names; both lists end with the slab.
 *
 * The record's part of a block (from 56 on) is never changed once it is written. A record that changes is written anew
 * elsewhere, so whoever remembers slab and offset can read the record as it was then for as long as the slab is not used for
 * something else; `isLent` says that somebody may remember.
 */
import type { Hash64 } from '../session/meta-hash.ts'
import type {
  BlobReference,
  Expiry,
  Floor,
  LiveRecord,
  Portion,
  PortionBytes,
  SessionRecord,
} from '../session/record.ts'
import { ABSENT, FLOOR_BYTES, isReference, MISSING, REFERENCE_BYTES } from '../session/record.ts'
import type { Birth, Tenure, Version } from '../session/version.ts'

export class Slab {
  readonly index: number
  readonly bytes: Uint8Array
  readonly halves: Uint16Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  /** In the order of their first use here; blocks name them by place. */
  readonly tenures: Tenure[] = []
  readonly names: string[] = []
  /** Bytes given to blocks, and those of them that are still somebody's. */
  used = 0
  live = 0
  /** Which of all slabs that its arena ever had, in the order in which they were begun. */
  serial = 0
  /** A snapshot may point here, so the bytes may not be used for anything else. */
  isLent = false

  constructor(index: number, buffer: ArrayBuffer) {
    this.index = index
    this.bytes = new Uint8Array(buffer)
    this.halves = new Uint16Array(buffer)
    this.words = new Int32Array(buffer)
    this.doubles = new Float64Array(buffer)
  }

  get capacity(): number {
    return this.bytes.length
  }

  slot(at: number): number {
    return this.words[at >> 2] as number
  }

  length(at: number): number {
    return this.words[(at >> 2) + 1] as number
  }

  hash(at: number): Hash64 {
    return { hi: this.words[(at >> 2) + 2] as number, lo: this.words[(at >> 2) + 3] as number }
  }

  birth(at: number): Birth {
    return { generation: this.doubles[(at >> 3) + 7] as number, random: this.doubles[(at >> 3) + 8] as number }
  }

  meta(at: number): Hash64 {
    return { hi: this.words[(at >> 2) + 4] as number, lo: this.words[(at >> 2) + 5] as number }
  }

  next(at: number): number {
    return this.words[(at >> 2) + 6] as number
  }

  setNext(at: number, slot: number): void {
    this.words[(at >> 2) + 6] = slot
  }

  previous(at: number): number {
    return this.words[(at >> 2) + 7] as number
  }

  setPrevious(at: number, slot: number): void {
    this.words[(at >> 2) + 7] = slot
  }

  frame(at: number): number {
    return this.doubles[(at >> 3) + 4] as number
  }

  setFrame(at: number, frame: number): void {
    this.doubles[(at >> 3) + 4] = frame
  }

  validatedAtMs(at: number): number {
    return this.doubles[(at >> 3) + 5] as number
  }

  setValidatedAtMs(at: number, ms: number): void {
    this.doubles[(at >> 3) + 5] = ms
  }

  ownTenure(at: number): Tenure | undefined {
    const place = this.halves[((at + OWN_VERSION) >> 1) + 3] as number
    return place === NO_TENURE ? undefined : this.tenures[place]
  }

  setOwnTenure(at: number, tenure: Tenure | undefined): void {
    this.halves[((at + OWN_VERSION) >> 1) + 3] = tenure === undefined ? NO_TENURE : this.#tenurePlace(tenure)
  }

  ownSeq(at: number): number {
    return this.#seq(at + OWN_VERSION)
  }

  setOwnSeq(at: number, seq: number): void {
    this.#setSeq(at + OWN_VERSION, seq)
  }

  /** What the byte budget counts for it. */
  accountedBytes(at: number): number {
    return this.words[(at >> 2) + 25] as number
  }

  isLive(at: number): boolean {
    return ((this.bytes[at + FLAGS] as number) & FLAG_LIVE) !== 0
  }

  /** Whether the value of any portion is missing. */
  isLacking(at: number): boolean {
    return ((this.bytes[at + FLAGS] as number) & FLAG_LACKING) !== 0
  }

  /** Whether any value lies outside (rule B1). */
  hasOutside(at: number): boolean {
    return ((this.bytes[at + FLAGS] as number) & FLAG_OUTSIDE) !== 0
  }

  /** Whether it is live and was never written: created, and not committed. */
  isUnwritten(at: number): boolean {
    return this.isLive(at) && this.bytes[at + FRONTIER_COUNT] === 0
  }

  endsAtMs(at: number): number {
    const absoluteAtMs = this.doubles[(at >> 3) + 11] as number
    return this.isLive(at) ? Math.min(this.doubles[(at >> 3) + 10] as number, absoluteAtMs) : absoluteAtMs
  }

  /** Whether it is the tombstone of a chunk. */
  isBrief(at: number): boolean {
    return ((this.bytes[at + FLAGS] as number) & FLAG_BRIEF) !== 0
  }

  /** Whether it is only what is left of a floor. */
  isRemainder(at: number): boolean {
    return !this.isLive(at) && this.hasFloor(at)
  }

  hasFloor(at: number): boolean {
    return ((this.bytes[at + FLAGS] as number) & FLAG_FLOOR) !== 0
  }

  /** Of a live record: which earlier lives it keeps from coming back. */
  floor(at: number): Floor | undefined {
    if (!this.isLive(at) || !this.hasFloor(at)) return undefined
    const double = (at + this.length(at) - FLOOR_BYTES) >> 3
    const birth = { generation: this.doubles[double] as number, random: this.doubles[double + 1] as number }
    return { birth, untilMs: this.doubles[double + 2] as number }
  }

  /** Begin a block: nobody's primary, in no list, unknown to anybody. */
  begin(at: number, slot: number, length: number, hash: Hash64, validatedAtMs: number): void {
    const word = at >> 2
    this.words[word] = slot
    this.words[word + 1] = length
    this.words[word + 2] = hash.hi
    this.words[word + 3] = hash.lo
    this.words[word + 6] = NO_SLOT
    this.words[word + 7] = NO_SLOT
    this.setFrame(at, 0)
    this.setValidatedAtMs(at, validatedAtMs)
    this.setOwnTenure(at, undefined)
    this.setOwnSeq(at, 0)
  }

  /** Begin a block that takes another's place: all but the record is as it was there. */
  beginAfter(at: number, length: number, from: Slab, fromAt: number): void {
    this.bytes.set(from.bytes.subarray(fromAt, fromAt + RECORD), at)
    this.words[(at >> 2) + 1] = length
    this.setOwnTenure(at, from.ownTenure(fromAt))
  }

  /** Write the record's part of a block that was begun. */
  write(at: number, record: SessionRecord, meta: Hash64, accountedBytes: number): void {
    const { birth } = record
    this.words[(at >> 2) + 4] = meta.hi
    this.words[(at >> 2) + 5] = meta.lo
    this.words[(at >> 2) + 25] = accountedBytes
    const double = at >> 3
    this.doubles[double + 7] = birth.generation
    this.doubles[double + 8] = birth.random
    if (record.kind === 'live') this.#writeLive(at, record)
    else {
      this.doubles[double + 11] = record.absoluteAtMs
      this.bytes[at + FLAGS] = (record.isBrief === true ? FLAG_BRIEF : 0) | (record.isFloor === true ? FLAG_FLOOR : 0)
    }
  }

  /** The record. It shares nothing with the slab but the values of the `lent` portions: those are good until the table changes. */
  read(at: number, lent: Names = NO_NAMES): SessionRecord {
    const birth = this.birth(at)
    if (!this.isLive(at)) {
      const absoluteAtMs = this.endsAtMs(at)
      const isBrief = this.isBrief(at)
      const isFloor = this.hasFloor(at)
      return { kind: 'dropped', birth, absoluteAtMs, ...(isBrief && { isBrief }), ...(isFloor && { isFloor }) }
    }
    const frontier = new Array<Version>(this.bytes[at + FRONTIER_COUNT] as number)
    let offset = at + FRONTIER
    for (let i = 0; i < frontier.length; i++, offset += VERSION_BYTES) frontier[i] = this.#version(offset, undefined)
    const expiry = this.expiry(at, frontier[0])
    const portions = this.#readPortions(at, offset, frontier[0], lent)
    const record: LiveRecord = { kind: 'live', birth, frontier, portions, expiry }
    const floor = this.floor(at)
    return floor === undefined ? record : { ...record, floor }
  }

  /** Of a live record: when it ends. @param last its last write, if that is known. */
  expiry(at: number, last?: Version): Expiry {
    const double = at >> 3
    return {
      version: this.#version(at + EXPIRY_VERSION, last),
      idleMs: this.doubles[double + 9] as number,
      idleAtMs: this.doubles[double + 10] as number,
      absoluteAtMs: this.doubles[double + 11] as number,
    }
  }

  /** Copy a block here from another slab. */
  copyFrom(from: Slab, fromAt: number, at: number): void {
    this.bytes.set(from.bytes.subarray(fromAt, fromAt + from.length(fromAt)), at)
    this.setOwnTenure(at, from.ownTenure(fromAt))
    if (!this.isLive(at)) return
    this.#renameTenure(at + EXPIRY_VERSION, from)
    let offset = at + FRONTIER
    for (let left = this.bytes[at + FRONTIER_COUNT] as number; left > 0; left--, offset += VERSION_BYTES) {
      this.#renameTenure(offset, from)
    }
    let referenceAt = this.#referencesEnd(at)
    for (let left = this.#portionCount(at); left > 0; left--, offset += PORTION_BYTES) {
      this.#renameTenure(offset, from)
      if (this.words[(offset >> 2) + 2] === LENGTH_OUTSIDE) {
        referenceAt -= REFERENCE_BYTES
        this.#renameTenure(referenceAt, from)
      }
      const name = (offset >> 1) + 6
      this.halves[name] = this.#namePlace(from.names[this.halves[name] as number] as string)
    }
  }

  #writeLive(at: number, { frontier, expiry, portions, floor }: LiveRecord): void {
    const double = at >> 3
    this.doubles[double + 9] = expiry.idleMs
    this.doubles[double + 10] = expiry.idleAtMs
    this.doubles[double + 11] = expiry.absoluteAtMs
    this.bytes[at + FRONTIER_COUNT] = frontier.length
    this.halves[(at + PORTION_COUNT) >> 1] = portions.size
    this.#setVersion(at + EXPIRY_VERSION, expiry.version)
    let offset = at + FRONTIER
    for (const version of frontier) {
      this.#setVersion(offset, version)
      offset += VERSION_BYTES
    }
    let valueAt = offset + portions.size * PORTION_BYTES
    let flags = FLAG_LIVE
    let referenceAt = at + this.length(at)
    if (floor !== undefined) {
      flags |= FLAG_FLOOR
      referenceAt -= FLOOR_BYTES
      this.doubles.set([floor.birth.generation, floor.birth.random, floor.untilMs], referenceAt >> 3)
    }
    for (const [name, { version, value }] of portions) {
      this.#setVersion(offset, version)
      this.words[(offset >> 2) + 2] = lengthCode(value)
      this.words[(offset >> 2) + 3] = 0
      this.halves[(offset >> 1) + 6] = this.#namePlace(name)
      if (value === MISSING) flags |= FLAG_LACKING
      else if (isReference(value)) {
        flags |= FLAG_OUTSIDE
        referenceAt -= REFERENCE_BYTES
        this.#setReference(referenceAt, value)
      } else if (value !== ABSENT) {
        this.bytes.set(value, valueAt)
        valueAt += value.length
      }
      offset += PORTION_BYTES
    }
    this.bytes[at + FLAGS] = flags
  }

  #readPortions(at: number, from: number, last: Version | undefined, lent: Names): Map<string, Portion> {
    const portions = new Map<string, Portion>()
    let offset = from
    let valueAt = offset + this.#portionCount(at) * PORTION_BYTES
    let referenceAt = this.#referencesEnd(at)
    for (let left = this.#portionCount(at); left > 0; left--, offset += PORTION_BYTES) {
      const length = this.words[(offset >> 2) + 2] as number
      const name = this.names[this.halves[(offset >> 1) + 6] as number] as string
      const version = this.#version(offset, last)
      if (length === LENGTH_MISSING) portions.set(name, { version, value: MISSING })
      else if (length === LENGTH_ABSENT) portions.set(name, { version, value: ABSENT })
      else if (length === LENGTH_OUTSIDE) {
        referenceAt -= REFERENCE_BYTES
        portions.set(name, { version, value: this.#reference(referenceAt) })
      } else {
        const end = valueAt + length
        const isLent = lent.has(name)
        portions.set(
          name,
          isLent
            ? new LentPortion(version, this.bytes, valueAt, end)
            : { version, value: this.bytes.slice(valueAt, end) },
        )
        valueAt = end
      }
    }
    return portions
  }

  #reference(offset: number): BlobReference {
    return { number: this.#version(offset, undefined), byteLength: this.words[(offset >> 2) + 2] as number }
  }

  #setReference(offset: number, { number, byteLength }: BlobReference): void {
    this.#setVersion(offset, number)
    this.words[(offset >> 2) + 2] = byteLength
    this.words[(offset >> 2) + 3] = 0
  }

  /** Where a live record's values outside end: they were written from there towards the front. */
  #referencesEnd(at: number): number {
    return at + this.length(at) - (this.hasFloor(at) ? FLOOR_BYTES : 0)
  }

  #portionCount(at: number): number {
    return this.halves[(at + PORTION_COUNT) >> 1] as number
  }

  /** @param last the record's last write, which much of it is of: one object does for all. */
  #version(offset: number, last: Version | undefined): Version {
    const tenure = this.tenures[this.halves[(offset >> 1) + 3] as number] as Tenure
    const seq = this.#seq(offset)
    return last !== undefined && last.seq === seq && last.tenure === tenure ? last : { tenure, seq }
  }

  #setVersion(offset: number, { tenure, seq }: Version): void {
    this.#setSeq(offset, seq)
    this.halves[(offset >> 1) + 3] = this.#tenurePlace(tenure)
  }

  #seq(offset: number): number {
    return (this.halves[(offset >> 1) + 2] as number) * 2 ** 32 + ((this.words[offset >> 2] as number) >>> 0)
  }

  #setSeq(offset: number, seq: number): void {
    this.words[offset >> 2] = seq
    this.halves[(offset >> 1) + 2] = seq / 2 ** 32
  }

  #renameTenure(offset: number, from: Slab): void {
    const place = (offset >> 1) + 3
    this.halves[place] = this.#tenurePlace(from.tenures[this.halves[place] as number] as Tenure)
  }

  #tenurePlace(tenure: Tenure): number {
    const known = this.tenures.indexOf(tenure)
    return known >= 0 ? known : this.tenures.push(tenure) - 1
  }

  #namePlace(name: string): number {
    const known = this.names.indexOf(name)
    return known >= 0 ? known : this.names.push(name) - 1
  }
}

/** Some of the portions of a record. */
export interface Names {
  has(name: string): boolean
}

const NO_NAMES: Names = new Set()

/** A portion whose value is looked at, if at all, before the table changes: to be compared, overwritten, or copied elsewhere. */
class LentPortion implements Portion {
  readonly version: Version
  readonly #bytes: Uint8Array
  readonly #from: number
  readonly #end: number

  constructor(version: Version, bytes: Uint8Array, from: number, end: number) {
    this.version = version
    this.#bytes = bytes
    this.#from = from
    this.#end = end
  }

  get value(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#end)
  }
}

/** Length of the block that a record takes. */
export function blockBytes(record: SessionRecord): number {
  if (record.kind === 'dropped') return EXPIRY_VERSION
  let bytes = FRONTIER + record.frontier.length * VERSION_BYTES + record.portions.size * PORTION_BYTES
  let referenceBytes = 0
  for (const { value } of record.portions.values()) {
    if (isReference(value)) referenceBytes += REFERENCE_BYTES
    else bytes += value?.length ?? 0
  }
  return Math.ceil(bytes / 8) * 8 + referenceBytes + (record.floor === undefined ? 0 : FLOOR_BYTES)
}

function lengthCode(value: PortionBytes): number {
  if (value === MISSING) return LENGTH_MISSING
  if (value === ABSENT) return LENGTH_ABSENT
  return isReference(value) ? LENGTH_OUTSIDE : value.length
}

/** In place of a slot: there is none. */
export const NO_SLOT = -1

const OWN_VERSION = 48
/** Where the record's part begins. */
const RECORD = 56
const FLAGS = 96
const FRONTIER_COUNT = 97
const PORTION_COUNT = 98
const EXPIRY_VERSION = 104
const FRONTIER = 112
const VERSION_BYTES = 8
const PORTION_BYTES = 16
const FLAG_LIVE = 1
const FLAG_LACKING = 2
const FLAG_OUTSIDE = 4
const FLAG_BRIEF = 8
/** Of a live record: it has one. Of a tombstone: it is what is left of one. */
const FLAG_FLOOR = 16
const LENGTH_ABSENT = -1
const LENGTH_MISSING = -2
const LENGTH_OUTSIDE = -3
/** More tenures than a slab has blocks for. */
const NO_TENURE = 0xffff
