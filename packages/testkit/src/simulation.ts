/**
 * One run: a seed becomes a scenario, the scenario happens to a cluster of real replicas in virtual time, and checkers say
 * what broke.
 *
 * ```
 *  boot ─► warm up ─► clients and faults ─► heal everything, restart the crashed, stop the clients ─► quiet ─► idle
 *                     checkpoints all the time                              within QUIET_MS_MAX ──────┘
 * ```
 *
 * The same seed and options give the same run, event by event; `traceHash` is how that is checked.
 */
import type { KeyHash, Replica, SessionKey } from '@reprise/core'
import { bucketOf, CHECK_DEADLINE_MS_DEFAULT, shardOfBucket, toSessionKey } from '@reprise/core'
import { Bounds } from './checkers/bounds.ts'
import { Carts } from './checkers/carts.ts'
import type { CheckCounters } from './checkers/check-reports.ts'
import { CheckReports } from './checkers/check-reports.ts'
import type { Checker, World } from './checkers/checker.ts'
import { Contents } from './checkers/contents.ts'
import { Convergence } from './checkers/convergence.ts'
import { Drops } from './checkers/drops.ts'
import { Durability } from './checkers/durability.ts'
import { Expiry } from './checkers/expiry.ts'
import { Idleness } from './checkers/idleness.ts'
import { LargeValues } from './checkers/large-values.ts'
import { Leavers } from './checkers/leavers.ts'
import { MergeLaws } from './checkers/merge-laws.ts'
import { Readiness } from './checkers/readiness.ts'
import { Reads } from './checkers/reads.ts'
import { Takeovers } from './checkers/takeovers.ts'
import { Cluster } from './cluster.ts'
import { EventQueue } from './event-queue.ts'
import type { FaultKind } from './faults.ts'
import { FaultInjector } from './faults.ts'
import { describeWrite, Ledger } from './ledger.ts'
import { LivenessProbe } from './liveness.ts'
import type { NetworkEvents } from './network.ts'
import { CALM, SLOW_QUEUE_MS_MAX } from './network.ts'
import { Random } from './random.ts'
import type { MarkKind, Recorder } from './recorder.ts'
import { kindOfMessage } from './recorder.ts'
import type { WorkloadCounters } from './requests.ts'
import { Requests } from './requests.ts'
import type { Liveness, Mix, Scenario } from './scenario.ts'
import { drawScenario } from './scenario.ts'
import { cartKeys, Shoppers } from './shoppers.ts'
import { Visits, Workload } from './workload.ts'

export interface SimulationOptions {
  readonly keyHash: KeyHash
  /** Instead of the number that the seed draws. */
  readonly nodeCount?: number | undefined
  /** How the seed is drawn; default the latest. */
  readonly mix?: Mix
  /** Rules of the core that are taken away. */
  readonly planted?: readonly string[]
  /** The code that a node of a wire version runs; default: the present one, which speaks all of them. */
  readonly coreOf?: (wire: number) => typeof Replica
  /** Changes what was drawn: for shrinking, and for looking closer. */
  readonly adapt?: (scenario: Scenario) => Scenario
  /** Also check the copies while clients and faults are at it, and not only at the end: the messages of a check make it another run
   * of the same scenario. */
  readonly checks?: boolean
  /** Watch the run as its checkers do, after them. */
  readonly observers?: readonly ((world: World) => Checker)[]
  /** Told what is sent and done, to be drawn. */
  readonly recorder?: Recorder
  /** Told what happens, line by line. */
  readonly log?: (line: string) => void
}

/** Something that must not happen, and did. */
export interface Violation {
  /** The rule, and so the checker, that it breaks. */
  readonly rule: string
  readonly atMs: number
  readonly text: string
}

