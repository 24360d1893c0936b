/**
 * A running member: the core with a real clock, a real network and, if wanted, a directory.
 *
 * This file puts the parts together, owns their start and stop, and turns the core's results into promises and its notices
 * into events. It decides nothing about sessions.
 */

import { EventEmitter } from 'node:events'
import type {
  CheckReport,
  CreateOptions,
  LiveRecord,
  NodeId,
  Notice,
  Origin,
  PortionCodec,
  ReplicaStatus,
  Result,
  Resumed,
  ResumeOptions,
  ResumeOrigin,
  Session,
  SessionIdInput,
  SessionKey,
  SessionSource,
} from '@reprise/core'
import {
  BUCKET_COUNT,
  CHECK_DEADLINE_MS_DEFAULT,
  CHECK_DEADLINE_MS_MAX,
  decodeToken,
  keyBytes,
  RESUME_DEADLINE_MS_DEFAULT,
  type Replica,
  StoppedError,
  toSessionKey,
  UsageError,
} from '@reprise/core'
import type { Libp2pNetwork, NetworkStats } from '@reprise/p2p'
import type { CheckOptions } from './check.ts'
import { shorten } from './check.ts'
import type { Clock } from './clock.ts'
import { GOODBYE_MS, STOP_FLUSH_MS } from './constants.ts'
import type { DataDir } from './data-dir.ts'
import { Driver } from './driver.ts'
import { RepositoryError } from './errors.ts'
import type { NodeEvents } from './events.ts'
import { tellNotice } from './notices.ts'
import type { ResolvedOptions } from './options.ts'
import { assertLifetime, integer, number } from './options.ts'
import type { KeeperEvents, KeeperInit, RepositoryStatus } from './repository/keeper.ts'
import { Keeper } from './repository/keeper.ts'
import { Requests, unexpected } from './requests.ts'
import type { Sealer } from './seal.ts'
import { NodeSession, nameOf, ResumedNodeSession } from './session.ts'
import { SessionWriter } from './session-writer.ts'
import type { NodeStats } from './stats.ts'
import { StatsCounter } from './stats.ts'

/** What `status` tells of a node. */
export interface NodeStatus extends ReplicaStatus {
  readonly addresses: readonly string[]
  /** Holders of each session besides its primary, as the option says. */
  readonly copies: number | 'all'
  /** No directory was given: identity and incarnation end with this process. */
  readonly ephemeral: boolean
  /** Frames and messages that were dropped because too much waited to be worked off. Frames are repaired. */
  readonly droppedInputs: number
  /** Of a repository: what it keeps, and whether that is on its disk. */
  readonly repository?: RepositoryStatus
  readonly network: NetworkStats
}

/**
 * Where a node is in its life. `starting`: it was not ready yet. `ready`: everything it shall hold is here. `catching-up`: it
 * was ready, and shall hold more now. `draining`: it hands over what it holds, and serves as before. `stopped`: it has gone.
 */
export type NodeState = 'starting' | 'ready' | 'catching-up' | 'draining' | 'stopped'

/** A member of a cluster, and the sessions it can make, resume and write. Made by `createNode`. */
export class Node extends EventEmitter<NodeEvents> implements SessionSource {
  readonly #options: ResolvedOptions
  readonly #clock: Clock
  readonly #network: Libp2pNetwork
  readonly #replica: Replica
  readonly #driver: Driver
  readonly #dataDir: DataDir | undefined
  readonly #keeper: Keeper | undefined
  readonly #requests: Requests
  readonly #writer: SessionWriter
  readonly #waiters = new Set<() => void>()
  readonly #counts = new StatsCounter()
  #wasReady = false
  #stopping: Promise<void> | undefined
  #hasStopped = false

