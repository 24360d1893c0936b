/**
 * I-R7 and I-R8: reads tell the truth. `complete` has every named portion and meets the token; `partial` names what is
 * missing; `absent` is said only of what was dropped, ended, never committed, or has no surviving copy within reach.
 */

import type { Found, Notice, Outcome } from '@reprise/core'
import { isReference, MISSING, meetsProof, WIRE_VERSION } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Read, ReadResult } from '../ledger.ts'
import { endsEarliestMs, includes, writeEndsMs } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { END_MARGIN_MS, isEnding, isJoined, isReady, wireOf } from './checker.ts'

export class Reads implements Checker {
  readonly #world: World
  /** Ready holders that had the session alive when a read began, and their lives. */
  readonly #aliveAt = new WeakMap<Read, ReadonlyMap<SimulatedNode, number>>()
  /** Who wrote what a read's token proves and had it when the read began, and its life. */
  readonly #writerAt = new WeakMap<Read, { readonly node: SimulatedNode; readonly life: number }>()

  constructor(world: World) {
    this.#world = world
  }

  /** What a holder had no room for it remembers not to have, or it would say that there is none (rules R2, T1). */
  onNotice(node: SimulatedNode, notice: Notice): void {
    if (notice.type !== 'session:evicted' || !isJoined(node, this.#world.shardOf(notice.key))) return
    if (node.entry(notice.key) !== undefined || node.table.absence(notice.key) === 'evicted') return
    // Of what is over at this moment nothing is left, and nothing is what there is.
    const { ledger, nowMs } = this.#world
    if (ledger.lives(notice.key).every((life) => endsEarliestMs(life) - END_MARGIN_MS <= nowMs)) return
    this.#world.violate('I-R8', `${node.id} evicted ${notice.key} and would say that there is none`)
  }

  onReadStart(read: Read): void {
    this.#noteWriter(read)
    const shard = this.#world.shardOf(read.key)
    const confirmed = this.#world.ledger
      .lives(read.key)
      .at(-1)
      ?.commits.findLast((commit) => (commit.confirmedCopies ?? 0) > 0)
    if (confirmed === undefined || writeEndsMs(confirmed) - END_MARGIN_MS <= this.#world.nowMs) return
    const alive = new Map<SimulatedNode, number>()
    for (const node of this.#world.cluster.up()) {
      const record = node.entry(read.key)?.record
      if (record?.kind !== 'live' || !includes(record, confirmed) || !isReady(node, shard)) continue
      // A life with a higher birth counts as having it, and may end sooner.
      if (isEnding(this.#world, node, record)) continue
      if (this.#isInReach(read, node)) alive.set(node, node.life)
    }
    if (alive.size > 0) this.#aliveAt.set(read, alive)
  }

  onReadEnd({ read, outcome }: ReadResult): void {
    switch (outcome.outcome) {
      case 'complete':
      case 'partial':
        return this.#checkFound(read, outcome)
      case 'absent':
        return this.#checkAbsent(read, outcome.reason)
      case 'unknown':
    }
  }

  #checkFound(read: Read, outcome: Outcome & { outcome: 'complete' | 'partial' }): void {
    const { record } = outcome
    const missing = wantedButMissing(read, outcome)
    const isTruthful = [...missing].sort().join() === [...outcome.missing].sort().join()
    if (!isTruthful || (outcome.outcome === 'complete') !== (missing.length === 0)) {
      this.#world.violate(
        'I-R7',
        `${outcome.outcome} read of ${read.key} at n${read.node} lacks ${missing.join() || 'nothing'}`,
      )
    }
    if (record.frontier.length === 0) {
      this.#world.violate('I-R7', `read of ${read.key} at n${read.node} returned what was never committed`)
    }
    if (read.proof === undefined || meetsProof(record, read.proof)) return
    this.#world.violate('I-R7', `read of ${read.key} at n${read.node} does not include the write of its token`)
  }

  #checkAbsent(read: Read, reason: 'dropped' | 'expired' | 'not-found'): void {
    const lives = this.#world.ledger.lives(read.key)
    const where = `${read.key} at n${read.node}`
    if (reason === 'dropped' && lives.every((life) => life.drops.length === 0)) {
      this.#world.violate('I-R8', `${where} is said to be dropped, and never was`)
    }
    if (reason === 'expired' && this.#cannotBeOver(read)) {
      this.#world.violate('I-R8', `${where} is said to be expired, and cannot be`)
    }
    const current = lives.at(-1)
    if (reason !== 'not-found' || current === undefined || current.drops.length > 0) return
    if (endsEarliestMs(current) - END_MARGIN_MS <= this.#world.nowMs) return
    this.#checkWriter(read, where)
    for (const [node, life] of this.#aliveAt.get(read) ?? []) {
      if (node.life !== life || !node.isUp || !this.#isInReach(read, node) || !this.#isKnownReady(read, node)) continue
      this.#world.violate(
        'I-R8',
        `${where} is said to be absent, while the ready holder ${node.id} had it all the time`,
      )
    }
  }

  #noteWriter(read: Read): void {
    const { proof, key } = read
    if (proof === undefined) return
    const { node: id, incarnation } = proof.version.tenure
    const node = this.#world.cluster.nodeById(id)
    const record = node.entry(key)?.record
    if (record?.kind !== 'live' || node.isLeaving || node.storedIncarnation !== incarnation) return
    if (isEnding(this.#world, node, record)) return
    if (meetsProof(record, proof)) this.#writerAt.set(read, { node, life: node.life })
  }

  /** Whoever has a token is not told that there is nothing, while its writer lives and has it, in reach or not (rule R2). */
  #checkWriter(read: Read, where: string): void {
    const { node, life } = this.#writerAt.get(read) ?? {}
    if (node === undefined || node.life !== life || node.isLeaving) return
    const reader = this.#world.cluster.node(read.node)
    // Members of an earlier version say so, and who was never heard of cannot be missed.
    const isKnown = reader.replica?.status().members.some(({ nodeId }) => nodeId === node.id)
    if (wireOf(this.#world, [reader]) < WIRE_VERSION || isKnown !== true) return
    this.#world.violate('I-R8', `${where} is said to be absent, while ${node.id} has what the client's token proves`)
  }

  /** Whether the reader itself has a copy that cannot have ended. */
  #cannotBeOver(read: Read): boolean {
    const reader = this.#world.cluster.node(read.node)
    const record = reader.entry(read.key)?.record
    const life = record === undefined ? undefined : this.#world.ledger.life(read.key, record.birth)
    if (record?.kind !== 'live' || life === undefined) return false
    const known = life.commits.filter((commit) => includes(record, commit))
    return endsEarliestMs({ ...life, commits: known }) - END_MARGIN_MS > this.#world.nowMs
  }

  /** Whether the reader had heard by the end that the node is a ready holder: before that it cannot miss its answer. */
  #isKnownReady(read: Read, node: SimulatedNode): boolean {
    const shard = this.#world.cluster.node(read.node).replica?.status().shards[this.#world.shardOf(read.key)]
    return shard?.readyHolders.includes(node.id) === true
  }

  /** Whether the reader could have asked the node. */
  #isInReach(read: Read, node: SimulatedNode): boolean {
    if (node.isLeaving || !node.isRunning) return false
    if (node.index === read.node) return true
    const reader = this.#world.cluster.node(read.node)
    return (
      this.#world.cluster.network.isConnected(read.node, node.index) &&
      reader.replica?.aliveMembers().includes(node.id) === true
    )
  }
}

function wantedButMissing(read: Read, { record, blobs }: Found): string[] {
  const missing: string[] = []
  for (const [name, { value }] of record.portions) {
    const isHere = isReference(value) ? blobs?.has(name) === true : value !== MISSING
    if (!isHere && (read.portions === undefined || read.portions.includes(name))) missing.push(name)
  }
  return missing
}
