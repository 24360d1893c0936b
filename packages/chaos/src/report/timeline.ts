/**
 * The time line: faults in rows, operations per second, and a lane for each member with its state, the members that it does not
 * reach, its lag, and the operations that it was asked for. What is drawn is one SVG that is stretched to the page; text lies over
 * it as HTML at shares of the width, so that it is never stretched and a zoom is no more than a wider box.
 */
import type { Operation, OperationOutcome, RunRecord, Violation } from '../run-record.ts'
import {
  BAR_MS_MIN,
  BARS_MAX,
  FAULT_ROW_PX,
  LANE,
  NAMED_DOTS_MAX,
  NAMED_STATES_MAX,
  RATE_PX,
  SHADES_MAX,
  VIOLATIONS_MAX,
  X_UNITS,
  ZOOMS,
} from './constants.ts'
import { type Dots, dotAt, heightOf, latencyY } from './dots.ts'
import { familyOf, membersHit } from './fault-name.ts'
import type { PlacedFault } from './fault-rows.ts'
import { clip, formatCount, formatLatency, formatSeconds, formatTick, plural } from './format.ts'
import { html, type Markup, NOTHING } from './html.ts'
import { type MemberHistory, type MemberState, type Stretch, stretches } from './member-history.ts'
import { isOfClients, OUTCOMES } from './tally.ts'
import { niceTop, type TimeAxis } from './time-axis.ts'

export interface TimelineOptions {
  readonly record: RunRecord
  readonly axis: TimeAxis
  readonly memberNames: readonly string[]
  readonly faults: readonly PlacedFault[]
  readonly histories: readonly MemberHistory[]
  readonly dots: Dots
}

/** The frame with all of it, without the controls around. */
export function timeline(options: TimelineOptions): Markup {
  return new Timeline(options).markup()
}

class Timeline {
  readonly #options: TimelineOptions
  readonly #axis: TimeAxis
  readonly #rateTop: number
  readonly #lanesTop: number
  readonly #height: number
  /** The top of every member's lag. */
  readonly #lagMax: number
  /** The top of the operations per second. */
  readonly #rateMax: number
  readonly #rates: readonly Readonly<Record<OperationOutcome, number>>[]

