/**
 * I-R3: what `commit({ copies: n })` promised is kept.
 *
 * When it resolved, n holders besides the writer had the write. Each crash of a holder that has it takes one away, until all
 * holders of the shard have it again. As long as one is left, the write must be where the checker counted it, and at the end
 * every ready holder must have it.
 */
import type { Notice, SessionRecord } from '@reprise/core'
import { compareBirths, compareTenures, WIRE_VERSION } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Write } from '../ledger.ts'
import { describeWrite } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { has, hasEnded, hasEvicted, hasForLong, isJoined, isReady, isReplaced } from './checker.ts'

export class Durability implements Checker {
  readonly #world: World
  readonly #promises = new Set<Promised>()
  /** Who had something that wins over a write when it was made, and its life. */
  readonly #knewBetter = new WeakMap<Write, ReadonlyMap<SimulatedNode, number>>()
  /** Holders that had a write and crashed, or evicted it, before it was confirmed. */
  readonly #crashes = new Map<Write, number>()

  constructor(world: World) {
    this.#world = world
  }

  onIssued(write: Write): void {
    this.#crashes.set(write, 0)
    const writer = this.#world.cluster.nodeById(write.node)
    const before = new Map<SimulatedNode, number>()
    for (const node of this.#world.cluster.up()) {
      const isNear = node !== writer && this.#world.cluster.network.isConnected(node.index, writer.index)
      if (isNear && isBeaten(write, node.entry(write.life.key)?.record)) before.set(node, node.life)
    }
    if (before.size > 0) this.#knewBetter.set(write, before)
  }

