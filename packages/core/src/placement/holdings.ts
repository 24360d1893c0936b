/**
 * Which shards this node holds, and whether it may say so.
 *
 * ```
 *          placement wants it here          all hellos heard, synced, no gap below a hello
 *  none ───────────────────────────► joining ─────────────────────────────────────► ready
 *   ▲                                   ▲        frames gone beyond repair            │
 *   │                                   └─────────────────────────────────────────────┤
 *   └── placement moved it away, and all who shall hold it are ready ──────────────────┘
 * ```
 *
 * A joining holder receives and repairs like any other but its acknowledgements do not count, and its "absent" proves
 * nothing: a node that restarted empty is not a copy. To become ready it needs a hello from every live member (the numbers
 * their streams had when they began to count on it) and what was there before: from one ready holder, or, if nobody is
 * ready, from every live member's own sessions (rules P1, P4).
 */
import type { Context } from '../context.ts'
import { allShards, hasShard, shardBits } from '../context.ts'
import type { Members } from '../members/members.ts'
import type { NodeId } from '../session/version.ts'
import type { ShardBits, ShardNumber, SyncScope } from '../wire/messages.ts'
import type { Placement } from './rendezvous.ts'
import { place } from './rendezvous.ts'

export interface HoldingsPorts {
  sync(shard: number, source: NodeId, scope: SyncScope, onDone: (complete: boolean) => void): void
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
  #placement: Placement = []
  /** Whether the placement is that of the present members. */
  #isPlaced = false
  #isLeaving = false

  constructor(context: Context, members: Members, ports: HoldingsPorts) {
    this.#context = context
    this.#members = members
    this.#ports = ports
  }

  /** How many shards there are. */
  get count(): number {
    return this.#shards.length
  }

  /** Whether this node is a ready holder of everything it shall hold. */
  get isComplete(): boolean {
    return this.#isPlaced && this.#shards.every(({ state }) => state !== 'joining')
  }

  isJoined(shard: number): boolean {
    return this.#shard(shard).state !== 'none'
  }

