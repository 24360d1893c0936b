/**
 * The streams of others that this node follows: what came, what is missing, and asking for it.
 *
 * Records are applied the moment they arrive; numbers only tell whether everything arrived. `position` is the number up to
 * which nothing is missing, `highest` the highest number heard of, from a frame, a probe or a heartbeat. While the first is
 * below the second there is a gap: after a short wait (reordering is not loss) the sender is asked for the missing ranges,
 * again with back-off, and when it says they are gone, does not answer, or died, the shard is synced instead.
 *
 * ```
 *            frame n = position + 1                      repaired / synced
 *  complete ───────────────────────► complete   gap ───────────────────────► complete
 *            number heard > position
 *  complete ───────────────────────► gap: wait RTT/4 ─► NACK ─► retry, doubling ─► sync
 * ```
 *
 * Silence costs nothing: acknowledgements are cumulative, lazy, and one message for all shards of a sender.
 */
import {
  ACK_DELAY_MS,
  ACK_FRAMES_MAX,
  AHEAD_RANGES_MAX,
  NACK_DELAY_MS_MIN,
  NACK_PATIENCE_MS_MIN,
  NACK_RANGES_MAX,
  NACK_RETRY_MS_MAX,
  NACK_RETRY_MS_MIN,
  NACK_TRIES_MAX,
} from '../constants.ts'
import type { Context } from '../context.ts'
import type { Incarnation, NodeId } from '../session/version.ts'
import type { FrameHeader } from '../wire/frame.ts'
import type { ShardNumber, StreamPosition } from '../wire/messages.ts'
import { RangeSet } from './ranges.ts'

export interface IncomingListener {
  /** Whether this node follows the shard at all. */
  isJoined(shard: number): boolean
  /** Whether acknowledgements for it count as copies. */
  isReady(shard: number): boolean
  /** Whether missing frames may be asked for: not while a first sync will bring them anyway. */
  mayRepair(shard: number): boolean
  roundTripMs(sender: NodeId): number
  isReachable(sender: NodeId): boolean
  /** The sender cannot repair this; sync the shard. `fromSender` says that the sender itself is still there to ask. */
  onUnrepairable(sender: NodeId, shard: number, fromSender: boolean): void
  onComplete(sender: NodeId, shard: number): void
}

export class Incoming {
  readonly #context: Context
  readonly #listener: IncomingListener
  readonly #senders = new Map<NodeId, Sender>()
  readonly #gaps = new Set<InStream>()
  readonly #unacknowledged = new Set<InStream>()

  constructor(context: Context, listener: IncomingListener) {
    this.#context = context
    this.#listener = listener
  }

  /** Streams with a gap now. */
  get gapCount(): number {
    return this.#gaps.size
  }

