/**
 * Which shards this node holds, and whether it may say so.
 *
 * ```
 *          placement wants it here          all hellos heard, synced, no gap below a hello
 *  none ───────────────────────────► joining ─────────────────────────────────────► ready
 *   ▲                                   ▲        frames gone beyond repair            │
 *   │                                   └─────────────────────────────────────────────┤
 *   └── draining: all who shall hold it are ready and were found equal ◄── moved away ──┘
 * ```
 *
 * A joining holder receives and repairs like any other but its acknowledgements do not count, and its "absent" proves
 * nothing: a node that restarted empty is not a copy. How it becomes ready is `joins.ts`, how ready holders stay equal where streams
 * are not enough `comparisons.ts`.
 *
 * A holder whose shard moved away *drains*: it goes on holding and answering, but its acknowledgements no longer count. It
 * lets go when each of those who shall hold it showed digests equal to its own, bucket by bucket: they then have all that it ever
 * acknowledged as a copy (rule P2).
 *
 * A repository holds its shards besides those whom placement names, for as long as it lives: it joins them before it has met
 * anybody, so that its first heartbeat says what it is, and hands over nothing, since nobody counts on it. What it read from its
 * disk is its own: a cold start asks it for that, as it asks everybody for their sessions.
 *
 * A node that leaves is one whose shards all move away at once. It goes when it has let go of every shard of which it ever
 * was a copy; where nobody is left to hold one, it has nobody to hand it to.
 */
import type { Context } from '../context.ts'
import { allShards, NO_SHARDS, shardBits } from '../context.ts'
import type { Members } from '../members/members.ts'
import type { NodeId, Tenure } from '../session/version.ts'
import type { ShardBits, ShardNumber } from '../wire/messages.ts'
import type { ComparisonsPorts } from './comparisons.ts'
import { Comparisons } from './comparisons.ts'
import { Holding } from './holding.ts'
import type { JoinsPorts } from './joins.ts'
import { Joins } from './joins.ts'
import type { Placement } from './rendezvous.ts'
import { Draws, place } from './rendezvous.ts'

export interface HoldingsPorts extends ComparisonsPorts, JoinsPorts {
  onReady(shard: number): void
  onLeft(shard: number): void
}

export class Holdings {
  readonly #context: Context
  readonly #members: Members
  readonly #ports: HoldingsPorts
  readonly #comparisons: Comparisons
  readonly #joins: Joins
  readonly #shards: readonly Holding[] = allShards().map((shard) => new Holding(shard))
  readonly #draws: Draws
  #placement: Placement = []
  /** While this node leaves: the placement of those who do not know that. */
  #placementBeside: Placement = []
  /** Who shall hold a shard that this node holds, or shall hold; undefined after a change. */
  #coHolders: ReadonlySet<NodeId> | undefined
  /** The shards on the way in, and those that are here and moved away: all that `advance` has to look at. */
  readonly #joining = new Set<Holding>()
  readonly #moved = new Set<Holding>()
  /** What heartbeats say of this node's shards; undefined after a change. */
  #joinedBits: ShardBits | undefined
  #readyBits: ShardBits | undefined
  /** Whether the placement is that of the present members. */
  #isPlaced = false
  #isLeaving = false
  #hasJoinedAsRepository = false

  constructor(context: Context, members: Members, ports: HoldingsPorts) {
    this.#context = context
    this.#members = members
    this.#ports = ports
    this.#draws = new Draws(context.config.keyHash)
    this.#comparisons = new Comparisons(context, members, this.#shards, ports)
    this.#joins = new Joins(context, members, this.#shards, ports)
  }

  /** How many shards there are. */
  get count(): number {
    return this.#shards.length
  }

  /** Whether this node is a ready holder of everything it shall hold. */
  get isComplete(): boolean {
    return this.#isPlaced && this.#joining.size === 0
  }

  isJoined(shard: number): boolean {
    return this.#shard(shard).state !== 'none'
  }

  isReady(shard: number): boolean {
    return this.#shard(shard).state === 'ready'
  }

  /** Whether acknowledgements for it count as copies. */
  isCounted(shard: number): boolean {
    const holding = this.#shard(shard)
    return holding.state === 'ready' && !holding.isDraining
  }

  /** Whether this node keeps the shard outside the copy count. */
  isRepositoryOf(shard: number): boolean {
    return this.#context.config.repository.includes(shard)
  }

