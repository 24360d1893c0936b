/** What clients had of a run, in a line of numbers. */
import { type Evidence, isConfirmed } from '../../packages/chaos/src/checkers/checker.ts'
import { durability } from '../../packages/chaos/src/checkers/durability.ts'
import { noErrors } from '../../packages/chaos/src/checkers/no-errors.ts'
import { noFalseAbsence } from '../../packages/chaos/src/checkers/no-false-absence.ts'
import { noResurrection } from '../../packages/chaos/src/checkers/no-resurrection.ts'
import type { Operation, Violation } from '../../packages/chaos/src/run-record.ts'
import { quantile } from '../bench/harness.ts'

export interface Tally {
  /** Writes that a client was told are done. */
  readonly confirmed: number
  /** Sessions of which something was gone in the end that was confirmed. */
  readonly sessionsLost: number
  /** Sessions that were found again after a client had ended them, or their time was over. */
  readonly sessionsBack: number
  /** Sessions whose client was told that they do not exist, while they lived. */
  readonly sessionsDenied: number
  /** Requests that came to nothing, at any server and within ten seconds. */
  readonly requestsFailed: number
  readonly requests: number
  /** The longest time in which no write of anybody was confirmed. */
  readonly longestSilenceMs: number
  /** How long requests took, retries at other servers included: of all, and the slowest percent. */
  readonly medianMs: number
  readonly p99Ms: number
}

export function tallyOf(evidence: Evidence): Tally {
  const { operations, healedAtMs } = evidence
  const during = operations.filter(({ startMs }) => startMs >= 0 && startMs < healedAtMs)
  const confirmed = during.filter((operation) => WRITES.has(operation.kind) && isConfirmed(operation))
  const durations = requestsOf(during)
  return {
    confirmed: confirmed.length,
    sessionsLost: sessionsOf(durability(evidence)),
    sessionsBack: sessionsOf(noResurrection(evidence)),
    sessionsDenied: sessionsOf(noFalseAbsence(evidence)),
    requestsFailed: noErrors(evidence).length,
    requests: durations.length,
    longestSilenceMs: longestSilence(confirmed, healedAtMs),
    medianMs: quantile(durations, 0.5),
    p99Ms: quantile(durations, 0.99),
  }
}

const WRITES: ReadonlySet<Operation['kind']> = new Set(['create', 'commit'])

function sessionsOf(violations: readonly Violation[]): number {
  return new Set(violations.map(({ session }) => session)).size
}

/** From a request's first attempt to the end of its last. */
function requestsOf(operations: readonly Operation[]): number[] {
  const spans = new Map<number, { startMs: number; endMs: number }>()
  for (const { request, startMs, endMs = startMs } of operations) {
    const span = spans.get(request)
    spans.set(request, {
      startMs: Math.min(startMs, span?.startMs ?? startMs),
      endMs: Math.max(endMs, span?.endMs ?? endMs),
    })
  }
  return [...spans.values()].map(({ startMs, endMs }) => endMs - startMs)
}

function longestSilence(confirmed: readonly Operation[], untilMs: number): number {
  const ends = confirmed.flatMap(({ endMs }) => endMs ?? []).sort((a, b) => a - b)
  let longestMs = 0
  let lastMs = 0
  for (const endMs of [...ends, untilMs]) {
    longestMs = Math.max(longestMs, endMs - lastMs)
    lastMs = endMs
  }
  return longestMs
}
