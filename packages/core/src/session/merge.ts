/**
 * How two copies of a session become one (rules V2, V3, E2).
 *
 * The higher birth wins whole, and remembers which lives before it were dropped. Within a birth a tombstone wins, for ever.
 * Else each portion and the expiry register take their higher version, and the frontiers join. For equal versions a value beats "missing", and the earlier deadline
 * stays. The result does not depend on order, grouping or repetition (I-R1), which is what lets every message be applied
 * the moment it comes.
 */
import { floorOf, haveSameFloor, joinFloors, raiseFloor } from './floor.ts'
import type { Expiry, LiveRecord, Portion, SessionRecord, Tombstone } from './record.ts'
import { isReference, MISSING } from './record.ts'
import { compareBirths, compareVersions, covers, joinFrontiers } from './version.ts'

export interface Merged {
  readonly record: SessionRecord
  /** The result differs from `current` in more than deadlines. */
  readonly changed: boolean
  /** The result differs from `incoming` in more than deadlines and values: its sender does not know all. */
  readonly beaten: boolean
  /** Two primaries wrote without knowing of each other. */
  readonly conflict: boolean
}

/** Merge what came in into what is here. Neither input is changed; parts of both may be shared by the result. */
export function mergeRecords(current: SessionRecord, incoming: SessionRecord): Merged {
  const births = compareBirths(current.birth, incoming.birth)
  if (births > 0) {
    const record = raiseFloor(current, floorOf(incoming))
    return { record, changed: !haveSameFloor(record, current), beaten: true, conflict: false }
  }
  if (births < 0) {
    const record = raiseFloor(incoming, floorOf(current))
    return { record, changed: true, beaten: !haveSameFloor(record, incoming), conflict: false }
  }
  if (current.kind === 'dropped') return mergeIntoTombstone(current, incoming)
  if (incoming.kind === 'dropped') return { ...mergeIntoTombstone(incoming, current), changed: true, beaten: false }
  return mergeLive(current, incoming)
}

function mergeIntoTombstone(tombstone: Tombstone, other: SessionRecord): Merged {
  const otherEndMs =
    other.kind === 'dropped' ? other.absoluteAtMs : Math.max(other.expiry.absoluteAtMs, other.floor?.untilMs ?? 0)
  // The later end: a tombstone must outlive every live copy of its birth. One of a chunk need not, because nothing that
  // still counts names a chunk that was dropped.
  if (tombstone.isBrief === true && other.kind === 'live') {
    return { record: tombstone, changed: false, beaten: true, conflict: false }
  }
  const isFloor = other.kind === 'dropped' && other.isFloor === true && tombstone.isFloor !== true
  const marked: Tombstone = isFloor ? { ...tombstone, isFloor } : tombstone
  const record = otherEndMs > marked.absoluteAtMs ? { ...marked, absoluteAtMs: otherEndMs } : marked
  return { record, changed: false, beaten: other.kind === 'live', conflict: false }
}

function mergeLive(current: LiveRecord, incoming: LiveRecord): Merged {
  const knowsIncoming = covers(current.frontier, incoming.frontier)
  const knowsCurrent = covers(incoming.frontier, current.frontier)
  let won = 0
  let lost = 0
  for (const [name, theirs] of incoming.portions) {
    const ours = current.portions.get(name)
    if (wins(theirs, ours)) won++
    else if (ours !== undefined && compareVersions(ours.version, theirs.version) > 0) lost++
  }
  let isListed = true
  for (const name of current.portions.keys()) isListed &&= incoming.portions.has(name)
  let changed = !knowsIncoming || won > 0
  let beaten = !knowsCurrent || lost > 0 || !isListed

  const touchOrder = compareVersions(current.expiry.version, incoming.expiry.version)
  changed ||= touchOrder < 0
  beaten ||= touchOrder > 0
  const merged: LiveRecord = {
    kind: 'live',
    birth: current.birth,
    frontier: knowsIncoming ? current.frontier : joinFrontiers(current.frontier, incoming.frontier),
    portions: isListed && won === incoming.portions.size ? incoming.portions : joinPortions(current, incoming, won),
    expiry: mergeExpiry(current.expiry, incoming.expiry, touchOrder),
  }
  const record = raiseFloor(merged, joinFloors(current.floor, incoming.floor))
  changed ||= !haveSameFloor(record, current)
  beaten ||= !haveSameFloor(record, incoming)
  return { record, changed, beaten, conflict: !knowsIncoming && !knowsCurrent }
}

/** Each portion in its higher version, of which `won` are the incoming ones. */
function joinPortions(current: LiveRecord, incoming: LiveRecord, won: number): LiveRecord['portions'] {
  if (won === 0) return current.portions
  const portions = new Map<string, Portion>()
  for (const [name, ours] of current.portions) portions.set(name, ours)
  for (const [name, theirs] of incoming.portions) if (wins(theirs, portions.get(name))) portions.set(name, theirs)
  return portions
}

function wins(theirs: Portion, ours: Portion | undefined): boolean {
  if (ours === undefined) return true
  const order = compareVersions(ours.version, theirs.version)
  return order < 0 || (order === 0 && ours.value === MISSING && theirs.value !== MISSING)
}

function mergeExpiry(current: Expiry, incoming: Expiry, order: number): Expiry {
  const absoluteAtMs = Math.min(current.absoluteAtMs, incoming.absoluteAtMs)
  if (order < 0) return { ...incoming, absoluteAtMs }
  const idleAtMs = order === 0 ? Math.min(current.idleAtMs, incoming.idleAtMs) : current.idleAtMs
  if (idleAtMs === current.idleAtMs && absoluteAtMs === current.absoluteAtMs) return current
  return { ...current, idleAtMs, absoluteAtMs }
}

/** Whether two portions say the same, value included. For checkers and tests. */
export function samePortion(a: Portion, b: Portion): boolean {
  if (compareVersions(a.version, b.version) !== 0) return false
  if (a.value === b.value) return true
  if (isReference(a.value) && isReference(b.value)) {
    return compareVersions(a.value.number, b.value.number) === 0 && a.value.byteLength === b.value.byteLength
  }
  if (!(a.value instanceof Uint8Array) || !(b.value instanceof Uint8Array)) return false
  return a.value.length === b.value.length && a.value.every((byte, i) => byte === (b.value as Uint8Array)[i])
}
