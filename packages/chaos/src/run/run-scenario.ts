/** A scenario, a backend and a seed become a record with a verdict. */
import { randomInt } from 'node:crypto'
import { createRequire } from 'node:module'
import { abilitiesOf, BACKENDS } from '../backends/backends.ts'
import { SIM_JUDGES, simulateRun } from '../backends/sim/simulate.ts'
import { seconds } from '../checkers/checker.ts'
import { judge } from '../checkers/judge.ts'
import { assertScenario, withNodes } from '../define.ts'
import { ClusterError } from '../errors.ts'
import { assertAble } from '../plan.ts'
import type { RunRecord, Violation } from '../run-record.ts'
import type { BackendName, Scenario } from '../scenario.ts'
import type { RunEvent } from './events.ts'
import { type Attempt, type RunInit, type RunOutcome, run } from './run.ts'

export interface RunOptions {
  /** Default `proc`, which needs nothing. */
  readonly backend?: BackendName
  /** Default: a random one, which the record names. */
  readonly seed?: number
  /** Members, instead of as many as the scenario has. */
  readonly nodes?: number
  /** Hears what happens while it happens. */
  readonly onEvent?: (event: RunEvent) => void
  /**
   * A module whose `createNode` makes members of the previous version of the wire, for scenarios that have some. Default: none, and such scenarios
   * run in virtual time only.
   */
  readonly previousNode?: URL
  /** Ends the run: everything is stopped, and the promise rejects with its reason. */
  readonly signal?: AbortSignal
}

/**
 * Run a scenario against a cluster of its own, which is gone when this is over, and judge what happened.
 *
 * @returns the record; that an invariant broke is in its `violations`.
 * @throws ScenarioError for a scenario that can never work, UnsupportedError for a fault that the backend does not have, or the signal's
 * reason.
 */
export async function runScenario(given: Scenario, options: RunOptions = {}): Promise<RunRecord> {
  const { backend: name = 'proc', seed = randomInt(2 ** 32), onEvent = () => {}, previousNode } = options
  const scenario = options.nodes === undefined ? given : withNodes(given, options.nodes)
  assertScenario(scenario)
  assertAble(name, await abilitiesOf(name, { previousNode }), scenario)
  const startedAt = new Date().toISOString()
  const signal = options.signal ?? new AbortController().signal
  signal.throwIfAborted()
  const init = { scenario, seed, onEvent, signal, previousNode }
  const { outcome, failures } =
    name === 'sim' ? await simulateRun(init) : await attempt({ ...init, backend: BACKENDS[name] })
  const { memberNames, faults, samples, operations, healedAtMs, quietAtMs, check } = outcome
  const evidence = {
    scenario,
    backend: name,
    seed,
    startedAt,
    version: `reprise ${version}`,
    replay: replayOf(scenario, { backend: name, seed, nodes: options.nodes }),
    memberNames,
    faults,
    samples,
    operations,
    healedAtMs,
    quietAtMs,
    check,
  }
  const isFormed = failures.every(({ invariant }) => invariant !== 'start')
  if (isFormed) onEvent({ type: 'phase', atMs: quietAtMs ?? healedAtMs, phase: 'judging' })
  const violations = isFormed ? [...failures, ...judge(evidence, name === 'sim' ? SIM_JUDGES : undefined)] : failures
  for (const violation of violations) onEvent({ type: 'violation', atMs: violation.atMs, violation })
  return { ...evidence, violations }
}

/** A cluster that does not form is a verdict, too. */
async function attempt(init: RunInit): Promise<Attempt> {
  try {
    const outcome = await run(init)
    return { outcome, failures: failuresOf(outcome, init.scenario) }
  } catch (error) {
    if (init.signal.aborted || !(error instanceof ClusterError)) throw error
    return { outcome: NOTHING, failures: [{ invariant: 'start', atMs: 0, session: undefined, text: error.message }] }
  }
}

function failuresOf({ failure, quietAtMs, healedAtMs, unrest }: RunOutcome, scenario: Scenario): Violation[] {
  const failures: Violation[] = []
  if (failure !== undefined) {
    failures.push({ invariant: 'alive', atMs: failure.atMs, session: undefined, text: failure.error.message })
  }
  if (quietAtMs === undefined || quietAtMs > healedAtMs + scenario.phases.quietWithinMs) {
    const text =
      quietAtMs === undefined
        ? `the cluster did not come to rest: ${unrest ?? 'nobody answered'}`
        : `the cluster came to rest ${seconds(quietAtMs - healedAtMs)} after everything healed`
    failures.push({ invariant: 'quiet', atMs: healedAtMs, session: undefined, text })
  }
  return failures
}

/** The command that does the same again. */
function replayOf(
  { name }: Scenario,
  { backend, seed, nodes }: { backend: string; seed: number; nodes?: number | undefined },
): string {
  const members = nodes === undefined ? '' : ` --nodes ${nodes}`
  return `reprise chaos run ${name} --backend ${backend} --seed ${seed}${members}`
}

const NOTHING: RunOutcome = {
  memberNames: [],
  faults: [],
  samples: [],
  operations: [],
  healedAtMs: 0,
  quietAtMs: undefined,
  check: undefined,
  unrest: undefined,
  failure: undefined,
}

const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string }
