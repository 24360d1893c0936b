/**
 * The one way by which records of others enter the table: merge, and say what that means.
 *
 * Frames, answers, synced records and pushes all come through here. The merge decides; this file notices its consequences:
 * this node is no longer primary because a higher tenure wrote, two primaries wrote at the same time, or the sender does
 * not know what it should.
 */
import { FLOOR_WIRE, SYNC_REMAINING_MS_MIN } from '../constants.ts'
import type { Context } from '../context.ts'
import type { KeyedRecord } from '../wire/record-codec.ts'
import { isChunkKey } from './blob.ts'
import { floorOf, haveSameFloor, raiseFloor, remainder } from './floor.ts'
import type { SessionKey } from './id.ts'
import type { Merged } from './merge.ts'
import { mergeRecords } from './merge.ts'
import type { LiveRecord, SessionRecord, Tombstone } from './record.ts'
import { endsAtMs, highestVersion, withoutValues } from './record.ts'
import type { NodeId, Tenure } from './version.ts'
import { compareBirths, compareTenures, covers } from './version.ts'

export interface IngestListener {
  /** Whether this node holds the shard, or is about to. */
  isJoined(shard: number): boolean
  /** A write of this node's, or its primaryship, lost to a newer one. */
  onBeaten(key: SessionKey, how: 'SUPERSEDED' | 'DROPPED'): void
  /** Of a session that was evicted here came a copy without the values that did not change, or one from before (`isOld`). */
  onLacking(key: SessionKey, shard: number, isOld: boolean): void
  /**
   * Something is here that others may not be told: it came, and not by a frame of a stream, or it was left out of comparisons.
   * @param writer whose stream says the same; of a drop it may be anybody's.
   */
  onHearsay(shard: number, writer: Tenure | undefined): void
  /** Somebody still has a chunk of which is known here that it was dropped. */
  onLateChunk(key: SessionKey, dropped: Tombstone, late: LiveRecord): void
}

export class Ingest {
  readonly #context: Context
  readonly #listener: IngestListener

  constructor(context: Context, listener: IngestListener) {
    this.#context = context
    this.#listener = listener
  }

