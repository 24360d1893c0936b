import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { type Config, type ConfigSources, loadConfig } from '../../src/config/config.ts'
import type { OptionName } from '../../src/config/options.ts'
import { readAdminToken, readSecret } from '../../src/config/secrets.ts'
import { CommandError, ExitCode } from '../../src/failure.ts'
import { Home } from '../support/command.ts'

describe('the configuration', () => {
  let home: Home

  beforeEach(() => {
    home = new Home()
  })

  afterEach(() => home[Symbol.dispose]())

  function load({
    flags = {},
    env = {},
    file,
  }: {
    flags?: Partial<Record<OptionName, readonly string[]>>
    env?: Readonly<Record<string, string>>
    file?: string
  } = {}): Promise<Config> {
    const sources: ConfigSources = {
      flags: new Map(Object.entries(flags) as [OptionName, readonly string[]][]),
      file,
      env: { XDG_CONFIG_HOME: home.path('config'), ...env },
      cwd: home.directory,
    }
    return loadConfig(sources)
  }

  async function failure(promise: Promise<unknown>): Promise<CommandError> {
    const error = await promise.then(
      () => assert.fail('it should have failed'),
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof CommandError)
    assert.equal(error.exitCode, ExitCode.usage)
    return error
  }

  it('takes flags before the environment before the file before defaults', async () => {
    writeFileSync(
      home.path('reprise.config.json'),
      '{"name":"file","zone":"file","weight":3,"cache":{"bytesMax":"8MiB"}}',
    )
    const config = await load({
      flags: { name: ['flag'] },
      env: { REPRISE_NAME: 'env', REPRISE_ZONE: 'env', REPRISE_JOIN: '' },
    })
    const seen = (['name', 'zone', 'weight', 'cache.bytesMax', 'copies', 'join'] as const).map((name) => {
      const { value, origin } = config.setting(name)
      return [name, value, origin]
    })
    assert.deepEqual(seen, [
      ['name', 'flag', 'flag'],
      ['zone', 'env', 'environment'],
      ['weight', 3, 'config file'],
      ['cache.bytesMax', 8 * 1024 ** 2, 'config file'],
      ['copies', 2, 'default'],
      ['join', [], 'default'],
    ])
  })

  it('joins the values of a flag that is given several times', async () => {
    const config = await load({ flags: { join: ['a:1', 'b:2,c:3'] } })
    assert.deepEqual(config.get('join'), ['a:1', 'b:2', 'c:3'])
  })

  it('finds the file that is named, then the one here, then the user’s', async () => {
    mkdirSync(home.path('config/reprise'), { recursive: true })
    writeFileSync(home.path('config/reprise/config.json'), '{"name":"user"}')
    assert.equal((await load()).get('name'), 'user')
    writeFileSync(home.path('reprise.config.ts'), "const name: string = 'here'\nexport default { name }\n")
    assert.equal((await load()).get('name'), 'here')
    writeFileSync(home.path('other.js'), "export default { name: 'named' }\n")
    assert.equal((await load({ file: 'other.js' })).get('name'), 'named')
    assert.equal((await load({ env: { REPRISE_CONFIG: home.path('other.js') } })).get('name'), 'named')
  })

  it('says what is wrong with a file', async () => {
    assert.match((await failure(load({ file: 'none.json' }))).message, /cannot use the config file .*none\.json$/)
    for (const [text, why] of [
      ['{"name":', /JSON/],
      ['[]', /it is no object/],
    ] as const) {
      writeFileSync(home.path('reprise.config.json'), text)
      assert.match((await failure(load())).why ?? '', why)
    }
    writeFileSync(home.path('bare.js'), 'export const name = 1\n')
    assert.match((await failure(load({ file: 'bare.js' }))).why ?? '', /default export is no object/)
  })

  it('refuses keys that are no option, with the one that was meant', async () => {
    for (const [text, what, next] of [
      ['{"drianMs":1}', /there is no option drianMs/, /did you mean drainMs\?/],
      ['{"cache":{"bytesMx":1}}', /there is no option cache\.bytesMx/, /did you mean cache\.bytesMax\?/],
      ['{"gateway":{}}', /there is no option gateway/, /see reprise config print/],
      ['{"toString":1}', /there is no option toString/, /see reprise config print/],
    ] as const) {
      writeFileSync(home.path('reprise.config.json'), text)
      const error = await failure(load())
      assert.match(error.message, what)
      assert.match(error.next ?? '', next)
    }
  })

  it('checks everything that is given, also what is overridden', async () => {
    writeFileSync(home.path('reprise.config.json'), '{"$schema":"x","drainMs":"10s"}')
    const error = await failure(load({ flags: { drainMs: ['5'] } }))
    assert.match(error.message, /reprise\.config\.json: drainMs must be a whole number of milliseconds .*, not "10s"/)
    const inEnvironment = await failure(
      load({ file: 'x.json', env: { REPRISE_COPIES: '-1' } }).catch(() =>
        load({ env: { REPRISE_COPIES: '-1' }, file: writeEmpty() }),
      ),
    )
    assert.match(inEnvironment.message, /^REPRISE_COPIES: copies must be/)
  })

  function writeEmpty(): string {
    writeFileSync(home.path('empty.json'), '{}')
    return 'empty.json'
  }

  it('warns of variables that look like a mistyped option, and of no others', async () => {
    const { warnings } = await load({
      env: { REPRISE_DRAN_MS: '1', REPRISE_SERVICE_HOST: '10.0.0.1', REPRISE_DEBUG: '1' },
    })
    assert.deepEqual(warnings, ['REPRISE_DRAN_MS is no option; did you mean REPRISE_DRAIN_MS?'])
  })

  describe('secrets', () => {
    it('have no place in a config file, and are not shown when they are wrong', async () => {
      writeFileSync(home.path('reprise.config.json'), '{"secret":"hush"}')
      const error = await failure(load())
      assert.match(error.next ?? '', /mode 0600 .* secretFile; or set REPRISE_SECRET/)
      const long = await failure(load({ env: { REPRISE_SECRET: 'x'.repeat(2_000) }, file: writeEmpty() }))
      assert.doesNotMatch(long.message, /xx/)
    })

    it('come from the environment, or from a file without the end of its line', async () => {
      writeFileSync(home.path('token'), 'from a file\n', { mode: 0o600 })
      assert.equal(
        await readSecret(await load({ env: { REPRISE_SECRET: 'from the environment' } })),
        'from the environment',
      )
      const config = await load({
        env: { REPRISE_ADMIN_TOKEN: 'weaker' },
        flags: { adminTokenFile: [home.path('token')] },
      })
      assert.equal(await readAdminToken(config), 'from a file')
      assert.equal(await readSecret(await load()), undefined)
    })

    it('are refused in a file that others may read', async () => {
      writeFileSync(home.path('token'), 'x\n')
      for (const mode of [0o644, 0o620, 0o602]) {
        chmodSync(home.path('token'), mode)
        const error = await failure(load({ flags: { secretFile: [home.path('token')] } }).then(readSecret))
        assert.match(error.next ?? '', /^chmod 600 /)
      }
      chmodSync(home.path('token'), 0o440)
      assert.equal(await readSecret(await load({ flags: { secretFile: [home.path('token')] } })), 'x')
    })

    it('are refused when they are twice there, or empty', async () => {
      writeFileSync(home.path('token'), '\n', { mode: 0o600 })
      const env = { REPRISE_SECRET: 'x', REPRISE_SECRET_FILE: home.path('token') }
      assert.match((await failure(load({ env }).then(readSecret))).message, /both set/)
      const empty = await failure(load({ flags: { secretFile: [home.path('token')] } }).then(readSecret))
      assert.match(empty.message, /is empty/)
    })
  })
})
