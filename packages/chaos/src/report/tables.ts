/** The parts of a report that are read and not looked at: what broke, what clients met, faults, and invariants. */
import { judgedIn } from '../judged.ts'
import { measure } from '../measures.ts'
import type { FinalCheck, RunRecord, Violation } from '../run-record.ts'
import type { InvariantName } from '../scenario.ts'
import { SCENARIO_TEXT_MAX, VIOLATIONS_MAX } from './constants.ts'
import { familyOf, membersHit } from './fault-name.ts'
import type { PlacedFault } from './fault-rows.ts'
import { clip, formatCount, formatLatency, formatSeconds, plural } from './format.ts'
import { html, type Markup, NOTHING } from './html.ts'
import {
  countDuring,
  type InsideAndOut,
  type Percentiles,
  type RequestTally,
  tallyErrors,
  tallyHandshakes,
  tallyKinds,
  tallyLatencies,
  tallyRequests,
} from './tally.ts'

export function violationsSection(violations: readonly Violation[]): Markup {
  if (violations.length === 0) return NOTHING
  const shown = violations.slice(0, VIOLATIONS_MAX)
  const rows = shown.map(
    ({ invariant, atMs, session, text }, index) =>
      html`<tr id="violation-${index + 1}"><td class="number"><a href="#at-${index + 1}" title="Show it in the time line">${formatSeconds(atMs)}</a></td><td><b>${invariant}</b></td><td class="number">${session ?? '–'}</td><td class="wide">${clip(text)}</td></tr>`,
  )
  const more = violations.length - shown.length
  const names = [...new Set(violations.map(({ invariant }) => invariant))].map((name) => {
    const first = violations.findIndex(({ invariant }) => invariant === name)
    const count = violations.filter(({ invariant }) => invariant === name).length
    const text = html`<b>${name}</b> ${plural(count, 'time')}`
    return html`<span>${first < shown.length ? html`<a href="#violation-${first + 1}">${text}</a>` : text}</span>`
  })
  return html`<section class="broken"><h2>What broke</h2><p class="counts">${names}</p>
<div class="scroll few" tabindex="0" role="region" aria-label="What broke"><table class="stack"><thead><tr><th class="number">When</th><th>Invariant</th><th class="number">Session</th><th>What was seen</th></tr></thead><tbody>
${rows}
</tbody></table></div>${more > 0 ? html`<p class="note">And ${formatCount(more)} more, which are not listed.</p>` : NOTHING}</section>`
}

export function operationsSection({ operations }: RunRecord): Markup {
  const rows = tallyKinds(operations).map(({ kind, counts: { ok, failed, unknown } }) => {
    const share = (count: number): string => `width:${((100 * count) / (ok + failed + unknown)).toFixed(2)}%`
    return html`<tr><th scope="row">${kind}</th><td class="number">${formatCount(ok)}</td><td class="number ${mark(failed, 'failed')}">${formatCount(failed)}</td><td class="number ${mark(unknown, 'unknown')}">${formatCount(unknown)}</td><td class="shares" aria-hidden="true"><div><i class="ok" style="${share(ok)}"></i><i class="failed" style="${share(failed)}"></i><i class="unknown" style="${share(unknown)}"></i></div></td></tr>`
  })
  return html`<section class="half"><h2>Operations</h2><div class="scroll"><table>
<thead><tr><th>Kind</th><th class="number">OK</th><th class="number">Failed</th><th class="number">Unknown</th><th></th></tr></thead>
<tbody>${rows}</tbody></table></div>
<p class="note">Failed: it has not taken effect, and will not. Unknown: it may have, or still may.</p>
${handshakesTable(operations)}
${errorsTable(operations)}</section>`
}

export function latenciesSection(record: RunRecord): Markup {
  const requests = tallyRequests(record)
  const row = (kind: string, { outside, inside }: InsideAndOut): Markup =>
    html`<tr><th scope="row" rowspan="2">${kind}</th><td>outside</td>${latencyCells(outside)}</tr><tr class="inside"><td>inside</td>${latencyCells(inside)}</tr>`
  const { served, unserved, movedOn } = requests
  return html`<section class="half"><h2>Latency</h2><div class="scroll"><table>
<thead><tr><th>Kind</th><th>Of faults</th><th class="number">P50</th><th class="number">P90</th><th class="number">P99</th><th class="number">Max</th><th class="number">Count</th></tr></thead>
<tbody>${row('request', requests)}${tallyLatencies(record).map((tally) => row(tally.kind, tally))}</tbody></table></div>
<p class="note">Of what went well while clients came, as they saw it. Inside: a fault was on during some part of it. A request is all that a client did for one wish, from its first attempt on, at the next node too: ${plural(served, 'request')} served, ${formatCount(unserved)} not, ${formatCount(movedOn)} went on to another node.${elsewhereText(requests)}${takeoverText(record)}</p></section>`
}

