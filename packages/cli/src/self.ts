/** Starting this package's own command as another process: the same Node, conditions and loaders. */
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** This package's own entry, `.ts` in a clone and `.js` as published. */
const MAIN = fileURLToPath(new URL(`./main${extname(import.meta.url)}`, import.meta.url))

/** The arguments of `process.execPath` for a command line of `reprise`. */
export function selfArguments(args: readonly string[]): string[] {
  return [...inheritedArguments(), MAIN, ...args]
}

/** What other processes need of this one's options, but not its debugger or its test runner. */
function inheritedArguments(): string[] {
  return process.execArgv.filter((argument) => !/^--(?:inspect|test|watch|cpu-prof|heap-prof)/.test(argument))
}
