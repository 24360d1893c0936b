/** The ten minutes of the README, as somebody would type them. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Home, runCommand } from './support/command.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../../..')

describe('the README', function () {
  this.timeout(120_000)
  let home: Home

  before(() => {
    home = new Home()
  })

  after(async () => {
    await runCommand(['down', '--all'], { home })
    home[Symbol.dispose]()
  })

  it('[R5] has ten minutes in which every command works: a session is written at one node and read at another', async () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    const [, block = ''] = /<!-- run-it -->\n+```sh\n(.*?)^```/ms.exec(readme) ?? []
    const commands = block.trim().split('\n')
    assert.ok(commands.length >= 5)
    // What `npx reprise` is in a clone.
    mkdirSync(home.path('bin'))
    const launcher = join(ROOT, 'packages/cli/bin/reprise.js')
    writeFileSync(home.path('bin/npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${launcher}" "$@"\n`, {
      mode: 0o755,
    })
    const { NODE_OPTIONS: _, ...inherited } = process.env
    const env = {
      ...inherited,
      PATH: `${home.path('bin')}:${process.env['PATH']}`,
      XDG_STATE_HOME: home.path('state'),
      XDG_CONFIG_HOME: home.path('config'),
      NO_COLOR: '1',
    }
    const printed: string[] = []
    for (const command of commands) {
      const { stdout } = await run('sh', ['-c', command], { env, cwd: home.directory })
      printed.push(stdout)
    }
    const said = printed.join('')
    assert.match(said, /^session cart-17: complete, from node-2/m)
    assert.match(said, /^basket +\d+ B +\S+ by \S+ +\{"items":\["tea"\]\}$/m)
    assert.match(said, /^default: 3 of 3 nodes answer, no issues$/m)
    assert.match(said, /^REPRISE OK: 3 members alive, 64 of 64 shards equal at all their holders/m)
    assert.match(said, /^default: stopped 3 nodes of process \d+/m)
  })
})
