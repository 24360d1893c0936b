/**
 * The test of the tests: rules of the core that can be taken away, and which checker notices.
 *
 * Each is a line of the core behind `context.lacks(rule)`. One that no checker notices is a hole in the simulator, or a rule
 * that another one covers; those are listed too, with the reason. Some need a push in the right direction: a scenario that
 * is bent towards what the rule is for.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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
  /** Check the copies in the middle of the run, too. */
  readonly checks?: boolean
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

/** A network on which nothing goes wrong but loss. */
const calm = (scenario: Scenario): Scenario => ({ ...scenario, faults: [], clocks: [], liveness: undefined })

/** Sessions that end in the middle of the run, and are asked for again. */
const shortLived = (scenario: Scenario): Scenario => ({
  ...calm(scenario),
  activeMs: 6_000,
  keyCount: 12,
  workload: {
    ...scenario.workload,
    idleMs: 1_500,
    clients: 2,
    thinkMs: 300,
    mix: { ...scenario.workload.mix, visit: 5, read: 6, drop: 0, recreate: 0 },
  },
})

/** Ids are dropped and taken again, lives are short, and a part of the cluster hears of neither for a while. */
const reborn = (scenario: Scenario): Scenario => {
  const random = new Random(scenario.seed, 9)
  const half = Math.floor(scenario.nodeCount / 2)
  const fault: Fault = {
    kind: 'partition',
    atMs: random.between(500, 1_500),
    lastsMs: random.between(3_000, 6_000),
    side: random.chance(0.5) ? [random.below(scenario.nodeCount)] : Array.from({ length: half }, (_, node) => node),
  }
  return {
    ...calm(scenario),
    faults: [fault],
    wires: [],
    lateNodes: [],
    cacheBytesMax: 1024 * 1024,
    keyCount: 4,
    activeMs: 7_000,
    conditions: { ...scenario.conditions, refuseRate: 0 },
    workload: {
      ...scenario.workload,
      idleMs: 1_500,
      clients: 6,
      thinkMs: 400,
      moveRate: 0.5,
      shoppers: 0,
      mix: { visit: 4, read: 2, 'late-write': 1, touch: 1, drop: 3, recreate: 0.5 },
    },
  }
}

/** Now and then a message finds a full buffer. */
const refusing = (scenario: Scenario): Scenario => ({
  ...scenario,
  conditions: { ...scenario.conditions, refuseRate: 0.02 },
})

/** A process stands still until the others have buried it, and no connection breaks. */
const frozen = (scenario: Scenario): Scenario => ({
  ...scenario,
  faults: [{ kind: 'stall', node: 0, atMs: 300, lastsMs: 8_500 }],
})

/** Everybody writes the same session, everywhere. */
const contended = (scenario: Scenario): Scenario => ({
  ...calm(scenario),
  keyCount: 1,
  conditions: { ...scenario.conditions, refuseRate: 0 },
  workload: {
    ...scenario.workload,
    clients: 6,
    thinkMs: 30,
    moveRate: 1,
    copies: { 0: 0, 1: 1, 2: 1 },
    mix: { ...scenario.workload.mix, 'late-write': 5 },
  },
})

/** Room for half a dozen records. */
const crammed = (scenario: Scenario): Scenario => ({ ...scenario, cacheBytesMax: 2_500 })

/** A node that starts, and at once stands still for longer than it waits for others. */
const startled = (scenario: Scenario): Scenario => {
  const random = new Random(scenario.seed, 9)
  const atMs = random.between(300, 600)
  return {
    ...calm(scenario),
    startsCold: false,
    lateNodes: [],
    faults: [
      { kind: 'crash', node: 0, atMs, lastsMs: 100, isSilent: false, hasAmnesia: false },
      { kind: 'stall', node: 0, atMs: atMs + 100 + random.between(2, 25), lastsMs: 4_000 },
    ],
  }
}

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

/** Halves that each give all shards to their own members, while clients go from one to the other. */
const apart = (scenario: Scenario): Scenario => ({
  ...split(scenario),
  wires: [],
  activeMs: 9_000,
  workload: {
    ...scenario.workload,
    thinkMs: 40,
    moveRate: 1,
    idleMs: 120_000,
    mix: { ...scenario.workload.mix, recreate: 1 },
  },
})

