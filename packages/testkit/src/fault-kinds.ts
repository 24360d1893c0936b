/**
 * Which faults a seed has. Which kinds it uses at all is drawn first (a swarm: Groce et al., "Swarm testing", 2012): runs
 * that do one thing often find what runs that do a little of everything never reach.
 *
 * A later mix has the kinds of an earlier one, drawn the same way, and more from a stream of its own; so a seed that failed
 * under an earlier mix still means what it meant. A new kind is an entry in `KINDS` of the latest mix.
 */
import type { Fault } from './faults.ts'
import type { Random } from './random.ts'

export interface FaultDraw {
  readonly nodeCount: number
  /** Nodes that are not there from the start. */
  readonly lateNodes: readonly number[]
  readonly activeMs: number
  /** The shortest idle time of a session: a clock that is set forward by that much ends sessions. */
  readonly idleMs: number
}

/** Faults of every kind: how many at most, and whether the seed has any, is drawn for each kind. */
export function drawFaults(random: Random, nodeCount: number, activeMs: number): Fault[] {
  return draw(FIRST_KINDS, random, { nodeCount, activeMs, lateNodes: [], idleMs: 0 })
}

/** What the second mix adds to the first. */
export function drawMoreFaults(random: Random, context: FaultDraw): Fault[] {
  const joins = context.lateNodes.map(
    (node): Fault => ({
      kind: 'join',
      atMs: random.between(0, context.activeMs),
      lastsMs: random.between(0, 1_500),
      node,
      end: random.pick(['stays', 'stays', 'crash', 'leave']),
    }),
  )
  return [...joins, ...draw(MORE_KINDS, random, context)]
}

export function byTime(faults: readonly Fault[]): Fault[] {
  return [...faults].sort((a, b) => a.atMs - b.atMs)
}

function draw(kinds: readonly KindOfFault[], random: Random, context: FaultDraw): Fault[] {
  const faults: Fault[] = []
  for (const { likelihood, countMax, draw } of kinds) {
    if (!random.chance(likelihood)) continue
    for (let count = 1 + random.below(countMax); count > 0; count--) {
      faults.push(...draw(random, context, random.between(0, context.activeMs)))
    }
  }
  return byTime(faults)
}

interface KindOfFault {
  /** How probable it is that a seed has this kind at all. */
  readonly likelihood: number
  readonly countMax: number
  draw(random: Random, context: FaultDraw, atMs: number): Fault[]
}

const FIRST_KINDS: readonly KindOfFault[] = [
  // A crash.
  {
    likelihood: 0.5,
    countMax: 3,
    draw: (random, { nodeCount }, atMs) => [
      {
        kind: 'crash',
        atMs,
        // Short enough to come back before anybody noticed, long enough to be buried.
        lastsMs: random.chance(0.08) ? random.between(5_000, 9_000) : random.between(20, 1_500),
        node: random.below(nodeCount),
        isSilent: random.chance(0.3),
        hasAmnesia: random.chance(0.15),
      },
    ],
  },
  // A node that leaves, and comes back.
  {
    likelihood: 0.2,
    countMax: 2,
    draw: (random, { nodeCount }, atMs) => [
      { kind: 'leave', atMs, lastsMs: random.between(600, 2_000), node: random.below(nodeCount) },
    ],
  },
  // A partition.
  {
    likelihood: 0.5,
    countMax: 3,
    draw: (random, { nodeCount }, atMs) => [
      {
        kind: 'partition',
        atMs,
        // Shorter than the ends' patience, longer than it, and longer than it takes to be declared dead.
        lastsMs: random.chance(0.08) ? random.between(7_000, 11_000) : random.between(20, 4_000),
        side: drawSide(random, nodeCount),
      },
    ],
  },
]