export function faultsSection(
  { operations, faults }: RunRecord,
  placed: readonly PlacedFault[],
  memberNames: readonly string[],
): Markup {
  const rows = placed.map(({ band, number, name }) => {
    const { ok, failed, unknown } = countDuring(operations, band)
    const hit = membersHit(band).map((node) => memberNames[node] ?? `member ${node}`)
    const { fromMs, untilMs } = band
    const lasted =
      untilMs === undefined ? 'to the end' : untilMs === fromMs ? 'at once' : formatSeconds(untilMs - fromMs)
    return html`<tr id="fault-${number}"><td class="number">${number}</td><td class="wide"><a class="${familyOf(band.fault.kind)}" href="#band-${number}" title="Show it in the time line">${name}</a></td><td>${hit.length === 0 ? 'all' : clip(hit.join(', '), 120)}</td><td class="number">${formatSeconds(fromMs)}</td><td class="number">${lasted}</td><td class="number">${formatCount(ok)}</td><td class="number ${mark(failed, 'failed')}">${formatCount(failed)}</td><td class="number ${mark(unknown, 'unknown')}">${formatCount(unknown)}</td></tr>`
  })
  const more = faults.length - placed.length
  const table = html`<div class="scroll"><table>
<thead><tr><th class="number">No.</th><th>Fault</th><th>Members</th><th class="number">From</th><th class="number">Lasted</th><th class="number">OK</th><th class="number">Failed</th><th class="number">Unknown</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
  return html`<section><h2>Faults</h2>${placed.length === 0 ? html`<p class="note">None.</p>` : table}${more > 0 ? html`<p class="note">And ${formatCount(more)} more, which are neither listed nor drawn.</p>` : NOTHING}</section>`
}

export function invariantsSection(record: RunRecord): Markup {
  const { scenario, violations, check } = record
  const judged = new Set<string>([...judgedIn(record), ...ALWAYS])
  const started = violations.every(({ invariant }) => invariant !== 'start')
  const rows = [...scenario.invariants, ...ALWAYS].map((name) => {
    const broken = violations.filter(({ invariant }) => invariant === name)
    const first = violations.findIndex(({ invariant }) => invariant === name) + 1
    const verdict =
      broken.length > 0
        ? html`<a class="verdict-broken" href="#violation-${Math.min(first, VIOLATIONS_MAX)}">✕ broken, ${plural(broken.length, 'time')}</a>`
        : (started && judged.has(name)) || name === 'start'
          ? html`<span class="verdict-held">✓ held</span>`
          : html`<span class="verdict-open">– not judged</span>`
    return html`<tr><th scope="row">${name}</th><td>${verdict}</td><td class="wide">${MEANINGS[name]}</td></tr>`
  })
  return html`<section><h2>Invariants</h2><div class="scroll"><table class="stack">
<thead><tr><th>Invariant</th><th>Verdict</th><th>What must hold</th></tr></thead><tbody>
${rows}
</tbody></table></div><p class="note">${checkText(check)}</p></section>`
}

function checkText(check: FinalCheck | undefined): string {
  if (check === undefined) return 'Nobody was asked, or nobody answered, whether all copies are there in the end.'
  const { verdict, reasons } = check
  const said = reasons.length === 0 ? '' : `: ${clip(reasons.join('; '))}`
  return `The cluster's own check in the end: ${verdict}${said}.`
}

export function scenarioSection({ scenario }: RunRecord): Markup {
  return html`<section class="scenario"><details><summary>The scenario as data</summary><pre>${clip(JSON.stringify(scenario, undefined, 2), SCENARIO_TEXT_MAX)}</pre></details></section>`
}