/** Everybody reads and writes a few large values, so that what is being read is replaced. */
const large = (scenario: Scenario): Scenario => ({
  ...contended(scenario),
  wires: [],
  cacheBytesMax: 64 * 1024 * 1024,
  conditions: { ...scenario.conditions, delayMsMin: 2, delayMsMax: 20, refuseRate: 0 },
  workload: {
    ...scenario.workload,
    clients: 8,
    thinkMs: 20,
    moveRate: 1,
    large: { rate: 0.8, bytesMax: 40_000 },
    copies: { 0: 0, 1: 1, 2: 1 },
    mix: { visit: 3, read: 6, 'late-write': 5, touch: 0, drop: 0, recreate: 0 },
  },
})

/** Half of all nodes go, one right after the other, each with a copy that the one before counted on. */
const exodus = (scenario: Scenario): Scenario => ({
  ...calm(scenario),
  nodeCount: 7,
  copies: 1,
  wires: [],
  lateNodes: [],
  startsCold: false,
  activeMs: 2_000,
  keyCount: 30,
  conditions: { ...scenario.conditions, refuseRate: 0 },
  faults: [0, 1, 2, 3].map((node) => ({ kind: 'leave', node, atMs: 1_000 + node * 60, lastsMs: 3_000 })),
  workload: {
    ...scenario.workload,
    clients: 8,
    thinkMs: 20,
    moveRate: 1,
    copies: { 0: 0, 1: 1, 2: 0 },
    large: undefined,
  },
})

