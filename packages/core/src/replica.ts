/**
 * One member, decided: `step(event, outbox)`. Read this first: it lets the events into the rooms, and `rooms.ts` joins those.
 *
 * ```
 *  commands ─► session/primary ─► stream/outgoing ─► frames out
 *                   │                  ▲ acks, nacks
 *                   ▼                  │
 *                 table ◄── session/ingest ◄── stream/incoming ◄── frames in
 *                   ▲             ▲                  │ gone
 *                   │             │                  ▼
 *  resume ─► pull/puller ─────────┴──────────── sync/sync-receiver ◄── placement/holdings ◄── members/members
 * ```
 *
 * Nothing here knows a socket, a timer, a clock or chance: time comes with each event, everything wanted goes into the
 * outbox, and a tick is asked for by `nextDueMs`. The same events in the same order give the same outbox, byte for byte,
 * which is what the simulator replays.
 */
import type { CheckCommand } from './check/checker.ts'
import { AUDIT_INTERVAL_MS, WIRE_VERSION } from './constants.ts'
import type { Context, Now, ReplicaInit } from './context.ts'
import { RepriseError, WireError } from './errors.ts'
import type { Lane, Outbox, Outcome } from './outbox.ts'
import type { ResumeCommand } from './pull/puller.ts'
import { Rooms } from './rooms.ts'
import { isChunkKey } from './session/blob.ts'
import { isRemainder } from './session/floor.ts'
import type { SessionKey } from './session/id.ts'
import { metaHash } from './session/meta-hash.ts'
import { placeOutside } from './session/portion-sizes.ts'
import type { CommitCommand, CreateCommand, DropCommand } from './session/primary.ts'
import type { LiveRecord, SessionRecord } from './session/record.ts'
import type { Birth, NodeId, Version } from './session/version.ts'
import type { ReplicaStatus, ShardState } from './status.ts'
import { statusOf } from './status-of.ts'
import type { RoomCommand } from './stream/room.ts'
import { SweepPace } from './sweep-pace.ts'
import type { BucketTable } from './table/bucket-table.ts'
import type { Changes } from './table/changes.ts'
import type { Snapshot } from './table/entry.ts'
import { bucketOf } from './table/key-hash.ts'
import { decodeFrame } from './wire/frame.ts'
import { decodeMessage } from './wire/message-codec.ts'
import type { Message } from './wire/messages.ts'
import type { KeyedRecord } from './wire/record-codec.ts'

/** Everything that can happen to a member. */
export type Event =
  | { readonly type: 'tick' }
  /** A control stream opened; it speaks this version of the wire. Default: this node's own. */
  | { readonly type: 'peer-up'; readonly peer: NodeId; readonly wire?: number }
  | { readonly type: 'peer-down'; readonly peer: NodeId }
  /** A peer receives what is published to the shard (again): it must know this node's number. */
  | { readonly type: 'subscriber'; readonly peer: NodeId; readonly shard: number }
  | { readonly type: 'frame'; readonly from: NodeId; readonly shard: number; readonly bytes: Uint8Array }
  | { readonly type: 'message'; readonly from: NodeId; readonly lane: Lane; readonly bytes: Uint8Array }
  | ({ readonly type: 'create' } & CreateCommand)
  | ({ readonly type: 'commit' } & CommitCommand)
  | ({ readonly type: 'drop' } & DropCommand)
  | ({ readonly type: 'resume' } & ResumeCommand)
  /** Ask everybody whether the copies of all shards are there, and equal. Never fails: what is wrong is in the report. */
  | ({ readonly type: 'check' } & CheckCommand)
  /** Wait until there is room for a write: see `hasRoom`. Ends with a `LimitError` when there is none in time. */
  | ({ readonly type: 'room' } & RoomCommand)
  /** What a repository kept through its last life, before anything else happens. */
  | { readonly type: 'load'; readonly records: readonly KeyedRecord[] }
  /** Put back a session that was created here and evicted before its first commit. */
  | { readonly type: 'restore'; readonly key: SessionKey; readonly record: LiveRecord }
  | { readonly type: 'touch'; readonly key: SessionKey; readonly birth: Birth }
  /** Nobody waits for the request any more. A commit that waits for copies ends with `TIMEOUT`. */
  | { readonly type: 'cancel'; readonly request: number }
  /** Publish what is pending and hand over all shards: the node is going. Go on until `owesAnything` is false, then say
   * `goodbye`. */
  | { readonly type: 'leave' }
  /** Tell everybody that this life is over. Nothing follows. What was not handed over is told by a notice. */
  | { readonly type: 'goodbye' }

