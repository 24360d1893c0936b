/**
 * Taking shards in: who is told that this node listens, whose numbers it waits for, where it gets what was there before, and when it
 * is ready (rules P1, P4).
 *
 * To become ready takes a hello from every live member, the numbers their streams had when they began to count on this node, and what
 * was there before: from one ready holder, or, if nobody is ready, from every live member's own sessions.
 */
import { COLD_START_MS_MAX, HELLO_PATIENCE_MS } from '../constants.ts'
import type { Context } from '../context.ts'
import { hasShard } from '../context.ts'
import { isRepository } from '../members/member.ts'
import type { Members } from '../members/members.ts'
import type { NodeId } from '../session/version.ts'
import type { SyncDone } from '../sync/sync-receiver.ts'
import type { SyncScope } from '../wire/messages.ts'
import type { Holding } from './holding.ts'

/** What it needs of the others. */
export interface JoinsPorts {
  sync(shard: number, source: NodeId, scope: SyncScope, onDone: SyncDone): void
  /** Whether no gap of any stream of the shard is open. */
  isComplete(shard: number): boolean
}

export class Joins {
  readonly #context: Context
  readonly #members: Members
  readonly #shards: readonly Holding[]
  readonly #ports: JoinsPorts

  constructor(context: Context, members: Members, shards: readonly Holding[], ports: JoinsPorts) {
    this.#context = context
    this.#members = members
    this.#shards = shards
    this.#ports = ports
  }

  /** Tell a member that this node listens to the shards: it answers with the numbers of its streams. */
  say(node: NodeId, shards: readonly number[]): void {
    for (const shard of shards) {
      const { askedAtAwakeMs } = this.#shards[shard] as Holding
      if (!askedAtAwakeMs.has(node)) askedAtAwakeMs.set(node, this.#members.awakeMs)
    }
    this.#context.send(node, { type: 'join', incarnation: this.#context.incarnation, shards })
  }

  /** Say it again where no hello came: one of both was lost. */
  retry(joining: Iterable<Holding>): void {
    if (this.#context.lacks('hello-retry')) return
    const { nowMs } = this.#context
    const lacking = new Map<NodeId, number[]>()
    for (const holding of joining) {
      if (nowMs < holding.askedAtMs + JOIN_RETRY_MS) continue
      holding.askedAtMs = nowMs
      for (const { news } of this.#members.reachable()) {
        if (holding.hellos.has(news.node)) continue
        const shards = lacking.get(news.node)
        if (shards === undefined) lacking.set(news.node, [holding.shard])
        else shards.push(holding.shard)
      }
    }
    for (const [node, shards] of lacking) this.say(node, shards)
  }

  /** Take those as far as they go now. Returns, one by one, those that have all that there was. */
  *advance(joining: Iterable<Holding>): Generator<Holding> {
    const live = [...this.#members.reachable()].map((member) => member.news.node)
    const areAcquainted = live.every((node) => this.#members.isAcquainted(node))
    for (const holding of joining) {
      const awaited = this.#awaited(holding, live)
      const mayAdvance = awaited === live ? areAcquainted : awaited.every((node) => this.#members.isAcquainted(node))
      if (mayAdvance && this.#isThere(holding, awaited)) yield holding
    }
  }

  #isThere(holding: Holding, awaited: readonly NodeId[]): boolean {
    if (!holding.isSynced && !holding.isSyncing) this.#sync(holding, awaited)
    if (!holding.isSynced || !awaited.every((node) => holding.hellos.has(node))) return false
    return this.#context.lacks('join-gap') || this.#ports.isComplete(holding.shard)
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
    const isColdStart = this.#members.readyHolders(holding.shard).length === 0
    const patienceMs = isColdStart ? COLD_START_MS_MAX : HELLO_PATIENCE_MS
    if (this.#members.awakeMs < askedAtAwakeMs + patienceMs) return false
    return 2 * live.filter((other) => holding.hellos.has(other)).length >= live.length
  }

  #sync(holding: Holding, live: readonly NodeId[]): void {
    if (this.#context.lacks('join-sync')) {
      holding.isSynced = true
      return
    }
    const sources = this.#members
      .nearest(holding.shard)
      .filter((node) => this.#members.isReadyFor(node, holding.shard) && this.#members.isAcquainted(node))
    const ready = sources.find((node) => !holding.failedSources.has(node)) ?? sources[0]
    // Who is ready and cannot be reached may come back, or is dead soon: this node is cut off, which is no cold start.
    const isCutOff = ready === undefined && this.#members.readyHolders(holding.shard).length > 0
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
}

/** A hello that did not come by then is asked for again: far above a round trip, far below anybody's patience. */
const JOIN_RETRY_MS = 1_000
