/**
 * The bounded window of writes: who finds it full waits here for room, first come, first served, and is refused when its
 * deadline passes.
 */
import { PENDING_DELTAS_MAX, ROOM_WAITS_MAX } from '../constants.ts'
import type { Context } from '../context.ts'
import { LimitError } from '../errors.ts'

export interface RoomCommand {
  readonly request: number
  /** Milliseconds to wait. */
  readonly waitMs: number
}

export class RoomWaits {
  readonly #context: Context
  readonly #waits = new Map<number, number>()
  /** No wait ends before this. */
  #dueMs = Number.POSITIVE_INFINITY

  constructor(context: Context) {
    this.#context = context
  }

  get size(): number {
    return this.#waits.size
  }

  nextDueMs(): number {
    return this.#dueMs
  }

  /** @throws LimitError when too many wait already. */
  add({ request, waitMs }: RoomCommand): void {
    if (this.#waits.size >= ROOM_WAITS_MAX) {
      const advice = 'writes come faster than they can be sent, for long; make fewer at once'
      throw new LimitError('ROOM_WAITS_MAX', this.#waits.size + 1, ROOM_WAITS_MAX, advice)
    }
    const deadlineMs = this.#context.nowMs + waitMs
    this.#waits.set(request, deadlineMs)
    this.#dueMs = Math.min(this.#dueMs, deadlineMs)
  }

  /** So many more writes fit: let the first ones go. */
  admit(count: number): void {
    let left = count
    for (const request of this.#waits.keys()) {
      if (left-- <= 0) return
      this.#waits.delete(request)
      this.#context.out.results.push({ request, kind: 'room' })
    }
  }

  /** @returns whether it waited. */
  cancel(request: number): boolean {
    return this.#waits.delete(request)
  }

  failLate(pending: number): void {
    const { nowMs, out } = this.#context
    if (nowMs < this.#dueMs) return
    this.#dueMs = Number.POSITIVE_INFINITY
    for (const [request, deadlineMs] of this.#waits) {
      if (nowMs < deadlineMs) {
        this.#dueMs = Math.min(this.#dueMs, deadlineMs)
        continue
      }
      this.#waits.delete(request)
      out.results.push({ request, kind: 'failed', error: noRoom(pending) })
    }
  }
}

export function noRoom(pending: number): LimitError {
  const advice = 'writes come faster than they can be sent; wait for earlier commits before making more'
  return new LimitError('PENDING_DELTAS_MAX', pending + 1, PENDING_DELTAS_MAX, advice)
}
