/**
 * The tests' tools: a deterministic simulator that runs whole clusters of real replicas in virtual time, and the checkers
 * that hold them to their invariants.
 *
 * @example
 * ```js
 * import { loadKeyHash } from '@reprise/core'
 * import { simulate } from '@reprise/testkit'
 *
 * const { violations } = simulate(7, { keyHash: await loadKeyHash(), nodeCount: 3 })
 * console.log(violations.length) // 0
 * ```
 */
export type { Checker, World } from './checkers/checker.ts'
export type { SimulatedNode } from './cluster.ts'
export type { DiagramOptions } from './diagram.ts'
export { drawDiagram } from './diagram.ts'
export type { Fault, FaultKind } from './faults.ts'
export type { Growth, GrowthOptions } from './growth.ts'
export { measureGrowth } from './growth.ts'
export type { NetworkConditions } from './network.ts'
export { CALM } from './network.ts'
export { Random } from './random.ts'
export { Recorder } from './recorder.ts'
export type { WorkloadCounters } from './requests.ts'
export type { Mix, Scenario } from './scenario.ts'
export { drawScenario, LATEST_MIX, NODE_COUNT_MAX, NODE_COUNT_MIN } from './scenario.ts'
export { cartOf, itemsOf } from './shoppers.ts'
export type { ShrinkOptions, Shrunk } from './shrink.ts'
export { shrink } from './shrink.ts'
export type { SimulationOptions, SimulationResult, Violation } from './simulation.ts'
export { QUIET_MS_MAX, simulate, simulateScenario } from './simulation.ts'