  isReady(shard: number): boolean {
    return this.#shard(shard).state === 'ready'
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
      this.holders(shard).every((node) => (node === self ? state === 'ready' : hasShard(this.#readyBits(node), shard))),
    )
  }

  joined(): ShardBits {
    return shardBits(allShards().filter((shard) => this.isJoined(shard)))
  }

  ready(): ShardBits {
    return shardBits(allShards().filter((shard) => this.isReady(shard)))
  }

  /** The members that shall hold the shard, best first, as this node sees it. */
  holders(shard: number): readonly NodeId[] {
    return this.#placement[shard] ?? []
  }

  /** Place all shards anew, as soon as this node has seen enough of the cluster. */
  onMembersChanged(): void {
    this.#isPlaced = false
    this.advance()
  }

  #placeAll(): void {
    this.#isPlaced = true
    const { config, self } = this.#context
    const candidates = [...this.#members.present()].map(({ news }) => news)
    if (!this.#isLeaving) candidates.push(this.#members.selfNews())
    this.#placement = place(candidates, config.copies + 1, config.keyHash)
    const joining: number[] = []
    for (const holding of this.#shards) {
      if (!this.holders(holding.shard).includes(self) || holding.state !== 'none') continue
      holding.join()
      this.#context.out.subscribe.push(holding.shard)
      joining.push(holding.shard)
    }
    if (joining.length > 0) {
      for (const member of this.#members.reachable()) this.#sendJoin(member.news.node, joining)
      this.#members.heartbeatSoon()
    }
  }

  /** A member can be talked to (again): it must count on this node's shards, and say where its streams are. */
  onMet(node: NodeId): void {
    const joined = allShards().filter((shard) => this.isJoined(shard))
    if (joined.length > 0) this.#sendJoin(node, joined)
    this.#compare(node)
  }

  onHello(from: NodeId, streams: readonly ShardNumber[]): void {
    for (const { shard } of streams) this.#shard(shard).hellos.add(from)
    this.advance()
  }

  onLifeEnded(node: NodeId): void {
    for (const holding of this.#shards) {
      holding.hellos.delete(node)
      holding.ownSynced.delete(node)
    }
    // What the dead member sent last may have reached some holders and not others (rule P3).
    if (this.#context.lacks('flush')) return
    for (const holding of this.#shards) {
      if (holding.state === 'none') continue
      for (const holder of this.readyHolders(holding.shard)) {
        if (this.#members.isReachable(holder)) this.#ports.sync(holding.shard, holder, 'holder', () => {})
      }
    }
  }

  /** Frames of a stream are gone: what they carried comes from the sender's own sessions and another holder (rule P4). */
  onUnrepairable(sender: NodeId, shard: number, isSenderHere: boolean): void {
    const holding = this.#shard(shard)
    if (holding.state === 'none') return
    if (holding.state === 'ready') {
      holding.rejoin()
      this.#members.heartbeatSoon()
    }
    holding.isSynced = false
    if (isSenderHere) holding.owedBy.add(sender)
    this.advance()
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
    const others = this.readyHolders(holding.shard).filter((node) => this.#members.isReachable(node))
    const other = others[this.#context.random() % Math.max(1, others.length)]
    if (other !== undefined) this.#ports.sync(holding.shard, other, 'holder', () => {})
  }

  /** Take joins and leaves as far as they go now. Cheap when there is nothing to do. */
  advance(): void {
    if (!this.#isPlaced && this.#members.isSettled()) this.#placeAll()
    for (const holding of this.#shards) {
      if (holding.state === 'joining') this.#advanceJoin(holding)
      else if (holding.state === 'ready') this.#leaveIfMoved(holding)
    }
  }

  /** This node is going: it shall hold nothing, as the others will see it. */
  leave(): void {
    this.#isLeaving = true
  }

  #shard(shard: number): Holding {
    return this.#shards[shard] as Holding
  }

  #sendJoin(node: NodeId, shards: readonly number[]): void {
    this.#context.send(node, { type: 'join', incarnation: this.#context.incarnation, shards })
  }

  #advanceJoin(holding: Holding): void {
    const { shard } = holding
    if (!this.#members.isSettled()) return
    const live = [...this.#members.reachable()].map((member) => member.news.node)
    if (!holding.isSynced && !holding.isSyncing) this.#syncJoin(holding, live)
    if (!holding.isSynced || !live.every((node) => holding.hellos.has(node))) return
    if (!this.#context.lacks('join-gap') && !this.#ports.isComplete(shard)) return
    holding.state = 'ready'
    this.#members.heartbeatSoon()
    this.#context.notice({ type: 'shard:ready', shard })
    this.#ports.onReady(shard)
  }

  #syncJoin(holding: Holding, live: readonly NodeId[]): void {
    if (this.#context.lacks('join-sync')) {
      holding.isSynced = true
      return
    }
    const ready = this.reachable(holding.shard).find((node) => hasShard(this.#readyBits(node), holding.shard))
    // Who owes its own sessions is asked for them; when nobody is ready, everybody is.
    const owed = live.filter(
      (node) => !holding.ownSynced.has(node) && (ready === undefined || holding.owedBy.has(node)),
    )
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
      })
    } else holding.isSynced = true
  }

  #readyBits(node: NodeId): ShardBits {
    return this.#members.get(node)?.ready ?? { hi: 0, lo: 0 }
  }

  #leaveIfMoved(holding: Holding): void {
    const { shard } = holding
    const shall = this.holders(shard)
    if (this.#isLeaving || shall.length === 0 || shall.includes(this.#context.self)) return
    if (!shall.every((node) => hasShard(this.#readyBits(node), shard) && this.#members.isReachable(node))) return
    holding.leave()
    this.#context.out.unsubscribe.push(shard)
    for (const member of this.#members.reachable()) {
      this.#context.send(member.news.node, { type: 'leave', incarnation: this.#context.incarnation, shards: [shard] })
    }
    this.#members.heartbeatSoon()
    this.#context.notice({ type: 'shard:left', shard })
    this.#ports.onLeft(shard)
  }

  /** After a partition both sides may have what the other lacks: equal digests settle it in one round trip. */
  #compare(node: NodeId): void {
    for (const holding of this.#shards) {
      if (holding.state === 'ready' && hasShard(this.#readyBits(node), holding.shard)) {
        this.#ports.sync(holding.shard, node, 'holder', () => {})
      }
    }
  }
}

class Holding {
  readonly shard: number
  state: 'none' | 'joining' | 'ready' = 'none'
  isSynced = false
  isSyncing = false
  /** Members whose hello came since the join. */
  readonly hellos = new Set<NodeId>()
  /** Members whose own sessions were fetched since the join. */
  readonly ownSynced = new Set<NodeId>()
  /** Members whose frames are gone, so that their own sessions must be fetched. */
  readonly owedBy = new Set<NodeId>()

  constructor(shard: number) {
    this.shard = shard
  }

  join(): void {
    this.state = 'joining'
    this.isSynced = false
    this.isSyncing = false
    this.hellos.clear()
    this.ownSynced.clear()
    this.owedBy.clear()
  }

  /** Back to joining: hellos still hold, what was fetched does not. */
  rejoin(): void {
    this.state = 'joining'
    this.isSynced = false
    this.ownSynced.clear()
  }

  leave(): void {
    this.state = 'none'
  }
}
