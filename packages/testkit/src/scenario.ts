/**
 * What a seed means: everything about a run that is drawn before it begins, as data that can be printed, changed, thinned
 * out and kept. A scenario written as JSON replays without its seed's draws.
 *
 * The *mix* says how a seed is drawn. Mix 1 is the first simulator's; mix 2 draws the same and then more, from streams of
 * its own, as do mix 3, which adds large values, and mix 4, in which idle times change. Seeds that failed are kept with the mix
 * they failed under.
 */
import { WIRE_VERSION, WIRE_VERSION_MIN } from '@reprise/core'
import { byTime, drawFaults, drawMoreFaults } from './fault-kinds.ts'
import type { Fault } from './faults.ts'
import type { NetworkConditions } from './network.ts'
import { CALM } from './network.ts'
import { Random } from './random.ts'
import type { Activity, WorkloadOptions } from './workload.ts'

export interface Scenario {
  readonly seed: number
  readonly mix: Mix
  /** All nodes that ever take part. */
  readonly nodeCount: number
  /** Those that do not start with the others: a fault lets them join. */
  readonly lateNodes: readonly number[]
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
  /** What is wrong with each node's clock, if anything. */
  readonly clocks: readonly ClockError[]
  /** The best wire version that each node speaks, if not all speak the newest. */
  readonly wires: readonly number[]
  /** Nodes that are repositories. None are drawn: tests add them. */
  readonly repositories?: readonly number[]
  /** Faults that stay, and who must get along all the same. */
  readonly liveness: Liveness | undefined
}

export type Mix = 1 | 2 | 3 | 4
export const LATEST_MIX: Mix = 4

export interface ClockError {
  readonly rate: number
  readonly wallOffsetMs: number
}

/** After the active time everything is mended in the core, and the troubles begin and do not end. */
export interface Liveness {
  readonly core: readonly number[]
  readonly troubles: readonly Fault[]
}

export const NODE_COUNT_MIN = 3
export const NODE_COUNT_MAX = 30

/** @param options.nodeCount as many nodes instead of a number that is drawn, mostly from 3 to 8. */
export function drawScenario(seed: number, options: { nodeCount?: number | undefined; mix?: Mix } = {}): Scenario {
  const first = drawFirst(seed, options.nodeCount)
  const mix = options.mix ?? LATEST_MIX
  if (mix === 1) return first
  const second = drawMore(first, options.nodeCount)
  if (mix === 2) return second
  const third = drawLarge(second)
  return mix === 3 ? third : drawIdleTimes(third)
}

/** Mix 1. Nothing that is drawn here may change. */
function drawFirst(seed: number, nodeCount: number | undefined): Scenario {
  const random = new Random(seed, 1)
  // Drawn even when given, so that the rest of the seed stays as it is.
  const drawnCount = Math.min(8, NODE_COUNT_MIN + random.rank(6))
  const count = nodeCount ?? drawnCount
  const activeMs = random.between(800, 2_500)
  return {
    seed,
    mix: 1,
    nodeCount: count,
    lateNodes: [],
    copies: random.chance(0.75) ? 2 : 1,
    keyCount: 2 + random.rank(20),
    activeMs,
    startsCold: random.chance(0.2),
    conditions: drawConditions(random),
    workload: drawWorkload(random),
    faults: drawFaults(new Random(seed, 2), count, activeMs),
    cacheBytesMax: 1024 * 1024,
    clocks: [],
    wires: [],
    liveness: undefined,
  }
}

/** Mix 2: the first, and what it did not have. */
function drawMore(first: Scenario, nodeCount: number | undefined): Scenario {
  const { seed, activeMs } = first
  const random = new Random(seed, 6)
  // Large clusters are rare: their cost grows with the square of their size.
  const size = random.fraction()
  const drawnCount = size < 0.002 ? 17 + random.below(14) : size < 0.015 ? 9 + random.below(8) : first.nodeCount
  const count = nodeCount ?? drawnCount
  const lateCount = random.chance(0.25) ? 1 + random.below(2) : 0
  const lateNodes = Array.from({ length: Math.min(lateCount, count - 2) }, (_, i) => count - 1 - i)
  const nodes = Array.from({ length: count }, (_, node) => node)
  const idleMs = random.chance(0.06) ? Math.round(random.between(1_500, 4_000)) : first.workload.idleMs
  const workload: WorkloadOptions = {
    ...first.workload,
    idleMs,
    shoppers: random.chance(0.5) ? 1 + random.below(3) : 0,
    hasOwnDraws: true,
  }
  const hasSkew = random.chance(0.3)
  const hasWrongClocks = random.chance(0.2)
  // A dozen records, so that something is evicted all the time.
  const cacheBytesMax = random.chance(0.04) ? Math.round(random.between(3_000, 10_000)) : first.cacheBytesMax
  const hasOldNodes = random.chance(0.15)
  const base = count === first.nodeCount ? first.faults : drawFaults(new Random(seed, 2), count, activeMs)
  const more = drawMoreFaults(new Random(seed, 7), { nodeCount: count, lateNodes, activeMs, idleMs })
  return {
    ...first,
    mix: 2,
    nodeCount: count,
    lateNodes,
    workload,
    cacheBytesMax,
    faults: byTime([...base, ...more]),
    clocks: nodes.map(() => ({
      rate: hasSkew ? random.between(0.99, 1.01) : 1,
      wallOffsetMs: hasWrongClocks ? random.between(-12, 12) * 3_600_000 : random.below(100) - 50,
    })),
    wires: hasOldNodes ? nodes.map(() => (random.chance(0.4) ? WIRE_VERSION_MIN : WIRE_VERSION)) : [],
    liveness: random.chance(0.1) ? drawLiveness(new Random(seed, 8), count) : undefined,
  }
}

