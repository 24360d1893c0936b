/**
 * This node's own streams: one per shard, its frames numbered from 1 without holes.
 *
 * A delta gets the number of the frame it will travel in at the moment it is queued, so numbers and order agree. When the
 * node is idle a frame leaves at the end of the step; under load the node as a whole flushes every few milliseconds and
 * frames grow. A published frame stays in the stream's ring until every member that joined the shard has acknowledged it;
 * whoever asks for one that is gone is told so and syncs. When something stays unacknowledged and the line is quiet, those
 * who lag are probed with the highest number: the loss of a last frame is noticed by nobody else.
 *
 * Writes that wait for copies wait here, because acknowledgements arrive here. Only ready holders count (rule A1).
 */
import {
  FLUSH_INTERVAL_MS,
  FLUSHES_AT_ONCE_MAX,
  FRAME_BYTES_MAX,
  FRAME_BYTES_TARGET,
  PENDING_DELTAS_MAX,
  PROBE_MS_MAX,
  PROBE_MS_MIN,
  REPAIR_FRAMES_MAX,
  REPAIR_LINGER_MS,
  RING_BYTES_MAX,
  RING_FRAMES_MAX,
  SHARD_COUNT,
} from '../constants.ts'
import type { Context } from '../context.ts'
import type { CopiesFailure } from '../errors.ts'
import { CopiesError, LimitError } from '../errors.ts'
import type { SessionKey } from '../session/id.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import type { SessionRecord } from '../session/record.ts'
import { recordBytes } from '../session/record.ts'
import type { NodeId } from '../session/version.ts'
import { encodeFrame } from '../wire/frame.ts'
import type { Ack, Nack, ShardNumber } from '../wire/messages.ts'
import { RecordBatchWriter } from '../wire/record-codec.ts'

/** A write that waits for copies. */
export interface CopiesWait {
  readonly request: number
  readonly key: SessionKey
  readonly shard: number
  readonly frame: number
  readonly asked: number
  readonly deadlineMs: number
  readonly onConfirmed: () => void
  /** Told of a failure in place of the request. */
  readonly onFailed?: (error: CopiesError) => void
}

export interface OutgoingPorts {
  roundTripMs(node: NodeId): number
}

export class Outgoing {
  readonly #context: Context
  readonly #ports: OutgoingPorts
  readonly #senderTag: Hash64
  readonly #streams: readonly OutStream[] = Array.from({ length: SHARD_COUNT }, () => new OutStream())
  readonly #waits = new Map<number, Waiting>()
  /** No wait ends before this. Thousands may wait, and every step asks; when it comes too early they are looked at once. */
  #waitsDueMs = Number.POSITIVE_INFINITY
  readonly #dirty = new Set<number>()
  readonly #unacknowledged = new Set<number>()
  #pendingDeltas = 0
  /** Flushes since this time are counted; when there are too many, the next one waits for the interval's end. */
  #intervalStartMs = Number.NEGATIVE_INFINITY
  #flushes = 0
  /** Somebody waits for what is pending. */
  #isUrgent = false
  /** For status: frames sent again because somebody asked. */
  repairs = 0

  constructor(context: Context, ports: OutgoingPorts) {
    this.#context = context
    this.#ports = ports
    this.#senderTag = context.config.keyHash(context.self)
  }

  get waiting(): number {
    return this.#waits.size
  }

  /** Whether anything waits to be published or acknowledged. */
  get owesAnything(): boolean {
    return this.#dirty.size > 0 || this.#unacknowledged.size > 0
  }

  /** Whether the frame of that number is still owed to a member that joined the shard, or not even sent. */
  isOwed(shard: number, frame: number): boolean {
    return frame !== 0 && frame > this.#stream(shard).acknowledged()
  }

  highest(shard: number): number {
    return this.#stream(shard).published
  }

