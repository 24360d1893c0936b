/**
 * What will happen in virtual time: a binary heap, ordered by time and then by the order of insertion, so that two runs of
 * one seed pop the same events in the same order.
 */

export class EventQueue {
  readonly #heap: Scheduled[] = []
  #inserted = 0
  #nowMs = 0

  /** The time of the last event that ran, or up to which time was advanced. */
  get nowMs(): number {
    return this.#nowMs
  }

  get size(): number {
    return this.#heap.length
  }

  /** Let something happen at a time; what is in the past happens now. */
  at(atMs: number, run: () => void): void {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: this.#inserted++, run }
    const heap = this.#heap
    let place = heap.length
    heap.push(event)
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = heap[parent] as Scheduled
      if (!isBefore(event, above)) break
      heap[place] = above
      place = parent
    }
    heap[place] = event
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run)
  }

  /** Run the next event if it is due by then. @returns whether there was one. */
  runNext(untilMs: number): boolean {
    const next = this.#heap[0]
    if (next === undefined || next.atMs > untilMs) return false
    this.#removeFirst()
    this.#nowMs = next.atMs
    next.run()
    return true
  }

  /** Run everything that is due by then, and what that causes. */
  runUntil(untilMs: number): void {
    while (this.runNext(untilMs));
    this.#nowMs = Math.max(this.#nowMs, untilMs)
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop() as Scheduled
    const count = heap.length
    if (count === 0) return
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= count) break
      if (child + 1 < count && isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled)) child++
      if (!isBefore(heap[child] as Scheduled, last)) break
      heap[place] = heap[child] as Scheduled
      place = child
    }
    heap[place] = last
  }
}

interface Scheduled {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
