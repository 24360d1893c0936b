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
 * nothing: a node that restarted empty is not a copy. To become ready it needs a hello from every live member (the numbers
 * their streams had when they began to count on it) and what was there before: from one ready holder, or, if nobody is
 * ready, from every live member's own sessions (rules P1, P4).
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
import { COLD_START_MS_MAX, HELLO_PATIENCE_MS, SYNC_TIMEOUT_MS } from '../constants.ts'
import type { Context } from '../context.ts'
import { allShards, hasShard, NO_SHARDS, shardBits } from '../context.ts'
import { isRepository } from '../members/member.ts'
import type { Members } from '../members/members.ts'
import type { NodeId, Tenure } from '../session/version.ts'
import type { SyncDone } from '../sync/sync-receiver.ts'
import type { ShardBits, ShardNumber, SyncScope } from '../wire/messages.ts'
import { Holding } from './holding.ts'
import type { Placement } from './rendezvous.ts'
import { Draws, place } from './rendezvous.ts'

export interface HoldingsPorts {
  sync(shard: number, source: NodeId, scope: SyncScope, onDone: SyncDone): void
  /** Whether there is any record of the shard here. */
  isEmpty(shard: number): boolean
  /** Whether a gap of any stream of the shard is open. */
  isComplete(shard: number): boolean
  onReady(shard: number): void
  onLeft(shard: number): void
}

export class Holdings {
  readonly #context: Context
  readonly #members: Members
  readonly #ports: HoldingsPorts
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
    const isHolder = hasShard(this.#readyBitsOf(asker), shard) && !this.#context.lacks('one-stays')
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
      this.holders(shard).every((node) =>
        node === self ? state === 'ready' : hasShard(this.#readyBitsOf(node), shard),
      ),
    )
  }

