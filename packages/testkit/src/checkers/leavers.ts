/**
 * I-R10: a holder that let go of a shard left nothing behind. What it had is at as many others as its successors are, or at
 * all others that hold the shard, but for those that crashed meanwhile. The same of a node that left, but for what it named.
 */
import type { Notice, SessionKey } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Write } from '../ledger.ts'
import { describeWrite } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { has, hasEnded, hasForLong, isJoined, isReplaced } from './checker.ts'

export class Leavers implements Checker {
  readonly #world: World
  readonly #writes: Write[] = []
  /** What each node had in its present life while its copy counted: nobody counts on what it got since. */
  readonly #counted = new Map<SimulatedNode, Set<Write>>()
  /** What somebody had no room for, and said so. */
  readonly #evicted = new Set<SessionKey>()
  readonly #crashedAtMs: number[] = []
  /** Shards that who leaves said not to have handed over. */
  readonly #notHandedOver = new Map<SimulatedNode, ReadonlySet<number>>()

  constructor(world: World) {
    this.#world = world
  }

  onIssued(write: Write): void {
    this.#writes.push(write)
  }

  onCrash(node: SimulatedNode): void {
    if (node.hasSaidGoodbye) {
      const told = this.#notHandedOver.get(node)
      for (const write of this.#countedBy(node)) {
        const shard = this.#world.shardOf(write.life.key)
        if (isJoined(node, shard) && told?.has(shard) !== true) this.#check(node, write, shard)
      }
    }
    this.#notHandedOver.delete(node)
    this.#crashedAtMs.push(this.#world.nowMs)
    this.#counted.delete(node)
  }

  onCheckpoint(): void {
    for (const write of this.#writes) {
      if (hasEnded(write, this.#world.nowMs)) continue
      const shard = this.#world.shardOf(write.life.key)
      for (const node of this.#world.cluster.up()) {
        if (node.replica?.isCounted(shard) === true && hasForLong(this.#world, node, write))
          this.#countedBy(node).add(write)
      }
    }
  }

  onNotice(node: SimulatedNode, notice: Notice): void {
    if (notice.type === 'session:evicted') this.#evicted.add(notice.key)
    if (notice.type === 'handover:incomplete') this.#notHandedOver.set(node, new Set(notice.shards))
    if (notice.type !== 'shard:left') return
    for (const write of this.#countedBy(node)) {
      // What it wrote itself, and still owes, it keeps.
      if (this.#world.shardOf(write.life.key) === notice.shard && !has(node, write))
        this.#check(node, write, notice.shard)
    }
  }

  #check(node: SimulatedNode, write: Write, shard: number): void {
    if (hasEnded(write, this.#world.nowMs) || isReplaced(this.#world, write)) return
    if (this.#evicted.has(write.life.key)) return
    // Who leaves at the same time, and did not know it of this node nor it of it, hands over for itself.
    const successors = node.replica?.status().shards[shard]?.holders ?? []
    const staying = successors.filter((id) => !this.#world.cluster.nodeById(id).isLeaving).length
    const crashes = this.#crashedAtMs.filter((atMs) => atMs > this.#world.nowMs - MOVE_MS_MAX).length
    const due = Math.min(this.#world.cluster.options.copies, staying) - crashes
    const others = this.#world.cluster.up().filter((other) => other !== node && isJoined(other, shard))
    const count = others.filter((other) => has(other, write)).length
    if (count >= due) return
    const what = `${describeWrite(write)}, which is at ${count} others`
    this.#world.violate('I-R10', `${node.id} let go of shard ${shard} with ${what} of at least ${due}`)
  }

  #countedBy(node: SimulatedNode): Set<Write> {
    const known = this.#counted.get(node)
    if (known !== undefined) return known
    const writes = new Set<Write>()
    this.#counted.set(node, writes)
    return writes
  }
}

/** A successor that crashed this long ago may have been counted on by who left. */
const MOVE_MS_MAX = 10_000
