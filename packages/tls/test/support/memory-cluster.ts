/** A cluster of `SessionSource`s over one `Map`, whose faults are switched by the test. */

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AlreadyExistsError,
  type CommitOptions,
  CopiesError,
  type CreateOptions,
  type PortionCodec,
  type PortionValue,
  type Resumed,
  type ResumeOptions,
  type Session,
  type SessionIdInput,
  type SessionSource,
  type SetOptions,
  UsageError,
  type VersionToken,
} from '@reprise/core'

interface Stored {
  readonly portions: Map<string, PortionValue>
  readonly writer: string
  readonly endsAtMs: number
}

/** What goes wrong at a node, until it is changed. */
export interface Faults {
  /** Every call to the cluster takes so long, in milliseconds. */
  delayMs: number
  /** No call settles until `heal`. */
  hang: boolean
  /** Every call rejects, or throws when it has no promise to reject. */
  fail: boolean
  /** Nobody confirms copies. */
  noCopies: boolean
  /** There is no sealing key. */
  noSeal: boolean
}

/** Counts what a node was asked. */
export interface Calls {
  create: number
  resume: number
  commit: number
  confirmed: number
  sealed: number
}

/** What all nodes share. */
export class MemoryCluster {
  readonly sessions = new Map<string, Stored>()
  readonly nodes: MemoryNode[] = []

  node(id: string): MemoryNode {
    const node = new MemoryNode(this, id)
    this.nodes.push(node)
    return node
  }
}

export class MemoryNode implements SessionSource {
  readonly nodeId: string
  readonly cluster: MemoryCluster
  readonly faults: Faults = { delayMs: 0, hang: false, fail: false, noCopies: false, noSeal: false }
  readonly calls: Calls = { create: 0, resume: 0, commit: 0, confirmed: 0, sealed: 0 }

  #released = Promise.withResolvers<void>()

  constructor(cluster: MemoryCluster, nodeId: string) {
    this.cluster = cluster
    this.nodeId = nodeId
  }

  async create(id: SessionIdInput, options: CreateOptions = {}): Promise<Session> {
    this.calls.create += 1
    await this.trouble()
    const key = keyOf(id)
    if (options.assumeNew !== true && this.cluster.sessions.has(key)) throw new AlreadyExistsError()
    return new MemorySession(this, key, new Map(), options.absoluteMs ?? 60_000)
  }

  async resume(id: SessionIdInput, options: ResumeOptions = {}): Promise<Resumed> {
    this.calls.resume += 1
    await this.trouble()
    const key = keyOf(id)
    const stored = this.cluster.sessions.get(key)
    if (stored === undefined || stored.endsAtMs < Date.now()) {
      const origin = { kind: 'peers', peers: [], silent: [] } as const
      return { outcome: 'absent', reason: stored === undefined ? 'not-found' : 'expired', origin }
    }
    const local = stored.writer === this.nodeId
    const names = options.portions?.map(nameOf) ?? [...stored.portions.keys()]
    const portions = new Map([...stored.portions].filter(([name]) => names.includes(name)))
    const session = new MemorySession(this, key, portions, stored.endsAtMs - Date.now())
    return Object.assign(session, {
      outcome: 'complete' as const,
      missing: [],
      origin: {
        kind: local ? ('local' as const) : ('peers' as const),
        peers: local ? [] : [stored.writer],
        silent: [],
      },
    })
  }

  aliveMembers(): readonly string[] {
    return this.cluster.nodes.map((node) => node.nodeId).sort()
  }

  /** What a call meets on its way. */
  async trouble(): Promise<void> {
    const { fail, hang, delayMs } = this.faults
    if (fail) throw new Error('planted failure')
    if (hang) await this.#released.promise
    if (delayMs > 0) await Promise.race([this.#released.promise, sleep(delayMs, undefined, { ref: false })])
  }

  /** Nothing is wrong any more, and what is stuck goes on. */
  heal(): void {
    Object.assign(this.faults, { delayMs: 0, hang: false, fail: false, noCopies: false, noSeal: false })
    this.#released.resolve()
    this.#released = Promise.withResolvers()
  }
}

class MemorySession implements Session {
  readonly id: Uint8Array
  readonly version = undefined
  readonly lastWriter: string
  readonly remainingMs: number
  readonly #node: MemoryNode
  readonly #key: string
  readonly #values: Map<string, PortionValue>

  constructor(node: MemoryNode, key: string, values: Map<string, PortionValue>, remainingMs: number) {
    this.id = Buffer.from(key, 'hex')
    this.lastWriter = node.nodeId
    this.remainingMs = remainingMs
    this.#node = node
    this.#key = key
    this.#values = values
  }

  get portions(): readonly string[] {
    return [...this.#values.keys()]
  }

  get(name: string): PortionValue | undefined
  get<Value>(portion: PortionCodec<Value>): Value | undefined
  get(portion: string | PortionCodec<unknown>): unknown {
    const value = this.#values.get(nameOf(portion))
    return typeof portion === 'string' || value === undefined ? value : portion.decode(value)
  }

  set(name: string, value: PortionValue, options?: SetOptions): void
  set<Value>(portion: PortionCodec<Value>, value: NoInfer<Value>, options?: SetOptions): void
  set(portion: string | PortionCodec<unknown>, given: unknown, options: SetOptions = {}): void {
    const value = typeof portion === 'string' ? (given as PortionValue) : portion.encode(given)
    if (options.seal === true && this.#node.faults.noSeal) throw new UsageError('no sealing key: planted')
    if (options.seal === true) this.#node.calls.sealed += 1
    this.#values.set(nameOf(portion), value instanceof Uint8Array ? Uint8Array.from(value) : value)
  }

  delete(portion: string | PortionCodec<unknown>): void {
    this.#values.delete(nameOf(portion))
  }

  async commit(options: CommitOptions = {}): Promise<VersionToken> {
    const { calls, faults, nodeId, cluster } = this.#node
    calls.commit += 1
    await this.#node.trouble()
    const endsAtMs = Date.now() + this.remainingMs
    cluster.sessions.set(this.#key, { portions: new Map(this.#values), writer: nodeId, endsAtMs })
    const copies = options.copies ?? 0
    if (copies > 0 && faults.noCopies)
      throw new CopiesError('NOT_ENOUGH_HOLDERS', { asked: copies, confirmed: [], silent: [] })
    if (copies > 0) calls.confirmed += 1
    return randomBytes(8).toString('hex')
  }

  touch(): void {}

  async drop(): Promise<void> {
    this.#node.cluster.sessions.delete(this.#key)
  }
}

function nameOf(portion: string | PortionCodec<unknown>): string {
  return typeof portion === 'string' ? portion : portion.name
}

function keyOf(id: SessionIdInput): string {
  return Buffer.from(id as string).toString('hex')
}