  constructor(options: TimelineOptions) {
    this.#options = options
    this.#axis = options.axis
    const rows = 1 + options.faults.reduce((most, { row }) => Math.max(most, row), -1)
    this.#rateTop = FLAGS_PX + TICKS_PX + rows * FAULT_ROW_PX + GAP_PX
    this.#lanesTop = this.#rateTop + RATE_PX + GAP_PX
    this.#height = this.#lanesTop + options.memberNames.length * LANE.height
    let lagMax = LAG_TOP_MIN
    for (const { lagFrames } of options.record.samples) if (lagFrames > lagMax) lagMax = lagFrames
    this.#lagMax = niceTop(lagMax)
    this.#rates = ratesOf(options.record.operations, options.axis)
    let rateMax = 1
    for (const { ok, failed, unknown } of this.#rates) rateMax = Math.max(rateMax, ok + failed + unknown)
    this.#rateMax = niceTop(rateMax)
  }

  markup(): Markup {
    const { record } = this.#options
    const label = `Time line of ${record.scenario.name}: ${plural(this.#options.memberNames.length, 'member')}, ${plural(record.operations.length, 'operation')}`
    return html`<div class="frame">
<div class="gutter" style="height:${this.#height}px" aria-hidden="true">${this.#gutter()}</div>
<div class="scroller" tabindex="0" role="region" aria-label="${label}"><div class="plot" style="height:${this.#height}px">
${this.#forming()}
${this.#ticks()}
<svg class="${this.#isCrowded() ? 'crowded' : ''}" viewBox="0 0 ${X_UNITS} ${this.#height}" height="${this.#height}" preserveAspectRatio="none" role="img" aria-label="${label}">
${this.#shades()}
${this.#rateBars()}
${this.#options.memberNames.map((_, node) => this.#lane(node))}
${this.#namedDots()}
</svg>
${this.#options.memberNames.map((_, node) => this.#stateNames(node))}
${this.#options.faults.map((fault) => this.#faultBand(fault))}
${this.#moment('heal', 2, record.healedAtMs, 'healed')}
${record.quietAtMs === undefined ? NOTHING : this.#moment('quiet', 3, record.quietAtMs, 'quiet')}
${this.#violations(record.violations)}
<div class="cursor" hidden></div>
</div></div></div>`
  }

  #gutter(): Markup[] {
    const at = (y: number, text: string, kind = ''): Markup =>
      html`<span class="${kind}" style="top:${y}px">${text}</span>`
    const lanes = this.#options.memberNames.flatMap((name, node) => {
      const top = this.#laneTop(node)
      return [
        at(top + LANE.state.y + LANE.state.height / 2, clip(name, 40), 'member'),
        at(top + LANE.unreached.y + LANE.unreached.height / 2, 'not reached'),
        at(top + LANE.lag.y + 6, `lag ${formatCount(this.#lagMax)}`),
        ...LATENCIES_MS.map((ms) => at(top + latencyY(ms), tickLatency(ms))),
      ]
    })
    return [
      at(this.#rateTop + 6, `${formatCount(this.#rateMax)} /s`),
      at(this.#rateTop + RATE_PX - 6, 'operations'),
      ...lanes,
    ]
  }

  /** A set for each zoom, of which one is seen. */
  #ticks(): Markup[] {
    return ZOOMS.map((zoom) => {
      const ticks = this.#axis.ticks(1 / (TICKS_IN_VIEW * zoom))
      const stepMs = (ticks[1] ?? 1_000) - (ticks[0] ?? 0)
      // What would be cut off at the edge is a line only.
      const lastMs = this.#axis.toMs - (this.#axis.lengthMs * TICK_SHARE) / zoom
      const marks = ticks.map(
        (ms) => html`<span style="left:${this.#axis.percent(ms)}">${ms > lastMs ? '' : formatTick(ms, stepMs)}</span>`,
      )
      return html`<div class="ticks zoom-${zoom}" style="top:${FLAGS_PX}px">${marks}</div>`
    })
  }

  /** Every fault through the lanes of the members that it hit. */
  #shades(): Markup[] {
    const members = this.#options.memberNames.length
    return this.#options.faults.flatMap(({ band, name, number }) => {
      const hit = membersHit(band)
      const x = this.#axis.x(band.fromMs)
      const width = Math.max(6, this.#axis.x(band.untilMs ?? this.#axis.toMs) - x)
      const shade = (top: number, height: number): Markup =>
        html`<rect class="shade ${familyOf(band.fault.kind)}" x="${x}" y="${top}" width="${width}" height="${height}"><title>${number}: ${name}</title></rect>`
      if (hit.length === 0 || hit.length >= members) return [shade(this.#lanesTop, members * LANE.height)]
      return hit.slice(0, SHADES_MAX).map((node) => shade(this.#laneTop(node) + 3, LANE.height - 6))
    })
  }

  /** So much went wrong that its marks would hide each other, and all the rest. */
  #isCrowded(): boolean {
    return this.#options.record.operations.filter(({ outcome }) => outcome !== 'ok').length > CROWD
  }

  #rateBars(): Markup[] {
    const bottom = this.#rateTop + RATE_PX
    const width = X_UNITS / this.#rates.length
    const paths: Record<OperationOutcome, string> = { ok: '', failed: '', unknown: '' }
    for (const [bar, rates] of this.#rates.entries()) {
      let y = bottom
      // What did not go well lies at the bottom, from where it is compared most easily, and is never too thin to be seen.
      for (const outcome of ['failed', 'unknown', 'ok'] as const) {
        if (rates[outcome] === 0) continue
        const height = Math.max(outcome === 'ok' ? 0.5 : 2, (rates[outcome] / this.#rateMax) * RATE_PX)
        y -= height
        paths[outcome] +=
          `M${(bar * width).toFixed(1)} ${y.toFixed(1)}h${(width - 4).toFixed(1)}v${height.toFixed(1)}h${(4 - width).toFixed(1)}z`
      }
    }
    const line = html`<path class="base" d="M0 ${bottom}h${X_UNITS}"/>`
    return [line, ...OUTCOMES.map((outcome) => html`<path class="bar ${outcome}" d="${paths[outcome]}"/>`)]
  }

  #lane(node: number): Markup {
    const history = this.#options.histories[node] ?? []
    const dots = this.#options.dots.lanes[node] ?? { ok: '', failed: '', unknown: '' }
    const lines = [LANE.lag.y + LANE.lag.height, ...LATENCIES_MS.map(latencyY)]
      .map((y) => `M0 ${y}h${X_UNITS}`)
      .join('')
    return html`<g transform="translate(0 ${this.#laneTop(node)})">
<path class="base" d="M0 0h${X_UNITS}"/><path class="rule" d="${lines}"/>
${this.#states(history)}
<path class="unreached" d="${this.#unreached(history)}"/>
<path class="lag" d="${this.#lag(history)}"/>
<path class="dots ok" d="${dots.ok}"/>
<path class="dots unknown" d="${dots.unknown}"/><path class="dots hole" d="${dots.unknown}"/>
<path class="dots failed" d="${dots.failed}"/>
</g>`
  }

  /** Ready is a line; everything else a block. */
  #states(history: MemberHistory): Markup[] {
    const paths = new Map<MemberState, string>()
    for (const stretch of stretches(history, ({ state }) => state)) {
      const [x, width] = this.#extentOf(stretch, history)
      const { y, height } =
        stretch.value === 'ready' ? { y: LANE.state.y + LANE.state.height / 2 - 1.5, height: 3 } : LANE.state
      paths.set(stretch.value, `${paths.get(stretch.value) ?? ''}M${x} ${y}h${width}v${height}h${-width}z`)
    }
    return [...paths].map(([state, path]) => html`<path class="state ${state}" d="${path}"/>`)
  }

  #stateNames(node: number): Markup {
    const history = this.#options.histories[node] ?? []
    const top = this.#laneTop(node) + LANE.state.y
    const named = stretches(history, ({ state }) => state)
      .filter(({ from, until, value }) => value !== 'ready' && (until - from) / history.length >= NAMED_STATE_SHARE)
      .slice(0, NAMED_STATES_MAX / this.#options.memberNames.length)
    const names = named.map((stretch) => {
      const [fromMs, untilMs] = [stretch.from, stretch.until].map((column) => this.#timeOf(column, history))
      const place = `left:${this.#axis.percent(fromMs ?? 0)};width:${this.#axis.percentBetween(fromMs ?? 0, untilMs ?? 0)};top:${top}px`
      const title = `${this.#nameOf(node)} is ${stretch.value} from ${formatSeconds(fromMs ?? 0)} to ${formatSeconds(untilMs ?? 0)}`
      return html`<span class="state-name ${stretch.value}" style="${place}" title="${title}"><b>${stretch.value}</b></span>`
    })
    return html`${names}`
  }

  /** Hanging from above: the more members it does not reach, the deeper. */
  #unreached(history: MemberHistory): string {
    const others = this.#options.memberNames.length - 1
    return stretches(history, ({ state, reachable }) =>
      state === 'down' || state === 'silent' ? 0 : Math.max(0, others - reachable),
    )
      .filter(({ value }) => value > 0)
      .map((stretch) => {
        const [x, width] = this.#extentOf(stretch, history)
        const height = Math.max(2, (stretch.value / others) * LANE.unreached.height)
        return `M${x} ${LANE.unreached.y}h${width}v${height.toFixed(1)}h${-width}z`
      })
      .join('')
  }

  #lag(history: MemberHistory): string {
    const bottom = LANE.lag.y + LANE.lag.height
    return stretches(history, ({ lagFrames }) => lagFrames)
      .filter(({ value }) => value > 0)
      .map((stretch) => {
        const [x, width] = this.#extentOf(stretch, history)
        const height = Math.max(1, (stretch.value / this.#lagMax) * LANE.lag.height)
        return `M${x} ${bottom}v${-height.toFixed(1)}h${width}v${height.toFixed(1)}z`
      })
      .join('')
  }

  /** What did not go well once more, unseen and wide, to be pointed at. */
  #namedDots(): Markup[] {
    return this.#options.record.operations
      .filter(({ outcome, node }) => outcome !== 'ok' && node < this.#options.memberNames.length)
      .slice(0, NAMED_DOTS_MAX)
      .map((operation) => {
        const place = dotAt(this.#axis.x(operation.startMs), this.#laneTop(operation.node) + heightOf(operation))
        return html`<path class="target" d="${place}"><title>${this.#operationText(operation)}</title></path>`
      })
  }

  #operationText({ kind, node, session, startMs, endMs, outcome, detail }: Operation): string {
    const end = endMs === undefined ? 'never ended' : `after ${formatLatency(endMs - startMs)}`
    const error = detail.error === undefined ? '' : `: ${clip(detail.error, 160)}`
    return `${formatSeconds(startMs)} ${kind} of session ${session} at ${this.#nameOf(node)}, ${outcome} ${end}${error}`
  }

  #faultBand({ band, number, name, label, row, isLabelLeft }: PlacedFault): Markup {
    const untilMs = band.untilMs ?? this.#axis.toMs
    const place = `left:${this.#axis.percent(band.fromMs)};width:${this.#axis.percentBetween(band.fromMs, untilMs)};top:${FLAGS_PX + TICKS_PX + row * FAULT_ROW_PX}px`
    const until = band.untilMs === undefined ? 'to the end' : `to ${formatSeconds(band.untilMs)}`
    const title = `Fault ${number}: ${name}, from ${formatSeconds(band.fromMs)} ${until}`
    const side = isLabelLeft ? 'left' : 'right'
    return html`<a class="band ${familyOf(band.fault.kind)} ${side}" id="band-${number}" href="#fault-${number}" style="${place}" title="${title}"><span>${label}</span></a>`
  }

  #forming(): Markup {
    if (this.#axis.fromMs >= 0) return NOTHING
    const width = this.#axis.percentBetween(this.#axis.fromMs, 0)
    return html`<div class="forming" style="width:${width}" title="The cluster forms; clients begin at 0"><span>forming</span></div>`
  }

  /** A line through everything, with its name in one of the rows at the top. */
  #moment(kind: string, row: number, atMs: number, text: string): Markup {
    const side = this.#axis.partOf(atMs, 2) === 0 ? 'right' : 'left'
    const style = `left:${this.#axis.percent(atMs)};top:${row * FLAG_PX}px`
    return html`<div class="moment ${kind} ${side}" style="${style}"><span>${text} ${formatSeconds(atMs)}</span></div>`
  }

  #violations(violations: readonly Violation[]): Markup[] {
    const marks = violations.slice(0, VIOLATIONS_MAX).map(({ atMs, invariant, text }, index) => {
      const title = `${invariant} at ${formatSeconds(atMs)}: ${clip(text)}`
      return html`<a class="mark" id="at-${index + 1}" href="#violation-${index + 1}" style="left:${this.#axis.percent(atMs)};top:${FLAG_PX}px" title="${title}" aria-label="${title}">✕</a>`
    })
    const [first] = violations
    if (first === undefined) return marks
    return [this.#moment('violation', 0, first.atMs, `${first.invariant} broken at`), ...marks]
  }

  #extentOf({ from, until }: Stretch<unknown>, history: MemberHistory): [x: number, width: number] {
    const x = Math.round((from / history.length) * X_UNITS)
    return [x, Math.max(1, Math.round((until / history.length) * X_UNITS) - x)]
  }

  #timeOf(column: number, history: MemberHistory): number {
    return this.#axis.fromMs + (column / history.length) * this.#axis.lengthMs
  }

  #laneTop(node: number): number {
    return this.#lanesTop + node * LANE.height
  }

  #nameOf(node: number): string {
    return this.#options.memberNames[node] ?? `member ${node}`
  }
}

