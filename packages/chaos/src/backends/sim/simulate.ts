/**
 * A run in virtual time: seconds of a cluster in a fraction of one, the same events for the same seed. The simulator runs the core that members
 * run, and judges it itself, by far more than clients can see; what its clients were told is judged like any clients' history besides.
 */
import { loadKeyHash } from '@reprise/core'
import { type Checker as Observer, type SimulationResult, simulateScenario, type World } from '@reprise/testkit'
import type { Abilities } from '../../plan.ts'
import type { RunEvent } from '../../run/events.ts'
import type { Attempt, RunInit } from '../../run/run.ts'
import type { FaultBand, Violation } from '../../run-record.ts'
import type { InvariantName } from '../../scenario.ts'
import { SimHistory } from './history.ts'
import { translate } from './translate.ts'

export const SIM_ABILITIES: Abilities = {
  faults: new Set(['kill', 'freeze', 'stall', 'restart', 'join', 'partition', 'cut', 'impair', 'clock-jump']),
  conditions: new Set(['lossRate', 'delayMs', 'jitterMs', 'duplicateRate', 'reorderRate']),
  previousWire: true,
  // In virtual time there are no sockets.
  tls: false,
}

/** What can be judged by what the simulator's clients were told; most of the rest its own checkers judge, see `judgedIn`. */
export const SIM_JUDGES: ReadonlySet<InvariantName> = new Set(['read-your-writes', 'no-resurrection'])

/** The failures are what the simulator's own checkers found. */
export async function simulateRun({ scenario, seed, onEvent }: Omit<RunInit, 'backend'>): Promise<Attempt> {
  onEvent({ type: 'phase', atMs: 0, phase: 'running' })
  const translated = translate(scenario, seed)
  const keyHash = await loadKeyHash()
  let history: SimHistory | undefined
  const observe = (world: World): Observer => {
    history = new SimHistory(world)
    return history
  }
  const result = simulateScenario(translated.scenario, { keyHash, observers: [observe] })
  const memberNames = Array.from({ length: scenario.cluster.nodes }, (_, node) => `n${node}`)
  tellFaults(translated.faults, memberNames, onEvent)
  const zeroMs = result.startedAtMs
  const isQuiet = result.violations.length === 0
  const healedAtMs = Math.max(scenario.phases.runMs, ...translated.faults.map(({ untilMs }) => untilMs ?? 0))
  return {
    outcome: {
      memberNames,
      faults: translated.faults,
      samples: history?.samples.map((sample) => ({ ...sample, atMs: sample.atMs - zeroMs })) ?? [],
      operations: history?.operations(zeroMs) ?? [],
      healedAtMs,
      quietAtMs: isQuiet ? healedAtMs + result.quietAfterMs : undefined,
      // Every run ends with a check that must find nothing.
      check: isQuiet ? { verdict: 'ok', reasons: [], differing: 0, short: 0 } : undefined,
      unrest: undefined,
      failure: undefined,
    },
    failures: violationsOf(result),
  }
}

/** In their order: they happened all at once. */
function tellFaults(faults: readonly FaultBand[], memberNames: readonly string[], onEvent: RunInit['onEvent']): void {
  const events = faults.flatMap((band): RunEvent[] => {
    const begins: RunEvent = { type: 'fault', atMs: band.fromMs, state: 'begins', band, memberNames }
    return band.untilMs === undefined ? [begins] : [begins, { ...begins, atMs: band.untilMs, state: 'ends' }]
  })
  for (const event of events.sort((a, b) => a.atMs - b.atMs)) onEvent(event)
}

function violationsOf({ violations, startedAtMs }: SimulationResult): Violation[] {
  return violations.map(({ rule, atMs, text }) => {
    return {
      invariant: INVARIANTS.get(rule) ?? 'alive',
      atMs: atMs - startedAtMs,
      session: undefined,
      text: `${rule}: ${text}`,
    }
  })
}

/** What a rule of the simulator's checkers is to a client. The others are about how the cluster works inside: it is not well. */
const INVARIANTS: ReadonlyMap<string, Violation['invariant']> = new Map([
  ['I-R3', 'durability'],
  ['I-R4', 'convergence'],
  ['I-R5', 'no-resurrection'],
  ['I-R6', 'no-resurrection'],
  ['I-R7', 'read-your-writes'],
  ['I-R8', 'no-false-absence'],
  ['I-R11', 'durability'],
  ['I-R12', 'quiet'],
  ['carts', 'carts'],
])
