/**
 * I-R11: a takeover begins from all that was there to be found. Every commit that a holder had which answered, and that the
 * taking node had itself, is in what the takeover returns; and what is written then goes on from there.
 */
import type { Found, NodeId, Notice, SessionKey, SessionRecord, Version } from '@reprise/core'
import { compareBirths, compareTenures, covers } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Read, ReadResult, Write } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { isEnding, recordsOf } from './checker.ts'

export class Takeovers implements Checker {
  readonly #world: World
  /** What everybody had when a read began. Records never change. */
  readonly #before = new WeakMap<Read, ReadonlyMap<NodeId, SessionRecord>>()
  /** Whom the reader could ask when it began. */
  readonly #wasConnected = new WeakMap<Read, ReadonlySet<NodeId>>()
  /** What a node last returned of a session, by node, its life and key. */
  readonly #returned = new Map<string, SessionRecord>()
  /** When a node last let go of a shard, by both. */
  readonly #letGoAtMs = new Map<string, number>()

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
    const { network, nodes } = this.#world.cluster
    const connected = nodes.filter(({ index }) => index !== read.node && network.isConnected(read.node, index))
    const members = this.#world.cluster.node(read.node).replica?.aliveMembers() ?? []
    this.#wasConnected.set(read, new Set(connected.map(({ id }) => id).filter((id) => members.includes(id))))
  }

  onReadEnd({ read, outcome }: ReadResult): void {
    if (outcome.outcome !== 'complete' && outcome.outcome !== 'partial') return
    const { cluster } = this.#world
    const reader = cluster.node(read.node)
    const { record } = outcome
    for (const id of [reader.id, ...outcome.from.answered]) {
      const known = this.#before.get(read)?.get(id)
      if (known === undefined || includesAll(record, known)) continue
      // A later life of the id that ended meanwhile was never dropped, and neither was the earlier one that goes on elsewhere.
      const isOver = compareBirths(known.birth, record.birth) > 0 && isEnding(this.#world, cluster.nodeById(id), known)
      if (isOver) continue
      this.#world.violate('I-R11', `${reader.id} took ${read.key} over without all that ${id} had, which answered`)
    }
    this.#checkLastWriter(read, outcome)
    this.#returned.set(nameOf(reader.id, reader.life, read.key), record)
  }

  /** Who wrote last, as the reader knew when it began, is asked or named as silent (rule R1). */
  #checkLastWriter(read: Read, { from }: Found): void {
    const reader = this.#world.cluster.node(read.node)
    const known = this.#before.get(read)?.get(reader.id)
    const writer = known?.kind === 'live' ? known.frontier[0]?.tenure.node : undefined
    if (known?.kind !== 'live' || writer === undefined || writer === reader.id) return
    const isTouched = compareTenures(known.expiry.version.tenure, (known.frontier[0] as Version).tenure) !== 0
    const isKnown = reader.replica?.aliveMembers().includes(writer) === true
    const node = this.#world.cluster.nodeById(writer)
    const kept = node.entry(read.key)?.record
    if (isTouched || !isKnown || !this.#wasConnected.get(read)?.has(writer)) return
    if (from.answered.includes(writer) || from.silent.includes(writer)) return
    // Asked and without it, it is not named.
    if (kept?.kind !== 'live' || isEnding(this.#world, node, kept) || !this.#before.get(read)?.has(writer)) return
    if (this.#hasLetGoSince(node, read)) return
    if (!this.#world.cluster.network.isConnected(reader.index, node.index)) return
    this.#world.violate('I-R11', `${reader.id} took ${read.key} over without asking ${writer}, which wrote last`)
  }

  /** Whether it may have been without the session for a moment: who lets go of a shard drops it, and may resume it again. */
  #hasLetGoSince(node: SimulatedNode, { key, startedAtMs }: Read): boolean {
    const letGoAtMs = this.#letGoAtMs.get(`${node.id} ${this.#world.shardOf(key)}`)
    return letGoAtMs !== undefined && letGoAtMs >= startedAtMs
  }

  onNotice(node: SimulatedNode, notice: Notice): void {
    if (notice.type === 'shard:left') this.#letGoAtMs.set(`${node.id} ${notice.shard}`, this.#world.nowMs)
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
