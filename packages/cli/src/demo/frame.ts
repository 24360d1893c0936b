/**
 * One picture of the demo for a terminal of a given size: pure, from the model to lines.
 *
 * ```
 *  title
 *  table of the nodes
 *  the steps of the story, later the verdict and what to try
 *  what is under way, what was said last: as many lines as are left
 * ```
 */

import { stripVTControlCharacters } from 'node:util'
import { hintLines } from '../cluster/hints.ts'
import type { MemberView } from '../cluster/local-cluster.ts'
import { type Column, tableLines } from '../table.ts'
import { plural } from '../units.ts'
import { RESTART_AFTER_MS } from './constants.ts'
import { verdictLines } from './lines.ts'
import type { DemoModel, StepView } from './model.ts'

export type Colour = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'
/** Adds a colour, or nothing where there are none. */
export type Paint = (colour: Colour, text: string) => string

export interface FrameSize {
  readonly columns: number
  readonly rows: number
}

/** At most `rows` lines of at most `columns` characters. */
export function frameLines(model: DemoModel, { columns, rows }: FrameSize, elapsedMs: number, paint: Paint): string[] {
  const head = [...titleLines(model, columns, elapsedMs, paint), ...nodeLines(model, Math.max(3, rows - 14), paint)]
  const middle = model.isPlaying ? playLines(model, paint) : stepLines(model, rows - head.length - 3, paint)
  const tail = [...barLines(model, columns, paint), ...(model.isPlaying ? [] : endLines(model, paint))]
  // One line to set them off.
  const free = rows - head.length - middle.length - tail.length - 1
  const recent = free < 1 ? [] : model.said.slice(-free).map((text) => paint('dim', `  ${text}`))
  if (recent.length > 0) recent.unshift('')
  return [...head, ...middle, ...tail, ...recent].slice(0, rows).map((line) => clip(line, columns))
}

function titleLines({ nodes, page, isPlaying }: DemoModel, columns: number, elapsedMs: number, paint: Paint): string[] {
  const left = `Reprise: ${nodes} nodes on this machine`
  const right = isPlaying ? 'q ends everything' : `${(elapsedMs / 1_000).toFixed(1)} s`
  return [
    `${paint('bold', left)}${' '.repeat(Math.max(2, columns - left.length - right.length))}${paint('dim', right)}`,
    // With its token it is nearly as long as a line may be.
    page === undefined ? '' : paint('cyan', page),
  ]
}

function nodeLines(model: DemoModel, linesMax: number, paint: Paint): string[] {
  const ms = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(1))
  const quiet = (text: string, { state }: MemberView): string => (state === 'up' ? text : paint('dim', text))
  const columns: Column<MemberView>[] = [
    { title: 'NODE', cell: ({ name }) => name, style: quiet },
    { title: 'STATE', cell: ({ state }) => state, style: (text, { state }) => paint(STATE_COLOURS[state], text) },
    { title: 'PID', cell: ({ pid }) => String(pid ?? '-'), align: 'right', style: quiet },
    { title: 'HTTPS', cell: ({ info }) => String(info?.ports.tls ?? '-'), align: 'right', style: quiet },
    { title: 'FULL', cell: ({ counters }) => String(counters.handshakes.full), align: 'right', style: quiet },
    { title: 'LOCAL', cell: ({ counters }) => String(counters.handshakes.local), align: 'right', style: quiet },
    { title: 'PEERS', cell: ({ counters }) => String(counters.handshakes.peers), align: 'right', style: quiet },
    { title: 'HELD', cell: ({ counters }) => String(counters.records), align: 'right', style: quiet },
    { title: 'FULL ms', cell: ({ name }) => ms(model.latency(name).fullMs), align: 'right', style: quiet },
    { title: 'RESUMED ms', cell: ({ name }) => ms(model.latency(name).resumedMs), align: 'right', style: quiet },
  ]
  const { members } = model
  const shown = members.length > linesMax ? members.slice(0, linesMax - 1) : members
  const lines = tableLines(columns, shown, { titleStyle: (text) => paint('dim', text) })
  if (shown.length < members.length) lines.push(paint('dim', `… and ${members.length - shown.length} more`))
  const legend = 'handshakes: FULL, or resumed from LOCAL memory or from PEERS; records HELD'
  return [...lines, paint('dim', legend), '']
}

