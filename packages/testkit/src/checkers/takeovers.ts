/**
 * I-R11: a takeover begins from all that was there to be found. Every commit that a holder had which answered, and that the
 * taking node had itself, is in what the takeover returns; and what is written then goes on from there.
 */
import type { NodeId, SessionKey, SessionRecord } from '@reprise/core'
import { compareBirths, covers } from '@reprise/core'
import type { Read, ReadResult, Write } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { recordsOf } from './checker.ts'

export class Takeovers implements Checker {
  readonly #world: World
  /** What everybody had when a read began. Records never change. */
  readonly #before = new WeakMap<Read, ReadonlyMap<NodeId, SessionRecord>>()
  /** What a node last returned of a session, by node, its life and key. */
  readonly #returned = new Map<string, SessionRecord>()

  constructor(world: World) {
    this.#world = world
  }

  onReadStart(read: Read): void {
    if (read.consistency !== 'latest') return
    const before = new Map<NodeId, SessionRecord>()
    for (const { node, record } of recordsOf(this.#world, read.key)) {
      if (record.kind === 'dropped' || record.frontier.length > 0) before.set(node.id, record)
    }
    this.#before.set(read, before)
  }

  onReadEnd({ read, outcome }: ReadResult): void {
    if (outcome.outcome !== 'complete' && outcome.outcome !== 'partial') return
    const reader = this.#world.cluster.node(read.node)
    const { record } = outcome
    for (const id of [reader.id, ...outcome.from.answered]) {
      const known = this.#before.get(read)?.get(id)
      if (known === undefined || includesAll(record, known)) continue
      this.#world.violate('I-R11', `${reader.id} took ${read.key} over without all that ${id} had, which answered`)
    }
    this.#returned.set(nameOf(reader.id, reader.life, read.key), record)
  }

  onIssued(write: Write): void {
    const { key, birth } = write.life
    const base = this.#returned.get(nameOf(write.node, write.nodeLife, key))
    const written = this.#world.cluster.nodeById(write.node).entry(key)?.record
    if (write.kind !== 'commit' || base === undefined || written === undefined) return
    if (compareBirths(base.birth, birth) !== 0 || includesAll(written, base)) return
    this.#world.violate('I-R11', `${write.node} wrote ${key} on less than it had returned of it`)
  }
}

function includesAll(record: SessionRecord, known: SessionRecord): boolean {
  const order = compareBirths(record.birth, known.birth)
  if (order !== 0) return order > 0
  if (record.kind === 'dropped') return true
  return known.kind === 'live' && covers(record.frontier, known.frontier)
}

function nameOf(node: NodeId, life: number, key: SessionKey): string {
  return `${node} ${life} ${key}`
}
