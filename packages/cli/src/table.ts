/**
 * Aligned columns of plain text, for people and for `cut` and `awk`: two spaces between columns, nothing after the last,
 * no frames.
 */

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string
  /** Numbers read best from the right. Default `'left'`. */
  readonly align?: 'left' | 'right'
  /** The cell's colour; it gets the padded text, so that colours do not disturb the columns. */
  readonly style?: (text: string, row: Row) => string
}

export interface TableOptions {
  /** The title's colour. */
  readonly titleStyle?: (text: string) => string
}

/** One line for the titles and one for each row. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { titleStyle = (text) => text }: TableOptions = {},
): string[] {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)))
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  )
  const pad = (text: string, index: number): string => {
    const width = widths[index] ?? 0
    if (columns[index]?.align === 'right') return text.padStart(width)
    return index === columns.length - 1 ? text : text.padEnd(width)
  }
  const titles = columns.map(({ title }, index) => titleStyle(pad(title, index)))
  const lines = rows.map((row, rowIndex) =>
    columns.map(({ style = (text) => text }, index) => style(pad(cells[rowIndex]?.[index] ?? '', index), row)),
  )
  return [titles, ...lines].map((parts) => parts.join('  ').trimEnd())
}
