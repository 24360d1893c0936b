import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { Home, RunningCommand, runCommand } from '../support/command.ts'
import { until } from '../support/until.ts'

interface Line {
  readonly level: string
  readonly time: string
  readonly node: string
  readonly msg: string
  readonly [field: string]: unknown
}

describe('reprise node', function () {
  this.timeout(60_000)
  let home: Home

  beforeEach(() => {
    home = new Home()
  })

  afterEach(() => home[Symbol.dispose]())

  function lines(command: RunningCommand): Line[] {
    return command.stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]))
  }

  async function line(command: RunningCommand, message: string): Promise<Line> {
    const find = (): Line | undefined => lines(command).find(({ msg }) => msg === message)
    await until(`"${message}"; stderr: ${command.stderr}`, () => find() !== undefined, 40_000)
    return find()!
  }

  it('[R8] runs a member from its configuration, hands over at SIGTERM and ends with 0; no id and no value is in its log', async () => {
    const env = { REPRISE_SECRET: 'sixteen bytes or more' }
    writeFileSync(home.path('reprise.config.json'), '{"dataDir":"one","name":"one","log":{"level":"debug"}}')
    await using one = new RunningCommand(['node', '--watchdog-ms', '10000'], { home, env })
    const started = await line(one, 'node started')
    assert.deepEqual([started.node, started.level, started['ephemeral']], ['one', 'info', false])
    const shown = await fetch(`${started['admin']}/`)
    assert.match(shown.headers.get('content-type') ?? '', /^text\/html/)
    const [address] = started['addresses'] as string[]
    await using two = new RunningCommand(['node', '--name', 'two', '--data-dir', 'two', '--join', address!], {
      home,
      env,
    })
    const { admin } = await line(two, 'node started')
    await until('they know each other', async () => {
      const { stdout } = await runCommand(['status', '--json', '--admin', String(admin)], { home })
      const [node] = stdout === '' ? [] : JSON.parse(stdout).nodes
      return node?.membersAlive === 2 && node.state === 'ready'
    })

    const token = ['--admin', String(admin), '--admin-token-file', 'two/admin-token']
    const set = await runCommand(['session', 'set', 'cart-17', 'basket=darjeeling', '--copies', '1', ...token], {
      home,
    })
    assert.equal(set.exitCode, 0, set.stderr)
    two.child.kill('SIGTERM')
    assert.deepEqual(await two.exited, { exitCode: 0, signal: null })
    const told = lines(two).filter(({ level }) => level === 'info')
    assert.deepEqual(
      told.slice(-2).map(({ msg }) => msg),
      ['told to end', 'node ended'],
    )

    const here = ['--admin', String(started['admin']), '--admin-token-file', 'one/admin-token', '--reveal']
    const found = await runCommand(['session', 'get', 'cart-17', ...here], { home })
    assert.match(found.stdout, /^basket +\d+ B +\S+ by \S+ +"darjeeling"$/m)
    one.child.kill('SIGTERM')
    assert.deepEqual(await one.exited, { exitCode: 0, signal: null })
    assert.ok(lines(two).some((entry) => /^[0-9a-f]{8}$/.test(String(entry['session']))))
    assert.doesNotMatch(one.stdout + two.stdout, /cart-17|darjeeling|sixteen bytes/)
  })

  it('refuses an admin address that others reach, unless there is a token', async () => {
    const refused = await runCommand(['node', '--admin', '0.0.0.0:0'], { home })
    assert.equal(refused.exitCode, 2)
    assert.match(
      refused.stderr,
      /there is no admin token\n {2}why: .*\n {2}next: listen on 127\.0\.0\.1, or give --admin-token-file/,
    )
    assert.equal(refused.stdout, '')
    await using node = new RunningCommand(['node', '--admin', '0.0.0.0:0', '--data-dir', 'data'], { home })
    await line(node, 'node started')
  })

  it('says what is wrong with its options and its ports', async () => {
    const short = await runCommand(['node'], { home, env: { REPRISE_SECRET: 'short' } })
    assert.equal(short.exitCode, 2)
    assert.match(short.stderr, /secret has 5 bytes; use at least 16/)
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const address = squatter.address()
    assert.ok(typeof address === 'object' && address !== null)
    const taken = await runCommand(['node', '--admin', `127.0.0.1:${address.port}`], { home })
    squatter.close()
    assert.equal(taken.exitCode, 1)
    assert.match(
      taken.stderr,
      /cannot listen on 127\.0\.0\.1:\d+: something else does\n {2}next: choose another port with --admin/,
    )
  })

  it('warns when it found nobody where it was to join', async () => {
    await using node = new RunningCommand(['node', '--join', 'nobody.invalid:7401'], { home })
    const { level, join } = await line(node, 'alone: no member was found at the places to join')
    assert.deepEqual([level, join], ['warn', ['nobody.invalid:7401']])
  })

  it('warns of a cluster that anybody may join', async () => {
    await using node = new RunningCommand(['node', '--listen', '/ip4/0.0.0.0/tcp/0'], { home })
    await until('it warns', () => node.stdout.includes('give the cluster a secret'), 40_000)
  })
})
