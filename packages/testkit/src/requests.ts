/**
 * Requests of simulated clients: they go to a node, end once, at the latest at their deadline, and what they wrote goes into
 * the ledger. Who asks for what, and when, is decided by the clients (`workload.ts`, `shoppers.ts`).
 */
import { Buffer } from 'node:buffer'
import type {
  Birth,
  CheckReport,
  CommitCommand,
  LiveRecord,
  Notice,
  Outcome,
  RepriseError,
  Result,
  SessionKey,
  Version,
  WriteProof,
} from '@reprise/core'
import { ABSENT, compareBirths } from '@reprise/core'
import type { Cluster, SimulatedNode } from './cluster.ts'
import type { EventQueue } from './event-queue.ts'
import type { Commit, Drop, Ledger, Read, ReadResult, SessionLife } from './ledger.ts'
import type { Random } from './random.ts'

/** What requests tell the checkers, besides what is in the ledger. */
export interface RequestEvents {
  onReadStart(read: Read): void
  onReadEnd(result: ReadResult): void
  onIssued(write: Commit | Drop): void
  onConfirmed(write: Commit | Drop): void
  onViolation(rule: string, text: string): void
  /** What clients do, for people. */
  onLog?(line: string): void
}

export interface WorkloadCounters {
  requests: number
  written: number
  confirmed: number
  dropped: number
  complete: number
  partial: number
  absent: number
  unknown: number
  failed: number
  unavailable: number
}

/** Whether, and when, the client of a request gives up. */
export type Patience = Pick<Random, 'chance' | 'between'>

/** A client that waits to the end. */
export const PATIENT: Patience = { chance: () => false, between: (min) => min }

export interface Lifetime {
  readonly idleMs: number
  readonly absoluteMs: number
}

export interface CommitOptions {
  readonly copies: number
  readonly waitMs: number
  /** Another idle time from now on; default: as before. */
  readonly idleMs?: number | undefined
}

/** Text by portion name; null where the portion is removed. */
export type Changes = ReadonlyMap<string, string | null>

export class Requests {
  readonly counters: WorkloadCounters = {
    requests: 0,
    written: 0,
    confirmed: 0,
    dropped: 0,
    complete: 0,
    partial: 0,
    absent: 0,
    unknown: 0,
    failed: 0,
    unavailable: 0,
  }
  readonly #cluster: Cluster
  readonly #queue: EventQueue
  readonly #ledger: Ledger
  readonly #events: RequestEvents
  readonly #pending = new Map<number, Pending>()
  /** Commits that wait for large values, by request: told when they take their version. */
  readonly #unpublished = new Map<number, (version: Version) => void>()
  #nextRequest = 1

  constructor(cluster: Cluster, queue: EventQueue, ledger: Ledger, events: RequestEvents) {
    this.#cluster = cluster
    this.#queue = queue
    this.#ledger = ledger
    this.#events = events
  }

