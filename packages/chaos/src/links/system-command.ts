/** Commands of the system, with their input, and what they wrote when they fail. */
import { execFile } from 'node:child_process'
import { COMMAND_DEADLINE_MS } from './constants.ts'
import { LinksError } from './errors.ts'

/**
 * Run a command to its end.
 * @returns what it wrote to stdout.
 * @throws LinksError when it is not there, fails, or does not end in time.
 */
export function run(command: string, argv: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, argv, { timeout: COMMAND_DEADLINE_MS }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const words = stderr.trim() || error.message
      reject(new LinksError(`${[command, ...argv].join(' ')}: ${words}`, { cause: error }))
    })
    // It may end without having read all of it; how it ended is what counts.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}
