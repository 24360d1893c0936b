/**
 * From a scenario that fails to a small one that fails in the same way: faults, then visits of clients, then what else is
 * unusual about it, are taken away as long as the same rule is still broken.
 *
 * Lists are thinned out by delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input",
 * 2002): in halves, then in quarters, and so on down to single elements. Each try is a whole run, so the number of runs is
 * bounded, and what was found by then is the answer.
 */

import { CALM } from './network.ts'
import type { Scenario } from './scenario.ts'
import type { SimulationOptions, SimulationResult } from './simulation.ts'
import { simulateScenario } from './simulation.ts'

export interface Shrunk {
  readonly scenario: Scenario
  readonly result: SimulationResult
  /** How many scenarios were tried. */
  readonly tries: number
}

export interface ShrinkOptions extends SimulationOptions {
  /** Scenarios to try at most. */
  readonly triesMax?: number
  /** Asked before every try; false ends the search. */
  readonly mayGoOn?: () => boolean
}

/** Shrink a scenario of which `result` says what it breaks. */
export function shrink(result: SimulationResult, options: ShrinkOptions): Shrunk {
  return new Shrinker(result, options).run()
}

class Shrinker {
  readonly #options: ShrinkOptions
  readonly #rule: string | undefined
  #best: SimulationResult
  #tries = 0

  constructor(result: SimulationResult, options: ShrinkOptions) {
    this.#options = options
    this.#rule = result.violations[0]?.rule
    this.#best = result
  }

  run(): Shrunk {
    let before: Scenario | undefined
    // What is taken away late may be what kept something else from going.
    while (this.#rule !== undefined && before !== this.#best.scenario && this.#mayGoOn()) {
      before = this.#best.scenario
      this.#thin(
        () => this.#best.scenario.faults,
        (faults) => ({ ...this.#best.scenario, faults }),
      )
      if (this.#best.scenario.workload.hasOwnDraws) {
        this.#thin(
          () => this.#best.visits,
          (visits) => ({ ...this.#best.scenario, workload: { ...this.#best.scenario.workload, visits } }),
        )
      }
      for (const simpler of SIMPLER) this.#try(simpler(this.#best.scenario))
    }
    return { scenario: this.#best.scenario, result: this.#best, tries: this.#tries }
  }

  /** Take away as much of a list as possible. */
  #thin<T>(current: () => readonly T[], change: (items: readonly T[]) => Scenario): void {
    for (let parts = 2; current().length > 0 && this.#mayGoOn(); ) {
      const items = current()
      const size = Math.ceil(items.length / parts)
      let isSmaller = false
      // From the end: what happens late is seldom what matters.
      for (let from = Math.floor((items.length - 1) / size) * size; from >= 0 && !isSmaller; from -= size) {
        isSmaller = this.#try(change([...items.slice(0, from), ...items.slice(from + size)]))
      }
      if (isSmaller) parts = Math.max(2, parts - 1)
      else if (size <= 1) return
      else parts = Math.min(items.length, parts * 2)
    }
  }

  /** @returns whether it fails in the same way; it is then the best so far. */
  #try(scenario: Scenario): boolean {
    if (scenario === this.#best.scenario || !this.#mayGoOn()) return false
    this.#tries++
    const result = simulateScenario(scenario, this.#options)
    if (result.violations[0]?.rule !== this.#rule) return false
    this.#best = result
    return true
  }

  #mayGoOn(): boolean {
    return this.#tries < (this.#options.triesMax ?? TRIES_MAX) && this.#options.mayGoOn?.() !== false
  }
}

/** What is unusual about a scenario, taken away; the same object when there is nothing. */
const SIMPLER: readonly ((scenario: Scenario) => Scenario)[] = [
  (scenario) => (scenario.liveness === undefined ? scenario : { ...scenario, liveness: undefined }),
  (scenario) => (scenario.clocks.length === 0 ? scenario : { ...scenario, clocks: [] }),
  (scenario) => (scenario.wires.length === 0 ? scenario : { ...scenario, wires: [] }),
  (scenario) => (scenario.conditions === CALM ? scenario : { ...scenario, conditions: CALM }),
  (scenario) => {
    const { frameLossRate, frameDuplicateRate, frameLateRate } = scenario.conditions
    if (frameLossRate + frameDuplicateRate + frameLateRate === 0) return scenario
    const conditions = { ...scenario.conditions, frameLossRate: 0, frameDuplicateRate: 0, frameLateRate: 0 }
    return { ...scenario, conditions }
  },
  (scenario) =>
    scenario.workload.shoppers === 0 ? scenario : { ...scenario, workload: { ...scenario.workload, shoppers: 0 } },
  (scenario) =>
    scenario.workload.clients === 0 ? scenario : { ...scenario, workload: { ...scenario.workload, clients: 0 } },
  (scenario) => withoutLastNode(scenario),
]

/** One node less, with what it took part in. */
function withoutLastNode(scenario: Scenario): Scenario {
  const node = scenario.nodeCount - 1
  if (node < NODES_MIN) return scenario
  return {
    ...scenario,
    nodeCount: node,
    lateNodes: scenario.lateNodes.filter((late) => late !== node),
    faults: scenario.faults.filter((fault) => {
      if ('node' in fault) return fault.node !== node
      if ('side' in fault) return !fault.side.includes(node)
      return !('to' in fault) || (fault.to !== node && !isAmong(fault.to, node) && !fault.from.includes(node))
    }),
    clocks: scenario.clocks.slice(0, node),
    wires: scenario.wires.slice(0, node),
    liveness: undefined,
  }
}

function isAmong(nodes: number | readonly number[], node: number): boolean {
  return Array.isArray(nodes) && nodes.includes(node)
}

const TRIES_MAX = 600
const NODES_MIN = 2
