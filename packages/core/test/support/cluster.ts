/**
 * Several replicas in one process, by hand: virtual time, a network that a test may meddle with, and a log of all that was
 * sent.
 *
 * It is the smallest driver that carries out an outbox. Each message takes `latencyMs`; frames go to whoever is subscribed.
 * Before a message is on its way the test's `fate` may lose it or hold it up. Nothing waits for real time: `run` jumps
 * from one due event to the next, and the same calls give the same run.
 */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import type { CheckReport } from '../../src/check/check-report.ts'
import { BUCKET_COUNT, OUTSIDE_BYTES_MIN, WIRE_VERSION } from '../../src/constants.ts'
import type { Now, ReplicaInit } from '../../src/context.ts'
import type { Notice, Outcome, Result } from '../../src/outbox.ts'
import { Outbox } from '../../src/outbox.ts'
import type { Event } from '../../src/replica.ts'
import { Replica } from '../../src/replica.ts'
import { chunkName, isChunkKey } from '../../src/session/blob.ts'
import type { SessionKey } from '../../src/session/id.ts'
import { toSessionKey } from '../../src/session/id.ts'
import type { ABSENT, LiveRecord } from '../../src/session/record.ts'
import { isReference } from '../../src/session/record.ts'
import type { WriteProof } from '../../src/session/token.ts'
import type { Birth, NodeId } from '../../src/session/version.ts'
import { bucketOf, shardOfBucket } from '../../src/table/key-hash.ts'
import type { FrameHeader } from '../../src/wire/frame.ts'
import { decodeFrame } from '../../src/wire/frame.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.ts'
import type { Message } from '../../src/wire/messages.ts'
import type { KeyedRecord } from '../../src/wire/record-codec.ts'
import { keyHash } from './key-hash.ts'

/** The wall clock at virtual time 0. */
export const WALL_START_MS: number = Date.UTC(2026, 0, 1)

/** One message or frame from one replica to another. */
export class Delivery {
  readonly atMs: number
  readonly from: NodeId
  readonly to: NodeId
  readonly carrier: 'frame' | 'control' | 'bulk'
  readonly bytes: Uint8Array
  /** Whether it was lost on the way, by the test's wish or because nobody was there. */
  isLost = false

  constructor(atMs: number, from: NodeId, to: NodeId, carrier: Delivery['carrier'], bytes: Uint8Array) {
    this.atMs = atMs
    this.from = from
    this.to = to
    this.carrier = carrier
    this.bytes = bytes
  }

  get message(): Message | undefined {
    return this.carrier === 'frame' ? undefined : decodeMessage(this.bytes, this.atMs)
  }

  get frame(): { header: FrameHeader; records: KeyedRecord[] } | undefined {
    return this.carrier === 'frame' ? decodeFrame(this.bytes, this.atMs) : undefined
  }

  get type(): Message['type'] | 'frame' {
    return this.message?.type ?? 'frame'
  }
}

/** What becomes of a delivery: lost, late by some milliseconds, or as usual. */
export type Fate = (delivery: Delivery) => 'lose' | number | undefined

export interface ClusterOptions {
  readonly nodes?: number
  readonly copies?: number
  readonly latencyMs?: number
  /** The wire version of a link. Default: the best there is. */
  readonly wire?: (a: NodeId, b: NodeId) => number
  /** More of a member's configuration. */
  readonly init?: (node: NodeId) => Partial<ReplicaInit>
}

export interface Noted {
  readonly atMs: number
  readonly node: NodeId
  readonly notice: Notice
}

export interface Concluded {
  readonly atMs: number
  readonly node: NodeId
  readonly result: Result
}

interface Due {
  readonly atMs: number
  readonly order: number
  readonly act: () => void
}