/** What TLS clients were given, which is more than that it went well. */
function handshakesTable(operations: RunRecord['operations']): Markup {
  const tally = tallyHandshakes({ operations })
  if (tally === undefined) return NOTHING
  const { offered, fromPeers, strangers } = tally
  const row = (name: string, cells: readonly (number | undefined)[]): Markup =>
    html`<tr><th scope="row">${name}</th>${cells.map((count) => html`<td class="number">${count === undefined ? '–' : formatCount(count)}</td>`)}</tr>`
  return html`<h3>TLS handshakes</h3><div class="scroll"><table>
<thead><tr><th>Offered</th><th class="number">Resumed</th><th class="number">Full</th><th class="number">Failed</th></tr></thead>
<tbody>${row('a session', [offered.resumed, offered.full, offered.failed])}${row('nothing', [undefined, strangers.full, strangers.failed])}</tbody></table></div>
<p class="note">While clients came. Of those that were resumed, ${formatCount(fromPeers)} had their session from another member.</p>`
}

function errorsTable(operations: RunRecord['operations']): Markup {
  const errors = tallyErrors(operations)
  if (errors.length === 0) return NOTHING
  const rows = errors
    .slice(0, ERRORS_MAX)
    .map(
      ({ kind, outcome, error, count, firstMs }) =>
        html`<tr><td class="number">${formatCount(count)}</td><td>${kind}</td><td class="${outcome}-text">${outcome}</td><td class="number">${formatSeconds(firstMs)}</td><td class="wide">${clip(error, 200)}</td></tr>`,
    )
  const more = errors.length - rows.length
  return html`<h3>What clients were told</h3><div class="scroll"><table class="stack">
<thead><tr><th class="number">Times</th><th>Kind</th><th>Outcome</th><th class="number">First</th><th>Answer</th></tr></thead><tbody>
${rows}
</tbody></table></div>${more > 0 ? html`<p class="note">And ${formatCount(more)} more answers.</p>` : NOTHING}`
}

/** What those waited that had nothing to do with who was hit. */
function elsewhereText({ inside, elsewhere }: RequestTally): string {
  if (elsewhere === undefined || elsewhere.count === inside?.count) return ''
  const { p99, count } = elsewhere
  return ` Of those inside ${plural(count, 'request')} asked no member that was killed, stood still or restarted: p99 ${formatLatency(p99)}.`
}

/** What clients had of a fault that went elsewhere at once. */
function takeoverText(record: RunRecord): string {
  const { before, during } = measure(record).takeover
  if (before === undefined || during === undefined) return ''
  const p99 = `${formatLatency(before.p99Ms)} before the first fault, and ${formatLatency(during.p99Ms)}`
  return ` Sessions resumed elsewhere than where they were written last: p99 ${p99} for ${plural(during.count, 'session')} whose last writer it hit.`
}

function latencyCells(found: Percentiles | undefined): Markup {
  if (found === undefined) return html`<td class="number none" colspan="4">–</td><td class="number">0</td>`
  const { p50, p90, p99, max, count } = found
  return html`${[p50, p90, p99, max].map((ms) => html`<td class="number">${formatLatency(ms)}</td>`)}<td class="number">${formatCount(count)}</td>`
}

function mark(count: number, outcome: string): string {
  return count > 0 ? `${outcome}-text` : 'none'
}

/** Judged in every run. */
const ALWAYS = ['start', 'alive', 'quiet'] as const

const MEANINGS: Readonly<Record<InvariantName | (typeof ALWAYS)[number], string>> = {
  durability: 'What was confirmed by copies is there in the end.',
  carts: 'Carts hold each item that was confirmed exactly once, and nothing that was never put in.',
  'read-your-writes': 'What a client reads includes what its own token proves.',
  'no-resurrection': 'No dropped or expired session is ever found again.',
  'no-false-absence': 'No client was told that a session does not exist while it lives.',
  'no-errors': 'No operation failed.',
  convergence: 'In the end all holders are equal.',
  links: 'All members reach each other within 10 s of the end of the last fault.',
  'tls-resumed': 'Every live TLS session is resumed that its client had long enough, unless a fault excuses it.',
  'tls-own': 'No TLS client is taken for another one.',
  'tls-served': 'No TLS handshake fails at a member that no fault has hit.',
  start: 'The cluster forms, and its clients can begin.',
  alive: 'No member ends that nobody ended.',
  quiet: 'After the last fault is healed the cluster becomes quiet in time.',
}

/** Different answers that are listed. */
const ERRORS_MAX = 30
