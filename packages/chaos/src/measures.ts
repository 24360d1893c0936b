/**
 * What a run measured: how long what was broken took to be whole again, and what a client waits for that goes elsewhere at once. Numbers, no
 * verdicts: how fast a machine is depends on what else it does.
 */
import { linksBack } from './checkers/links.ts'
import type { Operation, RunRecord } from './run-record.ts'

/** Times in milliseconds. */
export interface Measures {
  /** Attempts while clients came, by how they ended. */
  readonly attempts: { readonly ok: number; readonly failed: number; readonly unknown: number }
  /** Sessions that there ever were. */
  readonly sessions: number
  /** From the end of the last fault until all members reached each other; undefined: never. */
  readonly linksBackMs: number | undefined
  /** From the moment everything was healed until all copies were equal; undefined: never. */
  readonly quietAfterMs: number | undefined
  /** Resumes elsewhere than where the session was written last. */
  readonly takeover: Takeover
}

/** 99th percentiles; undefined where there were none. */
export interface Takeover {
  /** Before the first fault. */
  readonly before: Percentile | undefined
  /** Of sessions whose last writer the first fault hit: the first resume of each that was answered while the fault lasted. */
  readonly during: Percentile | undefined
  /** What the fault added. */
  readonly addedMs: number | undefined
}

export interface Percentile {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export function measure(record: RunRecord): Measures {
  const { operations, healedAtMs, quietAtMs } = record
  const attempts = { ok: 0, failed: 0, unknown: 0 }
  for (const { kind, startMs, outcome } of operations) if (kind !== 'final-read' && startMs >= 0) attempts[outcome]++
  const { backMs, lastFaultMs } = linksBack(record)
  return {
    attempts,
    sessions: new Set(operations.map(({ session }) => session)).size,
    linksBackMs: backMs === undefined ? undefined : backMs - lastFaultMs,
    quietAfterMs: quietAtMs === undefined ? undefined : quietAtMs - healedAtMs,
    takeover: takeoverOf(record),
  }
}

function takeoverOf({ operations, faults }: RunRecord): Takeover {
  const [first] = [...faults].sort((a, b) => a.fromMs - b.fromMs)
  const fromMs = first?.fromMs ?? Number.POSITIVE_INFINITY
  const untilMs = first?.untilMs ?? Number.POSITIVE_INFINITY
  const lastWriter = new Map<number, number>()
  const taken = new Set<number>()
  const [before, during]: [number[], number[]] = [[], []]
  for (const { kind, session, node, startMs, endMs, outcome } of operations) {
    if (endMs === undefined || outcome !== 'ok') continue
    const writer = lastWriter.get(session)
    const isElsewhere = kind === 'resume' && writer !== undefined && writer !== node
    if (isElsewhere && startMs >= 0 && endMs < fromMs) before.push(endMs - startMs)
    if (isElsewhere && startMs >= fromMs && startMs < untilMs && first?.nodes.includes(writer) && !taken.has(session)) {
      taken.add(session)
      during.push(endMs - startMs)
    }
    if (WRITES.has(kind)) lastWriter.set(session, node)
  }
  const [healthy, struck] = [percentile(before), percentile(during)]
  const addedMs = healthy === undefined || struck === undefined ? undefined : struck.p99Ms - healthy.p99Ms
  return { before: healthy, during: struck, addedMs }
}

function percentile(ms: readonly number[]): Percentile | undefined {
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return sorted.length === 0 ? undefined : { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) }
}

const WRITES: ReadonlySet<Operation['kind']> = new Set(['create', 'commit'])
