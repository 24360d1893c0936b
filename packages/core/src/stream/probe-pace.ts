/**
 * How often a member that lags is probed, over all streams.
 *
 * Each stream has a back-off of its own; twenty of them would be twenty messages a second to a member that has no time to read
 * one. So a probe names all that the member lags in, and the next one waits for as long as the answer to the last took: for
 * longer each time while there is none.
 */
import { PROBE_MS_MAX, PROBE_MS_MIN } from '../constants.ts'
import type { NodeId } from '../session/version.ts'
import type { ShardNumber } from '../wire/messages.ts'

export class ProbePace {
  readonly #paces = new Map<NodeId, Pace>()

  /** Whether it is time to probe a member. */
  mayProbe(node: NodeId, nowMs: number): boolean {
    return nowMs >= (this.#paces.get(node)?.dueMs ?? 0)
  }

  onProbe(node: NodeId, probed: ShardNumber, nowMs: number): void {
    const { delayMs, sinceMs } = this.#paces.get(node) ?? { delayMs: PROBE_MS_MIN, sinceMs: undefined }
    const next = { probed, sinceMs: sinceMs ?? nowMs, dueMs: nowMs + delayMs, delayMs: bounded(2 * delayMs) }
    this.#paces.set(node, next)
  }

  /** A member acknowledged what it was probed for, or other things. */
  onAck(node: NodeId, positions: readonly ShardNumber[], nowMs: number): void {
    const pace = this.#paces.get(node)
    if (pace?.sinceMs === undefined) return
    const { shard, number } = pace.probed
    if (!positions.some((position) => position.shard === shard && position.number >= number)) return
    pace.delayMs = bounded(nowMs - pace.sinceMs)
    pace.sinceMs = undefined
  }

  forget(node: NodeId): void {
    this.#paces.delete(node)
  }
}

interface Pace {
  /** A stream of which the last probe told. */
  readonly probed: ShardNumber
  /** When the first probe went that was not answered; undefined when the last one was. */
  sinceMs: number | undefined
  /** No probe before this, and how long after the next one there is none. */
  readonly dueMs: number
  delayMs: number
}

function bounded(delayMs: number): number {
  return Math.min(PROBE_MS_MAX, Math.max(PROBE_MS_MIN, delayMs))
}
