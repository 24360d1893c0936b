import assert from 'node:assert/strict'
import { UsageError } from '@reprise/node'
import { CommandError, ExitCode, exitCodeOf, explain, explanationLines } from '../src/failure.ts'

describe('failure', () => {
  it('says what, why and what next', () => {
    const error = new CommandError({
      what: 'node-1 did not start',
      why: 'its port is taken',
      next: 'choose another',
      exitCode: ExitCode.failure,
    })
    assert.deepEqual(explanationLines(explain(error)), [
      'reprise: node-1 did not start',
      '  why:  its port is taken',
      '  next: choose another',
    ])
  })

  it('knows errors of the packages and of the system by their codes', () => {
    assert.equal(explain(new UsageError('secret is too short')).exitCode, ExitCode.usage)
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })
    assert.equal(explain(refused).exitCode, ExitCode.unreachable)
  })

  it('asks for a report of everything else', () => {
    for (const thrown of [new TypeError('x is not a function'), 'text', undefined]) {
      const { exitCode, next } = explain(thrown)
      assert.equal(exitCode, ExitCode.failure)
      assert.match(next ?? '', /--debug/)
    }
  })

  it('has the exit codes of the shells for signals', () => {
    assert.deepEqual([exitCodeOf('SIGINT'), exitCodeOf('SIGTERM'), exitCodeOf('SIGHUP')], [130, 143, 129])
  })
})
