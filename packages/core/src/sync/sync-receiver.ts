/**
 * The asking side of a sync: make a shard here include everything that a source has of it.
 *
 * ```
 *  ask(digests) ─► offer(positions, buckets that differ)
 *     for each bucket and part:  list ─► items(key hash, meta hash)
 *         for each run of items that differ:  want(keys) ─► records
 *  end: the positions of the offer now hold here too
 * ```
 *
 * One exchange is under way per session and a bounded number of sessions; the rest queue. Records are merged as they come,
 * so an interrupted sync has lost nothing: the next one asks only for what still differs. So many bytes a second are asked
 * for, however fast the sources are: whoever joins serves clients, too.
 */
import {
  BUCKETS_PER_SHARD,
  SYNC_BYTES_BURST,
  SYNC_BYTES_PER_SECOND,
  SYNC_ITEMS_MAX,
  SYNC_SESSIONS_MAX,
  SYNC_WANT_MAX,
} from '../constants.ts'
import type { Context } from '../context.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import type { NodeId } from '../session/version.ts'
import type { BucketPart } from '../table/stubs.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { StreamPosition, SyncItems, SyncOffer, SyncRecords, SyncScope } from '../wire/messages.ts'
import type { KeyedRecord } from '../wire/record-codec.ts'
import { recordWireBytes } from '../wire/record-codec.ts'
import { Patience } from './patience.ts'

export interface SyncReceiverPorts {
  isReachable(node: NodeId): boolean
  /** Whether this node is a ready holder of the shard. */
  isReady(shard: number): boolean
  /** The source does not hold the shard any more, whatever it said before. */
  onLetGo(source: NodeId, shard: number): void
  /** Whether what was evicted here is fetched from the source again: it is about to go. */
  takesEvicted(source: NodeId, shard: number): boolean
  /** That was done. What is evicted again was given its chance. */
  onTaken(source: NodeId, shard: number): void
  ingest(records: readonly KeyedRecord[], from: NodeId): void
  onPosition(shard: number, position: StreamPosition): void
}

export class SyncReceiver {
  readonly #context: Context
  readonly #ports: SyncReceiverPorts
  readonly #queue: Session[] = []
  readonly #active = new Map<number, Session>()
  /** What may be fetched now, from all sources together. */
  readonly #budget = new TokenBucket(SYNC_BYTES_PER_SECOND, SYNC_BYTES_BURST)
  readonly #patience = new Patience()
  #nextSession = 1
  /** Records fetched by syncs since the start. */
  records = 0
  /** Buckets in which this node and another, both ready, were found to differ since the start. */
  differing = 0

  constructor(context: Context, ports: SyncReceiverPorts) {
    this.#context = context
    this.#ports = ports
  }

  get underWay(): number {
    return this.#active.size + this.#queue.length
  }

  /** Sync a shard from a source. The same sync asked for twice while it waits is done once. */
  start(shard: number, source: NodeId, scope: SyncScope, onDone: SyncDone): void {
    const waiting = this.#queue.find((s) => s.shard === shard && s.source === source && s.scope === scope)
    if (waiting !== undefined) {
      waiting.onDone.push(onDone)
      return
    }
    this.#queue.push(new Session(this.#nextSession++, shard, source, scope, onDone))
    this.#begin()
  }

