/**
 * A space-time diagram of a run (Lamport, "Time, clocks, and the ordering of events", 1978) as one self-contained page: a
 * lane per node, what was sent as lines from lane to lane, what was done as marks on the lanes, faults as bands, and what
 * broke as a red line. It shows a window around the violation, follows the reader's light or dark, and needs no script:
 * check boxes hide a kind of message.
 */
import type { Fault } from './faults.ts'
import type { Mark, MarkKind, Recorder, Transfer } from './recorder.ts'
import type { Scenario } from './scenario.ts'
import type { Violation } from './simulation.ts'

export interface DiagramOptions {
  readonly scenario: Scenario
  readonly recorder: Recorder
  readonly violations: readonly Violation[]
  /** The command that replays the run. */
  readonly replay: string
  /** When faults and clients began: their times count from here. */
  readonly startedAtMs: number
  /** What to show, in virtual milliseconds; default around the violation. */
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
}

/** Draw a run. @returns the text of an HTML page. */
export function drawDiagram(options: DiagramOptions): string {
  return new Diagram(options).page()
}

class Diagram {
  readonly #options: DiagramOptions
  readonly #fromMs: number
  readonly #toMs: number
  /** Bands of faults that are not one node's, above the lanes. */
  readonly #wideFaults: readonly Fault[]
  readonly #top: number
  /** The session that the violation names, whose marks stand out. */
  readonly #key: string | undefined

  constructor(options: DiagramOptions) {
    this.#options = options
    const window = windowOf(options)
    this.#fromMs = window.fromMs
    this.#toMs = window.toMs
    this.#wideFaults = options.scenario.faults.filter((fault) => !('node' in fault) && this.#isSeen(fault))
    this.#top = TOP + this.#wideFaults.length * WIDE_FAULT_HEIGHT
    const words = new Set(options.violations[0]?.text.split(/[\s,;:]+/))
    this.#key = options.recorder.marks.find(({ key }) => key !== undefined && words.has(key))?.key
  }

