/** A ring of ticket keys as people and programs see it: which keys there are. What they are is shown to nobody. */
import type { TicketKey } from '@reprise/tls'
import { type Column, tableLines } from '../table.ts'
import { formatAge } from '../units.ts'

/** What a key is to a terminator that takes several, newest first. */
export type KeyPlace = 'next' | 'current' | 'previous'

export interface KeyRow {
  readonly id: string
  readonly place: KeyPlace
  readonly ageMs: number
}

export function keyRows(ring: readonly TicketKey[], nowMs: number): readonly KeyRow[] {
  return ring.flatMap(({ id, dueAtMs }, index) => {
    const place = PLACES[index]
    return place === undefined ? [] : { id, place, ageMs: Math.max(0, nowMs - dueAtMs) }
  })
}

export function keyLines(rows: readonly KeyRow[], titleStyle: (text: string) => string): readonly string[] {
  return tableLines(COLUMNS, rows, { titleStyle })
}

export function keysJson(context: string, rows: readonly KeyRow[]): object {
  return { schemaVersion: 1, context, keys: rows }
}

const PLACES: readonly KeyPlace[] = ['next', 'current', 'previous']

const COLUMNS: readonly Column<KeyRow>[] = [
  { title: 'KEY', cell: ({ id }) => id },
  { title: 'PLACE', cell: ({ place }) => place },
  { title: 'AGE', cell: ({ ageMs }) => formatAge(ageMs), align: 'right' },
]