export class Replica {
  readonly #rooms: Rooms
  readonly #context: Context
  readonly #sweepPace: SweepPace
  #auditAtMs: number
  #badMessages = 0

  constructor(init: ReplicaInit, now: Now) {
    this.#rooms = new Rooms(init, now)
    this.#context = this.#rooms.context
    this.#sweepPace = new SweepPace(now.nowMs)
    this.#auditAtMs = now.nowMs + AUDIT_INTERVAL_MS
  }

  /**
   * Let one event happen. Effects go only to `out`. Never throws because of what a peer sent: a message that does not
   * decode is counted, reported as a notice and dropped.
   */
  step(event: Event, now: Now, out: Outbox): void {
    const context = this.#context
    // Time never runs backwards here, whatever the driver's clock does.
    context.nowMs = Math.max(context.nowMs, now.nowMs)
    context.wallMs = now.wallMs
    context.out = out
    this.#rooms.members.noticeStall()
    if (event.type !== 'tick' && event.type !== 'message') this.#sweepPace.wake()
    this.#handle(event)
  }

  /**
   * When the next tick is wanted, on the clock of `nowMs`: not later than that, and not before the events of this turn were
   * stepped, so that what they caused leaves together. A time that has passed wants a tick at the end of the turn.
   */
  nextDueMs(): number {
    return Math.min(
      this.#sweepPace.dueMs,
      this.#rooms.members.nextDueMs(),
      this.#rooms.outgoing.nextDueMs(),
      this.#rooms.uploads.nextDueMs(),
      this.#rooms.incoming.nextDueMs(),
      this.#rooms.puller.nextDueMs(),
      this.#rooms.reader.nextDueMs(),
      this.#rooms.syncReceiver.nextDueMs(),
      this.#rooms.checker.nextDueMs(),
    )
  }

  /** The version the session's next commit will take, so that values can be sealed for it in the same turn. */
  nextVersion(key: SessionKey, birth: Birth): Version | undefined {
    return this.#rooms.primary.nextVersion(key, birth)
  }