  page(): string {
    const { scenario, violations, replay } = this.#options
    const [first] = violations
    const title = first === undefined ? `seed ${scenario.seed}` : `${first.rule} broken, seed ${scenario.seed}`
    const facts = [
      `${scenario.nodeCount} nodes`,
      `${scenario.copies + 1} holders a shard`,
      `${scenario.faults.length} faults`,
      `${this.#fromMs.toFixed(0)} to ${this.#toMs.toFixed(0)} ms of virtual time`,
    ]
    const boxes = FAMILIES.map(
      ({ name, isShown }) =>
        `<label class="f-${name}"><input type="checkbox" id="s-${name}"${isShown ? ' checked' : ''}><i></i>${name}</label>`,
    )
    return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${toHtml(title)}</title><style>${STYLE}</style></head>
<body>
<header><h1>${toHtml(title)}</h1><p class="facts">${facts.join(' · ')}</p>
<ul class="broken">${violations.map((violation) => `<li><b>${toHtml(violation.rule)}</b> at ${violation.atMs.toFixed(1)} ms: ${toHtml(violation.text)}</li>`).join('')}</ul>
<p><code>${toHtml(replay)}</code></p></header>
<nav>${boxes.join('')}<span class="marks">${MARK_LEGEND}</span></nav>
<figure>${this.#svg(title)}</figure>
<h2>What happened</h2><table>${this.#rows()}</table>
</body></html>
`
  }

  #svg(title: string): string {
    const height = this.#y(this.#options.scenario.nodeCount - 1) + 70
    const parts = [
      ...this.#axis(height),
      ...this.#wideFaults.map((fault, i) => this.#wideFault(fault, i)),
      ...this.#lanes(),
      ...FAMILIES.map(({ name }) => `<g class="family" id="g-${name}">${this.#transfersOf(name)}</g>`),
      ...this.#marks(),
      ...this.#violation(height),
    ]
    return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${toHtml(title)}">${parts.join('\n')}</svg>`
  }

  #axis(height: number): string[] {
    const parts: string[] = []
    const stepMs = niceStep((this.#toMs - this.#fromMs) / 12)
    for (let atMs = Math.ceil(this.#fromMs / stepMs) * stepMs; atMs <= this.#toMs; atMs += stepMs) {
      const x = this.#x(atMs)
      parts.push(`<line class="grid" x1="${x}" x2="${x}" y1="${TOP - 12}" y2="${height - 40}"/>`)
      parts.push(`<text class="tick" x="${x}" y="${height - 24}">${atMs.toFixed(0)}</text>`)
    }
    parts.push(`<text class="tick" x="${WIDTH / 2}" y="${height - 6}">virtual milliseconds</text>`)
    return parts
  }

  #lanes(): string[] {
    const { scenario } = this.#options
    return Array.from({ length: scenario.nodeCount }, (_, node) => {
      const y = this.#y(node)
      const clock = scenario.clocks[node]?.rate ?? 1
      const note = clock === 1 ? '' : ` ${clock > 1 ? '+' : ''}${((clock - 1) * 100).toFixed(1)} %`
      const bands = scenario.faults.filter((fault) => 'node' in fault && fault.node === node && this.#isSeen(fault))
      const labels = bands.map((fault) => {
        const x = Math.max(this.#x(this.#options.startedAtMs + fault.atMs), LEFT)
        return `<text class="fault-name" x="${x + 3}" y="${y - 19}">${toHtml(nameOf(fault))}</text>`
      })
      return [
        ...this.#spans(node, 'pause', 'wake').map(([from, to]) => this.#band('paused', from, to, y)),
        ...this.#spans(node, 'crash', 'start').map(([from, to]) => this.#band('down', from, to, y)),
        ...labels,
        ...this.#spans(node, 'start', 'crash').map(
          ([from, to]) => `<line class="lane" x1="${this.#x(from)}" x2="${this.#x(to)}" y1="${y}" y2="${y}"/>`,
        ),
        `<text class="node" x="${LEFT - 14}" y="${y + 5}">n${node}</text>`,
        `<text class="clock" x="${LEFT - 14}" y="${y + 18}">${note}</text>`,
      ].join('')
    })
  }

  /** The times within the window from each mark of one kind to the next of the other. */
  #spans(node: number, begin: MarkKind, end: MarkKind): [number, number][] {
    const spans: [number, number][] = []
    let sinceMs: number | undefined
    for (const { kind, node: at, atMs } of this.#options.recorder.marks) {
      if (at !== node) continue
      if (kind === begin) sinceMs ??= atMs
      else if (sinceMs !== undefined && (kind === end || kind === 'crash')) {
        spans.push([sinceMs, atMs])
        sinceMs = undefined
      }
    }
    if (sinceMs !== undefined) spans.push([sinceMs, this.#toMs])
    return spans
      .filter(([from, to]) => to >= this.#fromMs && from <= this.#toMs)
      .map(([from, to]) => [Math.max(from, this.#fromMs), Math.min(to, this.#toMs)])
  }

  #band(name: string, from: number, to: number, y: number): string {
    const width = Math.max(1, this.#x(to) - this.#x(from))
    return `<rect class="band ${name}" x="${this.#x(from)}" y="${y - 14}" width="${width}" height="28" rx="3"/>`
  }

  #wideFault(fault: Fault, row: number): string {
    const y = TOP + row * WIDE_FAULT_HEIGHT - 14
    const startMs = this.#options.startedAtMs + fault.atMs
    const from = this.#x(Math.max(startMs, this.#fromMs))
    const to = this.#x(Math.min(startMs + fault.lastsMs, this.#toMs))
    const name = toHtml(nameOf(fault))
    const rect = `<rect class="band wide" x="${from}" y="${y}" width="${Math.max(2, to - from)}" height="15" rx="3"/>`
    return `<g>${rect}<text class="fault-name" x="${from + 4}" y="${y + 11}">${name}</text><title>${name}</title></g>`
  }

  #transfersOf(family: string): string {
    const shown = this.#options.recorder.transfers.filter((transfer) => {
      const endMs = transfer.arrivesAtMs ?? transfer.sentAtMs
      return familyOf(transfer.kind) === family && endMs >= this.#fromMs && transfer.sentAtMs <= this.#toMs
    })
    return shown.map((transfer) => this.#transfer(transfer)).join('')
  }

  #transfer({ from, to, kind, bytes, sentAtMs, arrivesAtMs }: Transfer): string {
    const [x, y] = [this.#x(sentAtMs), this.#y(from)]
    const title = `<title>${kind}, n${from} to n${to}, ${bytes} bytes, sent ${sentAtMs.toFixed(1)}, `
    if (arrivesAtMs !== undefined) {
      const line = `<line x1="${x}" y1="${y}" x2="${this.#x(arrivesAtMs)}" y2="${this.#y(to)}">`
      return `${line}${title}arrives ${arrivesAtMs.toFixed(1)} ms</title></line>`
    }
    // As far as it came, which nobody knows, with a cross where it ends.
    const endX = x + 10
    const endY = y + (this.#y(to) - y) * 0.3
    const cross = `M${x} ${y}L${endX} ${endY}m-3 -3l6 6m0 -6l-6 6`
    return `<path class="lost" d="${cross}">${title}lost</title></path>`
  }

  #marks(): string[] {
    return this.#options.recorder.marks
      .filter((mark) => mark.node !== undefined && MARKS[mark.kind] !== undefined && this.#isWithin(mark.atMs))
      .map((mark) => {
        const x = this.#x(mark.atMs)
        const y = this.#y(mark.node as number)
        const title = `<title>${mark.atMs.toFixed(1)} ms, n${mark.node}: ${toHtml(mark.text)}</title>`
        const isOther = this.#key !== undefined && mark.key !== undefined && mark.key !== this.#key
        return `<g class="mark m-${mark.kind}${isOther ? ' other' : ''}" transform="translate(${x} ${y})">${MARKS[mark.kind]}${title}</g>`
      })
  }

  #violation(height: number): string[] {
    const healed = this.#options.recorder.marks.find(({ kind }) => kind === 'heal')
    const parts: string[] = []
    if (healed !== undefined && this.#isWithin(healed.atMs)) {
      const x = this.#x(healed.atMs)
      parts.push(`<line class="heal" x1="${x}" x2="${x}" y1="24" y2="${height - 40}"/>`)
      parts.push(`<text class="heal-name" x="${x + 4}" y="20">everything heals</text>`)
    }
    const [first] = this.#options.violations
    if (first === undefined) return parts
    const x = this.#x(Math.min(first.atMs, this.#toMs))
    const label = `${first.rule} at ${first.atMs.toFixed(1)} ms`
    const where = first.atMs > this.#toMs ? `${label}, later` : label
    parts.push(`<line class="violation" x1="${x}" x2="${x}" y1="36" y2="${height - 40}"/>`)
    parts.push(
      `<g class="flag"><rect x="${x - where.length * 7 - 10}" y="28" width="${where.length * 7 + 10}" height="20" rx="4"/>`,
    )
    parts.push(`<text x="${x - 5}" y="42">${toHtml(where)}</text><title>${toHtml(first.text)}</title></g>`)
    return parts
  }

  #rows(): string {
    return this.#options.recorder.marks
      .filter(({ atMs, kind }) => this.#isWithin(atMs) && kind !== 'ready' && kind !== 'left')
      .slice(-ROWS_MAX)
      .map((mark) => this.#row(mark))
      .join('\n')
  }

  #row({ kind, node, atMs, key, text }: Mark): string {
    const isIt = key !== undefined && key === this.#key ? ' it' : ''
    const who = node === undefined ? '' : `n${node}`
    return `<tr class="r-${kind}${isIt}"><td>${atMs.toFixed(1)}</td><td>${who}</td><td>${toHtml(kind)}</td><td>${toHtml(text)}</td></tr>`
  }

  #isSeen({ atMs, lastsMs }: Fault): boolean {
    const startMs = this.#options.startedAtMs + atMs
    return startMs <= this.#toMs && startMs + lastsMs >= this.#fromMs
  }

  #isWithin(atMs: number): boolean {
    return atMs >= this.#fromMs && atMs <= this.#toMs
  }

  #x(atMs: number): number {
    const share = (atMs - this.#fromMs) / Math.max(1, this.#toMs - this.#fromMs)
    return Math.round((LEFT + share * (WIDTH - LEFT - RIGHT)) * 10) / 10
  }

  #y(node: number): number {
    return this.#top + 34 + node * LANE_HEIGHT
  }
}

/** The time around the violation, or, when it was found late, around the last writes before it. */
function windowOf({ recorder, violations, fromMs, toMs }: DiagramOptions): { fromMs: number; toMs: number } {
  const atMs = violations[0]?.atMs ?? recorder.marks.at(-1)?.atMs ?? 0
  const isCause = (mark: Mark): boolean => CAUSES.has(mark.kind) && mark.atMs <= atMs
  const causeMs = recorder.marks.findLast(isCause)?.atMs ?? atMs
  const lastMs = atMs - causeMs > WINDOW_MS / 2 ? causeMs + WINDOW_MS / 3 : atMs
  const startMs = fromMs ?? Math.max(0, lastMs - WINDOW_MS)
  return { fromMs: startMs, toMs: toMs ?? Math.max(startMs + 1, lastMs + WINDOW_MS / 25) }
}

function nameOf(fault: Fault): string {
  const nodes = (list: readonly number[]): string => list.map((node) => `n${node}`).join(' ')
  switch (fault.kind) {
    case 'partition':
      return `cut off: ${nodes(fault.side) || 'nobody'}`
    case 'cut':
      return `one-way cut: ${nodes(fault.from)} ↛ ${nodes(fault.to)}`
    case 'slow':
      return `slow: ${nodes(fault.from)} → n${fault.to}, one in ${fault.gapMs} ms`
    case 'full':
      return `full: ${nodes(fault.from)} → n${fault.to}`
    case 'storm':
      return `storm: ${(fault.conditions.frameLossRate ?? 0) * 100} % of frames lost`
    case 'clock':
      return `clock set by ${(fault.jumpMs / 1_000).toFixed(0)} s`
    case 'join':
      return fault.end === 'stays' ? 'joins' : `joins, then ${fault.end === 'crash' ? 'crashes' : 'leaves'}`
    case 'crash':
      return `${fault.isSilent ? 'silent ' : ''}crash${fault.hasAmnesia ? ', forgets all' : ''}`
    case 'leave':
    case 'pause':
    case 'stall':
      return fault.kind
  }
}

/** A step of 1, 2 or 5 times a power of ten. */
function niceStep(roughMs: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(roughMs, 0.1)))
  return ([1, 2, 5].find((factor) => factor * power >= roughMs) ?? 10) * power
}

function familyOf(kind: string): string {
  return FAMILIES.find(({ kinds }) => kinds.includes(kind))?.name ?? 'members'
}

function toHtml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)
}

