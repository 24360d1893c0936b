/**
 * When the node flushes what waits in its streams: one clock for all of them, driven by those who receive.
 *
 * Idle, a write leaves at the end of the turn. Under load the next flush goes when the last one has arrived, which is when
 * the holders acknowledged it, and not before 5 ms: batches grow by themselves to what the slowest part of the way can do,
 * and nothing piles up behind it. A flush asks for that acknowledgement when it is large; small ones do not need a clock.
 *
 * A holder that is much later than the others is *late*: it is not waited for until it caught up, so that it holds up
 * nobody's client. When nobody answers, the clock goes on by itself, after the time that answers hardly ever take (the mean
 * and four mean deviations, as TCP waits before it sends again: Jacobson, "Congestion avoidance and control", 1988): a frame
 * may be lost, and the next one is how its receiver learns of it.
 *
 * ```
 *            small flush                       large flush
 *   idle ◄───────────── 5 ms ◄──┐   ┌── awaited: all heard it, or half did and 50 ms passed, or none for long
 *     └── write: at once ───────┴───┴──────────────────────────────────────────────────────────────► flush
 * ```
 */
import {
  FLUSH_INTERVAL_MS,
  FLUSH_LARGE_DELTAS,
  FLUSH_LATE_MS,
  FLUSH_WAIT_MS_MAX,
  FLUSH_WAIT_MS_MIN,
  FLUSHES_AT_ONCE_MAX,
} from '../constants.ts'
import type { NodeId } from '../session/version.ts'

export class FlushClock {
  /** Flushes since this time are counted; when there are too many, the next one waits for the interval's end. */
  #intervalStartMs = Number.NEGATIVE_INFINITY
  #flushes = 0
  #flushedAtMs = Number.NEGATIVE_INFINITY
  /** Who has the last large flush still to acknowledge, and how many had at first. */
  readonly #awaited = new Set<NodeId>()
  #askedCount = 0
  #halfAtMs = Number.POSITIVE_INFINITY
  readonly #late = new Set<NodeId>()
  /** How long it takes until a flush is heard, and by how much that varies; none was yet. */
  #answerMs: number | undefined
  #answerDeviationMs = 0

  /** Members that are not waited for. */
  get late(): ReadonlySet<NodeId> {
    return this.#late
  }

  isAwaiting(node: NodeId): boolean {
    return this.#awaited.has(node)
  }

  /** Whether the next flush is large enough to be acknowledged before the one after it. */
  isLarge(deltas: number): boolean {
    return deltas >= FLUSH_LARGE_DELTAS
  }

  /** When the next flush may go. `isUrgent`: somebody waits for copies of what is in it. */
  dueMs(isUrgent: boolean): number {
    if (isUrgent && this.#flushes < FLUSHES_AT_ONCE_MAX) return Number.NEGATIVE_INFINITY
    const soonestMs = this.#intervalStartMs + FLUSH_INTERVAL_MS
    if (this.#awaited.size === 0) return soonestMs
    return Math.max(soonestMs, this.#patienceEndsMs())
  }

  /** A flush goes now. `awaited`: who shall acknowledge it before the next one goes. */
  onFlush(nowMs: number, awaited: Iterable<NodeId>): void {
    if (nowMs >= this.#intervalStartMs + FLUSH_INTERVAL_MS) {
      this.#intervalStartMs = nowMs
      this.#flushes = 0
    }
    this.#flushes++
    // Half had it long ago: the others are late. When nobody has, everything is slow, and nobody is to blame.
    const hasHalf = Number.isFinite(this.#halfAtMs)
    if (hasHalf && nowMs >= this.#patienceEndsMs()) for (const node of this.#awaited) this.#late.add(node)
    this.#flushedAtMs = nowMs
    this.#awaited.clear()
    for (const node of awaited) if (!this.#late.has(node)) this.#awaited.add(node)
    this.#askedCount = this.#awaited.size
    this.#halfAtMs = Number.POSITIVE_INFINITY
  }

  /** The member has everything that was flushed. */
  onCaughtUp(node: NodeId, nowMs: number): void {
    this.#late.delete(node)
    if (!this.#awaited.delete(node)) return
    this.#learn(nowMs - this.#flushedAtMs)
    if (this.#awaited.size * 2 <= this.#askedCount) this.#halfAtMs = Math.min(this.#halfAtMs, nowMs)
  }

  #patienceEndsMs(): number {
    return Number.isFinite(this.#halfAtMs) ? this.#halfAtMs + FLUSH_LATE_MS : this.#flushedAtMs + this.#waitMs()
  }

  #waitMs(): number {
    if (this.#answerMs === undefined) return FLUSH_WAIT_MS_MAX
    const longMs = this.#answerMs + 4 * this.#answerDeviationMs
    return Math.min(FLUSH_WAIT_MS_MAX, Math.max(FLUSH_WAIT_MS_MIN, longMs))
  }

  #learn(answerMs: number): void {
    if (this.#answerMs === undefined) {
      this.#answerMs = answerMs
      this.#answerDeviationMs = answerMs / 2
      return
    }
    this.#answerDeviationMs += (Math.abs(answerMs - this.#answerMs) - this.#answerDeviationMs) / 4
    this.#answerMs += (answerMs - this.#answerMs) / 8
  }

  /** The member is gone, or is not to be waited for any more. */
  forget(node: NodeId): void {
    this.#late.delete(node)
    this.#awaited.delete(node)
  }
}
