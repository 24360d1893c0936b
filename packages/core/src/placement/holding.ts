/**
 * One shard, as this node holds it: the states of `holdings.ts` and what is known on the way from one to the next.
 */
import { BUCKETS_PER_SHARD } from '../constants.ts'
import type { NodeId } from '../session/version.ts'

export class Holding {
  readonly shard: number
  state: 'none' | 'joining' | 'ready' = 'none'
  /** It was ready since it joined, so somebody may count on it as a copy, also while it joins again. */
  wasReady = false
  isSynced = false
  isSyncing = false
  /** Ready, moved away, and kept until those who shall hold it have everything. */
  isDraining = false
  /** When hellos were asked for last; of a draining holder, when it last compared with its successors. */
  askedAtMs = 0
  /** Something is here that no stream will bring to the other holders, and when they were last compared with for that. */
  hasHearsay = false
  sharedAtMs: number = Number.NEGATIVE_INFINITY
  /** Holders that it is compared with, and since when. */
  readonly comparing: Map<NodeId, number> = new Map()
  /** Members that leave from which this node fetched again what it had evicted. */
  readonly takenFrom: Set<NodeId> = new Set()
  /** Members that asked and differed while one of the two was not ready. */
  readonly askers: Set<NodeId> = new Set()
  /** Buckets in which successors were found equal since the draining began. One by one: under steady writes a whole shard
   * is hardly ever the same at two nodes at the same moment, and what came since then nobody counts on here. */
  readonly #equals = new Map<NodeId, Set<number>>()
  /** Members whose hello came since the join. */
  readonly hellos: Set<NodeId> = new Set()
  joinedAtAwakeMs = 0
  /** When each member was first asked for its hello, in time awake. */
  readonly askedAtAwakeMs: Map<NodeId, number> = new Map()
  /** Ready holders from which a sync did not come to its end: others are asked first. */
  readonly failedSources: Set<NodeId> = new Set()
  /** Members whose own sessions were fetched since the join. */
  readonly ownSynced: Set<NodeId> = new Set()
  /** Members that never published for the shard, as their hello says. */
  readonly unpublished: Set<NodeId> = new Set()
  /** Members whose frames are gone, so that their own sessions must be fetched. */
  readonly owedBy: Set<NodeId> = new Set()

  constructor(shard: number) {
    this.shard = shard
  }

  join(nowMs: number, awakeMs: number): void {
    this.state = 'joining'
    this.joinedAtAwakeMs = awakeMs
    this.askedAtMs = nowMs
    this.isSynced = false
    this.isSyncing = false
    this.hellos.clear()
    this.askedAtAwakeMs.clear()
    this.failedSources.clear()
    this.ownSynced.clear()
    this.unpublished.clear()
    this.owedBy.clear()
    this.askers.clear()
  }

  /** Back to joining: hellos still hold, what was fetched does not. */
  rejoin(): void {
    this.state = 'joining'
    this.isDraining = false
    this.isSynced = false
    this.ownSynced.clear()
    this.unpublished.clear()
  }

  drain(): void {
    this.isDraining = true
    this.askedAtMs = Number.NEGATIVE_INFINITY
    this.#equals.clear()
  }

  onEqual(successor: NodeId, buckets: readonly number[]): void {
    const known = this.#equals.get(successor) ?? new Set<number>()
    this.#equals.set(successor, known)
    for (const bucket of buckets) known.add(bucket)
  }

  /** Whether a successor has everything that this node ever acknowledged as a copy. */
  isCoveredBy(successor: NodeId): boolean {
    return this.#equals.get(successor)?.size === BUCKETS_PER_SHARD
  }

  leave(): void {
    this.state = 'none'
    this.wasReady = false
    this.isDraining = false
    this.hasHearsay = false
    this.comparing.clear()
    this.takenFrom.clear()
  }
}