  /** Whether the shard is being synced with that source now. */
  isUnderWay(shard: number, source: NodeId): boolean {
    for (const session of this.#active.values()) if (session.shard === shard && session.source === source) return true
    return false
  }

  onOffer(from: NodeId, offer: SyncOffer): void {
    const session = this.#expect(from, offer.session, 'offer')
    if (session === undefined) return
    // Who vouches for no position, not even its own, let go of the shard and lists nothing of it.
    const hasLetGo = session.scope === 'holder' && !offer.ready && offer.positions.length === 0
    if (hasLetGo && !this.#context.lacks('let-go')) {
      this.#ports.onLetGo(from, session.shard)
      this.#end(session, false)
      return
    }
    // A holder that is not ready itself cannot make anybody else complete, but its positions are true all the same.
    session.isSourceReady = offer.ready
    session.positions = offer.positions
    const shouldBeEqual = session.scope === 'holder' && offer.ready && this.#ports.isReady(session.shard)
    if (shouldBeEqual) this.differing += offer.buckets.length
    const first = session.shard * BUCKETS_PER_SHARD
    const differing = new Set(offer.buckets.map(({ bucket }) => bucket))
    session.equalBuckets = Array.from({ length: BUCKETS_PER_SHARD }, (_, i) => first + i).filter(
      (bucket) => !differing.has(bucket),
    )
    for (const { bucket, parts } of offer.buckets) {
      for (let part = 0; part < parts; part++) session.parts.push({ bucket, part, parts })
    }
    this.#next(session)
  }

  onItems(from: NodeId, items: SyncItems): void {
    const session = this.#expect(from, items.session, 'items')
    if (session === undefined) return
    const wire = this.#context.wireOf(from)
    const index = this.#context.table.index(items.bucket, wire)
    for (const { key, meta } of items.items) {
      const here = session.takesEvicted ? index.entry(key)?.metaOn(wire) : index.meta(key)
      if (here === undefined || here.hi !== meta.hi || here.lo !== meta.lo) session.wanted.push(key)
    }
    session.bucket = items.bucket
    const isAll = session.scope === 'holder' && items.items.length < SYNC_ITEMS_MAX
    if (isAll && session.part !== undefined) {
      this.#context.table.matchStubs(session.part, items.items, session.isSourceReady, wire)
    }
    this.#next(session)
  }

  onRecords(from: NodeId, answer: SyncRecords): void {
    const session = this.#expect(from, answer.session, 'records')
    if (session === undefined) return
    this.#ports.ingest(answer.records, from)
    this.records += answer.records.length
    const bytes = answer.records.reduce((sum, { key, record }) => sum + recordWireBytes(key, record), 0)
    this.#budget.spend(bytes, this.#context.nowMs)
    // Listed and gone since: evicted, or its shard let go. The positions of the offer vouch for what did not come.
    if (answer.records.length < answer.done) session.isBroken = true
    // A source that says it did nothing would be asked for ever.
    session.wanted.splice(0, Math.max(1, answer.done))
    this.#next(session)
  }

  onUnreachable(node: NodeId): void {
    this.#patience.forget(node)
    for (const session of [...this.#active.values()]) if (session.source === node) this.#end(session, false)
  }

  /** End all syncs of a shard: what they brought is no longer here. */
  abandon(shard: number): void {
    for (const session of [...this.#queue, ...this.#active.values()]) {
      if (session.shard === shard) this.#end(session, false)
    }
  }

  /** A source lets go of shards: what it offered is no longer there. */
  onSourceLeft(source: NodeId, shards: readonly number[]): void {
    for (const session of [...this.#active.values()]) {
      const isOver = session.source === source && session.scope === 'holder' && shards.includes(session.shard)
      if (isOver) this.#end(session, false)
    }
  }

  nextDueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY
    for (const session of this.#active.values()) dueMs = Math.min(dueMs, session.timeoutAtMs)
    return dueMs
  }

  tick(): void {
    const { nowMs } = this.#context
    for (const session of [...this.#active.values()]) {
      if (nowMs < session.timeoutAtMs) continue
      if (session.awaited === 'budget') this.#next(session)
      else this.#giveUp(session)
    }
  }

  /** No answer came in time. What else waits for the source may be had from another one meanwhile. */
  #giveUp(session: Session): void {
    const { source, askedAtMs } = session
    if (!this.#context.lacks('sync-patience')) {
      this.#patience.onSilence(source, this.#context.nowMs - askedAtMs)
      for (const waiting of this.#queue.filter((other) => other.source === source)) this.#end(waiting, false, true)
    }
    this.#end(session, false, true)
  }

  #begin(): void {
    while (this.#active.size < SYNC_SESSIONS_MAX) {
      const at = this.#queue.findIndex(({ source }) => !this.#isBusy(source))
      const [session] = at < 0 ? [] : this.#queue.splice(at, 1)
      if (session === undefined) return
      this.#active.set(session.id, session)
      if (!this.#ports.isReachable(session.source)) {
        this.#end(session, false)
        continue
      }
      const { id, shard, scope, source } = session
      const { table } = this.#context
      const wire = this.#context.wireOf(source)
      session.takesEvicted = scope === 'holder' && this.#ports.takesEvicted(source, shard)
      const digests = session.takesEvicted ? table.presentDigests(shard, wire) : table.shardDigests(shard, wire)
      this.#await(session, 'offer')
      this.#context.send(source, { type: 'sync-ask', session: id, shard, scope, digests }, 'bulk')
    }
  }

  /** Whether a source that is slow has enough to answer: more would only wait behind it. */
  #isBusy(source: NodeId): boolean {
    const window = this.#patience.window(source)
    if (window === SYNC_SESSIONS_MAX) return false
    let count = 0
    for (const session of this.#active.values()) if (session.source === source) count++
    return count >= window
  }

  /** Send the next request of a session, or end it. */
  #next(session: Session): void {
    const waitMs = this.#context.lacks('sync-rate') ? 0 : this.#budget.waitMs(this.#context.nowMs)
    if (session.wanted.length > 0 && waitMs > 0) {
      session.awaited = 'budget'
      session.timeoutAtMs = this.#context.nowMs + waitMs
      return
    }
    if (session.wanted.length > 0) {
      const keys = session.wanted.slice(0, SYNC_WANT_MAX)
      this.#await(session, 'records')
      this.#context.send(
        session.source,
        { type: 'sync-want', session: session.id, bucket: session.bucket, keys },
        'bulk',
      )
      return
    }
    const part = session.parts.pop()
    session.part = part
    if (part !== undefined) {
      this.#await(session, 'items')
      this.#context.send(
        session.source,
        { type: 'sync-list', session: session.id, scope: session.scope, ...part },
        'bulk',
      )
      return
    }
    if (!session.isBroken) {
      for (const position of session.positions) this.#ports.onPosition(session.shard, position)
      if (session.takesEvicted) this.#ports.onTaken(session.source, session.shard)
    }
    this.#end(session, session.isSourceReady && !session.isBroken)
  }

  #await(session: Session, reply: Awaited): void {
    session.awaited = reply
    session.askedAtMs = this.#context.nowMs
    session.timeoutAtMs = session.askedAtMs + this.#patience.ms(session.source)
  }

  /** The session an answer belongs to, if it is the answer that is awaited. */
  #expect(from: NodeId, id: number, reply: Awaited): Session | undefined {
    const session = this.#active.get(id)
    if (session?.source !== from || session.awaited !== reply) return undefined
    this.#patience.onAnswer(from, this.#context.nowMs - session.askedAtMs)
    return session
  }

