/** What tests need of the system: without it they are skipped with one clear line, and fail where it was to be installed. */
import assert from 'node:assert/strict'
import type { Context } from 'mocha'

/** Skip the tests of a suite, from its `before`, unless the program is there. */
export function needs(context: Context, program: string, isThere: boolean): void {
  if (isThere) return
  const line = `${program} is missing; scripts/system-packages installs it`
  if (process.env['CI'] === 'true') assert.fail(line)
  // biome-ignore lint/suspicious/noConsole: who runs the tests shall know what was not tested.
  console.log(`skipped: ${line}`)
  context.skip()
}
