/**
 * I-R5: dropping is for ever.
 *
 * A node that merged a tombstone never holds that birth alive again while it remembers, whatever later lives of the id came and
 * went; a read does not return a birth whose tombstone was, when the read began, at the reader or, for a read of the latest, at
 * a node whose answer it used; and in the end a confirmed drop is everywhere.
 */
import type { Birth, Notice, SessionKey } from '@reprise/core'
import { compareBirths } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Read, ReadResult } from '../ledger.ts'
import { endsEarliestMs } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { END_MARGIN_MS, hasEvicted, isJoined, isReady, keepFloors, recordsOf } from './checker.ts'

export class Drops implements Checker {
  readonly #world: World
  /** By node, its life and key: the highest birth whose tombstone was seen there. */
  readonly #tombstones = new Map<string, Birth>()
  /** Which nodes had a tombstone when a read began. */
  readonly #knownAtStart = new WeakMap<Read, Map<string, Birth>>()

  constructor(world: World) {
    this.#world = world
  }

  /** Who let go of a shard, or put a session out, may be told of an earlier time before anybody looks again. */
  onNotice(node: SimulatedNode, notice: Notice): void {
    if (notice.type === 'session:evicted' && node.isUp) this.#look(node, notice.key)
    if (notice.type !== 'shard:left' || !node.isUp) return
    for (const key of this.#world.ledger.keys) if (this.#world.shardOf(key) === notice.shard) this.#look(node, key)
  }

  onReadStart(read: Read): void {
    const known = new Map<string, Birth>()
    for (const { node, record } of recordsOf(this.#world, read.key)) {
      const floor = record.kind === 'dropped' ? record : record.floor
      if (floor !== undefined) known.set(node.id, floor.birth)
    }
    if (known.size > 0) this.#knownAtStart.set(read, known)
  }

  onReadEnd({ read, outcome }: ReadResult): void {
    if (outcome.outcome !== 'complete' && outcome.outcome !== 'partial') return
    const reader = this.#world.cluster.node(read.node)
    // A search for any copy may be shared with earlier callers, and an answer to it be from before this read.
    const answered = read.consistency === 'latest' ? outcome.from.answered : []
    for (const id of [reader.id, ...answered]) {
      const dropped = this.#knownAtStart.get(read)?.get(id)
      if (dropped !== undefined && compareBirths(outcome.record.birth, dropped) <= 0) {
        this.#world.violate('I-R5', `${reader.id} returned ${read.key}, which ${id} knew to be dropped`)
      }
    }
    if (read.consistency === 'any') this.#checkTrusted(read, outcome.record.birth)
    this.#look(reader, read.key)
  }

  /** A copy may be trusted for a minute: who could have heard of a drop all that time must have (rule R3). */
  #checkTrusted({ key, node, startedAtMs }: Read, birth: Birth): void {
    const life = this.#world.ledger.life(key, birth)
    const isLongOver = life?.drops.some((drop) => {
      return (drop.confirmedCopies ?? 0) > 0 && drop.issuedAtMs < startedAtMs - TRUSTED_MS_MAX
    })
    if (isLongOver !== true) return
    const { cluster } = this.#world
    const knows = cluster.nodes.find((other) => {
      const record = other.entry(key)?.record
      const isWithinReach = other.isRunning && cluster.network.isConnected(node, other.index)
      return isWithinReach && isReady(other, this.#world.shardOf(key)) && record?.kind === 'dropped'
    })
    if (knows === undefined) return
    this.#world.violate('I-R5', `n${node} returned ${key}, which was dropped long ago and ${knows.id} knows to be`)
  }

  onCheckpoint(): void {
    for (const key of this.#world.ledger.keys) for (const node of this.#world.cluster.up()) this.#look(node, key)
  }

  onQuiet(): void {
    this.onCheckpoint()
    for (const key of this.#world.ledger.keys) {
      for (const { birth, drops } of this.#world.ledger.lives(key)) {
        const isForEver = drops.some(({ node, nodeLife }) => this.#world.cluster.nodeById(node).life === nodeLife)
        if (!isForEver || this.#isForgotten(key, birth)) continue
        for (const { node, record } of recordsOf(this.#world, key)) {
          if (record.kind !== 'live' || compareBirths(record.birth, birth) !== 0) continue
          const shard = this.#world.shardOf(key)
          if (node.replica?.shardState(shard) !== 'ready') continue
          this.#world.violate('I-R5', `${key} was dropped and is alive at the holder ${node.id} in the end`)
        }
      }
    }
  }

  /** A later life of the id took the tombstone's place, and ended: who keeps no floors remembers neither any more. */
  #isForgotten(key: SessionKey, birth: Birth): boolean {
    if (keepFloors(this.#world)) return false
    const later = this.#world.ledger.lives(key).filter((life) => compareBirths(life.birth, birth) > 0)
    return later.some((life) => life.drops.length === 0 && endsEarliestMs(life) - END_MARGIN_MS <= this.#world.nowMs)
  }

  #look(node: SimulatedNode, key: SessionKey): void {
    const name = `${node.id} ${node.life} ${key}`
    const record = node.entry(key)?.record
    const known = this.#tombstones.get(name)
    // Who gave the shard away has forgotten, and so has who put out what came after; they may be told old things again.
    const hasForgotten = !keepFloors(this.#world) || !isJoined(node, this.#world.shardOf(key)) || hasEvicted(node, key)
    if (record === undefined) {
      if (hasForgotten) this.#tombstones.delete(name)
    } else if (record.kind === 'dropped') this.#tombstones.set(name, record.birth)
    else if (known !== undefined && compareBirths(record.birth, known) > 0) {
      // A later life took its place. Who keeps no floors forgets all that was before it when it ends.
      if (!keepFloors(this.#world)) this.#tombstones.delete(name)
    } else if (known !== undefined) {
      this.#tombstones.delete(name)
      this.#world.violate('I-R5', `${key} is alive again at ${node.id}, which had its tombstone`)
    }
  }
}

/** A minute in which a copy may be trusted, by a clock that runs slow, and the time that a drop and a read take. */
const TRUSTED_MS_MAX = 66_000
