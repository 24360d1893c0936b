/**
 * One member, decided: `step(event, outbox)`. Read this first; it is the one place where the rooms meet.
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
import { CheckSource } from './check/check-source.ts'
import type { CheckCommand } from './check/checker.ts'
import { Checker } from './check/checker.ts'
import { AUDIT_INTERVAL_MS, EJECT_WIRE_MIN, WIRE_VERSION } from './constants.ts'
import type { ReplicaInit } from './context.ts'
import { Context, hasShard, withDefaults } from './context.ts'
import { RepriseError, WireError } from './errors.ts'
import { isRepository } from './members/member.ts'
import { Members } from './members/members.ts'
import type { Lane, Outbox, Outcome } from './outbox.ts'
import { Holdings } from './placement/holdings.ts'
import { BlobReader } from './pull/blob-reader.ts'
import type { ResumeCommand } from './pull/puller.ts'
import { Puller } from './pull/puller.ts'
import { chunkName, isChunkKey } from './session/blob.ts'
import { isRemainder, remainder } from './session/floor.ts'
import type { SessionKey } from './session/id.ts'
import { Ingest } from './session/ingest.ts'
import { metaHash } from './session/meta-hash.ts'
import { placeOutside } from './session/portion-sizes.ts'
import type { CommitCommand, CreateCommand, DropCommand } from './session/primary.ts'
import { Primary } from './session/primary.ts'
import type { LiveRecord, SessionRecord } from './session/record.ts'
import { Releases } from './session/releases.ts'
import { Uploads } from './session/uploads.ts'
import type { Birth, NodeId, Version } from './session/version.ts'
import type { ReplicaStatus, ShardState } from './status.ts'
import type { CopiesWait } from './stream/copies-waits.ts'
import { Incoming } from './stream/incoming.ts'
import { Outgoing } from './stream/outgoing.ts'
import type { RoomCommand } from './stream/room.ts'
import { SweepPace } from './sweep-pace.ts'
import { SyncReceiver } from './sync/sync-receiver.ts'
import { SyncSource } from './sync/sync-source.ts'
import { BucketTable } from './table/bucket-table.ts'
import { Changes } from './table/changes.ts'
import type { Entry, Snapshot } from './table/entry.ts'
import { bucketOf, shardOfBucket } from './table/key-hash.ts'
import { decodeFrame } from './wire/frame.ts'
import { decodeMessage } from './wire/message-codec.ts'
import type { Eject, Message, ShardNumber } from './wire/messages.ts'
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

/** The time at which an event happens. */
export interface Now {
  /** Milliseconds that only grow, also over suspends: the greater of the monotonic and the wall clock's advance. */
  readonly nowMs: number
  /** Milliseconds since 1970, for births and incarnations only. */
  readonly wallMs: number
}

export class Replica {
  readonly #context: Context
  readonly #table: BucketTable
  readonly #changes: Changes | undefined
  readonly #members: Members
  readonly #holdings: Holdings
  readonly #ingest: Ingest
  readonly #primary: Primary
  readonly #uploads: Uploads
  readonly #releases: Releases
  readonly #outgoing: Outgoing
  readonly #incoming: Incoming
  readonly #puller: Puller
  readonly #reader: BlobReader
  readonly #syncSource: SyncSource
  readonly #syncReceiver: SyncReceiver
  readonly #checkSource: CheckSource
  readonly #checker: Checker
  readonly #sweepPace: SweepPace
  #auditAtMs: number
  #badMessages = 0
  /** The blob whose eviction was told last: its chunks go one after the other. */
  #evictedBlob = ''

