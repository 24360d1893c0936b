/**
 * What outlasts the later lives of an id (rule E4): a drop that one of them followed.
 *
 * A tombstone is kept until no live copy of its birth can exist. An id that is created anew replaces it, and that life may end
 * long before: a copy from before the drop, cut off all the while, would then be taken for alive. So a record that replaces
 * a tombstone carries its birth and its end along, as a *floor*. When the record ends the floor is what is left, as a tombstone
 * of the old birth; when it is dropped, its own tombstone lasts until the later of both ends.
 *
 * ```
 *  dropped b1 ──create──► live b2, floor b1 ──its time is over──► dropped b1, `isFloor`
 *                                 └─────────────drop────────────► dropped b2
 * ```
 *
 * A tombstone that is left of a floor says that b1 must not come back, and nothing of b2: that this node's copy of it ended is
 * derived (rule E1), and who heard of a later use has it alive.
 *
 * Floors join by the maximum, of births and of ends apart, so that what is in one is in the join: keeping a life from coming
 * back for longer than its copies live harms nobody.
 */
import type { Floor, LiveRecord, SessionRecord, Tombstone } from './record.ts'
import { compareBirths } from './version.ts'

/** Which lives of the id a record keeps from coming back, besides those that it replaces as long as it is there. */
export function floorOf(record: SessionRecord): Floor | undefined {
  if (record.kind === 'live') return record.floor
  // Nothing is written under a chunk's key again.
  return record.isBrief === true ? undefined : { birth: record.birth, untilMs: record.absoluteAtMs }
}

export function joinFloors(a: Floor | undefined, b: Floor | undefined): Floor | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const higher = compareBirths(a.birth, b.birth) >= 0 ? a : b
  const untilMs = Math.max(a.untilMs, b.untilMs)
  return untilMs === higher.untilMs ? higher : { birth: higher.birth, untilMs }
}

/** The record, which is of a later birth than the floor, with the floor joined to what it keeps already. */
export function raiseFloor(record: LiveRecord, floor: Floor | undefined): LiveRecord
export function raiseFloor(record: SessionRecord, floor: Floor | undefined): SessionRecord
export function raiseFloor(record: SessionRecord, floor: Floor | undefined): SessionRecord {
  if (floor === undefined) return record
  if (record.kind === 'dropped') {
    const isLonger = floor.untilMs > record.absoluteAtMs && record.isBrief !== true
    return isLonger ? { ...record, absoluteAtMs: floor.untilMs } : record
  }
  const joined = joinFloors(record.floor, floor)
  return joined === undefined || joined === record.floor ? record : { ...record, floor: joined }
}

export function withoutFloor({ floor: _, ...record }: LiveRecord): LiveRecord {
  return record
}

/** What is left when the time of a record with this floor is over: nothing, or a tombstone of the earlier life. */
export function remainder(floor: Floor | undefined, nowMs: number): Tombstone | undefined {
  if (floor === undefined || floor.untilMs <= nowMs) return undefined
  return { kind: 'dropped', birth: floor.birth, absoluteAtMs: floor.untilMs, isFloor: true }
}

/** Whether the record is only what is left of a floor: the id may live, and somebody who knows has to be asked. */
export function isRemainder(record: SessionRecord): boolean {
  return record.kind === 'dropped' && record.isFloor === true
}

/** Whether two records keep the same lives from coming back, whatever else they say. */
export function haveSameFloor(a: SessionRecord, b: SessionRecord): boolean {
  const [ours, theirs] = [a.kind === 'live' ? a.floor : undefined, b.kind === 'live' ? b.floor : undefined]
  if (ours === undefined || theirs === undefined) return ours === theirs
  return compareBirths(ours.birth, theirs.birth) === 0
}
