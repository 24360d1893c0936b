/** What tests need of the system: without it they are skipped with one clear line, and fail where it was to be installed. */
import assert from 'node:assert/strict'
import type { Context } from 'mocha'

/** Skip the tests of a suite, from its `before`, unless the program is there. */
export function needs(context: Context, program: string, isThere: boolean): void {
  if (!isThere) skip(context, `${program} is missing; scripts/system-packages installs it`)
}

/** Skip the tests of a suite, from its `before`, that need root on Linux: who runs the tests without it has decided so, in CI as well. */
export function needsRoot(context: Context): void {
  if (process.platform === 'linux' && process.getuid?.() === 0) return
  say('this needs root on Linux')
  context.skip()
}

/** Skip the tests of a suite, from its `before`, where something that can be installed or set is in their way. Undefined: nothing is. */
export function unlessHindered(context: Context, obstacle: string | undefined): void {
  if (obstacle !== undefined) skip(context, obstacle)
}

function skip(context: Context, line: string): void {
  if (process.env['CI'] === 'true') assert.fail(line)
  say(line)
  context.skip()
}

function say(line: string): void {
  // biome-ignore lint/suspicious/noConsole: who runs the tests shall know what was not tested.
  console.log(`skipped: ${line}`)
}