  /**
   * Use `createNode`.
   * @internal
   */
  constructor(parts: NodeParts) {
    super()
    const { options, clock, network, replica, dataDir, sealer, kept } = parts
    this.#options = options
    this.#clock = clock
    this.#network = network
    this.#replica = replica
    this.#dataDir = dataDir
    const keeper = kept === undefined ? undefined : new Keeper(kept, this.#keeperEvents())
    this.#keeper = keeper
    this.#driver = new Driver({
      replica,
      network,
      clock,
      onNotice: (notice) => this.#onNotice(notice),
      onIncarnation: (incarnation) => this.#onIncarnation(incarnation),
      onMembers: (members) => this.#dataDir?.remember(members),
      onStepped: keeper === undefined ? undefined : () => keeper.wake(),
      onBroken: (error) => this.#onBroken(error),
    })
    this.#requests = new Requests(this.#driver)
    this.#writer = new SessionWriter({
      clock,
      replica,
      driver: this.#driver,
      requests: this.#requests,
      counts: this.#counts,
      sealer,
    })
  }

  get nodeId(): NodeId {
    return this.#replica.nodeId
  }

  /** Full multiaddrs at which other members reach this node: what they put into `join`. */
  get addresses(): readonly string[] {
    return this.#network.addresses
  }

  /**
   * Whether everything this node shall hold is here and counts as a copy. After a pause in which others may have declared it dead (some six
   * seconds) it is not, until those that it knows listen to it again: what it writes would have no copies.
   */
  get isReady(): boolean {
    const { isReady } = this.#replica
    this.#wasReady ||= isReady
    return isReady
  }

  /** Where this node is in its life. `draining` from the moment `stop` is called, or an invariant breaks. */
  get state(): NodeState {
    if (this.#stopping !== undefined) return this.#hasStopped ? 'stopped' : 'draining'
    if (this.isReady) return 'ready'
    return this.#wasReady ? 'catching-up' : 'starting'
  }

  async create(id: SessionIdInput, options: CreateOptions = {}): Promise<Session> {
    return await this.createNow(id, options)
  }

  /** `create` for hot paths: a session that is assumed to be new is made within the call, and needs no promise. */
  createNow(id: SessionIdInput, options: CreateOptions = {}): Session | Promise<Session> {
    const key = toSessionKey(id)
    const { idleMs = this.#options.idleMs, absoluteMs = this.#options.absoluteMs, assumeNew = false } = options
    assertLifetime(idleMs, absoluteMs)
    const deadlineMs = deadline(options.deadlineMs)
    const command = { type: 'create', key, idleMs, absoluteMs, assumeNew, deadlineMs } as const
    const refuse = (error: unknown): never => {
      this.#counts.createFailed(error)
      throw error
    }
    try {
      const made = this.#requests.make(command, options.signal)
      if (made instanceof Promise) return made.then((result) => this.#created(key, result)).catch(refuse)
      return this.#created(key, made)
    } catch (error) {
      return refuse(error)
    }
  }

  #created(key: SessionKey, result: Result): Session {
    if (result.kind !== 'created') throw unexpected(result)
    this.#counts.creates.created += 1
    return new NodeSession(this.#writer, key, this.#writer.record(key) as LiveRecord)
  }

  async resume(id: SessionIdInput, options: ResumeOptions = {}): Promise<Resumed> {
    const key = toSessionKey(id)
    const { minVersion, consistency = 'latest', maxAgeMs } = options
    const portions = options.portions?.map(nameOf)
    if (consistency !== 'latest' && consistency !== 'any') {
      throw new UsageError(`consistency is 'latest' or 'any', not ${JSON.stringify(consistency)}`)
    }
    const proof = minVersion === undefined ? undefined : decodeToken(minVersion)
    const deadlineMs = deadline(options.deadlineMs)
    const command = { type: 'resume', key, portions, proof, consistency, maxAgeMs, deadlineMs } as const
    const { outcome } = await this.#timeResume(command, options.signal)
    const origin = describeOrigin(outcome.from)
    if (outcome.outcome === 'absent') return { outcome: 'absent', reason: outcome.reason, origin }
    if (outcome.outcome === 'unknown') return { outcome: 'unknown', origin }
    return new ResumedNodeSession(this.#writer, key, outcome, origin)
  }

  /**
   * The session, if this node has a copy that it may use without asking anybody: synchronous, for hot paths. It is as
   * current as `resume` with `consistency: 'any'`. Undefined says nothing about the session; resume it then.
   *
   * The view shows the session as it was at the call, whenever it is looked at. The clock is hardly ever read: the time is that of
   * the node's last event, at most 100 ms old in an event loop that is not held up, so a session may be found that much after
   * its end. A view that is kept without being looked at keeps a piece of the cache's memory (256 KiB) from being used again.
   */
  local(
    id: SessionIdInput,
    portions?: readonly (string | PortionCodec<unknown>)[],
    options?: Pick<ResumeOptions, 'maxAgeMs'>,
  ): Session | undefined {
    const key = toSessionKey(id)
    this.#driver.passTime()
    const snapshot = this.#replica.local(key, portions?.map(nameOf), options?.maxAgeMs)
    if (snapshot === undefined) {
      this.#counts.localMisses += 1
      return undefined
    }
    this.#counts.localHits += 1
    return new NodeSession(this.#writer, key, snapshot, snapshot.blobs)
  }

  /**
   * Ids of the living sessions of which this node has a copy, in one of the `BUCKET_COUNT` buckets that all ids are spread
   * over: a session stays in its bucket, so a walk over all buckets meets every one that is here all the while. In no order.
   */
  heldIds(bucket: number): readonly Uint8Array[] {
    this.#driver.passTime()
    return this.#replica.heldKeys(integer('bucket', bucket, 0, BUCKET_COUNT - 1)).map(keyBytes)
  }

  aliveMembers(): readonly string[] {
    return this.#replica.aliveMembers()
  }

  /** Numbers and names for people and programs. Cheap enough to ask every second. */
  status(): NodeStatus {
    return {
      ...this.#replica.status(),
      addresses: this.addresses,
      copies: Number.isFinite(this.#options.copies) ? this.#options.copies : 'all',
      ephemeral: this.#dataDir === undefined,
      droppedInputs: this.#driver.droppedInputs,
      ...this.#repositoryStatus(),
      network: this.#network.stats(),
    }
  }

  /** What this node did since its start, counted. Cheap enough to ask every second. */
  stats(): NodeStats {
    return this.#counts.snapshot()
  }

  /**
   * Ask all members whether every shard has its `copies + 1` holders and their copies are equal. What is wrong is in the report: a
   * member that does not answer makes it wait until the deadline and is named, and never makes it reject. Takes a
   * round trip when all is well, about three seconds when copies differ, and changes nothing. One check is under way at a time; who asks
   * meanwhile shares it. Cheap enough for every ten seconds.
   * @throws UsageError for a deadline that is none, StoppedError, or the signal's reason.
   */
  async check(options: CheckOptions = {}): Promise<CheckReport> {
    const deadlineMs = number('deadlineMs', options.deadlineMs ?? CHECK_DEADLINE_MS_DEFAULT, 1, CHECK_DEADLINE_MS_MAX)
    const result = await this.#requests.make({ type: 'check', deadlineMs }, options.signal)
    if (result.kind !== 'checked') throw unexpected(result)
    return shorten(result.report, options)
  }

  /**
   * Wait until this node is ready, `members` members (itself included, default 1) are alive, and every shard has as many
   * ready holders as it can have.
   * @throws StoppedError, or the signal's reason.
   */
  async whenReady(options: { readonly members?: number; readonly signal?: AbortSignal } = {}): Promise<void> {
    const { members = 1, signal } = options
    while (!this.#isWholeWith(members)) {
      if (this.#stopping !== undefined) throw new StoppedError()
      signal?.throwIfAborted()
      await this.#nextChange(signal)
    }
  }

  /** Replace the list of node ids that may be members; who is not on it is cut. Undefined allows everybody again. */
  setAllow(allow: readonly string[] | undefined): void {
    this.#network.setAllow(allow)
  }

  /**
   * Leave the cluster and stop: publish what is pending, wait up to a second until the others have it, hand over what this
   * node holds (at most `drainMs`; `handover:incomplete` tells what was left), close everything. Until it has gone the node
   * serves as before. Requests that still wait then are rejected with `StoppedError`. Safe to call twice: the first call's
   * options count.
   */
  async stop(options: { readonly drainMs?: number } = {}): Promise<void> {
    const { drainMs = this.#options.drainMs } = options
    this.#stopping ??= this.#stop(number('drainMs', drainMs, 0, 2 ** 31 - 1))
    await this.#stopping
  }

  /** Listen and join. Called once, by `createNode`. */
  async start(): Promise<void> {
    try {
      await this.#listen()
    } catch (error) {
      await this.#keeper?.stop()
      throw error
    }
    this.refreshAddresses()
    this.#driver.post({ type: 'tick' })
  }

  async #listen(): Promise<void> {
    await this.#network.start({
      onPeerUp: (peer, wire) => this.#driver.receive({ type: 'peer-up', peer, wire }),
      onPeerDown: (peer) => this.#driver.receive({ type: 'peer-down', peer }),
      onSubscriber: (peer, shard) => this.#driver.receive({ type: 'subscriber', peer, shard }),
      onFrame: (from, shard, bytes) => this.#driver.receive({ type: 'frame', from, shard, bytes }),
      onMessage: (from, lane, bytes) => {
        if (lane === 'bulk') return this.#driver.receiveBulk(from, bytes)
        this.#driver.receive({ type: 'message', from, lane, bytes })
      },
    })
  }

  /**
   * Look again at which addresses others are told.
   * @internal
   */
  refreshAddresses(): void {
    this.#replica.setAddresses(this.#network.addresses)
  }

  async #stop(drainMs: number): Promise<void> {
    try {
      await this.#handOver(drainMs)
      await this.#network.stop()
      await this.#keeper?.stop()
      await this.#dataDir?.release()
    } finally {
      this.#hasStopped = true
    }
  }

  async #handOver(drainMs: number): Promise<void> {
    this.#driver.post({ type: 'leave' })
    const sinceMs = this.#clock.now().nowMs
    // Stopped by a listener, the step that told it is still under way, and what was posted waits for its end.
    await Promise.resolve()
    while (this.#isOwing(this.#clock.now().nowMs - sinceMs, drainMs)) await pause(STOP_POLL_MS)
    this.#driver.post({ type: 'goodbye' })
    this.#driver.stop()
    this.#wake()
    if (this.aliveMembers().length > 1) await pause(GOODBYE_MS)
  }

  /** Whether it is worth waiting before this node, which leaves, is gone. */
  #isOwing(waitedMs: number, drainMs: number): boolean {
    if (waitedMs < drainMs && this.#replica.owedShards.length > 0) return true
    return waitedMs < STOP_FLUSH_MS && this.#replica.owesAnything
  }

  async #timeResume(
    command: Extract<Parameters<Driver['request']>[0], { type: 'resume' }>,
    signal: AbortSignal | undefined,
  ): Promise<Extract<Result, { kind: 'resumed' }>> {
    const sinceMs = this.#clock.now().nowMs
    try {
      const result = await this.#requests.make(command, signal)
      if (result.kind !== 'resumed') throw unexpected(result)
      const { outcome, from } = result.outcome
      this.#counts.resumed(outcome, from.local, this.#clock.now().nowMs - sinceMs)
      return result
    } catch (error) {
      this.#counts.resumes.failed += 1
      throw error
    }
  }

  #isWholeWith(members: number): boolean {
    if (!this.#replica.isReady || this.#replica.aliveMembers().length < members) return false
    return this.#replica.isWhole
  }

  #nextChange(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        this.#waiters.delete(finish)
        resolve()
      }
      const onAbort = (): void => {
        finish()
        reject(signal?.reason)
      }
      // Readiness of others comes with their heartbeats, which are no events of this node: look again now and then.
      const timer = setTimeout(finish, READY_POLL_MS)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(finish)
    })
  }

  #wake(): void {
    for (const wake of [...this.#waiters]) wake()
  }

  #onNotice(notice: Notice): void {
    this.#wake()
    tellNotice(notice, (name, ...args) => this.#tell(name, ...args), this.#options.logger)
  }

  #tell<Name extends keyof NodeEvents>(name: Name, ...args: NodeEvents[Name]): void {
    this.#counts.happened(name)
    // The arguments that go with the name, which the types of emitters cannot say of a name that varies.
    this.emit(name, ...(args as never))
  }

  #onIncarnation(incarnation: number): void {
    try {
      this.#dataDir?.raise(incarnation)
    } catch (error) {
      // It goes on: the wall clock, unless it is set back, puts the next life above this one all the same.
      this.#options.logger?.error('could not store the incarnation', { error: String(error) })
    }
  }

  #keeperEvents(): KeeperEvents {
    const { logger } = this.#options
    return {
      onDegraded: (error) => {
        const code = error instanceof RepositoryError ? error.code : 'REPOSITORY_UNREADABLE'
        logger?.warn('the repository goes on in memory: its disk fails', { code, error: error.message })
        this.#tell('repository:degraded', { code, reason: error.message })
      },
      onRecovered: (degradedMs) => {
        logger?.info('the repository writes to its disk again', { degradedMs })
        this.#tell('repository:recovered', { degradedMs })
      },
    }
  }

  #repositoryStatus(): Pick<NodeStatus, 'repository'> {
    const shards = this.#options.repository?.shards.length
    if (shards === undefined) return {}
    return { repository: { shards, ...(this.#keeper?.status() ?? IN_MEMORY) } }
  }

  #onBroken(error: unknown): void {
    this.#options.logger?.error('an invariant broke, the node stops', { error: String(error) })
    void this.stop()
    this.#tell('failed', error)
  }
}

/** What a node is put together from, by `createNode`. */
export interface NodeParts {
  readonly options: ResolvedOptions
  readonly clock: Clock
  readonly network: Libp2pNetwork
  readonly replica: Replica
  readonly dataDir: DataDir | undefined
  readonly sealer: Sealer | undefined
  /** Of a repository with a directory: what writes to it, loaded. */
  readonly kept?: KeeperInit | undefined
}

function describeOrigin({ local, answered, silent, chunksFrom = [] }: Origin): ResumeOrigin {
  const peers = chunksFrom.length === 0 ? answered : [...new Set([...answered, ...chunksFrom])]
  return { kind: local ? 'local' : 'peers', peers, silent }
}

function deadline(ms: number | undefined): number {
  return number('deadlineMs', ms ?? RESUME_DEADLINE_MS_DEFAULT, 0, 2 ** 31 - 1)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A repository without a directory. */
const IN_MEMORY: Omit<RepositoryStatus, 'shards'> = {
  persistent: false,
  records: 0,
  bytes: 0,
  queued: 0,
  degraded: false,
  failedWrites: 0,
  lastWriteAgoMs: undefined,
}
const READY_POLL_MS = 20
const STOP_POLL_MS = 5
