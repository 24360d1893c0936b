/** What a run comes to in numbers: operations by outcome, errors by what was said, latencies inside and outside of faults. */
import type { FaultBand, Operation, OperationKind, OperationOutcome, RunRecord } from '../run-record.ts'

export type Counts = Readonly<Record<OperationOutcome, number>>

export interface KindTally {
  readonly kind: OperationKind
  readonly counts: Counts
}

/** An answer that was no success, and how often it was given. */
export interface ErrorTally {
  readonly kind: OperationKind
  readonly outcome: OperationOutcome
  readonly error: string
  readonly count: number
  readonly firstMs: number
}

/** Milliseconds; undefined of nothing. */
export interface Percentiles {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export interface LatencyTally {
  readonly kind: OperationKind | 'all'
  /** While no fault was on. */
  readonly outside: Percentiles | undefined
  /** While at least one was, for a part of the operation's time. */
  readonly inside: Percentiles | undefined
}

const KINDS: readonly OperationKind[] = ['create', 'resume', 'commit', 'touch', 'drop', 'final-read']
export const OUTCOMES: readonly OperationOutcome[] = ['ok', 'failed', 'unknown']

export function countOutcomes(operations: Iterable<Operation>): Counts {
  const counts = { ok: 0, failed: 0, unknown: 0 }
  for (const { outcome } of operations) counts[outcome] += 1
  return counts
}

/** Only kinds that there were. */
export function tallyKinds(operations: readonly Operation[]): KindTally[] {
  return KINDS.map((kind) => ({
    kind,
    counts: countOutcomes(operations.filter((operation) => operation.kind === kind)),
  })).filter(({ counts }) => counts.ok + counts.failed + counts.unknown > 0)
}

/** The most frequent first. */
export function tallyErrors(operations: readonly Operation[]): ErrorTally[] {
  const found = new Map<string, { -readonly [Key in keyof ErrorTally]: ErrorTally[Key] }>()
  for (const { kind, outcome, startMs, detail } of operations) {
    if (outcome === 'ok') continue
    const error = detail.error ?? (outcome === 'unknown' ? 'no answer' : 'no reason given')
    const key = `${kind} ${outcome} ${error}`
    const seen = found.get(key)
    if (seen === undefined) found.set(key, { kind, outcome, error, count: 1, firstMs: startMs })
    else {
      seen.count += 1
      seen.firstMs = Math.min(seen.firstMs, startMs)
    }
  }
  return [...found.values()].sort((one, other) => other.count - one.count || one.firstMs - other.firstMs)
}

/** Of operations that went well, for all kinds together and each by itself; final reads, which come after all faults, are left out. */
export function tallyLatencies({ operations, faults }: Pick<RunRecord, 'operations' | 'faults'>): LatencyTally[] {
  const spans = unionOf(faults)
  const ended = operations.flatMap(({ kind, outcome, startMs, endMs }) =>
    outcome === 'ok' && kind !== 'final-read' && endMs !== undefined
      ? [{ kind, latencyMs: endMs - startMs, isInside: touches(spans, startMs, endMs) }]
      : [],
  )
  const tally = (kind: OperationKind | 'all'): LatencyTally => {
    const chosen = kind === 'all' ? ended : ended.filter((operation) => operation.kind === kind)
    const latencies = (isInside: boolean): number[] =>
      chosen.filter((operation) => operation.isInside === isInside).map(({ latencyMs }) => latencyMs)
    return { kind, outside: percentiles(latencies(false)), inside: percentiles(latencies(true)) }
  }
  const kinds = KINDS.map(tally).filter(({ outside, inside }) => outside !== undefined || inside !== undefined)
  return kinds.length === 0 ? [] : [tally('all'), ...kinds]
}

/** What happened to the operations that a fault met. */
export function countDuring(operations: readonly Operation[], { fromMs, untilMs }: FaultBand): Counts {
  return countOutcomes(
    operations.filter(({ startMs, endMs }) => startMs <= (untilMs ?? Infinity) && (endMs ?? startMs) >= fromMs),
  )
}

function percentiles(values: number[]): Percentiles | undefined {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  if (sorted.length === 0) return undefined
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

/** When at least one fault was on, in order and without overlaps. */
function unionOf(faults: readonly FaultBand[]): (readonly [fromMs: number, untilMs: number])[] {
  const spans: [number, number][] = []
  for (const { fromMs, untilMs = Infinity } of faults.toSorted((one, other) => one.fromMs - other.fromMs)) {
    const last = spans.at(-1)
    if (last !== undefined && fromMs <= last[1]) last[1] = Math.max(last[1], untilMs)
    else spans.push([fromMs, untilMs])
  }
  return spans
}

function touches(spans: readonly (readonly [number, number])[], startMs: number, endMs: number): boolean {
  return spans.some(([fromMs, untilMs]) => startMs <= untilMs && endMs >= fromMs)
}