const FAMILIES: readonly { readonly name: string; readonly isShown: boolean; readonly kinds: readonly string[] }[] = [
  { name: 'members', isShown: false, kinds: ['greeting', 'refused', 'heartbeat', 'members', 'join', 'hello', 'leave'] },
  {
    name: 'sync',
    isShown: true,
    kinds: ['sync-ask', 'sync-offer', 'sync-list', 'sync-items', 'sync-want', 'sync-records'],
  },
  { name: 'acks', isShown: true, kinds: ['ack', 'probe'] },
  { name: 'pulls', isShown: true, kinds: ['pull', 'answer', 'push'] },
  { name: 'repair', isShown: true, kinds: ['nack', 'repair', 'gone'] },
  { name: 'frames', isShown: true, kinds: ['frame'] },
]

const MARKS: Readonly<Partial<Record<MarkKind, string>>> = {
  commit: '<circle r="4.5"/>',
  confirmed: '<circle r="7.5"/>',
  drop: '<path d="M0 -6L6 0L0 6L-6 0Z"/>',
  complete: '<path d="M-5 -12h10l-5 8Z"/>',
  partial: '<path d="M-5 -12h10l-5 8Z"/>',
  absent: '<path d="M-5 -12h10l-5 8Z"/>',
  unknown: '<path d="M-5 -12h10l-5 8Z"/>',
  crash: '<path d="M-6 -6L6 6M6 -6L-6 6"/>',
  start: '<path d="M-4 -7L6 0L-4 7Z"/>',
}

