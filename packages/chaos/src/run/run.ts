/**
 * One run of a scenario on a cluster of its own:
 *
 * ```
 *  start ─► all ready ─► fill ─► clients and faults ─► heal ─► at rest ─► read everything back ─► judge ─► stop
 *                                0 ────────── runMs ───┘  quietWithinMs
 * ```
 *
 * Whatever happens, the cluster is gone when this is over.
 */
import { Random } from '@reprise/testkit'
import type { Backend, ClusterUnderTest } from '../backends/backend.ts'
import { START_DEADLINE_MS } from '../constants.ts'
import { ClusterError } from '../errors.ts'
import { planStrikes } from '../plan.ts'
import type { FaultBand, FinalCheck, RunRecord, Violation } from '../run-record.ts'
import type { Scenario } from '../scenario.ts'
import { Balancer } from '../workload/balancer.ts'
import { Clients } from '../workload/client.ts'
import { History } from '../workload/history.ts'
import { Workload } from '../workload/workload.ts'
import type { RunEvent, RunPhase } from './events.ts'
import { readEverything } from './final-reads.ts'
import { Nemesis } from './nemesis.ts'
import { comeToRest, type Rest, untilReady } from './rest.ts'
import { type Conditions, Sampler } from './sampler.ts'
import { RunTime } from './time.ts'

/** What a run left, before it is judged and named. */
export type RunOutcome = Pick<
  RunRecord,
  'memberNames' | 'faults' | 'samples' | 'operations' | 'healedAtMs' | 'quietAtMs' | 'check'
> & {
  /** What is not at rest in the end, for people. */
  readonly unrest: string | undefined
  /** A member ended that nobody had told to. */
  readonly failure: { readonly atMs: number; readonly error: Error } | undefined
}

/** A run, and what went wrong that no client tells of. */
export interface Attempt {
  readonly outcome: RunOutcome
  readonly failures: readonly Violation[]
}

export interface RunInit {
  readonly scenario: Scenario
  readonly backend: Backend
  readonly seed: number
  readonly onEvent: (event: RunEvent) => void
  readonly signal: AbortSignal
  readonly previousNode: URL | undefined
}

/** @throws ClusterError when the cluster did not form; the signal's reason. */
export async function run({ scenario, backend, seed, onEvent, signal, previousNode }: RunInit): Promise<RunOutcome> {
  onEvent({ type: 'phase', atMs: 0, phase: 'starting' })
  await using cluster = await backend.start(scenario, { seed, signal, previousNode })
  // What still sleeps when all is over is no longer wanted.
  const over = new AbortController()
  try {
    const time = new RunTime(AbortSignal.any([signal, over.signal]))
    return await new Run({ scenario, cluster, seed, onEvent, time }).go()
  } finally {
    over.abort()
  }
}

interface RunParts {
  readonly scenario: Scenario
  readonly cluster: ClusterUnderTest
  readonly seed: number
  readonly onEvent: (event: RunEvent) => void
  readonly time: RunTime
}

class Run {
  readonly #parts: RunParts
  readonly #history = new History()
  readonly #sampler: Sampler
  readonly #balancer: Balancer
  readonly #clients: Clients
  readonly #workload: Workload
  readonly #nemesis: Nemesis
  /** When the clients began. */
  #beganMs = 0
  #failure: RunOutcome['failure']

