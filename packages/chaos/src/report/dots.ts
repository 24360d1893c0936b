/**
 * Operations as dots: when they began, and how long they took. Those that did not go well are all drawn, unless one lies exactly
 * on another. Those that did are thinned out where they lie closest, until the page is small enough.
 */
import type { Operation, OperationOutcome } from '../run-record.ts'
import { DOTS_MAX, LANE, LATENCY_MS_MAX, LATENCY_MS_MIN, X_UNITS } from './constants.ts'
import type { TimeAxis } from './time-axis.ts'

/** The path of each outcome's dots, for each member by number. */
export interface Dots {
  readonly lanes: readonly Readonly<Record<OperationOutcome, string>>[]
  /** How many of those that went well were drawn. */
  readonly okDrawn: number
}

const TOP = LANE.operations.y + 3
const BOTTOM = LANE.operations.y + LANE.operations.height - 3

export function dotsOf(operations: readonly Operation[], members: number, axis: TimeAxis): Dots {
  const ok = thinned(
    operations.filter(({ outcome }) => outcome === 'ok'),
    members,
    axis,
  )
  const failed = pointsOf(operations, 'failed', members, axis)
  const unknown = pointsOf(operations, 'unknown', members, axis)
  let okDrawn = 0
  for (const points of ok) okDrawn += points.length
  const lanes = Array.from({ length: members }, (_, node) => ({
    ok: pathOf(ok[node]),
    failed: pathOf(failed[node]),
    unknown: pathOf(unknown[node]),
  }))
  return { lanes, okDrawn }
}

/** Where an operation lies in its member's lane, in pixels from the top of it. One that never ended lies at the top. */
export function heightOf({ startMs, endMs }: Operation): number {
  if (endMs === undefined) return TOP
  const latencyMs = Math.min(LATENCY_MS_MAX, Math.max(LATENCY_MS_MIN, endMs - startMs))
  return latencyY(latencyMs)
}

/** Where a latency lies in a lane. */
export function latencyY(latencyMs: number): number {
  const share = Math.log(latencyMs / LATENCY_MS_MIN) / Math.log(LATENCY_MS_MAX / LATENCY_MS_MIN)
  return Math.round(BOTTOM - share * (BOTTOM - TOP))
}

/** Round dots of no length: a stroke with round caps, as wide at every zoom. */
export function dotAt(x: number, y: number): string {
  return `M${x} ${y}h0`
}

/** Coarser and coarser in time, until there are few enough. */
function thinned(operations: readonly Operation[], members: number, axis: TimeAxis): number[][] {
  for (let step = 2; ; step *= 2) {
    const lanes = gather(operations, members, axis, step)
    let count = 0
    for (const points of lanes) count += points.length
    // With one column a lane has no more points than its height.
    if (count <= DOTS_MAX || step >= X_UNITS) return lanes
  }
}

function pointsOf(
  operations: readonly Operation[],
  outcome: OperationOutcome,
  members: number,
  axis: TimeAxis,
): number[][] {
  return gather(
    operations.filter((operation) => operation.outcome === outcome),
    members,
    axis,
    1,
  )
}

/** The points of each lane, as one number each: the first in each cell, which is so wide and a pixel high. */
function gather(operations: readonly Operation[], members: number, axis: TimeAxis, step: number): number[][] {
  const lanes = Array.from({ length: members }, () => new Map<number, number>())
  for (const operation of operations) {
    const lane = lanes[operation.node]
    const [x, y] = [axis.x(operation.startMs), heightOf(operation)]
    const cell = Math.floor(x / step) * LANE.height + y
    if (lane?.has(cell) === false) lane.set(cell, x * LANE.height + y)
  }
  return lanes.map((lane) => [...lane.values()])
}

/** In order of time and relative to each other, which takes the fewest bytes. */
function pathOf(points: readonly number[] = []): string {
  let path = ''
  let [beforeX, beforeY] = [0, 0]
  for (const point of points.toSorted((one, other) => one - other)) {
    const [x, y] = [Math.floor(point / LANE.height), point % LANE.height]
    path += path === '' ? dotAt(x, y) : `m${x - beforeX} ${y - beforeY}h0`
    beforeX = x
    beforeY = y
  }
  return path
}