export class Cluster {
  nowMs = 0
  latencyMs: number
  fate: Fate = () => undefined
  readonly sent: Delivery[] = []
  /** Ticks that the nodes wanted. */
  ticks = 0
  readonly notices: Noted[] = []
  readonly results = new Map<number, Result>()
  /** All that was sent, noticed and concluded, in the order in which it happened. */
  readonly history: (Delivery | Noted | Concluded)[] = []
  /** The last list of members to stay connected with, per node. */
  readonly dialLists = new Map<NodeId, ReadonlyMap<NodeId, readonly string[]>>()
  readonly #replicas = new Map<NodeId, Replica>()
  readonly #subscriptions = new Map<NodeId, Set<number>>()
  readonly #links = new Set<string>()
  /** Nodes whose process is stopped, and what waits in their sockets. */
  readonly #frozen = new Map<NodeId, Event[]>()
  readonly #queue: Due[] = []
  readonly #outbox = new Outbox()
  readonly #options: ClusterOptions
  #order = 0
  #request = 0

  constructor(options: ClusterOptions = {}) {
    this.#options = options
    this.latencyMs = options.latencyMs ?? 1
  }

  /** A cluster whose members have all met and are ready. */
  static ready(options: ClusterOptions = {}): Cluster {
    const cluster = new Cluster(options)
    for (let i = 0; i < (options.nodes ?? 3); i++) cluster.start(nodeName(i))
    for (const a of cluster.nodes) for (const b of cluster.nodes) if (a < b) cluster.connect(a, b)
    cluster.until(() => cluster.isSettled(), 'everybody is ready')
    cluster.run(1_000)
    cluster.sent.length = 0
    cluster.notices.length = 0
    return cluster
  }

