/**
 * What a repository keeps through restarts: read before the node joins anybody, then written behind what changes.
 *
 * Writing holds up nothing. The core notes which keys changed (`Changes`); a write takes some, reads the records as they are
 * then, and goes on with the next when it is done. What is not written yet is known, and bounded by that. When a write fails the
 * repository is *degraded*: it goes on in memory, says so, and tries again; what ended and what was dropped first, since that makes
 * room, and since a drop that is not kept is a session that comes back.
 *
 * What was not written when the process ends is not kept: a session of the last moments, or a drop. While others live they know
 * better; when all ended together, the file is what there was.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { BucketChanges, Changes, KeyedRecord, KeyHash, Replica, SessionKey } from '@reprise/core'
import { BUCKETS_PER_SHARD, bucketOf, decodeStored, encodeStored, Outbox, SHARD_COUNT, WireError } from '@reprise/core'
import type { Clock } from '../clock.ts'
import {
  REPOSITORY_BATCH_BYTES,
  REPOSITORY_BATCH_RECORDS,
  REPOSITORY_HEADER_MS,
  REPOSITORY_RETRY_MS_MAX,
  REPOSITORY_RETRY_MS_MIN,
  REPOSITORY_STOP_MS,
  REPOSITORY_WRITE_MS,
} from '../constants.ts'
import { RepositoryError } from '../errors.ts'
import type { StoreClock, StoreOwner } from './header.ts'
import { encodeHeader, openClock } from './header.ts'
import type { RecordStore, StoreBatch, StoredKey, StoredValue } from './record-store.ts'

export interface KeeperInit {
  readonly store: RecordStore
  readonly replica: Replica
  readonly changes: Changes
  readonly keyHash: KeyHash
  readonly owner: StoreOwner
  readonly clock: StoreClock
}

export interface KeeperEvents {
  onDegraded(error: Error): void
  onRecovered(degradedMs: number): void
}

/** What a node's status tells of its repository. */
export interface RepositoryStatus {
  /** Shards that it keeps. */
  readonly shards: number
  /** Where: false when in memory alone, because no directory was given. */
  readonly persistent: boolean
  /** Records on disk, and the bytes that they take there. */
  readonly records: number
  readonly bytes: number
  /** Changes that are not on disk yet. */
  readonly queued: number
  /** The disk does not take them at present. */
  readonly degraded: boolean
  /** Writes that failed since the start. */
  readonly failedWrites: number
  /** Milliseconds since the last write; undefined before the first. */
  readonly lastWriteAgoMs: number | undefined
}

export class Keeper {
  readonly #init: KeeperInit
  readonly #events: KeeperEvents
  readonly #headerTimer: NodeJS.Timeout
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #isStopping = false
  /** Records of the write that is under way. */
  #underWay = 0
  #failures = 0
  #failedWrites = 0
  #degradedAtMs: number | undefined
  #writtenAtMs: number | undefined

  constructor(init: KeeperInit, events: KeeperEvents) {
    this.#init = init
    this.#events = events
    this.#headerTimer = setInterval(() => this.#refreshHeader(), REPOSITORY_HEADER_MS).unref()
  }

  status(): Omit<RepositoryStatus, 'shards'> {
    const { store, changes, clock } = this.#init
    return {
      persistent: true,
      records: store.records,
      bytes: store.bytes,
      queued: changes.size + this.#underWay,
      degraded: this.#degradedAtMs !== undefined,
      failedWrites: this.#failedWrites,
      lastWriteAgoMs: this.#writtenAtMs === undefined ? undefined : clock.now().nowMs - this.#writtenAtMs,
    }
  }

