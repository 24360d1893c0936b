/**
 * How long a sync waits for the answers of each source, and how many questions it asks at once.
 *
 * The usual bounds are far from what a source can do. One that is nearly saturated takes longer, and what is given up and
 * asked anew makes its queue longer still: nobody would ever get an answer in time. So it is given twice what was waited in
 * vain, then twice what its last answer took, and asked one thing at a time; what waits for it may go to another one. It is asked
 * more at once again, step by step, while its answers come soon: the way in which TCP avoids congestion (Jacobson, "Congestion
 * avoidance and control", 1988).
 */
import { SYNC_PATIENCE_MS_MAX, SYNC_SESSIONS_MAX, SYNC_TIMEOUT_MS } from '../constants.ts'
import type { NodeId } from '../session/version.ts'

export class Patience {
  /** Of the sources that are slow. */
  readonly #slow = new Map<NodeId, { ms: number; window: number }>()

  ms(source: NodeId): number {
    return this.#slow.get(source)?.ms ?? SYNC_TIMEOUT_MS
  }

  /** How many questions a source may be asked at once. */
  window(source: NodeId): number {
    return Math.floor(this.#slow.get(source)?.window ?? SYNC_SESSIONS_MAX)
  }

  onAnswer(source: NodeId, tookMs: number): void {
    const slow = this.#slow.get(source)
    if (slow === undefined) return
    slow.ms = bounded(2 * tookMs)
    if (slow.ms > SYNC_TIMEOUT_MS) return
    slow.window += 1 / Math.floor(slow.window)
    if (slow.window >= SYNC_SESSIONS_MAX) this.#slow.delete(source)
  }

  /** Several questions that were asked at once and given up at once count once. */
  onSilence(source: NodeId, waitedMs: number): void {
    this.#slow.set(source, { ms: Math.max(this.ms(source), bounded(2 * waitedMs)), window: 1 })
  }

  /** It cannot be reached: what comes after that is another story. */
  forget(source: NodeId): void {
    this.#slow.delete(source)
  }
}

function bounded(ms: number): number {
  return Math.max(SYNC_TIMEOUT_MS, Math.min(ms, SYNC_PATIENCE_MS_MAX))
}