  /**
   * Merge records that `from` sent.
   * @param isFrame they came by a stream of `from`, as they come to all holders. If it lost to another writer without knowing,
   * it is answered with what is here (rules A1, R1).
   */
  apply(records: readonly KeyedRecord[], from: NodeId, isFrame: boolean): void {
    const unknownToSender: KeyedRecord[] = []
    for (const { key, record } of records) {
      const stored = this.#merge(key, record, isFrame)
      if (isFrame && stored !== undefined && this.#isNewsTo(from, stored, record)) {
        unknownToSender.push({ key, record: stored.kind === 'live' ? withoutValues(stored, () => false) : stored })
      }
    }
    if (unknownToSender.length > 0 && !this.#context.lacks('tell-beaten'))
      this.#context.send(from, { type: 'push', records: unknownToSender })
  }

  /**
   * Merge records that `from` sent to this node alone, since it wrote the session before, or kept what is dropped now. A node
   * that let go of such a session meanwhile takes no copy in its place: made of one write, it may lack what its clients have
   * read here, and they would write on it.
   */
  applyPushed(records: readonly KeyedRecord[], from: NodeId): void {
    const { table } = this.#context
    const isOfUse = ({ key, record }: KeyedRecord): boolean =>
      record.kind === 'dropped' || table.peek(key) !== undefined || this.#listener.isJoined(table.shardOf(key))
    this.apply(this.#context.lacks('push-to-holders') ? records : records.filter(isOfUse), from, false)
  }

  /** @returns what the table has now when it beats what came in. */
  #merge(key: SessionKey, incoming: SessionRecord, isFrame: boolean): SessionRecord | undefined {
    const { table, nowMs } = this.#context
    const entry = table.peek(key)
    if (entry === undefined) {
      const alive = endsAtMs(incoming) > nowMs ? incoming : leftOf(incoming, nowMs)
      if (alive === undefined) return undefined
      // What was evicted here is known to the other holders, or was by the comparison with this one's stub.
      if (!isFrame && table.absence(key) !== 'evicted') this.#hear(key, alive, undefined)
      this.#add(key, alive)
      return undefined
    }
    const before = entry.read(ALL)
    const isTakenAsIs = this.#context.lacks('merge') || (before.kind === 'dropped' && this.#context.lacks('tombstone'))
    let merged = isTakenAsIs
      ? { record: incoming, changed: true, beaten: false, conflict: false }
      : mergeRecords(before, incoming)
    if (this.#context.lacks('frontier')) merged = withoutJoin(merged, incoming)
    if (merged.record !== before) table.put(key, merged.record, nowMs).forget()
    if (!isFrame && isChunkKey(key) && merged.record.kind === 'dropped' && incoming.kind === 'live') {
      this.#listener.onLateChunk(key, merged.record, incoming)
    }
    if (merged.conflict) this.#context.notice({ type: 'conflict', key })
    if (merged.beaten && this.#outlives(incoming, before)) this.#listener.onHearsay(entry.shard, undefined)
    if (merged.changed && !isFrame) this.#hear(key, merged.record, before)
    if (merged.changed) this.#checkPrimary(key, before)
    return merged.beaten ? merged.record : undefined
  }

  /**
   * Whether what is here was so near its end that nobody is sent it any more (rule E2), and what came goes on. Merged with it, it
   * may have something that those who asked in its last seconds know nothing of; put off by it, since it is a later life of
   * the id, what came is needed here as soon as that life is over.
   */
  #outlives(incoming: SessionRecord, before: SessionRecord): boolean {
    const untilMs = this.#context.nowMs + SYNC_REMAINING_MS_MIN
    const isEnding = before.kind === 'live' && endsAtMs(before) <= untilMs
    return isEnding && endsAtMs(incoming) > untilMs && !this.#context.lacks('outlived')
  }

  #add(key: SessionKey, incoming: SessionRecord): void {
    const { table, nowMs } = this.#context
    const evicted = table.stub(key)
    const order = evicted === undefined ? 1 : compareBirths(incoming.birth, evicted.birth)
    if (order < 0) {
      // The life that was evicted here had outdone this one, and its drop may be known nowhere else any more.
      const floor = floorOf(incoming)
      if (floor !== undefined) table.raiseStub(key, floor)
      if (!this.#context.lacks('stub-refused')) table.refuse(key, incoming)
      return
    }
    const entry = table.put(key, raiseFloor(incoming, evicted?.floor), nowMs)
    entry.forget()
    if (evicted === undefined) return
    // A copy from before what was evicted: taken as it is, a ready holder would have it for the newest.
    const isOld = order === 0 && incoming.kind === 'live' && !covers(incoming.frontier, evicted.frontier)
    if (isOld || entry.isLacking) this.#listener.onLacking(key, entry.shard, isOld)
  }

  /** Who writes a record may not know that a life before it was dropped: then its stream does not say so. */
  #hear(key: SessionKey, record: SessionRecord, before: SessionRecord | undefined): void {
    const isFloorKnown = before === undefined ? floorOf(record) === undefined : haveSameFloor(record, before)
    const writer = record.kind === 'live' && isFloorKnown ? highestVersion(record).tenure : undefined
    this.#listener.onHearsay(this.#context.table.shardOf(key), writer)
  }

  /** Whether what is stored was made by somebody other than the sender, so that repair of its own stream will not tell it. */
  #isNewsTo(sender: NodeId, stored: SessionRecord, sent: SessionRecord): boolean {
    if (stored.kind === 'dropped' || compareBirths(stored.birth, sent.birth) !== 0) return true
    if (highestVersion(stored).tenure.node !== sender) return true
    // Created where nobody knew of the drop: what is written next shall say it.
    const floorEndsMs = haveSameFloor(stored, sent) ? 0 : (stored.floor?.untilMs ?? 0)
    return floorEndsMs > this.#context.nowMs + SYNC_REMAINING_MS_MIN && this.#context.wireOf(sender) >= FLOOR_WIRE
  }

  #checkPrimary(key: SessionKey, before: SessionRecord): void {
    const entry = this.#context.table.peek(key)
    if (entry === undefined || (entry.frame === 0 && entry.tenure === undefined)) return
    const { record, tenure } = entry
    if (record.kind === 'dropped') {
      entry.tenure = undefined
      if (before.kind === 'live') this.#listener.onBeaten(key, 'DROPPED')
      return
    }
    if (compareBirths(record.birth, before.birth) !== 0) {
      entry.tenure = undefined
      this.#listener.onBeaten(key, 'DROPPED')
      return
    }
    const top = highestVersion(record).tenure
    if (tenure === undefined || compareTenures(top, tenure) <= 0 || this.#context.lacks('step-down')) return
    entry.tenure = undefined
    this.#context.notice({ type: 'session:superseded', key, by: top.node })
    this.#listener.onBeaten(key, 'SUPERSEDED')
  }
}

/** Of the values that merge those that win are copied into the table: all of them are lent. */
const ALL = { has: () => true }

/** Planted: the frontier of what came in last, whatever else was merged (rule V3). */
function withoutJoin(merged: Merged, incoming: SessionRecord): Merged {
  return merged.record.kind === 'live' && incoming.kind === 'live'
    ? { ...merged, record: { ...merged.record, frontier: incoming.frontier } }
    : merged
}

function leftOf(record: SessionRecord, nowMs: number): Tombstone | undefined {
  return record.kind === 'live' ? remainder(record.floor, nowMs) : undefined
}
