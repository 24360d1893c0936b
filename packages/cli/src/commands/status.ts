/** `reprise status`: what every node of a cluster says of itself, side by side, and what is not as it should be. */
import { Command } from 'commander'
import { ask, type Endpoint, NoAnswerError } from '../inquiry/admin-client.ts'
import { statusOf } from '../inquiry/documents.ts'
import { addTargetOptions, findTarget, nobodyAnswers, type Target, type TargetOptions } from '../inquiry/target.ts'
import { tableLines } from '../table.ts'
import { dim, paint } from '../terminal.ts'
import { headline, type Issue, issuesOf, type NodeReport, STATUS_COLUMNS, statusJson } from '../views/status.ts'

interface StatusOptions extends TargetOptions {
  readonly issuesOnly?: boolean
  readonly json?: boolean
}

export function statusCommand(): Command {
  const command = new Command('status')
    .description('what the nodes of a cluster say of themselves')
    .option('--issues-only', 'print only what is not as it should be')
    .option('--json', 'print JSON for programs')
    .action((options: StatusOptions, self: Command) => status(options, self))
  return addTargetOptions(command)
}

async function status(options: StatusOptions, command: Command): Promise<void> {
  const target = await findTarget(options, command)
  const reports = await askAll(target)
  const issues = issuesOf(reports)
  if (options.json === true) return console.log(JSON.stringify(statusJson(target.cluster, reports, issues)))
  console.log(headline(target.cluster, reports, issues))
  if (options.issuesOnly !== true) {
    console.log(['', ...tableLines(STATUS_COLUMNS, reports, { titleStyle: dim })].join('\n'))
    if (issues.length > 0) console.log()
  }
  for (const issue of issues) console.log(issueLine(issue))
}

/** @throws CommandError when none answers. */
async function askAll(target: Target): Promise<NodeReport[]> {
  const silent: NoAnswerError[] = []
  const askOne = async (endpoint: Endpoint): Promise<NodeReport> => {
    const { name, url: admin } = endpoint
    try {
      const body = await ask(endpoint, { path: '/status', token: target.token, patienceMs: target.patienceMs })
      return { name, admin, status: statusOf(endpoint, body) }
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error
      silent.push(error)
      return { name, admin, status: undefined, why: error.why }
    }
  }
  const reports = await Promise.all(target.endpoints.map(askOne))
  if (silent.length === reports.length) throw nobodyAnswers(target, silent)
  return reports
}

function issueLine({ level, text }: Issue): string {
  return `${paint(level === 'critical' ? 'red' : 'yellow', level.padEnd(8))}  ${text}`
}