  get nodes(): NodeId[] {
    return [...this.#replicas.keys()]
  }

  get now(): Now {
    return { nowMs: this.nowMs, wallMs: WALL_START_MS + this.nowMs }
  }

  /** Whether everybody knows everybody and is ready. */
  isSettled(): boolean {
    const count = this.#replicas.size
    return [...this.#replicas.values()].every((replica) => replica.isReady && replica.aliveMembers().length === count)
  }

  replica(node: NodeId): Replica {
    const replica = this.#replicas.get(node)
    assert(replica !== undefined, `no replica ${node}`)
    return replica
  }

  start(node: NodeId, init: Partial<ReplicaInit> = {}): Replica {
    const { copies = 2 } = this.#options
    const replica = new Replica(
      {
        nodeId: node,
        name: node,
        incarnation: 1,
        keyHash,
        seed: node.charCodeAt(0),
        copies,
        expectPeers: true,
        isFounding: true,
        ...this.#options.init?.(node),
        ...init,
      },
      this.now,
    )
    this.#replicas.set(node, replica)
    this.#subscriptions.set(node, new Set())
    return replica
  }

  connect(a: NodeId, b: NodeId): void {
    this.#links.add(linkName(a, b))
    const wire = this.#options.wire?.(a, b) ?? WIRE_VERSION
    this.step(a, { type: 'peer-up', peer: b, wire })
    this.step(b, { type: 'peer-up', peer: a, wire })
  }

  /** The connection breaks, and both sides notice. */
  cut(a: NodeId, b: NodeId): void {
    if (!this.#links.delete(linkName(a, b))) return
    if (this.#replicas.has(a)) this.step(a, { type: 'peer-down', peer: b })
    if (this.#replicas.has(b)) this.step(b, { type: 'peer-down', peer: a })
  }

  /** The process dies: nothing of it is left, and connections to it break. */
  crash(node: NodeId): void {
    this.#replicas.delete(node)
    this.#subscriptions.delete(node)
    for (const other of this.nodes) this.cut(other, node)
  }

  /** Stop a process where it stands: nothing happens there, and what is sent to it waits in its sockets. */
  freeze(node: NodeId): void {
    this.#frozen.set(node, [])
  }

  /** Let it go on: its timer fires first, then it reads what waited. */
  thaw(node: NodeId): void {
    const waiting = this.#frozen.get(node) ?? []
    this.#frozen.delete(node)
    this.step(node, { type: 'tick' })
    for (const event of waiting) this.step(node, event)
  }

  /** Start a node, and connect it with all that are there. */
  join(node: NodeId, init: Partial<ReplicaInit> = {}): Replica {
    const replica = this.start(node, init)
    for (const other of this.nodes) if (other !== node) this.connect(node, other)
    return replica
  }

  /** Let an event happen at a node now, and carry out what it wants. */
  step(node: NodeId, event: Event): void {
    this.replica(node).step(event, this.now, this.#outbox)
    const drained = this.#outbox.drain()
    const subscriptions = this.#subscriptions.get(node) as Set<number>
    for (const shard of drained.subscribe) {
      subscriptions.add(shard)
      for (const other of this.nodes) {
        if (this.#isLinked(node, other))
          this.#after(() => this.#arrive(other, { type: 'subscriber', peer: node, shard }))
      }
    }
    for (const shard of drained.unsubscribe) subscriptions.delete(shard)
    for (const { to, lane, message } of drained.sends) {
      this.#dispatch(new Delivery(this.nowMs, node, to, lane, message), {
        type: 'message',
        from: node,
        lane,
        bytes: message,
      })
    }
    for (const { shard, frame } of drained.publishes) {
      for (const to of this.nodes) {
        if (to === node || !this.#subscriptions.get(to)?.has(shard)) continue
        const event: Event = { type: 'frame', from: node, shard, bytes: frame }
        this.#dispatch(new Delivery(this.nowMs, node, to, 'frame', frame), event)
      }
    }
    if (drained.members !== undefined) this.dialLists.set(node, drained.members)
    for (const notice of drained.notices) {
      const noted = { atMs: this.nowMs, node, notice }
      this.notices.push(noted)
      this.history.push(noted)
    }
    for (const result of drained.results) {
      assert(!this.results.has(result.request), `request ${result.request} ends twice`)
      this.results.set(result.request, result)
      this.history.push({ atMs: this.nowMs, node, result })
    }
  }

  /** Let a node hear a message as if another had sent it. */
  hear(node: NodeId, from: NodeId, message: Message): void {
    this.step(node, { type: 'message', from, lane: 'control', bytes: encodeMessage(message, this.nowMs) })
  }

  /** Let time pass. */
  run(durationMs: number): void {
    const untilMs = this.nowMs + durationMs
    while (this.#advance(untilMs));
    this.nowMs = untilMs
  }

  /** Let time pass until something holds. */
  until(isSo: () => boolean, what: string, withinMs = 30_000): void {
    const untilMs = this.nowMs + withinMs
    while (!isSo()) assert(this.#advance(untilMs), `within ${withinMs} ms: ${what}`)
  }

  /** Messages and frames that were sent of a type, oldest first. */
  sentOf<T extends Message['type']>(type: T): (Delivery & { message: Extract<Message, { type: T }> })[] {
    return this.sent.filter((delivery) => delivery.type === type) as (Delivery & {
      message: Extract<Message, { type: T }>
    })[]
  }

  frames(): Delivery[] {
    return this.sent.filter((delivery) => delivery.carrier === 'frame')
  }

  noticesOf<T extends Notice['type']>(type: T): (Noted & { notice: Extract<Notice, { type: T }> })[] {
    return this.notices.filter(({ notice }) => notice.type === type) as (Noted & {
      notice: Extract<Notice, { type: T }>
    })[]
  }

  // Commands. Each returns the number of its request; `result` runs until it ended.

  create(node: NodeId, id: string, options: Partial<Extract<Event, { type: 'create' }>> = {}): number {
    const request = ++this.#request
    const lifetime = { idleMs: 60_000, absoluteMs: 600_000, assumeNew: false, deadlineMs: 1_000 }
    this.step(node, { type: 'create', request, key: toSessionKey(id), ...lifetime, ...options })
    return request
  }

  commit(
    node: NodeId,
    id: string,
    changes: Readonly<Record<string, string | typeof ABSENT>>,
    options: Partial<Extract<Event, { type: 'commit' }>> = {},
  ): number {
    const request = ++this.#request
    this.step(node, {
      type: 'commit',
      request,
      key: toSessionKey(id),
      birth: options.birth ?? this.birth(node, id),
      changes: new Map(Object.entries(changes).map(([name, text]) => [name, text === null ? null : bytes(text)])),
      copies: 0,
      waitMs: 1_000,
      ...options,
    })
    return request
  }

  drop(node: NodeId, id: string, options: Partial<Extract<Event, { type: 'drop' }>> = {}): number {
    const request = ++this.#request
    this.step(node, {
      type: 'drop',
      request,
      key: toSessionKey(id),
      birth: options.birth ?? this.birth(node, id),
      absoluteAtMs: this.nowMs + 600_000,
      copies: 0,
      waitMs: 1_000,
      ...options,
    })
    return request
  }

  resume(node: NodeId, id: string, options: Partial<Extract<Event, { type: 'resume' }>> = {}): number {
    const request = ++this.#request
    const look = { portions: undefined, proof: undefined, consistency: 'latest' as const, deadlineMs: 1_000 }
    this.step(node, { type: 'resume', request, key: toSessionKey(id), ...look, ...options })
    return request
  }

  check(node: NodeId, deadlineMs = 5_000): number {
    const request = ++this.#request
    this.step(node, { type: 'check', request, deadlineMs })
    return request
  }

  /** What a check found, once it is over. */
  report(request: number): CheckReport {
    const result = this.result(request)
    assert(result.kind === 'checked', `checked, not ${result.kind}`)
    return result.report
  }

  touch(node: NodeId, id: string): void {
    this.step(node, { type: 'touch', key: toSessionKey(id), birth: this.birth(node, id) })
  }

  /** How a request ended, once it did. */
  result(request: number): Result {
    this.until(() => this.results.has(request), `request ${request} ends`)
    return this.results.get(request) as Result
  }

  outcome(request: number): Outcome {
    const result = this.result(request)
    assert(result.kind === 'resumed', `resumed, not ${JSON.stringify(result)}`)
    return result.outcome
  }

  written(request: number): WriteProof {
    const result = this.result(request)
    assert(result.kind === 'written', `written, not ${JSON.stringify(result)}`)
    return result.proof
  }

  /** The error a request ended with. */
  failure(request: number): Extract<Result, { kind: 'failed' }>['error'] {
    const result = this.result(request)
    assert(result.kind === 'failed', `failed, not ${result.kind}`)
    return result.error
  }

  /** Create a session and write it, waiting until its holders have it. */
  establish(node: NodeId, id: string, portions: Readonly<Record<string, string>>, copies = 2): WriteProof {
    const created = this.result(this.create(node, id))
    assert.equal(created.kind, 'created')
    return this.written(this.commit(node, id, portions, { copies }))
  }

  birth(node: NodeId, id: string): Birth {
    const record = this.replica(node).peek(toSessionKey(id))
    assert(record !== undefined, `${node} knows ${id}`)
    return record.birth
  }

  record(node: NodeId, id: string): LiveRecord {
    const record = this.replica(node).peek(toSessionKey(id))
    assert(record?.kind === 'live', `${node} has ${id} alive`)
    return record
  }

  /** The nodes whose tables have the session, with every value. */
  nodesWith(id: string): NodeId[] {
    return this.nodes.filter((node) => {
      const record = this.replica(node).peek(toSessionKey(id))
      return record?.kind === 'live' && [...record.portions.values()].every(({ value }) => value !== undefined)
    })
  }

  /** The ready holders of an id's shard, as a node sees them. */
  holdersOf(id: string, as: NodeId = this.nodes[0] as NodeId): readonly NodeId[] {
    return this.replica(as).status().shards[shardOf(id)]?.readyHolders ?? []
  }

  #isLinked(a: NodeId, b: NodeId): boolean {
    return this.#links.has(linkName(a, b))
  }

  #dispatch(delivery: Delivery, event: Event): void {
    this.sent.push(delivery)
    this.history.push(delivery)
    const fate = this.fate(delivery)
    if (fate === 'lose' || !this.#isLinked(delivery.from, delivery.to)) {
      delivery.isLost = true
      return
    }
    const { from, to } = delivery
    this.#after(
      () => {
        if (this.#isLinked(from, to)) this.#arrive(to, event)
        else delivery.isLost = true
      },
      this.latencyMs + (fate ?? 0),
    )
  }

  #arrive(node: NodeId, event: Event): void {
    const waiting = this.#frozen.get(node)
    if (waiting !== undefined) waiting.push(event)
    else if (this.#replicas.has(node)) this.step(node, event)
  }

  #after(act: () => void, delayMs = this.latencyMs): void {
    const due: Due = { atMs: this.nowMs + delayMs, order: this.#order++, act }
    let at = this.#queue.length
    while (at > 0 && (this.#queue[at - 1] as Due).atMs > due.atMs) at--
    this.#queue.splice(at, 0, due)
  }

  /** Let the next thing happen, if it is due by then. */
  #advance(untilMs: number): boolean {
    const arrival = this.#queue[0]
    let dueMs = arrival?.atMs ?? Number.POSITIVE_INFINITY
    let ticking: NodeId | undefined
    for (const [node, replica] of this.#replicas) {
      const tickMs = this.#frozen.has(node) ? Number.POSITIVE_INFINITY : replica.nextDueMs()
      if (tickMs >= dueMs) continue
      dueMs = tickMs
      ticking = node
    }
    if (dueMs > untilMs) return false
    this.nowMs = Math.max(this.nowMs, dueMs)
    if (ticking !== undefined) {
      this.ticks++
      this.step(ticking, { type: 'tick' })
    } else {
      this.#queue.shift()
      arrival?.act()
    }
    return true
  }
}

/** a, b, c and so on. */
export function nodeName(index: number): NodeId {
  return String.fromCharCode(97 + index)
}

export function shardOf(id: string): number {
  return shardOfBucket(bucketOf(keyHash(toSessionKey(id))))
}

export function keyOf(id: string): SessionKey {
  return toSessionKey(id)
}

/** An id that lies in the shard: the name with a number behind it. */
export function idInShard(shard: number, name = 'session'): string {
  for (let n = 0; ; n++) if (shardOf(`${name}-${n}`) === shard) return `${name}-${n}`
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Portions of that many bytes together, each small enough to stay inside the head. */
export function smallPortions(byteLength: number, letter = 'x'): Record<string, string> {
  const portions: Record<string, string> = {}
  for (let left = byteLength, n = 0; left > 0; left -= OUTSIDE_BYTES_MIN, n++) {
    portions[`part-${n}`] = letter.repeat(Math.min(left, OUTSIDE_BYTES_MIN))
  }
  return portions
}

/** The values of a record as text, by portion name. Missing ones are `?`. */
export function texts(record: LiveRecord): Record<string, string> {
  const shown: Record<string, string> = {}
  for (const [name, { value }] of [...record.portions].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (value === null) continue
    if (isReference(value)) shown[name] = `${value.byteLength} bytes outside`
    else shown[name] = value === undefined ? '?' : new TextDecoder().decode(value)
  }
  return shown
}

/** All values that were found as text, those outside the head put together. Missing ones are `?`. */
export function wholeTexts(outcome: Outcome): Record<string, string> {
  assert(outcome.outcome === 'complete' || outcome.outcome === 'partial', outcome.outcome)
  const shown = texts(outcome.record)
  for (const [name, { value }] of outcome.record.portions) if (isReference(value)) shown[name] = '?'
  for (const [name, parts] of outcome.blobs ?? []) shown[name] = Buffer.concat(parts).toString()
  return shown
}

/** The keys of all chunks of a session that a node has alive. */
export function chunksAt(replica: Replica, id: string): SessionKey[] {
  const keys: SessionKey[] = []
  for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
    for (const { key, record } of replica.table.bucketEntries(bucket)) {
      if (record.kind === 'live' && isChunkKey(key) && chunkName(key).session === toSessionKey(id)) keys.push(key)
    }
  }
  return keys.sort()
}

function linkName(a: NodeId, b: NodeId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
