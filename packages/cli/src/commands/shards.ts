/** `reprise shards`: who holds what, as one node sees it. */
import { Command } from 'commander'
import { statusOf } from '../inquiry/documents.ts'
import { addTargetOptions, askAny, findTarget, type TargetOptions } from '../inquiry/target.ts'
import { tableLines } from '../table.ts'
import { dim } from '../terminal.ts'
import { plural } from '../units.ts'
import { isWhole, SHARD_COLUMNS, shardRows, shardsJson } from '../views/shards.ts'

interface ShardsOptions extends TargetOptions {
  readonly issuesOnly?: boolean
  readonly json?: boolean
}

export function shardsCommand(): Command {
  const command = new Command('shards')
    .description('the shards of a cluster and who holds them')
    .option('--issues-only', 'print only shards that lack a ready holder')
    .option('--json', 'print JSON for programs')
    .action((options: ShardsOptions, self: Command) => shards(options, self))
  return addTargetOptions(command)
}

async function shards(options: ShardsOptions, command: Command): Promise<void> {
  const { endpoint, body } = await askAny(await findTarget(options, command), { path: '/status' })
  const status = statusOf(endpoint, body)
  const all = shardRows(status)
  const rows = options.issuesOnly === true ? all.filter((row) => !isWhole(row)) : all
  if (options.json === true) return console.log(JSON.stringify(shardsJson(status.name, rows)))
  if (rows.length > 0) console.log(tableLines(SHARD_COLUMNS, rows, { titleStyle: dim }).join('\n'))
  const lacking = all.filter((row) => !isWhole(row)).length
  const verdict = lacking === 0 ? 'all with every holder ready' : `${lacking} without a ready holder of theirs`
  console.error(`${plural(all.length, 'shard')}, ${verdict}, as ${status.name} sees it`)
}