export interface SimulationResult {
  readonly seed: number
  readonly nodeCount: number
  readonly scenario: Scenario
  readonly violations: readonly Violation[]
  /** Steps of replicas. */
  readonly events: number
  readonly traceHash: number
  /** Visits of clients that took place, by number; none when they draw from one stream. */
  readonly visits: readonly number[]
  /** When clients and faults began: the times of faults count from there. */
  readonly startedAtMs: number
  /** How long it took after healing until everything was quiet, in virtual milliseconds. */
  readonly quietAfterMs: number
  readonly virtualMs: number
  readonly workload: Readonly<WorkloadCounters>
  readonly repairs: number
  readonly checks: Readonly<CheckCounters>
}

/** Run one seed. */
export function simulate(seed: number, options: SimulationOptions): SimulationResult {
  const drawn = drawScenario(seed, options)
  return simulateScenario(options.adapt?.(drawn) ?? drawn, options)
}

/** Run a scenario as it is. */
export function simulateScenario(scenario: Scenario, options: SimulationOptions): SimulationResult {
  return new Simulation(scenario, options).run()
}

class Simulation implements World {
  readonly cluster: Cluster
  readonly ledger: Ledger
  readonly #scenario: Scenario
  readonly #options: SimulationOptions
  readonly #queue = new EventQueue()
  readonly #requests: Requests
  readonly #visits: Visits
  readonly #clients: readonly [Workload, Shoppers]
  readonly #injector: FaultInjector
  readonly #convergence: Convergence
  readonly #checkReports: CheckReports
  readonly #checkers: readonly Checker[]
  readonly #violations: Violation[] = []
  #repairs = 0