  /**
   * Whether this node's copy counts for who compares with it. Who joins may take it from a holder that is about to let go.
   * One that is ready may be about to let go itself: two that took each other for the copy that stays would both go.
   */
  isCopyFor(asker: NodeId, shard: number): boolean {
    const isHolder = this.#members.isReadyFor(asker, shard) && !this.#context.lacks('one-stays')
    return isHolder ? this.isCounted(shard) : this.isReady(shard)
  }

  /**
   * Whether what was evicted here is fetched from a member again: it leaves, and its copy may be the last. Once, whether there is
   * room to keep it or not: what is evicted again was said to be, and nobody waits for room that does not come.
   */
  takesEvicted(from: NodeId, shard: number): boolean {
    const holding = this.#shard(shard)
    const isLeaving = this.#members.get(from)?.isLeaving === true
    return (
      isLeaving && holding.state === 'ready' && !holding.takenFrom.has(from) && !this.#context.lacks('take-evicted')
    )
  }

  onTaken(from: NodeId, shard: number): void {
    this.#shard(shard).takenFrom.add(from)
  }

  /** Whether gaps may be repaired frame by frame: not before the first sync, which brings most of it at once. */
  mayRepair(shard: number): boolean {
    const holding = this.#shard(shard)
    return holding.state === 'ready' || holding.isSynced
  }