const STATE_COLOURS: Readonly<Record<MemberView['state'], Colour>> = {
  starting: 'yellow',
  up: 'green',
  stopped: 'yellow',
  cut: 'yellow',
  rejoining: 'yellow',
  down: 'red',
}

/** The steps; when there is no room for all, those around the one under way. */
function stepLines({ steps }: DemoModel, linesMax: number, paint: Paint): string[] {
  const last = steps.findLastIndex(({ state }) => state !== 'todo')
  const start = Math.max(0, Math.min(last - linesMax + 2, steps.length - linesMax))
  const width = Math.max(...steps.map(({ title }) => title.length))
  return steps.slice(start, start + Math.max(1, linesMax)).map((step) => {
    const { mark, colour } = MARKS[step.state]
    const title = step.title.padEnd(width)
    return `${paint(colour, mark)} ${step.state === 'todo' ? paint('dim', title) : title}  ${summaryOf(step, paint)}`
  })
}

function summaryOf({ state, summary }: StepView, paint: Paint): string {
  return paint(state === 'failed' ? 'red' : 'dim', summary)
}

const MARKS: Readonly<Record<StepView['state'], { mark: string; colour: Colour }>> = {
  todo: { mark: '·', colour: 'dim' },
  doing: { mark: '▸', colour: 'cyan' },
  held: { mark: '✓', colour: 'green' },
  failed: { mark: '✗', colour: 'red' },
}

const BAR_CELLS = 24

function barLines({ progress }: DemoModel, columns: number, paint: Paint): string[] {
  if (progress.size === 0) return []
  const nameWidth = Math.max(...[...progress.keys()].map((name) => name.length))
  const cells = Math.min(BAR_CELLS, Math.max(4, columns - 56))
  return [...progress].map(([name, { share, text }]) => {
    const done = Math.round(share * cells)
    return `  ${name.padEnd(nameWidth)} ${paint('cyan', '█'.repeat(done))}${paint('dim', '░'.repeat(cells - done))} ${text}`
  })
}

function endLines({ verdict }: DemoModel, paint: Paint): string[] {
  if (verdict === undefined) return []
  const [head = '', ...rest] = verdictLines(verdict)
  return ['', paint(verdict.held ? 'green' : 'red', head), ...rest]
}

function playLines(model: DemoModel, paint: Paint): string[] {
  const { resumed, lost } = model.resumptions
  const counts = `${plural(resumed, 'session')} resumed so far, ${lost} lost. Clients go on, each time at another node.`
  const [first = '', ...hints] = hintLines(model.members, RESTART_AFTER_MS)
  return [
    ...endLines(model, paint).slice(1),
    '',
    paint(lost === 0 ? 'bold' : 'red', counts),
    '',
    first,
    ...hints.map((hint) => (hint.startsWith('  ') ? paint('cyan', hint) : hint)),
  ]
}

const ESCAPE = '\u001b'

/** The line cut to the width, colours kept and closed. */
function clip(line: string, columns: number): string {
  if (stripVTControlCharacters(line).length <= columns) return line
  let room = columns - 1
  let clipped = ''
  for (const part of line.split(STYLES)) {
    const isStyle = part.startsWith(ESCAPE)
    const kept = isStyle ? part : part.slice(0, room)
    clipped += kept
    if (!isStyle) room -= kept.length
  }
  return `${clipped}…`
}

/** SGR sequences; the group keeps them in the result of `split`. */
const STYLES = new RegExp(`(${ESCAPE}\\[[0-9;]*m)`)
