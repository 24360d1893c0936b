/**
 * All commands as one program.
 *
 * Each command is a file in `commands/`. What it needs to run is imported when it runs, so that `--version`, `--help` and
 * a mistyped option are answered at once.
 */
import { styleText } from 'node:util'
import { Command, CommanderError } from 'commander'
import { benchCommand } from './commands/bench.ts'
import { chaosCommand } from './commands/chaos.ts'
import { CHECK_UNKNOWN, checkCommand } from './commands/check.ts'
import { completionCommand } from './commands/completion.ts'
import { configCommand } from './commands/config.ts'
import { demoCommand } from './commands/demo.ts'
import { downCommand } from './commands/down.ts'
import { idCommand } from './commands/id.ts'
import { keysCommand } from './commands/keys.ts'
import { memberCommand } from './commands/member.ts'
import { membersCommand } from './commands/members.ts'
import { nodeCommand } from './commands/node.ts'
import { psCommand } from './commands/ps.ts'
import { sessionCommand } from './commands/session.ts'
import { shardsCommand } from './commands/shards.ts'
import { statusCommand } from './commands/status.ts'
import { upCommand } from './commands/up.ts'
import { version } from './manifest.ts'

const EXAMPLES = `
Examples:
  reprise demo                 five nodes, real clients, a crash: watch every session continue
  reprise demo --once          the same as a check: ends with exit code 0 when nothing was lost
  reprise up -n 3              three nodes to try by hand; --detach leaves them in the background
  reprise status               what the nodes say, side by side
  reprise check                whether all copies are there, and equal
  reprise session get ID       one session, as any node has it
  reprise chaos run NAME       break a cluster on purpose, and judge what its clients saw
  reprise node --data-dir DIR  one member in the foreground, for systemd and containers

Exit codes:
  0 ok, 1 failure, 2 usage, 3 unreachable, 4 timeout, 5 a promise was broken (a session was lost),
  128 + n ended by signal n`

/** A fresh program; commander keeps what it parsed. */
export function createProgram(): Command {
  const program = new Command('reprise')
    .description('Keeps sessions alive across servers.')
    .version(version)
    .option('--debug', 'print stacks of errors, and what the nodes have to say')
    .on('option:debug', () => {
      // Inherited by the nodes.
      process.env['REPRISE_DEBUG'] = '1'
    })
    .showHelpAfterError('  help: reprise --help')
    .configureOutput({ outputError: (text, write) => write(`${usageLines(text).join('\n')}\n`) })
    .addHelpText('after', EXAMPLES)
    .exitOverride()
  const commands = [
    demoCommand(),
    upCommand(),
    downCommand(),
    psCommand(),
    nodeCommand(),
    statusCommand(),
    membersCommand(),
    shardsCommand(),
    sessionCommand(),
    checkCommand(),
    keysCommand(),
    benchCommand(),
    chaosCommand(),
    idCommand(),
    configCommand(),
    completionCommand(),
  ]
  for (const command of commands) program.addCommand(inherit(command, program))
  program.addCommand(memberCommand(), { hidden: true })
  program.commands
    .find((command) => command.name() === 'check')
    ?.exitOverride((error) => {
      throw error.exitCode === 0 ? error : new CommanderError(CHECK_UNKNOWN, error.code, error.message)
    })
  return program
}

/** Commander's `error: …` with its `(Did you mean …?)` below, as all other failures are shown. */
function usageLines(text: string): string[] {
  const [what = '', ...suggestions] = text.trim().split('\n')
  const first = styleText('red', `reprise: ${what.replace(/^error: /, '')}`, { stream: process.stderr })
  return [first, ...suggestions.map((line) => `  next: ${line.replace(/^\(Did you mean (.*)\)$/, 'did you mean $1')}`)]
}

/** The same way of showing errors, all the way down. */
function inherit(command: Command, parent: Command): Command {
  for (const child of command.commands) inherit(child, parent)
  return command.copyInheritedSettings(parent)
}
