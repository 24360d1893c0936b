import assert from 'node:assert/strict'
import { type Column, tableLines } from '../src/table.ts'

interface Fruit {
  readonly name: string
  readonly count: number
}

const COLUMNS: readonly Column<Fruit>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'COUNT', cell: ({ count }) => String(count), align: 'right' },
  { title: 'NOTE', cell: ({ count }) => (count > 99 ? 'many' : '') },
]

describe('tableLines', () => {
  it('aligns columns and leaves nothing behind the last', () => {
    const lines = tableLines(COLUMNS, [
      { name: 'fig', count: 7 },
      { name: 'pomegranate', count: 1_234_567 },
    ])
    assert.deepEqual(lines, ['NAME           COUNT  NOTE', 'fig                7', 'pomegranate  1234567  many'])
  })

  it('prints its titles when there is nothing else', () => {
    assert.deepEqual(tableLines(COLUMNS, []), ['NAME  COUNT  NOTE'])
  })

  it('colours cells without moving columns', () => {
    const [name, count, note] = COLUMNS as [Column<Fruit>, Column<Fruit>, Column<Fruit>]
    const columns = [
      { ...name, style: (text: string, { count }: Fruit) => (count > 1 ? `<${text}>` : text) },
      count,
      note,
    ]
    const lines = tableLines(columns, [{ name: 'fig', count: 7 }], { titleStyle: (text) => text.toLowerCase() })
    assert.deepEqual(lines, ['name  count  note', '<fig >      7'])
  })
})
