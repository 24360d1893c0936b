/**
 * Comparing what this node has of a shard with what other holders have, where they may differ: when they meet again, when a member
 * is gone or said something that no stream will bring, when somebody else found a difference, and now and then without a reason.
 *
 * A comparison is a sync of which both sides learn: this node asks for what it lacks, and who is asked and differs asks back. One
 * that breaks off is made again until it ends, or until the other is no ready holder any more.
 */
import { SYNC_TIMEOUT_MS } from '../constants.ts'
import type { Context } from '../context.ts'
import { hasShard, NO_SHARDS } from '../context.ts'
import type { Members } from '../members/members.ts'
import type { NodeId, Tenure } from '../session/version.ts'
import type { SyncDone } from '../sync/sync-receiver.ts'
import type { ShardBits, SyncScope } from '../wire/messages.ts'
import type { Holding } from './holding.ts'

/** What it needs of the others. */
export interface ComparisonsPorts {
  sync(shard: number, source: NodeId, scope: SyncScope, onDone: SyncDone): void
  /** Whether there is any record of the shard here. */
  isEmpty(shard: number): boolean
}

export class Comparisons {
  readonly #context: Context
  readonly #members: Members
  readonly #shards: readonly Holding[]
  readonly #ports: ComparisonsPorts

  constructor(context: Context, members: Members, shards: readonly Holding[], ports: ComparisonsPorts) {
    this.#context = context
    this.#members = members
    this.#shards = shards
    this.#ports = ports
  }

  /** Comparisons with other holders that did not end yet, those to be tried again, or about to begin, included. */
  get underWay(): number {
    return this.#shards.reduce((count, { comparing, state, hasHearsay }) => {
      return count + comparing.size + (hasHearsay && state === 'ready' ? 1 : 0)
    }, 0)
  }

  /** Whether nothing is known that the shard's other holders may have and this one not: no comparison with them is due. */
  isCompared({ comparing, hasHearsay }: Holding): boolean {
    return comparing.size === 0 && !hasHearsay
  }

  /** Whether there is nothing that `retry` would look after. */
  get isCalm(): boolean {
    return this.#shards.every((holding) => this.isCompared(holding))
  }

  /** The shards of a member that was away are known: both sides may have what the other lacks. */
  onAcquainted(node: NodeId): void {
    this.#compare(node, NO_SHARDS)
  }

  /** A member said anew what it holds. Holders that became ready at the same time may each have what the other lacks. */
  onShardsChanged(node: NodeId, readyBefore: ShardBits): void {
    this.#compare(node, readyBefore)
    for (const holding of this.#shards) if (holding.askers.has(node)) this.onDiffering(node, holding)
  }

  /** A ready holder asked for what it lacks and turned out to differ: it may also have what this node lacks. */
  onDiffering(node: NodeId, holding: Holding): void {
    if (holding.state === 'none') return
    // Over a new connection its question may come before its heartbeat; it would not ask if it did not listen.
    const isJoiner = this.#members.isAcquainted(node) && !this.#members.isReadyFor(node, holding.shard)
    if (holding.state !== 'ready' || isJoiner) {
      // It may have become ready just now, or this node may be about to: then it is asked back.
      holding.askers.add(node)
      return
    }
    holding.askers.delete(node)
    this.#compareWith(holding, node)
  }

  /**
   * Something came by a pull, a push or a sync. While its writer's life lasts, its stream brings the same to every holder. What
   * a dead one wrote may be nowhere else: the other ready holders are compared with, as they were at its death (rule P3). Who
   * dropped is not known (`writer` undefined).
   */
  onHearsay(holding: Holding, writer: Tenure | undefined): void {
    if (holding.state !== 'ready' || holding.hasHearsay || this.#context.lacks('share-hearsay')) return
    holding.hasHearsay = writer === undefined || !this.#isStreamed(writer)
  }

  #isStreamed({ epoch, node, incarnation }: Tenure): boolean {
    // A chunk: its stream brought it once, and what dropped it since may be forgotten already.
    if (epoch === 0) return false
    if (node === this.#context.self) return incarnation === this.#context.incarnation
    return this.#members.isReachable(node) && this.#members.get(node)?.news.incarnation === incarnation
  }

  /** Compare one shard with one other holder, as the slow audit. */
  audit(): void {
    const ready = this.#shards.filter((holding) => holding.state === 'ready')
    const holding = ready[this.#context.random() % Math.max(1, ready.length)]
    if (holding === undefined) return
    const others = this.#members.readyHolders(holding.shard).filter((node) => this.#members.isAcquainted(node))
    const other = others[this.#context.random() % Math.max(1, others.length)]
    if (other !== undefined) this.#ports.sync(holding.shard, other, 'holder', () => {})
  }

  /** Do again what should have been answered, and what was put off. Called regularly. */
  retry(): void {
    for (const holding of this.#shards) {
      if (holding.comparing.size > 0) this.#retryComparing(holding)
      if (holding.hasHearsay) this.#shareHearsay(holding)
    }
  }

  /** With all ready holders that can be asked. */
  withHolders(holding: Holding): void {
    for (const holder of this.#members.readyHolders(holding.shard)) {
      if (this.#members.isAcquainted(holder)) this.#compareWith(holding, holder)
    }
  }

  #shareHearsay(holding: Holding): void {
    if (holding.state !== 'ready' || this.#context.nowMs < holding.sharedAtMs + SHARE_MS) return
    holding.sharedAtMs = this.#context.nowMs
    holding.hasHearsay = false
    this.withHolders(holding)
  }

  #retryComparing(holding: Holding): void {
    for (const [node, startedAtMs] of holding.comparing) {
      if (this.#context.nowMs < startedAtMs + COMPARE_RETRY_MS) continue
      // Who is away is compared with when it is back.
      const isThere = this.#members.isAcquainted(node) && this.#members.isReadyFor(node, holding.shard)
      if (holding.state === 'ready' && isThere) this.#compareWith(holding, node)
      else holding.comparing.delete(node)
    }
  }

  /** Where two ready holders may differ, equal digests settle it in one round trip; who differs asks back. */
  #compare(node: NodeId, exceptReady: ShardBits): void {
    if (!this.#members.isAcquainted(node)) return
    for (const holding of this.#shards) {
      const { shard, state } = holding
      if (state !== 'ready' || !this.#members.isReadyFor(node, shard) || hasShard(exceptReady, shard)) continue
      // With nothing here it is the other's turn.
      if (!this.#ports.isEmpty(shard)) this.#compareWith(holding, node)
    }
  }

  #compareWith(holding: Holding, node: NodeId): void {
    holding.comparing.set(node, this.#context.nowMs)
    this.#ports.sync(holding.shard, node, 'holder', (_complete, _equal, isLost) => {
      if (!isLost) holding.comparing.delete(node)
    })
  }
}

/** A comparison that did not end by then failed: above the time-out of a sync, and room for a queue of them. */
const COMPARE_RETRY_MS: number = 2 * SYNC_TIMEOUT_MS
/** Holders are compared for hearsay this often, per shard: what was read of a dead writer comes session by session. */
const SHARE_MS = 1_000
