/**
 * The command `reprise`, started by `bin/reprise.js`: reads the arguments, runs one command, and says what went wrong.
 */

import { styleText } from 'node:util'
import { CommanderError } from 'commander'
import { CHECK_UNKNOWN } from './commands/check.ts'
import { ExitCode, exitCodeOf, explain, explanationLines, InterruptedError } from './failure.ts'
import { createProgram } from './program.ts'

/** What commander ends with, by what we end with: help is no error, and `check` has codes of its own. */
const USAGE_CODES: ReadonlyMap<number, number> = new Map([
  [0, ExitCode.ok],
  [CHECK_UNKNOWN, CHECK_UNKNOWN],
])

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
    if (error instanceof CommanderError) return USAGE_CODES.get(error.exitCode) ?? ExitCode.usage
    const explanation = explain(error)
    const [first = '', ...rest] = explanationLines(explanation)
    console.error([styleText('red', first, { stream: process.stderr }), ...rest].join('\n'))
    if (process.env['REPRISE_DEBUG'] !== undefined) console.error(error)
    return explanation.exitCode
  }
}

// Who reads our output may go before us, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

// A command may have set one of its own, for an answer that is no error.
process.exitCode = (await run(process.argv)) || (process.exitCode ?? ExitCode.ok)
