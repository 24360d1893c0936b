import assert from 'node:assert/strict'
import { Home, RunningCommand, runCommand } from '../support/command.ts'
import { until } from '../support/until.ts'

describe('reprise demo', function () {
  this.timeout(120_000)

  it('[R3] [R6] [R7] [R8] --once: every session of a killed server continues, and the exit code says so', async () => {
    await using command = new RunningCommand(['demo', '--once'])
    const { exitCode } = await command.exited
    assert.equal(exitCode, 0, `${command.stdout}\n${command.stderr}`)
    assert.equal(command.stderr, '')
    assert.match(command.stdout, /see it, and break it, in a browser: http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{22}$/m)
    assert.match(command.stdout, /^ +\d+\.\d s {2}6\/11 +kill node-1$/m)
    assert.match(command.stdout, /72 of 72 resumed, \d+ from peers/)
    assert.match(command.stdout, /download: lost node-1, continues at node-2 from byte [\d,]+$/m)
    assert.match(command.stdout, /node-3 shows tea, cups, honey, spoon/)
    assert.match(command.stdout, /^EVERY STEP HELD, in \d+\.\d s\.\nTLS sessions resumed: (\d+) of \1, 0 lost\.$/m)
    assert.deepEqual(command.leftovers, [])
  })

  it('is found by other commands under its name while it runs', async () => {
    using home = new Home()
    await using command = new RunningCommand(['demo', '--nodes', '3'], { home })
    await until('its nodes are up', () => command.stdout.includes('see it, and break it'), 60_000)
    const { exitCode, stdout } = await runCommand(['ps', '--json'], { home })
    assert.equal(exitCode, 0)
    assert.match(stdout, /"name":"demo"/)
    const status = await runCommand(['members', '--name', 'demo'], { home })
    assert.match(status.stdout, /node-3/)
    command.child.kill('SIGINT')
    await command.exited
    assert.match((await runCommand(['ps'], { home })).stderr, /no cluster runs here/)
  })

  it('ends with the signal’s exit code when it is stopped before the end', async () => {
    await using command = new RunningCommand(['demo', '--nodes', '3'])
    await until('it began', () => command.stdout.includes('start the nodes'))
    command.child.kill('SIGINT')
    assert.deepEqual(await command.exited, { exitCode: 130, signal: null })
    assert.deepEqual(command.leftovers, [])
  })
})
