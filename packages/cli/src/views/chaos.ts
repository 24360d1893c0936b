/** Scenarios, and what came of a run. Pure, so that its output can be compared. */
import type {
  BackendName,
  HandshakeTally,
  Measures,
  Percentiles,
  RequestTally,
  RunRecord,
  Scenario,
} from '@reprise/chaos'
import { judgedIn, measure, tallyHandshakes, tallyRequests } from '@reprise/chaos'
import { VIOLATIONS_JSON_MAX } from '../chaos/constants.ts'
import type { Column } from '../table.ts'
import { formatCount, formatMs, plural } from '../units.ts'

/** A scenario, and where it can run. */
export interface ScenarioRow {
  readonly scenario: Scenario
  readonly backends: readonly BackendName[]
}

export const SCENARIO_COLUMNS: readonly Column<ScenarioRow>[] = [
  { title: 'SCENARIO', cell: ({ scenario }) => scenario.name },
  { title: 'NODES', cell: ({ scenario }) => String(scenario.cluster.nodes), align: 'right' },
  { title: 'COPIES', cell: ({ scenario }) => String(scenario.cluster.copies), align: 'right' },
  { title: 'LASTS', cell: ({ scenario }) => formatMs(scenario.phases.runMs), align: 'right' },
  { title: 'FAULTS', cell: ({ scenario }) => String(scenario.nemesis.length), align: 'right' },
  { title: 'BACKENDS', cell: ({ backends }) => backends.join(',') },
  { title: 'SUMMARY', cell: ({ scenario }) => scenario.summary },
]

/** For programs. */
export function scenariosJson(rows: readonly ScenarioRow[]): object {
  return {
    schemaVersion: 1,
    scenarios: rows.map(({ scenario, backends }) => ({
      name: scenario.name,
      summary: scenario.summary,
      nodes: scenario.cluster.nodes,
      copies: scenario.cluster.copies,
      runMs: scenario.phases.runMs,
      faults: scenario.nemesis.map(({ fault }) => fault.kind),
      invariants: scenario.invariants,
      backends,
    })),
  }
}

/** The end of a run in a few lines; the first says whether anything broke. */
export function runLines(record: RunRecord, report: string | undefined): string[] {
  const { violations, healedAtMs, quietAtMs, faults } = record
  const counts = countsOf(record)
  const quiet =
    quietAtMs === undefined ? 'never quiet after the heal' : `quiet ${formatMs(quietAtMs - healedAtMs)} after the heal`
  return [
    headline(record),
    ...violationLines(violations),
    `Operations: ${formatCount(counts.ok)} ok, ${formatCount(counts.failed)} failed, ${formatCount(counts.unknown)} unknown.`,
    requestLine(tallyRequests(record)),
    ...handshakeLines(tallyHandshakes(record)),
    ...takeoverLines(measure(record)),
    `${plural(faults.length, 'fault')}, ${quiet}; ${plural(judgedIn(record).length, 'invariant')} judged.`,
    ...(report === undefined ? [] : [`Report: ${report}`]),
    `Again:  ${record.replay}`,
  ]
}

/** For programs. */
export function runJson(record: RunRecord, report: string | undefined): object {
  const { scenario, backend, seed, startedAt, version, replay, violations } = record
  const measures = measure(record)
  const handshakes = tallyHandshakes(record)
  return {
    schemaVersion: 1,
    scenario: scenario.name,
    backend,
    seed,
    nodes: scenario.cluster.nodes,
    copies: scenario.cluster.copies,
    runMs: scenario.phases.runMs,
    startedAt,
    version,
    replay,
    verdict: violations.length === 0 ? 'held' : 'broken',
    invariants: judgedIn(record),
    operations: countsOf(record),
    requests: requestsJson(tallyRequests(record)),
    ...(handshakes !== undefined && { handshakes }),
    takeover: takeoverJson(measures),
    faults: record.faults.map(({ fault, nodes, fromMs, untilMs }) => ({
      kind: fault.kind,
      nodes: nodes.map((node) => record.memberNames[node]),
      fromMs: Math.round(fromMs),
      untilMs: whole(untilMs),
    })),
    linksBackMs: whole(measures.linksBackMs),
    quietAfterMs: whole(measures.quietAfterMs),
    violationCount: violations.length,
    violations: violations.slice(0, VIOLATIONS_JSON_MAX).map(({ invariant, atMs, session, text }) => ({
      invariant,
      atMs: Math.round(atMs),
      session: session ?? null,
      text,
    })),
    report: report ?? null,
  }
}

