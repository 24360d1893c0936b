/**
 * One stream of this node's: its numbers, the frames kept for repair, and up to where each member has it.
 */
import { EJECT_MS, EJECT_RING_SHARE, PROBE_MS_MIN, RING_BYTES_MAX, RING_FRAMES_MAX } from '../constants.ts'
import type { NodeId } from '../session/version.ts'
import { PendingBatch } from './pending-batch.ts'

export interface RingFrame {
  readonly number: number
  readonly bytes: Uint8Array
  /** The earliest version of the wire that reads it. */
  readonly needsWire: number
  readonly encodedAtMs: number
  /** When it was sent again, by who asked. */
  repairs: Map<NodeId, number> | undefined
}

export class OutStream {
  /** The highest number published. */
  published = 0
  publishedAtMs = 0
  pending: PendingBatch | undefined
  /** Members that joined the shard, and up to which number each has everything. */
  readonly positions: Map<NodeId, number> = new Map()
  /** Members that joined and were too far behind: nothing is kept for them, and what they acknowledge counts for nothing. */
  readonly ejected: Set<NodeId> = new Set()
  probeAtMs = 0
  probeDelayMs: number = PROBE_MS_MIN
  #ring: RingFrame[] = []
  #ringBytes = 0

  /** The lowest number that can be sent again. */
  get oldest(): number {
    return this.#ring[0]?.number ?? this.published + 1
  }

  /** The batch that waits, made if there is none. */
  batch(): PendingBatch {
    this.pending ??= new PendingBatch()
    return this.pending
  }

  /** Keep a frame that is published, the next by number. */
  keep(bytes: Uint8Array, needsWire: number, nowMs: number): void {
    this.published++
    this.publishedAtMs = nowMs
    this.#ring.push({ number: this.published, bytes, needsWire, encodedAtMs: nowMs, repairs: undefined })
    this.#ringBytes += bytes.length
  }

  /** A frame that is kept. */
  frame(number: number): RingFrame | undefined {
    return this.#ring[number - this.oldest]
  }

  /** Up to which number everybody who joined has everything. */
  acknowledged(): number {
    let least = this.published
    for (const position of this.positions.values()) least = Math.min(least, position)
    return least
  }

  /** Whether a member at this position has kept most of the ring from being forgotten for long. */
  isHeldUpAt(position: number, nowMs: number): boolean {
    const next = this.frame(position + 1) ?? this.#ring[0]
    if (next === undefined || position >= this.published || nowMs < next.encodedAtMs + EJECT_MS) return false
    const held = this.published + 1 - next.number
    const heldBytes = (held / this.#ring.length) * this.#ringBytes
    return held >= EJECT_RING_SHARE * RING_FRAMES_MAX || heldBytes >= EJECT_RING_SHARE * RING_BYTES_MAX
  }

  /** Forget frames that everybody has, and the oldest ones when the ring is full: who lacks those syncs. */
  trim(): void {
    const acknowledged = this.acknowledged()
    let drop = 0
    for (const frame of this.#ring) {
      const isOver = this.#ring.length - drop > RING_FRAMES_MAX || this.#ringBytes > RING_BYTES_MAX
      if (frame.number > acknowledged && !isOver) break
      this.#ringBytes -= frame.bytes.length
      drop++
    }
    if (drop > 0) this.#ring.splice(0, drop)
  }

  restart(): void {
    this.published = 0
    this.#ring = []
    this.#ringBytes = 0
    this.ejected.clear()
    for (const node of this.positions.keys()) this.positions.set(node, 0)
  }
}
