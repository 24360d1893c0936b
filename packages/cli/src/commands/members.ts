/** `reprise members`: who is here, as one node sees it. */
import { Command } from 'commander'
import { statusOf } from '../inquiry/documents.ts'
import { addTargetOptions, askAny, findTarget, type TargetOptions } from '../inquiry/target.ts'
import { tableLines } from '../table.ts'
import { dim } from '../terminal.ts'
import { MEMBER_COLUMNS, memberRows, membersJson } from '../views/members.ts'

interface MembersOptions extends TargetOptions {
  readonly json?: boolean
}

export function membersCommand(): Command {
  const command = new Command('members')
    .description('the members of a cluster, as one of them sees them')
    .option('--json', 'print JSON for programs')
    .action((options: MembersOptions, self: Command) => members(options, self))
  return addTargetOptions(command)
}

async function members({ json = false, ...options }: MembersOptions, command: Command): Promise<void> {
  const { endpoint, body } = await askAny(await findTarget(options, command), { path: '/status' })
  const status = statusOf(endpoint, body)
  const rows = memberRows(status)
  if (json) return console.log(JSON.stringify(membersJson(status.name, rows)))
  console.log(tableLines(MEMBER_COLUMNS, rows, { titleStyle: dim }).join('\n'))
  console.error(`as ${status.name} sees them`)
}