  constructor(scenario: Scenario, options: SimulationOptions) {
    this.#scenario = scenario
    this.#options = options
    const { seed, nodeCount, copies, conditions, cacheBytesMax, wires } = scenario
    const keys = Array.from({ length: scenario.keyCount }, (_, i) => toSessionKey(`s${i}`))
    this.ledger = new Ledger([...keys, ...cartKeys(scenario.workload)])
    const planted = new Set(options.planted)
    this.cluster = new Cluster(
      {
        nodeCount,
        copies,
        keyHash: options.keyHash,
        conditions,
        planted,
        cacheBytesMax,
        repositories: scenario.repositories,
        seed,
        wires,
        ...(options.coreOf && { coreOf: options.coreOf }),
      },
      this.#queue,
      new Random(seed, 3),
      {
        onResult: (node, result) => this.#requests.onResult(node, result),
        onNotice: (node, notice) => {
          if (notice.type === 'bad-message') {
            this.violate('messages', `${node.id} cannot read what ${notice.from} sent: ${notice.error.message}`)
          } else if (notice.type === 'repaired') this.#repairs++
          if (options.log !== undefined) this.#log(`${node.id} ${JSON.stringify(notice)}`)
          if (notice.type === 'shard:ready') this.#mark('ready', node.index, `ready for shard ${notice.shard}`)
          if (notice.type === 'shard:left') this.#mark('left', node.index, `let go of shard ${notice.shard}`)
          if (notice.type === 'published') this.#requests.onPublished(notice)
          for (const checker of this.#checkers) checker.onNotice?.(node, notice)
        },
        onFailure: (node, event, error) =>
          this.violate('steps', `${node.id} on ${event}: ${error instanceof Error ? error.stack : error}`),
        onCrash: (node) => {
          this.#log(`${node.id} ends`)
          this.#mark('crash', node.index, 'ends')
          for (const checker of this.#checkers) checker.onCrash?.(node)
        },
        onStart: (node) => {
          this.#log(`${node.id} starts as ${node.storedIncarnation}`)
          this.#mark('start', node.index, `starts as ${node.storedIncarnation}`)
        },
        onPause: (node) => {
          this.#log(`${node.id} stands still`)
          this.#mark('pause', node.index, 'stands still')
        },
        onWake: (node) => {
          this.#log(`${node.id} runs again`)
          this.#mark('wake', node.index, `runs again, ${node.inbox.length} events wait`)
        },
        ...(options.recorder === undefined ? {} : { onTransfer: this.#record(options.recorder) }),
      },
    )
    this.#requests = new Requests(this.cluster, this.#queue, this.ledger, {
      onReadStart: (read) => {
        for (const checker of this.#checkers) checker.onReadStart?.(read)
      },
      onReadEnd: (result) => {
        const { read, outcome } = result
        const how = `${read.consistency} read: ${outcome.outcome}, answered by ${outcome.from.answered.join(', ') || 'nobody'}`
        this.#mark(outcome.outcome, read.node, how, read.key)
        for (const checker of this.#checkers) checker.onReadEnd?.(result)
      },
      onIssued: (write) => {
        this.#mark(write.kind, this.cluster.nodeById(write.node).index, describeWrite(write), write.life.key)
        for (const checker of this.#checkers) checker.onIssued?.(write)
      },
      onConfirmed: (write) => {
        const text = `${describeWrite(write)}: ${write.confirmedCopies} copies confirmed`
        this.#mark('confirmed', this.cluster.nodeById(write.node).index, text, write.life.key)
        for (const checker of this.#checkers) checker.onConfirmed?.(write)
      },
      onViolation: (rule, text) => this.violate(rule, text),
      ...(options.log === undefined ? {} : { onLog: (line: string) => this.#log(line) }),
    })
    this.#visits = new Visits(seed, scenario.workload.visits)
    const components = { cluster: this.cluster, queue: this.#queue, requests: this.#requests, seed, keys }
    this.#clients = [
      new Workload(scenario.workload, this.#visits, components),
      new Shoppers(scenario.workload, this.#visits, components),
    ]
    this.#injector = new FaultInjector(this.cluster, this.#queue)
    this.#convergence = new Convergence(this)
    const parts = { requests: this.#requests, convergence: this.#convergence, random: new Random(seed, 11) }
    this.#checkReports = new CheckReports(this, parts, options.checks === true)
    this.#checkers = [
      new MergeLaws(this),
      new Contents(this),
      new Durability(this),
      new LargeValues(this),
      new Drops(this),
      new Reads(this),
      new Takeovers(this),
      new Expiry(this),
      new Carts(this),
      new Leavers(this),
      new Readiness(this),
      this.#convergence,
      new Idleness(this),
      new Bounds(this),
      this.#checkReports,
      ...(options.observers ?? []).map((observe) => observe(this)),
    ]
  }

  get nowMs(): number {
    return this.#queue.nowMs
  }

  get isReliable(): boolean {
    const { faults, conditions } = this.#scenario
    return conditions.refuseRate === 0 && !faults.some(({ kind }) => FILLING.has(kind))
  }

  get transitMsMax(): number {
    const { faults, conditions } = this.#scenario
    return faults.reduce((sum, { kind, lastsMs }) => {
      if (kind === 'pause' || kind === 'stall') return sum + lastsMs
      if (kind === 'slow') return sum + SLOW_QUEUE_MS_MAX
      return sum + (kind === 'partition' || kind === 'cut' ? conditions.patienceMsMax : 0)
    }, 0)
  }

  shardOf(key: SessionKey): number {
    return shardOfBucket(bucketOf(this.#options.keyHash(key)))
  }

  violate(rule: string, text: string): void {
    this.#log(`VIOLATION ${rule}: ${text}`)
    this.#mark('violation', undefined, `${rule}: ${text}`)
    if (this.#violations.length < VIOLATIONS_MAX) this.#violations.push({ rule, atMs: this.nowMs, text })
  }

  run(): SimulationResult {
    const { seed, nodeCount, faults, startsCold, activeMs } = this.#scenario
    this.#boot()
    if (!startsCold) this.#warmUp()
    const startedAtMs = this.nowMs
    for (const clients of this.#clients) clients.start()
    this.#injector.schedule(faults, this.nowMs)
    for (const fault of faults) this.#log(`fault at ${(this.nowMs + fault.atMs).toFixed(1)}: ${JSON.stringify(fault)}`)
    this.#runWithCheckpoints(this.nowMs + activeMs)
    for (const clients of this.#clients) clients.slowness = LATE_SLOWNESS
    // Faults that began late still get their time, or they would never last.
    while (this.#injector.activeCount > 0 && this.#violations.length === 0) {
      this.#runWithCheckpoints(this.nowMs + CHECKPOINT_MS)
    }
    for (const clients of this.#clients) clients.stop()
    if (this.#scenario.liveness !== undefined && this.#violations.length === 0)
      this.#goOnWithout(this.#scenario.liveness)
    const quietAfterMs = this.#comeToRest()
    return {
      seed,
      nodeCount,
      scenario: this.#scenario,
      violations: this.#violations,
      events: this.cluster.trace.events,
      traceHash: this.cluster.trace.hash,
      visits: this.#visits.made,
      startedAtMs,
      quietAfterMs,
      virtualMs: this.nowMs,
      workload: this.#requests.counters,
      repairs: this.#repairs,
      checks: this.#checkReports.counters,
    }
  }

  #boot(): void {
    const random = new Random(this.#scenario.seed, 5)
    const { clocks, lateNodes } = this.#scenario
    for (const node of this.cluster.nodes) {
      const wrong = clocks[node.index]
      node.clock.offsetMs = random.below(1_000_000)
      node.clock.wallOffsetMs = wrong?.wallOffsetMs ?? random.below(100) - 50
      node.clock.rate = wrong?.rate ?? 1
      if (lateNodes.includes(node.index)) continue
      // Seen one by one, the nodes that come first hold everything and hand most of it over: true, and slow.
      const jitterMs = this.#scenario.startsCold ? 50 : 2
      this.#queue.at(random.between(0, jitterMs), () => this.cluster.start(node, { jitterMs }))
    }
  }

  #warmUp(): void {
    const untilMs = this.nowMs + WARM_UP_MS_MAX
    while (this.nowMs < untilMs) {
      this.#queue.runUntil(this.nowMs + CHECKPOINT_MS)
      if (this.cluster.up().every(({ replica }) => replica?.isReady)) return
    }
    this.violate('I-R12', `the cluster did not form in ${WARM_UP_MS_MAX} ms: ${this.#convergence.unrest()}`)
  }

  /** Mend the core, let the troubles of all others begin, and see whether the core gets along. */
  #goOnWithout({ core, troubles }: Liveness): void {
    const untilMs = this.nowMs + ALIVE_MS_MAX
    this.#log(`n${core.join(', n')} must get along without the others: ${JSON.stringify(troubles)}`)
    this.#injector.heal()
    this.cluster.network.conditions = CALM
    for (const node of this.cluster.nodes) this.cluster.start(node)
    this.#injector.schedule(troubles, this.nowMs)
    const random = new Random(this.#scenario.seed, 10)
    const probe = new LivenessProbe(this.cluster, this.#requests, random, core, (key) => this.shardOf(key))
    this.#runWithCheckpoints(this.nowMs + TROUBLES_MS_MAX)
    let complaint: string | undefined = 'nothing ran yet'
    while (complaint !== undefined && this.nowMs < untilMs && this.#violations.length === 0) {
      for (const node of core) this.cluster.start(this.cluster.node(node))
      probe.probe()
      this.#runWithCheckpoints(this.nowMs + CHECKPOINT_MS)
      complaint = probe.complaint()
    }
    if (complaint === undefined || this.#violations.length > 0) return
    this.violate('liveness', `${ALIVE_MS_MAX / 1_000} s with only n${core.join(', n')}: ${complaint}`)
  }

  /** Heal, wait for quiet, check what must hold then, wait a little more, and check that nothing happened. */
  #comeToRest(): number {
    const healedAtMs = this.nowMs
    this.#log('heals')
    this.#mark('heal', undefined, 'everything heals')
    this.#injector.heal()
    this.cluster.network.conditions = CALM
    let unrest: string | undefined = 'nothing ran yet'
    let quietAfterMs = 0
    while (unrest !== undefined && this.nowMs < healedAtMs + QUIET_MS_MAX && this.#violations.length === 0) {
      // Also those that were on the way out when everything healed.
      for (const node of this.cluster.nodes) this.cluster.start(node)
      this.#runWithCheckpoints(this.nowMs + CHECKPOINT_MS)
      unrest = this.#requests.pendingCount > 0 ? 'requests are under way' : this.#convergence.unrest()
      quietAfterMs = this.nowMs - healedAtMs
      if (unrest !== undefined) continue
      this.#log('is quiet')
      // Announcements that are still under way are no idle traffic; a touch that was put off may go out now.
      this.#queue.runUntil(this.nowMs + SETTLE_MS)
      unrest = this.#convergence.unrest()
    }
    if (this.#violations.length > 0) return quietAfterMs
    if (unrest !== undefined) {
      const rule = unrest.includes('differ') ? 'I-R4' : 'I-R12'
      if (rule === 'I-R4') {
        this.#checkReports.expectAlarm()
        this.#runOutRequests()
      }
      this.violate(rule, `not quiet ${QUIET_MS_MAX / 1_000} s after everything healed: ${unrest}`)
      return quietAfterMs
    }
    for (const checker of this.#checkers) checker.onQuiet?.()
    this.#queue.runUntil(this.nowMs + IDLE_MS)
    for (const checker of this.#checkers) checker.onIdle?.()
    this.#checkReports.expectOk()
    this.#runOutRequests()
    return quietAfterMs
  }

  #runOutRequests(): void {
    const untilMs = this.nowMs + 2 * CHECK_DEADLINE_MS_DEFAULT
    while (this.#requests.pendingCount > 0 && this.nowMs < untilMs) this.#queue.runUntil(this.nowMs + CHECKPOINT_MS)
  }

  #runWithCheckpoints(untilMs: number): void {
    while (this.nowMs < untilMs && this.#violations.length === 0) {
      this.#queue.runUntil(Math.min(untilMs, this.nowMs + CHECKPOINT_MS))
      for (const checker of this.#checkers) checker.onCheckpoint?.()
    }
  }

  #mark(kind: MarkKind, node: number | undefined, text: string, key?: SessionKey): void {
    this.#options.recorder?.mark({ kind, node, atMs: this.nowMs, key, text })
  }

  #record(recorder: Recorder): NonNullable<NetworkEvents['onTransfer']> {
    return (from, to, bytes, isFrame, arrivesAtMs) => {
      const kind = isFrame ? 'frame' : kindOfMessage(bytes)
      recorder.transfer({ from, to, kind, bytes: bytes.length, sentAtMs: this.nowMs, arrivesAtMs })
    }
  }

  #log(line: string): void {
    this.#options.log?.(`${this.nowMs.toFixed(1).padStart(8)} ${line}`)
  }
}

/** The promise of the end: everything is equal this long after the last fault. */
export const QUIET_MS_MAX = 30_000
/** Faults that let somebody's buffers run full. */
const FILLING: ReadonlySet<FaultKind> = new Set([
  'full',
  'slow',
  'storm',
  'pause',
  'stall',
  'crash',
  'partition',
  'cut',
])
/** By when a core must get along without everybody else. */
const ALIVE_MS_MAX = 40_000
/** Troubles begin within this time. */
const TROUBLES_MS_MAX = 600
const WARM_UP_MS_MAX = 10_000
const CHECKPOINT_MS = 200
/** While only long faults are still on, clients keep things moving at a slower pace. */
const LATE_SLOWNESS = 4
const SETTLE_MS = 300
const IDLE_MS = 1_500
const VIOLATIONS_MAX = 10
