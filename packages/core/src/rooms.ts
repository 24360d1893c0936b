/**
 * The rooms of one member, and how they are joined: who asks whom, and who is told of what. Nothing is decided here but what takes two
 * rooms to know. `replica.ts` lets events in.
 *
 * Rooms know each other only by the small interfaces that they ask for, which are filled in here. They call each other during a step,
 * never while they are made.
 */
import { CheckSource } from './check/check-source.ts'
import { Checker } from './check/checker.ts'
import { WIRE_VERSION } from './constants.ts'
import type { Now, ReplicaConfig, ReplicaInit } from './context.ts'
import { Context, withDefaults } from './context.ts'
import { Members } from './members/members.ts'
import { Holdings } from './placement/holdings.ts'
import { BlobReader } from './pull/blob-reader.ts'
import { Puller } from './pull/puller.ts'
import { chunkName, isChunkKey } from './session/blob.ts'
import { remainder } from './session/floor.ts'
import { Ingest } from './session/ingest.ts'
import { Primary } from './session/primary.ts'
import { Releases } from './session/releases.ts'
import { Uploads } from './session/uploads.ts'
import type { NodeId } from './session/version.ts'
import type { ShardState } from './status.ts'
import type { CopiesWait } from './stream/copies-waits.ts'
import { Incoming } from './stream/incoming.ts'
import { Listeners } from './stream/listeners.ts'
import { Outgoing } from './stream/outgoing.ts'
import { SyncReceiver } from './sync/sync-receiver.ts'
import { SyncSource } from './sync/sync-source.ts'
import { BucketTable } from './table/bucket-table.ts'
import { Changes } from './table/changes.ts'
import type { Entry } from './table/entry.ts'
import { shardOfBucket } from './table/key-hash.ts'

export class Rooms {
  readonly context: Context
  readonly table: BucketTable
  /** Undefined unless this node is a repository. */
  readonly changes: Changes | undefined
  readonly members: Members
  readonly listeners: Listeners
  readonly holdings: Holdings
  readonly ingest: Ingest
  readonly primary: Primary
  readonly uploads: Uploads
  readonly releases: Releases
  readonly outgoing: Outgoing
  readonly incoming: Incoming
  readonly puller: Puller
  readonly reader: BlobReader
  readonly syncSource: SyncSource
  readonly syncReceiver: SyncReceiver
  readonly checkSource: CheckSource
  readonly checker: Checker
  /** The blob whose eviction was told last: its chunks go one after the other. */
  #evictedBlob = ''

  constructor(init: ReplicaInit, { nowMs, wallMs }: Now) {
    const config = withDefaults(init)
    this.changes = config.repository.length === 0 ? undefined : new Changes()
    this.table = this.#connectTable(config)
    this.context = new Context(config, this.table)
    this.context.nowMs = nowMs
    this.context.wallMs = wallMs
    this.listeners = new Listeners(this.context, this)
    this.members = this.#connectMembers()
    this.outgoing = this.#connectOutgoing()
    this.ingest = this.#connectIngest()
    this.holdings = this.#connectHoldings()
    this.incoming = this.#connectIncoming()
    this.puller = this.#connectPuller()
    this.reader = new BlobReader(this.context, this.puller)
    this.primary = this.#connectPrimary()
    this.uploads = this.#connectUploads()
    this.releases = this.#connectReleases()
    this.syncSource = this.#connectSyncSource()
    this.syncReceiver = this.#connectSyncReceiver()
    this.checkSource = this.#connectCheckSource()
    this.checker = this.#connectChecker()
  }

  /** Whether everything this node shall hold is here and counts as a copy, and the others are known to listen to it. */
  get isReady(): boolean {
    return this.members.isSettled() && !this.members.mayBeGivenUp && this.holdings.isComplete
  }

  /** This node's part in a shard: it does not hold it, is about to, or has all of it. */
  shardState(shard: number): ShardState {
    return this.holdings.isReady(shard) ? 'ready' : this.holdings.isJoined(shard) ? 'joining' : 'none'
  }