/** A scenario that was kept, whatever the seed: the rule was made for it. */
const kept = (name: string) => (): Scenario =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'regressions', `${name}.json`), 'utf8')) as Scenario

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
    seeds: [1, 3, 12],
  },
  {
    lacks: ['tombstone'],
    bug: 'a late write revives a dropped session (V2)',
    caughtBy: ['I-R3', 'I-R5'],
    seeds: [3, 9, 17],
  },
  {
    lacks: ['epoch'],
    bug: 'a takeover does not rise above the epochs it has seen (V1)',
    caughtBy: ['I-R2', 'I-R7'],
    seeds: [1, 2, 3],
  },
  {
    lacks: ['absent'],
    bug: 'who does not know a session says that there is none (R2)',
    caughtBy: ['I-R8'],
    seeds: [10, 13, 18],
  },
  {
    lacks: ['missing-writer'],
    bug: 'who does not know a session says that there is none, though a token proves it and its writer is out of reach (R2)',
    caughtBy: ['I-R8'],
    seeds: [4, 10, 13],
    bend: apart,
  },
  {
    lacks: ['proof'],
    bug: 'a read does not look whether it includes the write of its token (V3)',
    caughtBy: ['I-R7'],
    seeds: [3, 19, 21],
  },
  {
    lacks: ['fresh-flight'],
    bug: 'a takeover takes answers to questions from before it was asked (R1)',
    caughtBy: ['I-R5', 'I-R8'],
    seeds: [18, 23, 34],
    bend: slowAndCrowded,
  },
  {
    lacks: ['join-sync'],
    bug: 'a joiner does not fetch what was there before it (P1)',
    caughtBy: ['I-R9', 'I-R12'],
    seeds: [2, 5, 6],
  },
  {
    lacks: ['join-gap'],
    bug: 'a joiner is ready with frames missing (P1)',
    caughtBy: ['I-R9'],
    seeds: [17, 21, 24],
  },
  {
    lacks: ['hand-over'],
    bug: 'a holder lets go as soon as its successors call themselves ready (P2)',
    caughtBy: ['I-R3'],
    seeds: [2, 13, 15],
    bend: split,
  },
  {
    lacks: ['flush', 'share-hearsay'],
    bug: 'at a death nobody compares what the dead sent last (P3)',
    caughtBy: ['I-R4', 'I-R9'],
    seeds: [14, 16, 32],
    bend: lossyAndCrashy,
  },
  {
    lacks: ['nack-retry'],
    bug: 'a lost NACK or a lost repair is not asked for again',
    caughtBy: ['I-R4', 'I-R9', 'I-R12'],
    seeds: [4, 10, 13],
    bend: lossyTwice,
  },
  {
    lacks: ['probe', 'heartbeat-numbers'],
    bug: 'nobody says how far its streams are: the loss of a last frame stays unnoticed',
    caughtBy: ['I-R4', 'I-R12'],
    seeds: [1, 4, 6],
    bend: lossyAndQuiet,
  },
  {
    lacks: ['refuse'],
    bug: 'a life that is not above the last one is taken for a new one (W2)',
    caughtBy: ['I-R2', 'I-R3', 'I-R4', 'I-R7', 'I-R12'],
    seeds: [1, 12, 17],
    bend: forgetful,
  },
  {
    lacks: ['frontier'],
    bug: 'a merged copy says of itself only what came in last (V3)',
    caughtBy: ['I-R7', 'I-R11'],
    seeds: [1, 3, 4],
  },
  {
    lacks: ['tell-beaten'],
    bug: 'a holder that knows something newer acknowledges and says nothing (A1)',
    caughtBy: ['I-R3'],
    seeds: [1, 2, 4],
    bend: contended,
  },
  {
    lacks: ['step-down'],
    bug: 'who was primary goes on in its tenure after a higher one wrote (R1, V1)',
    caughtBy: ['I-R7', 'carts'],
    seeds: [3, 4, 5],
  },
  {
    lacks: ['last-writer'],
    bug: 'a takeover does not ask who wrote last (R1)',
    caughtBy: ['I-R11'],
    seeds: [1, 4, 6],
  },
  {
    lacks: ['derived-end'],
    bug: 'the idle end is written, like a drop, by whoever hears of no use (E1)',
    caughtBy: ['I-R6'],
    seeds: [6, 13, 18],
  },
  {
    lacks: ['sweep', 'deadline'],
    bug: 'nobody looks at a deadline, neither who reads nor who writes (E1)',
    caughtBy: ['I-R6'],
    seeds: [1, 2, 6],
    bend: shortLived,
  },
  {
    lacks: ['tombstone-life'],
    bug: 'a tombstone goes before the last live copy of its session (E4)',
    caughtBy: ['I-R3', 'I-R5'],
    seeds: [3, 5, 9],
  },
  {
    lacks: ['floor'],
    bug: 'when a later life of a dropped id ends, the drop is forgotten with it (E4)',
    caughtBy: ['I-R4', 'I-R5'],
    seeds: [239, 8, 27],
    bend: reborn,
  },
  {
    lacks: ['stub'],
    bug: 'an evicted record leaves nothing in the digest, and is not known to be missing (T1)',
    caughtBy: ['I-R8'],
    seeds: [3, 6, 10],
    bend: crammed,
  },
  {
    lacks: ['hello-retry'],
    bug: 'a join or a hello that was lost is not said again (P1)',
    caughtBy: ['I-R12'],
    seeds: [1, 2, 9],
    bend: refusing,
  },
  {
    lacks: ['greeting-retry'],
    bug: 'a greeting that was lost is not said again',
    caughtBy: ['I-R12'],
    seeds: [2, 9, 20],
    bend: refusing,
  },
  {
    lacks: ['greet-again'],
    bug: 'who was taken for dead, and never noticed, is not asked to greet again',
    caughtBy: ['I-R12'],
    seeds: [1, 2, 3],
    bend: frozen,
  },
  {
    lacks: ['self-doubt'],
    bug: 'who stood still since its start takes itself for alone, and so for complete (P4)',
    caughtBy: ['I-R9'],
    seeds: [12, 29, 60],
    bend: startled,
  },
  {
    lacks: ['check-compare', 'flush', 'share-hearsay'],
    bug: 'copies are different for good, and a check does not compare them (R5)',
    caughtBy: ['R5'],
    seeds: [12, 14],
    bend: lossyAndCrashy,
  },
  {
    lacks: ['check-patience'],
    bug: 'a check takes a write under way for a copy that lost something (R5)',
    caughtBy: ['R5'],
    seeds: [3, 5],
    checks: true,
  },
  {
    lacks: ['blob-first'],
    bug: 'the head names a large value before it is at its holders (B1)',
    caughtBy: ['I-R3'],
    seeds: [1, 2, 3],
    bend: large,
  },
  {
    lacks: ['blob-release'],
    bug: 'a large value is dropped while heads still name it (B1)',
    caughtBy: ['I-R7'],
    seeds: [1, 2],
    bend: large,
  },
  {
    lacks: ['blob-reread'],
    bug: 'who finds that what a head names is gone does not read the head again (B1)',
    caughtBy: ['I-R7'],
    seeds: [6],
    bend: large,
  },
  {
    lacks: ['leave-hand-over'],
    bug: 'a node that stops goes without handing over what it holds (P2)',
    caughtBy: ['I-R10'],
    seeds: [48],
    bend: exodus,
  },
  {
    lacks: ['drop-again'],
    bug: 'who meets a chunk that was dropped long ago says nothing, and it stays at some holders and not at others (B1)',
    caughtBy: ['I-R4'],
    seeds: [439],
    bend: kept('chunk-outlives-its-tombstone'),
  },
  {
    lacks: ['cut-off'],
    bug: 'who is cut off from all ready holders takes that for a cold start, and itself for complete (P4)',
    caughtBy: ['I-R9'],
    seeds: [15819],
    bend: kept('cut-off-is-no-cold-start'),
  },
  {
    lacks: ['late-touch'],
    bug: 'a touch that was put off takes back what somebody used later, and the session ends early (E1)',
    caughtBy: ['I-R3'],
    seeds: [89494],
  },
  {
    lacks: ['outlived'],
    bug: 'what outlives a copy that is left out of comparisons for its near end is told to nobody (E2)',
    caughtBy: ['I-R4'],
    seeds: [25723],
    bend: kept('renewed-in-its-last-seconds'),
  },
  {
    lacks: ['newcomers'],
    bug: 'two that come at the same time and meet each other first take themselves for the cluster (P4)',
    caughtBy: ['I-R9'],
    seeds: [64258],
  },
  {
    lacks: ['sync-patience'],
    bug: 'what a saturated source did not answer in time is asked of it anew, and saturates it (P4)',
    caughtBy: ['liveness'],
    seeds: [6],
    bend: kept('slow-source-blocks-joins'),
  },
  {
    lacks: ['push-to-holders'],
    bug: 'who let go of a session takes the news of a takeover for a copy of it, and writes on that (R1)',
    caughtBy: ['I-R11'],
    seeds: [44752],
    bend: kept('wrote-on-less-than-it-returned'),
  },
  {
    lacks: ['pin-fetched'],
    bug: 'what a takeover has merged goes when its node lets go of the shard, or has no room (R1)',
    caughtBy: ['I-R11'],
    seeds: [54],
    bend: exodus,
  },
  {
    lacks: ['request-deadline'],
    bug: 'a search that finds nothing does not end',
    caughtBy: ['requests', 'steps'],
    seeds: [2, 3, 5],
  },
]

