/**
 * What a checker is: one invariant, watched through a whole run.
 *
 * A checker hears what happens, looks at all nodes at every checkpoint, and once more when the run is over and everything is
 * quiet. It reports through `world.violate` and never stops a run itself. Each has a name that starts with its rule's id,
 * which is what a planted bug is expected to be caught by.
 */
import type { Notice, SessionKey, SessionRecord } from '@reprise/core'
import { compareBirths, endsAtMs, FLOOR_WIRE, WIRE_VERSION } from '@reprise/core'
import type { Cluster, SimulatedNode } from '../cluster.ts'
import type { Ledger, Read, ReadResult, Write } from '../ledger.ts'
import { includes, writeEndsMs } from '../ledger.ts'

/** What checkers see. */
export interface World {
  readonly cluster: Cluster
  readonly ledger: Ledger
  readonly nowMs: number
  /** Nobody's buffers are ever full. */
  readonly isReliable: boolean
  /** How long something may be on its way: in a stopped receiver's buffers, a slow line, a connection that is cut. */
  readonly transitMsMax: number
  /** Which records are a shard's, by the hash the nodes use. */
  shardOf(key: SessionKey): number
  violate(rule: string, text: string): void
}

export interface Checker {
  /** A node wrote something; who asked for it may not know yet. */
  onIssued?(write: Write): void
  /** A write was confirmed by as many copies as it waited for. */
  onConfirmed?(write: Write): void
  onReadStart?(read: Read): void
  onReadEnd?(result: ReadResult): void
  onNotice?(node: SimulatedNode, notice: Notice): void
  /** Just before a node's memory is lost. */
  onCrash?(node: SimulatedNode): void
  /** Every few hundred milliseconds. */
  onCheckpoint?(): void
  /** Everything healed and quiet: what must hold in the end. */
  onQuiet?(): void
  /** After some more time in which nothing should have happened. */
  onIdle?(): void
}

/** The records of a key at the nodes that are up. */
export function* recordsOf(world: World, key: SessionKey): Generator<{ node: SimulatedNode; record: SessionRecord }> {
  for (const node of world.cluster.nodes) {
    const record = node.entry(key)?.record
    if (record !== undefined) yield { node, record }
  }
}

/** Nodes that joined the shard: their copies count, ready or not. */
export function isJoined(node: SimulatedNode, shard: number): boolean {
  return node.replica !== undefined && node.replica.shardState(shard) !== 'none'
}

/** Whether the node says that it had a session and put it out: a reported eviction is no loss (rule T1). */
export function hasEvicted(node: SimulatedNode, key: SessionKey): boolean {
  return node.entry(key) === undefined && node.table.absence(key) === 'evicted'
}

export function isReady(node: SimulatedNode, shard: number): boolean {
  return node.replica?.shardState(shard) === 'ready'
}

/** Whether a node's record of the session includes the write, or something that ends it. */
export function has(node: SimulatedNode, write: Write): boolean {
  const record = node.entry(write.life.key)?.record
  return record !== undefined && includes(record, write)
}

/** The same, by a record that is not about to end: a later life of the id may be shorter than the one it replaced. */
export function hasForLong(world: World, node: SimulatedNode, write: Write): boolean {
  return has(node, write) && !isEnding(world, node, node.entry(write.life.key)?.record as SessionRecord)
}

/** Whether all nodes speak a version of the wire that carries what a later life of an id replaced (rule E4). */
export function keepFloors(world: World): boolean {
  return wireOf(world, world.cluster.nodes) >= FLOOR_WIRE
}

/** The version of the wire that all these nodes speak. */
export function wireOf({ cluster }: World, nodes: readonly SimulatedNode[]): number {
  return Math.min(WIRE_VERSION, ...nodes.map(({ index }) => cluster.options.wires?.[index] ?? WIRE_VERSION))
}

/** Whether a record's end is so near that it is no longer moved (rule E2), and may be swept here and not yet there. */
export function isEnding(world: World, node: SimulatedNode, record: SessionRecord): boolean {
  return node.clock.virtualMs(endsAtMs(record)) < world.nowMs + END_MARGIN_MS
}

/**
 * A later life of the id began somewhere, and wins wherever it comes; what it replaced is promised no longer. Where it was put
 * out, its stub still wins (rule T1).
 */
export function isReplaced(world: World, { life: { key, birth } }: Write): boolean {
  return world.cluster.up().some((node) => {
    // The stubs of a frozen member know no birth.
    const stub = wireOf(world, [node]) === WIRE_VERSION ? node.table.stub(key) : undefined
    const known = node.entry(key)?.record ?? stub
    return known !== undefined && compareBirths(known.birth, birth) > 0
  })
}

/** Whether what was written ends, or has ended, by itself. */
export function hasEnded(write: Write, nowMs: number): boolean {
  return nowMs >= writeEndsMs(write) - END_MARGIN_MS
}

/** Sessions this close to their end are no longer moved (rule E2), with room for clocks that run fast or were set. */
export const END_MARGIN_MS = 3_000
