/** What clients did and were told, in the order in which it ended, and what is counted of it while it goes on. */
import { PRIMARY_WINDOW_MS } from '../constants.ts'
import type { Operation } from '../run-record.ts'

export interface Counts {
  readonly ok: number
  readonly failed: number
  readonly unknown: number
}

export class History {
  readonly #operations: Operation[] = []
  #counts: Record<Operation['outcome'], number> = { ok: 0, failed: 0, unknown: 0 }

  add(operation: Operation): void {
    this.#operations.push(operation)
    this.#counts[operation.outcome]++
  }

  /** Since this was asked last. */
  takeCounts(): Counts {
    const counts = this.#counts
    this.#counts = { ok: 0, failed: 0, unknown: 0 }
    return counts
  }

  /** The members by how much they wrote of late, most first; those that wrote nothing are not in it. Full handshakes write, too. */
  writers(nowMs: number): number[] {
    const written = new Map<number, number>()
    for (let i = this.#operations.length - 1; i >= 0; i--) {
      const { kind, outcome, node, endMs, detail } = this.#operations[i] as Operation
      if (endMs === undefined) continue
      if (endMs < nowMs - PRIMARY_WINDOW_MS) break
      const isWrite = kind === 'commit' || detail.tls?.result === 'full'
      if (isWrite && outcome === 'ok') written.set(node, (written.get(node) ?? 0) + 1)
    }
    return [...written].sort(([, a], [, b]) => b - a).map(([node]) => node)
  }

  /** All of it, by when it began. */
  operations(): Operation[] {
    return this.#operations.toSorted((a, b) => a.startMs - b.startMs)
  }
}