  constructor(parts: RunParts) {
    this.#parts = parts
    const { scenario, cluster, seed, time } = parts
    const { confirm, itemBytes = 0 } = scenario.workload
    this.#sampler = new Sampler(cluster, time)
    this.#balancer = new Balancer(new Random(seed, 22))
    this.#clients = new Clients({
      cluster,
      balancer: this.#balancer,
      history: this.#history,
      time,
      confirm,
      itemBytes,
    })
    this.#workload = new Workload({
      plan: scenario.workload,
      clients: this.#clients,
      balancer: this.#balancer,
      random: new Random(seed, 23),
      time,
    })
    this.#nemesis = new Nemesis({
      cluster,
      strikes: planStrikes(scenario, seed),
      time,
      writers: () => this.#history.writers(time.nowMs()),
      onBegin: (band) => this.#tellBand('begins', band),
      onEnd: (band) => this.#tellBand('ends', band),
    })
    void cluster.failed.then((error) => {
      this.#failure = { atMs: this.#nowMs(), error }
    })
  }

  async go(): Promise<RunOutcome> {
    const { scenario, cluster, time } = this.#parts
    await this.#form()
    const sampling = this.#sampler.run((conditions) => this.#onLook(conditions))
    // Both are awaited below, unless what comes before fails, as when the run is ended: then that is what is heard of.
    sampling.catch(() => {})
    this.#beganMs = time.nowMs()
    this.#enter('running')
    this.#nemesis.start()
    const coming = this.#workload.run()
    coming.catch(() => {})
    await this.#unlessFailed(time.sleep(scenario.phases.runMs))
    await this.#unlessFailed(this.#nemesis.restarted())
    this.#enter('healing')
    await Promise.all([this.#workload.stop(), coming, this.#nemesis.heal()])
    const healedAtMs = this.#nowMs()
    const rest = await this.#comeToRest()
    this.#enter('reading')
    await readEverything(this.#workload.sessions, {
      cluster,
      clients: this.#clients,
      random: new Random(this.#parts.seed, 24),
      nextRequest: () => this.#workload.nextRequest(),
    })
    this.#sampler.stop()
    await sampling
    return this.#outcome(healedAtMs, rest)
  }

  /** Until all members are ready and the sessions are there. */
  async #form(): Promise<void> {
    const { cluster, time } = this.#parts
    const unrest = await untilReady({ cluster, sampler: this.#sampler, time, withinMs: START_DEADLINE_MS })
    if (unrest !== undefined) throw new ClusterError(`the cluster did not form: ${unrest}`, { code: 'START' })
    this.#balancer.update(await this.#sampler.look(), cluster.expected)
    await this.#workload.fill()
    this.#history.takeCounts()
  }

  async #unlessFailed(promise: Promise<void>): Promise<void> {
    await Promise.race([promise, this.#parts.cluster.failed])
  }

  async #comeToRest(): Promise<Rest> {
    const { scenario, cluster, time } = this.#parts
    const { previousWire = [] } = scenario.cluster
    const isJudged = scenario.invariants.includes('convergence')
    // Members of the previous wire cannot be asked, so their copies are not counted.
    const isWhole = ({ differing, short }: FinalCheck): boolean =>
      !isJudged || (differing === 0 && (short === 0 || previousWire.length > 0))
    const checker = (): number => cluster.expected.find((node) => !previousWire.includes(node)) ?? 0
    const sinceMs = time.nowMs()
    const { quietWithinMs: withinMs } = scenario.phases
    const rest = await comeToRest({ cluster, sampler: this.#sampler, time, withinMs, checker, isWhole })
    const { quietAtMs } = rest
    if (quietAtMs !== undefined) {
      this.#parts.onEvent({ type: 'quiet', atMs: this.#nowMs(), afterMs: quietAtMs - sinceMs })
    }
    return rest
  }

  #onLook(conditions: Conditions): void {
    const { cluster, onEvent } = this.#parts
    this.#balancer.update(conditions, cluster.expected)
    const answered = [...conditions.values()].filter((condition) => typeof condition !== 'string')
    onEvent({
      type: 'tick',
      atMs: this.#nowMs(),
      ...this.#history.takeCounts(),
      lagFrames: Math.max(0, ...answered.map(({ lagFrames }) => lagFrames)),
      ready: answered.filter(({ state }) => state === 'ready').length,
      members: cluster.expected.length,
    })
  }

  #enter(phase: RunPhase): void {
    this.#parts.onEvent({ type: 'phase', atMs: this.#nowMs(), phase })
  }

  #tellBand(state: 'begins' | 'ends', band: FaultBand): void {
    const { cluster, onEvent } = this.#parts
    const { memberNames } = cluster
    onEvent({ type: 'fault', atMs: this.#nowMs(), state, band: bandSince(this.#beganMs, band), memberNames })
  }

  /** Since the clients began. */
  #nowMs(): number {
    return this.#parts.time.nowMs() - this.#beganMs
  }

  #outcome(healedAtMs: number, { quietAtMs, check, unrest }: Rest): RunOutcome {
    const began = this.#beganMs
    const since = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms - began)
    return {
      memberNames: this.#parts.cluster.memberNames,
      faults: this.#nemesis.bands.map((band) => bandSince(began, band)),
      samples: this.#sampler.samples.map((sample) => ({ ...sample, atMs: sample.atMs - began })),
      operations: this.#history.operations().map((operation) => {
        const { startMs, endMs, detail } = operation
        const ends = detail.endsMs === undefined ? {} : { endsMs: detail.endsMs - began }
        return { ...operation, startMs: startMs - began, endMs: since(endMs), detail: { ...detail, ...ends } }
      }),
      healedAtMs,
      quietAtMs: since(quietAtMs),
      check,
      unrest,
      failure: this.#failure,
    }
  }
}

function bandSince(began: number, { fault, nodes, fromMs, untilMs }: FaultBand): FaultBand {
  return { fault, nodes, fromMs: fromMs - began, untilMs: untilMs === undefined ? undefined : untilMs - began }
}
