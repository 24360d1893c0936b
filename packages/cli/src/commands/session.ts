/**
 * `reprise session`: one session, by hand. Values are shown only with `--reveal`: they may be what somebody bought, or what
 * keeps them logged in.
 */
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { CommandError, ExitCode } from '../failure.ts'
import type { AdminRequest } from '../inquiry/admin-client.ts'
import { type SessionDocument, sessionOf } from '../inquiry/documents.ts'
import { type Answer, addTargetOptions, askAny, findTarget, readMs, type TargetOptions } from '../inquiry/target.ts'
import { dim } from '../terminal.ts'
import { doneJson, sessionJson, sessionLines } from '../views/session.ts'
import { readAssignments } from './session/assignments.ts'

interface SessionOptions extends TargetOptions {
  readonly json?: boolean
  readonly deadlineMs?: number
}

interface ReadOptions extends SessionOptions {
  readonly reveal?: boolean
  readonly portions?: readonly string[]
  readonly minVersion?: string
}

interface SetOptions extends SessionOptions {
  readonly reveal?: boolean
  readonly jsonValue?: boolean
  readonly remove?: readonly string[]
  readonly seal?: boolean
  readonly create: boolean
  readonly idleMs?: number
  readonly absoluteMs?: number
  readonly copies?: number
}

interface DropOptions extends SessionOptions {
  readonly copies?: number
}

export function sessionCommand(): Command {
  return new Command('session')
    .description('look at one session, change it, drop it')
    .addCommand(getCommand())
    .addCommand(resumeCommand())
    .addCommand(setCommand())
    .addCommand(touchCommand())
    .addCommand(dropCommand())
    .addHelpText('after', ID_HELP)
}

const ID_HELP = `
An ID is text; one of bytes is written base64url:BYTES.`

function getCommand(): Command {
  const command = new Command('get')
    .description('look at a session, as the node that is asked has it or finds it nearby')
    .addArgument(idArgument())
    .option('--reveal', 'show the values')
    .addOption(portionsOption())
    .action((id: string, options: ReadOptions, self: Command) => get(id, options, self))
  return withCommonOptions(command)
}

function resumeCommand(): Command {
  const command = new Command('resume')
    .description('resume a session as a server would when its client comes: the newest that can be found')
    .addArgument(idArgument())
    .option('--reveal', 'show the values')
    .addOption(portionsOption())
    .option('--min-version <token>', 'a write that it must include, as set and get print it with --json')
    .action((id: string, options: ReadOptions, self: Command) => resume(id, options, self))
  return withCommonOptions(command)
}

function setCommand(): Command {
  const command = new Command('set')
    .description('set portions of a session, which is made when there is none')
    .addArgument(idArgument())
    .argument('[name=value...]', 'portions; name=- reads the value from stdin, where nobody else sees it')
    .option('--json-value', 'values are JSON; otherwise they are text')
    .addOption(new Option('--remove <name>', 'remove a portion').argParser(collect))
    .option('--seal', 'encrypt the values between nodes')
    .option('--no-create', 'fail when there is no such session')
    .addOption(new Option('--idle-ms <ms>', 'how long a new session lives without being used').argParser(readMs))
    .addOption(new Option('--absolute-ms <ms>', 'how long a new session lives at most').argParser(readMs))
    .addOption(copiesOption())
    .option('--reveal', 'show the values')
    .action((id: string, assignments: readonly string[], options: SetOptions, self: Command) =>
      set(id, assignments, options, self),
    )
  return withCommonOptions(command)
}

function touchCommand(): Command {
  const command = new Command('touch')
    .description('say that a session was used, so that it lives on')
    .addArgument(idArgument())
    .action((id: string, options: SessionOptions, self: Command) => touch(id, options, self))
  return withCommonOptions(command)
}

function dropCommand(): Command {
  const command = new Command('drop')
    .description('end a session, for ever: no slow request brings it back')
    .addArgument(idArgument())
    .addOption(copiesOption())
    .action((id: string, options: DropOptions, self: Command) => drop(id, options, self))
  return withCommonOptions(command)
}

function withCommonOptions(command: Command): Command {
  command.addOption(new Option('--deadline-ms <ms>', 'how long the node may take').argParser(readMs))
  command.option('--json', 'print JSON for programs')
  return addTargetOptions(command)
}

async function get(id: string, { reveal = false, portions, ...options }: ReadOptions, command: Command): Promise<void> {
  const query = new URLSearchParams()
  if (reveal) query.set('reveal', '1')
  if (portions !== undefined) query.set('portions', portions.join(','))
  if (options.deadlineMs !== undefined) query.set('deadlineMs', String(options.deadlineMs))
  const answer = await request(id, options, command, { path: `?${query}` })
  print(answer, { ...options, reveal })
}