  /** Whether every shard has all the ready holders that the present members can give it. */
  get isWhole(): boolean {
    const { self } = this.#context
    if (!this.#isPlaced) return false
    return this.#shards.every(({ shard, state }) =>
      this.holders(shard).every((node) => (node === self ? state === 'ready' : this.#members.isReadyFor(node, shard))),
    )
  }

  /** Comparisons with other holders that did not end yet, those to be tried again, or about to begin, included. */
  get comparisons(): number {
    return this.#comparisons.underWay
  }

  /** Whether nothing is known that the shard's other holders may have and this one not: no comparison with them is due. */
  isCompared(shard: number): boolean {
    return this.#comparisons.isCompared(this.#shard(shard))
  }

  joined(): ShardBits {
    this.#joinedBits ??= shardBits(allShards().filter((shard) => this.isJoined(shard)))
    return this.#joinedBits
  }

  ready(): ShardBits {
    this.#readyBits ??= shardBits(allShards().filter((shard) => this.isReady(shard)))
    return this.#readyBits
  }

  /** The members that shall hold the shard, best first, as this node sees it. */
  holders(shard: number): readonly NodeId[] {
    return this.#placement[shard] ?? []
  }

  /** Whether a member holds, or shall hold, a shard that this node holds too. */
  isCoHolder(node: NodeId): boolean {
    this.#coHolders ??= this.#findCoHolders()
    return this.#coHolders.has(node) || shareShards(this.#members.get(node)?.joined ?? NO_SHARDS, this.joined())
  }

  #findCoHolders(): ReadonlySet<NodeId> {
    const { self } = this.#context
    const shared = this.#shards.filter(({ shard, state }) => state !== 'none' || this.holders(shard).includes(self))
    return new Set(shared.flatMap(({ shard }) => this.holders(shard)))
  }

  /** Place all shards anew, as soon as this node has seen enough of the cluster. */
  onMembersChanged(): void {
    this.#isPlaced = false
    this.advance()
  }

  #placeAll(): void {
    this.#isPlaced = true
    const { config, self } = this.#context
    const candidates = [...this.#members.candidates()].map(({ news }) => news)
    const placeAmong = (nodes: typeof candidates): Placement =>
      place(nodes, config.copies + 1, config.keyHash, this.#draws)
    const beside = placeAmong([...candidates, this.#members.selfNews()])
    this.#placement = this.#isLeaving ? placeAmong(candidates) : beside
    this.#placementBeside = this.#isLeaving ? beside : []
    const joining: Holding[] = []
    this.#moved.clear()
    this.#coHolders = undefined
    for (const holding of this.#shards) {
      if (!this.holders(holding.shard).includes(self) && !this.isRepositoryOf(holding.shard)) {
        if (holding.state !== 'none') this.#moved.add(holding)
        continue
      }
      if (holding.isDraining) this.#stay(holding)
      if (holding.state === 'none') joining.push(holding)
    }
    this.#join(joining)
  }

  #join(holdings: readonly Holding[]): void {
    for (const holding of holdings) {
      holding.join(this.#context.nowMs, this.#members.awakeMs)
      this.#onStateChanged(holding)
      this.#context.out.subscribe.push(holding.shard)
    }
    const shards = holdings.map(({ shard }) => shard)
    if (shards.length === 0) return
    for (const member of this.#members.reachable()) this.#joins.say(member.news.node, shards)
  }

  /** Nothing that others say changes what a repository holds: it need not have met anybody. */
  #joinAsRepository(): void {
    if (this.#hasJoinedAsRepository) return
    this.#hasJoinedAsRepository = true
    this.#join(this.#shards.filter(({ shard, state }) => state === 'none' && this.isRepositoryOf(shard)))
  }

  /** A member can be talked to (again): it must count on this node's shards, and say where its streams are. */
  onMet(node: NodeId): void {
    const joined = allShards().filter((shard) => this.isJoined(shard))
    if (joined.length > 0) this.#joins.say(node, joined)
  }

  /** This node numbers its life anew: whoever counted on it under the old number counts on it again. */
  onSelfRaised(): void {
    for (const member of this.#members.reachable()) this.onMet(member.news.node)
  }

  /** The shards of a member that was away are known: both sides may have what the other lacks. */
  onAcquainted(node: NodeId): void {
    this.#comparisons.onAcquainted(node)
  }

  /** A member said anew what it holds. */
  onShardsChanged(node: NodeId, readyBefore: ShardBits): void {
    this.#comparisons.onShardsChanged(node, readyBefore)
    this.advance()
  }

  /** A ready holder asked for what it lacks and turned out to differ: it may also have what this node lacks. */
  onDiffering(node: NodeId, shard: number): void {
    this.#comparisons.onDiffering(node, this.#shard(shard))
  }

  /** Something of this writer, if it is known, came by a pull, a push or a sync. */
  onHearsay(shard: number, writer: Tenure | undefined): void {
    this.#comparisons.onHearsay(this.#shard(shard), writer)
  }

  /** Compare one shard with one other holder, as the slow audit. */
  audit(): void {
    this.#comparisons.audit()
  }

  onHello(from: NodeId, streams: readonly ShardNumber[]): void {
    for (const { shard, number } of streams) {
      const holding = this.#shard(shard)
      holding.hellos.add(from)
      if (number === 0) holding.unpublished.add(from)
    }
    this.advance()
  }

  onLifeEnded(node: NodeId): void {
    for (const holding of this.#shards) {
      holding.hellos.delete(node)
      holding.askedAtAwakeMs.delete(node)
      holding.failedSources.delete(node)
      holding.ownSynced.delete(node)
      holding.unpublished.delete(node)
      holding.askers.delete(node)
      holding.takenFrom.delete(node)
    }
    // What the dead member sent last may have reached some holders and not others (rule P3).
    if (this.#context.lacks('flush')) return
    for (const holding of this.#shards) if (holding.state !== 'none') this.#comparisons.withHolders(holding)
  }

  /** Frames of a stream are gone: what they carried comes from the sender's own sessions and another holder (rule P4). */
  onUnrepairable(sender: NodeId, shard: number, isSenderHere: boolean): void {
    const holding = this.#shard(shard)
    if (holding.state === 'none') return
    if (holding.state === 'ready' && !isSenderHere) {
      // Nobody can say that they are gone for good: other holders may have them, or the sender when it is back.
      this.#comparisons.withHolders(holding)
      return
    }
    if (holding.state === 'ready') {
      holding.rejoin()
      this.#onStateChanged(holding)
    }
    holding.isSynced = false
    if (isSenderHere) holding.owedBy.add(sender)
    this.advance()
  }

  /** Take joins and leaves as far as they go now. Cheap when there is nothing to do. */
  advance(): void {
    this.#joinAsRepository()
    const isSettled = this.#members.isSettled()
    if (!this.#isPlaced && isSettled) this.#placeAll()
    this.#letGo([...this.#moved].filter((holding) => this.#isHandedOver(holding)))
    if (!isSettled || this.#joining.size === 0) return
    for (const holding of this.#joins.advance(this.#joining)) this.#becomeReady(holding)
  }

  #becomeReady(holding: Holding): void {
    const { shard } = holding
    holding.state = 'ready'
    holding.wasReady = true
    this.#onStateChanged(holding)
    this.#context.notice({ type: 'shard:ready', shard })
    this.#ports.onReady(shard)
    if (!this.#ports.isEmpty(shard)) this.#comparisons.withHolders(holding)
    for (const node of [...holding.askers]) this.#comparisons.onDiffering(node, holding)
  }

  /** Whether there is nothing that `advance` and `retry` would look after. */
  get isCalm(): boolean {
    if (!this.#isPlaced || this.#isLeaving || this.#joining.size > 0 || this.#moved.size > 0) return false
    return this.#comparisons.isCalm
  }

  /** Do again what should have been answered: a message was lost. Called regularly. */
  retry(): void {
    this.#joins.retry(this.#joining)
    this.#comparisons.retry()
  }

  /** This node is going: it shall hold nothing, as the others will see it. */
  leave(): void {
    this.#isLeaving = true
    this.onMembersChanged()
  }

  /** Shards of which this node is a copy and which it, leaving, has not handed over yet. */
  owed(): number[] {
    if (!this.#isLeaving || this.#context.lacks('leave-hand-over')) return []
    const isOwed = (holding: Holding): boolean => this.#isOwed(holding) && !this.isRepositoryOf(holding.shard)
    return this.#shards.filter(isOwed).map(({ shard }) => shard)
  }

  #shard(shard: number): Holding {
    return this.#shards[shard] as Holding
  }

  /** Whatever is kept about a shard's state follows it, and the others learn of it soon. */
  #onStateChanged(holding: Holding): void {
    if (holding.state === 'joining') this.#joining.add(holding)
    else this.#joining.delete(holding)
    if (holding.state === 'none') this.#moved.delete(holding)
    this.#joinedBits = undefined
    this.#readyBits = undefined
    this.#coHolders = undefined
    this.#members.heartbeatSoon()
  }

  /** Whether somebody may count on this node's copy of it: it was ready since it joined, and something is there. */
  #isOwed(holding: Holding): boolean {
    return holding.wasReady && !this.#ports.isEmpty(holding.shard)
  }

  /** Whether a shard that moved away may be let go of. If not, and it is time, goes on handing it over. */
  #isHandedOver(holding: Holding): boolean {
    const { shard } = holding
    if (this.#isLeaving && !this.#isOwed(holding)) return true
    if (holding.state !== 'ready') return false
    const shall = this.#successors(shard)
    if (shall.includes(this.#context.self) || (shall.length === 0 && !this.#isLeaving)) return false
    // Who is silent may have let go of it since, or be gone.
    if (!shall.every((node) => this.#members.isReadyFor(node, shard) && this.#members.isHeard(node))) return false
    if (!holding.isDraining) holding.drain()
    const isDone = this.#ports.isEmpty(shard) || shall.every((node) => holding.isCoveredBy(node))
    if (isDone || this.#context.lacks('hand-over')) return true
    this.#handOver(holding, shall)
    return false
  }

  /** Who shall have a shard before it is let go of. */
  #successors(shard: number): readonly NodeId[] {
    const shall = this.holders(shard)
    if (!this.#isLeaving) return shall
    // Who does not know leaving holds what it shall hold beside this node, and takes the rest when this node is gone.
    return shall.filter((node) => {
      return this.#context.wireOf(node) >= 2 || this.#placementBeside[shard]?.includes(node) === true
    })
  }

  #letGo(handedOver: readonly Holding[]): void {
    // A sync that ended at once may have led here before.
    const holdings = handedOver.filter(({ state }) => state !== 'none')
    if (holdings.length === 0) return
    const shards = holdings.map(({ shard }) => shard)
    for (const holding of holdings) {
      holding.leave()
      this.#onStateChanged(holding)
      this.#context.out.unsubscribe.push(holding.shard)
    }
    for (const member of this.#members.reachable()) {
      this.#context.send(member.news.node, { type: 'leave', incarnation: this.#context.incarnation, shards })
    }
    for (const shard of shards) {
      this.#context.notice({ type: 'shard:left', shard })
      this.#ports.onLeft(shard)
    }
  }

  /** Compare with those who shall hold the shard, which makes them ask for what they lack, until all are equal. */
  #handOver(holding: Holding, shall: readonly NodeId[]): void {
    const { nowMs } = this.#context
    if (nowMs < holding.askedAtMs + HAND_OVER_MS) return
    holding.askedAtMs = nowMs
    for (const node of shall) {
      if (holding.isCoveredBy(node)) continue
      this.#ports.sync(holding.shard, node, 'holder', (_complete, equalBuckets) => {
        if (holding.isDraining) holding.onEqual(node, equalBuckets)
      })
    }
  }

  /** The shard moved back before it was given away. */
  #stay(holding: Holding): void {
    holding.isDraining = false
    this.#ports.onReady(holding.shard)
  }
}

function shareShards(a: ShardBits, b: ShardBits): boolean {
  return ((a.hi & b.hi) | (a.lo & b.lo)) !== 0
}

/** A draining holder compares with its successors this often: twice is the rule, more when writes are under way. */
const HAND_OVER_MS = 200
