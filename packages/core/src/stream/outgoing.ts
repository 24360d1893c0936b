/**
 * This node's own streams: one per shard, its frames numbered from 1 without holes.
 *
 * A delta gets the number of the frame it will travel in at the moment it is queued, so numbers and order agree. Frames
 * leave at the end of a turn, under load when those who receive them keep up (`flush-clock.ts`), all streams together. A
 * published frame stays in the stream's ring until every member that joined the shard has acknowledged it; whoever asks for
 * one that is gone is told so and syncs. When something stays unacknowledged and the line is quiet, those who lag are probed
 * with the highest number: the loss of a last frame is noticed by nobody else.
 *
 * A member that lags so far that it keeps most of a ring from being forgotten is *ejected* from the stream: nothing is kept
 * for it any more, and it is told so, by itself and by another member. It joins again, and counts when it has synced (P4).
 */
import {
  FRAME_BYTES_MAX,
  FRAME_BYTES_TARGET,
  FRAME_HEADER_BYTES_MAX,
  PENDING_BYTES_MAX,
  PENDING_DELTAS_MAX,
  PROBE_MS_MAX,
  PROBE_MS_MIN,
  SHARD_COUNT,
} from '../constants.ts'
import type { Context } from '../context.ts'
import type { CopiesError } from '../errors.ts'
import type { SessionKey } from '../session/id.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import type { SessionRecord } from '../session/record.ts'
import type { NodeId } from '../session/version.ts'
import { encodeFrame } from '../wire/frame.ts'
import type { Ack, Nack, ShardNumber } from '../wire/messages.ts'
import { recordWireBytes } from '../wire/record-codec.ts'
import type { CopiesWait } from './copies-waits.ts'
import { CopiesWaits } from './copies-waits.ts'
import { FlushClock } from './flush-clock.ts'
import { OutStream } from './out-stream.ts'
import { ProbePace } from './probe-pace.ts'
import { Repairs } from './repairs.ts'
import type { RoomCommand } from './room.ts'
import { noRoom, RoomWaits } from './room.ts'

export interface OutgoingPorts {
  roundTripMs(node: NodeId): number
  isReachable(node: NodeId): boolean
  /** The member is too far behind in these shards, and out of their streams. */
  onEjected(node: NodeId, shards: readonly number[]): void
}

export class Outgoing {
  readonly #context: Context
  readonly #ports: OutgoingPorts
  readonly #senderTag: Hash64
  readonly #streams: readonly OutStream[] = Array.from({ length: SHARD_COUNT }, () => new OutStream())
  readonly #clock = new FlushClock()
  readonly #waits: CopiesWaits
  readonly #room: RoomWaits
  readonly #repairs: Repairs
  readonly #probePace = new ProbePace()
  /** Streams with something to publish, and with something unacknowledged. */
  readonly #dirty = new Set<number>()
  readonly #unacknowledged = new Set<number>()
  /** The highest numbers of the last flush, and those published since because their frames were full. */
  #flushed = new Map<number, number>()
  /** In which shard each member was asked to acknowledge it. */
  #asked: ReadonlyMap<NodeId, number> = NOBODY
  #closed = new Map<number, number>()
  #pendingDeltas = 0
  /** Bytes of full frames since the last flush. */
  #closedBytes = 0
  /** Somebody waits for what is pending. */
  #isUrgent = false
  /** Nobody is probed before this. */
  #probeDueMs = Number.POSITIVE_INFINITY

