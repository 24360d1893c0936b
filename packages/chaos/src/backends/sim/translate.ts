/**
 * A scenario in the words of the simulator. Its clients are its own (`shoppers` fill carts, the others do what a mix of everything has);
 * what a fault is there is what it does to a process or a network, whatever it is called.
 */

import { WIRE_VERSION, WIRE_VERSION_MIN } from '@reprise/core'
import { CALM, Random, type Fault as SimFault, type Scenario as SimScenario } from '@reprise/testkit'
import { LIFETIME_MS } from '../../constants.ts'
import { UnsupportedError } from '../../errors.ts'
import { type PlannedStrike, type PlannedTarget, planStrikes, withTargets } from '../../plan.ts'
import type { FaultBand } from '../../run-record.ts'
import type { Fault, LinkConditions, Scenario } from '../../scenario.ts'

/** What is simulated, and the faults of it as a record has them. */
export interface Translation {
  readonly scenario: SimScenario
  readonly faults: readonly FaultBand[]
}

/**
 * @throws UnsupportedError for conditions on some links only, since what the simulator does to a network it does to all of it; and for TLS
 * clients.
 */
export function translate(scenario: Scenario, seed: number): Translation {
  const random = new Random(seed, PRIMARIES)
  const bands = planStrikes(scenario, seed).map((strike) => resolve(strike, scenario, random))
  const { cluster, workload, phases } = scenario
  if (workload.kind === 'tls') throw new UnsupportedError('sim', 'has no TLS clients')
  const nodes = Array.from({ length: cluster.nodes }, (_, node) => node)
  const isOld = (node: number): boolean => cluster.previousWire?.includes(node) === true
  const { cart = 0, read = 0, touch = 0, drop = 0 } = workload.mix
  const clients = Math.min(workload.clients, CLIENTS_MAX)
  const confirm = Math.min(workload.confirm, 2)
  return {
    faults: bands,
    scenario: {
      seed,
      mix: 3,
      nodeCount: cluster.nodes,
      lateNodes: cluster.late ?? [],
      copies: cluster.copies,
      keyCount: Math.min(workload.keys, KEYS_MAX),
      activeMs: phases.runMs,
      startsCold: false,
      conditions: CALM,
      workload: {
        clients,
        // A client comes back after this, so that all together come as often as the scenario says.
        thinkMs: (clients * 1_000) / workload.rate,
        moveRate: 1,
        mix: { visit: cart, read, touch, drop, 'late-write': 0, recreate: 0 },
        copies: { 0: confirm === 0 ? 1 : 0, 1: confirm === 1 ? 1 : 0, 2: confirm === 2 ? 1 : 0 },
        idleMs: workload.idleMs ?? LIFETIME_MS,
        absoluteMs: LIFETIME_MS,
        shoppers: Math.ceil(clients / 2),
        hasOwnDraws: true,
      },
      faults: bands.flatMap((band) => faultsOf(band, scenario)).sort((a, b) => a.atMs - b.atMs),
      cacheBytesMax: cluster.cacheBytesMax ?? CACHE_BYTES,
      clocks: [],
      wires:
        cluster.previousWire === undefined ? [] : nodes.map((node) => (isOld(node) ? WIRE_VERSION_MIN : WIRE_VERSION)),
      ...(cluster.repositories !== undefined && { repositories: cluster.repositories }),
      liveness: undefined,
    },
  }
}

/** Who is struck; the simulator's clients have no favourite, so the primary is drawn. */
function resolve({ atMs, lastsMs, fault, targets }: PlannedStrike, { cluster }: Scenario, random: Random): FaultBand {
  const named = new Set(Object.values(targets).flat())
  const late = new Set(cluster.late)
  const free = Array.from({ length: cluster.nodes }, (_, node) => node).filter(
    (node) => !named.has(node) && !late.has(node),
  )
  const find = (target: PlannedTarget): number[] =>
    target === 'primary' ? free.splice(random.below(free.length), 1) : [target]
  const found = Object.entries(targets).map(([list, some]) => [list, some.flatMap(find)] as const)
  return {
    fault: withTargets(fault, Object.fromEntries(found)),
    nodes: [...new Set(found.flatMap(([, nodes]) => nodes))].sort((a, b) => a - b),
    fromMs: atMs,
    untilMs: lastsMs === 0 ? undefined : atMs + lastsMs,
  }
}

