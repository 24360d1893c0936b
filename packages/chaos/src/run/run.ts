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
import type { Backend, ClusterUnderTest, StartOptions } from '../backends/backend.ts'
import { START_DEADLINE_MS, TLS_LIFETIME_MS, TLS_LOOKUP_DEADLINE_MS, TLS_RENEWAL_MS } from '../constants.ts'
import { ClusterError } from '../errors.ts'
import { planStrikes } from '../plan.ts'
import type { FaultBand, FinalCheck, HandshakeDetail, Operation, RunRecord, Violation } from '../run-record.ts'
import type { Scenario } from '../scenario.ts'
import { type Identities, makeIdentities } from '../tls/identities.ts'
import { TlsTraffic } from '../tls/tls-traffic.ts'
import { Balancer } from '../workload/balancer.ts'
import { Clients } from '../workload/client.ts'
import { History } from '../workload/history.ts'
import type { Traffic } from '../workload/traffic.ts'
import { Workload } from '../workload/workload.ts'
import type { RunEvent, RunPhase } from './events.ts'
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
  const { workload } = scenario
  const identities = await makeIdentities(workload.kind === 'tls' ? workload.clients : 0)
  const tls = servingOf(workload, identities)
  await using cluster = await backend.start(scenario, { seed, signal, previousNode, tls })
  // What still sleeps when all is over is no longer wanted.
  const over = new AbortController()
  try {
    const time = new RunTime(AbortSignal.any([signal, over.signal]))
    return await new Run({ scenario, cluster, identities, seed, onEvent, time }).go()
  } finally {
    over.abort()
  }
}

/** What members serve TLS with, when clients want that. */
function servingOf(workload: Scenario['workload'], { ca, server }: Identities): StartOptions['tls'] {
  if (workload.kind !== 'tls') return undefined
  const { lifetimeMs = TLS_LIFETIME_MS, lookupDeadlineMs = TLS_LOOKUP_DEADLINE_MS } = workload
  const renewalMs = Math.max(lifetimeMs, TLS_RENEWAL_MS)
  return { ...server, ca, lifetimeMs, renewalMs, lookupDeadlineMs }
}

interface RunParts {
  readonly scenario: Scenario
  readonly cluster: ClusterUnderTest
  readonly identities: Identities
  readonly seed: number
  readonly onEvent: (event: RunEvent) => void
  readonly time: RunTime
}

class Run {
  readonly #parts: RunParts
  readonly #history = new History()
  readonly #sampler: Sampler
  readonly #balancer: Balancer
  readonly #traffic: Traffic
  readonly #nemesis: Nemesis
  /** When the clients began. */
  #beganMs = 0
  #failure: RunOutcome['failure']

  constructor(parts: RunParts) {
    this.#parts = parts
    const { scenario, cluster, seed, time } = parts
    this.#sampler = new Sampler(cluster, time)
    const { workload } = scenario
    this.#balancer = new Balancer(new Random(seed, 22), workload.kind === 'tls' ? workload.balance : 'random')
    this.#traffic = this.#trafficOf(parts)
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

  #trafficOf({ scenario: { workload: plan }, cluster, identities, seed, time }: RunParts): Traffic {
    const [balancer, history] = [this.#balancer, this.#history]
    const random = { arrivals: new Random(seed, 23), reads: new Random(seed, 24) }
    if (plan.kind === 'tls') return new TlsTraffic({ plan, cluster, identities, balancer, history, random, time })
    const { confirm, itemBytes = 0 } = plan
    const clients = new Clients({ cluster, balancer, history, time, confirm, itemBytes })
    return new Workload({ plan, cluster, clients, balancer, random, time })
  }

  async go(): Promise<RunOutcome> {
    const { scenario, time } = this.#parts
    await this.#form()
    const sampling = this.#sampler.run((conditions) => this.#onLook(conditions))
    // Both are awaited below, unless what comes before fails, as when the run is ended: then that is what is heard of.
    sampling.catch(() => {})
    this.#beganMs = time.nowMs()
    this.#enter('running')
    this.#nemesis.start()
    const coming = this.#traffic.run()
    coming.catch(() => {})
    await this.#unlessFailed(time.sleep(scenario.phases.runMs))
    await this.#unlessFailed(this.#nemesis.restarted())
    this.#enter('healing')
    await Promise.all([this.#traffic.stop(), coming, this.#nemesis.heal()])
    const healedAtMs = this.#nowMs()
    const rest = await this.#comeToRest()
    this.#enter('reading')
    await this.#traffic.readBack()
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
    await this.#traffic.fill()
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
      operations: this.#history.operations().map((operation) => operationSince(began, operation)),
      healedAtMs,
      quietAtMs: since(quietAtMs),
      check,
      unrest,
      failure: this.#failure,
    }
  }
}

function operationSince(began: number, operation: Operation): Operation {
  const { startMs, endMs, detail } = operation
  const { endsMs, tls } = detail
  return {
    ...operation,
    startMs: startMs - began,
    endMs: endMs === undefined ? undefined : endMs - began,
    detail: {
      ...detail,
      ...(endsMs !== undefined && { endsMs: endsMs - began }),
      ...(tls !== undefined && { tls: handshakeSince(began, tls) }),
    },
  }
}

function handshakeSince(began: number, handshake: HandshakeDetail): HandshakeDetail {
  const { offered } = handshake
  if (offered === undefined) return handshake
  const { madeMs, livesUntilMs, madeBy } = offered
  return { ...handshake, offered: { madeMs: madeMs - began, livesUntilMs: livesUntilMs - began, madeBy } }
}

function bandSince(began: number, { fault, nodes, fromMs, untilMs }: FaultBand): FaultBand {
  return { fault, nodes, fromMs: fromMs - began, untilMs: untilMs === undefined ? undefined : untilMs - began }
}
