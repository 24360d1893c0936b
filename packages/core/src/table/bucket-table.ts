/**
 * The hash table that a node's sessions live in: buckets by xxHash64, least recently used out first, within a byte budget.
 *
 * A read hashes its key, goes to the bucket and there to the entry. Recency is kept over the whole node by one `LRUCache`;
 * each bucket threads its own entries on a list, so that one bucket can be listed, digested and swept without touching the
 * others. The bucket's digest is the exclusive or of its records' meta hashes, kept up with every change (rule V4).
 *
 * Evicting a live record leaves a *stub*, its two hashes, until it would have expired (rule T1): the digest still counts
 * the record, so comparing with another holder does not fetch it again and again, and a read knows that "not here" is no
 * proof of absence. Tombstones are never evicted (E4), and neither is what the owner says is pinned: tombstones are kept
 * beside the recency list, so that eviction never walks over them, and the list itself has no bound but the byte budget.
 */
import { LRUCache } from 'lru-cache'
import { BUCKET_COUNT, BUCKETS_PER_SHARD, EVICTION_TRIES_MAX, STUBS_MAX, SWEEP_RECORDS_PER_TICK } from '../constants.ts'
import type { SessionKey } from '../session/id.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import { metaHash } from '../session/meta-hash.ts'
import type { SessionRecord } from '../session/record.ts'
import { endsAtMs, recordBytes } from '../session/record.ts'
import type { Tenure } from '../session/version.ts'
import type { KeyHash } from './key-hash.ts'
import { bucketOf, shardOfBucket } from './key-hash.ts'

/** One session in the table. Its owner may change the fields below the line; the table does the rest. */
export interface Entry {
  readonly key: SessionKey
  readonly hash: Hash64
  readonly bucket: number
  readonly shard: number
  readonly record: SessionRecord
  readonly meta: Hash64
  readonly bytes: number
  // ---
  /** This node's tenure, while it is the session's primary. */
  tenure: Tenure | undefined
  /** The last sequence number issued in that tenure. */
  seq: number
  /** The number of the frame that carries this node's last write of it; 0 when there is none. */
  frame: number
  /** When the copy was last known to be current; for copies outside their holders (rule R3). */
  validatedAtMs: number
}

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
  /** The sweep took out a record that ended. */
  readonly onEnded?: (entry: Entry) => void
}

