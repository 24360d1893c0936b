/**
 * What a checker is: one invariant, watched through a whole run.
 *
 * A checker hears what happens, looks at all nodes at every checkpoint, and once more when the run is over and everything is
 * quiet. It reports through `world.violate` and never stops a run itself. Each has a name that starts with its rule's id,
 * which is what a planted bug is expected to be caught by.
 */
import type { Notice, SessionKey, SessionRecord } from '@reprise/core'
import type { Cluster, SimulatedNode } from '../cluster.ts'
import type { Ledger, Read, ReadResult, Write } from '../ledger.ts'

/** What checkers see. */
export interface World {
  readonly cluster: Cluster
  readonly ledger: Ledger
  readonly nowMs: number
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
