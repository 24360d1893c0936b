import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { Home, RunningCommand, runCommand } from '../support/command.ts'
import { isAlive, until } from '../support/until.ts'

describe('reprise up, ps and down', function () {
  this.timeout(60_000)
  let home: Home

  beforeEach(() => {
    home = new Home()
  })

  afterEach(async () => {
    await runCommand(['down', '--all'], { home })
    home[Symbol.dispose]()
  })

  it('runs a cluster in the background until it is ended', async () => {
    const up = await runCommand(['up', '-n', '2', '--detach'], { home })
    assert.equal(up.exitCode, 0, up.stderr)
    assert.match(up.stdout, /^NAME +PID +PEER/)
    assert.match(up.stderr, /^The cluster default runs in the background as pid \d+\.$/m)

    const listed = await runCommand(['ps'], { home })
    assert.match(listed.stdout, /^CLUSTER +NODE +PID +STATE +STARTED +ADMIN$/m)
    assert.match(listed.stdout, /^default +node-2 +\d+ +ready +\d+ s ago +http:\/\/127\.0\.0\.1:\d+$/m)
    const { clusters } = JSON.parse((await runCommand(['ps', '--json'], { home })).stdout)
    const [cluster] = clusters
    assert.deepEqual(Object.keys(cluster), ['name', 'pid', 'startedAtMs', 'version', 'nodes'])
    assert.deepEqual(Object.keys(cluster.nodes[0]), ['name', 'pid', 'peerId', 'listen', 'admin', 'tlsPort', 'state'])

    process.kill(cluster.nodes[0].pid, 'SIGKILL')
    await until('its end is seen', () => !isAlive(cluster.nodes[0].pid))
    assert.match((await runCommand(['ps'], { home })).stdout, /^default +node-1 +\d+ +gone /m)

    const down = await runCommand(['down'], { home })
    assert.equal(down.exitCode, 0, down.stderr)
    assert.match(down.stdout, new RegExp(`^default: stopped 2 nodes of process ${cluster.pid} in [\\d.]+ m?s\\n$`))
    for (const { pid } of [cluster, ...cluster.nodes]) assert.equal(isAlive(pid), false)
    assert.match((await runCommand(['ps'], { home })).stderr, /no cluster runs here/)
    assert.equal((await runCommand(['down'], { home })).exitCode, 1)
  })

  it('gives the second cluster another name, refuses a name twice, and ends all', async () => {
    await using first = new RunningCommand(['up', '-n', '1', '--json'], { home })
    await first.firstLine()
    await using second = new RunningCommand(['up', '-n', '1', '--json'], { home })
    await second.firstLine()
    assert.match(second.stderr, /a cluster default runs already; this one is default-2/)
    const refused = await runCommand(['up', '--name', 'default'], { home })
    assert.equal(refused.exitCode, 1)
    assert.match(refused.stderr, /a cluster default runs already\n {2}next: end it with reprise down/)
    const down = await runCommand(['down', '--all', '--json'], { home })
    const outcomes = JSON.parse(down.stdout).clusters.map(({ name, outcome }: { name: string; outcome: string }) => [
      name,
      outcome,
    ])
    assert.deepEqual(outcomes, [
      ['default', 'stopped'],
      ['default-2', 'stopped'],
    ])
    assert.deepEqual(await first.exited, { exitCode: 0, signal: null })
    assert.deepEqual(await second.exited, { exitCode: 0, signal: null })
  })

  it('sends no signal to a process that only has the id of the cluster’s', async () => {
    const file = home.path('state/reprise/clusters/default.json')
    {
      await using killed = new RunningCommand(['up', '-n', '1', '--json'], { home })
      await killed.firstLine()
      killed.child.kill('SIGKILL')
      await killed.exited
    }
    // As if the id of the killed process had been given to this one.
    const state = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...state, pid: process.pid }))
    const down = await runCommand(['down'], { home })
    assert.equal(down.exitCode, 0)
    assert.equal(down.stdout, `default: its process ${process.pid} was gone already; removed what it left\n`)
  })

  it('works without a place for its state, and says what that costs', async () => {
    writeFileSync(home.path('state'), 'a file is in the way')
    await using up = new RunningCommand(['up', '-n', '1', '--json'], { home })
    assert.equal(JSON.parse(await up.firstLine()).nodes.length, 1)
    assert.match(up.stderr, /other commands will not find this cluster by name/)
  })
})