function faultsOf({ fault, nodes, fromMs: atMs, untilMs }: FaultBand, { cluster, phases }: Scenario): SimFault[] {
  // What has no end lasts until everything is healed.
  const lastsMs = (untilMs ?? phases.runMs) - atMs
  const base = { atMs, lastsMs }
  const all = Array.from({ length: cluster.nodes }, (_, node) => node)
  switch (fault.kind) {
    case 'kill':
      return nodes.map((node) => ({ ...base, kind: 'crash', node, isSilent: false, hasAmnesia: false }))
    case 'freeze':
      return nodes.map((node) => ({ ...base, kind: 'pause', node }))
    case 'stall':
      return nodes.map((node) => ({ ...base, kind: 'stall', node }))
    case 'restart':
      return nodes.map((node) => ({ ...base, lastsMs: Math.max(lastsMs, RESTART_MS), kind: 'leave', node }))
    case 'join':
      return nodes.map((node) => ({ ...base, kind: 'join', node, end: untilMs === undefined ? 'stays' : 'leave' }))
    case 'partition':
      return [{ ...base, kind: 'partition', side: nodes }]
    case 'cut':
      return [{ ...base, kind: 'cut', from: membersOf(fault.from, all), to: membersOf(fault.to, all) }]
    case 'impair':
      return [{ ...base, kind: 'storm', conditions: conditionsOf(fault) }]
    case 'clock-jump':
      return nodes.flatMap((node) => jumps(node, fault.jumpMs, atMs, untilMs))
    case 'clock-rate':
    case 'disk-full':
      throw new UnsupportedError('sim', `has no ${fault.kind}`)
  }
}

function jumps(node: number, jumpMs: number, atMs: number, untilMs: number | undefined): SimFault[] {
  const there: SimFault = { kind: 'clock', node, jumpMs, atMs, lastsMs: 0 }
  return untilMs === undefined ? [there] : [there, { ...there, jumpMs: -jumpMs, atMs: untilMs }]
}

function membersOf(targets: readonly (number | string)[] | undefined, all: readonly number[]): readonly number[] {
  return targets?.filter((target) => typeof target === 'number') ?? all
}

/** Messages of a connection arrive as TCP delivers them, all and in order: what is lost, doubled or late is frames. */
function conditionsOf({ conditions, from, to }: Fault & { readonly kind: 'impair' }): Partial<typeof CALM> {
  if (from !== undefined || to !== undefined) throw new UnsupportedError('sim', 'has no bad links, only bad networks')
  const { lossRate = 0, duplicateRate = 0, reorderRate = 0, delayMs = 0, jitterMs = 0 }: LinkConditions = conditions
  return {
    frameLossRate: lossRate,
    frameDuplicateRate: duplicateRate,
    frameLateRate: reorderRate,
    lateMsMax: OVERTAKEN_MS,
    delayMsMin: CALM.delayMsMin + Math.max(0, delayMs - jitterMs),
    delayMsMax: CALM.delayMsMax + delayMs + jitterMs,
  }
}

/** The stream of the seed that draws primaries. */
const PRIMARIES = 25
/** More would say nothing new, and take their time: every checker looks at every key. */
const CLIENTS_MAX = 12
const KEYS_MAX = 60
const CACHE_BYTES: number = 64 * 1024 * 1024
/** From the end of a process to the start of the next one. */
const RESTART_MS = 300
/** A packet that is overtaken is late by so much at most. */
const OVERTAKEN_MS = 30
