/**
 * What a seed means: everything about a run that is drawn before it begins, as data that can be printed and changed.
 */
import type { Fault } from './faults.ts'
import { drawFaults } from './faults.ts'
import type { NetworkConditions } from './network.ts'
import { CALM } from './network.ts'
import { Random } from './random.ts'
import type { Activity, WorkloadOptions } from './workload.ts'

export interface Scenario {
  readonly seed: number
  readonly nodeCount: number
  /** Holders besides the primary. */
  readonly copies: number
  readonly keyCount: number
  /** How long clients and faults are at it, in virtual milliseconds. */
  readonly activeMs: number
  /** Clients begin before the cluster has formed. */
  readonly startsCold: boolean
  readonly conditions: NetworkConditions
  readonly workload: WorkloadOptions
  readonly faults: readonly Fault[]
  readonly cacheBytesMax: number
}

export const NODE_COUNT_MIN = 3
export const NODE_COUNT_MAX = 8

/** @param nodeCount as many nodes instead of a number drawn from 3 to 8. */
export function drawScenario(seed: number, nodeCount?: number): Scenario {
  const random = new Random(seed, 1)
  // Drawn even when given, so that the rest of the seed stays as it is.
  const drawnCount = Math.min(NODE_COUNT_MAX, NODE_COUNT_MIN + random.rank(NODE_COUNT_MAX - NODE_COUNT_MIN + 1))
  const count = nodeCount ?? drawnCount
  const activeMs = random.between(800, 2_500)
  return {
    seed,
    nodeCount: count,
    copies: random.chance(0.75) ? 2 : 1,
    keyCount: 2 + random.rank(20),
    activeMs,
    startsCold: random.chance(0.2),
    conditions: drawConditions(random),
    workload: drawWorkload(random),
    faults: drawFaults(new Random(seed, 2), count, activeMs),
    cacheBytesMax: 1024 * 1024,
  }
}

function drawConditions(random: Random): NetworkConditions {
  const isSlow = random.chance(0.2)
  return {
    frameLossRate: random.pick([0, 0, 0.02, 0.1, 0.3]),
    frameDuplicateRate: random.pick([0, 0, 0.1]),
    frameLateRate: random.pick([0, 0.05, 0.3]),
    lateMsMax: random.pick([5, 30, 200]),
    delayMsMin: isSlow ? 5 : CALM.delayMsMin,
    delayMsMax: isSlow ? 40 : random.pick([CALM.delayMsMax, 10]),
    refuseRate: random.pick([0, 0, 0, 0.003]),
    patienceMsMin: CALM.patienceMsMin,
    patienceMsMax: CALM.patienceMsMax,
  }
}

function drawWorkload(random: Random): WorkloadOptions {
  const mix: Record<Activity, number> = {
    visit: 5,
    read: random.pick([0, 2, 6]),
    'late-write': random.pick([0, 1, 5]),
    touch: random.pick([0, 1]),
    drop: random.pick([0, 0.3, 1]),
    recreate: random.pick([0, 0.5]),
  }
  return {
    clients: 1 + random.below(4),
    thinkMs: random.pick([40, 100, 300]),
    moveRate: random.pick([0.1, 0.5, 1]),
    mix,
    copies: random.pick([
      { 0: 1, 1: 0, 2: 0 },
      { 0: 1, 1: 1, 2: 1 },
      { 0: 0, 1: 1, 2: 1 },
    ]),
    // Mostly longer than any run, else short enough that sessions end in the middle of it.
    idleMs: random.pick([120_000, 120_000, 120_000, 5_000]),
    absoluteMs: 600_000,
  }
}
