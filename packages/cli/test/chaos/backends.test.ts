import assert from 'node:assert/strict'
import { assertPrivileged } from '../../src/chaos/backends.ts'
import { CommandError, ExitCode } from '../../src/failure.ts'

describe('assertPrivileged', () => {
  it('says what needs root, why, and what does not', () => {
    assert.throws(
      () => assertPrivileged('netns', 1_000),
      (error) =>
        error instanceof CommandError &&
        error.exitCode === ExitCode.usage &&
        error.why?.includes('network namespace') === true &&
        error.next?.includes('sudo, or with --backend proc') === true,
    )
  })

  it('lets root make hosts, and anybody use the others', () => {
    assertPrivileged('netns', 0)
    assertPrivileged('proc', 1_000)
    assertPrivileged('netns', undefined)
  })
})