const MORE_KINDS: readonly KindOfFault[] = [
  // Two restarts in a row: the second before anybody has made good what the first lost.
  {
    likelihood: 0.12,
    countMax: 1,
    draw: (random, { nodeCount }, atMs) => {
      const node = random.below(nodeCount)
      const first = crash(atMs, random.between(10, 600), node, random.chance(0.3))
      const secondAtMs = atMs + first.lastsMs + random.between(1, 600)
      return [first, crash(secondAtMs, random.between(10, 600), node, random.chance(0.3))]
    },
  },
  // Two nodes restart one after the other, or at once.
  {
    likelihood: 0.12,
    countMax: 1,
    draw: (random, { nodeCount }, atMs) => {
      const node = random.below(nodeCount)
      const other = (node + 1 + random.below(nodeCount - 1)) % nodeCount
      return [
        crash(atMs, random.between(10, 800), node, random.chance(0.3)),
        crash(atMs + random.between(0, 1_000), random.between(10, 800), other, random.chance(0.3)),
      ]
    },
  },
  // Flapping: a node that comes and goes faster than its moves end.
  {
    likelihood: 0.06,
    countMax: 1,
    draw: (random, { nodeCount }, atMs) => {
      const node = random.below(nodeCount)
      const faults: Fault[] = []
      for (let at = atMs, count = 3 + random.below(4); count > 0; count--) {
        const lastsMs = random.between(20, 700)
        faults.push(
          random.chance(0.5)
            ? crash(at, lastsMs, node, false)
            : { kind: 'leave', atMs: at, lastsMs: lastsMs + 40, node },
        )
        at += lastsMs + 40 + random.between(5, 800)
      }
      return faults
    },
  },
  // One-way cuts.
  {
    likelihood: 0.25,
    countMax: 2,
    draw: (random, { nodeCount }, atMs) => {
      const from = drawSide(random, nodeCount)
      const to = Array.from({ length: nodeCount }, (_, node) => node).filter((node) => !from.includes(node))
      const isOnePair = random.chance(0.4)
      return [
        {
          kind: 'cut',
          atMs,
          lastsMs: random.chance(0.08) ? random.between(7_000, 11_000) : random.between(20, 4_000),
          from: isOnePair ? from.slice(0, 1) : from,
          to: isOnePair ? to.slice(0, 1) : to,
        },
      ]
    },
  },
  // A partition of more than a minute: what copies outside their holders may be trusted for is over, too.
  {
    likelihood: 0.008,
    countMax: 1,
    draw: (random, { nodeCount }, atMs) => [
      { kind: 'partition', atMs, lastsMs: random.between(61_000, 75_000), side: drawSide(random, nodeCount) },
    ],
  },
  // A process that is stopped.
  {
    likelihood: 0.2,
    countMax: 2,
    draw: (random, { nodeCount }, atMs) => [
      {
        kind: 'pause',
        atMs,
        lastsMs: random.chance(0.1) ? random.between(6_000, 12_000) : random.between(300, 4_000),
        node: random.below(nodeCount),
      },
    ],
  },
  // An event loop that stalls.
  {
    likelihood: 0.2,
    countMax: 3,
    draw: (random, { nodeCount }, atMs) => [
      { kind: 'stall', atMs, lastsMs: random.between(200, random.pick([1_000, 5_000])), node: random.below(nodeCount) },
    ],
  },
  // A wall clock that is set: back by anything; forward by less than what ends sessions, which that does by design.
  {
    likelihood: 0.15,
    countMax: 2,
    draw: (random, { nodeCount, idleMs }, atMs) => [
      {
        kind: 'clock',
        atMs,
        lastsMs: 0,
        node: random.below(nodeCount),
        jumpMs:
          idleMs > 60_000 && random.chance(0.3)
            ? random.between(0, 30_000)
            : -random.between(0, random.pick([60_000, 12 * 3_600_000])),
      },
    ],
  },
  // A slow receiver.
  {
    likelihood: 0.15,
    countMax: 2,
    draw: (random, { nodeCount }, atMs) => {
      const to = random.below(nodeCount)
      return [
        {
          kind: 'slow',
          atMs,
          lastsMs: random.between(200, 4_000),
          from: senders(random, nodeCount, to),
          to,
          gapMs: random.pick([5, 20, 60]),
        },
      ]
    },
  },
  // A full receiver.
  {
    likelihood: 0.15,
    countMax: 3,
    draw: (random, { nodeCount }, atMs) => {
      const to = random.below(nodeCount)
      return [{ kind: 'full', atMs, lastsMs: random.between(20, 1_500), from: senders(random, nodeCount, to), to }]
    },
  },
  // A bad time for the whole network.
  {
    likelihood: 0.15,
    countMax: 2,
    draw: (random, _context, atMs) => [
      {
        kind: 'storm',
        atMs,
        lastsMs: random.between(50, 2_000),
        conditions: {
          frameLossRate: random.pick([0, 0.5, 0.9]),
          frameDuplicateRate: random.pick([0, 0.5]),
          frameLateRate: random.pick([0, 0.5]),
          lateMsMax: random.pick([30, 500]),
          refuseRate: random.pick([0, 0.02, 0.2]),
        },
      },
    ],
  },
]

function crash(atMs: number, lastsMs: number, node: number, isSilent: boolean): Fault {
  return { kind: 'crash', atMs, lastsMs, node, isSilent, hasAmnesia: false }
}

function drawSide(random: Random, nodeCount: number): number[] {
  const nodes = Array.from({ length: nodeCount }, (_, index) => index)
  if (random.chance(0.5)) return [random.below(nodeCount)]
  return random.some(nodes, 0.5)
}

/** Everybody else, or one of them. */
function senders(random: Random, nodeCount: number, to: number): number[] {
  const others = Array.from({ length: nodeCount }, (_, node) => node).filter((node) => node !== to)
  return random.chance(0.5) ? others : [random.pick(others)]
}
