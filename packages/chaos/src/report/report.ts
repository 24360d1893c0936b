/**
 * The report of a run: one page that needs nothing but a browser, opens from a disk, and says what was done, what clients
 * met, what broke, and how to do it again. A pure function of the record; the page is bounded however long the run was
 * (`constants.ts`).
 *
 * All text that comes from a run is escaped, and a policy in the page allows it its own style and script, and no request.
 */
import { createHash } from 'node:crypto'
import type { RunRecord } from '../run-record.ts'
import { ZOOMS } from './constants.ts'
import { type Dots, dotsOf } from './dots.ts'
import { type PlacedFault, placeFaults } from './fault-rows.ts'
import { clip, formatCount, formatSeconds, plural } from './format.ts'
import { html, jsonMarkup, type Markup, NOTHING, trusted } from './html.ts'
import { columnsFor, type MemberHistory, memberHistories } from './member-history.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'
import {
  faultsSection,
  invariantsSection,
  latenciesSection,
  operationsSection,
  scenarioSection,
  violationsSection,
} from './tables.ts'
import { countOutcomes } from './tally.ts'
import { type TimeAxis, timeAxisOf } from './time-axis.ts'
import { timeline } from './timeline.ts'

/** Draw a run. @returns the text of an HTML page, the same for the same record. */
export function renderReport(record: RunRecord): string {
  const axis = timeAxisOf(record)
  const memberNames = memberNamesOf(record)
  const faults = placeFaults(record.faults, memberNames, axis)
  const histories = memberHistories(record.samples, memberNames.length, axis)
  const dots = dotsOf(record.operations, memberNames.length, axis)
  const scriptHash = createHash('sha256').update(SCRIPT).digest('base64')
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'; img-src data:`
  const title = `${record.violations.length === 0 ? '✓' : '✕'} ${record.scenario.name}, seed ${record.seed}`
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${title}</title><link rel="icon" href="data:,"><style>${trusted(STYLE)}</style></head>
<body>
${headerOf(record)}
<main>
${violationsSection(record.violations)}
<section class="time"><h2>What happened</h2>
${controls(record, dots)}
${timeline({ record, axis, memberNames, faults, histories, dots })}
${momentTable(memberNames)}
</section>
${operationsSection(record)}
${latenciesSection(record)}
${faultsSection(record, faults, memberNames)}
${invariantsSection(record)}
${scenarioSection(record)}
</main>
<script type="application/json" id="history">${jsonMarkup(historyData({ record, axis, memberNames, faults, histories }))}</script>
<script>${trusted(SCRIPT)}</script>
</body></html>
`
  return page.toString()
}

function headerOf(record: RunRecord): Markup {
  const { scenario, violations, backend, seed, version, startedAt, replay, operations, healedAtMs, quietAtMs } = record
  const [first] = violations
  const verdict =
    first === undefined
      ? html`<p class="verdict ok">✓ Nothing broke</p>`
      : html`<p class="verdict broken">✕ ${first.invariant} broken at <a href="#at-1">${formatSeconds(first.atMs)}</a>${violations.length > 1 ? `, ${plural(violations.length, 'violation')} in all` : ''}</p>`
  const { ok, failed, unknown } = countOutcomes(operations)
  const { cluster, workload, phases } = scenario
  const facts: [string, string, string?][] = [
    ['Backend', backend, BACKENDS[backend]],
    ['Seed', String(seed)],
    ['Cluster', plural(cluster.nodes, 'node'), `${cluster.copies} copies besides the primary`],
    [
      'Clients',
      formatCount(workload.clients),
      workload.kind === 'tls'
        ? `${formatCount(workload.rate)} TLS handshakes/s, ${workload.balance}`
        : `${formatCount(workload.rate)} operations/s, confirmed by ${workload.confirm}`,
    ],
    [
      'Operations',
      formatCount(operations.length),
      `${formatCount(ok)} ok, ${formatCount(failed)} failed, ${formatCount(unknown)} unknown`,
    ],
    ['Ran for', formatSeconds(phases.runMs), quietText(healedAtMs, quietAtMs)],
    ['Began', startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ['Version', version],
  ]
  return html`<header>${verdict}<h1>${scenario.name}</h1><p class="summary">${scenario.summary}</p>
<dl>${facts.map(([name, value, note]) => html`<div><dt>${name}</dt><dd>${value}${note === undefined ? NOTHING : html`<small>${note}</small>`}</dd></div>`)}</dl>
<p class="replay"><span>Run it again</span><code>${replay}</code><small>${backend === 'sim' ? REPLAYS_EXACTLY : REPLAYS_SCHEDULE}</small></p></header>`
}

/** What the signs mean, and the zoom. */
function controls({ operations }: RunRecord, { okDrawn }: Dots): Markup {
  const { ok } = countOutcomes(operations)
  const zooms = ZOOMS.map(
    (zoom, index) =>
      html`<label><input type="radio" name="zoom" id="zoom-${zoom}" value="${zoom}"${index === 0 ? html` checked` : NOTHING}>${zoom}×</label>`,
  )
  const thinned = okDrawn < ok ? ` (${formatCount(okDrawn)} drawn of ${formatCount(ok)})` : ''
  return html`<div class="controls"><p class="legend">
<span><i class="dot ok"></i>ok${thinned}</span><span><i class="dot failed"></i>failed</span><span><i class="dot unknown"></i>unknown</span>
<span><i class="area lag"></i>lag, in frames not acknowledged</span><span><i class="area unreached"></i>members not reached</span>
<span><i class="area process"></i>process</span><span><i class="area network"></i>network</span><span><i class="area clock"></i>clock</span><span><i class="area disk"></i>disk fault</span></p>
<fieldset class="zoom"><legend>Zoom</legend>${zooms}</fieldset></div>`
}

/** Filled by the script, and not seen without it. */
function momentTable(memberNames: readonly string[]): Markup {
  const rows = memberNames.map(
    (name) =>
      html`<tr><th scope="row">${clip(name, 40)}</th><td></td><td class="number"></td><td class="number"></td></tr>`,
  )
  return html`<div class="look" hidden><label>Look at a moment <input type="range" id="moment" min="0" step="1" value="0"></label>
<output for="moment"></output>
<div class="scroll"><table><thead><tr><th>Member</th><th>State</th><th class="number">Reaches</th><th class="number">Lag</th></tr></thead><tbody>${rows}</tbody></table></div></div>`
}

interface HistoryOptions {
  readonly record: RunRecord
  readonly axis: TimeAxis
  readonly memberNames: readonly string[]
  readonly faults: readonly PlacedFault[]
  readonly histories: readonly MemberHistory[]
}

/** What the script tells of a moment: one entry for each part of the time. */
function historyData({ record, axis, memberNames, faults, histories }: HistoryOptions): object {
  const columns = columnsFor(memberNames.length)
  const counts = {
    ok: new Array<number>(columns).fill(0),
    failed: new Array<number>(columns).fill(0),
    unknown: new Array<number>(columns).fill(0),
  }
  for (const { startMs, outcome } of record.operations) {
    const column = axis.partOf(startMs, columns)
    counts[outcome][column] = (counts[outcome][column] ?? 0) + 1
  }
  return {
    fromMs: axis.fromMs,
    toMs: axis.toMs,
    columns,
    chosen: axis.partOf(record.violations[0]?.atMs ?? record.faults[0]?.fromMs ?? record.healedAtMs, columns),
    counts,
    states: STATES,
    members: histories.map((history) => ({
      state: history.map((moment) => (moment === undefined ? '-' : STATES.indexOf(moment.state))).join(''),
      reachable: history.map((moment) => moment?.reachable ?? 0),
      lag: history.map((moment) => moment?.lagFrames ?? 0),
    })),
    faults: faults.map(({ name, band }) => [clip(name, 200), band.fromMs, band.untilMs ?? axis.toMs]),
  }
}

/** All that anything happened to. */
function memberNamesOf({ memberNames }: RunRecord): readonly string[] {
  return memberNames.length > 0 ? memberNames : ['cluster']
}

function quietText(healedAtMs: number, quietAtMs: number | undefined): string {
  return quietAtMs === undefined
    ? 'never quiet after the heal'
    : `quiet ${formatSeconds(quietAtMs - healedAtMs)} after the heal`
}

const BACKENDS: Readonly<Record<RunRecord['backend'], string>> = {
  sim: 'virtual time',
  inproc: 'one process, real time',
  proc: 'processes behind a proxy',
  netns: 'hosts in network namespaces',
}

const REPLAYS_EXACTLY = 'In virtual time the seed repeats this run exactly, event by event.'
const REPLAYS_SCHEDULE =
  'On real processes the seed repeats the schedule: the same faults at the same times and the same clients. What happens in between is never quite the same.'

const STATES = ['ready', 'down', 'starting', 'catching-up', 'draining', 'silent'] as const
