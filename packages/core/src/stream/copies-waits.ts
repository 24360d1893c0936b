/**
 * Writes that wait until so many holders have them in memory. Only ready holders are asked of (rule A1): the caller says
 * who confirmed.
 */
import { SHARD_COUNT } from '../constants.ts'
import type { CopiesFailure } from '../errors.ts'
import { CopiesError } from '../errors.ts'
import type { SessionKey } from '../session/id.ts'
import type { NodeId } from '../session/version.ts'

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

export interface CopiesWaitsListener {
  onFailed(wait: CopiesWait, error: CopiesError): void
  /** The members that were counted on for the shard. */
  joined(shard: number): Iterable<NodeId>
}

export class CopiesWaits {
  readonly #listener: CopiesWaitsListener
  readonly #waits = new Map<number, Waiting>()
  readonly #byShard: readonly Set<Waiting>[] = Array.from({ length: SHARD_COUNT }, () => new Set<Waiting>())
  /** No wait ends before this. Thousands may wait, and every step asks; when it comes too early they are looked at once. */
  #dueMs = Number.POSITIVE_INFINITY

  constructor(listener: CopiesWaitsListener) {
    this.#listener = listener
  }

  get size(): number {
    return this.#waits.size
  }

  nextDueMs(): number {
    return this.#dueMs
  }

  /** Wait for `asked` of the holders: those that are ready, or about to be. Fails at once when there are fewer. */
  add(wait: CopiesWait, holders: readonly NodeId[]): void {
    if (holders.length < wait.asked) {
      const detail = { asked: wait.asked, confirmed: [], silent: holders }
      this.#listener.onFailed(wait, new CopiesError('NOT_ENOUGH_HOLDERS', detail))
      return
    }
    const waiting = { ...wait, confirmed: new Set<NodeId>() }
    this.#waits.set(wait.request, waiting)
    this.#dueMs = Math.min(this.#dueMs, wait.deadlineMs)
    this.#byShard[wait.shard]?.add(waiting)
  }

  /** A ready holder has everything of the shard up to that number. */
  confirm(from: NodeId, shard: number, number: number): void {
    for (const wait of this.#byShard[shard] ?? []) {
      if (wait.frame > number) continue
      wait.confirmed.add(from)
      if (wait.confirmed.size < wait.asked) continue
      this.#end(wait)
      wait.onConfirmed()
    }
  }

  /** End the waits for a session with an error: something newer beat its write. */
  failKey(key: SessionKey, code: 'SUPERSEDED' | 'DROPPED' | 'EVICTED'): void {
    for (const wait of this.#waits.values()) if (wait.key === key) this.#fail(wait, code)
  }

  /** Nobody waits any more. @returns whether there was such a wait. */
  cancel(request: number): boolean {
    const wait = this.#waits.get(request)
    if (wait === undefined) return false
    this.#fail(wait, 'TIMEOUT')
    return true
  }

  failAll(): void {
    for (const wait of [...this.#waits.values()]) this.#fail(wait, 'TIMEOUT')
  }

  failLate(nowMs: number): void {
    if (nowMs < this.#dueMs) return
    this.#dueMs = Number.POSITIVE_INFINITY
    for (const wait of [...this.#waits.values()]) {
      if (nowMs >= wait.deadlineMs) this.#fail(wait, 'TIMEOUT')
      else this.#dueMs = Math.min(this.#dueMs, wait.deadlineMs)
    }
  }

  #fail(wait: Waiting, code: CopiesFailure): void {
    this.#end(wait)
    const confirmed = [...wait.confirmed]
    const silent = [...this.#listener.joined(wait.shard)].filter((node) => !wait.confirmed.has(node))
    this.#listener.onFailed(wait, new CopiesError(code, { asked: wait.asked, confirmed, silent }))
  }

  #end(wait: Waiting): void {
    this.#waits.delete(wait.request)
    this.#byShard[wait.shard]?.delete(wait)
  }
}

interface Waiting extends CopiesWait {
  readonly confirmed: Set<NodeId>
}
