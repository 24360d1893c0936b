/**
 * A cluster of real replicas in virtual time: the driver that in production is `@reprise/node`.
 *
 * Each node is a process that starts, crashes (its memory is lost) and starts again with a later incarnation. Every event
 * goes through `step`, whose outbox is carried out at once: messages and frames to the network, results to whoever asked,
 * the next tick into the event queue. A paused process runs nothing; what arrives for it waits, up to a bound, and is worked
 * off in one go when it wakes. Clocks are per node, so that they can be wrong.
 */
import type {
  BucketTable,
  Entry,
  Event,
  KeyHash,
  NodeId,
  Notice,
  Replica,
  ReplicaInit,
  Result,
  SessionKey,
} from '@reprise/core'
import {
  BUCKET_COUNT,
  decodeStored,
  encodeStored,
  Outbox,
  Replica as RealReplica,
  SHARD_COUNT,
  WIRE_VERSION,
} from '@reprise/core'
import { NodeClock } from './clock.ts'
import type { EventQueue } from './event-queue.ts'
import type { NetworkConditions, NetworkEvents } from './network.ts'
import { Network } from './network.ts'
import type { Random } from './random.ts'

export interface ClusterOptions {
  readonly nodeCount: number
  readonly copies: number
  readonly keyHash: KeyHash
  readonly conditions: NetworkConditions
  readonly planted: ReadonlySet<string>
  readonly cacheBytesMax: number
  readonly seed: number
  /** Nodes that are repositories of everything, and find what they had when they start again. */
  readonly repositories?: readonly number[] | undefined
  /** The best wire version that each node speaks; default: the code's own. */
  readonly wires?: readonly number[]
  /** The code that a node of a wire version runs; default: the present one, which speaks all of them. */
  readonly coreOf?: (wire: number) => typeof RealReplica
}

/** What the cluster tells. Called during a step's aftermath. */
export interface ClusterEvents {
  onResult(node: SimulatedNode, result: Result): void
  onNotice(node: SimulatedNode, notice: Notice): void
  /** A step threw: a broken invariant of the core. The node is down afterwards. */
  onFailure(node: SimulatedNode, event: string, error: unknown): void
  onStart(node: SimulatedNode): void
  /** Just before its memory is lost. */
  onCrash(node: SimulatedNode): void
  onPause?(node: SimulatedNode): void
  onWake?(node: SimulatedNode): void
  onTransfer?: NetworkEvents['onTransfer']
}

export interface StartOptions {
  /** Its disk is gone and its wall clock was reset: its incarnation is below the one its peers know (W2). */
  readonly amnesia?: boolean
  /** Its connections come up within this time. */
  readonly jitterMs?: number
}

/** Counts and mixes everything that happened, for the check that a seed replays. */
export class Trace {
  events = 0
  #hash = 0x811c9dc5

  mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193) ^ (this.#hash >>> 15)
  }

  get hash(): number {
    return this.#hash >>> 0
  }
}

export class SimulatedNode {
  readonly index: number
  readonly id: NodeId
  replica: Replica | undefined
  /** What its disk remembers. */
  storedIncarnation = 0
  /** Of a repository, and when it was written. */
  stored: { readonly atMs: number; readonly values: readonly (readonly [SessionKey, Uint8Array])[] } | undefined
  /** Counts the starts of the process. */
  life = 0
  /** It was told to leave: what it has is about to go with it. */
  isLeaving = false
  /** It left in its own time, and not because something ended it. */
  hasSaidGoodbye = false
  readonly clock: NodeClock = new NodeClock()
  isPaused = false
  wokeAtMs: number = Number.NEGATIVE_INFINITY
  /** What arrived while it was paused. */
  readonly inbox: Event[] = []
  /** When the next tick is scheduled. */
  tickAtMs: number = Number.POSITIVE_INFINITY
  /** Ticks since time last moved, to notice a node that spins. */
  ticksAtOnce = 0
  tickedAtMs = -1

  constructor(index: number) {
    this.index = index
    this.id = nodeIdOf(index)
  }

  get isUp(): boolean {
    return this.replica !== undefined
  }

  /** Up and not paused: it does something when asked. */
  get isRunning(): boolean {
    return this.replica !== undefined && !this.isPaused
  }

  /** The table of a node that is up. */
  get table(): BucketTable {
    return (this.replica as Replica).table
  }

  /** Its record of a key, if it is up and has one. */
  entry(key: Entry['key']): Entry | undefined {
    return this.replica?.table.peek(key)
  }
}

export class Cluster {
  readonly nodes: readonly SimulatedNode[]
  readonly network: Network
  readonly trace: Trace = new Trace()
  readonly options: ClusterOptions
  readonly #queue: EventQueue
  readonly #random: Random
  readonly #events: ClusterEvents
  readonly #out = new Outbox()