const MARK_LEGEND = (
  ['commit', 'confirmed', 'drop', 'complete', 'partial', 'absent', 'unknown', 'crash', 'start'] as const
)
  .map((kind) => {
    const name =
      kind === 'confirmed'
        ? 'copies confirmed'
        : ['commit', 'drop', 'crash', 'start'].includes(kind)
          ? kind
          : `read: ${kind}`
    return `<span><svg viewBox="-9 -13 18 22" width="16" height="18"><g class="mark m-${kind}">${MARKS[kind]}</g></svg>${name}</span>`
  })
  .join('')

const CAUSES: ReadonlySet<MarkKind> = new Set(['commit', 'confirmed', 'drop', 'crash', 'wake', 'heal', 'absent'])

const WIDTH = 1600
const LEFT = 70
const RIGHT = 30
const TOP = 70
const LANE_HEIGHT = 92
const WIDE_FAULT_HEIGHT = 20
/** What a window shows before the violation, in virtual milliseconds. */
const WINDOW_MS = 500
const ROWS_MAX = 400

const HIDING = FAMILIES.map(({ name }) => `body:has(#s-${name}:not(:checked)) #g-${name}{display:none}`).join('')

const STYLE = `
:root{color-scheme:light dark;--bg:#fbfbf9;--ink:#1d2126;--soft:#68707a;--grid:#e6e6e1;--lane:#8b939c;--panel:#fff;
--frames:#2463c9;--repair:#d07b00;--acks:#4c9a6a;--pulls:#8b46c7;--sync:#0f8f9c;--members:#a9b0b8;
--red:#c8102e;--green:#1f8a4c;--amber:#c98a00;--down:#c8102e;--paused:#c98a00;--wide:#7a5cc0}
@media(prefers-color-scheme:dark){:root{--bg:#14171a;--ink:#e8eaed;--soft:#98a1ab;--grid:#262b30;--lane:#5d6670;--panel:#1b1f23;
--frames:#6ea8ff;--repair:#ffb347;--acks:#74c795;--pulls:#c792f5;--sync:#4fd0dc;--members:#59626c;
--red:#ff5c72;--green:#5fd08d;--amber:#ffc04d;--down:#ff5c72;--paused:#ffc04d;--wide:#a990f0}}
*{box-sizing:border-box}body{margin:0;padding:28px 32px 60px;background:var(--bg);color:var(--ink);font:14px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:22px;letter-spacing:-.01em}h2{margin:32px 0 8px;font-size:15px}.facts{margin:2px 0 8px;color:var(--soft)}
.broken{margin:0;padding:0;list-style:none}.broken li{border-left:3px solid var(--red);padding:1px 10px;margin:3px 0}.broken b{color:var(--red)}
code{font:13px ui-monospace,monospace;background:var(--panel);border:1px solid var(--grid);border-radius:5px;padding:3px 8px}
nav{display:flex;flex-wrap:wrap;gap:6px 18px;align-items:center;margin:14px 0 8px;color:var(--soft)}nav label{cursor:pointer;user-select:none}
nav i{display:inline-block;width:18px;height:3px;border-radius:2px;vertical-align:middle;margin:0 6px 0 4px}
.marks{display:flex;flex-wrap:wrap;gap:4px 14px;margin-left:auto}.marks span{display:inline-flex;align-items:center;gap:4px}
${FAMILIES.map(({ name }) => `.f-${name} i{background:var(--${name})}#g-${name}{stroke:var(--${name})}`).join('')}
figure{margin:0;background:var(--panel);border:1px solid var(--grid);border-radius:10px;overflow-x:auto}svg{display:block}figure svg{width:100%;min-width:1100px}
.grid{stroke:var(--grid)}.tick{fill:var(--soft);font-size:11px;text-anchor:middle}.lane{stroke:var(--lane);stroke-width:2.5;stroke-linecap:round}
.node{fill:var(--ink);font-size:15px;font-weight:650;text-anchor:end}.clock{fill:var(--soft);font-size:10px;text-anchor:end}
.family{fill:none;stroke-width:1.1;stroke-opacity:.75}#g-frames,#g-repair{stroke-width:1.7}#g-members{stroke-opacity:.6}
.family :hover{stroke-width:4;stroke-opacity:1}.lost{stroke-dasharray:3 2}.band{opacity:.16}.down{fill:var(--down)}.paused{fill:var(--paused)}.wide{fill:var(--wide)}
.fault-name{fill:var(--soft);font-size:10.5px}.mark{stroke:var(--panel);stroke-width:1.2;fill:var(--frames)}.mark.other{opacity:.28}
.m-confirmed{fill:none;stroke:var(--green);stroke-width:2}.m-drop{fill:var(--ink)}.m-complete{fill:var(--green)}.m-partial{fill:var(--amber)}
.m-absent{fill:var(--red)}.m-unknown{fill:var(--soft)}.m-crash{stroke:var(--red);stroke-width:3;fill:none}.m-start{fill:var(--ink)}
.violation{stroke:var(--red);stroke-width:2}.flag rect{fill:var(--red)}.flag text{fill:var(--bg);font-size:12px;font-weight:600;text-anchor:end}
.heal{stroke:var(--green);stroke-dasharray:5 4}.heal-name{fill:var(--green);font-size:11px}
table{border-collapse:collapse;font:12.5px/1.45 ui-monospace,monospace}td{padding:1px 14px 1px 0;vertical-align:top;color:var(--soft)}
td:first-child{text-align:right}tr.it td{color:var(--ink)}tr.r-violation td,tr.r-crash td:nth-child(3){color:var(--red)}tr.r-heal td{color:var(--green)}
${HIDING}`
