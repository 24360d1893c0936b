import assert from 'node:assert/strict'
import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { findAdminToken } from '../../src/daemon/admin-token.ts'
import { CommandError } from '../../src/failure.ts'
import { Home } from '../support/command.ts'

describe('the admin token of a node', () => {
  let home: Home

  beforeEach(() => {
    home = new Home()
  })

  afterEach(() => home[Symbol.dispose]())

  function config(env: Readonly<Record<string, string>>): Promise<Config> {
    return loadConfig({
      flags: new Map(),
      file: undefined,
      env: { XDG_CONFIG_HOME: home.directory, ...env },
      cwd: home.directory,
    })
  }

  it('is made once in the data directory, for its owner only', async () => {
    const env = { REPRISE_DATA_DIR: home.path('data') }
    const first = await findAdminToken(await config(env))
    assert.equal(first?.file, home.path('data/admin-token'))
    assert.equal(statSync(home.path('data/admin-token')).mode & 0o777, 0o600)
    assert.ok(first.token.length >= 32)
    assert.deepEqual(await findAdminToken(await config(env)), first)
    chmodSync(home.path('data/admin-token'), 0o644)
    await assert.rejects(findAdminToken(await config(env)), CommandError)
  })

  it('is the one that was given, and none where there is no place for one', async () => {
    writeFileSync(home.path('token'), 'given\n', { mode: 0o600 })
    const given = await findAdminToken(
      await config({ REPRISE_DATA_DIR: home.path('data'), REPRISE_ADMIN_TOKEN_FILE: home.path('token') }),
    )
    assert.deepEqual(given, { token: 'given', file: undefined })
    assert.equal(await findAdminToken(await config({})), undefined)
  })
})
