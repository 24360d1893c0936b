/**
 * The test of the tests: rules of the core that can be taken away, and which checker notices.
 *
 * Each is a line of the core behind `context.lacks(rule)`. One that no checker notices is a hole in the simulator, or a rule
 * that another one covers; those are listed too, with the reason. Some need a push in the right direction: a scenario that
 * is bent towards what the rule is for.
 */
import type { Fault, Scenario } from '@reprise/testkit'
import { Random } from '@reprise/testkit'

export interface PlantedBug {
  /** The rules that are taken away together. */
  readonly lacks: readonly string[]
  /** What is wrong then. */
  readonly bug: string
  /** Checkers of which one notices it first. */
  readonly caughtBy: readonly string[]
  /** Seeds that were seen to catch it, tried before others. */
  readonly seeds: readonly number[]
  readonly bend?: (scenario: Scenario) => Scenario
}

/** Frames get lost, and processes crash while they write; most of them hold nothing of what they write. */
const lossyAndCrashy = (scenario: Scenario): Scenario => ({
  ...scenario,
  nodeCount: 8,
  keyCount: 30,
  activeMs: 800,
  conditions: { ...scenario.conditions, frameLossRate: 0.5 },
  faults: crashes({ ...scenario, nodeCount: 8, activeMs: 800 }, 4, { lastsMsMin: 200, lastsMsMax: 400 }),
  workload: { ...scenario.workload, clients: 8, thinkMs: 20, moveRate: 1 },
})

/** Frames get lost, and nobody speaks often enough to notice by the next frame. */
const lossyAndQuiet = (scenario: Scenario): Scenario => ({
  ...scenario,
  conditions: { ...scenario.conditions, frameLossRate: 0.3 },
  workload: { ...scenario.workload, thinkMs: 200 },
})

/** Frames get lost, and so does one message in a hundred: a NACK, or what it asked for. */
const lossyTwice = (scenario: Scenario): Scenario => ({
  ...lossyAndQuiet(scenario),
  conditions: { ...scenario.conditions, frameLossRate: 0.4, refuseRate: 0.01 },
})

/** Slow lines, few sessions and many who want them: searches are long, and meet. */
const slowAndCrowded = (scenario: Scenario): Scenario => ({
  ...scenario,
  keyCount: 2,
  faults: [],
  conditions: { ...scenario.conditions, delayMsMin: 5, delayMsMax: 40 },
  workload: {
    ...scenario.workload,
    clients: 8,
    thinkMs: 40,
    mix: { ...scenario.workload.mix, visit: 3, read: 6, drop: 1 },
  },
})

/** One process crashes again and again and remembers nothing, not even the year. */
const forgetful = (scenario: Scenario): Scenario => ({
  ...scenario,
  faults: crashes(scenario, 4, { lastsMsMin: 50, lastsMsMax: 400, hasAmnesia: true, nodes: 1 }),
})

/** Long partitions, after which many shards move. */
const split = (scenario: Scenario): Scenario => {
  const random = new Random(scenario.seed, 9)
  const half = Math.ceil(scenario.nodeCount / 2)
  const faults: Fault[] = [
    {
      kind: 'partition',
      atMs: random.between(0, 500),
      lastsMs: random.between(7_500, 9_000),
      side: Array.from({ length: half }, (_, node) => node),
    },
  ]
  return { ...scenario, faults, workload: { ...scenario.workload, thinkMs: 40 } }
}

function crashes(
  scenario: Scenario,
  count: number,
  how: {
    readonly lastsMsMin: number
    readonly lastsMsMax: number
    readonly hasAmnesia?: boolean
    readonly nodes?: number
  },
): Fault[] {
  const random = new Random(scenario.seed, 9)
  return Array.from({ length: count }, () => ({
    kind: 'crash',
    atMs: random.between(0, scenario.activeMs),
    lastsMs: random.between(how.lastsMsMin, how.lastsMsMax),
    node: random.below(how.nodes ?? scenario.nodeCount),
    isSilent: false,
    hasAmnesia: how.hasAmnesia ?? false,
  }))
}

export const PLANTED: readonly PlantedBug[] = [
  {
    lacks: ['merge'],
    bug: 'what comes in replaces what is here, older or not (V2)',
    caughtBy: ['I-R1', 'I-R3', 'I-R4', 'I-R7'],
    seeds: [1],
  },
  {
    lacks: ['tombstone'],
    bug: 'a late write revives a dropped session (V2)',
    caughtBy: ['I-R3', 'I-R5'],
    seeds: [3, 6],
  },
  {
    lacks: ['epoch'],
    bug: 'a takeover does not rise above the epochs it has seen (V1)',
    caughtBy: ['I-R2', 'I-R7'],
    seeds: [1],
  },
  {
    lacks: ['absent'],
    bug: 'who does not know a session says that there is none (R2)',
    caughtBy: ['I-R8'],
    seeds: [10],
  },
  {
    lacks: ['proof'],
    bug: 'a read does not look whether it includes the write of its token (V3)',
    caughtBy: ['I-R7'],
    seeds: [3],
  },
  {
    lacks: ['fresh-flight'],
    bug: 'a takeover takes answers to questions from before it was asked (R1)',
    caughtBy: ['I-R5', 'I-R8'],
    seeds: [2, 10],
    bend: slowAndCrowded,
  },
  {
    lacks: ['join-sync'],
    bug: 'a joiner does not fetch what was there before it (P1)',
    caughtBy: ['I-R9', 'I-R12'],
    seeds: [2],
  },
  {
    lacks: ['join-gap'],
    bug: 'a joiner is ready with frames missing (P1)',
    caughtBy: ['I-R9'],
    seeds: [19, 25],
  },
  {
    lacks: ['hand-over'],
    bug: 'a holder lets go as soon as its successors call themselves ready (P2)',
    caughtBy: ['I-R3'],
    seeds: [8, 10],
    bend: split,
  },
  {
    lacks: ['flush'],
    bug: 'at a death nobody compares what the dead sent last (P3)',
    caughtBy: ['I-R4', 'I-R9'],
    seeds: [1, 8],
    bend: lossyAndCrashy,
  },
  {
    lacks: ['nack-retry'],
    bug: 'a lost NACK or a lost repair is not asked for again',
    caughtBy: ['I-R4', 'I-R9', 'I-R12'],
    seeds: [35, 60],
    bend: lossyTwice,
  },
  {
    lacks: ['probe', 'heartbeat-numbers'],
    bug: 'nobody says how far its streams are: the loss of a last frame stays unnoticed',
    caughtBy: ['I-R4', 'I-R12'],
    seeds: [1, 6],
    bend: lossyAndQuiet,
  },
  {
    lacks: ['refuse'],
    bug: 'a life that is not above the last one is taken for a new one (W2)',
    caughtBy: ['I-R2', 'I-R3', 'I-R4', 'I-R7', 'I-R12'],
    seeds: [8, 50],
    bend: forgetful,
  },
]

/** Rules whose absence changes no outcome that is promised, and why. */
export const COVERED: Readonly<Record<string, string>> = {
  gone: 'a receiver gives up after NACK_TRIES_MAX and syncs all the same, a second or two later',
  probe: 'heartbeats carry the same numbers to whoever joined, half a second later; both away are caught',
  'heartbeat-numbers': 'probes carry the same numbers; both away are caught',
  'nack-ranges': 'gaps are closed one by one, which only takes longer: a matter of speed, not of outcome',
}
