import assert from 'node:assert/strict'
import { runCommand } from './support/command.ts'

describe('reprise', function () {
  this.timeout(20_000)

  it('shows its help when it is not told what to do', async () => {
    const { exitCode, stdout, stderr } = await runCommand([])
    assert.equal(exitCode, 0)
    assert.match(stdout, /Usage: reprise/)
    assert.match(stdout, /reprise demo --once/)
    assert.doesNotMatch(stdout, /^ +member /m, 'that one is not for people')
    assert.equal(stderr, '')
  })

  it('answers a mistyped command with a suggestion and exit code 2', async () => {
    const { exitCode, stdout, stderr } = await runCommand(['dmeo'])
    assert.equal(exitCode, 2)
    assert.equal(stderr, "reprise: unknown command 'dmeo'\n  next: did you mean demo?\n  help: reprise --help\n")
    assert.equal(stdout, '')
  })

  it('answers a count that can not be with its bounds and exit code 2', async () => {
    const { exitCode, stderr } = await runCommand(['up', '-n', '1000'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /whole number from 1 to 32/)
  })

  it('says how a member is started when somebody starts one by hand', async () => {
    const { exitCode, stderr } = await runCommand(['member'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /next: use reprise up/)
  })
})
