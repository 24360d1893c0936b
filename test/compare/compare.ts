/** One scenario on one system, and what clients had of it. */
import { findScenario } from '@reprise/chaos'
import type { Backend } from '../../packages/chaos/src/backends/backend.ts'
import { run } from '../../packages/chaos/src/run/run.ts'
import type { Fault, Scenario, Target } from '../../packages/chaos/src/scenario.ts'
import { RedisCluster } from './redis-cluster.ts'
import { type Tally, tallyOf } from './tally.ts'

export interface System {
  readonly name: string
  readonly start: Backend['start']
}

/** Where Redis has its primary in the beginning is hit first. */
const FIRST = 0
/** Who is killed with it: a host that has sessions, too. Here all do. */
const SECOND_KILLED = 1
/** Who is cut off with it: a host that has only the application, or two of three Sentinels would be on the smaller side. */
const SECOND_CUT_OFF = 3

/** What both sides have, with the members that are hit fixed. */
export const COMPARED: readonly Scenario[] = [
  'kill',
  'kill-two',
  'freeze',
  'rolling-restart',
  'partition',
  'partition-70s',
  'one-way',
  'loss-20',
  'delay-jitter',
].map(pinned)

/** Redis on the hosts of the scenario. */
export function redis({ waits }: { readonly waits: boolean }): Backend['start'] {
  return async ({ cluster }, { seed, signal }) =>
    await RedisCluster.start({ hosts: cluster.nodes, seed, waits, signal })
}

export interface Comparison {
  readonly scenario: Scenario
  readonly system: System
  readonly seed: number
  readonly signal: AbortSignal
}

/** @throws when the system did not start. */
export async function compareOne({ scenario, system, seed, signal }: Comparison): Promise<Tally> {
  const backend: Backend = {
    name: 'netns',
    abilities: () => Promise.reject(new Error('nobody asks')),
    start: system.start,
  }
  const startedAt = new Date().toISOString()
  const outcome = await run({ scenario, backend, seed, onEvent: () => {}, signal, previousNode: undefined })
  return tallyOf({ scenario, backend: 'netns', seed, startedAt, version: '', replay: '', ...outcome })
}

function pinned(name: string): Scenario {
  const scenario = findScenario(name)
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`)
  return { ...scenario, nemesis: scenario.nemesis.map((strike) => ({ ...strike, fault: pin(strike.fault) })) }
}

function pin(fault: Fault): Fault {
  switch (fault.kind) {
    case 'partition':
      return { ...fault, side: numbersOf(fault.side, SECOND_CUT_OFF) }
    case 'cut':
    case 'impair':
      return {
        ...fault,
        ...(fault.from !== undefined && { from: numbersOf(fault.from, SECOND_CUT_OFF) }),
        ...(fault.to !== undefined && { to: numbersOf(fault.to, SECOND_CUT_OFF) }),
      }
    default:
      return { ...fault, nodes: numbersOf(fault.nodes, SECOND_KILLED) }
  }
}

/** What the seed or the run would choose is the first, then the second. */
function numbersOf(targets: readonly Target[], second: number): readonly number[] {
  const chosen = [FIRST, second].values()
  return targets.map((target) => (typeof target === 'number' ? target : (chosen.next().value ?? second)))
}