  /**
   * What a commit of values of these lengths will do, in the same turn: the names of those that go outside the head, and the
   * version that it takes. Undefined: it will be known later, because it waits for large values.
   * @throws LimitError, UsageError when the commit would be refused for its size.
   */
  plan(
    key: SessionKey,
    birth: Birth,
    changes: ReadonlyMap<string, { readonly length: number } | null>,
  ): { readonly version: Version | undefined; readonly outside: ReadonlySet<string> } {
    const portions = this.#rooms.primary.portionsOf(key, birth, changes) ?? NO_PORTIONS
    const outside = placeOutside(portions, { changes }, this.#context.sharedWire)
    return { version: outside === undefined ? this.nextVersion(key, birth) : undefined, outside: outside ?? NO_NAMES }
  }

  /** Take the number of a value outside the head, which can then be sealed for it before it is committed. */
  takeBlobNumber(): Version {
    return this.#rooms.uploads.takeNumber()
  }

  /**
   * A live session of which this node has a copy that may be used without asking anybody (rule R3), complete in the named
   * portions (default all). Counts as a use. Undefined says nothing about the session: resume it.
   *
   * The time is that of the last step or of `pass`, so that reading asks no clock. A driver that has not stepped for
   * `SWEEP_INTERVAL_MS` calls that first.
   */
  local(key: SessionKey, portions: readonly string[] | undefined, maxAgeMs?: number): Snapshot | undefined {
    return this.#rooms.reader.local(key, portions, maxAgeMs)
  }

  /** Let time pass without an event, for reads. Ticks are then wanted often enough for more of them. */
  pass(now: Now): void {
    this.#context.nowMs = Math.max(this.#context.nowMs, now.nowMs)
    this.#sweepPace.wake()
  }

  /** Where others reach this node, once it listens. */
  setAddresses(addresses: readonly string[]): void {
    this.#context.addresses = addresses
  }

  /** Whether a commit may be made now, with nobody waiting before it. If not, wait for a `room` first. */
  get hasRoom(): boolean {
    return this.#rooms.outgoing.hasRoom
  }

  /** Whether one more write fits, whoever waits: what to ask after a `room`. */
  get hasFreeRoom(): boolean {
    return this.#rooms.outgoing.hasFreeRoom
  }

  /** Whether anything waits to be published, acknowledged or handed over: the node should not stop yet. */
  get owesAnything(): boolean {
    return this.#rooms.outgoing.owesAnything || this.owedShards.length > 0
  }

  /** The shards that this node, leaving, is still the copy of that others count on. */
  get owedShards(): readonly number[] {
    return this.#rooms.holdings.owed()
  }

  /** Whether every shard has all the ready holders that the present members can give it, as far as this node heard. */
  get isWhole(): boolean {
    return this.#rooms.holdings.isWhole
  }

  /** The record as it is here, for views and checkers. Not a use, and not a read in the sense of the promises. */
  peek(key: SessionKey): SessionRecord | undefined {
    const record = this.#rooms.primary.draft(key) ?? this.#rooms.table.peek(key)?.record
    // What an earlier life left behind is not the session's.
    return record !== undefined && isRemainder(record) ? undefined : record
  }

  /** Whether there is anything to peek at. */
  has(key: SessionKey): boolean {
    return this.#rooms.table.peek(key)?.isLive === true || this.peek(key) !== undefined
  }

  /** Keys of the living sessions in a bucket of which this node has a copy, whether or not it may be read by itself. */
  heldKeys(bucket: number): SessionKey[] {
    const keys: SessionKey[] = []
    for (const entry of this.#rooms.table.bucketEntries(bucket)) {
      if (!entry.isLive || entry.isUnwritten || entry.endsAtMs <= this.#context.nowMs) continue
      if (!isChunkKey(entry.key)) keys.push(entry.key)
    }
    return keys
  }

  get nodeId(): NodeId {
    return this.#context.self
  }

  get incarnation(): number {
    return this.#context.incarnation
  }

  /** Ids of the members believed alive, this one included, sorted. */
  aliveMembers(): readonly NodeId[] {
    return this.#rooms.members.alive()
  }

  /** Whether everything this node shall hold is here and counts as a copy. */
  get isReady(): boolean {
    return this.#rooms.isReady
  }

  /** This node's part in a shard: it does not hold it, is about to, or is a copy that counts. */
  shardState(shard: number): ShardState {
    return this.#rooms.shardState(shard)
  }

  /** Whether this node's copy of the shard counts: it is ready, not about to let go of it, and no repository. */
  isCounted(shard: number): boolean {
    return this.#rooms.isCounted(shard)
  }

  /**
   * Whether this node's copy of the shard is known to be current (rule P5): it is ready, misses nothing that it heard of, and
   * everybody who wrote to it is heard, so that it would have heard of more. A copy that is ready and not clean is as good as
   * anybody's who is cut off from the writers.
   */
  isClean(shard: number): boolean {
    return this.#rooms.isClean(shard)
  }

  /** Whether frames of the shard are known to be missing here. */
  isLacking(shard: number): boolean {
    return !this.#rooms.incoming.isComplete(shard)
  }

  /** The state in numbers and names, for status pages and checkers. A snapshot that shares nothing. */
  status(): ReplicaStatus {
    return { ...statusOf(this.#rooms), badMessages: this.#badMessages }
  }

  /** What changed of what this node is a repository of, and is to be kept. Undefined if it is none. */
  get changes(): Changes | undefined {
    return this.#rooms.changes
  }

  /** The table, for checkers that compare holders. */
  get table(): BucketTable {
    return this.#rooms.table
  }

  #handle(event: Event): void {
    switch (event.type) {
      case 'tick':
        return this.#onTick()
      case 'frame':
        return this.#onFrame(event.from, event.bytes, 0)
      case 'message':
        return this.#onMessage(event.from, event.bytes)
      case 'peer-up':
        this.#context.setWire(event.peer, event.wire ?? WIRE_VERSION)
        this.#rooms.shareWire(event.peer)
        return this.#rooms.members.onPeerUp(event.peer)
      case 'peer-down':
        this.#rooms.members.onPeerDown(event.peer)
        this.#rooms.outgoing.onUnreachable(event.peer)
        this.#rooms.puller.onUnreachable(event.peer)
        return this.#rooms.syncReceiver.onUnreachable(event.peer)
      case 'subscriber':
        return this.#rooms.listeners.onSubscriber(event.peer, event.shard)
      case 'create':
        return this.#guard(event.request, () => this.#rooms.primary.create(event))
      case 'commit':
        return this.#guard(event.request, () => this.#rooms.primary.commit(event))
      case 'drop':
        return this.#guard(event.request, () => this.#rooms.primary.drop(event))
      case 'resume':
        return this.#guard(event.request, () => {
          this.#rooms.reader.resume(event, (outcome) => this.#report(event.request, outcome))
        })
      case 'check':
        return this.#rooms.checker.start(event)
      case 'room':
        return this.#guard(event.request, () => this.#rooms.outgoing.awaitRoom(event))
      case 'load':
        return this.#onLoad(event.records)
      case 'restore':
        return this.#rooms.primary.restore(event.key, event.record)
      case 'touch':
        return this.#rooms.primary.touch(event.key, event.birth)
      case 'cancel':
        if (this.#rooms.outgoing.cancelWait(event.request) || this.#rooms.uploads.cancel(event.request)) return
        if (this.#rooms.checker.cancel(event.request)) return
        this.#rooms.reader.cancel(event.request)
        return
      case 'leave':
        return this.#onLeave()
      case 'goodbye':
        return this.#onGoodbye()
    }
  }

  #onTick(): void {
    const { nowMs } = this.#context
    this.#rooms.members.tick()
    this.#rooms.outgoing.tick()
    this.#rooms.uploads.tick()
    this.#rooms.incoming.tick()
    this.#rooms.puller.tick()
    this.#rooms.reader.tick()
    this.#rooms.syncReceiver.tick()
    this.#rooms.checker.tick()
    this.#sweep()
    if (nowMs >= this.#auditAtMs) {
      this.#auditAtMs = nowMs + AUDIT_INTERVAL_MS
      this.#rooms.holdings.audit()
    }
  }

  /** Look after what has no timers of its own, if it is time. */
  #sweep(): void {
    const { nowMs } = this.#context
    const intervals = this.#sweepPace.intervals(nowMs)
    if (intervals === 0) return
    if (!this.#context.lacks('sweep')) this.#rooms.table.sweep(nowMs, intervals)
    this.#rooms.primary.publishTouches()
    this.#rooms.primary.sweepDrafts()
    this.#rooms.releases.sweep()
    this.#rooms.holdings.advance()
    this.#rooms.holdings.retry()
    this.#sweepPace.onSwept(
      nowMs,
      this.#rooms.holdings.isCalm && !this.#rooms.primary.hasTouches && this.#rooms.releases.count === 0,
    )
  }

  #onFrame(from: NodeId, bytes: Uint8Array, ageMs: number): void {
    this.#receive(from, () => {
      if (!this.#rooms.members.hear(from)) return
      const { header, records } = decodeFrame(bytes, this.#context.nowMs - ageMs)
      const expected = this.#context.config.keyHash(from)
      if (header.sender.hi !== expected.hi || header.sender.lo !== expected.lo) {
        throw new WireError('a frame that names another sender')
      }
      if (this.#rooms.incoming.onFrame(from, header)) this.#rooms.ingest.apply(records, from, true)
    })
  }

  #onMessage(from: NodeId, bytes: Uint8Array): void {
    this.#receive(from, () => {
      const message = decodeMessage(bytes, this.#context.nowMs, this.#context.wireOf(from))
      // Nothing comes more often to an idle node, and what a heartbeat changes has due times of its own.
      if (message.type !== 'heartbeat') this.#sweepPace.wake()
      if (message.type === 'greeting') this.#rooms.members.onGreeting(from, message)
      else if (message.type === 'refused') this.#rooms.members.onRefused(from, message.knownIncarnation)
      // Nothing else is listened to before the greeting: the sender's life is not known yet.
      else if (this.#rooms.members.hear(from)) this.#dispatch(from, message)
    })
  }

