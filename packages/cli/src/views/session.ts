/** A session as a person sees it: its portions, where they came from, and how long it lives. Values only when they were asked for. */
import type { PortionDocument, SessionDocument } from '../inquiry/documents.ts'
import { type Column, tableLines } from '../table.ts'
import { formatBytes, formatLeft } from '../units.ts'

interface PortionRow extends PortionDocument {
  readonly name: string
}

export interface SessionView {
  /** Who answered. */
  readonly asked: string
  /** The values are there to be shown. */
  readonly reveal: boolean
  readonly titleStyle?: (text: string) => string
}

export function sessionLines(document: SessionDocument, { asked, reveal, titleStyle }: SessionView): string[] {
  const { id, outcome, portions, missing = [], idleMsLeft, absoluteMsLeft } = document
  const rows: PortionRow[] = Object.entries(portions).map(([name, portion]) => ({ name, ...portion }))
  const lines = [
    `session ${id}: ${outcome}, from ${originText(document, asked)}`,
    `ends in ${formatLeft(idleMsLeft)} when it is not used, in ${formatLeft(absoluteMsLeft)} at the latest`,
  ]
  const columns = reveal ? [...COLUMNS, VALUE] : COLUMNS
  if (rows.length > 0) lines.push('', ...tableLines(columns, rows, titleStyle === undefined ? {} : { titleStyle }))
  if (missing.length > 0) lines.push('', `not found: ${missing.join(', ')}`)
  return lines
}

/** For programs: what the node said, and who it was. */
export function sessionJson(document: SessionDocument, asked: string): object {
  return { ...document, asked }
}

/** The same of a session of which nothing is left to show. */
export function doneJson(id: string, outcome: 'touched' | 'dropped', asked: string): object {
  return { schemaVersion: 1, id, outcome, asked }
}

function originText({ origin }: SessionDocument, asked: string): string {
  if (origin.kind === 'local') return `${asked} itself`
  return `${asked}, which asked ${origin.peers.length === 0 ? 'others' : origin.peers.map(shortPeer).join(', ')}`
}

/** `7.1 by …xf8gTcK5`: the epoch, the number of the write in it, and who wrote. */
function versionText(version: PortionDocument['version']): string {
  const [, number, node] = /^([^@]+)@(.+)$/.exec(String(version ?? '')) ?? []
  return number === undefined || node === undefined ? String(version ?? '-') : `${number} by ${shortPeer(node)}`
}

function shortPeer(peer: string): string {
  return peer.length > 16 ? `…${peer.slice(-8)}` : peer
}

const COLUMNS: readonly Column<PortionRow>[] = [
  { title: 'PORTION', cell: ({ name }) => name },
  { title: 'SIZE', cell: ({ bytes }) => (bytes === undefined ? '-' : formatBytes(bytes)), align: 'right' },
  { title: 'VERSION', cell: ({ version }) => versionText(version) },
]

const VALUE: Column<PortionRow> = { title: 'VALUE', cell: ({ value }) => JSON.stringify(value) ?? '-' }