  onConfirmed(write: Write): void {
    this.#checkWasTold(write)
    const writer = this.#world.cluster.nodeById(write.node)
    const promise: Promised = {
      write,
      shard: this.#world.shardOf(write.life.key),
      copies: (write.confirmedCopies as number) - (this.#crashes.get(write) ?? 0),
      writer: writer.life === write.nodeLife && writer.isUp ? writer : undefined,
    }
    this.#crashes.delete(write)
    if (hasEnded(write, this.#world.nowMs) || isReplaced(this.#world, write)) return
    this.#promises.add(promise)
    this.#check(promise, 'when it was confirmed')
  }

  onCrash(node: SimulatedNode): void {
    for (const [write, crashes] of this.#crashes) {
      if (write.node === node.id) this.#crashes.delete(write)
      else if (has(node, write)) this.#crashes.set(write, crashes + 1)
    }
    for (const promise of this.#promises) {
      if (promise.writer === node) promise.writer = undefined
      else if (isJoined(node, promise.shard) && has(node, promise.write)) promise.copies--
    }
  }

  onNotice(node: SimulatedNode, notice: Notice): void {
    if (notice.type === 'shard:left' && node.isLeaving) this.#onHandedOver(node, notice.shard)
    if (notice.type !== 'session:evicted') return
    for (const [write, crashes] of this.#crashes) {
      if (write.life.key === notice.key && write.node !== node.id) this.#crashes.set(write, crashes + 1)
    }
    for (const promise of this.#promises) {
      if (promise.write.life.key === notice.key && promise.writer !== node) promise.copies--
    }
  }

  /**
   * Where too few others are left to hold a shard, or those who shall do not know leaving and take over later, who leaves is
   * not replaced, and one copy goes with it. Of the latter one may be giving its copy away, to who leaves among others.
   */
  #onHandedOver(node: SimulatedNode, shard: number): void {
    const status = node.replica?.status().shards[shard]
    const { wires } = this.#world.cluster.options
    const successors = status?.holders.filter((id) => {
      const holder = this.#world.cluster.nodeById(id)
      const knowsLeaving = [node, holder].every(({ index }) => (wires?.[index] ?? WIRE_VERSION) >= LEAVING_WIRE)
      return status.readyHolders.includes(id) && (knowsLeaving || holder.replica?.isCounted(shard) === true)
    })
    if (successors !== undefined && successors.length > this.#world.cluster.options.copies) return
    for (const promise of this.#promises) if (promise.shard === shard) promise.copies--
    for (const [write, crashes] of this.#crashes) {
      if (this.#world.shardOf(write.life.key) === shard) this.#crashes.set(write, crashes + 1)
    }
  }

  onCheckpoint(): void {
    for (const promise of this.#promises) {
      if (hasEnded(promise.write, this.#world.nowMs) || isReplaced(this.#world, promise.write))
        this.#promises.delete(promise)
      else if (this.#check(promise, 'later')) this.#renew(promise)
    }
  }

  onQuiet(): void {
    for (const { write, shard, copies } of this.#promises) {
      if (copies < 1 || hasEnded(write, this.#world.nowMs)) continue
      for (const node of this.#world.cluster.up()) {
        if (!isReady(node, shard) || has(node, write) || hasEvicted(node, write.life.key)) continue
        this.#world.violate('I-R3', `${describeWrite(write)} is not at ${node.id} in the end`)
      }
    }
  }

  /** A holder that knows something newer answers with it before it acknowledges (rule A1). */
  #checkWasTold(write: Write): void {
    const knewBetter = this.#knewBetter.get(write)
    if (knewBetter === undefined || !this.#world.isReliable || write.kind === 'drop') return
    const shard = this.#world.shardOf(write.life.key)
    const writer = this.#world.cluster.nodeById(write.node)
    if (writer.entry(write.life.key)?.record.kind !== 'live') return
    const others = this.#world.cluster.up().filter((node) => {
      return node !== writer && isJoined(node, shard) && has(node, write) && knewBetter.get(node) !== node.life
    })
    if (others.length >= (write.confirmedCopies as number)) return
    const names = [...knewBetter.keys()].map(({ id }) => id).join(', ')
    this.#world.violate('I-R3', `${describeWrite(write)} was confirmed although ${names} knew that it had lost`)
  }

  #check(promise: Promised, when: string): boolean {
    const { write, shard, copies, writer } = promise
    const nodes = this.#world.cluster.up()
    const holders = nodes.filter((node) => node !== writer && isJoined(node, shard) && has(node, write))
    if (holders.length >= copies) return true
    // Once is enough, and what is not there any more is not counted as lost at every further look.
    this.#promises.delete(promise)
    const states = nodes.map(
      (node) => `${node.id} ${node.replica?.shardState(shard)}${has(node, write) ? ' has it' : ''}`,
    )
    const what = `${describeWrite(write)} (shard ${shard}) has ${holders.length} of ${copies} copies ${when}`
    this.#world.violate('I-R3', `${what}: ${states.join(', ')}`)
    return false
  }

  /** All holders have it again: from here crashes are counted anew. */
  #renew(promise: Promised): void {
    const { write, shard } = promise
    const full = this.#world.cluster.options.copies + 1
    const counted = this.#world.cluster
      .up()
      .filter((node) => node.replica?.isCounted(shard) && hasForLong(this.#world, node, write))
    if (counted.length < full) return
    // Who said that it had no room for it may take over from one of them, and is given it no second time (rule T1).
    const crammed = this.#world.cluster.up().filter((node) => isJoined(node, shard) && hasEvicted(node, write.life.key))
    promise.copies = full - crammed.length
    promise.writer = undefined
  }
}

/** Whether a record is, or has, what wins over the write. */
function isBeaten(write: Write, record: SessionRecord | undefined): boolean {
  if (record === undefined || write.kind === 'drop') return false
  if (compareBirths(record.birth, write.life.birth) !== 0) return compareBirths(record.birth, write.life.birth) > 0
  const top = record.kind === 'live' ? record.frontier[0] : undefined
  return record.kind === 'dropped' || (top !== undefined && compareTenures(top.tenure, write.version.tenure) > 0)
}

/** The first version of the wire that says who is about to leave. */
const LEAVING_WIRE = 2

interface Promised {
  readonly write: Write
  readonly shard: number
  copies: number
  /** Who wrote it, while that process runs: its own copy is not among those promised. */
  writer: SimulatedNode | undefined
}
