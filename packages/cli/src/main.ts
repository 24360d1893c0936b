/**
 * The command `reprise`, started by `bin/reprise.js`: reads the arguments, runs one command, and says what went wrong.
 *
 * Each command is a file in `commands/`. What it needs to run is imported when it runs, so that `--version`, `--help` and
 * a mistyped option are answered at once.
 */

import { createRequire } from 'node:module'
import { styleText } from 'node:util'
import { Command, CommanderError } from 'commander'
import { demoCommand } from './commands/demo.ts'
import { memberCommand } from './commands/member.ts'
import { upCommand } from './commands/up.ts'
import { ExitCode, exitCodeOf, explain, explanationLines, InterruptedError } from './failure.ts'

const manifest = createRequire(import.meta.url)('../package.json') as { readonly version: string }

const EXAMPLES = `
Examples:
  reprise demo                 five nodes, real clients, a crash: watch every session continue
  reprise demo --once          the same as a check: ends with exit code 0 when nothing was lost
  reprise up -n 3              three nodes to try by hand
  reprise up -n 3 --json       the same for a script: one line when all are ready

Exit codes:
  0 ok, 1 failure, 2 usage, 3 unreachable, 4 timeout, 5 a promise was broken (a session was lost),
  128 + n ended by signal n`

function createProgram(): Command {
  const program = new Command('reprise')
    .description('Keeps sessions alive across servers.')
    .version(manifest.version)
    .option('--debug', 'print stacks of errors, and what the nodes have to say')
    .on('option:debug', () => {
      // Inherited by the nodes.
      process.env['REPRISE_DEBUG'] = '1'
    })
    .showHelpAfterError('(see reprise --help)')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
  for (const command of [demoCommand(), upCommand()]) program.addCommand(command.copyInheritedSettings(program))
  program.addCommand(memberCommand(), { hidden: true })
  return program
}

/** Run one command line. @returns the exit code. */
async function run(argv: readonly string[]): Promise<number> {
  const program = createProgram()
  if (argv.length <= 2) {
    program.outputHelp()
    return ExitCode.ok
  }
  try {
    await program.parseAsync(argv)
    return ExitCode.ok
  } catch (error) {
    if (error instanceof InterruptedError) return exitCodeOf(error.signal)
    // It has printed what it has to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
    const explanation = explain(error)
    const [first = '', ...rest] = explanationLines(explanation)
    console.error([styleText('red', first, { stream: process.stderr }), ...rest].join('\n'))
    if (process.env['REPRISE_DEBUG'] !== undefined) console.error(error)
    return explanation.exitCode
  }
}

// Who reads our output may go before us, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await run(process.argv)
