/**
 * What is left of live records that were evicted (rule T1): two hashes, the birth and the frontier of each, until it would
 * have ended.
 *
 * By its stub a miss is known to be no proof of absence, an earlier copy of the session is known to be old, and the record counts in
 * its bucket's digest as if it were here, so that comparing with another holder does not fetch it again and again. It counts
 * as a whole copy, values and all: of what is not here, nothing is missing.
 *
 * Digests are to become equal, though, and a stub cannot be sent. Where another holder turns out to have another version or
 * nothing at all under the key, the stub stays and no longer counts. An earlier life of the id, which comes from who never heard
 * of the one that was evicted, is not taken; the stub counts as that one then, until it meets its own again.
 *
 * The floor of an evicted record stays with its stub, and with it the key, under which it is put back when the record would
 * have ended (rule E4).
 */
import { BUCKET_COUNT, STUBS_MAX } from '../constants.ts'
import { joinFloors } from '../session/floor.ts'
import type { SessionKey } from '../session/id.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import { metaHash, metaOnWire, toggleFloor } from '../session/meta-hash.ts'
import type { Floor, SessionRecord } from '../session/record.ts'
import { endsAtMs } from '../session/record.ts'
import type { Birth, Frontier } from '../session/version.ts'
import { compareBirths } from '../session/version.ts'
import type { Entry } from './entry.ts'
import { bucketOf } from './key-hash.ts'

/** One of the parts that a large bucket is listed in. */
export interface BucketPart {
  readonly bucket: number
  readonly part: number
  readonly parts: number
}

/** Whether a record belongs to that part of its bucket. */
export function isInPart(hash: Hash64, { part, parts }: BucketPart): boolean {
  return (hash.hi >>> 0) % parts === part
}

/** A key's hash as a name. */
export function hashName(hash: Hash64): string {
  return `${hash.hi},${hash.lo}`
}

export interface Stub {
  readonly hash: Hash64
  readonly birth: Birth
  readonly frontier: Frontier
  /** Of the record as it was, with all its values. */
  readonly meta: Hash64
  readonly endsAtMs: number
  readonly floor: Floor | undefined
  /** Of one with a floor: it is put back under it. */
  readonly key: SessionKey | undefined
}

/** What is left of an entry that is evicted. */
export function stubOf(entry: Entry): Stub {
  const { hash, birth, endsAtMs, record, floor } = entry
  const frontier = record.kind === 'live' ? record.frontier : []
  const key = floor === undefined ? undefined : entry.key
  const meta = entry.isLacking ? metaHash(hash, record, true) : entry.meta
  return { hash, birth, frontier, meta, endsAtMs, floor, key }
}

/** A record that is not here, as a digest counts it. */
interface Counted {
  readonly meta: Hash64
  readonly floor: Floor | undefined
  readonly endsAtMs: number
}

export class Stubs {
  readonly #buckets = Array.from({ length: BUCKET_COUNT }, () => new Map<string, Kept>())
  readonly #flip: (bucket: number, hash: Hash64, counted: Counted) => void
  /** The latest end of an evicted record that found no room here. */
  #forgottenUntilMs = Number.NEGATIVE_INFINITY
  #size = 0

  /** @param flip puts a stub into a bucket's digest, or takes it out. */
  constructor(flip: (bucket: number, hash: Hash64, counted: Counted) => void) {
    this.#flip = flip
  }

  get size(): number {
    return this.#size
  }

  /** Whether there is no room for one more. */
  get isFull(): boolean {
    return this.#size >= STUBS_MAX
  }

  /** Some were forgotten for want of room: until the last of those would have ended, any miss may be an eviction. */
  get isUncertain(): boolean {
    return this.#forgottenUntilMs > Number.NEGATIVE_INFINITY
  }

  count(bucket: number): number {
    return this.#bucket(bucket).size
  }

  /** What the stubs of a bucket put into its digest. */
  digest(bucket: number, wire: number): Hash64 {
    let hi = 0
    let lo = 0
    for (const stub of this.#bucket(bucket).values()) {
      const counted = countedOf(stub)
      if (counted === undefined) continue
      const meta = metaOnWire(stub.hash, counted.meta, counted.floor, wire)
      hi ^= meta.hi
      lo ^= meta.lo
    }
    return { hi, lo }
  }

  get(hash: Hash64): Stub | undefined {
    const stubs = this.#bucket(bucketOf(hash))
    return stubs.size === 0 ? undefined : stubs.get(hashName(hash))
  }

  /** What a stub is compared as on a link of this version of the wire. */
  meta(hash: Hash64, wire: number): Hash64 | undefined {
    const stub = this.#bucket(bucketOf(hash)).get(hashName(hash))
    if (stub === undefined) return undefined
    const { meta, floor } = countedOf(stub) ?? stub
    return metaOnWire(hash, meta, floor, wire)
  }

