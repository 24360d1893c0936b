/** `reprise config print`: what a node would run with here, with the flags that are given. Secrets are never shown. */
import { Command } from 'commander'
import type { Setting } from '../config/config.ts'
import { addConfigFlags, configOf, secretLines } from '../config/flags.ts'
import { type ConfigOption, OPTIONS } from '../config/options.ts'
import { type Column, tableLines } from '../table.ts'
import { dim } from '../terminal.ts'

interface PrintOptions {
  readonly origin?: boolean
  readonly json?: boolean
}

export function configCommand(): Command {
  const print = new Command('print')
    .description('print every option with the value that counts')
    .option('--origin', 'print where each value comes from')
    .option('--json', 'print JSON for programs')
    .addHelpText('after', () => ['', 'From the environment only:', ...secretLines()].join('\n'))
    .action((options: PrintOptions, command: Command) => printConfig(options, command))
  return new Command('config')
    .description('what nodes are configured with: flags, REPRISE_* variables, a config file, defaults')
    .addCommand(addConfigFlags(print))
}

async function printConfig({ origin = false, json = false }: PrintOptions, command: Command): Promise<void> {
  const { settings } = await configOf(command)
  if (json) return console.log(JSON.stringify(settingsJson(settings)))
  const columns = origin ? [...COLUMNS, ORIGIN] : COLUMNS
  console.log(tableLines(columns, settings, { titleStyle: dim }).join('\n'))
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
function settingsJson(settings: readonly Setting[]): object {
  const entries = settings.map(({ name, value, origin, where }) => {
    const isSecret = OPTIONS[name].secretFile !== undefined && value !== undefined
    return [name, { value: isSecret ? HIDDEN : (value ?? null), origin, where }] as const
  })
  return { schemaVersion: 1, options: Object.fromEntries(entries) }
}

const HIDDEN = '(hidden)'