async function resume(id: string, options: ReadOptions, command: Command): Promise<void> {
  const { reveal = false, portions, minVersion, deadlineMs } = options
  const body = { ...(portions && { portions }), ...(minVersion && { minVersion }), ...(deadlineMs && { deadlineMs }) }
  const answer = await request(id, options, command, {
    method: 'POST',
    path: `/resume${reveal ? '?reveal=1' : ''}`,
    body,
  })
  print(answer, { ...options, reveal })
}

async function set(id: string, assignments: readonly string[], options: SetOptions, command: Command): Promise<void> {
  const { reveal = false, jsonValue = false, remove = [], seal, copies, deadlineMs, idleMs, absoluteMs } = options
  const portions = await readAssignments(assignments, { isJson: jsonValue, remove, input: process.stdin })
  const common = {
    portions,
    ...(seal && { seal }),
    ...(copies !== undefined && { copies }),
    ...(deadlineMs && { deadlineMs }),
  }
  const path = reveal ? '?reveal=1' : ''
  const change = (): Promise<Answer> => request(id, options, command, { method: 'PUT', path, body: common })
  const create = (): Promise<Answer> => {
    const body = { ...common, create: true, ...(idleMs && { idleMs }), ...(absoluteMs && { absoluteMs }) }
    return request(id, options, command, { method: 'PUT', path, body })
  }
  const answer = await change().catch((error: unknown) => {
    if (options.create && isRefusal(error, 'ABSENT')) return create()
    throw error
  })
  print(answer, { ...options, reveal })
}

async function touch(id: string, options: SessionOptions, command: Command): Promise<void> {
  const { deadlineMs } = options
  const body = deadlineMs === undefined ? {} : { deadlineMs }
  const { endpoint } = await request(id, options, command, { method: 'POST', path: '/touch', body })
  printDone(id, 'touched', endpoint.name, options)
}

async function drop(id: string, options: DropOptions, command: Command): Promise<void> {
  const { copies, deadlineMs } = options
  const body = { ...(copies !== undefined && { copies }), ...(deadlineMs && { deadlineMs }) }
  const { endpoint } = await request(id, options, command, { method: 'DELETE', path: '', body })
  printDone(id, 'dropped', endpoint.name, options)
}

/**
 * Ask about one session. A request that is repeated at another node because the first was silent does no harm: what is resumed,
 * touched or dropped twice is as if once. What is set is not repeated: it may have been created.
 */
async function request(
  id: string,
  options: SessionOptions,
  command: Command,
  { path, ...rest }: Pick<AdminRequest, 'path' | 'method' | 'body'>,
): Promise<Answer> {
  const target = await findTarget(options, command)
  if (target.token === undefined) throw noToken()
  const patienceMs = Math.max(target.patienceMs, (options.deadlineMs ?? 0) + ANSWER_MS)
  return await askAny({ ...target, patienceMs }, { ...rest, path: `/sessions/${encodeURIComponent(id)}${path}` })
}

function isRefusal(error: unknown, code: string): boolean {
  return error instanceof CommandError && error.code === code
}

function print(
  { endpoint, body }: Answer,
  { json, reveal }: { readonly json?: boolean; readonly reveal: boolean },
): void {
  const document: SessionDocument = sessionOf(endpoint, body)
  if (json === true) console.log(JSON.stringify(sessionJson(document, endpoint.name)))
  else console.log(sessionLines(document, { asked: endpoint.name, reveal, titleStyle: dim }).join('\n'))
  if (document.outcome === 'partial') process.exitCode = ExitCode.failure
}

function printDone(id: string, outcome: 'touched' | 'dropped', asked: string, { json }: SessionOptions): void {
  if (json === true) console.log(JSON.stringify(doneJson(id, outcome, asked)))
  else console.log(`session ${id}: ${outcome} at ${asked}`)
}

function noToken(): CommandError {
  return new CommandError({
    what: 'sessions are shown to who has the admin token',
    next: 'name the file with --admin-token-file (reprise node keeps one as admin-token in its data directory), or set REPRISE_ADMIN_TOKEN',
    exitCode: ExitCode.usage,
  })
}

function idArgument(): Argument {
  return new Argument('<id>', 'the id of the session')
}

function portionsOption(): Option {
  return new Option('--portions <names>', 'only these, with commas between').argParser((text) => text.split(','))
}

function copiesOption(): Option {
  return new Option('--copies <count>', 'wait until so many other nodes have it').argParser((text) => {
    const count = Number(text)
    if (Number.isInteger(count) && count >= 0 && count <= 64) return count
    throw new InvalidArgumentError('It must be a whole number from 0 to 64.')
  })
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** What the way to the node and back takes, over its own deadline. */
const ANSWER_MS = 1_000
