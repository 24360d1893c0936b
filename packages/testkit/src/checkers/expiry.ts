/**
 * I-R6: sessions end when they should. No read returns one, and nobody writes one, after its deadline, but for what clocks
 * may be off and two seconds; and no idle end removes a session that was used elsewhere in time: such an end is derived,
 * never a tombstone, and nobody says "expired" while a holder within reach knows better.
 */
import type { LiveRecord, SessionKey } from '@reprise/core'
import { compareBirths } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Commit, Read, ReadResult, SessionLife, Write } from '../ledger.ts'
import { idleTimesMs } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { isEnding, isReady, recordsOf } from './checker.ts'

export class Expiry implements Checker {
  readonly #world: World
  /** Ready holders that had the session, not about to end, when a read began; and their lives. */
  readonly #aliveAt = new WeakMap<Read, ReadonlyMap<SimulatedNode, number>>()

  constructor(world: World) {
    this.#world = world
  }

  onIssued(write: Write): void {
    if (write.kind !== 'commit') return
    // Its own writing is a use; what counts is when it was used before.
    const before = write.life.commits.filter((commit) => commit !== write)
    const endMs = this.#latestEndMs(write.life, before)
    if (this.#world.nowMs <= endMs) return
    this.#world.violate('I-R6', `${write.node} wrote ${write.life.key} ${lateness(this.#world.nowMs, endMs)}`)
  }

  onReadStart(read: Read): void {
    const shard = this.#world.shardOf(read.key)
    const alive = new Map<SimulatedNode, number>()
    for (const { node, record } of recordsOf(this.#world, read.key)) {
      if (record.kind !== 'live' || record.frontier.length === 0 || isEnding(this.#world, node, record)) continue
      if (isReady(node, shard) && this.#isInReach(read, node)) alive.set(node, node.life)
    }
    if (alive.size > 0) this.#aliveAt.set(read, alive)
  }

  onReadEnd({ read, outcome }: ReadResult): void {
    if (outcome.outcome === 'complete' || outcome.outcome === 'partial') this.#checkFound(read, outcome.record)
    else if (outcome.outcome === 'absent' && outcome.reason === 'expired') this.#checkExpired(read)
  }

  onCheckpoint(): void {
    for (const key of this.#world.ledger.keys) {
      for (const { node, record } of recordsOf(this.#world, key)) {
        if (record.kind !== 'dropped') continue
        const life = this.#world.ledger.life(key, record.birth)
        if (life === undefined || life.drops.length > 0) continue
        this.#world.violate('I-R6', `${node.id} has a tombstone of ${key}, which nobody dropped`)
      }
    }
  }

  #checkFound(read: Read, record: LiveRecord): void {
    const life = this.#world.ledger.life(read.key, record.birth)
    if (life === undefined) return
    const endMs = this.#latestEndMs(life, life.commits)
    if (this.#world.nowMs <= endMs) return
    this.#world.violate('I-R6', `n${read.node} returned ${read.key} ${lateness(this.#world.nowMs, endMs)}`)
  }

  #checkExpired(read: Read): void {
    for (const [node, life] of this.#aliveAt.get(read) ?? []) {
      if (node.life !== life || !this.#isInReach(read, node) || !this.#isKnownReady(read, node)) continue
      const record = node.entry(read.key)?.record
      if (record?.kind !== 'live' || isEnding(this.#world, node, record) || isReplaced(this.#world, read.key, record))
        continue
      this.#world.violate('I-R6', `n${read.node} says that ${read.key} expired, and ${node.id} has it alive`)
    }
  }

  /**
   * When a session that was used by these writes, and touched, must be over for everybody. What travels is the remaining
   * time, so a copy ends later by as long as it was on its way.
   */
  #latestEndMs(life: SessionLife, commits: readonly Commit[]): number {
    const { createdAtMs, absoluteMs, touchedAtMs } = life
    const [, longestMs] = idleTimesMs(life)
    const idleEndMs = commits.reduce(
      (latest, { issuedAtMs, idleMs }) => Math.max(latest, issuedAtMs + (idleMs ?? longestMs) * CLOCK_ERROR),
      Math.max(createdAtMs, touchedAtMs) + longestMs * CLOCK_ERROR,
    )
    const endMs = Math.min(idleEndMs, createdAtMs + absoluteMs * CLOCK_ERROR)
    return endMs + GRACE_MS + this.#world.transitMsMax
  }

  #isKnownReady(read: Read, node: SimulatedNode): boolean {
    if (node.index === read.node) return true
    const shard = this.#world.cluster.node(read.node).replica?.status().shards[this.#world.shardOf(read.key)]
    return shard?.readyHolders.includes(node.id) === true
  }

  #isInReach(read: Read, node: SimulatedNode): boolean {
    if (node.isLeaving || !node.isRunning) return false
    return node.index === read.node || this.#world.cluster.network.isConnected(read.node, node.index)
  }
}

/** Whether a later life of the id is known somewhere. */
function isReplaced(world: World, key: SessionKey, record: LiveRecord): boolean {
  return world.ledger.lives(key).some(({ birth }) => compareBirths(birth, record.birth) > 0)
}

function lateness(nowMs: number, endMs: number): string {
  return `${(nowMs - endMs).toFixed(0)} ms after it was over for everybody`
}

/** A clock may run one per cent slow, and what travels is what remains by it. */
const CLOCK_ERROR = 1.0102
const GRACE_MS = 2_000