  constructor(init: ReplicaInit, now: Now) {
    const config = withDefaults(init)
    this.#changes = config.repository.length === 0 ? undefined : new Changes()
    const kept = new Set(config.repository)
    this.#table = new BucketTable({
      bytesMax: config.cacheBytesMax,
      keyHash: config.keyHash,
      isPinned: (entry) => this.#isPinned(entry),
      isHeld: (shard) => this.#holdings.isJoined(shard) && !this.#context.lacks('stub'),
      onEvicted: (entry) => {
        this.#primary.onGone(entry)
        this.#outgoing.failWaits(entry.key, 'EVICTED')
        this.#noticeEviction(entry)
      },
      ...(this.#changes !== undefined && {
        onChanged: (key, bucket) => {
          if (kept.has(shardOfBucket(bucket))) this.#changes?.add(bucket, key)
        },
      }),
      onEnded: (entry) => {
        this.#primary.onGone(entry)
        if (this.#context.lacks('derived-end')) return this.#primary.bury(entry)
        return this.#context.lacks('floor') ? undefined : remainder(entry.floor, this.#context.nowMs)
      },
    })
    this.#context = new Context(config, this.#table)
    this.#context.nowMs = now.nowMs
    this.#context.wallMs = now.wallMs
    this.#sweepPace = new SweepPace(now.nowMs)
    this.#auditAtMs = now.nowMs + AUDIT_INTERVAL_MS
    this.#members = this.#connectMembers()
    this.#outgoing = new Outgoing(this.#context, {
      roundTripMs: (node) => this.#members.get(node)?.roundTripMs ?? 0,
      isReachable: (node) => this.#members.isReachable(node),
      onEjected: (node, shards) => this.#tellEjected(node, shards),
    })
    this.#ingest = new Ingest(this.#context, {
      onBeaten: (key, how) => this.#outgoing.failWaits(key, how),
      onLacking: (key, shard, isOld) => {
        if (!this.#holdings.isJoined(shard) || this.#context.lacks('refill')) return
        this.#puller.refill(key, isOld ? 'latest' : 'any')
      },
      onHearsay: (shard, writer) => this.#holdings.onHearsay(shard, writer),
      onLateChunk: (key, dropped, late) => this.#releases.dropAgain(key, dropped, late),
    })
    this.#holdings = this.#connectHoldings()
    this.#incoming = this.#connectIncoming()
    this.#puller = this.#connectPuller()
    this.#reader = new BlobReader(this.#context, this.#puller)
    this.#primary = this.#connectPrimary()
    this.#uploads = this.#connectUploads()
    this.#releases = new Releases(this.#context, {
      enqueue: (shard, key, tombstone, ackNow) => this.#outgoing.enqueue(shard, key, tombstone, ackNow),
      isOwed: (shard, frame) => this.#outgoing.isOwed(shard, frame),
      isReachable: (node) => this.#members.isReachable(node),
      hasJoined: (node, shard) => this.#outgoing.hasJoined(node, shard),
    })
    this.#syncSource = new SyncSource(this.#context, {
      isJoined: (shard) => this.#holdings.isJoined(shard),
      isRepositoryOf: (shard) => this.#holdings.isRepositoryOf(shard),
      isCopyFor: (asker, shard) => this.#holdings.isCopyFor(asker, shard),
      takesEvicted: (asker, shard) => this.#holdings.takesEvicted(asker, shard),
      onDiffering: (node, shard) => {
        // If this node asks there already, it learns by that what it lacks.
        if (!this.#syncReceiver.isUnderWay(shard, node)) this.#holdings.onDiffering(node, shard)
      },
      positions: (shard) => this.#incoming.positions(shard),
      ownPosition: (shard) => ({
        sender: this.#context.self,
        incarnation: this.#context.incarnation,
        number: this.#outgoing.highest(shard),
      }),
    })
    this.#syncReceiver = new SyncReceiver(this.#context, {
      isReachable: (node) => this.#members.isReachable(node),
      isReady: (shard) => this.#holdings.isReady(shard),
      onLetGo: (source, shard) => this.#members.onLetGo(source, shard),
      takesEvicted: (source, shard) => this.#holdings.takesEvicted(source, shard),
      onTaken: (source, shard) => this.#holdings.onTaken(source, shard),
      ingest: (records, from) => this.#ingest.apply(records, from, false),
      onPosition: (shard, position) => this.#incoming.onSynced(shard, position),
    })
    this.#checkSource = new CheckSource(this.#context, {
      isJoined: (shard) => this.#holdings.isJoined(shard),
      isCounted: (shard) => this.isCounted(shard),
      isSure: (shard) => this.isClean(shard) && this.#holdings.isCompared(shard) && this.#members.isEverybodyHeard,
    })
    this.#checker = new Checker(this.#context, {
      members: () => this.#members.all(),
      isReachable: (node) => this.#members.isReachable(node),
      ownShards: () => this.#checkSource.shards(),
      ownLook: (buckets) => this.#checkSource.look(buckets),
      onDone: (request, report) => this.#context.out.results.push({ request, kind: 'checked', report }),
    })
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
    this.#members.noticeStall()
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
      this.#members.nextDueMs(),
      this.#outgoing.nextDueMs(),
      this.#uploads.nextDueMs(),
      this.#incoming.nextDueMs(),
      this.#puller.nextDueMs(),
      this.#reader.nextDueMs(),
      this.#syncReceiver.nextDueMs(),
      this.#checker.nextDueMs(),
    )
  }

  /** The version the session's next commit will take, so that values can be sealed for it in the same turn. */
  nextVersion(key: SessionKey, birth: Birth): Version | undefined {
    return this.#primary.nextVersion(key, birth)
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
    const portions = this.#primary.portionsOf(key, birth) ?? NO_PORTIONS
    const outside = placeOutside(portions, { changes }, this.#context.sharedWire)
    return { version: outside === undefined ? this.nextVersion(key, birth) : undefined, outside: outside ?? NO_NAMES }
  }

  /** Take the number of a value outside the head, which can then be sealed for it before it is committed. */
  takeBlobNumber(): Version {
    return this.#uploads.takeNumber()
  }

  /**
   * A live session of which this node has a copy that may be used without asking anybody (rule R3), complete in the named
   * portions (default all). Counts as a use. Undefined says nothing about the session: resume it.
   *
   * The time is that of the last step or of `pass`, so that reading asks no clock. A driver that has not stepped for
   * `SWEEP_INTERVAL_MS` calls that first.
   */
  local(key: SessionKey, portions: readonly string[] | undefined): Snapshot | undefined {
    return this.#reader.local(key, portions)
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
    return this.#outgoing.hasRoom
  }

  /** Whether one more write fits, whoever waits: what to ask after a `room`. */
  get hasFreeRoom(): boolean {
    return this.#outgoing.hasFreeRoom
  }

  /** Whether anything waits to be published, acknowledged or handed over: the node should not stop yet. */
  get owesAnything(): boolean {
    return this.#outgoing.owesAnything || this.owedShards.length > 0
  }

  /** The shards that this node, leaving, is still the copy of that others count on. */
  get owedShards(): readonly number[] {
    return this.#holdings.owed()
  }

  /** Whether every shard has all the ready holders that the present members can give it, as far as this node heard. */
  get isWhole(): boolean {
    return this.#holdings.isWhole
  }

  /** The record as it is here, for views and checkers. Not a use, and not a read in the sense of the promises. */
  peek(key: SessionKey): SessionRecord | undefined {
    const record = this.#primary.draft(key) ?? this.#table.peek(key)?.record
    // What an earlier life left behind is not the session's.
    return record !== undefined && isRemainder(record) ? undefined : record
  }

  /** Whether there is anything to peek at. */
  has(key: SessionKey): boolean {
    return this.#table.peek(key)?.isLive === true || this.peek(key) !== undefined
  }

  get nodeId(): NodeId {
    return this.#context.self
  }

  get incarnation(): number {
    return this.#context.incarnation
  }

  /** Ids of the members believed alive, this one included, sorted. */
  aliveMembers(): readonly NodeId[] {
    return this.#members.alive()
  }

  /** Whether everything this node shall hold is here and counts as a copy. */
  get isReady(): boolean {
    return this.#members.isSettled() && this.#holdings.isComplete
  }

  /** This node's part in a shard: it does not hold it, is about to, or is a copy that counts. */
  shardState(shard: number): ShardState {
    return this.#holdings.isReady(shard) ? 'ready' : this.#holdings.isJoined(shard) ? 'joining' : 'none'
  }

  /** Whether this node's copy of the shard counts: it is ready, not about to let go of it, and no repository. */
  isCounted(shard: number): boolean {
    const isBeside = this.#holdings.isRepositoryOf(shard) && !this.#context.lacks('repository-beside')
    return this.#holdings.isCounted(shard) && !isBeside
  }

  /**
   * Whether this node's copy of the shard is known to be current (rule P5): it is ready, misses nothing that it heard of, and
   * everybody who wrote to it is heard, so that it would have heard of more. A copy that is ready and not clean is as good as
   * anybody's who is cut off from the writers.
   */
  isClean(shard: number): boolean {
    if (!this.#holdings.isReady(shard) || !this.#incoming.isComplete(shard)) return false
    return this.#incoming.senders(shard).every((node) => this.#members.get(node)?.state === 'alive')
  }

  /** Whether frames of the shard are known to be missing here. */
  isLacking(shard: number): boolean {
    return !this.#incoming.isComplete(shard)
  }

  /** The state in numbers and names, for status pages and checkers. A snapshot that shares nothing. */
  status(): ReplicaStatus {
    const { self, incarnation, config } = this.#context
    return {
      nodeId: self,
      name: config.name,
      incarnation,
      ready: this.isReady,
      members: [...this.#members.all()].map((member) => ({
        nodeId: member.news.node,
        name: member.news.name,
        zone: member.news.zone,
        state: member.isLeaving && member.state === 'alive' ? 'leaving' : member.state,
        connected: member.connected,
        incarnation: member.news.incarnation,
        addresses: member.news.addresses,
        roundTripMs: member.roundTripMs,
        heardAgoMs: this.#members.silenceMs(member),
        lagFrames: this.#outgoing.lagFrames(member.news.node),
      })),
      shards: Array.from({ length: this.#holdings.count }, (_, shard) => ({
        shard,
        holders: this.#holdings.holders(shard),
        readyHolders: this.#readyHoldersOf(shard),
        state: this.shardState(shard),
        clean: this.isClean(shard),
      })),
      table: {
        records: this.#table.size,
        bytes: this.#table.bytes,
        bytesMax: this.#table.bytesMax,
        evictions: this.#table.evictions,
        stubs: this.#table.stubs,
        tombstones: this.#table.tombstones,
      },
      streams: {
        gaps: this.#incoming.gapCount,
        repairs: this.#outgoing.repairs,
        waiting: this.#outgoing.waiting,
        ejected: this.#outgoing.ejected,
      },
      pulls: { underWay: this.#puller.underWay, sent: this.#puller.pulls, localHits: this.#puller.localHits },
      blobs: {
        uploads: this.#uploads.count,
        uploadBytes: this.#uploads.bytes,
        reads: this.#reader.count,
        releases: this.#releases.count,
      },
      syncs: {
        underWay: Math.max(this.#syncReceiver.underWay, this.#holdings.comparisons),
        records: this.#syncReceiver.records,
        differing: this.#syncReceiver.differing,
      },
      badMessages: this.#badMessages,
    }
  }

  /** What changed of what this node is a repository of, and is to be kept. Undefined if it is none. */
  get changes(): Changes | undefined {
    return this.#changes
  }

  /** The table, for checkers that compare holders. */
  get table(): BucketTable {
    return this.#table
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
        this.#shareWire(event.peer)
        return this.#members.onPeerUp(event.peer)
      case 'peer-down':
        this.#members.onPeerDown(event.peer)
        this.#outgoing.onUnreachable(event.peer)
        this.#puller.onUnreachable(event.peer)
        return this.#syncReceiver.onUnreachable(event.peer)
      case 'subscriber':
        return this.#onSubscriber(event.peer, event.shard)
      case 'create':
        return this.#guard(event.request, () => this.#primary.create(event))
      case 'commit':
        return this.#guard(event.request, () => this.#primary.commit(event))
      case 'drop':
        return this.#guard(event.request, () => this.#primary.drop(event))
      case 'resume':
        return this.#guard(event.request, () => {
          this.#reader.resume(event, (outcome) => this.#report(event.request, outcome))
        })
      case 'check':
        return this.#checker.start(event)
      case 'room':
        return this.#guard(event.request, () => this.#outgoing.awaitRoom(event))
      case 'load':
        return this.#onLoad(event.records)
      case 'restore':
        return this.#primary.restore(event.key, event.record)
      case 'touch':
        return this.#primary.touch(event.key, event.birth)
      case 'cancel':
        if (this.#outgoing.cancelWait(event.request) || this.#uploads.cancel(event.request)) return
        if (this.#checker.cancel(event.request)) return
        this.#reader.cancel(event.request)
        return
      case 'leave':
        return this.#onLeave()
      case 'goodbye':
        return this.#onGoodbye()
    }
  }

  #onTick(): void {
    const { nowMs } = this.#context
    this.#members.tick()
    this.#outgoing.tick()
    this.#uploads.tick()
    this.#incoming.tick()
    this.#puller.tick()
    this.#reader.tick()
    this.#syncReceiver.tick()
    this.#checker.tick()
    this.#sweep()
    if (nowMs >= this.#auditAtMs) {
      this.#auditAtMs = nowMs + AUDIT_INTERVAL_MS
      this.#holdings.audit()
    }
  }

  /** Look after what has no timers of its own, if it is time. */
  #sweep(): void {
    const { nowMs } = this.#context
    const intervals = this.#sweepPace.intervals(nowMs)
    if (intervals === 0) return
    if (!this.#context.lacks('sweep')) this.#table.sweep(nowMs, intervals)
    this.#primary.publishTouches()
    this.#primary.sweepDrafts()
    this.#releases.sweep()
    this.#holdings.advance()
    this.#holdings.retry()
    this.#sweepPace.onSwept(nowMs, this.#holdings.isCalm && !this.#primary.hasTouches && this.#releases.count === 0)
  }

  #onFrame(from: NodeId, bytes: Uint8Array, ageMs: number): void {
    this.#receive(from, () => {
      if (!this.#members.hear(from)) return
      const { header, records } = decodeFrame(bytes, this.#context.nowMs - ageMs)
      const expected = this.#context.config.keyHash(from)
      if (header.sender.hi !== expected.hi || header.sender.lo !== expected.lo) {
        throw new WireError('a frame that names another sender')
      }
      if (this.#incoming.onFrame(from, header)) this.#ingest.apply(records, from, true)
    })
  }

  #onMessage(from: NodeId, bytes: Uint8Array): void {
    this.#receive(from, () => {
      const message = decodeMessage(bytes, this.#context.nowMs, this.#context.wireOf(from))
      // Nothing comes more often to an idle node, and what a heartbeat changes has due times of its own.
      if (message.type !== 'heartbeat') this.#sweepPace.wake()
      if (message.type === 'greeting') this.#members.onGreeting(from, message)
      else if (message.type === 'refused') this.#members.onRefused(from, message.knownIncarnation)
      // Nothing else is listened to before the greeting: the sender's life is not known yet.
      else if (this.#members.hear(from)) this.#dispatch(from, message)
    })
  }

  #dispatch(from: NodeId, message: Message): void {
    switch (message.type) {
      case 'heartbeat':
        return this.#members.onHeartbeat(from, message)
      case 'members':
        return this.#members.onNews(message.members)
      case 'join':
        if (message.incarnation === this.#incarnationOf(from)) this.#onJoin(from, message.shards)
        return
      case 'hello':
        this.#hearHighest(from, message.incarnation, message.streams, false)
        if (message.incarnation === this.#incarnationOf(from)) this.#holdings.onHello(from, message.streams)
        return
      case 'leave':
        for (const shard of message.shards) this.#outgoing.onLeave(from, shard)
        return this.#syncReceiver.onSourceLeft(from, message.shards)
      case 'ack':
        return this.#outgoing.onAck(from, message)
      case 'nack':
        return this.#outgoing.onNack(from, message)
      case 'gone':
        return this.#incoming.onGone(from, message.incarnation, message.shard, message.upTo)
      case 'eject':
        return this.#onEject(from, message)
      case 'repair':
        return this.#onFrame(from, message.frame, message.ageMs)
      case 'probe':
        return this.#hearHighest(from, message.incarnation, message.streams, true)
      case 'push':
        return this.#ingest.apply(message.records, from, false)
      case 'pull':
      case 'pull-chunk':
        return this.#puller.onPull(from, message)
      case 'answer':
        return this.#puller.onAnswer(from, message)
      case 'sync-ask':
        return this.#syncSource.onAsk(from, message)
      case 'sync-list':
        return this.#syncSource.onList(from, message)
      case 'sync-want':
        return this.#syncSource.onWant(from, message)
      case 'sync-offer':
        return this.#syncReceiver.onOffer(from, message)
      case 'sync-items':
        return this.#syncReceiver.onItems(from, message)
      case 'sync-records':
        return this.#syncReceiver.onRecords(from, message)
      case 'vouch-ask':
        return this.#members.onVouchAsk(from, message)
      case 'vouch':
        return this.#members.onVouch(message)
      case 'check-ask':
        return this.#checkSource.onAsk(from, message)
      case 'check-look':
        return this.#checkSource.onLook(from, message)
      case 'check-answer':
        return this.#checker.onAnswer(from, message)
      case 'check-seen':
        return this.#checker.onSeen(from, message)
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

  /** Tell a member that nothing is kept for it any more; by another one, too, because the way to it may be what is full. */
  #tellEjected(node: NodeId, shards: readonly number[]): void {
    this.#context.notice({ type: 'ejected', node, shards })
    const { self, incarnation } = this.#context
    const message = { type: 'eject', node, sender: self, incarnation, shards } as const
    const speaksIt = (to: NodeId): boolean =>
      this.#members.isReachable(to) && this.#context.wireOf(to) >= EJECT_WIRE_MIN
    const relay = [...this.#members.reachable()].find(
      (member) => member.news.node !== node && speaksIt(member.news.node),
    )
    for (const to of [node, relay?.news.node]) if (to !== undefined && speaksIt(to)) this.#context.send(to, message)
  }

  /** This node is out of a sender's streams, or shall tell somebody that it is: once, and only for the sender itself. */
  #onEject(from: NodeId, message: Eject): void {
    const { node, sender, incarnation, shards } = message
    if (node !== this.#context.self) {
      const isOn = from === sender && this.#members.isReachable(node) && this.#context.wireOf(node) >= EJECT_WIRE_MIN
      if (isOn) this.#context.send(node, message)
      return
    }
    if (incarnation !== this.#incarnationOf(sender)) return
    const joined = shards.filter((shard) => this.#holdings.isJoined(shard))
    for (const shard of joined) this.#holdings.onUnrepairable(sender, shard, true)
    // Its frames count again from here, whether the sender can be asked now or greets again later.
    const again = { type: 'join', incarnation: this.#context.incarnation, shards: joined } as const
    if (joined.length > 0 && this.#members.isReachable(sender)) this.#context.send(sender, again)
  }

  #onJoin(from: NodeId, shards: readonly number[]): void {
    for (const shard of shards) this.#outgoing.onJoin(from, shard)
    this.#sayHello(from, shards)
  }

  /** What was published between a member's join and its subscription reached it by no frame, so it is told the number. */
  #onSubscriber(peer: NodeId, shard: number): void {
    const isNothingNew = this.#outgoing.highest(shard) === 0 && this.#outgoing.hasJoined(peer, shard)
    if (!isNothingNew) this.#sayHello(peer, [shard])
  }

  /** Joins and leaves may be lost; what a member's heartbeat says of its shards stands. */
  #countOn(node: NodeId): void {
    const member = this.#members.get(node)
    if (member === undefined) return
    const joined: number[] = []
    for (let shard = 0; shard < this.#holdings.count; shard++) {
      const hasJoined = this.#outgoing.hasJoined(node, shard)
      if (!hasShard(member.joined, shard)) {
        if (hasJoined) this.#outgoing.onLeave(node, shard)
      } else if (!hasJoined) joined.push(shard)
    }
    if (joined.length > 0) this.#onJoin(node, joined)
  }

  /** "My streams of these shards are at these numbers": to who joined, and to who just became able to hear them. */
  #sayHello(to: NodeId, shards: readonly number[]): void {
    if (!this.#members.isReachable(to)) return
    const streams = shards.map((shard) => ({ shard, number: this.#outgoing.highest(shard) }))
    this.#context.send(to, { type: 'hello', incarnation: this.#context.incarnation, streams })
  }

  #hearHighest(from: NodeId, incarnation: number, streams: readonly ShardNumber[], wantsAck: boolean): void {
    for (const heard of streams) this.#incoming.onHighest(from, incarnation, heard, wantsAck)
  }

  /** Merged like anything else. What ended meanwhile, or finds no room, is a change to what is kept. */
  #onLoad(records: readonly KeyedRecord[]): void {
    this.#ingest.apply(records, this.#context.self, false)
    for (const { key, record } of records) {
      const hash = this.#context.config.keyHash(key)
      const bucket = bucketOf(hash)
      const here = this.#table.peek(key)?.meta
      const kept = metaHash(hash, record)
      if (here?.hi === kept.hi && here.lo === kept.lo) this.#changes?.delete(bucket, key)
      else this.#changes?.add(bucket, key)
    }
  }

  #onLeave(): void {
    this.#primary.flushTouches()
    this.#outgoing.flush()
    this.#members.startLeaving()
    this.#holdings.leave()
  }

  #onGoodbye(): void {
    const shards = this.owedShards
    if (shards.length > 0) this.#context.notice({ type: 'handover:incomplete', shards })
    this.#members.leave()
  }

  #incarnationOf(node: NodeId): number | undefined {
    return this.#members.get(node)?.news.incarnation
  }

  /** Copies that count: what repositories keep comes on top. */
  #readyHoldersOf(shard: number): NodeId[] {
    const ready = this.#holdings.readyHolders(shard).filter((node) => !this.#isRepository(node))
    if (this.#holdings.isReady(shard) && !this.#holdings.isRepositoryOf(shard)) ready.push(this.#context.self)
    return ready.sort()
  }

  #isRepository(node: NodeId): boolean {
    const member = this.#members.get(node)
    return member !== undefined && isRepository(member)
  }

  #connectMembers(): Members {
    return new Members(
      this.#context,
      {
        onMet: (node) => {
          this.#incoming.onLife(node, this.#incarnationOf(node) as number)
          this.#holdings.onMet(node)
        },
        onLifeEnded: (node, incarnation) => {
          this.#outgoing.onLifeEnded(node)
          this.#incoming.onLifeEnded(node, incarnation)
          this.#holdings.onLifeEnded(node)
        },
        onAcquainted: (node) => this.#holdings.onAcquainted(node),
        onMembersChanged: () => {
          this.#shareWire()
          this.#holdings.onMembersChanged()
        },
        onShardsChanged: (node, readyBefore) => {
          this.#countOn(node)
          this.#holdings.onShardsChanged(node, readyBefore)
        },
        onStreams: (node, streams) => this.#hearHighest(node, this.#incarnationOf(node) as number, streams, false),
        onSelfRaising: () => this.#outgoing.flush(),
        onSelfRaised: () => {
          this.#outgoing.restart()
          this.#primary.restart()
          this.#releases.restart()
          this.#holdings.onSelfRaised()
        },
      },
      {
        joined: () => this.#holdings.joined(),
        ready: () => this.#holdings.ready(),
        streamsFor: (node) => this.#streamsFor(node),
        isCoHolder: (node) => this.#holdings.isCoHolder(node),
      },
    )
  }

  #streamsFor(node: NodeId): ShardNumber[] {
    const member = this.#members.get(node)
    if (member === undefined || this.#context.lacks('heartbeat-numbers')) return []
    const streams: ShardNumber[] = []
    for (let shard = 0; shard < this.#holdings.count; shard++) {
      const number = this.#outgoing.highest(shard)
      if (number > 0 && hasShard(member.joined, shard)) streams.push({ shard, number })
    }
    return streams
  }

  #connectHoldings(): Holdings {
    return new Holdings(this.#context, this.#members, {
      sync: (shard, source, scope, onDone) => {
        this.#syncReceiver.start(shard, source, scope, (complete, equalBuckets, isLost) => {
          onDone(complete, equalBuckets, isLost)
          this.#holdings.advance()
        })
      },
      isEmpty: (shard) => this.#table.shardCount(shard) === 0,
      isComplete: (shard) => this.#incoming.isComplete(shard),
      onReady: (shard) => this.#incoming.acknowledgeShard(shard),
      onLeft: (shard) => {
        this.#syncReceiver.abandon(shard)
        this.#incoming.leaveShard(shard)
        this.#table.clearShard(shard, (entry) => entry.tenure !== undefined || this.#isPinned(entry))
      },
    })
  }

  #connectIncoming(): Incoming {
    return new Incoming(this.#context, {
      isJoined: (shard) => this.#holdings.isJoined(shard),
      isReady: (shard) => this.isCounted(shard),
      mayRepair: (shard) => this.#holdings.mayRepair(shard),
      roundTripMs: (sender) => this.#members.get(sender)?.roundTripMs ?? 0,
      isReachable: (sender) => this.#members.isReachable(sender),
      onUnrepairable: (sender, shard, isSenderHere) => this.#holdings.onUnrepairable(sender, shard, isSenderHere),
      onComplete: () => this.#holdings.advance(),
    })
  }

  #connectPuller(): Puller {
    return new Puller(this.#context, {
      isReady: (shard) => this.#holdings.isReady(shard),
      readyHolders: (shard) => this.#holdings.readyHolders(shard),
      holders: (shard) => this.#holdings.holders(shard),
      reachable: (shard) => this.#holdings.reachable(shard),
      isReachable: (node) => this.#members.isReachable(node),
      isRepository: (node) => this.#isRepository(node),
      ingest: (records, from) => this.#ingest.apply(records, from, false),
    })
  }

  #connectPrimary(): Primary {
    return new Primary(this.#context, {
      enqueue: (shard, key, delta, ackNow) => this.#outgoing.enqueue(shard, key, delta, ackNow),
      assertRoom: () => this.#outgoing.assertRoom(),
      flush: () => this.#outgoing.flushIfPending(),
      awaitCopies: (wait) => this.#awaitCopies(wait),
      isUploading: (key) => this.#uploads.isUploading(key),
      upload: (command) => this.#uploads.add(command),
      release: ({ key, shard, frame }, birth, absoluteAtMs, replaced) => {
        for (const { portion, reference } of replaced) {
          this.#releases.add({ session: key, birth, absoluteAtMs, portion, reference, shard, frame })
        }
      },
      look: (key, deadlineMs, request, onOutcome) => {
        const command = { request, key, portions: [], proof: undefined, consistency: 'latest' as const, deadlineMs }
        this.#puller.resume(command, onOutcome)
      },
    })
  }

  #connectUploads(): Uploads {
    return new Uploads(this.#context, {
      writable: (command) => this.#primary.writable(command),
      publish: (command, isSilent) => this.#primary.publish(command, isSilent),
      enqueue: (shard, key, chunk, ackNow) => this.#outgoing.enqueue(shard, key, chunk, ackNow),
      flush: () => this.#outgoing.flushIfPending(),
      awaitCopies: (wait) => this.#awaitCopies(wait),
      holders: (shard) => this.#confirming(shard),
      readyHolders: (shard) => {
        const isHere = (node: NodeId): boolean => this.#members.isReachable(node)
        const ready = new Set(this.#holdings.readyHolders(shard))
        return this.#holdings.holders(shard).filter((node) => ready.has(node) && isHere(node))
      },
      discard: (key, { birth, expiry }, references) => {
        for (const [portion, reference] of references) {
          const { absoluteAtMs } = expiry
          this.#releases.add({ session: key, birth, absoluteAtMs, portion, reference, shard: 0, frame: 0 })
        }
      },
    })
  }

  #awaitCopies(wait: CopiesWait): void {
    this.#outgoing.awaitCopies(wait, this.#confirming(wait.shard))
  }

  /** Members that confirm copies of a shard. Who is about to be ready will: the wait decides, not the moment. */
  #confirming(shard: number): NodeId[] {
    const holders = new Set([...this.#holdings.readyHolders(shard), ...this.#holdings.holders(shard)])
    return [...holders].filter((node) => this.#members.isReachable(node) && !this.#isRepository(node))
  }

  /** Who just connected may not be a member yet, and is published to all the same. */
  #shareWire(newcomer?: NodeId): void {
    const present = [...this.#members.present()].map(({ news }) => news.node)
    this.#context.shareWire(newcomer === undefined ? present : [...present, newcomer])
  }

  /** Whether a record must stay here: somebody is owed it, or a search is putting it together. */
  #isPinned({ key, shard, frame }: Entry): boolean {
    const isFetching = this.#puller.isFetching(key) && !this.#context.lacks('pin-fetched')
    return isFetching || this.#outgoing.isOwed(shard, frame)
  }

  #noticeEviction({ key }: Entry): void {
    if (!isChunkKey(key)) {
      this.#context.notice({ type: 'session:evicted', key })
      return
    }
    const { session, portion, number } = chunkName(key)
    const blob = `${session} ${portion} ${number.seq}`
    if (blob === this.#evictedBlob) return
    this.#evictedBlob = blob
    this.#context.notice({ type: 'portion:evicted', key: session, portion })
  }
}

const NO_PORTIONS: LiveRecord['portions'] = new Map()
const NO_NAMES: ReadonlySet<string> = new Set()
