/**
 * The clients of a simulated cluster: they visit nodes as a load balancer sends them, read and write sessions there, and
 * write down what they did.
 *
 * A client behaves as an application does with the public API: it resumes before it writes, keeps what it resumed for a
 * slow request that writes late, creates when there is nothing, remembers the proof of its last write, sometimes gives up.
 */
import { Buffer } from 'node:buffer'
import type { Birth, LiveRecord, RepriseError, Result, SessionKey, WriteProof } from '@reprise/core'
import { ABSENT, compareBirths } from '@reprise/core'
import type { Cluster, SimulatedNode } from './cluster.ts'
import type { EventQueue } from './event-queue.ts'
import type { Commit, Drop, Ledger, Read, ReadResult, SessionLife } from './ledger.ts'
import type { Random } from './random.ts'

/** What the clients of a seed are like, as data. */
export interface WorkloadOptions {
  readonly clients: number
  /** Pause between the visits of a client, in milliseconds on average. */
  readonly thinkMs: number
  /** How probable it is that the next visit is to another node. */
  readonly moveRate: number
  /** Relative frequencies of what a client does. */
  readonly mix: Readonly<Record<Activity, number>>
  /** Relative frequencies of the copies a write waits for. */
  readonly copies: Readonly<Record<'0' | '1' | '2', number>>
  readonly idleMs: number
  readonly absoluteMs: number
}

export type Activity = 'visit' | 'read' | 'late-write' | 'touch' | 'drop' | 'recreate'

/** What the workload tells the checkers, besides what is in the ledger. */
export interface WorkloadEvents {
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

export class Workload {
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
  readonly #options: WorkloadOptions
  readonly #cluster: Cluster
  readonly #queue: EventQueue
  readonly #random: Random
  readonly #ledger: Ledger
  readonly #events: WorkloadEvents
  readonly #pending = new Map<number, Pending>()
  #nextRequest = 1
  #nextContent = 1
  #isRunning = false
  /** Clients take so many times as long between visits. */
  slowness = 1

  constructor(
    options: WorkloadOptions,
    components: {
      readonly cluster: Cluster
      readonly queue: EventQueue
      readonly random: Random
      readonly ledger: Ledger
      readonly events: WorkloadEvents
    },
  ) {
    this.#options = options
    this.#cluster = components.cluster
    this.#queue = components.queue
    this.#random = components.random
    this.#ledger = components.ledger
    this.#events = components.events
  }

  /** Requests that are under way at nodes that still run. */
  get pendingCount(): number {
    let count = 0
    for (const pending of this.#pending.values()) if (pending.node.life === pending.life && pending.node.isUp) count++
    return count
  }

  start(): void {
    this.#isRunning = true
    for (let i = 0; i < this.#options.clients; i++) this.#think(new Client())
  }

  /** No new visits; what is under way goes on. */
  stop(): void {
    this.#isRunning = false
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
    if (result.kind === 'failed') {
      this.counters.failed++
      if (result.error.code === 'UNAVAILABLE') this.counters.unavailable++
    }
    this.#events.onLog?.(`${node.id} answers: ${describe(result)}`)
    pending.onResult(result)
  }

  #think(client: Client): void {
    const delayMs = -Math.log(1 - this.#random.fraction()) * this.#options.thinkMs * this.slowness
    this.#queue.after(delayMs, () => {
      if (!this.#isRunning) return
      this.#visit(client)
      this.#think(client)
    })
  }

  #visit(client: Client): void {
    const node = this.#chooseNode(client)
    if (node === undefined) return
    const key = this.#ledger.keys[this.#random.rank(this.#ledger.keys.length)] as SessionKey
    const activity = this.#random.weighted(this.#options.mix)
    const handle = client.handles.get(key)
    switch (activity) {
      case 'visit':
        return this.#resume(client, node, key, true)
      case 'read':
        return this.#resume(client, node, key, false)
      case 'recreate':
        return this.#create(client, node, key)
      case 'late-write':
        if (handle !== undefined) this.#commit(client, handle.node, key, handle.birth)
        return
      case 'touch':
        if (handle !== undefined) this.#cluster.step(handle.node, { type: 'touch', key, birth: handle.birth })
        return
      case 'drop':
        if (handle !== undefined) this.#drop(handle.node, key, handle.birth)
        return
    }
  }

  #chooseNode(client: Client): SimulatedNode | undefined {
    if (client.node?.isUp !== true || this.#random.chance(this.#options.moveRate)) {
      const up = this.#cluster.up()
      client.node = up.length === 0 ? undefined : this.#random.pick(up)
    }
    return client.node
  }

