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

/** The one that is hit first is, for Redis, where its primary is in the beginning; the next one has none of it. */
const FIRST = 0
const OTHERS = [3, 1]

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
      return { ...fault, side: numbersOf(fault.side) }
    case 'cut':
    case 'impair':
      return {
        ...fault,
        ...(fault.from !== undefined && { from: numbersOf(fault.from) }),
        ...(fault.to !== undefined && { to: numbersOf(fault.to) }),
      }
    default:
      return { ...fault, nodes: numbersOf(fault.nodes) }
  }
}

function numbersOf(targets: readonly Target[]): readonly number[] {
  const others = OTHERS.values()
  let hasFirst = false
  return targets.map((target) => {
    if (typeof target === 'number') return target
    if (hasFirst) return others.next().value ?? FIRST
    hasFirst = true
    return FIRST
  })
}
