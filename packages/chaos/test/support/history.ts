/** Histories by hand: operations with what a test says of them, in a record of a run in which nothing else happened. */

import type { Evidence } from '../../src/checkers/checker.ts'
import { scenario } from '../../src/define.ts'
import type {
  FaultBand,
  Operation,
  OperationDetail,
  OperationKind,
  OperationOutcome,
  Sample,
} from '../../src/run-record.ts'

export interface Told {
  readonly kind: OperationKind
  readonly atMs: number
  readonly session?: number
  readonly node?: number
  readonly outcome?: OperationOutcome
  readonly request?: number
  /** How long it took; default 5 ms. */
  readonly tookMs?: number
  readonly detail?: OperationDetail
}

/** Ends later than any run. */
const LATER_MS = 3_600_000

/** A confirmed item. */
export function put(item: string, atMs: number, others: Partial<Told> = {}): Told {
  const { detail, ...rest } = others
  return { kind: 'commit', atMs, ...rest, detail: { item, copies: 1, endsMs: atMs + LATER_MS, ...detail } }
}

/** A read of the whole cart. */
export function read(items: readonly string[], atMs: number, others: Partial<Told> = {}): Told {
  const { detail, ...rest } = others
  return { kind: 'resume', atMs, ...rest, detail: { found: 'complete', items, ...detail } }
}

export function finalRead(items: readonly string[], node = 0): Told {
  return read(items, END_MS, { kind: 'final-read', node })
}

export function absent(atMs: number, others: Partial<Told> = {}): Told {
  return { kind: 'resume', atMs, ...others, detail: { found: 'absent' } }
}

export interface EvidenceOptions {
  readonly faults?: readonly FaultBand[]
  readonly samples?: readonly Sample[]
  readonly check?: Evidence['check']
}

/** Everything healed after ten seconds. */
export function evidence(told: readonly Told[], options: EvidenceOptions = {}): Evidence {
  const { faults = [], samples = [], check = { verdict: 'ok', reasons: [], differing: 0, short: 0 } } = options
  return {
    scenario: SCENARIO,
    backend: 'proc',
    seed: 1,
    startedAt: '2026-01-01T00:00:00.000Z',
    version: 'reprise 0.0.0',
    replay: '',
    memberNames: ['a', 'b', 'c'],
    faults,
    samples,
    operations: told.map(operationOf),
    healedAtMs: HEALED_MS,
    quietAtMs: HEALED_MS,
    check,
  }
}

const HEALED_MS = 10_000
const END_MS = 12_000
const SCENARIO = scenario({
  name: 'by-hand',
  summary: '',
  cluster: { nodes: 3 },
  nemesis: [],
  phases: { runMs: 10_000 },
})

function operationOf(told: Told, i: number): Operation {
  const { kind, atMs, session = 1, node = 0, outcome = 'ok', request = i, tookMs = 5, detail = {} } = told
  const endMs = outcome === 'unknown' ? undefined : atMs + tookMs
  return { client: 0, request, kind, session, node, startMs: atMs, endMs, outcome, detail }
}