  #resume(client: Client, node: SimulatedNode, key: SessionKey, thenWrite: boolean): void {
    const isLatest = thenWrite || this.#random.chance(0.5)
    const read: Read = {
      key,
      node: node.index,
      consistency: isLatest ? 'latest' : 'any',
      portions: this.#random.chance(0.25) ? this.#random.some(PORTION_NAMES, 0.5) : undefined,
      proof: this.#random.chance(0.5) ? client.proofs.get(key) : undefined,
      startedAtMs: this.#queue.nowMs,
    }
    this.#events.onReadStart(read)
    const { portions, proof, consistency } = read
    const deadlineMs = Math.round(this.#random.between(100, 1_000))
    this.#request(
      node,
      deadlineMs,
      (request) => ({ type: 'resume', request, key, portions, proof, consistency, deadlineMs }),
      (result) => {
        if (result.kind !== 'resumed') return
        const { outcome } = result
        this.counters[outcome.outcome]++
        this.#events.onReadEnd({ read, outcome, endedAtMs: this.#queue.nowMs })
        if (outcome.outcome === 'complete' || outcome.outcome === 'partial') {
          client.handles.set(key, { node, birth: outcome.record.birth })
          if (thenWrite) this.#soon(() => this.#commit(client, node, key, outcome.record.birth))
        } else if (outcome.outcome === 'absent' && thenWrite) this.#soon(() => this.#create(client, node, key))
      },
    )
  }

  #create(client: Client, node: SimulatedNode, key: SessionKey): void {
    const { idleMs, absoluteMs } = this.#options
    const deadlineMs = Math.round(this.#random.between(100, 1_000))
    this.#request(
      node,
      deadlineMs,
      (request) => ({ type: 'create', request, key, idleMs, absoluteMs, assumeNew: false, deadlineMs }),
      (result) => {
        if (result.kind !== 'created') return
        const { birth } = result
        const createdAtMs = this.#queue.nowMs
        this.#ledger.addLife({ key, birth, createdAtMs, idleMs, absoluteMs, commits: [], drops: [] })
        client.handles.set(key, { node, birth })
        this.#soon(() => this.#commit(client, node, key, birth))
      },
    )
  }

  #commit(client: Client, node: SimulatedNode, key: SessionKey, birth: Birth): void {
    const life = this.#ledger.life(key, birth)
    if (!node.isUp || life === undefined) return
    const changes = this.#drawChanges(key)
    const copies = this.#drawCopies()
    const waitMs = Math.round(this.#random.between(200, 2_000))
    const announced = node.replica?.nextVersion(key, birth)
    let commit: Commit | undefined
    let failure: RepriseError | undefined
    this.#request(
      node,
      waitMs,
      (request) => ({
        type: 'commit',
        request,
        key,
        birth,
        changes: toBytes(changes),

        copies,
        waitMs,
      }),
      (result) => {
        if (result.kind === 'failed') failure = result.error
        if (result.kind !== 'written') return
        commit ??= this.#record(node, life, changes)
        if (commit === undefined) return
        client.proofs.set(key, result.proof)
        this.counters.written++
        commit.confirmedCopies = copies
        if (copies === 0) return
        this.counters.confirmed++
        this.#events.onConfirmed(commit)
      },
    )
    // Refused for copies it is written all the same; refused for anything else it is not.
    if (failure !== undefined && failure.code !== 'NOT_ENOUGH_HOLDERS') return
    commit ??= this.#record(node, life, changes)
    if (commit === undefined || announced === undefined) return
    const { version } = commit
    if (version.seq !== announced.seq || version.tenure.epoch !== announced.tenure.epoch) {
      this.#events.onViolation('I-R2', `${node.id} announced another version for ${key} than its commit took`)
    }
  }

  /** Write a commit down as the node numbered it. */
  #record(node: SimulatedNode, life: SessionLife, changes: ReadonlyMap<string, string | null>): Commit | undefined {
    const record = node.entry(life.key)?.record
    const [name] = changes.keys()
    const version = (record as LiveRecord | undefined)?.portions?.get(name as string)?.version
    if (version === undefined) return undefined
    const commit: Commit = {
      kind: 'commit',
      life,
      node: node.id,
      nodeLife: node.life,
      version,
      changes,
      issuedAtMs: this.#queue.nowMs,
      confirmedCopies: undefined,
    }
    if (this.#ledger.addCommit(commit) !== undefined) {
      this.#events.onViolation('I-R2', `${node.id} issued a version of ${life.key} twice`)
    }
    this.#events.onIssued(commit)
    return commit
  }

  #drop(node: SimulatedNode, key: SessionKey, birth: Birth): void {
    const life = this.#ledger.life(key, birth)
    if (!node.isUp || life === undefined) return
    const copies = this.#drawCopies()
    const waitMs = Math.round(this.#random.between(200, 2_000))
    const absoluteAtMs = this.#queue.nowMs + node.monotonicOffsetMs + this.#options.absoluteMs
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
    this.#request(
      node,
      waitMs,
      (request) => ({ type: 'drop', request, key, birth, absoluteAtMs, copies, waitMs }),
      (result) => {
        if (result.kind !== 'dropped') return
        this.counters.dropped++
        drop.confirmedCopies = copies
        // A birth that a later one replaced is over without anybody's confirmation.
        const isReplaced = compareBirths(node.entry(key)?.record.birth ?? birth, birth) > 0
        if (copies > 0 && !isReplaced) this.#events.onConfirmed(drop)
      },
    )
  }

  #request(
    node: SimulatedNode,
    deadlineMs: number,
    toEvent: (request: number) => Parameters<Cluster['step']>[1],
    onResult: (result: Result) => void,
  ): void {
    const request = this.#nextRequest++
    this.counters.requests++
    const pending: Pending = { node, life: node.life, onResult, isOver: false, isSynchronous: true }
    this.#pending.set(request, pending)
    const event = toEvent(request)
    this.#events.onLog?.(`${node.id} is asked: ${describe(event)}`)
    this.#cluster.step(node, event)
    pending.isSynchronous = false
    if (pending.isOver) {
      this.#pending.delete(request)
      return
    }
    const isCancelled = this.#random.chance(CANCEL_RATE)
    if (isCancelled) this.#queue.after(this.#random.between(0, deadlineMs), () => this.#cancel(request, pending))
    this.#queue.after(deadlineMs + LATE_MS_MAX, () => {
      if (!this.#pending.delete(request) || node.life !== pending.life || !node.isUp) return
      if (!pending.isOver)
        this.#events.onViolation('requests', `request ${request} at ${node.id} outlived its deadline`)
    })
  }

  #cancel(request: number, pending: Pending): void {
    if (pending.isOver || pending.node.life !== pending.life) return
    this.#cluster.step(pending.node, { type: 'cancel', request })
    // A write that waits says how it ended; what nobody waits for is not reported.
    pending.isOver = true
    this.#pending.delete(request)
  }

  #soon(run: () => void): void {
    this.#queue.after(this.#random.between(0, 5), run)
  }

  #drawChanges(key: SessionKey): ReadonlyMap<string, string | null> {
    const names = this.#random.some(PORTION_NAMES, 0.4)
    if (names.length === 0) names.push(this.#random.pick(PORTION_NAMES))
    const content = this.#nextContent++
    return new Map(names.map((name) => [name, this.#random.chance(0.1) ? null : `${key}/${name}/${content}`]))
  }

  #drawCopies(): number {
    return Math.min(Number(this.#random.weighted(this.#options.copies)), this.#cluster.options.copies)
  }
}

class Client {
  node: SimulatedNode | undefined
  /** The proof of its last write, by key: what a cookie would carry. */
  readonly proofs = new Map<SessionKey, WriteProof>()
  /** Sessions it still has open, and where. */
  readonly handles = new Map<SessionKey, { readonly node: SimulatedNode; readonly birth: Birth }>()
}

interface Pending {
  readonly node: SimulatedNode
  readonly life: number
  readonly onResult: (result: Result) => void
  isOver: boolean
  /** The command that began it has not returned yet. */
  isSynchronous: boolean
}

function toBytes(changes: ReadonlyMap<string, string | null>): Map<string, Uint8Array | typeof ABSENT> {
  return new Map([...changes].map(([name, text]) => [name, text === null ? ABSENT : Buffer.from(text, 'latin1')]))
}

/** One line of a request or a result, for people. */
function describe(what: object): string {
  return JSON.stringify(what, (_name, value: unknown) => {
    if (value instanceof Map) return Object.fromEntries(value)
    if (value !== null && typeof value === 'object' && 'data' in value)
      return Buffer.from(value.data as number[]).toString('latin1')
    if (value instanceof Error) return `${(value as RepriseError).code}: ${value.message}`
    return value
  })
}

const PORTION_NAMES = ['auth', 'basket', 'tls', 'transport'] as const
const CANCEL_RATE = 0.03
/** A node that runs may answer this much after the deadline: its tick comes at the deadline. */
const LATE_MS_MAX = 2