  /** Ready holders of a shard whose copies count, this node among them: what repositories keep comes on top. */
  countedHolders(shard: number): NodeId[] {
    const ready = this.members.readyHolders(shard).filter((node) => !this.members.isRepository(node))
    if (this.holdings.isReady(shard) && !this.holdings.isRepositoryOf(shard)) ready.push(this.context.self)
    return ready.sort()
  }

  /** Whether this node's copy of the shard counts: it is ready, not about to let go of it, and no repository. */
  isCounted(shard: number): boolean {
    const isBeside = this.holdings.isRepositoryOf(shard) && !this.context.lacks('repository-beside')
    return this.holdings.isCounted(shard) && !isBeside
  }

  /**
   * Whether this node's copy of the shard is known to be current (rule P5): it is ready, misses nothing that it heard of, and
   * everybody who wrote to it is heard, so that it would have heard of more. A copy that is ready and not clean is as good as
   * anybody's who is cut off from the writers.
   */
  isClean(shard: number): boolean {
    if (!this.holdings.isReady(shard) || !this.incoming.isComplete(shard)) return false
    return this.incoming.senders(shard).every((node) => this.members.get(node)?.state === 'alive')
  }

  /** Who just connected may not be a member yet, and is published to all the same. */
  shareWire(newcomer?: NodeId): void {
    const present = [...this.members.present()].map(({ news }) => news.node)
    this.context.shareWire(newcomer === undefined ? present : [...present, newcomer])
  }

