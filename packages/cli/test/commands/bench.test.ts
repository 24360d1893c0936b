import assert from 'node:assert/strict'
import { PROFILES } from '../../src/bench/profiles.ts'
import { runCommand } from '../support/command.ts'

describe('reprise bench', function () {
  this.timeout(60_000)

  for (const profile of PROFILES) {
    it(`${profile}: every operation succeeds`, async () => {
      const { exitCode, stdout, stderr } = await runCommand(['bench', '--profile', profile, '--seconds', '1', '--json'])
      assert.equal(exitCode, 0, stderr)
      const result = JSON.parse(stdout)
      assert.equal(result.profile, profile)
      assert.equal(result.failed, 0)
      assert.ok(result.operations > 0)
      assert.ok(result.latencyMs.p50 <= result.latencyMs.max)
    })
  }
})
