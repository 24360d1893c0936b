/**
 * `reprise check`: whether every shard has its copies and whether these are equal, for people and for monitoring. A node
 * compares; the nodes of a cluster that `up` started are also asked whether they are there at all.
 *
 * Its exit codes are those of monitoring plugins and not those of the other commands, also for usage errors.
 */
import { Command, Option } from 'commander'
import { explain } from '../failure.ts'
import { askStatus, type Endpoint, NoAnswerError } from '../inquiry/admin-client.ts'
import { CHECK_MS_DEFAULT, PROBE_MS_MAX } from '../inquiry/constants.ts'
import { checkOf } from '../inquiry/documents.ts'
import { addTargetOptions, askAny, findTarget, nobodyAnswers, readMs, type TargetOptions } from '../inquiry/target.ts'
import { checkJson, checkLines, judge, unknownJson, unknownLine } from '../views/check.ts'

interface CheckOptions extends TargetOptions {
  readonly deadlineMs: number
  readonly json?: boolean
}

/** UNKNOWN of monitoring plugins. */
export const CHECK_UNKNOWN = 3

export function checkCommand(): Command {
  const command = new Command('check')
    .description('compare the copies of every shard; exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN')
    .addOption(
      new Option('--deadline-ms <ms>', 'how long nodes may take to compare')
        .default(CHECK_MS_DEFAULT)
        .argParser(readMs),
    )
    .option('--json', 'print JSON for programs')
    .action(async (options: CheckOptions, self: Command) => {
      try {
        process.exitCode = await check(options, self)
      } catch (error) {
        const { what, why } = explain(error)
        const reason = why === undefined ? what : `${what}: ${why}`
        console.log(options.json === true ? JSON.stringify(unknownJson(reason)) : unknownLine(reason))
        if (process.env['REPRISE_DEBUG'] !== undefined) console.error(error)
        process.exitCode = CHECK_UNKNOWN
      }
    })
  return addTargetOptions(command)
}

async function check({ deadlineMs, json = false, ...options }: CheckOptions, command: Command): Promise<0 | 1 | 2> {
  const target = await findTarget(options, command)
  const probes = await Promise.all(target.endpoints.map(probe))
  const silent = probes.filter((result) => result instanceof NoAnswerError)
  const endpoints = target.endpoints.filter((endpoint) => !silent.some((error) => error.endpoint === endpoint))
  if (endpoints.length === 0) throw nobodyAnswers(target, silent)
  const patienceMs = Math.max(target.patienceMs, deadlineMs + PROBE_MS_MAX)
  const asked = await askAny({ ...target, endpoints, patienceMs }, { path: `/check?deadlineMs=${deadlineMs}` })
  const report = checkOf(asked.endpoint, asked.body)
  const unanswered = [...silent.map(({ endpoint: { name }, why }) => ({ name, why })), ...asked.silent]
  const judgement = judge(report, unanswered)
  if (json) console.log(JSON.stringify(checkJson(report, judgement, asked.endpoint.name, unanswered)))
  else console.log(checkLines(report, judgement).join('\n'))
  return judgement.state
}

async function probe(endpoint: Endpoint): Promise<NoAnswerError | undefined> {
  try {
    await askStatus(endpoint, '/livez', PROBE_MS_MAX)
    return undefined
  } catch (error) {
    if (error instanceof NoAnswerError) return error
    throw error
  }
}