  constructor(context: Context, ports: OutgoingPorts) {
    this.#context = context
    this.#ports = ports
    this.#senderTag = context.config.keyHash(context.self)
    this.#repairs = new Repairs(context)
    this.#room = new RoomWaits(context)
    this.#waits = new CopiesWaits({
      onFailed: (wait, error) => this.#fail(wait, error),
      joined: (shard) => this.#stream(shard).positions.keys(),
    })
  }

  get repairs(): number {
    return this.#repairs.count
  }

  get waiting(): number {
    return this.#waits.size
  }

  /** How many times a member is out of a stream for being too far behind, now. */
  get ejected(): number {
    return this.#streams.reduce((count, { ejected }) => count + ejected.size, 0)
  }

  /** Whether anything waits to be published or acknowledged. */
  get owesAnything(): boolean {
    return this.#dirty.size > 0 || this.#unacknowledged.size > 0
  }

  /** Whether one more write fits the window, with nobody waiting before it. */
  get hasRoom(): boolean {
    return this.#room.size === 0 && this.hasFreeRoom
  }

  get hasFreeRoom(): boolean {
    return this.#freeRoom() > 0
  }

  /** Whether the frame of that number is still owed to a member that joined the shard, or not even sent. */
  isOwed(shard: number, frame: number): boolean {
    return frame !== 0 && frame > this.#stream(shard).acknowledged()
  }

  highest(shard: number): number {
    return this.#stream(shard).published
  }

  /** How many frames of this node a member has not acknowledged yet. */
  lagFrames(node: NodeId): number {
    let frames = 0
    for (const shard of this.#unacknowledged) {
      const { positions, published } = this.#stream(shard)
      frames += published - (positions.get(node) ?? published)
    }
    return frames
  }

  /** Refuse new writes when too many wait. @throws LimitError */
  assertRoom(): void {
    if (!this.hasFreeRoom) throw noRoom(this.#pendingDeltas)
  }

  /** Wait until there is room for a write, at most so long. @throws LimitError */
  awaitRoom(command: RoomCommand): void {
    this.#room.add(command)
    this.#admit()
  }

  /**
   * Queue a delta. The bytes of its values must not change before they are published, at the end of the turn or a few
   * milliseconds later. @returns the number of the frame that will carry it.
   */
  enqueue(shard: number, key: SessionKey, delta: SessionRecord, ackNow: boolean): number {
    const stream = this.#stream(shard)
    // Almost full and a large session: together they would not fit a frame.
    const waitingBytes = stream.pending?.bytesMax ?? 0
    const bytes = recordWireBytes(key, delta)
    if (waitingBytes > 0 && waitingBytes + bytes > FRAME_BYTES_MAX - FRAME_HEADER_BYTES_MAX) this.#close(shard)
    const batch = stream.batch()
    this.#pendingDeltas += batch.add(key, delta, bytes)
    batch.ackNow ||= ackNow
    this.#isUrgent ||= ackNow
    this.#dirty.add(shard)
    const number = stream.published + 1
    if (batch.bytesMax >= FRAME_BYTES_TARGET) this.#close(shard)
    return number
  }

  /** Wait until `asked` ready holders acknowledge the frame. `holders` are those that are, or are about to be. */
  awaitCopies(wait: CopiesWait, holders: readonly NodeId[]): void {
    this.#waits.add(wait, holders)
  }

  /** End the waits for a session with an error: something newer beat its write. */
  failWaits(key: SessionKey, code: 'SUPERSEDED' | 'DROPPED' | 'EVICTED'): void {
    this.#waits.failKey(key, code)
  }

  /** @returns whether there was such a wait. */
  cancelWait(request: number): boolean {
    return this.#room.cancel(request) || this.#waits.cancel(request)
  }

  /** A member joined the shard: what is sent from now on is kept until it acknowledges. @returns the highest number. */
  onJoin(node: NodeId, shard: number): number {
    const stream = this.#stream(shard)
    stream.ejected.delete(node)
    if (!stream.positions.has(node)) stream.positions.set(node, stream.published)
    return stream.published
  }

  hasJoined(node: NodeId, shard: number): boolean {
    return this.#stream(shard).positions.has(node)
  }

  onLeave(node: NodeId, shard: number): void {
    const stream = this.#stream(shard)
    stream.ejected.delete(node)
    stream.positions.delete(node)
    this.#trim(shard)
  }

  onLifeEnded(node: NodeId): void {
    for (let shard = 0; shard < SHARD_COUNT; shard++) this.onLeave(node, shard)
    this.#clock.forget(node)
    this.#repairs.forget(node)
    this.#probePace.forget(node)
  }

  /** The member cannot be reached: nothing is awaited of it. */
  onUnreachable(node: NodeId): void {
    this.#clock.forget(node)
  }

  onAck(from: NodeId, ack: Ack): void {
    if (ack.incarnation !== this.#context.incarnation) return
    this.#probePace.onAck(from, ack.positions, this.#context.nowMs)
    for (const { shard, number, ready } of ack.positions) {
      const stream = this.#stream(shard)
      if (number > stream.published || stream.ejected.has(from)) continue
      stream.positions.set(from, Math.max(number, stream.positions.get(from) ?? 0))
      stream.probeDelayMs = PROBE_MS_MIN
      this.#trim(shard)
      if (ready) this.#waits.confirm(from, shard, number)
    }
    const isClocked = this.#clock.isAwaiting(from) || this.#clock.late.has(from)
    if (isClocked && (this.#hasHeardLast(from) || this.#hasCaughtUp(from))) {
      this.#clock.onCaughtUp(from, this.#context.nowMs)
    }
  }

  onNack(from: NodeId, nack: Nack): void {
    const stream = this.#stream(nack.shard)
    // A small question brings large answers: only who follows the stream may ask for them.
    const mayAsk = stream.positions.has(from) || stream.ejected.has(from) || this.#context.lacks('nack-rights')
    if (!mayAsk || nack.incarnation !== this.#context.incarnation) return
    this.#repairs.onNack(from, nack, stream)
    // It reads what comes, and knows by a later frame what it misses: no reason to hold back the next flush.
    if (this.#clock.isAwaiting(from)) this.#clock.onCaughtUp(from, this.#context.nowMs)
  }

  /** A new incarnation numbers from 1 again, and owes nothing under the old one. */
  restart(): void {
    for (const stream of this.#streams) stream.restart()
    this.#unacknowledged.clear()
    this.#flushed.clear()
    this.#closed.clear()
    this.#waits.failAll()
  }

  /** Publish everything that is pending before its time. @returns whether there was anything. */
  flushIfPending(): boolean {
    const isPending = this.#hasToFlush()
    if (isPending) this.flush()
    return isPending
  }

  /** Publish everything that is pending, now. */
  flush(): void {
    const { nowMs } = this.#context
    const isLarge = this.#clock.isLarge(this.#pendingDeltas) || this.#closedBytes > 0
    const flushed = this.#closed
    this.#closed = new Map()
    this.#closedBytes = 0
    this.#isUrgent = false
    this.#asked = isLarge ? this.#shardsToAskIn() : NOBODY
    const asking = new Set(this.#asked.values())
    for (const shard of this.#dirty) flushed.set(shard, this.#publish(shard, asking.has(shard)))
    this.#flushed = flushed
    this.#clock.onFlush(nowMs, isLarge ? this.#holdersOf(flushed.keys()) : [])
    this.#admit()
  }

  nextDueMs(): number {
    const flushDueMs = this.#hasToFlush() ? this.#clock.dueMs(this.#isUrgent) : Number.POSITIVE_INFINITY
    return Math.min(flushDueMs, this.#probeDueMs, this.#waits.nextDueMs(), this.#room.nextDueMs())
  }

  tick(): void {
    const { nowMs } = this.#context
    if (this.#hasToFlush() && nowMs >= this.#clock.dueMs(this.#isUrgent)) this.flush()
    if (nowMs >= this.#probeDueMs) {
      this.#ejectLate()
      this.#probeLagging()
    }
    this.#waits.failLate(nowMs)
    this.#room.failLate(this.#pendingDeltas)
  }

  #stream(shard: number): OutStream {
    return this.#streams[shard] as OutStream
  }

  #hasToFlush(): boolean {
    return this.#dirty.size > 0 || this.#closedBytes > 0
  }

  #freeRoom(): number {
    return this.#closedBytes >= PENDING_BYTES_MAX ? 0 : PENDING_DELTAS_MAX - this.#pendingDeltas
  }

  #admit(): void {
    if (this.#room.size > 0) this.#room.admit(this.#freeRoom())
  }

  /** For each member the shard of its last frame of this flush: one acknowledgement says everything. */
  #shardsToAskIn(): ReadonlyMap<NodeId, number> {
    const asked = new Map<NodeId, number>()
    for (const shard of [...this.#dirty].reverse()) {
      for (const node of this.#stream(shard).positions.keys()) if (!asked.has(node)) asked.set(node, shard)
    }
    return asked
  }

  #holdersOf(shards: Iterable<number>): Set<NodeId> {
    const holders = new Set<NodeId>()
    for (const shard of shards) {
      for (const node of this.#stream(shard).positions.keys()) if (this.#ports.isReachable(node)) holders.add(node)
    }
    return holders
  }

  /** Whether the member has read the last flush to its end. What of it was lost on the way is repaired, and not waited for. */
  #hasHeardLast(node: NodeId): boolean {
    const shard = this.#asked.get(node)
    const number = shard === undefined ? undefined : this.#flushed.get(shard)
    if (shard === undefined || number === undefined || this.#clock.late.has(node)) return false
    return (this.#stream(shard).positions.get(node) ?? 0) >= number
  }

  /** Whether the member has acknowledged the last flush. */
  #hasCaughtUp(node: NodeId): boolean {
    for (const [shard, number] of this.#flushed) {
      const position = this.#stream(shard).positions.get(node)
      if (position !== undefined && position < number) return false
    }
    return true
  }

  /** Publish a frame before its time, because it is full. */
  #close(shard: number): void {
    const before = this.#stream(shard).pending?.bytesMax ?? 0
    this.#closed.set(shard, this.#publish(shard, false))
    this.#closedBytes += before
  }

  /** @returns the number of the frame. */
  #publish(shard: number, asks: boolean): number {
    const stream = this.#stream(shard)
    const { pending } = stream
    this.#dirty.delete(shard)
    if (pending === undefined) return stream.published
    const { incarnation, nowMs, out } = this.#context
    const number = stream.published + 1
    const ackNow = pending.ackNow || asks
    const header = { sender: this.#senderTag, incarnation, shard, number, ackNow }
    const batch = pending.write(nowMs, this.#context.sharedWire)
    const { needsWire } = batch
    const frame = encodeFrame(header, batch)
    stream.pending = undefined
    stream.keep(frame, needsWire, nowMs)
    this.#pendingDeltas -= pending.count
    out.publishes.push({ shard, frame })
    stream.probeDelayMs = PROBE_MS_MIN
    stream.probeAtMs = nowMs + stream.probeDelayMs
    this.#probeDueMs = Math.min(this.#probeDueMs, stream.probeAtMs)
    this.#unacknowledged.add(shard)
    this.#trim(shard)
    return number
  }

  #trim(shard: number): void {
    const stream = this.#stream(shard)
    stream.trim()
    if (stream.acknowledged() >= stream.published) this.#unacknowledged.delete(shard)
  }

  #probeLagging(): void {
    const { nowMs } = this.#context
    const lagging = new Map<NodeId, ShardNumber[]>()
    const due = new Set<NodeId>()
    this.#probeDueMs = Number.POSITIVE_INFINITY
    for (const shard of this.#unacknowledged) {
      const stream = this.#stream(shard)
      const isDue = nowMs >= stream.probeAtMs
      for (const [node, position] of stream.positions) {
        // Somebody far away, or busy, may be on the way to acknowledging.
        const isTooSoon = nowMs < stream.publishedAtMs + 4 * this.#ports.roundTripMs(node)
        if (position >= stream.published || isTooSoon) continue
        const list = lagging.get(node) ?? []
        list.push({ shard, number: stream.published })
        lagging.set(node, list)
        if (isDue) due.add(node)
      }
      if (isDue) {
        stream.probeDelayMs = Math.min(stream.probeDelayMs * 2, PROBE_MS_MAX)
        stream.probeAtMs = nowMs + stream.probeDelayMs
      }
      this.#probeDueMs = Math.min(this.#probeDueMs, stream.probeAtMs)
    }
    if (this.#context.lacks('probe')) return
    for (const [node, streams] of lagging) if (due.has(node)) this.#probe(node, streams)
  }

  #probe(node: NodeId, streams: readonly ShardNumber[]): void {
    const { nowMs, incarnation } = this.#context
    const [first] = streams
    if (first === undefined || (!this.#probePace.mayProbe(node, nowMs) && !this.#context.lacks('probe-pace'))) return
    this.#probePace.onProbe(node, first, nowMs)
    this.#context.send(node, { type: 'probe', incarnation, streams })
  }

  /** Give up on whoever keeps most of a ring from being forgotten, before the ring overflows for everybody (rule P5). */
  #ejectLate(): void {
    if (this.#context.lacks('eject')) return
    const ejected = new Map<NodeId, number[]>()
    for (const shard of this.#unacknowledged) {
      const stream = this.#stream(shard)
      for (const [node, position] of stream.positions) {
        if (!stream.isHeldUpAt(position, this.#context.nowMs)) continue
        stream.positions.delete(node)
        stream.ejected.add(node)
        const shards = ejected.get(node) ?? []
        shards.push(shard)
        ejected.set(node, shards)
      }
    }
    for (const [node, shards] of ejected) {
      for (const shard of shards) this.#trim(shard)
      this.#clock.forget(node)
      this.#ports.onEjected(node, shards)
    }
  }

  #fail(wait: CopiesWait, error: CopiesError): void {
    if (wait.onFailed !== undefined) wait.onFailed(error)
    else this.#context.out.results.push({ request: wait.request, kind: 'failed', error })
  }
}

const NOBODY: ReadonlyMap<NodeId, number> = new Map()
