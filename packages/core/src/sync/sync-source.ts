/**
 * The answering side of a sync: stateless, one message in, one message out.
 *
 * Whoever wants to become equal asks, compares and fetches at its own pace; the source only answers from the table as it is
 * at that moment. So it keeps nothing per session, a slow or vanished asker costs nothing, and a sync that broke off goes on
 * with what still differs.
 */
import {
  BUCKETS_PER_SHARD,
  OUTSIDE_WIRE,
  SYNC_CHUNK_BYTES,
  SYNC_ITEMS_MAX,
  SYNC_REMAINING_MS_MIN,
} from '../constants.ts'
import type { Context } from '../context.ts'
import { isChunkKey } from '../session/blob.ts'
import { remainder } from '../session/floor.ts'
import { metaHash } from '../session/meta-hash.ts'
import type { SessionRecord } from '../session/record.ts'
import { recordBytes } from '../session/record.ts'
import type { NodeId } from '../session/version.ts'
import type { Entry } from '../table/entry.ts'
import { shardOfBucket } from '../table/key-hash.ts'
import { isInPart } from '../table/stubs.ts'
import type { StreamPosition, SyncAsk, SyncItem, SyncList, SyncScope, SyncWant } from '../wire/messages.ts'
import type { KeyedRecord } from '../wire/record-codec.ts'

export interface SyncSourcePorts {
  isJoined(shard: number): boolean
  /** Whether this node is a repository of the shard: what it has of it is its own, as from its disk it is. */
  isRepositoryOf(shard: number): boolean
  /** Whether what this node has of the shard counts for who asks. */
  isCopyFor(asker: NodeId, shard: number): boolean
  /** The asker holds something else than this node, more or less. */
  onDiffering(node: NodeId, shard: number): void
  /** Whether who asks is about to go, and what was evicted here was not fetched from it again. */
  takesEvicted(asker: NodeId, shard: number): boolean
  /** Positions in the streams of others, for the shard. */
  positions(shard: number): readonly StreamPosition[]
  /** The position of this node's own stream: all it published. */
  ownPosition(shard: number): StreamPosition
}

export class SyncSource {
  readonly #context: Context
  readonly #ports: SyncSourcePorts

  constructor(context: Context, ports: SyncSourcePorts) {
    this.#context = context
    this.#ports = ports
  }

  /** Which buckets differ, and up to where every stream is contained in what will be sent. */
  onAsk(from: NodeId, ask: SyncAsk): void {
    const { table } = this.#context
    // Positions first: what arrives between here and the last record is then sent twice at worst (rule P4).
    const own = this.#ports.ownPosition(ask.shard)
    const positions = ask.scope === 'own' ? [own] : [...this.#ports.positions(ask.shard), own]
    // Who let go of the shard has nothing of it to vouch for.
    if (ask.scope === 'holder' && !this.#ports.isJoined(ask.shard)) positions.length = 0
    // A stub is no copy for who hands over what it has.
    const takesEvicted = ask.scope === 'holder' && this.#ports.takesEvicted(from, ask.shard)
    const buckets: { bucket: number; parts: number }[] = []
    for (let i = 0; i < BUCKETS_PER_SHARD; i++) {
      const bucket = ask.shard * BUCKETS_PER_SHARD + i
      const theirs = ask.digests[i]
      const ours = table.digest(bucket, this.#context.wireOf(from))
      const isEqual = theirs !== undefined && theirs.hi === ours.hi && theirs.lo === ours.lo
      if (isEqual && !(takesEvicted && table.stubCount(bucket) > 0)) continue
      // A bucket of which there is nothing here differs too, and the offer says so: no difference means equal.
      buckets.push({ bucket, parts: Math.max(1, Math.ceil(table.bucketCount(bucket) / ITEMS_PER_PART)) })
    }
    const ready = ask.scope === 'own' || this.#ports.isCopyFor(from, ask.shard)
    this.#context.send(from, { type: 'sync-offer', session: ask.session, ready, positions, buckets }, 'bulk')
    if (ask.scope === 'holder' && buckets.length > 0) this.#ports.onDiffering(from, ask.shard)
  }

  onList(from: NodeId, list: SyncList): void {
    // Let go of since the offer: an empty list would say that what the offer vouched for is nothing.
    if (list.scope === 'holder' && !this.#ports.isJoined(shardOfBucket(list.bucket))) return
    const items: SyncItem[] = []
    const wire = this.#context.wireOf(from)
    for (const entry of this.#context.table.bucketEntries(list.bucket)) {
      if (!isInPart(entry.hash, list)) continue
      const { hash } = entry
      if (this.#isSent(entry, list.scope, wire)) items.push({ key: hash, meta: entry.metaOn(wire) })
      else {
        const left = this.#leftOf(entry, list.scope)
        if (left !== undefined) items.push({ key: hash, meta: metaHash(hash, left) })
      }
      if (items.length === SYNC_ITEMS_MAX) break
    }
    const { session, bucket, part } = list
    this.#context.send(from, { type: 'sync-items', session, bucket, part, items }, 'bulk')
  }

  onWant(from: NodeId, want: SyncWant): void {
    const index = this.#context.table.index(want.bucket)
    const records: KeyedRecord[] = []
    const wire = this.#context.wireOf(from)
    let bytes = 0
    let done = 0
    for (const key of want.keys) {
      if (bytes >= SYNC_CHUNK_BYTES) break
      done++
      const entry = index.entry(key)
      if (entry === undefined) continue
      const record = this.#isSent(entry, 'holder', wire) ? entry.record : this.#leftOf(entry, 'holder')
      if (record === undefined) continue
      bytes += recordBytes(entry.key, record)
      records.push({ key: entry.key, record })
    }
    this.#context.send(from, { type: 'sync-records', session: want.session, done, records }, 'bulk')
  }

  #isSent(entry: Entry, scope: SyncScope, wire: number): boolean {
    if (wire < OUTSIDE_WIRE && isChunkKey(entry.key)) return false
    if (scope === 'own' && !this.#isOwn(entry)) return false
    return !entry.isUnwritten && entry.endsAtMs > this.#untilMs
  }

  /** What will be left of an entry that is so close to its end that it is not sent itself: who joins now needs it then. */
  #leftOf(entry: Entry, scope: SyncScope): SessionRecord | undefined {
    if (entry.endsAtMs > this.#untilMs || (scope === 'own' && !this.#isOwn(entry))) return undefined
    return remainder(entry.floor, this.#untilMs)
  }

  #isOwn(entry: Entry): boolean {
    return entry.frame !== 0 || this.#ports.isRepositoryOf(entry.shard)
  }

  /** What ends before that is not worth sending (rule E2). */
  get #untilMs(): number {
    return this.#context.nowMs + SYNC_REMAINING_MS_MIN
  }
}

/** Well under the bound of one listing, so that a bucket that grows meanwhile still fits. */
const ITEMS_PER_PART: number = SYNC_ITEMS_MAX / 2
