/**
 * The hash table that a node's sessions live in: buckets by xxHash64, least recently used out first, within a byte budget.
 *
 * A read hashes its key once. The hash names the bucket and the bucket its shard, whose index has the entry (`slot-index.ts`).
 * Recency is kept over the whole node (`slot-fronts.ts`); each bucket threads its own entries on a list, so that one bucket can
 * be listed, digested and swept without touching the others. The bucket's digest is the exclusive or of its records' meta hashes, kept up with every change (rule V4).
 *
 * The records are bytes in an arena (`arena.ts`, `slab.ts`); what others hold of one is a view (`entry.ts`). The key is the
 * only object per session, so that a million of them are no work for garbage collection.
 *
 * Evicting a live record leaves a *stub* (`stubs.ts`, rule T1). Tombstones are never evicted (E4), and neither is what the
 * owner says is pinned: tombstones are not in the order of use, so that eviction never walks over them, and the order itself
 * has no bound but the byte budget.
 */
import {
  BUCKET_COUNT,
  BUCKETS_PER_SHARD,
  EVICTION_TRIES_MAX,
  FLOOR_WIRE,
  SHARD_COUNT,
  SWEEP_RECORDS_PER_INTERVAL,
  WIRE_VERSION,
} from '../constants.ts'
import { remainder, withoutFloor } from '../session/floor.ts'
import type { SessionKey } from '../session/id.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import { floorHash, metaHash } from '../session/meta-hash.ts'
import type { Floor, SessionRecord, Tombstone } from '../session/record.ts'
import { recordBytes } from '../session/record.ts'
import { Arena } from './arena.ts'
import type { Copy, Entry } from './entry.ts'
import { ArenaEntry, Found } from './entry.ts'
import type { KeyHash } from './key-hash.ts'
import { bucketOf, bucketOfLow, shardOfBucket } from './key-hash.ts'
import type { Slab } from './slab.ts'
import { blockBytes, NO_SLOT } from './slab.ts'
import { SlotFronts } from './slot-fronts.ts'
import { SlotIndex } from './slot-index.ts'
import type { BucketPart, Stub } from './stubs.ts'
import { hashName, Stubs, stubOf } from './stubs.ts'

/** Why a record is not here. */
export type Absence = 'absent' | 'evicted'

export interface BucketIndex {
  entry(hash: Hash64): Entry | undefined
  /** Of the record, or of the stub it left. */
  meta(hash: Hash64): Hash64 | undefined
}

export interface BucketTableOptions {
  readonly bytesMax: number
  readonly keyHash: KeyHash
  /** Entries for which this says true are not evicted. */
  readonly isPinned: (entry: Entry) => boolean
  /** Whether an eviction is a hole in what this node holds for the cluster, and wants a stub. */
  readonly isHeld: (shard: number) => boolean
  readonly onEvicted: (entry: Entry) => void
  /** The sweep takes out a record that ended. @returns what takes its place, if anything does. */
  readonly onEnded?: (entry: Entry) => Tombstone | undefined
  /** What is stored under a key became another, or nothing. */
  readonly onChanged?: (key: SessionKey, bucket: number) => void
}

