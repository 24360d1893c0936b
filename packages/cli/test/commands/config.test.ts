import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { OPTION_NAMES } from '../../src/config/options.ts'
import { Home, runCommand } from '../support/command.ts'

describe('reprise config print', function () {
  this.timeout(20_000)

  it('prints every option with its value and where it comes from, and no secret', async () => {
    using home = new Home()
    writeFileSync(home.path('reprise.config.json'), '{"cache":{"bytesMax":"128MiB"}}')
    const env = { REPRISE_SECRET: 'not to be seen', REPRISE_DRAIN_MS: '5000' }
    const { exitCode, stdout, stderr } = await runCommand(['config', 'print', '--origin', '--join', 'a:1'], {
      home,
      env,
    })
    assert.equal(exitCode, 0)
    assert.equal(stderr, '')
    assert.doesNotMatch(stdout, /not to be seen/)
    const [titles, ...rows] = stdout.trimEnd().split('\n')
    assert.match(titles ?? '', /^OPTION +VALUE +ORIGIN$/)
    assert.deepEqual(
      rows.map((row) => row.split(' ')[0]),
      OPTION_NAMES,
    )
    assert.match(stdout, /^cache\.bytesMax +128\.0 MiB +\S+reprise\.config\.json$/m)
    assert.match(stdout, /^drainMs +5000 ms +REPRISE_DRAIN_MS$/m)
    assert.match(stdout, /^join +a:1 +--join$/m)
    assert.match(stdout, /^secret +\(hidden\) +REPRISE_SECRET$/m)
    assert.match(stdout, /^copies +2 +-$/m)
  })

  it('--json has the same for programs', async () => {
    const { stdout } = await runCommand(['config', 'print', '--json'], { env: { REPRISE_ADMIN_TOKEN: 'hush' } })
    const { schemaVersion, options } = JSON.parse(stdout)
    assert.equal(schemaVersion, 1)
    assert.deepEqual(options['adminToken'], { value: '(hidden)', origin: 'environment', where: 'REPRISE_ADMIN_TOKEN' })
    assert.deepEqual(options['name'], { value: null, origin: 'default', where: 'default' })
    assert.equal(options['admin'].value, '127.0.0.1:0')
  })

  it('has no flag for a secret', async () => {
    const { exitCode, stderr } = await runCommand(['config', 'print', '--secret', 'x'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /unknown option '--secret'/)
  })
})
