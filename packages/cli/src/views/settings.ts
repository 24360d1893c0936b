/** The options of a node with their values. Secrets are never shown. */
import type { Setting } from '../config/config.ts'
import { type ConfigOption, OPTIONS } from '../config/options.ts'
import type { Column } from '../table.ts'

/** With or without where each value came from. */
export function settingColumns({ origin }: { readonly origin: boolean }): readonly Column<Setting>[] {
  return origin ? [...COLUMNS, ORIGIN] : COLUMNS
}

const COLUMNS: readonly Column<Setting>[] = [
  { title: 'OPTION', cell: ({ name }) => name },
  { title: 'VALUE', cell: showValue },
]

const ORIGIN: Column<Setting> = {
  title: 'ORIGIN',
  cell: ({ origin, where }) => (origin === 'default' ? '-' : where),
}

function showValue({ name, value }: Setting): string {
  // Typed by name in the table, which is lost where the name varies.
  const { kind, secretFile } = OPTIONS[name] as ConfigOption<unknown>
  if (value === undefined) return '-'
  return secretFile === undefined ? kind.show(value) : HIDDEN
}

/** For programs: a value as it would stand in a config file, null when there is none. */
export function settingsJson(settings: readonly Setting[]): object {
  const entries = settings.map((setting) => {
    const { name, origin, where } = setting
    return [name, { value: dataOf(setting), origin, where }] as const
  })
  return { schemaVersion: 1, options: Object.fromEntries(entries) }
}

function dataOf({ name, value }: Setting): unknown {
  const { kind, secretFile } = OPTIONS[name] as ConfigOption<unknown>
  if (value === undefined) return null
  if (secretFile !== undefined) return HIDDEN
  return kind.toData === undefined ? value : kind.toData(value)
}

const HIDDEN = '(hidden)'
