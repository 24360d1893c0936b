/**
 * Dropping the chunks of values that no head names any more (rule B1).
 *
 * A value that was replaced, removed or dropped with its session is still named by older copies of the head. Its chunks are
 * dropped when nobody is owed the new one any longer: then every member that holds the shard of the head has it, and whoever
 * reads a head finds what it names. What this node forgets to drop, because it ended or had too much to remember, is named
 * by nobody, goes out of the caches by disuse, and ends at the absolute deadline at the latest.
 */
import { BLOB_DROPS_PER_SWEEP, BLOB_TOMBSTONE_MS, OUTSIDE_WIRE, RELEASES_MAX } from '../constants.ts'
import type { Context } from '../context.ts'
import type { KeyedRecord } from '../wire/record-codec.ts'
import { chunkCount, chunkKey, chunkTombstone } from './blob.ts'
import type { SessionKey } from './id.ts'
import type { BlobReference, LiveRecord, Tombstone } from './record.ts'
import type { Birth, NodeId } from './version.ts'

export interface ReleasePorts {
  enqueue(shard: number, key: SessionKey, tombstone: Tombstone, ackNow: boolean): number
  /** Whether a member that joined the shard has not acknowledged the frame. */
  isOwed(shard: number, frame: number): boolean
  isReachable(node: NodeId): boolean
  /** Whether a member takes part in this node's stream of the shard. */
  hasJoined(node: NodeId, shard: number): boolean
}

/** A blob that was named by the head of a session. */
export interface Release {
  readonly session: SessionKey
  readonly birth: Birth
  readonly absoluteAtMs: number
  readonly portion: string
  readonly reference: BlobReference
  /** The shard of the head, and the frame that carries what names the blob no more. 0 when nothing ever named it: then only
   * what is here was ever sent. */
  readonly shard: number
  readonly frame: number
}

export class Releases {
  readonly #context: Context
  readonly #ports: ReleasePorts
  readonly #waiting = new Set<Waiting>()

  constructor(context: Context, ports: ReleasePorts) {
    this.#context = context
    this.#ports = ports
  }

  get count(): number {
    return this.#waiting.size
  }

  add(release: Release): void {
    if (this.#waiting.size >= RELEASES_MAX) {
      const [oldest] = this.#waiting
      if (oldest !== undefined) this.#waiting.delete(oldest)
    }
    const isAtOnce = this.#context.lacks('blob-release')
    const wasNamed = release.frame !== 0
    this.#waiting.add({ ...release, frame: isAtOnce ? 0 : release.frame, wasNamed, nextIndex: 0 })
    if (isAtOnce) this.sweep()
  }

  /** Drop what may go by now, a bounded number of chunks at a time. */
  sweep(): void {
    // Who cannot read a chunk cannot read its tombstone either.
    if (this.#context.sharedWire < OUTSIDE_WIRE) return
    let budget = BLOB_DROPS_PER_SWEEP
    for (const waiting of this.#waiting) {
      if (this.#ports.isOwed(waiting.shard, waiting.frame)) continue
      const count = chunkCount(waiting.reference.byteLength)
      const dropped: KeyedRecord[] = []
      for (; waiting.nextIndex < count && budget > 0; budget--) this.#drop(waiting, waiting.nextIndex++, dropped)
      this.#tellWriter(waiting.reference, dropped)
      if (waiting.nextIndex < count) return
      this.#waiting.delete(waiting)
    }
  }

  /** A new incarnation numbers its frames from 1: what waited for one waits for the head's next. */
  restart(): void {
    for (const waiting of this.#waiting) waiting.frame = this.#context.table.peek(waiting.session)?.frame ?? 0
  }

  /**
   * A holder that was away for as long as a chunk's tombstone lasts still has the chunk. It is dropped anew for all holders:
   * those whose tombstone went a moment sooner take it for one that they miss.
   */
  dropAgain(key: SessionKey, dropped: Tombstone, late: LiveRecord): void {
    const { nowMs, sharedWire } = this.#context
    const isRecent = dropped.absoluteAtMs > nowMs + BLOB_TOMBSTONE_MS / 2
    if (isRecent || sharedWire < OUTSIDE_WIRE || this.#context.lacks('drop-again')) return
    this.#publish(key, chunkTombstone(dropped.birth, late.expiry.absoluteAtMs, nowMs))
  }

  #drop(
    { session, birth, absoluteAtMs, portion, reference, wasNamed }: Waiting,
    index: number,
    dropped: KeyedRecord[],
  ): void {
    const { table, nowMs } = this.#context
    if (absoluteAtMs <= nowMs) return
    const key = chunkKey({ session, portion, number: reference.number, index })
    if (!wasNamed && table.peek(key) === undefined) return
    const tombstone = chunkTombstone(birth, absoluteAtMs, nowMs)
    this.#publish(key, tombstone)
    dropped.push({ key, record: tombstone })
  }

  #publish(key: SessionKey, tombstone: Tombstone): void {
    const { table, nowMs } = this.#context
    const frame = this.#ports.enqueue(table.shardOf(key), key, tombstone, false)
    const entry = table.put(key, tombstone, nowMs)
    entry.tenure = undefined
    entry.frame = frame
  }

  /** Who wrote the chunks keeps them, also those of shards that it does not hold, of which no stream would tell it. */
  #tellWriter({ number }: BlobReference, dropped: readonly KeyedRecord[]): void {
    const { node } = number.tenure
    if (node === this.#context.self || !this.#ports.isReachable(node)) return
    const records = dropped.filter(({ key }) => !this.#ports.hasJoined(node, this.#context.table.shardOf(key)))
    if (records.length > 0) this.#context.send(node, { type: 'push', records }, 'bulk')
  }
}

interface Waiting extends Release {
  frame: number
  readonly wasNamed: boolean
  nextIndex: number
}