function headline({ scenario, backend, seed, violations }: RunRecord): string {
  const what = `${scenario.name} on ${backend}, seed ${seed}`
  if (violations.length === 0) return `NOTHING BROKE: ${what}.`
  const names = [...new Set(violations.map(({ invariant }) => invariant))]
  return `BROKEN: ${names.join(', ')} in ${what}.`
}

/** One line for each invariant: how often it broke, and how it did first. */
function violationLines(violations: RunRecord['violations']): string[] {
  const byName = new Map<string, RunRecord['violations']>()
  for (const violation of violations) {
    byName.set(violation.invariant, [...(byName.get(violation.invariant) ?? []), violation])
  }
  return [...byName].map(([name, [first, ...others]]) => {
    const count = others.length === 0 ? '' : ` (${formatCount(others.length + 1)} times)`
    return `  ${formatMs(first?.atMs ?? 0).padStart(8)}  ${name}${count}: ${first?.text ?? ''}`
  })
}

function countsOf({ operations }: RunRecord): Record<RunRecord['operations'][number]['outcome'], number> {
  const counts = { ok: 0, failed: 0, unknown: 0 }
  for (const { outcome } of operations) counts[outcome] += 1
  return counts
}

/** What clients had of it. */
function requestLine({ served, unserved, outside, inside, elsewhere }: RequestTally): string {
  const p99 = (where: string, found: Percentiles | undefined): string[] =>
    found === undefined ? [] : [`p99 ${formatMs(found.p99)} ${where} faults`]
  const isApart = elsewhere !== undefined && elsewhere.count !== inside?.count
  const others = isApart ? [`p99 ${formatMs(elsewhere.p99)} of them where nobody that was hit was asked`] : []
  const latencies = [...p99('outside of', outside), ...p99('inside of', inside), ...others]
  const tail = latencies.length === 0 ? '' : `; ${latencies.join(', ')}`
  return `Requests: ${formatCount(served)} served, ${formatCount(unserved)} not${tail}.`
}

/** What TLS clients were given for the sessions that they offered. */
function handshakeLines(tally: HandshakeTally | undefined): string[] {
  if (tally === undefined) return []
  const { offered, fromPeers, strangers } = tally
  const given = `${formatCount(offered.resumed)} resumed, ${formatCount(fromPeers)} of them from another member's memory`
  const others = `${formatCount(offered.full)} full, ${formatCount(offered.failed)} failed`
  const without = `without one: ${formatCount(strangers.full)} full, ${formatCount(strangers.failed)} failed`
  return [`TLS handshakes with a session: ${given}, ${others}; ${without}.`]
}

/** What a fault added for who went elsewhere at once. */
function takeoverLines({ takeover: { before, during } }: Measures): string[] {
  if (before === undefined || during === undefined) return []
  const sessions = `${plural(during.count, 'session')} whose last writer it hit`
  return [
    `Resumed elsewhere: p99 ${formatMs(before.p99Ms)} before the first fault, ${formatMs(during.p99Ms)} for ${sessions}.`,
  ]
}

function takeoverJson({ takeover: { before, during } }: Measures): object {
  const rounded = (found: typeof before): object | null =>
    found === undefined ? null : { count: found.count, p50: twoPlaces(found.p50Ms), p99: twoPlaces(found.p99Ms) }
  return { latencyMs: { before: rounded(before), during: rounded(during) } }
}

function requestsJson({ served, unserved, movedOn, outside, inside, elsewhere }: RequestTally): object {
  const latencyMs = { outside: rounded(outside), inside: rounded(inside), elsewhere: rounded(elsewhere) }
  return { served, unserved, movedOn, latencyMs }
}

function rounded(found: Percentiles | undefined): object | null {
  if (found === undefined) return null
  const { count, ...latencies } = found
  const entries = Object.entries(latencies).map(([name, ms]) => [name, twoPlaces(ms)])
  return { count, ...Object.fromEntries(entries) }
}

function whole(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms)
}

function twoPlaces(ms: number): number {
  return Math.round(ms * 100) / 100
}