export class BucketTable {
  readonly #options: BucketTableOptions
  readonly #keyHash: KeyHash
  /** Among others the order in which live records were used. */
  readonly #fronts = new SlotFronts()
  readonly #arena = new Arena()
  readonly #found = new Found(this.#arena.current)
  /** By slot. */
  readonly #keys: (SessionKey | undefined)[] = []
  /** The entries seen last, by slot modulo their number: a step looks at the same few again and again. */
  readonly #seen: (ArenaEntry | undefined)[] = new Array(ENTRIES_SEEN)
  readonly #buckets: Bucket[] = Array.from({ length: BUCKET_COUNT }, () => ({
    head: NO_SLOT,
    count: 0,
    hi: 0,
    lo: 0,
    floors: { hi: 0, lo: 0 },
  }))
  /** Where the keys of each shard are. */
  readonly #indexes: SlotIndex[] = Array.from({ length: SHARD_COUNT }, () => new SlotIndex())
  readonly #stubs = new Stubs((bucket, hash, { meta, floor }) => {
    flip(this.#bucket(bucket), meta)
    if (floor !== undefined) flip(this.#bucket(bucket).floors, floorHash(hash, floor))
  })
  #size = 0
  #bytes = 0
  #evictions = 0
  #sweepBucket = 0

  constructor(options: BucketTableOptions) {
    this.#options = options
    this.#keyHash = options.keyHash
  }

  get size(): number {
    return this.#size
  }
  get bytes(): number {
    return this.#bytes
  }
  get bytesMax(): number {
    return this.#options.bytesMax
  }
  get evictions(): number {
    return this.#evictions
  }
  get stubs(): number {
    return this.#stubs.size
  }
  get tombstones(): number {
    return this.#size - this.#fronts.size
  }

  /** There was no room for the stubs of some records that would still live. */
  get forgetsStubs(): boolean {
    return this.#stubs.isUncertain
  }

  /** Over budget with nothing that may be evicted: new sessions must be refused. */
  get isFull(): boolean {
    return this.#bytes > this.#options.bytesMax
  }

  /** The entry of a key, which becomes the most recently used. */
  get(key: SessionKey): Entry | undefined {
    const slot = this.#use(key, this.#keyHash.low(key))
    return slot === NO_SLOT ? undefined : this.#entry(slot)
  }

  /** The same for one look: what is returned is good until the next call, and while the table does not change. */
  look(key: SessionKey): Copy | undefined {
    const low = this.#keyHash.low(key)
    const slot = this.#use(key, low)
    if (slot === NO_SLOT) return undefined
    const wholeUntilMs = this.#fronts.wholeUntilMs(slot)
    return this.#found.pointTo(this.#arena.slab(slot), this.#arena.at(slot), shardOfLow(low), wholeUntilMs)
  }

  /** The same without counting as a use. */
  peek(key: SessionKey): Entry | undefined {
    const slot = this.#find(key, this.#keyHash.low(key))
    return slot === NO_SLOT ? undefined : this.#entry(slot)
  }

  shardOf(key: SessionKey): number {
    return shardOfLow(this.#keyHash.low(key))
  }

  /** What it means that `get` found nothing. */
  absence(key: SessionKey): Absence {
    return this.#stubs.isUncertain || this.#stubs.get(this.#keyHash(key)) !== undefined ? 'evicted' : 'absent'
  }

  /** What is left of the record that was evicted: an earlier copy is no news. */
  stub(key: SessionKey): Stub | undefined {
    return this.#stubs.get(this.#keyHash(key))
  }

  /** Of what was evicted an earlier life turned out to have been dropped. */
  raiseStub(key: SessionKey, floor: Floor): void {
    this.#stubs.raiseFloor(key, this.#keyHash(key), floor)
  }

  /** An earlier life of what was evicted came from who has that one for the latest: it is not stored, and known to them. */
  refuse(key: SessionKey, record: SessionRecord): void {
    this.#stubs.refuse(this.#keyHash(key), record)
  }

  /** Store a record, in place of what was stored under its key, and evict what no longer fits. */
  put(key: SessionKey, record: SessionRecord, nowMs: number): Entry {
    const known = this.#find(key, this.#keyHash.low(key))
    const slot = known === NO_SLOT ? this.#begin(key, record, nowMs) : this.#replace(known, record)
    const entry = this.#entry(slot)
    entry.remember(record)
    if (record.kind === 'live') this.#fronts.add(slot)
    else this.#fronts.delete(slot)
    this.#evict(slot)
    return entry
  }

  /** Take a record out without a trace: it expired, or its shard is no longer held here. */
  delete(key: SessionKey): void {
    const slot = this.#find(key, this.#keyHash.low(key))
    if (slot !== NO_SLOT) this.#remove(slot)
  }

  /** The entries of a bucket, in no particular order. The table must not be changed meanwhile. */
  *bucketEntries(bucket: number): Generator<Entry> {
    for (let slot = this.#bucket(bucket).head; slot !== NO_SLOT; slot = this.#next(slot)) yield this.#entry(slot)
  }

  bucketCount(bucket: number): number {
    return this.#bucket(bucket).count
  }

  stubCount(bucket: number): number {
    return this.#stubs.count(bucket)
  }

  /** How many records of a shard are here. */
  shardCount(shard: number): number {
    let count = 0
    for (let bucket = shard * BUCKETS_PER_SHARD; bucket < (shard + 1) * BUCKETS_PER_SHARD; bucket++) {
      count += this.#bucket(bucket).count
    }
    return count
  }

  /**
   * The digest of a bucket: equal on two nodes when they hold equal records in it.
   * @param wire of the link on which it is compared.
   */
  digest(bucket: number, wire: number = WIRE_VERSION): Hash64 {
    const { hi, lo, floors } = this.#bucket(bucket)
    return wire >= FLOOR_WIRE ? { hi, lo } : { hi: hi ^ floors.hi, lo: lo ^ floors.lo }
  }

  /**
   * What a bucket's digest is made of, stubs included, but for two kinds of tombstones. Of brief ones each holder that drops a
   * chunk counts the time by itself, and one that is gone says as much as one that is here. And a record that ended leaves its
   * floor, while at other holders another life of the id, or a later use of it, ends later, above the same floor. The table
   * must not be changed meanwhile.
   */
  eachDigested(bucket: number, visit: (meta: Hash64, endsAtMs: number) => void): void {
    for (let slot = this.#bucket(bucket).head; slot !== NO_SLOT; slot = this.#next(slot)) {
      const slab = this.#arena.slab(slot)
      const at = this.#arena.at(slot)
      if (!slab.isBrief(at) && !slab.isRemainder(at)) visit(slab.meta(at), slab.endsAtMs(at))
    }
    this.#stubs.eachCounted(bucket, visit)
  }

  /** The digests of a shard's buckets, in order. */
  shardDigests(shard: number, wire: number = WIRE_VERSION): Hash64[] {
    return Array.from({ length: BUCKETS_PER_SHARD }, (_, i) => this.digest(shard * BUCKETS_PER_SHARD + i, wire))
  }

  /** The same of what is here, without what was evicted. */
  presentDigests(shard: number, wire: number): Hash64[] {
    return this.shardDigests(shard, wire).map(({ hi, lo }, i) => {
      const stubs = this.#stubs.digest(shard * BUCKETS_PER_SHARD + i, wire)
      return { hi: hi ^ stubs.hi, lo: lo ^ stubs.lo }
    })
  }

  /** A look-up in one bucket by key hash, as it is now: the entries there, and the meta hashes of stubs. */
  index(bucket: number, wire: number = WIRE_VERSION): BucketIndex {
    const slots = new Map<string, number>()
    for (let slot = this.#bucket(bucket).head; slot !== NO_SLOT; slot = this.#next(slot)) {
      slots.set(hashName(this.#entry(slot).hash), slot)
    }
    const entry = (hash: Hash64): Entry | undefined => {
      const slot = slots.get(hashName(hash))
      return slot === undefined ? undefined : this.#entry(slot)
    }
    const meta = (hash: Hash64): Hash64 | undefined => {
      return entry(hash)?.metaOn(wire) ?? this.#stubs.meta(hash, wire)
    }
    return { entry, meta }
  }

  /** Drop all entries of a shard for which `keep` says false, and its stubs: the shard is no longer held here. */
  clearShard(shard: number, keep: (entry: Entry) => boolean): void {
    for (let bucket = shard * BUCKETS_PER_SHARD; bucket < (shard + 1) * BUCKETS_PER_SHARD; bucket++) {
      for (let slot = this.#bucket(bucket).head; slot !== NO_SLOT; ) {
        const next = this.#next(slot)
        if (!keep(this.#entry(slot))) this.#remove(slot)
        slot = next
      }
      this.#stubs.clear(bucket)
    }
  }

  /**
   * Another holder listed all that it has of a part of a bucket, which decides what stubs of it count. One that is no copy itself
   * (`isCopy` false) only says what does count: what it lacks, others may have.
   */
  matchStubs(
    part: BucketPart,
    listed: readonly { readonly key: Hash64; readonly meta: Hash64 }[],
    isCopy: boolean,
    wire: number = WIRE_VERSION,
  ): void {
    this.#stubs.match(part, listed, isCopy, wire)
  }

  /**
   * Look at some records and take out those that ended, and floors that did. Called regularly, it goes round the whole table.
   * @param intervals since the last call: who comes less often looks at more.
   */
  sweep(nowMs: number, intervals = 1): void {
    let seen = 0
    for (let buckets = 0; buckets < BUCKET_COUNT && seen < intervals * SWEEP_RECORDS_PER_INTERVAL; buckets++) {
      for (let slot = this.#bucket(this.#sweepBucket).head; slot !== NO_SLOT; ) {
        const next = this.#next(slot)
        seen++
        this.#endIfOver(slot, nowMs)
        slot = next
      }
      for (const { key, floor } of this.#stubs.sweep(this.#sweepBucket, nowMs)) {
        const left = remainder(floor, nowMs)
        if (left !== undefined && key !== undefined) this.put(key, left, nowMs)
      }
      this.#sweepBucket = (this.#sweepBucket + 1) % BUCKET_COUNT
    }
  }

  /** The slot of a key, which is used now, or `NO_SLOT`. */
  #use(key: SessionKey, low: number): number {
    const slot = this.#find(key, low)
    if (slot !== NO_SLOT) this.#fronts.touch(slot)
    return slot
  }

  #find(key: SessionKey, low: number): number {
    return this.#indexOf(low).find(low, key, this.#keys)
  }

  #entry(slot: number): ArenaEntry {
    const key = this.#keys[slot] as SessionKey
    const seen = this.#seen[slot % ENTRIES_SEEN]
    if (seen !== undefined && seen.slot === slot && seen.key === key) return seen
    const entry = new ArenaEntry(this.#arena, key, slot)
    this.#seen[slot % ENTRIES_SEEN] = entry
    return entry
  }

  #next(slot: number): number {
    return this.#arena.slab(slot).next(this.#arena.at(slot))
  }

  /** A key that is new here: a slot, a block, and the first place in its bucket. */
  #begin(key: SessionKey, record: SessionRecord, nowMs: number): number {
    const hash = this.#keyHash(key)
    const bucket = this.#bucket(bucketOf(hash))
    this.#stubs.drop(hash)
    const slot = this.#arena.takeSlot()
    const length = blockBytes(record)
    const at = this.#arena.allocate(length)
    const slab = this.#arena.current
    slab.begin(at, slot, length, hash, nowMs)
    slab.setNext(at, bucket.head)
    if (bucket.head !== NO_SLOT) this.#arena.slab(bucket.head).setPrevious(this.#arena.at(bucket.head), slot)
    bucket.head = slot
    bucket.count++
    this.#indexOf(hash.lo).add(hash.lo, slot)
    this.#size++
    this.#keys[slot] = key
    this.#write(key, slab, at, record)
    this.#arena.assign(slot, slab, at)
    return slot
  }

  /** A key that is here: its record goes to a new block, and everything else about it with it. */
  #replace(slot: number, record: SessionRecord): number {
    this.#uncount(slot)
    const length = blockBytes(record)
    const at = this.#arena.allocate(length)
    const slab = this.#arena.current
    slab.beginAfter(at, length, this.#arena.slab(slot), this.#arena.at(slot))
    this.#write(this.#keys[slot] as SessionKey, slab, at, record)
    this.#arena.assign(slot, slab, at)
    return slot
  }

  /** Write the record into its block, and count it. */
  #write(key: SessionKey, slab: Slab, at: number, record: SessionRecord): void {
    const hash = slab.hash(at)
    // What was never committed is nobody else's business: it is not sent, and must not make two holders differ.
    const meta = isWritten(record) ? metaHash(hash, record) : NO_HASH
    const bytes = recordBytes(key, record)
    slab.write(at, record, meta, bytes)
    this.#fronts.setWholeUntilMs(slab.slot(at), isWhole(slab, at) ? slab.endsAtMs(at) : Number.NEGATIVE_INFINITY)
    this.#bytes += bytes
    flip(this.#bucket(bucketOf(hash)), meta)
    this.#flipFloor(slab, at)
    this.#options.onChanged?.(key, bucketOf(hash))
  }

  #uncount(slot: number): void {
    const slab = this.#arena.slab(slot)
    const at = this.#arena.at(slot)
    this.#bytes -= slab.accountedBytes(at)
    flip(this.#bucket(bucketOf(slab.hash(at))), slab.meta(at))
    this.#flipFloor(slab, at)
  }

  #flipFloor(slab: Slab, at: number): void {
    const floor = slab.floor(at)
    if (floor === undefined || slab.isUnwritten(at)) return
    const hash = slab.hash(at)
    flip(this.#bucket(bucketOf(hash)).floors, floorHash(hash, floor))
  }

  #indexOf(low: number): SlotIndex {
    return this.#indexes[shardOfLow(low)] as SlotIndex
  }

  #bucket(bucket: number): Bucket {
    return this.#buckets[bucket] as Bucket
  }

  #remove(slot: number): void {
    this.#uncount(slot)
    this.#unlist(slot)
    this.#free(slot)
  }

  #endIfOver(slot: number, nowMs: number): void {
    const slab = this.#arena.slab(slot)
    const at = this.#arena.at(slot)
    if (slab.endsAtMs(at) > nowMs) {
      const floor = slab.floor(at)
      if (floor !== undefined && floor.untilMs <= nowMs) this.#dropFloor(slot)
      return
    }
    const entry = this.#entry(slot)
    const left = this.#options.onEnded?.(entry)
    if (left === undefined) {
      this.#remove(slot)
      return
    }
    this.#replace(slot, left)
    entry.remember(left)
    entry.tenure = undefined
    this.#fronts.delete(slot)
  }

  /** It has ended. No use of the record, and no write. */
  #dropFloor(slot: number): void {
    const entry = this.#entry(slot)
    const { record } = entry
    if (record.kind !== 'live') return
    const kept = withoutFloor(record)
    this.#replace(slot, kept)
    entry.remember(kept)
  }

  /** Whether there is no room to remember a floor, should its record go. */
  #isFloorPinned({ shard, floor }: Entry): boolean {
    return floor !== undefined && this.#stubs.isFull && this.#options.isHeld(shard)
  }

  /** Take a slot out of its bucket and off the list of use. Its block is still there. */
  #unlist(slot: number): void {
    const slab = this.#arena.slab(slot)
    const at = this.#arena.at(slot)
    const { lo } = slab.hash(at)
    const bucket = this.#bucket(bucketOfLow(lo))
    const [next, previous] = [slab.next(at), slab.previous(at)]
    if (previous === NO_SLOT) bucket.head = next
    else this.#arena.slab(previous).setNext(this.#arena.at(previous), next)
    if (next !== NO_SLOT) this.#arena.slab(next).setPrevious(this.#arena.at(next), previous)
    bucket.count--
    this.#indexOf(lo).remove(lo, slot)
    this.#fronts.delete(slot)
    this.#size--
    this.#options.onChanged?.(this.#keys[slot] as SessionKey, bucketOfLow(lo))
  }

  #free(slot: number): void {
    this.#keys[slot] = undefined
    this.#seen[slot % ENTRIES_SEEN] = undefined
    this.#arena.free(slot)
  }

  #evict(newest: number): void {
    // Whatever may not go is moved to the recent end, so it is met again only after everything else was. A turn that
    // meets too much of it gives up; the next one goes on from there.
    let spared = 0
    while (this.#bytes > this.#options.bytesMax && spared < Math.min(this.#fronts.size, EVICTION_TRIES_MAX)) {
      const slot = this.#fronts.oldest
      this.#fronts.touch(slot)
      const entry = this.#entry(slot)
      if (slot === newest || this.#options.isPinned(entry) || this.#isFloorPinned(entry)) {
        spared++
        continue
      }
      this.#uncount(slot)
      this.#unlist(slot)
      this.#evictions++
      if (this.#options.isHeld(entry.shard)) this.#stubs.add(stubOf(entry))
      this.#options.onEvicted(entry)
      this.#free(slot)
    }
  }
}

function isWritten(record: SessionRecord): boolean {
  return record.kind === 'dropped' || record.frontier.length > 0
}

function shardOfLow(low: number): number {
  return shardOfBucket(bucketOfLow(low))
}

/** Whether it may be read as it is, until it ends. */
function isWhole(slab: Slab, at: number): boolean {
  return slab.isLive(at) && !slab.isUnwritten(at) && !slab.isLacking(at) && !slab.hasOutside(at)
}

interface Bucket {
  /** The first slot of its list. */
  head: number
  count: number
  hi: number
  lo: number
  /** The part of the digest that comes from floors, which wire 1 does not know. */
  readonly floors: { hi: number; lo: number }
}

function flip(digest: { hi: number; lo: number }, meta: Hash64): void {
  digest.hi ^= meta.hi
  digest.lo ^= meta.lo
}

const NO_HASH: Hash64 = { hi: 0, lo: 0 }
const ENTRIES_SEEN = 64
