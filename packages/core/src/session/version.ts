/**
 * How writes are told apart and ordered (rules V1, V2, V3).
 *
 * A *tenure* is one uninterrupted primaryship in memory. Each tenure takes a higher epoch than any its node has seen, and
 * each write of it a higher sequence number, so a version is issued once with one content, ever. A *birth* sets one life of
 * an id apart from the next. A *frontier* says, per tenure, up to which write a record has merged: with it "does this copy
 * include that write?" has an answer even when two primaries wrote at the same time.
 */
import { FRONTIER_TENURES_MAX } from '../constants.ts'

/** A member's id: the text of its peer id. */
export type NodeId = string

/** One life of one node: higher after each start (rule W2). Wall milliseconds at the earliest start, so 48 bits do. */
export type Incarnation = number

export interface Tenure {
  readonly epoch: number
  readonly node: NodeId
  readonly incarnation: Incarnation
}

export interface Version {
  readonly tenure: Tenure
  readonly seq: number
}

/** One life of an id. `random` (48 bits) sets apart two births of the same generation. */
export interface Birth {
  readonly generation: number
  readonly random: number
}

/** Tenure to highest merged sequence number, highest tenure first, at most `FRONTIER_TENURES_MAX` long. */
export type Frontier = readonly Version[]

export function compareBirths(a: Birth, b: Birth): number {
  return a.generation - b.generation || a.random - b.random
}

export function compareTenures(a: Tenure, b: Tenure): number {
  if (a === b) return 0
  if (a.epoch !== b.epoch) return a.epoch - b.epoch
  if (a.node !== b.node) return a.node < b.node ? -1 : 1
  return a.incarnation - b.incarnation
}

export function compareVersions(a: Version, b: Version): number {
  return compareTenures(a.tenure, b.tenure) || a.seq - b.seq
}

/** The highest sequence number of the tenure that the frontier has merged; 0 when none. */
export function seqOf(frontier: Frontier, tenure: Tenure): number {
  for (const entry of frontier) {
    if (compareTenures(entry.tenure, tenure) === 0) return entry.seq
  }
  return 0
}

/** Whether everything in `inner` is in `outer`. Tenures too old to be kept in `outer` count as merged. */
export function covers(outer: Frontier, inner: Frontier): boolean {
  const oldest = outer.length >= FRONTIER_TENURES_MAX ? outer[outer.length - 1] : undefined
  for (const entry of inner) {
    if (oldest !== undefined && compareTenures(entry.tenure, oldest.tenure) < 0) continue
    if (seqOf(outer, entry.tenure) < entry.seq) return false
  }
  return true
}

/**
 * The union of two frontiers, cut to the highest tenures. Commutative, associative and idempotent: a tenure among the
 * highest of the union is among the highest of each part that has it.
 */
export function joinFrontiers(a: Frontier, b: Frontier): Frontier {
  // A session that one primary writes, and of two frontiers the later one: almost always.
  const [first] = a
  const [other] = b
  if (
    first !== undefined &&
    other !== undefined &&
    b.length === 1 &&
    compareTenures(first.tenure, other.tenure) === 0
  ) {
    if (first.seq >= other.seq) return a
    if (a.length === 1) return b
  }
  const joined: Version[] = []
  let i = 0
  let j = 0
  while (joined.length < FRONTIER_TENURES_MAX) {
    const left = a[i]
    const right = b[j]
    if (left === undefined && right === undefined) break
    const order = left === undefined ? -1 : right === undefined ? 1 : compareTenures(left.tenure, right.tenure)
    if (order > 0) joined.push(left as Version)
    else if (order < 0) joined.push(right as Version)
    else joined.push((left as Version).seq >= (right as Version).seq ? (left as Version) : (right as Version))
    if (order >= 0) i++
    if (order <= 0) j++
  }
  return joined
}
