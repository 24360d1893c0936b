/**
 * One session in the table, as the rest of the core sees it: a view that looks into the arena when it is asked.
 *
 * It says what the table has under its key at that moment, and is good until the record is taken out. The record is read when
 * it is first wanted and remembered until another one is stored.
 */
import type { Blobs } from '../outbox.ts'
import type { SessionKey } from '../session/id.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import { metaOnWire } from '../session/meta-hash.ts'
import type { Expiry, Floor, LiveRecord, SessionRecord } from '../session/record.ts'
import type { Birth, Tenure } from '../session/version.ts'
import type { Arena } from './arena.ts'
import { bucketOf, shardOfBucket } from './key-hash.ts'
import type { Names, Slab } from './slab.ts'

/** What can be told of a copy without making its record. */
export interface Copy {
  readonly shard: number
  readonly isLive: boolean
  /** Created here and never committed: nothing that others may see. */
  readonly isUnwritten: boolean
  readonly endsAtMs: number
  /** Whether the value of any portion is missing. */
  readonly isLacking: boolean
  /** Whether any value lies outside the record (rule B1). */
  readonly hasOutside: boolean
  /** When it was last known to be current; for copies outside their holders (rule R3). */
  readonly validatedAtMs: number
  readonly record: SessionRecord
  /** The record as it is now, to be read later or never. */
  snapshot(): Snapshot
}

/** One session in the table. Its owner may change the fields below the line; the table does the rest. */
export interface Entry extends Copy {
  readonly key: SessionKey
  readonly hash: Hash64
  readonly bucket: number
  readonly birth: Birth
  readonly meta: Hash64
  readonly bytes: number
  readonly floor: Floor | undefined
  /** The meta hash as a link of this version of the wire counts it. */
  metaOn(wire: number): Hash64
  // ---
  /** This node's tenure, while it is the session's primary. */
  tenure: Tenure | undefined
  /** The last sequence number issued in that tenure. */
  seq: number
  /** The number of the frame that carries this node's last write of it; 0 when there is none. */
  frame: number
  validatedAtMs: number
  /**
   * The record, with values of the `lent` portions that are good until the table changes: what is merged, or overwritten, needs
   * no copy.
   */
  read(lent: Names): SessionRecord
  /** Do not remember the record that was stored: it has views of what others own. */
  forget(): void
}

export class ArenaEntry implements Entry {
  readonly key: SessionKey
  readonly slot: number
  readonly #arena: Arena
  // The record, and the block that it was read from or written to.
  #record: SessionRecord | undefined
  #slab: Slab | undefined
  #at = 0

  constructor(arena: Arena, key: SessionKey, slot: number) {
    this.#arena = arena
    this.key = key
    this.slot = slot
  }

