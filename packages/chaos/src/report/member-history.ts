/**
 * What is known of a member, moment by moment: its samples in equal parts of time, so that the page is bounded however often
 * they were taken. Of a part with several samples the worst is kept, and one without any is as the part before.
 */
import type { Sample } from '../run-record.ts'
import { CELLS_MAX, COLUMNS_MAX } from './constants.ts'
import type { TimeAxis } from './time-axis.ts'

export type MemberState = Sample['state']

/** What a member was during one part of the time. */
export interface Moment {
  readonly state: MemberState
  readonly lagFrames: number
  readonly reachable: number
}

/** Undefined where nothing is known of it yet. */
export type MemberHistory = readonly (Moment | undefined)[]

/** A stretch of equal values, in parts of the time: from the first to before the last. */
export interface Stretch<Value> {
  readonly from: number
  readonly until: number
  readonly value: Value
}

/** How many parts of time a report tells apart, of a cluster of that size. */
export function columnsFor(members: number): number {
  return Math.max(50, Math.min(COLUMNS_MAX, Math.floor(CELLS_MAX / Math.max(1, members))))
}

/** One history for each member, by number. */
export function memberHistories(samples: readonly Sample[], members: number, axis: TimeAxis): MemberHistory[] {
  const columns = columnsFor(members)
  const histories = Array.from({ length: members }, () => new Array<Moment | undefined>(columns).fill(undefined))
  for (const { atMs, node, state, lagFrames, reachable } of samples) {
    const history = histories[node]
    if (history === undefined) continue
    const column = axis.partOf(atMs, columns)
    const seen = history[column]
    history[column] =
      seen === undefined ? { state, lagFrames, reachable } : worse(seen, { state, lagFrames, reachable })
  }
  for (const history of histories) carryForward(history)
  return histories
}

/** The stretches in which what is read of a member stays the same; none where nothing is known. */
export function stretches<Value>(history: MemberHistory, read: (moment: Moment) => Value): Stretch<Value>[] {
  const found: Stretch<Value>[] = []
  let from = 0
  for (let column = 1; column <= history.length; column++) {
    const [before, moment] = [history[column - 1], history[column]]
    const isSame = before === undefined ? moment === undefined : moment !== undefined && read(moment) === read(before)
    if (isSame && column < history.length) continue
    if (before !== undefined) found.push({ from, until: column, value: read(before) })
    from = column
  }
  return found
}

function worse(one: Moment, other: Moment): Moment {
  return {
    state: BY_BADNESS.indexOf(one.state) <= BY_BADNESS.indexOf(other.state) ? one.state : other.state,
    lagFrames: Math.max(one.lagFrames, other.lagFrames),
    reachable: Math.min(one.reachable, other.reachable),
  }
}

function carryForward(history: (Moment | undefined)[]): void {
  for (let column = 1; column < history.length; column++) history[column] ??= history[column - 1]
}

const BY_BADNESS: readonly MemberState[] = ['down', 'silent', 'starting', 'catching-up', 'draining', 'ready']