/** Mix 3: the second, and values outside the head. */
function drawLarge(second: Scenario): Scenario {
  const random = new Random(second.seed, 11)
  const large = { rate: random.pick([0.1, 0.3, 0.8]), bytesMax: random.pick([3_000, 40_000, 70_000]) }
  // A member of wire 1 that comes back finds what it cannot hold, and its copies differ for good; and a cache of a dozen
  // records refuses them.
  const mayBeLarge = second.wires.length === 0 && second.cacheBytesMax >= LARGE_CACHE_BYTES_MIN
  const workload = mayBeLarge && random.chance(0.25) ? { ...second.workload, large } : second.workload
  const cacheBytesMax = workload.large === undefined ? second.cacheBytesMax : LARGE_CACHE_BYTES
  return { ...second, mix: 3, workload, cacheBytesMax }
}

const SHORT_IDLE_MS_MIN = 2_000

/** Mix 4: the third, and commits that give a session another idle time, shorter or longer. */
function drawIdleTimes(third: Scenario): Scenario {
  const random = new Random(third.seed, 12)
  // By a clock that jumps ahead by more than that a short one is over.
  const jumpsFar = third.faults.some((fault) => fault.kind === 'clock' && fault.jumpMs > SHORT_IDLE_MS_MIN)
  if (!random.chance(0.1) || jumpsFar) return { ...third, mix: 4 }
  const shortMs = Math.round(random.between(SHORT_IDLE_MS_MIN, 8_000))
  const idleTimes = { rate: random.pick([0.1, 0.5]), choicesMs: [shortMs, 120_000, 300_000] }
  return { ...third, mix: 4, workload: { ...third.workload, idleTimes } }
}

/** A core of at least two, and for everybody else something that does not end. */
function drawLiveness(random: Random, nodeCount: number): Liveness {
  const nodes = Array.from({ length: nodeCount }, (_, node) => node)
  const coreCount = 2 + random.below(nodeCount - 2)
  const core: number[] = []
  while (core.length < coreCount) core.push(...random.some(nodes, 0.5).filter((node) => !core.includes(node)))
  core.length = coreCount
  core.sort((a, b) => a - b)
  const outside = nodes.filter((node) => !core.includes(node))
  const troubles = outside.map((node): Fault => {
    const base = { atMs: random.between(0, 500), lastsMs: FOR_EVER_MS }
    const someone = [random.pick(core)]
    switch (random.below(8)) {
      case 0:
        return { ...base, kind: 'crash', node, isSilent: true, hasAmnesia: false }
      case 1:
        return { ...base, kind: 'partition', side: [node] }
      case 2:
        return { ...base, kind: 'cut', from: core, to: [node] }
      case 3:
        return { ...base, kind: 'cut', from: [node], to: core }
      case 4:
        return { ...base, kind: 'cut', from: [node], to: someone }
      case 5:
        return { ...base, kind: 'cut', from: someone, to: [node] }
      case 6:
        return { ...base, kind: 'pause', node }
      default:
        return { ...base, kind: 'slow', from: core, to: node, gapMs: random.pick([5, 20]) }
    }
  })
  return { core, troubles: byTime(troubles) }
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
    shoppers: 0,
    hasOwnDraws: false,
  }
}

/** Caches below this are there to be too small. */
const LARGE_CACHE_BYTES_MIN = 1024 * 1024
/** Room for all that is ever written, and what it replaces. */
const LARGE_CACHE_BYTES: number = 64 * 1024 * 1024
/** Longer than any run; a number, so that it can be written as JSON. */
const FOR_EVER_MS = 1e9