  /** Requests that are under way at nodes that still run. */
  get pendingCount(): number {
    let count = 0
    for (const { node, life } of this.#pending.values()) if (node.life === life && node.isRunning) count++
    return count
  }

  /** Whether the node runs, and the session is one whose creation was heard of. */
  mayWrite(node: SimulatedNode, key: SessionKey, birth: Birth): boolean {
    return node.isRunning && this.#ledger.life(key, birth) !== undefined
  }

  /** The end of a request. */
  onResult(node: SimulatedNode, result: Result): void {
    const pending = this.#pending.get(result.request)
    if (pending === undefined || pending.isOver) {
      this.#events.onViolation('requests', `request ${result.request} at ${node.id} ended twice or never began`)
      return
    }
    pending.isOver = true
    if (!pending.isSynchronous) this.#pending.delete(result.request)
    // Refused for copies it may be written all the same.
    const mayFollow = result.kind === 'failed' && result.error.code === 'NOT_ENOUGH_HOLDERS'
    if (!mayFollow) this.#unpublished.delete(result.request)
    if (result.kind === 'failed') {
      this.counters.failed++
      if (result.error.code === 'UNAVAILABLE') this.counters.unavailable++
    }
    if (this.#events.onLog !== undefined) this.#events.onLog(`${node.id} answers: ${describe(result)}`)
    pending.onResult(result)
  }

  /** A commit that waited for large values was written. Comes before its result, and may come after its failure. */
  onPublished({ request, version }: Notice & { readonly type: 'published' }): void {
    this.#unpublished.get(request)?.(version)
    this.#unpublished.delete(request)
  }

  /** @param random decides whether the client gives up. */
  resume(
    node: SimulatedNode,
    read: Omit<Read, 'node' | 'startedAtMs' | 'deadlineMs'>,
    deadlineMs: number,
    random: Patience,
    onOutcome: (outcome: Outcome | undefined) => void,
  ): void {
    const started: Read = { ...read, node: node.index, startedAtMs: this.#queue.nowMs, deadlineMs }
    this.#events.onReadStart(started)
    const { key, portions, proof, consistency } = started
    this.#send(
      node,
      deadlineMs,
      random,
      (request) => ({ type: 'resume', request, key, portions, proof, consistency, deadlineMs }),
      (result) => {
        if (result.kind !== 'resumed') return onOutcome(undefined)
        const { outcome } = result
        this.counters[outcome.outcome]++
        this.#events.onReadEnd({ read: started, outcome, endedAtMs: this.#queue.nowMs })
        onOutcome(outcome)
      },
    )
  }

  create(
    node: SimulatedNode,
    key: SessionKey,
    { idleMs, absoluteMs }: Lifetime,
    deadlineMs: number,
    random: Patience,
    onCreated: (birth: Birth | undefined) => void,
    assumeNew = false,
  ): void {
    this.#send(
      node,
      deadlineMs,
      random,
      (request) => ({ type: 'create', request, key, idleMs, absoluteMs, assumeNew, deadlineMs }),
      (result) => {
        if (result.kind !== 'created') return onCreated(undefined)
        const { birth } = result
        const createdAtMs = this.#queue.nowMs
        this.#ledger.addLife({
          key,
          birth,
          createdAtMs,
          idleMs,
          absoluteMs,
          commits: [],
          drops: [],
          touchedAtMs: createdAtMs,
        })
        onCreated(birth)
      },
    )
  }

  check(node: SimulatedNode, deadlineMs: number, onReport: (report: CheckReport) => void): void {
    this.#send(
      node,
      deadlineMs,
      PATIENT,
      (request) => ({ type: 'check', request, deadlineMs }),
      (result) => {
        if (result.kind === 'checked') onReport(result.report)
      },
    )
  }

  touch(node: SimulatedNode, key: SessionKey, birth: Birth): void {
    const life = this.#ledger.life(key, birth)
    if (life !== undefined) life.touchedAtMs = this.#queue.nowMs
    this.#cluster.step(node, { type: 'touch', key, birth })
  }

  /** @param onEnd hears the proof, or why there is none; nothing when the client gave up. */
  commit(
    node: SimulatedNode,
    key: SessionKey,
    birth: Birth,
    changes: Changes,
    { copies, waitMs, idleMs }: CommitOptions,
    random: Patience,
    onEnd: (proof: WriteProof | undefined, error: RepriseError | undefined) => void,
  ): void {
    const life = this.#ledger.life(key, birth)
    if (!node.isRunning || life === undefined) return
    const announced = node.replica?.nextVersion(key, birth)
    let commit: Commit | undefined
    let isPublishedLater = false
    let failure: RepriseError | undefined
    this.#send(
      node,
      waitMs,
      random,
      (request) => {
        this.#unpublished.set(request, (version) => {
          isPublishedLater = true
          commit = this.#record(node, life, changes, idleMs, version)
        })
        return { type: 'commit', request, key, birth, changes: toBytes(changes), copies, waitMs, idleMs }
      },
      (result) => {
        if (result.kind === 'failed') {
          failure = result.error
          onEnd(undefined, result.error)
        }
        if (result.kind !== 'written') return
        commit ??= this.#record(node, life, changes, idleMs)
        if (commit === undefined) return
        this.counters.written++
        commit.confirmedCopies = copies
        if (copies > 0) {
          this.counters.confirmed++
          this.#events.onConfirmed(commit)
        }
        onEnd(result.proof, undefined)
      },
    )
    // While large values are on their way nobody knows which version is next.
    if (isPublishedLater || node.replica?.nextVersion(key, birth) === undefined) return
    // Refused for copies it is written all the same; refused for anything else it is not.
    if (failure !== undefined && failure.code !== 'NOT_ENOUGH_HOLDERS') return
    commit ??= this.#record(node, life, changes, idleMs)
    if (commit === undefined || announced === undefined) return
    const { version } = commit
    if (version.seq !== announced.seq || version.tenure.epoch !== announced.tenure.epoch) {
      this.#events.onViolation('I-R2', `${node.id} announced another version for ${key} than its commit took`)
    }
  }

  drop(
    node: SimulatedNode,
    key: SessionKey,
    birth: Birth,
    copies: number,
    waitMs: number,
    random: Patience,
    onEnd: (isDropped: boolean) => void = () => {},
  ): void {
    const life = this.#ledger.life(key, birth)
    if (!node.isRunning || life === undefined) return
    const absoluteAtMs = node.clock.nowMs(this.#queue.nowMs) + life.absoluteMs
    const drop: Drop = {
      kind: 'drop',
      life,
      node: node.id,
      nodeLife: node.life,
      issuedAtMs: this.#queue.nowMs,
      confirmedCopies: undefined,
    }
    life.drops.push(drop)
    this.#events.onIssued(drop)
    this.#send(
      node,
      waitMs,
      random,
      (request) => ({ type: 'drop', request, key, birth, absoluteAtMs, copies, waitMs }),
      (result) => {
        if (result.kind !== 'dropped') return onEnd(false)
        this.counters.dropped++
        drop.confirmedCopies = copies
        // A birth that a later one replaced is over without anybody's confirmation.
        const isReplaced = compareBirths(node.entry(key)?.record.birth ?? birth, birth) > 0
        if (copies > 0 && !isReplaced) this.#events.onConfirmed(drop)
        onEnd(true)
      },
    )
  }

  /** Write a commit down as the node numbered it. */
  #record(
    node: SimulatedNode,
    life: SessionLife,
    changes: Changes,
    idleMs: number | undefined,
    published?: Version,
  ): Commit | undefined {
    const record = node.entry(life.key)?.record
    const [name] = changes.keys()
    const version = published ?? (record as LiveRecord | undefined)?.portions?.get(name as string)?.version
    if (version === undefined) return undefined
    const commit: Commit = {
      kind: 'commit',
      life,
      node: node.id,
      nodeLife: node.life,
      version,
      changes,
      idleMs,
      issuedAtMs: this.#queue.nowMs,
      confirmedCopies: undefined,
    }
    if (this.#ledger.addCommit(commit) !== undefined) {
      this.#events.onViolation('I-R2', `${node.id} issued a version of ${life.key} twice`)
    }
    this.#events.onIssued(commit)
    return commit
  }

  #send(
    node: SimulatedNode,
    deadlineMs: number,
    random: Patience,
    toEvent: (request: number) => Parameters<Cluster['step']>[1],
    onResult: (result: Result) => void,
  ): void {
    const request = this.#nextRequest++
    this.counters.requests++
    const pending: Pending = { node, life: node.life, deadlineMs, onResult, isOver: false, isSynchronous: true }
    this.#pending.set(request, pending)
    const event = toEvent(request)
    if (this.#events.onLog !== undefined) this.#events.onLog(`${node.id} is asked: ${describe(event)}`)
    this.#cluster.step(node, event)
    pending.isSynchronous = false
    if (pending.isOver) {
      this.#pending.delete(request)
      return
    }
    const isCancelled = random.chance(CANCEL_RATE)
    if (isCancelled) this.#queue.after(random.between(0, deadlineMs), () => this.#cancel(request, pending))
    this.#queue.after(deadlineMs * (1 + CLOCK_ERROR) + LATE_MS_MAX, () => this.#expectEnd(request, pending))
  }

  #expectEnd(request: number, pending: Pending): void {
    const { node, life, deadlineMs } = pending
    if (!this.#pending.has(request)) return
    // What came while the node was paused began when it woke.
    const dueMs = node.wokeAtMs + deadlineMs * (1 + CLOCK_ERROR) + LATE_MS_MAX
    if (node.life !== life || !node.isUp) this.#pending.delete(request)
    else if (node.isPaused || dueMs > this.#queue.nowMs) {
      this.#queue.after(deadlineMs + RECHECK_MS, () => this.#expectEnd(request, pending))
    } else {
      this.#pending.delete(request)
      this.#events.onViolation('requests', `request ${request} at ${node.id} outlived its deadline`)
    }
  }

  #cancel(request: number, pending: Pending): void {
    if (pending.isOver || pending.node.life !== pending.life || !pending.node.isRunning) return
    this.#cluster.step(pending.node, { type: 'cancel', request })
    // A write that waits says how it ended; what nobody waits for is not reported.
    pending.isOver = true
    this.#pending.delete(request)
  }
}