  get record(): SessionRecord {
    const slab = this.#arena.slab(this.slot)
    const at = this.#arena.at(this.slot)
    if (this.#record === undefined || this.#slab !== slab || this.#at !== at) this.remember(slab.read(at))
    return this.#record as SessionRecord
  }

  read(lent: Names): SessionRecord {
    const slab = this.#arena.slab(this.slot)
    const at = this.#arena.at(this.slot)
    return this.#record !== undefined && this.#slab === slab && this.#at === at ? this.#record : slab.read(at, lent)
  }

  forget(): void {
    this.#record = undefined
    this.#slab = undefined
  }

  /** The record is this one as long as its block stays where it is. */
  remember(record: SessionRecord): void {
    this.#record = record
    this.#slab = this.#arena.slab(this.slot)
    this.#at = this.#arena.at(this.slot)
  }

  get hash(): Hash64 {
    return this.#arena.slab(this.slot).hash(this.#arena.at(this.slot))
  }
  get bucket(): number {
    return bucketOf(this.hash)
  }
  get shard(): number {
    return shardOfBucket(this.bucket)
  }
  get birth(): Birth {
    return this.#arena.slab(this.slot).birth(this.#arena.at(this.slot))
  }
  get meta(): Hash64 {
    return this.#arena.slab(this.slot).meta(this.#arena.at(this.slot))
  }
  get bytes(): number {
    return this.#arena.slab(this.slot).accountedBytes(this.#arena.at(this.slot))
  }
  get floor(): Floor | undefined {
    return this.#arena.slab(this.slot).floor(this.#arena.at(this.slot))
  }
  get isLive(): boolean {
    return this.#arena.slab(this.slot).isLive(this.#arena.at(this.slot))
  }
  get isUnwritten(): boolean {
    return this.#arena.slab(this.slot).isUnwritten(this.#arena.at(this.slot))
  }
  get endsAtMs(): number {
    return this.#arena.slab(this.slot).endsAtMs(this.#arena.at(this.slot))
  }
  get isLacking(): boolean {
    return this.#arena.slab(this.slot).isLacking(this.#arena.at(this.slot))
  }
  get hasOutside(): boolean {
    return this.#arena.slab(this.slot).hasOutside(this.#arena.at(this.slot))
  }
  get tenure(): Tenure | undefined {
    return this.#arena.slab(this.slot).ownTenure(this.#arena.at(this.slot))
  }
  set tenure(tenure: Tenure | undefined) {
    this.#arena.slab(this.slot).setOwnTenure(this.#arena.at(this.slot), tenure)
  }
  get seq(): number {
    return this.#arena.slab(this.slot).ownSeq(this.#arena.at(this.slot))
  }
  set seq(seq: number) {
    this.#arena.slab(this.slot).setOwnSeq(this.#arena.at(this.slot), seq)
  }
  get frame(): number {
    return this.#arena.slab(this.slot).frame(this.#arena.at(this.slot))
  }
  set frame(frame: number) {
    this.#arena.slab(this.slot).setFrame(this.#arena.at(this.slot), frame)
  }
  get validatedAtMs(): number {
    return this.#arena.slab(this.slot).validatedAtMs(this.#arena.at(this.slot))
  }
  set validatedAtMs(ms: number) {
    this.#arena.slab(this.slot).setValidatedAtMs(this.#arena.at(this.slot), ms)
  }

  metaOn(wire: number): Hash64 {
    return metaOnWire(this.hash, this.meta, this.floor, wire)
  }

  snapshot(): Snapshot {
    const slab = this.#arena.slab(this.slot)
    slab.isLent = true
    return new Snapshot(slab, this.#arena.at(this.slot))
  }
}

/**
 * A copy that was looked up, for reads of which there are many a second: the table has one of these and points it to what was
 * found, so that a read makes nothing. Good until the next look-up, and while the table does not change.
 */
export class Found implements Copy {
  shard = 0
  #slab: Slab
  #at = 0
  #wholeUntilMs = 0
  #isWhole = false

  constructor(slab: Slab) {
    this.#slab = slab
  }

  /** @param wholeUntilMs when a whole copy ends: of such a one nothing else is looked up. */
  pointTo(slab: Slab, at: number, shard: number, wholeUntilMs: number): this {
    this.#slab = slab
    this.#at = at
    this.shard = shard
    this.#wholeUntilMs = wholeUntilMs
    this.#isWhole = wholeUntilMs > Number.NEGATIVE_INFINITY
    return this
  }

  get isLive(): boolean {
    return this.#isWhole || this.#slab.isLive(this.#at)
  }
  get isUnwritten(): boolean {
    return !this.#isWhole && this.#slab.isUnwritten(this.#at)
  }
  get endsAtMs(): number {
    return this.#isWhole ? this.#wholeUntilMs : this.#slab.endsAtMs(this.#at)
  }
  get isLacking(): boolean {
    return !this.#isWhole && this.#slab.isLacking(this.#at)
  }
  get hasOutside(): boolean {
    return !this.#isWhole && this.#slab.hasOutside(this.#at)
  }
  get validatedAtMs(): number {
    return this.#slab.validatedAtMs(this.#at)
  }
  get record(): SessionRecord {
    return this.#slab.read(this.#at)
  }

  snapshot(): Snapshot {
    this.#slab.isLent = true
    return new Snapshot(this.#slab, this.#at)
  }
}

/** A record as it was at one moment, read out of the arena when it is first wanted. It keeps a slab alive until it is gone. */
export class Snapshot {
  readonly #slab: Slab
  readonly #at: number
  /** Values that lie outside the record, by portion: of each its chunks, in order. */
  readonly blobs: Blobs | undefined

  constructor(slab: Slab, at: number, blobs?: Blobs) {
    this.#slab = slab
    this.#at = at
    this.blobs = blobs
  }

  /**
   * The same for two snapshots of a node exactly when they are of the same bytes: for who remembers what it made of a record. A
   * record that was moved has another one.
   */
  get mark(): number {
    return this.#slab.serial * MARKS_PER_SLAB + this.#at / BLOCK_STEP_BYTES
  }

  get birth(): Birth {
    return this.#slab.birth(this.#at)
  }

  /** Alone: whoever writes a session without having read it needs no more. */
  get expiry(): Expiry {
    return this.#slab.expiry(this.#at)
  }

  /** The same with values that lie outside of it. */
  withBlobs(blobs: Blobs): Snapshot {
    return new Snapshot(this.#slab, this.#at, blobs)
  }

  /** Made anew at each call; shares nothing with the table. */
  read(): LiveRecord {
    return this.#slab.read(this.#at) as LiveRecord
  }
}

/** Blocks begin at multiples of this. */
const BLOCK_STEP_BYTES = 8
/** More than a slab has, whose longest block is a chunk of 16 KiB or a head of 64 portions of 1 KiB. */
const MARKS_PER_SLAB: number = 2 ** 20
