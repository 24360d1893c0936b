/** The examples of terminators, as a person runs them: each says that sessions of one resume at the other, and leaves nothing at Ctrl-C. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { rootDirectory } from '../../scripts/workspaces.ts'
import { needs } from '../support/system.ts'
import { freePort, isListening, output, pause, Workshop } from './support/workshop.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3']

interface Example {
  readonly folder: string
  readonly options?: readonly string[]
  readonly program: string
  readonly versionFlag: string
  /** It also rotates ticket keys. */
  readonly hasKeys?: boolean
}

const EXAMPLES: readonly Example[] = [
  { folder: 'apache', program: 'apache2', versionFlag: '-v' },
  { folder: 'apache', options: ['--resp'], program: 'apache2', versionFlag: '-v' },
  { folder: 'stunnel', program: 'stunnel4', versionFlag: '-version' },
  { folder: 'haproxy', program: 'haproxy', versionFlag: '-v', hasKeys: true },
  { folder: 'nginx', program: 'nginx', versionFlag: '-v', hasKeys: true },
]

for (const { folder, options = [], program, versionFlag, hasKeys = false } of EXAMPLES) {
  describe(['examples', folder, ...options].join(' '), function () {
    this.timeout(120_000)
    let workshop: Workshop

    before(function () {
      needs(this, program, spawnSync(program, [versionFlag]).status === 0)
      workshop = new Workshop()
    })

    after(async () => await workshop?.[Symbol.asyncDispose]())

    it('[R3] [R6] shows that each resumes what the other made, and leaves nothing', async () => {
      const ports = [await freePort(), await freePort()]
      const { said, example } = run(workshop, [folder, ...options], ports)
      await says(example, said, '^C ends it.')
      assert.deepEqual(
        said().match(/^TLS.* made at \d+(?: before that)?, resumed at \d+/gm),
        (hasKeys ? ['', ' before that'] : ['']).flatMap((when) =>
          VERSIONS.flatMap((version) => [
            `${version}: made at ${ports[0]}${when}, resumed at ${ports[1]}`,
            `${version}: made at ${ports[1]}${when}, resumed at ${ports[0]}`,
          ]),
        ),
      )

      const exited = once(example, 'exit')
      // Twice, as an impatient person does: what was started is ended all the same.
      for (let times = 0; times < 2; times++) example.kill('SIGINT')
      assert.deepEqual(await exited, [0, null], said())
      for (const port of ports) assert.equal(await isListening(port), false, `port ${port}`)
      assert.deepEqual(readdirSync(workshop.directory), [])
    })
  })
}

describe('an example whose server cannot start', function () {
  this.timeout(60_000)

  it('says why, ends with 1, and leaves nothing', async () => {
    await using workshop = new Workshop()
    const { said, example } = run(workshop, ['apache'], [], { PATH: '/nowhere' })
    const [exitCode] = await once(example, 'close')
    assert.equal(exitCode, 1)
    assert.match(said(), /^openssl: is not installed/)
    assert.deepEqual(readdirSync(workshop.directory), [])
  })
})

/** Its folders are in the workshop, so that what it leaves is seen. */
function run(
  workshop: Workshop,
  [folder = '', ...options]: readonly string[],
  ports: readonly number[],
  environment: Readonly<Record<string, string>> = {},
): { readonly example: ChildProcess; said(): string } {
  const { NODE_OPTIONS: _, ...env } = process.env
  const script = join(rootDirectory, 'examples', folder, 'start.js')
  const example = workshop.spawn(process.execPath, [script, ...options, ...ports.map(String)], {
    env: { ...env, TMPDIR: workshop.directory, ...environment },
  })
  return { example, said: output(example) }
}

/** Wait until it says something; the test's own time limit bounds it. */
async function says(example: ChildProcess, said: () => string, text: string): Promise<void> {
  while (!said().includes(text)) {
    assert.equal(example.exitCode, null, said())
    await pause(50)
  }
}
