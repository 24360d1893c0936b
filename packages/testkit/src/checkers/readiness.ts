/**
 * I-R9: a holder that calls itself ready misses no frame it heard of, by a hello or otherwise; and, as a client would
 * notice, it has what every ready holder had before it joined.
 */
import type { Notice } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Write } from '../ledger.ts'
import { describeWrite } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { has, hasEnded, hasEvicted, hasForLong, isJoined, isReady, isReplaced } from './checker.ts'

export class Readiness implements Checker {
  readonly #world: World
  readonly #writes: { readonly write: Write; readonly shard: number; everywhereSinceMs: number }[] = []
  /** When a node's present join of a shard was first seen. */
  readonly #joinedAtMs = new Map<string, number>()
  /** When a node was first seen ready for a shard in its present join. */
  readonly #readyAtMs = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  onConfirmed(write: Write): void {
    this.#writes.push({
      write,
      shard: this.#world.shardOf(write.life.key),
      everywhereSinceMs: Number.POSITIVE_INFINITY,
    })
  }

  onCheckpoint(): void {
    for (const tracked of this.#writes) {
      const { write, shard } = tracked
      const ready = this.#world.cluster.up().filter((node) => isReady(node, shard))
      const isEverywhere = ready.length > 0 && ready.every((node) => has(node, write))
      if (!isEverywhere) tracked.everywhereSinceMs = Number.POSITIVE_INFINITY
      else tracked.everywhereSinceMs = Math.min(tracked.everywhereSinceMs, this.#world.nowMs)
      for (const node of this.#world.cluster.nodes) {
        const name = joinName(node, shard)
        if (!isJoined(node, shard)) this.#joinedAtMs.delete(name)
        else if (!this.#joinedAtMs.has(name)) this.#joinedAtMs.set(name, this.#world.nowMs)
        if (!isReady(node, shard)) this.#readyAtMs.delete(name)
        else if (!this.#readyAtMs.has(name)) this.#readyAtMs.set(name, this.#world.nowMs)
      }
    }
  }

  onNotice(node: SimulatedNode, notice: Notice): void {
    if (notice.type !== 'shard:ready') return
    if (node.replica?.isLacking(notice.shard)) {
      this.#world.violate('I-R9', `${node.id} is ready for shard ${notice.shard} and still misses frames it heard of`)
    }
    const joinedAtMs = this.#joinedAtMs.get(joinName(node, notice.shard)) ?? this.#world.nowMs
    for (const { write, shard, everywhereSinceMs } of this.#writes) {
      if (shard !== notice.shard || everywhereSinceMs >= joinedAtMs - CHECKPOINT_MS_MAX || has(node, write)) continue
      if (hasEnded(write, this.#world.nowMs) || isReplaced(this.#world, write)) continue
      // It came, there was no room for it, and the node said so and knows that it lacks it.
      if (node.table.absence(write.life.key) === 'evicted') continue
      if (!this.#isWithinReach(node, write, shard, joinedAtMs)) continue
      if (this.#world.cluster.up().some((other) => hasEvicted(other, write.life.key))) continue
      this.#world.violate('I-R9', `${node.id} is ready for shard ${shard} without ${describeWrite(write)}`)
    }
  }

  /**
   * Whether a ready holder that has it was there to sync from when the node joined. One that became ready meanwhile, and
   * happens to have a copy from a read, is compared with afterwards.
   */
  #isWithinReach(node: SimulatedNode, write: Write, shard: number, joinedAtMs: number): boolean {
    const { nodes, network } = this.#world.cluster
    // Somebody who was cut off, and empty, may have called itself ready all alone, and been believed (ARCHITECTURE, "Not built
    // yet"): that is seen where it happened, not here.
    const isMisled = nodes.some((other) => {
      return (
        other !== node && isReady(other, shard) && network.isConnected(node.index, other.index) && !has(other, write)
      )
    })
    if (isMisled) return false
    return nodes.some((other) => {
      const readyAtMs = this.#readyAtMs.get(joinName(other, shard)) ?? Number.POSITIVE_INFINITY
      const mayGive = other !== node && !other.isLeaving && other.isRunning
      const hasCopy = mayGive && isReady(other, shard) && hasForLong(this.#world, other, write)
      return hasCopy && readyAtMs <= joinedAtMs && network.isConnected(node.index, other.index)
    })
  }
}

function joinName(node: SimulatedNode, shard: number): string {
  return `${node.id} ${node.life} ${shard}`
}

/** A join may be this much older than the checkpoint that first saw it. */
const CHECKPOINT_MS_MAX = 500
