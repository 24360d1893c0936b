/** What a run comes to in numbers: operations by outcome, errors by what was said, latencies inside and outside of faults. */
import type { FaultBand, Operation, OperationKind, OperationOutcome, RunRecord } from '../run-record.ts'
import { familyOf } from './fault-name.ts'

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

/** Inside: at least one fault was on during some part of it. */
export interface InsideAndOut {
  readonly outside: Percentiles | undefined
  readonly inside: Percentiles | undefined
}

export interface LatencyTally extends InsideAndOut {
  readonly kind: OperationKind
}

/** What clients wanted and got: a request is all that was done for one wish, also at the next node when one did not do. */
export interface RequestTally extends InsideAndOut {
  readonly served: number
  /** Nobody did it while the client would wait. What is asked of a session that somebody drops has no good answer, and does not count. */
  readonly unserved: number
  /** Those, served or not, for which more than one node was asked. */
  readonly movedOn: number
  /** Of those inside the ones for which no member was asked whose process a fault had hit: what everybody else's clients wait. */
  readonly elsewhere: Percentiles | undefined
}

const KINDS: readonly OperationKind[] = [
  'create',
  'resume',
  'commit',
  'touch',
  'drop',
  'tls-new',
  'tls-resume',
  'final-read',
]
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
    const error =
      detail.error?.replace(PEER_IDS, 'members') ?? (outcome === 'unknown' ? 'no answer' : 'no reason given')
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

/**
 * Of requests while clients came: not those that made the first sessions, nor the final reads. Percentiles are of those that were served,
 * from the first attempt to the end of the last.
 */
export function tallyRequests({ operations, faults }: Pick<RunRecord, 'operations' | 'faults'>): RequestTally {
  const requests = new Map<number, { first: Operation; last: Operation; hasMoved: boolean; isElsewhere: boolean }>()
  const struck = faults.filter(({ fault }) => familyOf(fault.kind) === 'process')
  for (const operation of operations.filter(isOfClients)) {
    const seen = requests.get(operation.request)
    const isElsewhere = !struck.some((band) => isMet(band, operation))
    if (seen === undefined) {
      requests.set(operation.request, { first: operation, last: operation, hasMoved: false, isElsewhere })
      continue
    }
    seen.isElsewhere &&= isElsewhere
    if (operation.startMs < seen.first.startMs) seen.first = operation
    if (operation.startMs >= seen.last.startMs) seen.last = operation
    seen.hasMoved ||= operation.node !== seen.first.node
  }
  const ended = [...requests.values()]
  const served = ended.flatMap(({ first, last, isElsewhere }) =>
    last.outcome === 'ok' && last.endMs !== undefined
      ? [{ startMs: first.startMs, endMs: last.endMs, isElsewhere }]
      : [],
  )
  const spans = unionOf(faults)
  const dropped = new Set<number>()
  for (const { kind, outcome, session } of operations) if (kind === 'drop' && outcome !== 'failed') dropped.add(session)
  return {
    served: served.length,
    unserved: ended.filter(({ last }) => last.outcome !== 'ok' && !dropped.has(last.session)).length,
    movedOn: ended.filter(({ hasMoved }) => hasMoved).length,
    ...insideAndOut(served, spans),
    elsewhere: insideAndOut(
      served.filter(({ isElsewhere }) => isElsewhere),
      spans,
    ).inside,
  }
}

/** Whether an operation was at a member while the fault had hit it. */
function isMet(
  { nodes, fromMs, untilMs = Infinity }: FaultBand,
  { node, startMs, endMs = Infinity }: Operation,
): boolean {
  return nodes.includes(node) && startMs <= untilMs && endMs >= fromMs
}

/** What TLS clients were given for what they offered, while they came. */
export interface HandshakeTally {
  /** Handshakes that offered a session, and what came of them. */
  readonly offered: { readonly resumed: number; readonly full: number; readonly failed: number }
  /** Of those that were resumed: the member had the session from another one. */
  readonly fromPeers: number
  /** Handshakes that offered nothing. */
  readonly strangers: { readonly full: number; readonly failed: number }
}

/** Undefined where no TLS clients came. */
export function tallyHandshakes({ operations }: Pick<RunRecord, 'operations'>): HandshakeTally | undefined {
  const handshakes = operations.filter(isOfClients).flatMap(({ detail: { tls } }) => tls ?? [])
  if (handshakes.length === 0) return undefined
  const count = (isOffered: boolean, result: 'resumed' | 'full' | undefined): number =>
    handshakes.filter((tls) => (tls.offered !== undefined) === isOffered && tls.result === result).length
  return {
    offered: { resumed: count(true, 'resumed'), full: count(true, 'full'), failed: count(true, undefined) },
    fromPeers: handshakes.filter(({ from }) => from === 'peers').length,
    strangers: { full: count(false, 'full'), failed: count(false, undefined) },
  }
}

/** Of operations that went well while clients came, by their kinds. */
export function tallyLatencies({ operations, faults }: Pick<RunRecord, 'operations' | 'faults'>): LatencyTally[] {
  const spans = unionOf(faults)
  return KINDS.map((kind) => {
    const ended = operations.flatMap((operation) => {
      const { startMs, endMs, outcome } = operation
      const isCounted = operation.kind === kind && outcome === 'ok' && isOfClients(operation)
      return isCounted && endMs !== undefined ? [{ startMs, endMs }] : []
    })
    return { kind, ...insideAndOut(ended, spans) }
  }).filter(({ outside, inside }) => outside !== undefined || inside !== undefined)
}

/** Whether it belongs to what clients came for, and not to what was done before and after. */
export function isOfClients({ kind, startMs }: Operation): boolean {
  return kind !== 'final-read' && startMs >= 0
}

/** What happened to the operations that a fault met. */
export function countDuring(operations: readonly Operation[], { fromMs, untilMs }: FaultBand): Counts {
  return countOutcomes(
    operations.filter(({ startMs, endMs }) => startMs <= (untilMs ?? Infinity) && (endMs ?? startMs) >= fromMs),
  )
}

interface Span {
  readonly startMs: number
  readonly endMs: number
}

type Spans = readonly (readonly [fromMs: number, untilMs: number])[]

function insideAndOut(ended: readonly Span[], faults: Spans): InsideAndOut {
  const inside: number[] = []
  const outside: number[] = []
  for (const { startMs, endMs } of ended) {
    const isInside = faults.some(([fromMs, untilMs]) => startMs <= untilMs && endMs >= fromMs)
    ;(isInside ? inside : outside).push(endMs - startMs)
  }
  return { outside: percentiles(outside), inside: percentiles(inside) }
}

function percentiles(values: readonly number[]): Percentiles | undefined {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  if (sorted.length === 0) return undefined
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

/** When at least one fault was on, in order and without overlaps. */
function unionOf(faults: readonly FaultBand[]): Spans {
  const spans: [number, number][] = []
  for (const { fromMs, untilMs = Infinity } of faults.toSorted((one, other) => one.fromMs - other.fromMs)) {
    const last = spans.at(-1)
    if (last !== undefined && fromMs <= last[1]) last[1] = Math.max(last[1], untilMs)
    else spans.push([fromMs, untilMs])
  }
  return spans
}

/** They differ from run to run, and what is told apart here is what was said. */
const PEER_IDS = /12D3KooW\w+(?:, 12D3KooW\w+)*/g