  #dispatch(from: NodeId, message: Message): void {
    switch (message.type) {
      case 'heartbeat':
        return this.#rooms.members.onHeartbeat(from, message)
      case 'members':
        return this.#rooms.members.onNews(message.members)
      case 'join':
        if (message.incarnation === this.#rooms.members.incarnationOf(from))
          this.#rooms.listeners.onJoin(from, message.shards)
        return
      case 'hello':
        this.#rooms.listeners.hearHighest(from, message.incarnation, message.streams, false)
        if (message.incarnation === this.#rooms.members.incarnationOf(from))
          this.#rooms.holdings.onHello(from, message.streams)
        return
      case 'leave':
        for (const shard of message.shards) this.#rooms.outgoing.onLeave(from, shard)
        return this.#rooms.syncReceiver.onSourceLeft(from, message.shards)
      case 'ack':
        return this.#rooms.outgoing.onAck(from, message)
      case 'nack':
        return this.#rooms.outgoing.onNack(from, message)
      case 'gone':
        return this.#rooms.incoming.onGone(from, message.incarnation, message.shard, message.upTo)
      case 'eject':
        return this.#rooms.listeners.onEject(from, message)
      case 'repair':
        return this.#onFrame(from, message.frame, message.ageMs)
      case 'probe':
        return this.#rooms.listeners.hearHighest(from, message.incarnation, message.streams, true)
      case 'push':
        return this.#rooms.ingest.applyPushed(message.records, from)
      case 'pull':
      case 'pull-chunk':
        return this.#rooms.puller.onPull(from, message)
      case 'answer':
        return this.#rooms.puller.onAnswer(from, message)
      case 'sync-ask':
        return this.#rooms.syncSource.onAsk(from, message)
      case 'sync-list':
        return this.#rooms.syncSource.onList(from, message)
      case 'sync-want':
        return this.#rooms.syncSource.onWant(from, message)
      case 'sync-offer':
        return this.#rooms.syncReceiver.onOffer(from, message)
      case 'sync-items':
        return this.#rooms.syncReceiver.onItems(from, message)
      case 'sync-records':
        return this.#rooms.syncReceiver.onRecords(from, message)
      case 'vouch-ask':
        return this.#rooms.members.onVouchAsk(from, message)
      case 'vouch':
        return this.#rooms.members.onVouch(message)
      case 'check-ask':
        return this.#rooms.checkSource.onAsk(from, message)
      case 'check-look':
        return this.#rooms.checkSource.onLook(from, message)
      case 'check-answer':
        return this.#rooms.checker.onAnswer(from, message)
      case 'check-seen':
        return this.#rooms.checker.onSeen(from, message)
      case 'greeting':
      case 'refused':
        return
    }
  }

  /** Work on something a peer sent. What is wrong with it is its sender's fault and must not stop this node. */
  #receive(from: NodeId, work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof RepriseError)) throw error
      this.#badMessages++
      this.#context.notice({ type: 'bad-message', from, error })
    }
  }

  /** Run a command; what it throws is its result. */
  #guard(request: number, work: () => void): void {
    try {
      work()
    } catch (error) {
      if (!(error instanceof RepriseError)) throw error
      this.#context.out.results.push({ request, kind: 'failed', error })
    }
  }

  #report(request: number, outcome: Outcome): void {
    this.#context.out.results.push({ request, kind: 'resumed', outcome })
  }

  /** Merged like anything else. What ended meanwhile, or finds no room, is a change to what is kept. */
  #onLoad(records: readonly KeyedRecord[]): void {
    this.#rooms.ingest.apply(records, this.#context.self, false)
    for (const { key, record } of records) {
      const hash = this.#context.config.keyHash(key)
      const bucket = bucketOf(hash)
      const here = this.#rooms.table.peek(key)?.meta
      const kept = metaHash(hash, record)
      if (here?.hi === kept.hi && here.lo === kept.lo) this.#rooms.changes?.delete(bucket, key)
      else this.#rooms.changes?.add(bucket, key)
    }
  }

  #onLeave(): void {
    this.#rooms.primary.flushTouches()
    this.#rooms.outgoing.flush()
    this.#rooms.members.startLeaving()
    this.#rooms.holdings.leave()
  }

  #onGoodbye(): void {
    const shards = this.owedShards
    if (shards.length > 0) this.#context.notice({ type: 'handover:incomplete', shards })
    this.#rooms.members.leave()
  }
}

const NO_PORTIONS: LiveRecord['portions'] = new Map()
const NO_NAMES: ReadonlySet<string> = new Set()