  /** Refuse new writes when too many wait. @throws LimitError */
  assertRoom(): void {
    if (this.#pendingDeltas < PENDING_DELTAS_MAX) return
    const advice = 'writes come faster than they can be sent; wait for earlier commits before making more'
    throw new LimitError('PENDING_DELTAS_MAX', this.#pendingDeltas + 1, PENDING_DELTAS_MAX, advice)
  }

  /** Queue a delta. @returns the number of the frame that will carry it. */
  enqueue(shard: number, key: SessionKey, delta: SessionRecord, ackNow: boolean): number {
    const stream = this.#stream(shard)
    // Almost full and a large session: together they would not fit a frame.
    const waitingBytes = stream.pending?.batch.byteLength ?? 0
    if (waitingBytes > 0 && waitingBytes + recordBytes(key, delta) > FRAME_BYTES_MAX) this.#publish(shard)
    stream.pending ??= { batch: new RecordBatchWriter(this.#context.sharedWire), ackNow: false }
    const { batch } = stream.pending
    this.#pendingDeltas -= batch.count
    batch.add(key, delta, this.#context.nowMs)
    this.#pendingDeltas += batch.count
    stream.pending.ackNow ||= ackNow
    this.#isUrgent ||= ackNow
    this.#dirty.add(shard)
    const number = stream.published + 1
    if (batch.byteLength >= FRAME_BYTES_TARGET) this.#publish(shard)
    return number
  }

  /** Wait until `asked` ready holders acknowledge the frame. `holders` are those that are, or are about to be. */
  awaitCopies(wait: CopiesWait, holders: readonly NodeId[]): void {
    if (holders.length < wait.asked) {
      this.#fail(wait, new CopiesError('NOT_ENOUGH_HOLDERS', { asked: wait.asked, confirmed: [], silent: holders }))
      return
    }
    const waiting = { ...wait, confirmed: new Set<NodeId>() }
    this.#waits.set(wait.request, waiting)
    this.#waitsDueMs = Math.min(this.#waitsDueMs, wait.deadlineMs)
    this.#stream(wait.shard).waits.add(waiting)
  }

  /** End the waits for a session with an error: something newer beat its write. */
  failWaits(key: SessionKey, code: 'SUPERSEDED' | 'DROPPED' | 'EVICTED'): void {
    for (const wait of this.#waits.values()) {
      if (wait.key === key) this.#failWith(wait, code)
    }
  }

  /** @returns whether there was such a wait. */
  cancelWait(request: number): boolean {
    const wait = this.#waits.get(request)
    if (wait === undefined) return false
    this.#failWith(wait, 'TIMEOUT')
    return true
  }

  /** A member joined the shard: what is sent from now on is kept until it acknowledges. @returns the highest number. */
  onJoin(node: NodeId, shard: number): number {
    const stream = this.#stream(shard)
    if (!stream.positions.has(node)) stream.positions.set(node, stream.published)
    return stream.published
  }

  hasJoined(node: NodeId, shard: number): boolean {
    return this.#stream(shard).positions.has(node)
  }

  onLeave(node: NodeId, shard: number): void {
    this.#stream(shard).positions.delete(node)
    this.#trim(shard)
  }

  onLifeEnded(node: NodeId): void {
    for (let shard = 0; shard < SHARD_COUNT; shard++) this.onLeave(node, shard)
  }

  onAck(from: NodeId, ack: Ack): void {
    if (ack.incarnation !== this.#context.incarnation) return
    for (const { shard, number, ready } of ack.positions) {
      const stream = this.#stream(shard)
      if (number > stream.published) continue
      stream.positions.set(from, Math.max(number, stream.positions.get(from) ?? 0))
      stream.probeDelayMs = PROBE_MS_MIN
      this.#trim(shard)
      if (ready) this.#confirm(from, shard, number)
    }
  }

  onNack(from: NodeId, nack: Nack): void {
    if (nack.incarnation !== this.#context.incarnation) return
    const stream = this.#stream(nack.shard)
    const { nowMs } = this.#context
    const wire = this.#context.wireOf(from)
    const oldest = stream.ring[0]?.number ?? stream.published + 1
    let budget = REPAIR_FRAMES_MAX
    let gone = 0
    for (const range of nack.ranges) {
      if (range.from < oldest && range.from <= stream.published) gone = Math.min(range.to, oldest - 1)
      const to = Math.min(range.to, stream.published)
      for (let number = Math.max(range.from, oldest); number <= to && budget > 0; number++) {
        const frame = stream.ring[number - oldest] as RingFrame
        // What it cannot read is as good as gone for it: a sync brings what it can.
        if (frame.needsWire > wire) {
          gone = number
          continue
        }
        if (frame.repairedFor === from && nowMs - frame.repairedAtMs < REPAIR_LINGER_MS) continue
        frame.repairedFor = from
        frame.repairedAtMs = nowMs
        budget--
        this.repairs++
        const ageMs = Math.max(0, Math.ceil(nowMs - frame.encodedAtMs))
        this.#context.send(from, { type: 'repair', ageMs, frame: frame.bytes })
      }
    }
    if (gone > 0 && !this.#context.lacks('gone')) {
      this.#context.send(from, { type: 'gone', incarnation: this.#context.incarnation, shard: nack.shard, upTo: gone })
    }
  }

  /** A new incarnation numbers from 1 again, and owes nothing under the old one. */
  restart(): void {
    for (const stream of this.#streams) stream.restart()
    this.#unacknowledged.clear()
    for (const wait of [...this.#waits.values()]) this.#failWith(wait, 'TIMEOUT')
  }

  /** Publish what is pending if it is time, at the end of a step. */
  flushIfDue(): void {
    if (this.#dirty.size > 0 && this.#context.nowMs >= this.#flushDueMs()) this.flush()
  }

  flush(): void {
    if (this.#context.nowMs >= this.#intervalStartMs + FLUSH_INTERVAL_MS) {
      this.#intervalStartMs = this.#context.nowMs
      this.#flushes = 0
    }
    this.#flushes++
    this.#isUrgent = false
    for (const shard of this.#dirty) this.#publish(shard)
  }

  nextDueMs(): number {
    let dueMs = this.#dirty.size > 0 ? this.#flushDueMs() : Number.POSITIVE_INFINITY
    for (const shard of this.#unacknowledged) dueMs = Math.min(dueMs, this.#stream(shard).probeAtMs)
    return Math.min(dueMs, this.#waitsDueMs)
  }

  tick(): void {
    this.flushIfDue()
    this.#probeLagging()
    if (this.#context.nowMs >= this.#waitsDueMs) this.#failLateWaits()
  }

  #failLateWaits(): void {
    this.#waitsDueMs = Number.POSITIVE_INFINITY
    for (const wait of [...this.#waits.values()]) {
      if (this.#context.nowMs >= wait.deadlineMs) this.#failWith(wait, 'TIMEOUT')
      else this.#waitsDueMs = Math.min(this.#waitsDueMs, wait.deadlineMs)
    }
  }

  #stream(shard: number): OutStream {
    return this.#streams[shard] as OutStream
  }

  /** Idle, or somebody waits: at once. Else when the interval ends, for all shards together. */
  #flushDueMs(): number {
    const isAtOnce = this.#isUrgent && this.#flushes < FLUSHES_AT_ONCE_MAX
    return isAtOnce ? Number.NEGATIVE_INFINITY : this.#intervalStartMs + FLUSH_INTERVAL_MS
  }

  #publish(shard: number): void {
    const stream = this.#stream(shard)
    this.#dirty.delete(shard)
    if (stream.pending === undefined) return
    const { batch, ackNow } = stream.pending
    const { incarnation, nowMs, out } = this.#context
    const number = stream.published + 1
    const bytes = encodeFrame({ sender: this.#senderTag, incarnation, shard, number, ackNow }, batch)
    stream.pending = undefined
    stream.published = number
    stream.publishedAtMs = nowMs
    stream.ring.push({
      number,
      bytes,
      needsWire: batch.needsWire,
      encodedAtMs: nowMs,
      repairedFor: undefined,
      repairedAtMs: 0,
    })
    stream.ringBytes += bytes.length
    this.#pendingDeltas -= batch.count
    out.publishes.push({ shard, frame: bytes })
    stream.probeDelayMs = PROBE_MS_MIN
    stream.probeAtMs = nowMs + stream.probeDelayMs
    this.#unacknowledged.add(shard)
    this.#trim(shard)
  }

  /** Forget frames that everybody has, and the oldest ones when the ring is full: who lacks those syncs. */
  #trim(shard: number): void {
    const stream = this.#stream(shard)
    const acknowledged = stream.acknowledged()
    let drop = 0
    for (const frame of stream.ring) {
      const isOver = stream.ring.length - drop > RING_FRAMES_MAX || stream.ringBytes > RING_BYTES_MAX
      if (frame.number > acknowledged && !isOver) break
      stream.ringBytes -= frame.bytes.length
      drop++
    }
    stream.ring.splice(0, drop)
    if (acknowledged >= stream.published) this.#unacknowledged.delete(shard)
  }

  #probeLagging(): void {
    const { nowMs } = this.#context
    const probes = new Map<NodeId, ShardNumber[]>()
    for (const shard of this.#unacknowledged) {
      const stream = this.#stream(shard)
      if (nowMs < stream.probeAtMs) continue
      stream.probeDelayMs = Math.min(stream.probeDelayMs * 2, PROBE_MS_MAX)
      stream.probeAtMs = nowMs + stream.probeDelayMs
      for (const [node, position] of stream.positions) {
        // Somebody far away, or busy, may be on the way to acknowledging.
        const isTooSoon = nowMs < stream.publishedAtMs + 4 * this.#ports.roundTripMs(node)
        if (position >= stream.published || isTooSoon) continue
        const list = probes.get(node) ?? []
        list.push({ shard, number: stream.published })
        probes.set(node, list)
      }
    }
    if (this.#context.lacks('probe')) return
    for (const [node, streams] of probes) {
      this.#context.send(node, { type: 'probe', incarnation: this.#context.incarnation, streams })
    }
  }

  #confirm(from: NodeId, shard: number, number: number): void {
    for (const wait of this.#stream(shard).waits) {
      if (wait.frame > number) continue
      wait.confirmed.add(from)
      if (wait.confirmed.size < wait.asked) continue
      this.#endWait(wait)
      wait.onConfirmed()
    }
  }

  #failWith(wait: Waiting, code: CopiesFailure): void {
    this.#endWait(wait)
    const confirmed = [...wait.confirmed]
    const silent = [...this.#stream(wait.shard).positions.keys()].filter((node) => !wait.confirmed.has(node))
    this.#fail(wait, new CopiesError(code, { asked: wait.asked, confirmed, silent }))
  }

  #endWait(wait: Waiting): void {
    this.#waits.delete(wait.request)
    this.#stream(wait.shard).waits.delete(wait)
  }

  #fail(wait: CopiesWait, error: CopiesError): void {
    if (wait.onFailed !== undefined) wait.onFailed(error)
    else this.#context.out.results.push({ request: wait.request, kind: 'failed', error })
  }
}

interface Waiting extends CopiesWait {
  readonly confirmed: Set<NodeId>
}

interface RingFrame {
  readonly number: number
  readonly bytes: Uint8Array
  /** The earliest version of the wire that reads it. */
  readonly needsWire: number
  readonly encodedAtMs: number
  repairedFor: NodeId | undefined
  repairedAtMs: number
}

class OutStream {
  /** The highest number published. */
  published = 0
  publishedAtMs = 0
  pending: { readonly batch: RecordBatchWriter; ackNow: boolean } | undefined
  ring: RingFrame[] = []
  ringBytes = 0
  /** Members that joined the shard, and up to which number each has everything. */
  readonly positions = new Map<NodeId, number>()
  readonly waits = new Set<Waiting>()
  probeAtMs = 0
  probeDelayMs = PROBE_MS_MIN

  /** Up to which number everybody who joined has everything. */
  acknowledged(): number {
    let least = this.published
    for (const position of this.positions.values()) least = Math.min(least, position)
    return least
  }

  restart(): void {
    this.published = 0
    this.ring = []
    this.ringBytes = 0
    for (const node of this.positions.keys()) this.positions.set(node, 0)
  }
}