  /** Something may have changed. Called after every step: cheap when a write is planned already. */
  wake(): void {
    if (this.#timer !== undefined || this.#writing !== undefined || this.#isStopping) return
    if (this.#init.changes.size === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#writing = this.#writeAll().finally(() => {
        this.#writing = undefined
        this.wake()
      })
    }, this.#pauseMs())
  }

  /** Write what is left, as far as the disk takes it, and close the store. */
  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#timer)
    clearInterval(this.#headerTimer)
    // A disk that stands still is not waited for.
    await Promise.race([this.#finish(), delay(REPOSITORY_STOP_MS, undefined, { ref: false })])
    await this.#init.store.close()
  }

  async #finish(): Promise<void> {
    await this.#writing
    // Twice: what the disk refused may have room now.
    for (let attempt = 0; attempt < 2 && this.#init.changes.size > 0; attempt++) await this.#writeAll()
  }

  #pauseMs(): number {
    if (this.#failures === 0) return REPOSITORY_WRITE_MS
    return Math.min(REPOSITORY_RETRY_MS_MAX, REPOSITORY_RETRY_MS_MIN * 2 ** (this.#failures - 1))
  }

  /** Write until nothing waits, or a write fails. */
  async #writeAll(): Promise<void> {
    const { changes } = this.#init
    try {
      if (this.#degradedAtMs !== undefined) await this.#writeSmaller()
      for (let taken = changes.take(REPOSITORY_BATCH_RECORDS); taken !== undefined; ) {
        await this.#writeChanges(taken, false)
        taken = changes.take(REPOSITORY_BATCH_RECORDS)
      }
    } catch (error) {
      this.#onFailed(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Once around: what takes less than it did, or nothing. */
  async #writeSmaller(): Promise<void> {
    const { changes, replica } = this.#init
    const all: BucketChanges[] = []
    for (let taken = changes.take(Number.POSITIVE_INFINITY); taken !== undefined; ) {
      all.push(taken)
      taken = changes.take(Number.POSITIVE_INFINITY)
    }
    for (const taken of all) changes.giveBack(taken)
    for (const { bucket, keys } of all) {
      const smaller = keys?.filter((key) => replica.table.peek(key)?.isLive !== true) ?? []
      if (smaller.length === 0) continue
      for (const key of smaller) changes.delete(bucket, key)
      await this.#writeChanges({ bucket, keys: smaller }, true)
    }
  }

  /** Write some of a bucket, in as many batches as it takes. What could not be written is given back. */
  async #writeChanges(taken: BucketChanges, isSmaller: boolean): Promise<void> {
    const { changes, replica } = this.#init
    const { bucket } = taken
    this.#underWay = taken.keys?.length ?? 1
    try {
      const keys = [...(taken.keys ?? (await this.#keysOf(bucket)))]
      while (keys.length > 0) {
        const puts: StoredValue[] = []
        const deletes: StoredKey[] = []
        let bytes = 0
        for (const key of keys.splice(0, REPOSITORY_BATCH_RECORDS)) {
          if (bytes >= REPOSITORY_BATCH_BYTES) {
            keys.push(key)
            continue
          }
          const entry = replica.table.peek(key)
          // Not committed yet: what is kept of the id's earlier life still holds.
          if (entry?.isUnwritten === true) continue
          if (entry === undefined) deletes.push({ bucket, key })
          else {
            const value = encodeStored(key, entry.record, this.#init.clock.now(), this.#init.keyHash)
            bytes += value.length
            puts.push({ bucket, key, value })
          }
        }
        await this.#write({ puts, deletes, isSmaller })
      }
    } catch (error) {
      changes.giveBack(taken)
      throw error
    } finally {
      this.#underWay = 0
    }
  }

  /** All that is in a bucket, here or on disk. */
  async #keysOf(bucket: number): Promise<Set<SessionKey>> {
    const { store, replica } = this.#init
    const keys = new Set((await store.readBucket(bucket)).map(({ key }) => key))
    for (const { key } of replica.table.bucketEntries(bucket)) keys.add(key)
    return keys
  }

  async #write(batch: Omit<StoreBatch, 'header'>): Promise<void> {
    const { store, owner, clock } = this.#init
    await store.write({ ...batch, header: encodeHeader(owner, clock) })
    this.#writtenAtMs = clock.now().nowMs
    this.#failures = 0
    // What takes less room than before says nothing about room.
    if (this.#degradedAtMs === undefined || (batch.isSmaller && this.#init.changes.size > 0)) return
    const degradedMs = this.#writtenAtMs - this.#degradedAtMs
    this.#degradedAtMs = undefined
    this.#events.onRecovered(degradedMs)
  }

  #onFailed(error: Error): void {
    this.#failures++
    this.#failedWrites++
    if (this.#degradedAtMs !== undefined) return
    this.#degradedAtMs = this.#init.clock.now().nowMs
    this.#events.onDegraded(error)
  }

  /** An idle repository says now and then what time it is, so that a wall clock that is set meanwhile misleads nobody. */
  #refreshHeader(): void {
    if (this.#writing !== undefined || this.#degradedAtMs !== undefined) return
    this.#writing = this.#write({ puts: [], deletes: [], isSmaller: false })
      .catch((error: Error) => this.#onFailed(error))
      .finally(() => {
        this.#writing = undefined
        this.wake()
      })
  }
}

/**
 * Read what an earlier life kept into a replica that has not met anybody.
 * @throws RepositoryError when the file is not this node's, or not what was written. The replica is of no use then.
 */
export async function loadRepository(
  init: Omit<KeeperInit, 'clock' | 'changes'> & { readonly shards: readonly number[] },
  clock: Clock,
): Promise<StoreClock> {
  const { store, replica, owner } = init
  const storeClock = openClock(await store.readHeader(), owner, clock)
  const out = new Outbox()
  for (const shard of init.shards.filter((shard) => shard < SHARD_COUNT)) {
    for (let bucket = shard * BUCKETS_PER_SHARD; bucket < (shard + 1) * BUCKETS_PER_SHARD; bucket++) {
      const records = decodeAll(await store.readBucket(bucket), storeClock, init.keyHash)
      if (records.length > 0) replica.step({ type: 'load', records }, clock.now(), out)
      // There is nobody yet to tell.
      out.drain()
    }
  }
  // Whose file it is stands in it before anything else does.
  await store.write({ puts: [], deletes: [], isSmaller: false, header: encodeHeader(owner, storeClock) })
  return storeClock
}

function decodeAll(stored: readonly StoredValue[], clock: StoreClock, keyHash: KeyHash): KeyedRecord[] {
  try {
    return stored.map(({ bucket, key, value }) => {
      if (bucketOf(keyHash(key)) !== bucket) throw new WireError('a stored record in the bucket of another')
      return decodeStored(key, value, clock.now(), keyHash)
    })
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause
    throw new RepositoryError(`a record is not what was written: ${cause.message}`, { code: 'REPOSITORY_TORN', cause })
  }
}