/** Per second, for each bar: what clients came for, without what was done before and after as fast as it went. */
function ratesOf(operations: readonly Operation[], axis: TimeAxis): Record<OperationOutcome, number>[] {
  const count = Math.min(BARS_MAX, Math.max(1, Math.floor(axis.lengthMs / BAR_MS_MIN)))
  const bars = Array.from({ length: count }, () => ({ ok: 0, failed: 0, unknown: 0 }))
  const perSecond = (1_000 * count) / axis.lengthMs
  for (const { startMs, outcome } of operations.filter(isOfClients)) {
    const bar = bars[axis.partOf(startMs, count)]
    if (bar !== undefined) bar[outcome] += perSecond
  }
  return bars
}

function tickLatency(ms: number): string {
  return ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`
}

/** The least top of the lag: a few frames on their way are no news. */
const LAG_TOP_MIN = 20
/** Marks of a usual size for so many fit beside each other. */
const CROWD = 500
/** Lines in the lanes that tell latencies. */
const LATENCIES_MS = [1, 100, 10_000]
const TICKS_IN_VIEW = 10
/** Of what is seen of the axis, for the text of a tick. */
const TICK_SHARE = 0.05
/** The rows of moments at the top, and the row of the axis below it. */
const FLAG_PX = 18
const FLAGS_PX = 4 * FLAG_PX + 4
const TICKS_PX = 22
const GAP_PX = 12
/** Shorter states have no name; at the highest zoom it would still fit. */
const NAMED_STATE_SHARE = 0.003
