/** `reprise check` against a real cluster whose nodes are stopped and killed. */
import assert from 'node:assert/strict'
import { CHECK_MS_DEFAULT, PROBE_MS_MAX } from '../../src/inquiry/constants.ts'
import { Home, RunningCommand, runCommand } from '../support/command.ts'
import { until } from '../support/until.ts'

describe('reprise check of a cluster', function () {
  this.timeout(120_000)
  let home: Home
  let up: RunningCommand
  let pids: number[] = []

  before(async () => {
    home = new Home()
    up = new RunningCommand(['up', '-n', '3', '--json', '--restart'], { home })
    pids = JSON.parse(await up.firstLine()).nodes.map(({ pid }: { pid: number }) => pid)
  })

  after(async () => {
    await up[Symbol.asyncDispose]()
    home[Symbol.dispose]()
  })

  const check = () => runCommand(['check'], { home })

  async function untilOk(): Promise<void> {
    let said = ''
    await until(
      `it is well again: ${said}`,
      async () => {
        const { exitCode, stdout } = await check()
        said = stdout
        return exitCode === 0
      },
      60_000,
    )
  }

  it('[R5] is green when every shard has its copies, and they are equal', async () => {
    for (const id of ['a', 'b', 'c', 'd']) {
      const set = await runCommand(['session', 'set', id, 'basket=tea', '--copies', '2'], { home })
      assert.equal(set.exitCode, 0, set.stderr)
    }
    await untilOk()
    const { stdout } = await check()
    assert.match(stdout, /^REPRISE OK: 3 members alive, 64 of 64 shards equal at all their holders \| /)
  })

  it('[R5] turns red within 10 s when a holder is stopped, and green when it goes on', async () => {
    // The time that one check takes at most; how busy this machine is is another thing.
    assert.ok(PROBE_MS_MAX + CHECK_MS_DEFAULT + PROBE_MS_MAX < 10_000)
    const [first] = pids
    process.kill(first!, 'SIGSTOP')
    try {
      const { exitCode, stdout } = await check()
      assert.equal(exitCode, 2, stdout)
      assert.match(stdout, /^REPRISE CRITICAL: node-1 does not answer: silent for 1\.0 s \| /)
    } finally {
      process.kill(first!, 'SIGCONT')
    }
    await untilOk()
  })

  it('[R5] is green again when a killed node is back with every copy', async () => {
    process.kill(pids[1]!, 'SIGKILL')
    await until('its end is seen', () => up.stderr.includes('was killed by SIGKILL'))
    await untilOk()
  })
})
