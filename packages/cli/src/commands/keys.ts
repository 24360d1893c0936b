/**
 * `reprise keys`: the ticket keys of terminators that nobody here wrote. A ring of three keys is a session of the cluster;
 * `follow` keeps the files of HAProxy, nginx or Apache as it is, and rotates it when its time has come.
 */
import { Command, Option } from 'commander'
import { CommandError, ExitCode } from '../failure.ts'
import { addTargetOptions, findTarget, readMs, type Target, type TargetOptions } from '../inquiry/target.ts'
import { listenForInterruption } from '../interruption.ts'
import { POLL_MS_DEFAULT, ROTATE_MS_DEFAULT, SETTLE_MS } from '../keys/constants.ts'
import type { KeyOutputs } from '../keys/follow.ts'
import { dim } from '../terminal.ts'
import { keyLines, keyRows, keysJson } from '../views/keys.ts'

interface KeysOptions extends TargetOptions {
  readonly context: string
  readonly json?: boolean
}

interface RotateOptions extends KeysOptions {
  readonly all?: boolean
}

interface FollowOptions extends KeysOptions, KeyOutputs {
  readonly rotate: boolean
  readonly rotateMs: number
  readonly pollMs: number
  readonly once?: boolean
}

export function keysCommand(): Command {
  return new Command('keys')
    .description('ticket keys for HAProxy, nginx and Apache')
    .addCommand(listCommand())
    .addCommand(rotateCommand())
    .addCommand(followCommand())
}

function listCommand(): Command {
  const command = new Command('list')
    .description('which keys there are, newest first; never what they are')
    .option('--json', 'print JSON for programs')
    .action((options: KeysOptions, self: Command) => list(options, self))
  return withContext(command)
}

function rotateCommand(): Command {
  const command = new Command('rotate')
    .description('seal with the next key from now on; no ticket is lost')
    .option('--all', 'replace all keys, as after a leak: all tickets are full handshakes')
    .option('--json', 'print JSON for programs')
    .action((options: RotateOptions, self: Command) => rotate(options, self))
  return withContext(command)
}

function followCommand(): Command {
  const command = new Command('follow')
    .description('keep key files as the cluster’s keys are, and tell the terminator, until SIGTERM or ^C')
    .option('--haproxy <file>', 'a tls-ticket-keys file')
    .option('--haproxy-socket <address>', 'its stats socket of level admin: a path, or HOST:PORT')
    .option('--nginx <prefix>', 'ssl_session_ticket_key files: PREFIX.current, PREFIX.next, PREFIX.previous')
    .option('--apache <file>', 'an SSLSessionTicketKeyFile')
    .option('--reload <command>', 'run when files have changed, by the shell')
    .addOption(new Option('--rotate-ms <ms>', 'how long a key serves').default(ROTATE_MS_DEFAULT).argParser(readMs))
    .option('--no-rotate', 'leave rotating to others')
    .addOption(new Option('--poll-ms <ms>', 'how often to look').default(POLL_MS_DEFAULT).argParser(readMs))
    .option('--once', 'end when everything was done once')
    .action((options: FollowOptions, self: Command) => follow(options, self))
  return withContext(command)
}

function withContext(command: Command): Command {
  command.requiredOption('--context <name>', 'the name of the service, equal on all its servers')
  return addTargetOptions(command)
}

async function list(options: KeysOptions, command: Command): Promise<void> {
  const { context, json } = options
  const { AdminRing } = await import('../keys/admin-ring.ts')
  const ring = await new AdminRing(await trustedTarget(options, command), context, ROTATE_MS_DEFAULT).read()
  if (ring === undefined) throw noRing(context)
  const rows = keyRows(ring, Date.now())
  if (json === true) console.log(JSON.stringify(keysJson(context, rows)))
  else console.log(keyLines(rows, dim).join('\n'))
}

async function rotate(options: RotateOptions, command: Command): Promise<void> {
  const { context, json, all = false } = options
  const { AdminRing } = await import('../keys/admin-ring.ts')
  const { rotateRing, RotationTooSoonError } = await import('@reprise/tls')
  const store = new AdminRing(await trustedTarget(options, command), context, ROTATE_MS_DEFAULT)
  const nowMs = Date.now()
  const ring = await rotateRing(store, { nowMs, settleMs: SETTLE_MS, all }).catch((error: unknown) => {
    throw error instanceof RotationTooSoonError ? tooSoon(error) : error
  })
  const rows = keyRows(ring, nowMs)
  if (json === true) console.log(JSON.stringify(keysJson(context, rows)))
  else console.log(keyLines(rows, dim).join('\n'))
}

async function follow(options: FollowOptions, command: Command): Promise<void> {
  const { context, once = false, rotateMs, pollMs } = options
  assertOutputs(options)
  const { AdminRing } = await import('../keys/admin-ring.ts')
  const { follow } = await import('../keys/follow.ts')
  const target = await trustedTarget(options, command)
  using interruption = listenForInterruption()
  await follow({
    ring: new AdminRing(target, context, rotateMs),
    outputs: options,
    rotateMs: options.rotate ? rotateMs : Number.POSITIVE_INFINITY,
    pollMs,
    isOnce: once,
    signal: interruption.signal,
    onDone: (line) => console.log(`${new Date().toISOString()} ${context}: ${line}`),
    onTrouble: (line) => console.error(`${new Date().toISOString()} ${context}: ${line}`),
  })
}

function assertOutputs({ haproxy, haproxySocket, nginx, apache }: KeyOutputs): void {
  if (haproxySocket !== undefined && haproxy === undefined) {
    throw usage('--haproxy-socket tells a HAProxy the keys of a file', 'name the file with --haproxy')
  }
  if (haproxy === undefined && nginx === undefined && apache === undefined) {
    throw usage('there is no file to write', 'name it with --haproxy, --nginx or --apache')
  }
}

/** @throws CommandError when there is no token: keys are sessions, which are shown to who has it. */
async function trustedTarget(options: TargetOptions, command: Command): Promise<Target> {
  const target = await findTarget(options, command)
  if (target.token !== undefined) return target
  throw usage(
    'ticket keys are given to who has the admin token',
    'name the file with --admin-token-file (reprise node keeps one as admin-token in its data directory), or set REPRISE_ADMIN_TOKEN',
  )
}

function usage(what: string, next: string): CommandError {
  return new CommandError({ what, next, exitCode: ExitCode.usage })
}

function noRing(context: string): CommandError {
  return new CommandError({
    what: `there are no ticket keys of ${context}`,
    next: 'reprise keys follow makes them, and reprise keys rotate',
    exitCode: ExitCode.failure,
  })
}

function tooSoon(error: Error): CommandError {
  return new CommandError(
    {
      what: error.message,
      why: 'a server that missed two rotations opens no new ticket until it has caught up',
      exitCode: ExitCode.failure,
    },
    { cause: error },
  )
}
