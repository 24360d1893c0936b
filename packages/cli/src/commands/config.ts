/** `reprise config print`: what a node would run with here, with the flags that are given. Secrets are never shown. */
import { Command } from 'commander'
import { addConfigFlags, configOf, secretLines } from '../config/flags.ts'
import { tableLines } from '../table.ts'
import { dim } from '../terminal.ts'
import { settingColumns, settingsJson } from '../views/settings.ts'

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
  console.log(tableLines(settingColumns({ origin }), settings, { titleStyle: dim }).join('\n'))
}