interface Pending {
  readonly node: SimulatedNode
  readonly life: number
  readonly deadlineMs: number
  readonly onResult: (result: Result) => void
  isOver: boolean
  /** The command that began it has not returned yet. */
  isSynchronous: boolean
}

function toBytes(changes: Changes): CommitCommand['changes'] {
  return new Map([...changes].map(([name, text]) => [name, text === null ? ABSENT : Buffer.from(text, 'latin1')]))
}

/** One line of a request or a result, for people. */
function describe(what: object): string {
  return JSON.stringify(what, (_name, value: unknown) => {
    if (value instanceof Map) return Object.fromEntries(value)
    // Of a check the shards that are well are sixty lines of the log.
    if (isCheckReport(value)) return { ...value, shards: value.shards.filter(({ verdict }) => verdict !== 'ok') }
    if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
    if (value !== null && typeof value === 'object' && 'type' in value && value.type === 'Buffer' && 'data' in value)
      return Buffer.from(value.data as number[]).toString('latin1')
    if (value instanceof Error) return `${(value as RepriseError).code}: ${value.message}`
    return value
  })
}

function isCheckReport(value: unknown): value is CheckReport {
  return typeof value === 'object' && value !== null && 'checkedShards' in value
}

const CANCEL_RATE = 0.03
/** A node that runs may answer this much after the deadline: its tick comes at the deadline. */
const LATE_MS_MAX = 2
/** A deadline is on the node's clock, which may run this much slow. */
const CLOCK_ERROR = 0.0102
const RECHECK_MS = 500