  #end(session: Session, complete: boolean, isLost = false): void {
    this.#active.delete(session.id)
    const place = this.#queue.indexOf(session)
    if (place >= 0) this.#queue.splice(place, 1)
    for (const done of session.onDone) done(complete, complete ? session.equalBuckets : [], isLost)
    this.#begin()
  }
}

/**
 * How a sync ended.
 * @param complete all that the source has is here now, and the source counts as a copy (or gave all its own).
 * @param equalBuckets of which the source had exactly what was here when it was asked.
 * @param isLost no answer came in time: worth another try.
 */
export type SyncDone = (complete: boolean, equalBuckets: readonly number[], isLost: boolean) => void

/** `budget`: nothing is under way; the next question waits until there is room for its answer. */
type Awaited = 'offer' | 'items' | 'records' | 'budget'

class Session {
  readonly id: number
  readonly shard: number
  readonly source: NodeId
  readonly scope: SyncScope
  readonly onDone: SyncDone[]
  awaited: Awaited = 'offer'
  askedAtMs = 0
  timeoutAtMs = 0
  isSourceReady = false
  takesEvicted = false
  equalBuckets: readonly number[] = []
  isBroken = false
  positions: readonly StreamPosition[] = []
  readonly parts: BucketPart[] = []
  /** The part that was asked for last. */
  part: BucketPart | undefined
  bucket = 0
  readonly wanted: Hash64[] = []

  constructor(id: number, shard: number, source: NodeId, scope: SyncScope, onDone: SyncDone) {
    this.id = id
    this.shard = shard
    this.source = source
    this.scope = scope
    this.onDone = [onDone]
  }
}
