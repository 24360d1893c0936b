/**
 * The node's clock: milliseconds that only grow, also while the machine sleeps.
 *
 * The monotonic clock stands still during a suspend and the wall clock may be set back, so time advances by whichever of the
 * two advanced more since the last look (rule E3). A session can so end early when somebody sets the clock forward, never
 * late.
 */
import type { Now } from '@reprise/core'

export interface Clock {
  now(): Now
}

/** What a clock is made from; replaced in tests. */
export interface TimeSources {
  monotonicMs(): number
  wallMs(): number
}

const systemTime: TimeSources = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }

export function createClock(sources: TimeSources = systemTime): Clock {
  let nowMs = 0
  let monotonicMs = sources.monotonicMs()
  let wallMs = sources.wallMs()
  return {
    now() {
      const monotonic = sources.monotonicMs()
      const wall = sources.wallMs()
      nowMs += Math.max(0, monotonic - monotonicMs, wall - wallMs - WALL_NOISE_MS)
      monotonicMs = monotonic
      wallMs = wall
      return { nowMs, wallMs: wall }
    },
  }
}

/** The wall clock has whole milliseconds: two looks at it may seem up to this much further apart than they were. */
const WALL_NOISE_MS = 1