export class BucketTable {
  readonly #options: BucketTableOptions
  /** Live records, by use. Bounded by bytes and by what is pinned, never by the cache's own count. */
  readonly #recency = new LRUCache<SessionKey, LinkedEntry>({
    maxSize: Number.MAX_SAFE_INTEGER,
    sizeCalculation: () => 1,
  })
  readonly #tombstones = new Map<SessionKey, LinkedEntry>()
  readonly #buckets: Bucket[] = Array.from({ length: BUCKET_COUNT }, () => ({
    head: undefined,
    count: 0,
    hi: 0,
    lo: 0,
  }))
  readonly #stubs = new Map<string, Stub>()
  /** The latest end of an evicted record that found no room among the stubs. */
  #forgottenUntilMs = Number.NEGATIVE_INFINITY
  #bytes = 0
  #evictions = 0
  #sweepBucket = 0

  constructor(options: BucketTableOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#recency.size + this.#tombstones.size
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

  /** Over budget with nothing that may be evicted: new sessions must be refused. */
  get isFull(): boolean {
    return this.#bytes > this.#options.bytesMax
  }

  /** The entry of a key, which becomes the most recently used. An empty bucket answers by itself. */
  get(key: SessionKey): Entry | undefined {
    if (this.#bucket(bucketOf(this.#options.keyHash(key))).count === 0) return undefined
    return this.#recency.get(key) ?? this.#tombstones.get(key)
  }

  /** The same without counting as a use. */
  peek(key: SessionKey): Entry | undefined {
    return this.#recency.peek(key) ?? this.#tombstones.get(key)
  }

  shardOf(key: SessionKey): number {
    return shardOfBucket(bucketOf(this.#options.keyHash(key)))
  }

  /** What it means that `get` found nothing. */
  absence(key: SessionKey): Absence {
    if (this.#forgottenUntilMs > Number.NEGATIVE_INFINITY) return 'evicted'
    return this.#stubs.has(hashName(this.#options.keyHash(key))) ? 'evicted' : 'absent'
  }

  /** Store a record, in place of what was stored under its key, and evict what no longer fits. */
  put(key: SessionKey, record: SessionRecord, nowMs: number): Entry {
    const known = this.#find(key)
    if (known !== undefined) {
      this.#uncount(known)
      known.record = record
      this.#count(known)
      this.#enlist(known)
      this.#evict(known)
      return known
    }
    const hash = this.#options.keyHash(key)
    const bucket = bucketOf(hash)
    this.#forgetStub(hash, bucket)
    const entry: LinkedEntry = {
      key,
      hash,
      bucket,
      shard: shardOfBucket(bucket),
      record,
      meta: NO_HASH,
      bytes: 0,
      tenure: undefined,
      seq: 0,
      frame: 0,
      validatedAtMs: nowMs,
      next: this.#bucket(bucket).head,
      previous: undefined,
    }
    if (entry.next !== undefined) entry.next.previous = entry
    this.#bucket(bucket).head = entry
    this.#bucket(bucket).count++
    this.#count(entry)
    this.#enlist(entry)
    this.#evict(entry)
    return entry
  }

  /** Take a record out without a trace: it expired, or its shard is no longer held here. */
  delete(key: SessionKey): void {
    const entry = this.#find(key)
    if (entry !== undefined) this.#remove(entry)
  }

  /** The entries of a bucket, in no particular order. The table must not be changed meanwhile. */
  *bucketEntries(bucket: number): Generator<Entry> {
    for (let entry = this.#bucket(bucket).head; entry !== undefined; entry = entry.next) yield entry
  }

  bucketCount(bucket: number): number {
    return this.#bucket(bucket).count
  }

  /** How many records of a shard are here. */
  shardCount(shard: number): number {
    let count = 0
    for (let bucket = shard * BUCKETS_PER_SHARD; bucket < (shard + 1) * BUCKETS_PER_SHARD; bucket++) {
      count += this.#bucket(bucket).count
    }
    return count
  }

  /** The digest of a bucket: equal on two nodes when they hold equal records in it. */
  digest(bucket: number): Hash64 {
    const { hi, lo } = this.#bucket(bucket)
    return { hi, lo }
  }

  /** The digests of a shard's buckets, in order. */
  shardDigests(shard: number): Hash64[] {
    return Array.from({ length: BUCKETS_PER_SHARD }, (_, i) => this.digest(shard * BUCKETS_PER_SHARD + i))
  }

  /** A look-up in one bucket by key hash, as it is now: the entries there, and the meta hashes of stubs. */
  index(bucket: number): BucketIndex {
    const entries = new Map<string, Entry>()
    for (const entry of this.bucketEntries(bucket)) entries.set(hashName(entry.hash), entry)
    return {
      entry: (hash) => entries.get(hashName(hash)),
      meta: (hash) => (entries.get(hashName(hash)) ?? this.#stubs.get(hashName(hash)))?.meta,
    }
  }

  /** Drop all entries of a shard for which `keep` says false, and its stubs: the shard is no longer held here. */
  clearShard(shard: number, keep: (entry: Entry) => boolean): void {
    for (let bucket = shard * BUCKETS_PER_SHARD; bucket < (shard + 1) * BUCKETS_PER_SHARD; bucket++) {
      for (const entry of [...this.bucketEntries(bucket)]) if (!keep(entry)) this.#remove(entry as LinkedEntry)
    }
    for (const [name, stub] of this.#stubs) if (shardOfBucket(stub.bucket) === shard) this.#dropStub(name, stub)
  }

  /** Look at some records and take out those that ended. Called regularly, it goes round the whole table. */
  sweep(nowMs: number): void {
    let seen = 0
    for (let buckets = 0; buckets < BUCKET_COUNT && seen < SWEEP_RECORDS_PER_TICK; buckets++) {
      let entry = this.#bucket(this.#sweepBucket).head
      while (entry !== undefined) {
        const next: LinkedEntry | undefined = entry.next
        seen++
        if (endsAtMs(entry.record) <= nowMs) {
          this.#remove(entry)
          this.#options.onEnded?.(entry)
        }
        entry = next
      }
      this.#sweepBucket = (this.#sweepBucket + 1) % BUCKET_COUNT
      if (this.#sweepBucket === 0) this.#sweepStubs(nowMs)
    }
  }

  #find(key: SessionKey): LinkedEntry | undefined {
    return this.#recency.peek(key) ?? this.#tombstones.get(key)
  }

  /** Put an entry on the list that its record belongs to, at the recent end. */
  #enlist(entry: LinkedEntry): void {
    if (entry.record.kind === 'live') {
      this.#tombstones.delete(entry.key)
      this.#recency.set(entry.key, entry)
    } else {
      this.#recency.delete(entry.key)
      this.#tombstones.set(entry.key, entry)
    }
  }

  #bucket(bucket: number): Bucket {
    return this.#buckets[bucket] as Bucket
  }

  #count(entry: LinkedEntry): void {
    // What was never committed is nobody else's business: it is not sent, and must not make two holders differ.
    entry.meta = isWritten(entry.record) ? metaHash(entry.hash, entry.record) : NO_HASH
    entry.bytes = recordBytes(entry.key, entry.record)
    this.#bytes += entry.bytes
    flip(this.#bucket(entry.bucket), entry.meta)
  }

  #uncount(entry: LinkedEntry): void {
    this.#bytes -= entry.bytes
    flip(this.#bucket(entry.bucket), entry.meta)
  }

  #remove(entry: LinkedEntry): void {
    this.#uncount(entry)
    this.#unlink(entry)
  }

  #unlink(entry: LinkedEntry): void {
    const bucket = this.#bucket(entry.bucket)
    if (entry.previous === undefined) bucket.head = entry.next
    else entry.previous.next = entry.next
    if (entry.next !== undefined) entry.next.previous = entry.previous
    bucket.count--
    this.#recency.delete(entry.key)
    this.#tombstones.delete(entry.key)
  }

  #evict(newest: LinkedEntry): void {
    // Whatever may not go is moved to the recent end, so it is met again only after everything else was. A turn that
    // meets too much of it gives up; the next one goes on from there.
    let spared = 0
    while (this.#bytes > this.#options.bytesMax && spared < Math.min(this.#recency.size, EVICTION_TRIES_MAX)) {
      const key = this.#recency.rkeys().next().value as SessionKey
      const entry = this.#recency.get(key) as LinkedEntry
      if (entry === newest || this.#options.isPinned(entry)) {
        spared++
        continue
      }
      this.#bytes -= entry.bytes
      this.#unlink(entry)
      this.#evictions++
      if (this.#options.isHeld(entry.shard)) this.#leaveStub(entry)
      else flip(this.#bucket(entry.bucket), entry.meta)
      this.#options.onEvicted(entry)
    }
  }

  #leaveStub(entry: Entry): void {
    if (this.#stubs.size >= STUBS_MAX) {
      // A stub that cannot be kept makes every later miss uncertain, which `absence` says.
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, endsAtMs(entry.record))
      flip(this.#bucket(entry.bucket), entry.meta)
      return
    }
    this.#stubs.set(hashName(entry.hash), { bucket: entry.bucket, meta: entry.meta, endsAtMs: endsAtMs(entry.record) })
  }

  #forgetStub(hash: Hash64, bucket: number): void {
    if (this.#stubs.size === 0) return
    const name = hashName(hash)
    const stub = this.#stubs.get(name)
    if (stub !== undefined && stub.bucket === bucket) this.#dropStub(name, stub)
  }

  #dropStub(name: string, stub: Stub): void {
    this.#stubs.delete(name)
    flip(this.#bucket(stub.bucket), stub.meta)
  }

  #sweepStubs(nowMs: number): void {
    for (const [name, stub] of this.#stubs) if (stub.endsAtMs <= nowMs) this.#dropStub(name, stub)
    if (nowMs >= this.#forgottenUntilMs) this.#forgottenUntilMs = Number.NEGATIVE_INFINITY
  }
}

function isWritten(record: SessionRecord): boolean {
  return record.kind === 'dropped' || record.frontier.length > 0
}

interface LinkedEntry extends Entry {
  record: SessionRecord
  meta: Hash64
  bytes: number
  next: LinkedEntry | undefined
  previous: LinkedEntry | undefined
}

interface Bucket {
  head: LinkedEntry | undefined
  count: number
  hi: number
  lo: number
}

interface Stub {
  readonly bucket: number
  readonly meta: Hash64
  readonly endsAtMs: number
}

function flip(bucket: Bucket, meta: Hash64): void {
  bucket.hi ^= meta.hi
  bucket.lo ^= meta.lo
}

function hashName(hash: Hash64): string {
  return `${hash.hi},${hash.lo}`
}

const NO_HASH: Hash64 = { hi: 0, lo: 0 }