  /** Count a frame. @returns whether it is new and of the sender's present life: apply its records. */
  onFrame(sender: NodeId, header: FrameHeader): boolean {
    if (!this.#listener.isJoined(header.shard)) return false
    const stream = this.#stream(sender, header.incarnation, header.shard)
    if (stream === undefined) return false
    const { number } = header
    if (header.ackNow) this.#acknowledgeAt(stream, this.#context.nowMs)
    if (number <= stream.position || stream.ahead.has(number)) return false
    stream.highest = Math.max(stream.highest, number)
    if (number === stream.position + 1) this.#advance(stream, number)
    // A number that does not fit stays missing and is asked for again later; its records are applied all the same.
    else stream.ahead.add(number)
    if (!header.ackNow) this.#acknowledgeAt(stream, this.#context.nowMs + ACK_DELAY_MS)
    if (++stream.framesSinceAck >= ACK_FRAMES_MAX) this.#acknowledgeAt(stream, this.#context.nowMs)
    this.#checkGap(stream)
    // What was lost since the last NACK does not wait until that is repeated, and what was only told of in advance is now
    // known to be lost.
    if (this.#gaps.has(stream) && hasUnasked(stream, number)) {
      this.#askAt(stream, this.#context.nowMs + this.#patienceMs(stream))
    }
    return true
  }

  /** A number that the sender says it reached, by a hello, a probe or a heartbeat. */
  onHighest(sender: NodeId, incarnation: Incarnation, heard: ShardNumber, wantsAck: boolean): void {
    if (!this.#listener.isJoined(heard.shard)) return
    const stream = this.#stream(sender, incarnation, heard.shard)
    if (stream === undefined) return
    stream.highest = Math.max(stream.highest, heard.number)
    if (wantsAck) this.#acknowledgeAt(stream, this.#context.nowMs)
    // A probe comes after a quiet time; other numbers may have overtaken frames that are still on their way.
    const patienceMs = wantsAck ? 0 : Math.max(NACK_PATIENCE_MS_MIN, 2 * this.#listener.roundTripMs(sender))
    this.#checkGap(stream, patienceMs)
  }

  /** Everything of a stream up to this number came by a sync. */
  onSynced(shard: number, position: StreamPosition): void {
    if (position.sender === this.#context.self) return
    const stream = this.#stream(position.sender, position.incarnation, shard)
    if (stream === undefined || position.number <= stream.position) return
    stream.highest = Math.max(stream.highest, position.number)
    this.#advance(stream, position.number)
    this.#acknowledgeAt(stream, this.#context.nowMs + ACK_DELAY_MS)
    this.#checkGap(stream)
  }

  onGone(sender: NodeId, incarnation: Incarnation, shard: number, upTo: number): void {
    const stream = this.#senders.get(sender)?.streams.get(shard)
    if (stream === undefined || stream.sender.incarnation !== incarnation || stream.position >= upTo) return
    this.#context.notice({ type: 'gone', sender, shard })
    stream.askAtMs = Number.POSITIVE_INFINITY
    stream.retryAtMs = this.#context.nowMs + NACK_RETRY_MS_MAX
    this.#listener.onUnrepairable(sender, shard, true)
  }

  /** This node's positions in all streams of a shard, for whoever syncs from it. */
  positions(shard: number): StreamPosition[] {
    const positions: StreamPosition[] = []
    for (const [node, sender] of this.#senders) {
      const stream = sender.streams.get(shard)
      if (stream !== undefined && stream.position > 0) {
        positions.push({ sender: node, incarnation: sender.incarnation, number: stream.position })
      }
    }
    return positions
  }

  /** Whether nothing is missing of any stream of the shard, as far as is heard. */
  isComplete(shard: number): boolean {
    for (const stream of this.#gaps) if (stream.shard === shard) return false
    return true
  }

  /** Members whose streams of the shard are followed here. */
  senders(shard: number): NodeId[] {
    return [...this.#senders.values()].filter(({ streams }) => streams.has(shard)).map(({ node }) => node)
  }

  /** A member begins a life, or is met again: its streams count from here. Earlier lives of it are over. */
  onLife(sender: NodeId, incarnation: Incarnation): void {
    const known = this.#senders.get(sender)
    if (known?.incarnation === incarnation) return
    if (known !== undefined) this.#forget(known)
    this.#senders.set(sender, { node: sender, incarnation, streams: new Map() })
  }

  onLifeEnded(sender: NodeId, incarnation: Incarnation): void {
    const known = this.#senders.get(sender)
    if (known?.incarnation !== incarnation) return
    this.#forget(known)
    this.#senders.delete(sender)
  }

  /** Acknowledge everything of a shard again: it became ready, so the acknowledgements now count. */
  acknowledgeShard(shard: number): void {
    for (const sender of this.#senders.values()) {
      const stream = sender.streams.get(shard)
      if (stream === undefined) continue
      if (stream.position > 0) this.#acknowledgeAt(stream, this.#context.nowMs)
      this.#checkGap(stream)
    }
  }

  leaveShard(shard: number): void {
    for (const sender of this.#senders.values()) {
      const stream = sender.streams.get(shard)
      if (stream === undefined) continue
      this.#gaps.delete(stream)
      this.#unacknowledged.delete(stream)
      sender.streams.delete(shard)
    }
  }

  nextDueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY
    for (const stream of this.#gaps)
      if (this.#listener.mayRepair(stream.shard)) dueMs = Math.min(dueMs, stream.askAtMs, stream.retryAtMs)
    for (const stream of this.#unacknowledged) dueMs = Math.min(dueMs, stream.ackAtMs)
    return dueMs
  }

  /** Send what is due. Called on ticks and at the end of every step. */
  tick(): void {
    for (const stream of this.#gaps) {
      if (!this.#listener.mayRepair(stream.shard)) continue
      if (this.#context.nowMs >= stream.retryAtMs) this.#retry(stream)
      else if (this.#context.nowMs >= stream.askAtMs) this.#askForNew(stream)
    }
    this.#sendAcks()
  }

  #stream(node: NodeId, incarnation: Incarnation, shard: number): InStream | undefined {
    const sender = this.#senders.get(node)
    if (sender === undefined || sender.incarnation !== incarnation) return undefined
    let stream = sender.streams.get(shard)
    if (stream === undefined) {
      stream = new InStream(sender, shard)
      sender.streams.set(shard, stream)
    }
    return stream
  }

  #advance(stream: InStream, number: number): void {
    stream.position = stream.ahead.advance(Math.max(stream.position, number))
    stream.nackTries = 0
  }

  #checkGap(stream: InStream, patienceMs = 0): void {
    const isComplete = stream.position >= stream.highest
    const { node } = stream.sender
    if (isComplete && this.#gaps.delete(stream)) {
      if (stream.nacked > 0) {
        this.#context.notice({ type: 'repaired', sender: node, shard: stream.shard, frames: stream.nacked })
      }
      stream.nacked = 0
      this.#listener.onComplete(node, stream.shard)
    } else if (!isComplete && !this.#gaps.has(stream)) {
      this.#gaps.add(stream)
      stream.nackTries = 0
      stream.askedUpTo = stream.position
      stream.retryAtMs = Number.POSITIVE_INFINITY
      stream.askAtMs = Number.POSITIVE_INFINITY
      this.#askAt(stream, this.#context.nowMs + Math.max(this.#patienceMs(stream), patienceMs))
    }
  }

  /** How long a hole may be nothing but reordering. */
  #patienceMs(stream: InStream): number {
    return Math.max(NACK_DELAY_MS_MIN, this.#listener.roundTripMs(stream.sender.node) / 4)
  }

  #askAt(stream: InStream, atMs: number): void {
    stream.askAtMs = Math.min(stream.askAtMs, atMs)
  }

  /** Ask for the holes that were never asked for. */
  #askForNew(stream: InStream): void {
    stream.askAtMs = Number.POSITIVE_INFINITY
    if (stream.retryAtMs === Number.POSITIVE_INFINITY) this.#retry(stream)
    else if (this.#listener.isReachable(stream.sender.node)) this.#nack(stream, stream.askedUpTo)
  }

  /** Ask for all that is missing, and again when that does not come; in the end, leave it to a sync. */
  #retry(stream: InStream): void {
    const { node } = stream.sender
    stream.nackTries++
    const backoffMs = Math.max(NACK_RETRY_MS_MIN, 2 * this.#listener.roundTripMs(node)) * 2 ** (stream.nackTries - 1)
    stream.retryAtMs = this.#context.nowMs + Math.min(backoffMs, NACK_RETRY_MS_MAX)
    if (this.#context.lacks('nack-retry') && stream.nackTries > 1) return
    const isReachable = this.#listener.isReachable(node)
    if (!isReachable || stream.nackTries > NACK_TRIES_MAX) {
      this.#listener.onUnrepairable(node, stream.shard, isReachable)
    }
    if (isReachable) this.#nack(stream, stream.position)
  }

  #nack(stream: InStream, above: number): void {
    const { node, incarnation } = stream.sender
    const { shard } = stream
    const max = this.#context.lacks('nack-ranges') ? 1 : NACK_RANGES_MAX
    const ranges = stream.ahead.holes(Math.max(above, stream.position), stream.highest, max)
    stream.askedUpTo = stream.highest
    if (ranges.length === 0) return
    if (stream.nacked === 0) {
      stream.nacked = ranges.reduce((sum, range) => sum + range.to - range.from + 1, 0)
      this.#context.notice({ type: 'gap', sender: node, shard, missing: stream.nacked })
    }
    this.#context.send(node, { type: 'nack', incarnation, shard, ranges })
  }

  #acknowledgeAt(stream: InStream, atMs: number): void {
    if (this.#unacknowledged.has(stream)) stream.ackAtMs = Math.min(stream.ackAtMs, atMs)
    else stream.ackAtMs = atMs
    this.#unacknowledged.add(stream)
  }

  /** When one acknowledgement to a sender is due, all of them go along. */
  #sendAcks(): void {
    const due = new Set<Sender>()
    for (const stream of this.#unacknowledged) if (this.#context.nowMs >= stream.ackAtMs) due.add(stream.sender)
    if (due.size === 0) return
    const positions = new Map<Sender, (ShardNumber & { ready: boolean })[]>()
    for (const stream of this.#unacknowledged) {
      if (!due.has(stream.sender)) continue
      this.#unacknowledged.delete(stream)
      stream.framesSinceAck = 0
      const list = positions.get(stream.sender) ?? []
      list.push({ shard: stream.shard, number: stream.position, ready: this.#listener.isReady(stream.shard) })
      positions.set(stream.sender, list)
    }
    for (const [sender, list] of positions) {
      this.#context.send(sender.node, { type: 'ack', incarnation: sender.incarnation, positions: list })
    }
  }

  #forget(sender: Sender): void {
    for (const stream of sender.streams.values()) {
      this.#gaps.delete(stream)
      this.#unacknowledged.delete(stream)
    }
  }
}

/** Whether there is a hole below the number that was not asked for yet. */
function hasUnasked(stream: InStream, number: number): boolean {
  return stream.ahead.holes(Math.max(stream.askedUpTo, stream.position), number - 1, 1).length > 0
}

interface Sender {
  readonly node: NodeId
  readonly incarnation: Incarnation
  readonly streams: Map<number, InStream>
}

class InStream {
  readonly sender: Sender
  readonly shard: number
  position = 0
  highest = 0
  readonly ahead = new RangeSet(AHEAD_RANGES_MAX)
  /** When holes that were not asked for yet are, and when all that is missing is asked for again. */
  askAtMs: number = Number.POSITIVE_INFINITY
  retryAtMs: number = Number.POSITIVE_INFINITY
  /** Holes up to this number were asked for in the present gap. */
  askedUpTo = 0
  nackTries = 0
  /** Frames asked for in the present gap, for notices. */
  nacked = 0
  ackAtMs = 0
  framesSinceAck = 0

  constructor(sender: Sender, shard: number) {
    this.sender = sender
    this.shard = shard
  }
}
