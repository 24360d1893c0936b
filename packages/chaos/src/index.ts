/**
 * Chaos for a cluster: scenarios as data, the backends that run them, the checkers that judge a run, and its report.
 *
 * @packageDocumentation
 *
 * @example
 * ```js
 * import { runScenario, scenario } from '@reprise/chaos'
 *
 * const killed = scenario({
 *   name: 'killed',
 *   summary: 'one of three members is killed',
 *   cluster: { nodes: 3, copies: 1 },
 *   workload: { keys: 20, rate: 50 },
 *   nemesis: [{ atMs: 500, lastsMs: 500, fault: { kind: 'kill', nodes: ['any'] } }],
 *   phases: { runMs: 2_000 },
 * })
 * const { violations } = await runScenario(killed, { backend: 'sim', seed: 7 }) // or 'proc', for real
 * console.log(violations.length) // 0
 * ```
 */

export { backendsFor } from './backends/backends.ts'
export type { Evidence } from './checkers/checker.ts'
export { judge } from './checkers/judge.ts'
export type { ScenarioInput } from './define.ts'
export { SAFETY, scenario, TLS_INVARIANTS } from './define.ts'
export type { ClusterFailure } from './errors.ts'
export { ClusterError, ScenarioError, UnsupportedError } from './errors.ts'
export { judgedIn } from './judged.ts'
export { LinksError } from './links/errors.ts'
export type * from './links/links.ts'
export { type LabHost, NetnsLab } from './links/netns-lab.ts'
export { NetnsLinks, type NetnsLinksOptions } from './links/netns-links.ts'
export { allLinks, ProxyLinks, type ProxyLinksOptions } from './links/proxy-links.ts'
export type { Measures, Percentile, Takeover } from './measures.ts'
export { measure } from './measures.ts'
export { readScenario } from './read-scenario.ts'
export { faultName } from './report/fault-name.ts'
export { renderReport } from './report/report.ts'
export type { HandshakeTally, InsideAndOut, Percentiles, RequestTally } from './report/tally.ts'
export { tallyHandshakes, tallyRequests } from './report/tally.ts'
export type { RunEvent, RunPhase } from './run/events.ts'
export type { RunOptions } from './run/run-scenario.ts'
export { runScenario } from './run/run-scenario.ts'
export type * from './run-record.ts'
export type * from './scenario.ts'
export { findScenario, SCENARIOS } from './scenarios/catalogue.ts'