  add(stub: Stub): void {
    if (this.isFull) {
      this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, stub.endsAtMs)
      return
    }
    const bucket = bucketOf(stub.hash)
    this.#bucket(bucket).set(hashName(stub.hash), { ...stub, counts: 'own', refused: undefined })
    this.#size++
    this.#flip(bucket, stub.hash, stub)
  }

  drop(hash: Hash64): void {
    const bucket = bucketOf(hash)
    const stubs = this.#bucket(bucket)
    const stub = stubs.size === 0 ? undefined : stubs.get(hashName(hash))
    if (stub === undefined) return
    stubs.delete(hashName(hash))
    this.#size--
    this.#count(stub, 'nothing')
  }

  /**
   * Another holder listed all that it has of a part of a bucket: what it has as it was here, or was refused, counts, and nothing
   * else; of what a holder that is no copy does not have, nothing is said.
   * @param wire of the link that the list came by.
   */
  match(
    part: BucketPart,
    listed: readonly { readonly key: Hash64; readonly meta: Hash64 }[],
    isCopy: boolean,
    wire: number,
  ): void {
    const stubs = this.#bucket(part.bucket)
    if (stubs.size === 0) return
    const metas = new Map(listed.map(({ key, meta }) => [hashName(key), meta]))
    for (const [name, stub] of stubs) {
      if (!isInPart(stub.hash, part)) continue
      const theirs = metas.get(name)
      const isTheirs = ({ meta, floor }: Counted): boolean => {
        const ours = metaOnWire(stub.hash, meta, floor, wire)
        return theirs?.hi === ours.hi && theirs.lo === ours.lo
      }
      if (isTheirs(stub)) this.#count(stub, 'own')
      else if (stub.refused !== undefined && isTheirs(stub.refused)) this.#count(stub, 'refused')
      else if (isCopy) this.#count(stub, 'nothing')
    }
  }

  eachCounted(bucket: number, visit: (meta: Hash64, endsAtMs: number) => void): void {
    for (const stub of this.#bucket(bucket).values()) {
      const counted = countedOf(stub)
      if (counted !== undefined) visit(counted.meta, counted.endsAtMs)
    }
  }

  clear(bucket: number): void {
    for (const { hash } of this.#bucket(bucket).values()) this.drop(hash)
  }

  /** Drop what would have ended. @returns what of that has a floor, which may not have ended. */
  sweep(bucket: number, nowMs: number): readonly Stub[] {
    if (nowMs >= this.#forgottenUntilMs) this.#forgottenUntilMs = Number.NEGATIVE_INFINITY
    const stubs = this.#bucket(bucket)
    if (stubs.size === 0) return NONE
    const floored: Stub[] = []
    for (const stub of stubs.values()) {
      if (stub.refused !== undefined && stub.refused.endsAtMs <= nowMs) this.#setRefused(stub, undefined)
      if (stub.endsAtMs <= nowMs) {
        this.drop(stub.hash)
        if (stub.floor !== undefined) floored.push(stub)
      } else if (stub.floor !== undefined && stub.floor.untilMs <= nowMs) this.#setFloor(stub, undefined, undefined)
    }
    return floored
  }

  /** An earlier life of what was evicted turned out to have been dropped. */
  raiseFloor(key: SessionKey, hash: Hash64, floor: Floor): void {
    const stub = this.#bucket(bucketOf(hash)).get(hashName(hash))
    if (stub !== undefined && compareBirths(floor.birth, stub.birth) < 0) {
      this.#setFloor(stub, joinFloors(stub.floor, floor), key)
    }
  }

  /** An earlier life than the one that was evicted came from who does not know that one, and is not taken. */
  refuse(hash: Hash64, record: SessionRecord): void {
    const stub = this.#bucket(bucketOf(hash)).get(hashName(hash))
    if (stub === undefined) return
    const floor = record.kind === 'live' ? record.floor : undefined
    this.#setRefused(stub, { meta: metaHash(hash, record, true), floor, endsAtMs: endsAtMs(record) })
    // What others have as it was here is found out by comparing; who sent this one does not.
    if (stub.counts === 'nothing') this.#count(stub, 'refused')
  }

  #setRefused(stub: Kept, refused: Counted | undefined): void {
    const { counts } = stub
    this.#count(stub, counts === 'refused' ? 'nothing' : counts)
    stub.refused = refused
    if (counts === 'refused' && refused !== undefined) this.#count(stub, 'refused')
  }

  /** The record counts as those of other holders do, who raised its floor, or let it end. */
  #setFloor(stub: Kept, floor: Floor | undefined, key: SessionKey | undefined): void {
    const { hash, counts } = stub
    const meta = toggleFloor(hash, toggleFloor(hash, stub.meta, stub.floor), floor)
    const changed: Kept = { ...stub, meta, floor, key, counts: 'nothing' }
    this.#count(stub, 'nothing')
    this.#bucket(bucketOf(hash)).set(hashName(hash), changed)
    this.#count(changed, counts)
  }

  #count(stub: Kept, counts: Kept['counts']): void {
    if (counts === stub.counts) return
    const before = countedOf(stub)
    stub.counts = counts
    for (const counted of [before, countedOf(stub)]) {
      if (counted !== undefined) this.#flip(bucketOf(stub.hash), stub.hash, counted)
    }
  }

  #bucket(bucket: number): Map<string, Kept> {
    return this.#buckets[bucket] as Map<string, Kept>
  }
}

interface Kept extends Stub {
  /** What the stub counts as: the record that was evicted, the one that was refused last, or neither. */
  counts: 'own' | 'refused' | 'nothing'
  refused: Counted | undefined
}

function countedOf(stub: Kept): Counted | undefined {
  return stub.counts === 'own' ? stub : stub.counts === 'refused' ? stub.refused : undefined
}

const NONE: readonly Stub[] = []