/** Rules whose absence no seed here shows, and why. A file that is named has the test that fails without the rule. */
export const COVERED: Readonly<Record<string, string>> = {
  gone: 'a receiver gives up after NACK_TRIES_MAX and syncs all the same, a second or two later',
  probe: 'heartbeats carry the same numbers to whoever joined, half a second later; both away are caught',
  'heartbeat-numbers': 'probes carry the same numbers; both away are caught',
  'let-go': 'who let go of a shard lists nothing of it, and the sync ends when its time is over',
  'nack-rights': 'who joined no stream asks for nothing unless it means harm, and nobody does here',
  'take-evicted': 'what was evicted was said to be, and is promised no longer: who leaves gives it another chance',
  eject: 'not exercised, since no ring here comes near its bound: core/test/stream/outgoing.test.ts',
  vouch: 'buried too early means more moves than must, and nothing lost: core/test/members/vouching.test.ts',
  'cold-start': 'not exercised, since nodes here have no directory: core/test/members/cold-start.test.ts',
  'repository-source':
    'nobody asks in the moment until the repository compares: core/test/placement/repository.test.ts',
  'repository-beside': 'members of this version ask no repository to confirm: core/test/placement/repository.test.ts',
  'sync-rate': 'syncs only go faster, at the cost of everything else: core/test/sync/sync.test.ts',
  'probe-pace': 'who has no time is only given more to read: core/test/stream/outgoing.test.ts',
  'hello-patience': 'who owes its hello is dead or healed soon, nearly always: core/test/placement/holdings.test.ts',
  'one-stays': 'two must give one shard away at the same moment: core/test/placement/holdings.test.ts',
  refill: 'what is missing is named, and found by an audit: core/test/table/eviction.test.ts',
  'stub-refused': 'only who has no room puts out the only copy of a later life: core/test/table/eviction.test.ts',
  'ask-successors':
    'only a new holder may have the newest write, and not be heard of yet: core/test/pull/puller.test.ts',
  'nack-ranges': 'gaps are closed one by one, which only takes longer: a matter of speed, not of outcome',
}
