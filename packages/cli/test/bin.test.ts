/**
 * The launcher in bin/: that it becomes the Node and the source it should, and that what happens to the command happens
 * to the launcher: its exit code, and its signals, with and without exec(2). Each test runs the real launcher in a
 * small clone whose `main.ts` is a few lines.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')

/** A Node without `process.execve`, as all are before 22.15. */
const WITHOUT_EXEC = ['--import', 'data:text/javascript,delete process.execve']

describe('bin/reprise.js', () => {
  let clone: string

  before(() => {
    clone = realpathSync(mkdtempSync(join(tmpdir(), 'reprise-bin-')))
    mkdirSync(join(clone, 'packages/cli/src'), { recursive: true })
    cpSync(join(root, 'packages/cli/bin'), join(clone, 'packages/cli/bin'), { recursive: true })
    cpSync(join(root, 'packages/cli/package.json'), join(clone, 'packages/cli/package.json'))
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'))
  })

  after(() => rmSync(clone, { recursive: true, force: true }))

  /** Runs the launcher in the clone; `main` is what stands in main.ts. */
  function launch(
    main: string,
    { nodeArgs = [] as readonly string[], args = [] as readonly string[] } = {},
  ): ChildProcess {
    writeFileSync(join(clone, 'packages/cli/src/main.ts'), main)
    const { NODE_OPTIONS: _, ...env } = process.env
    return spawn(process.execPath, [...nodeArgs, join(clone, 'packages/cli/bin/reprise.js'), ...args], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  it('prints the version of its package', () => {
    const printed = execFileSync(process.execPath, [join(root, 'packages/cli/bin/reprise.js'), '--version'])
    const manifest = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8'))
    assert.equal(printed.toString().trim(), manifest.version)
  })

  it('hands its arguments over, and its Node and condition to the processes below', async () => {
    const report = `console.log(JSON.stringify([process.execPath, process.argv.slice(2), process.env['NODE_OPTIONS']]))`
    const child = launch(
      `import { execFileSync } from 'node:child_process'
      ${report}
      console.log(String(execFileSync('node', ['-e', ${JSON.stringify(report)}])))`,
      { args: ['demo', '--once'] },
    )
    const lines = (await readAll(child)).trim().split('\n')
    const node = realpathSync(join(root, 'node_modules/node/bin/node'))
    const condition = '--conditions=@reprise/source'
    assert.deepEqual(JSON.parse(lines[0] ?? ''), [node, ['demo', '--once'], condition])
    assert.deepEqual(JSON.parse(lines[1] ?? ''), [node, [], condition])
  })

  for (const { way, nodeArgs } of [
    { way: 'with exec', nodeArgs: [] },
    { way: 'without exec', nodeArgs: WITHOUT_EXEC },
  ]) {
    it(`${way}: ends with the command's exit code`, async () => {
      const child = launch('process.exitCode = 7', { nodeArgs })
      assert.deepEqual(await once(child, 'exit'), [7, null])
    })

    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      it(`${way}: lets the command answer ${signal}`, async () => {
        const child = launch(
          `process.once('${signal}', () => { clearInterval(alive); process.exitCode = 3 })
          const alive = setInterval(() => {}, 1000)
          console.log('ready')`,
          { nodeArgs },
        )
        await once(child.stdout!, 'data')
        child.kill(signal)
        assert.deepEqual(await once(child, 'exit'), [3, null])
      })
    }

    it(`${way}: dies of the signal the command died of`, async () => {
      const child = launch(`setInterval(() => {}, 1000); console.log('ready')`, { nodeArgs })
      await once(child.stdout!, 'data')
      child.kill('SIGTERM')
      assert.deepEqual(await once(child, 'exit'), [null, 'SIGTERM'])
    })
  }
})

async function readAll(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout!.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  await once(child, 'close')
  return text
}
