/** systemd takes the units of the examples and of the pages, and finds little to complain of in how that of a node is shut in. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootDirectory } from '../../scripts/workspaces.ts'
import { needs } from '../support/system.ts'

/** systemd's own words: up to 2 it is OK, from 5 on MEDIUM. */
const EXPOSURE_MAX = 2.5
const LAUNCHER = join(rootDirectory, 'packages/cli/bin/reprise.js')

describe('systemd', function () {
  this.timeout(60_000)

  let directory: string
  let unit: string

  before(function () {
    needs(this, 'systemd-analyze', spawnSync('systemd-analyze', ['--version']).status === 0)
    directory = mkdtempSync(join(tmpdir(), 'reprise-systemd-'))
    unit = join(directory, 'reprise.service')
    // The command is not installed here, and a unit whose command is not there is refused.
    const text = readFileSync(join(rootDirectory, 'examples/systemd/reprise.service'), 'utf8')
    writeFileSync(unit, text.replace('/usr/bin/reprise', LAUNCHER))
    copyFileSync(join(rootDirectory, 'examples/systemd/reprise.json'), join(directory, 'reprise.json'))
  })

  after(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
  })

  it('takes the unit without a word', () => assertTaken(unit))

  for (const page of ['haproxy', 'nginx']) {
    it(`takes the unit of docs/${page}.md without a word`, () => {
      const text = readFileSync(join(rootDirectory, 'docs', `${page}.md`), 'utf8')
      const [, block = ''] = /^ *```ini\n(.*?)^ *```/ms.exec(text) ?? []
      const keysUnit = join(directory, 'reprise-keys.service')
      writeFileSync(keysUnit, block.replaceAll(/^ +(?=\S+=|\[)/gm, '').replaceAll('/usr/bin/reprise', LAUNCHER))
      assertTaken(keysUnit)
    })
  }

  it('finds it shut in', () => {
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
      encoding: 'utf8',
    })
    const [, exposure] = /Overall exposure level for reprise\.service: ([\d.]+)/.exec(stdout) ?? []
    assert.ok(Number(exposure) <= EXPOSURE_MAX, `exposure ${exposure}\n${stdout}`)
  })

  it('gives the command a config file that it takes', () => {
    const run = spawnSync(LAUNCHER, ['config', 'print', '--json', '--config', join(directory, 'reprise.json')], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    assert.equal(run.status, 0, run.stderr)
    assert.match(run.stdout, /reprise\.internal:4747/)
  })
})

function assertTaken(unit: string): void {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('reprise'))
  assert.deepEqual(complaints, [])
  assert.equal(status, 0)
}