  constructor(options: ClusterOptions, queue: EventQueue, random: Random, events: ClusterEvents) {
    this.options = options
    this.#queue = queue
    this.#random = random
    this.#events = events
    this.nodes = Array.from({ length: options.nodeCount }, (_, index) => new SimulatedNode(index))
    this.network = new Network(options.nodeCount, options.conditions, queue, random, {
      onPeerUp: (node, peer) => {
        const wire = Math.min(this.#wireOf(node), this.#wireOf(peer))
        this.#stepAt(node, { type: 'peer-up', peer: nodeIdOf(peer), wire })
      },
      onPeerDown: (node, peer) => this.#stepAt(node, { type: 'peer-down', peer: nodeIdOf(peer) }),
      onSubscriber: (node, peer, shard) => this.#stepAt(node, { type: 'subscriber', peer: nodeIdOf(peer), shard }),
      onFrame: (node, from, shard, bytes) =>
        this.#stepAt(node, { type: 'frame', from: nodeIdOf(from), shard, bytes }, bytes),
      onMessage: (node, from, lane, bytes) =>
        this.#stepAt(node, { type: 'message', from: nodeIdOf(from), lane, bytes }, bytes),
      ...(events.onTransfer === undefined ? {} : { onTransfer: events.onTransfer }),
    })
  }

  get nowMs(): number {
    return this.#queue.nowMs
  }

  node(index: number): SimulatedNode {
    return this.nodes[index] as SimulatedNode
  }

  nodeById(id: NodeId): SimulatedNode {
    return this.node(Number(id.slice(1)))
  }

  up(): SimulatedNode[] {
    return this.nodes.filter((node) => node.isUp)
  }

  /** Start a node's process. */
  start(node: SimulatedNode, { amnesia = false, jitterMs = 30 }: StartOptions = {}): void {
    if (node.isUp) return
    node.life++
    node.isLeaving = false
    node.hasSaidGoodbye = false
    node.isPaused = false
    if (amnesia) {
      node.storedIncarnation = 0
      node.stored = undefined
      node.clock.reset(this.nowMs)
    }
    const now = this.#nowOf(node)
    node.storedIncarnation = Math.max(node.storedIncarnation + 1, Math.floor(now.wallMs))
    const { copies, keyHash, planted, cacheBytesMax, nodeCount } = this.options
    const init: ReplicaInit = {
      nodeId: node.id,
      incarnation: node.storedIncarnation,
      keyHash,
      seed: this.#random.uint32(),
      copies,
      planted,
      cacheBytesMax,
      expectPeers: nodeCount > 1,
      isFounding: node.life === 1 && this.nowMs < FOUNDING_MS,
      ...(this.#isRepository(node) && { repository: ALL_SHARDS }),
    }
    const Core = this.options.coreOf?.(this.#wireOf(node.index)) ?? RealReplica
    node.replica = new Core(init, now)
    node.tickAtMs = Number.POSITIVE_INFINITY
    this.#load(node, node.replica)
    this.#events.onStart(node)
    this.network.start(node.index, jitterMs)
    this.#scheduleTick(node)
  }

  /** End a node's process; its memory is lost. */
  crash(node: SimulatedNode, isSilent: boolean): void {
    if (!node.isUp) return
    this.#events.onCrash(node)
    if (this.#isRepository(node)) this.#store(node)
    node.replica = undefined
    node.isPaused = false
    node.inbox.length = 0
    this.network.crash(node.index, isSilent)
  }

  /** A node's process stops running and keeps everything. @param isLong its peers lose patience with it. */
  pause(node: SimulatedNode, isLong: boolean): void {
    if (!node.isRunning) return
    node.isPaused = true
    this.network.pause(node.index, isLong)
    this.#events.onPause?.(node)
  }

  /** It runs again, and meets everything that came meanwhile at once. */
  wake(node: SimulatedNode): void {
    if (!node.isUp || !node.isPaused) return
    node.isPaused = false
    node.wokeAtMs = this.nowMs
    this.network.wake(node.index)
    this.#events.onWake?.(node)
    const { life } = node
    const events: Event[] = node.inbox.splice(0)
    // Timers or sockets first: an event loop may do either.
    if (this.#random.chance(0.5)) events.unshift({ type: 'tick' })
    else events.push({ type: 'tick' })
    node.tickAtMs = Number.POSITIVE_INFINITY
    for (const event of events) if (node.life === life) this.step(node, event)
  }

  /** Let an event happen at a node, if it is up, and carry out what it wants. */
  step(node: SimulatedNode, event: Event): void {
    const { replica } = node
    if (replica === undefined) return
    if (node.isPaused) {
      // What does not fit its host's buffers is refused; what happens in its own process is not.
      const isFromPeer = event.type === 'message' || event.type === 'frame'
      if (!isFromPeer || node.inbox.length < INBOX_MAX) node.inbox.push(event)
      return
    }
    this.trace.events++
    this.trace.mix(this.nowMs * 1_024 + node.index)
    this.trace.mix(event.type.length * 31 + event.type.charCodeAt(0))
    try {
      replica.step(event, this.#nowOf(node), this.#out)
    } catch (error) {
      this.#out.drain()
      this.crash(node, false)
      this.#events.onFailure(node, event.type, error)
      return
    }
    this.#carryOut(node)
    // A result may have led to the node's end.
    if (node.replica === replica) this.#scheduleTick(node)
  }

  #isRepository({ index }: SimulatedNode): boolean {
    return this.options.repositories?.includes(index) === true
  }

  /** Its disk is as good as its memory: what writing behind loses is not the business of the core. */
  #store(node: SimulatedNode): void {
    const values: (readonly [SessionKey, Uint8Array])[] = []
    const { nowMs } = this.#nowOf(node)
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      for (const { key, record, isUnwritten } of node.table.bucketEntries(bucket)) {
        if (isUnwritten) continue
        values.push([key, encodeStored(key, record, { nowMs, storedMs: this.nowMs }, this.options.keyHash)])
      }
    }
    node.stored = { atMs: this.nowMs, values }
  }

  #load(node: SimulatedNode, replica: Replica): void {
    if (node.stored === undefined || node.stored.values.length === 0) return
    const now = this.#nowOf(node)
    const time = { nowMs: now.nowMs, storedMs: this.nowMs }
    const records = node.stored.values.map(([key, value]) => decodeStored(key, value, time, this.options.keyHash))
    replica.step({ type: 'load', records }, now, this.#out)
    this.#out.drain()
  }

  #stepAt(index: number, event: Event, bytes?: Uint8Array): void {
    if (bytes !== undefined) {
      this.trace.mix(bytes.length)
      this.trace.mix(bytes[bytes.length - 1] as number)
    }
    this.step(this.node(index), event)
  }

  #carryOut(node: SimulatedNode): void {
    const { sends, publishes, subscribe, unsubscribe, results, notices, incarnation } = this.#out.drain()
    if (incarnation !== undefined) node.storedIncarnation = incarnation
    if (subscribe.length > 0) this.network.subscribe(node.index, subscribe)
    if (unsubscribe.length > 0) this.network.unsubscribe(node.index, unsubscribe)
    for (const { to, lane, message } of sends) this.network.send(node.index, Number(to.slice(1)), lane, message)
    for (const { shard, frame } of publishes) this.network.publish(node.index, shard, frame)
    for (const notice of notices) this.#events.onNotice(node, notice)
    for (const result of results) this.#events.onResult(node, result)
  }

  #scheduleTick(node: SimulatedNode): void {
    const dueMs = Math.max(this.nowMs, node.clock.virtualMs((node.replica as Replica).nextDueMs()))
    if (dueMs >= node.tickAtMs) return
    node.tickAtMs = dueMs
    const { life } = node
    this.#queue.at(dueMs, () => {
      if (node.life !== life || node.tickAtMs !== dueMs || !node.isRunning) return
      node.tickAtMs = Number.POSITIVE_INFINITY
      this.#countTick(node)
      this.step(node, { type: 'tick' })
    })
  }

  #countTick(node: SimulatedNode): void {
    if (node.tickedAtMs !== this.nowMs) node.ticksAtOnce = 0
    node.tickedAtMs = this.nowMs
    if (++node.ticksAtOnce < TICKS_AT_ONCE_MAX) return
    this.crash(node, false)
    this.#events.onFailure(node, 'tick', new Error(`spins: ${TICKS_AT_ONCE_MAX} ticks without time passing`))
  }

  #nowOf(node: SimulatedNode): { nowMs: number; wallMs: number } {
    return { nowMs: node.clock.nowMs(this.nowMs), wallMs: node.clock.wallMs(this.nowMs) }
  }

  #wireOf(node: number): number {
    return this.options.wires?.[node] ?? WIRE_VERSION
  }
}

function nodeIdOf(index: number): NodeId {
  return `n${index}`
}

const ALL_SHARDS: readonly number[] = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)
/** Nodes that start by then found the cluster. */
const FOUNDING_MS = 100
/** Events of peers that wait for a paused node: a few hundred kilobytes of socket buffers. */
const INBOX_MAX = 1_000
/** Work at one moment may lead to a few ticks; more is a tick that asks for itself. */
const TICKS_AT_ONCE_MAX = 100