  /** Comparisons with other holders that did not end yet, those to be tried again, or about to begin, included. */
  get comparisons(): number {
    return this.#shards.reduce((count, { comparing, state, hasHearsay }) => {
      return count + comparing.size + (hasHearsay && state === 'ready' ? 1 : 0)
    }, 0)
  }

  /** Whether nothing is known that the shard's other holders may have and this one not: no comparison with them is due. */
  isCompared(shard: number): boolean {
    const { comparing, hasHearsay } = this.#shard(shard)
    return comparing.size === 0 && !hasHearsay
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
    for (const member of this.#members.reachable()) this.#sendJoin(member.news.node, shards)
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
    if (joined.length > 0) this.#sendJoin(node, joined)
  }

  /** This node numbers its life anew: whoever counted on it under the old number counts on it again. */
  onSelfRaised(): void {
    for (const member of this.#members.reachable()) this.onMet(member.news.node)
  }

  /** The shards of a member that was away are known: both sides may have what the other lacks. */
  onAcquainted(node: NodeId): void {
    this.#compare(node, NO_SHARDS)
  }

  /** A member said anew what it holds. Holders that became ready at the same time may each have what the other lacks. */
  onShardsChanged(node: NodeId, readyBefore: ShardBits): void {
    this.#compare(node, readyBefore)
    for (const holding of this.#shards) if (holding.askers.has(node)) this.onDiffering(node, holding.shard)
    this.advance()
  }

  /** A ready holder asked for what it lacks and turned out to differ: it may also have what this node lacks. */
  onDiffering(node: NodeId, shard: number): void {
    const holding = this.#shard(shard)
    if (holding.state === 'none') return
    // Over a new connection its question may come before its heartbeat; it would not ask if it did not listen.
    const isJoiner = this.#members.isAcquainted(node) && !hasShard(this.#readyBitsOf(node), shard)
    if (holding.state !== 'ready' || isJoiner) {
      // It may have become ready just now, or this node may be about to: then it is asked back.
      holding.askers.add(node)
      return
    }
    holding.askers.delete(node)
    this.#compareWith(holding, node)
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
    for (const { shard, state } of this.#shards) if (state !== 'none') this.#compareWithHolders(shard)
  }

  /** Frames of a stream are gone: what they carried comes from the sender's own sessions and another holder (rule P4). */
  onUnrepairable(sender: NodeId, shard: number, isSenderHere: boolean): void {
    const holding = this.#shard(shard)
    if (holding.state === 'none') return
    if (holding.state === 'ready' && !isSenderHere) {
      // Nobody can say that they are gone for good: other holders may have them, or the sender when it is back.
      this.#compareWithHolders(shard)
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

  /**
   * Something came by a pull, a push or a sync. While its writer's life lasts, its stream brings the same to every holder. What
   * a dead one wrote may be nowhere else: the other ready holders are compared with, as they were at its death (rule P3). Who
   * dropped is not known (`writer` undefined).
   */
  onHearsay(shard: number, writer: Tenure | undefined): void {
    const holding = this.#shard(shard)
    if (holding.state !== 'ready' || holding.hasHearsay || this.#context.lacks('share-hearsay')) return
    holding.hasHearsay = writer === undefined || !this.#isStreamed(writer)
  }

  #isStreamed({ epoch, node, incarnation }: Tenure): boolean {
    // A chunk: its stream brought it once, and what dropped it since may be forgotten already.
    if (epoch === 0) return false
    if (node === this.#context.self) return incarnation === this.#context.incarnation
    return this.#members.isReachable(node) && this.#members.get(node)?.news.incarnation === incarnation
  }

  /** Ready holders of a shard by what they said last, without this node. */
  readyHolders(shard: number): NodeId[] {
    const ready: NodeId[] = []
    for (const member of this.#members.present()) if (hasShard(member.ready, shard)) ready.push(member.news.node)
    return ready
  }

  /** Members to ask about a session of the shard, best first: ready holders, then joined ones, then anybody. */
  reachable(shard: number): NodeId[] {
    const rank = (bits: { ready: ShardBits; joined: ShardBits }): number =>
      hasShard(bits.ready, shard) ? 0 : hasShard(bits.joined, shard) ? 1 : 2
    return [...this.#members.reachable()]
      .sort((a, b) => rank(a) - rank(b) || a.roundTripMs - b.roundTripMs || (a.news.node < b.news.node ? -1 : 1))
      .map((member) => member.news.node)
  }

  /** Compare one shard with one other holder, as the slow audit. */
  audit(): void {
    const ready = this.#shards.filter((holding) => holding.state === 'ready')
    const holding = ready[this.#context.random() % Math.max(1, ready.length)]
    if (holding === undefined) return
    const others = this.readyHolders(holding.shard).filter((node) => this.#members.isAcquainted(node))
    const other = others[this.#context.random() % Math.max(1, others.length)]
    if (other !== undefined) this.#ports.sync(holding.shard, other, 'holder', () => {})
  }

  /** Take joins and leaves as far as they go now. Cheap when there is nothing to do. */
  advance(): void {
    this.#joinAsRepository()
    const isSettled = this.#members.isSettled()
    if (!this.#isPlaced && isSettled) this.#placeAll()
    this.#letGo([...this.#moved].filter((holding) => this.#isHandedOver(holding)))
    if (!isSettled || this.#joining.size === 0) return
    const live = [...this.#members.reachable()].map((member) => member.news.node)
    const areAcquainted = live.every((node) => this.#members.isAcquainted(node))
    for (const holding of this.#joining) {
      const awaited = this.#awaited(holding, live)
      const mayAdvance = awaited === live ? areAcquainted : awaited.every((node) => this.#members.isAcquainted(node))
      if (mayAdvance) this.#advanceJoin(holding, awaited)
    }
  }

  /** Whether there is nothing that `advance` and `retry` would look after. */
  get isCalm(): boolean {
    if (!this.#isPlaced || this.#isLeaving || this.#joining.size > 0 || this.#moved.size > 0) return false
    return this.#shards.every(({ comparing, hasHearsay }) => comparing.size === 0 && !hasHearsay)
  }

  /** Do again what should have been answered: a message was lost. Called regularly. */
  retry(): void {
    this.#askForHellos()
    for (const holding of this.#shards) {
      if (holding.comparing.size > 0) this.#retryComparing(holding)
      if (holding.hasHearsay) this.#shareHearsay(holding)
    }
  }

  #shareHearsay(holding: Holding): void {
    if (holding.state !== 'ready' || this.#context.nowMs < holding.sharedAtMs + SHARE_MS) return
    holding.sharedAtMs = this.#context.nowMs
    holding.hasHearsay = false
    this.#compareWithHolders(holding.shard)
  }

  #retryComparing(holding: Holding): void {
    for (const [node, startedAtMs] of holding.comparing) {
      if (this.#context.nowMs < startedAtMs + COMPARE_RETRY_MS) continue
      // Who is away is compared with when it is back.
      const isThere = this.#members.isAcquainted(node) && hasShard(this.#readyBitsOf(node), holding.shard)
      if (holding.state === 'ready' && isThere) this.#compareWith(holding, node)
      else holding.comparing.delete(node)
    }
  }

  #askForHellos(): void {
    if (this.#context.lacks('hello-retry')) return
    const { nowMs } = this.#context
    const lacking = new Map<NodeId, number[]>()
    for (const holding of this.#joining) {
      if (nowMs < holding.askedAtMs + JOIN_RETRY_MS) continue
      holding.askedAtMs = nowMs
      for (const { news } of this.#members.reachable()) {
        if (holding.hellos.has(news.node)) continue
        const shards = lacking.get(news.node)
        if (shards === undefined) lacking.set(news.node, [holding.shard])
        else shards.push(holding.shard)
      }
    }
    for (const [node, shards] of lacking) this.#sendJoin(node, shards)
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

  #sendJoin(node: NodeId, shards: readonly number[]): void {
    for (const shard of shards) {
      const { askedAtAwakeMs } = this.#shard(shard)
      if (!askedAtAwakeMs.has(node)) askedAtAwakeMs.set(node, this.#members.awakeMs)
    }
    this.#context.send(node, { type: 'join', incarnation: this.#context.incarnation, shards })
  }

  /** The members without whom a join does not go on. */
  #awaited(holding: Holding, live: readonly NodeId[]): readonly NodeId[] {
    const mayGiveUp = this.#members.awakeMs >= holding.joinedAtAwakeMs + HELLO_PATIENCE_MS
    return mayGiveUp ? live.filter((node) => !this.#isGivenUp(holding, node, live)) : live
  }

  /**
   * Whether a join goes on without a member that has long been asked and does not answer, though it is heard. If the others do
   * not answer either it is this node that is not reached. What such a member published since the source of the sync heard of
   * it is found when it talks again: by its hello, which it goes on owing, or by the numbers in its heartbeats.
   */
  #isGivenUp(holding: Holding, node: NodeId, live: readonly NodeId[]): boolean {
    if (holding.hellos.has(node) && this.#members.isAcquainted(node)) return false
    const askedAtAwakeMs = holding.askedAtAwakeMs.get(node)
    if (askedAtAwakeMs === undefined || this.#context.lacks('hello-patience')) return false
    const isColdStart = this.readyHolders(holding.shard).length === 0
    const patienceMs = isColdStart ? COLD_START_MS_MAX : HELLO_PATIENCE_MS
    if (this.#members.awakeMs < askedAtAwakeMs + patienceMs) return false
    return 2 * live.filter((other) => holding.hellos.has(other)).length >= live.length
  }

  #advanceJoin(holding: Holding, live: readonly NodeId[]): void {
    const { shard } = holding
    if (!holding.isSynced && !holding.isSyncing) this.#syncJoin(holding, live)
    if (!holding.isSynced || !live.every((node) => holding.hellos.has(node))) return
    if (!this.#context.lacks('join-gap') && !this.#ports.isComplete(shard)) return
    holding.state = 'ready'
    holding.wasReady = true
    this.#onStateChanged(holding)
    this.#context.notice({ type: 'shard:ready', shard })
    this.#ports.onReady(shard)
    if (!this.#ports.isEmpty(shard)) this.#compareWithHolders(shard)
    for (const node of [...holding.askers]) this.onDiffering(node, shard)
  }

  #syncJoin(holding: Holding, live: readonly NodeId[]): void {
    if (this.#context.lacks('join-sync')) {
      holding.isSynced = true
      return
    }
    const sources = this.reachable(holding.shard).filter(
      (node) => hasShard(this.#readyBitsOf(node), holding.shard) && this.#members.isAcquainted(node),
    )
    const ready = sources.find((node) => !holding.failedSources.has(node)) ?? sources[0]
    // Who is ready and cannot be reached may come back, or is dead soon: this node is cut off, which is no cold start.
    const isCutOff = ready === undefined && this.readyHolders(holding.shard).length > 0
    if (isCutOff && !this.#context.lacks('cut-off')) return
    // With nobody ready, hellos first: most members have nothing of their own in the shard, and say so by them.
    if (ready === undefined && !live.every((node) => holding.hellos.has(node))) return
    if (ready === undefined && !this.#members.mayStartCold()) return
    // Who owes its own sessions is asked for them; when nobody is ready, everybody is.
    const owed = live.filter((node) => this.#hasOwn(node, holding) && (ready === undefined || holding.owedBy.has(node)))
    if (owed.length > 0) {
      holding.isSyncing = true
      let waiting = owed.length
      for (const node of owed) {
        this.#ports.sync(holding.shard, node, 'own', (complete) => {
          if (complete) {
            holding.ownSynced.add(node)
            holding.owedBy.delete(node)
          }
          if (--waiting === 0) holding.isSyncing = false
        })
      }
    } else if (ready !== undefined) {
      holding.isSyncing = true
      this.#ports.sync(holding.shard, ready, 'holder', (complete) => {
        holding.isSyncing = false
        holding.isSynced = complete
        if (!complete) holding.failedSources.add(ready)
        // Once around: whoever failed may be well again.
        if (complete || sources.every((node) => holding.failedSources.has(node))) holding.failedSources.clear()
      })
    } else holding.isSynced = true
  }

  /** Whether a member may have sessions of its own in the shard, and was not asked for them yet. */
  #hasOwn(node: NodeId, holding: Holding): boolean {
    if (holding.ownSynced.has(node)) return false
    // Who never published for the shard has none, but for what a repository has from its disk.
    if (!holding.unpublished.has(node)) return true
    const member = this.#members.get(node)
    if (member === undefined || this.#context.lacks('repository-source')) return false
    return isRepository(member) && hasShard(member.joined, holding.shard)
  }

  #readyBitsOf(node: NodeId): ShardBits {
    return this.#members.get(node)?.ready ?? { hi: 0, lo: 0 }
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
    if (!shall.every((node) => hasShard(this.#readyBitsOf(node), shard) && this.#members.isHeard(node))) return false
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

  /** Where two ready holders may differ, equal digests settle it in one round trip; who differs asks back. */
  #compare(node: NodeId, exceptReady: ShardBits): void {
    if (!this.#members.isAcquainted(node)) return
    const ready = this.#readyBitsOf(node)
    for (const { shard, state } of this.#shards) {
      if (state !== 'ready' || !hasShard(ready, shard) || hasShard(exceptReady, shard)) continue
      // With nothing here it is the other's turn.
      if (!this.#ports.isEmpty(shard)) this.#compareWith(this.#shard(shard), node)
    }
  }

  #compareWithHolders(shard: number): void {
    for (const holder of this.readyHolders(shard)) {
      if (this.#members.isAcquainted(holder)) this.#compareWith(this.#shard(shard), holder)
    }
  }

  #compareWith(holding: Holding, node: NodeId): void {
    holding.comparing.set(node, this.#context.nowMs)
    this.#ports.sync(holding.shard, node, 'holder', (_complete, _equal, isLost) => {
      if (!isLost) holding.comparing.delete(node)
    })
  }
}

function shareShards(a: ShardBits, b: ShardBits): boolean {
  return ((a.hi & b.hi) | (a.lo & b.lo)) !== 0
}

/** A hello that did not come by then is asked for again: far above a round trip, far below anybody's patience. */
const JOIN_RETRY_MS = 1_000
/** A comparison that did not end by then failed: above the time-out of a sync, and room for a queue of them. */
const COMPARE_RETRY_MS: number = 2 * SYNC_TIMEOUT_MS
/** Holders are compared for hearsay this often, per shard: what was read of a dead writer comes session by session. */
const SHARE_MS = 1_000
/** A draining holder compares with its successors this often: twice is the rule, more when writes are under way. */
const HAND_OVER_MS = 200