  #connectTable(config: ReplicaConfig): BucketTable {
    const kept = new Set(config.repository)
    return new BucketTable({
      bytesMax: config.cacheBytesMax,
      keyHash: config.keyHash,
      isPinned: (entry) => this.#isPinned(entry),
      isHeld: (shard) => this.holdings.isJoined(shard) && !this.context.lacks('stub'),
      onEvicted: (entry) => {
        this.primary.onGone(entry)
        this.outgoing.failWaits(entry.key, 'EVICTED')
        this.#noticeEviction(entry)
      },
      ...(this.changes !== undefined && {
        onChanged: (key, bucket) => {
          if (kept.has(shardOfBucket(bucket))) this.changes?.add(bucket, key)
        },
      }),
      onEnded: (entry) => {
        this.primary.onGone(entry)
        if (this.context.lacks('derived-end')) return this.primary.bury(entry)
        return this.context.lacks('floor') ? undefined : remainder(entry.floor, this.context.nowMs)
      },
    })
  }

  #connectMembers(): Members {
    return new Members(
      this.context,
      {
        onMet: (node) => {
          this.incoming.onLife(node, this.members.incarnationOf(node) as number)
          this.holdings.onMet(node)
        },
        onLifeEnded: (node, incarnation) => {
          this.outgoing.onLifeEnded(node)
          this.incoming.onLifeEnded(node, incarnation)
          this.holdings.onLifeEnded(node)
        },
        onAcquainted: (node) => this.holdings.onAcquainted(node),
        onMembersChanged: () => {
          this.shareWire()
          this.holdings.onMembersChanged()
        },
        onShardsChanged: (node, readyBefore) => {
          this.listeners.countOn(node)
          this.holdings.onShardsChanged(node, readyBefore)
        },
        onStreams: (node, streams) =>
          this.listeners.hearHighest(node, this.members.incarnationOf(node) as number, streams, false),
        onSelfRaising: () => this.outgoing.flush(),
        onSelfRaised: () => {
          this.outgoing.restart()
          this.primary.restart()
          this.releases.restart()
          this.holdings.onSelfRaised()
        },
      },
      {
        joined: () => this.holdings.joined(),
        ready: () => this.holdings.ready(),
        streamsFor: (node) => this.listeners.streamsFor(node),
        isCoHolder: (node) => this.holdings.isCoHolder(node),
      },
    )
  }

  #connectHoldings(): Holdings {
    return new Holdings(this.context, this.members, {
      sync: (shard, source, scope, onDone) => {
        this.syncReceiver.start(shard, source, scope, (complete, equalBuckets, isLost) => {
          onDone(complete, equalBuckets, isLost)
          this.holdings.advance()
        })
      },
      isEmpty: (shard) => this.table.shardCount(shard) === 0,
      isComplete: (shard) => this.incoming.isComplete(shard),
      onReady: (shard) => this.incoming.acknowledgeShard(shard),
      onLeft: (shard) => {
        this.syncReceiver.abandon(shard)
        this.incoming.leaveShard(shard)
        this.table.clearShard(shard, (entry) => {
          if (entry.tenure !== undefined || this.#isPinned(entry)) return true
          this.primary.onGone(entry)
          return false
        })
      },
    })
  }

  #connectIncoming(): Incoming {
    return new Incoming(this.context, {
      isJoined: (shard) => this.holdings.isJoined(shard),
      isReady: (shard) => this.isCounted(shard),
      mayRepair: (shard) => this.holdings.mayRepair(shard),
      roundTripMs: (sender) => this.members.get(sender)?.roundTripMs ?? 0,
      isReachable: (sender) => this.members.isReachable(sender),
      onUnrepairable: (sender, shard, isSenderHere) => this.holdings.onUnrepairable(sender, shard, isSenderHere),
      onComplete: () => this.holdings.advance(),
    })
  }

  #connectPuller(): Puller {
    return new Puller(this.context, {
      isReady: (shard) => this.holdings.isReady(shard),
      readyHolders: (shard) => this.members.readyHolders(shard),
      holders: (shard) => this.holdings.holders(shard),
      reachable: (shard) => this.members.nearest(shard),
      isReachable: (node) => this.members.isReachable(node),
      isRemembered: (node, incarnation) => this.members.isRemembered(node, incarnation),
      isRepository: (node) => this.members.isRepository(node),
      ingest: (records, from) => this.ingest.apply(records, from, false),
    })
  }

  #connectPrimary(): Primary {
    return new Primary(this.context, {
      enqueue: (shard, key, delta, ackNow) => this.outgoing.enqueue(shard, key, delta, ackNow),
      assertRoom: () => this.outgoing.assertRoom(),
      flush: () => this.outgoing.flushIfPending(),
      awaitCopies: (wait) => this.#awaitCopies(wait),
      isUploading: (key) => this.uploads.isUploading(key),
      upload: (command) => this.uploads.add(command),
      release: ({ key, shard, frame }, birth, absoluteAtMs, replaced) => {
        for (const { portion, reference } of replaced) {
          this.releases.add({ session: key, birth, absoluteAtMs, portion, reference, shard, frame })
        }
      },
      look: (key, deadlineMs, request, onOutcome) => {
        const command = { request, key, portions: [], proof: undefined, consistency: 'latest' as const, deadlineMs }
        this.puller.resume(command, onOutcome)
      },
    })
  }

  #connectUploads(): Uploads {
    return new Uploads(this.context, {
      writable: (command) => this.primary.writable(command),
      publish: (command, isSilent) => this.primary.publish(command, isSilent),
      enqueue: (shard, key, chunk, ackNow) => this.outgoing.enqueue(shard, key, chunk, ackNow),
      flush: () => this.outgoing.flushIfPending(),
      awaitCopies: (wait) => this.#awaitCopies(wait),
      holders: (shard) => this.#confirming(shard),
      readyHolders: (shard) => {
        const isHere = (node: NodeId): boolean => this.members.isReachable(node)
        const ready = new Set(this.members.readyHolders(shard))
        return this.holdings.holders(shard).filter((node) => ready.has(node) && isHere(node))
      },
      discard: (key, { birth, expiry }, references) => {
        for (const [portion, reference] of references) {
          const { absoluteAtMs } = expiry
          this.releases.add({ session: key, birth, absoluteAtMs, portion, reference, shard: 0, frame: 0 })
        }
      },
    })
  }

  #connectOutgoing(): Outgoing {
    return new Outgoing(this.context, {
      roundTripMs: (node) => this.members.get(node)?.roundTripMs ?? 0,
      isReachable: (node) => this.members.isReachable(node),
      onEjected: (node, shards) => this.listeners.tellEjected(node, shards),
    })
  }

  #connectIngest(): Ingest {
    return new Ingest(this.context, {
      isJoined: (shard) => this.holdings.isJoined(shard),
      onBeaten: (key, how) => this.outgoing.failWaits(key, how),
      onLacking: (key, shard, isOld) => {
        if (!this.holdings.isJoined(shard) || this.context.lacks('refill')) return
        this.puller.refill(key, isOld ? 'latest' : 'any')
      },
      onHearsay: (shard, writer) => this.holdings.onHearsay(shard, writer),
      onLateChunk: (key, dropped, late) => this.releases.dropAgain(key, dropped, late),
    })
  }

  #connectReleases(): Releases {
    return new Releases(this.context, {
      enqueue: (shard, key, tombstone, ackNow) => this.outgoing.enqueue(shard, key, tombstone, ackNow),
      isOwed: (shard, frame) => this.outgoing.isOwed(shard, frame),
      isReachable: (node) => this.members.isReachable(node),
      hasJoined: (node, shard) => this.outgoing.hasJoined(node, shard),
    })
  }

  #connectSyncSource(): SyncSource {
    return new SyncSource(this.context, {
      isJoined: (shard) => this.holdings.isJoined(shard),
      isRepositoryOf: (shard) => this.holdings.isRepositoryOf(shard),
      isCopyFor: (asker, shard) => this.holdings.isCopyFor(asker, shard),
      takesEvicted: (asker, shard) => this.holdings.takesEvicted(asker, shard),
      onDiffering: (node, shard) => {
        // If this node asks there already, it learns by that what it lacks.
        if (!this.syncReceiver.isUnderWay(shard, node)) this.holdings.onDiffering(node, shard)
      },
      positions: (shard) => this.incoming.positions(shard),
      ownPosition: (shard) => ({
        sender: this.context.self,
        incarnation: this.context.incarnation,
        number: this.outgoing.highest(shard),
      }),
    })
  }

  #connectSyncReceiver(): SyncReceiver {
    return new SyncReceiver(this.context, {
      isReachable: (node) => this.members.isReachable(node),
      isReady: (shard) => this.holdings.isReady(shard),
      onLetGo: (source, shard) => this.members.onLetGo(source, shard),
      takesEvicted: (source, shard) => this.holdings.takesEvicted(source, shard),
      onTaken: (source, shard) => this.holdings.onTaken(source, shard),
      ingest: (records, from) => this.ingest.apply(records, from, false),
      onPosition: (shard, position) => this.incoming.onSynced(shard, position),
    })
  }

  #connectCheckSource(): CheckSource {
    return new CheckSource(this.context, {
      isJoined: (shard) => this.holdings.isJoined(shard),
      isCounted: (shard) => this.isCounted(shard),
      isSure: (shard) => {
        // What members of an earlier wire do not carry may be at one holder and not at another, until the next audit.
        if (this.context.sharedWire < WIRE_VERSION) return false
        return this.isClean(shard) && this.holdings.isCompared(shard) && this.members.isEverybodyHeard
      },
    })
  }

  #connectChecker(): Checker {
    return new Checker(this.context, {
      members: () => this.members.all(),
      isReachable: (node) => this.members.isReachable(node),
      ownShards: () => this.checkSource.shards(),
      ownLook: (buckets) => this.checkSource.look(buckets),
      onDone: (request, report) => this.context.out.results.push({ request, kind: 'checked', report }),
    })
  }

  #awaitCopies(wait: CopiesWait): void {
    this.outgoing.awaitCopies(wait, this.#confirming(wait.shard))
  }

  /** Members that confirm copies of a shard. Who is about to be ready will: the wait decides, not the moment. */
  #confirming(shard: number): NodeId[] {
    const holders = new Set([...this.members.readyHolders(shard), ...this.holdings.holders(shard)])
    return [...holders].filter((node) => this.members.isReachable(node) && !this.members.isRepository(node))
  }

  /** Whether a record must stay here: somebody is owed it, or a search is putting it together. */
  #isPinned({ key, shard, frame }: Entry): boolean {
    const isFetching = this.puller.isFetching(key) && !this.context.lacks('pin-fetched')
    return isFetching || this.outgoing.isOwed(shard, frame)
  }

  #noticeEviction({ key }: Entry): void {
    if (!isChunkKey(key)) {
      this.context.notice({ type: 'session:evicted', key })
      return
    }
    const { session, portion, number } = chunkName(key)
    const blob = `${session} ${portion} ${number.seq}`
    if (blob === this.#evictedBlob) return
    this.#evictedBlob = blob
    this.context.notice({ type: 'portion:evicted', key: session, portion })
  }
}
