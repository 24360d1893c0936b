/** The commands that ask nodes, against admin servers that answer as told. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { processMark } from '../../src/state/process-mark.ts'
import { Home, runCommand } from '../support/command.ts'
import {
  CHECK_SAMPLE,
  FakeAdmin,
  type FakeAnswer,
  SESSION_SAMPLE,
  type SeenRequest,
  statusSample,
} from '../support/fake-admin.ts'

describe('commands that ask nodes', function () {
  this.timeout(30_000)
  let home: Home

  beforeEach(() => {
    home = new Home()
  })

  afterEach(() => home[Symbol.dispose]())

  /** A cluster of this process, as `up` would record it. */
  function recordCluster(urls: readonly string[], name = 'default'): void {
    mkdirSync(home.path('state/reprise/clusters'), { recursive: true })
    const nodes = urls.map((admin, index) => ({ name: `node-${index + 1}`, pid: process.pid, admin }))
    const state = {
      pid: process.pid,
      processMark: processMark(process.pid),
      startedAtMs: 0,
      version: '0.1.0',
      adminToken: 'hush',
    }
    writeFileSync(
      home.path(`state/reprise/clusters/${name}.json`),
      JSON.stringify({ schemaVersion: 1, name, ...state, nodes }),
    )
  }

  /** A healthy node. */
  function answer(request: SeenRequest): FakeAnswer {
    const path = request.url?.split('?', 1)[0]
    if (path === '/status') return [200, statusSample(0)]
    if (path === '/check') return [200, CHECK_SAMPLE]
    if (path?.startsWith('/sessions/')) return [200, SESSION_SAMPLE]
    return [200, {}]
  }

  const DEAD = 'http://127.0.0.1:1'

  it('say which cluster is not there, and what to do', async () => {
    for (const command of [['status'], ['members'], ['shards'], ['session', 'get', 'x']]) {
      const { exitCode, stdout, stderr } = await runCommand(command, { home })
      assert.equal(exitCode, 3)
      assert.equal(stdout, '')
      assert.match(stderr, /^reprise: there is no cluster default\n {2}next: start one with reprise up/)
    }
    const wrong = await runCommand(['status', '--name', '../x'], { home })
    assert.equal(wrong.exitCode, 2)
  })

  it('write at no other node what the first may have written', async () => {
    const asked: string[] = []
    await using slow = await FakeAdmin.start((request) => {
      asked.push(`slow ${request.method}`)
      return 'silence'
    })
    await using other = await FakeAdmin.start((request) => {
      asked.push(`other ${request.method}`)
      return answer(request)
    })
    recordCluster([slow.url, other.url])
    const { exitCode, stderr } = await runCommand(['session', 'set', 'x', 'a=1', '--patience-ms', '200'], { home })
    assert.equal(exitCode, 4)
    assert.match(
      stderr,
      /why: {2}it may have written the session all the same\n {2}next: look with reprise session get/,
    )
    assert.deepEqual(asked, ['slow PUT'])
  })

  it('ask the next node when one does not answer, and say so', async () => {
    await using admin = await FakeAdmin.start(answer)
    recordCluster([DEAD, admin.url])
    const { exitCode, stdout, stderr } = await runCommand(['members'], { home })
    assert.equal(exitCode, 0)
    assert.match(stdout, /^NAME +STATE +ROLE +ZONE/)
    assert.match(stderr, /^reprise: node-1 does not answer: nothing listens there; asked node-2$/m)
  })

  it('status asks all, and fails only when none answers', async () => {
    await using admin = await FakeAdmin.start(answer)
    recordCluster([admin.url, DEAD])
    const { exitCode, stdout } = await runCommand(['status'], { home })
    assert.equal(exitCode, 0)
    assert.match(stdout, /^default: 1 of 2 nodes answers, 1 issue\n\nNODE +STATE/)
    assert.match(stdout, /^critical {2}node-2 does not answer: nothing listens there$/m)
    const issues = await runCommand(['status', '--issues-only'], { home })
    assert.equal(
      issues.stdout,
      'default: 1 of 2 nodes answers, 1 issue\ncritical  node-2 does not answer: nothing listens there\n',
    )

    recordCluster([DEAD, DEAD])
    const none = await runCommand(['status'], { home })
    assert.equal(none.exitCode, 3)
    assert.match(
      none.stderr,
      /none of the 2 nodes of default answers\n {2}why: {2}nothing listens there\n {2}next: look at reprise ps/,
    )
  })

  it('ask one node with --node or --admin, and wait no longer than they are told', async () => {
    await using silent = await FakeAdmin.start(() => 'silence')
    await using admin = await FakeAdmin.start(answer)
    recordCluster([silent.url, admin.url])
    const named = await runCommand(['shards', '--node', 'node-2', '--json'], { home })
    assert.equal(named.exitCode, 0)
    assert.equal(silent.seen.length, 0)
    const timeout = await runCommand(['members', '--admin', `127.0.0.1:${silent.port}`, '--patience-ms', '50'], {
      home,
    })
    assert.equal(timeout.exitCode, 4)
    assert.match(timeout.stderr, /does not answer\n {2}why: {2}silent for 50 ms/)
    const unknown = await runCommand(['members', '--node', 'node-9'], { home })
    assert.equal(unknown.exitCode, 2)
    assert.match(unknown.stderr, /next: its nodes are node-1, node-2/)
  })

  it('find a node by the configuration, unless a cluster is named', async () => {
    await using configured = await FakeAdmin.start(() => [200, statusSample(2)])
    await using admin = await FakeAdmin.start(answer)
    recordCluster([admin.url])
    writeFileSync(home.path('reprise.config.json'), JSON.stringify({ admin: `127.0.0.1:${configured.port}` }))
    const byConfig = await runCommand(['members', '--json'], { home })
    assert.equal(JSON.parse(byConfig.stdout).asked, 'node-3')
    const byName = await runCommand(['members', '--json', '--name', 'default'], { home })
    assert.equal(JSON.parse(byName.stdout).asked, 'node-1')
  })

  it('check speaks as monitoring plugins do', async () => {
    await using admin = await FakeAdmin.start(answer)
    recordCluster([admin.url])
    const ok = await runCommand(['check'], { home })
    assert.equal(ok.exitCode, 0)
    assert.match(ok.stdout, /^REPRISE OK: 3 members alive, 64 of 64 shards .* \| members=3 .*\n$/)

    recordCluster([DEAD, admin.url])
    const critical = await runCommand(['check', '--json'], { home })
    assert.equal(critical.exitCode, 2)
    assert.deepEqual(JSON.parse(critical.stdout).unanswered, [{ name: 'node-1', why: 'nothing listens there' }])

    recordCluster([DEAD])
    const unknown = await runCommand(['check'], { home })
    assert.deepEqual(
      [unknown.exitCode, unknown.stdout],
      [3, 'REPRISE UNKNOWN: node-1 does not answer: nothing listens there\n'],
    )
    const json = await runCommand(['check', '--json'], { home })
    assert.equal(json.exitCode, 3)
    assert.deepEqual(JSON.parse(json.stdout), {
      schemaVersion: 1,
      state: 'UNKNOWN',
      reasons: ['node-1 does not answer: nothing listens there'],
    })
    assert.equal((await runCommand(['check', '--wrong'], { home })).exitCode, 3)
    assert.equal((await runCommand(['check', '--help'], { home })).exitCode, 0)
  })

  it('session get shows no value unless it is told to', async () => {
    await using admin = await FakeAdmin.start(answer)
    recordCluster([admin.url])
    const { exitCode, stdout } = await runCommand(['session', 'get', 'a/b c', '--portions', 'basket,theme'], { home })
    assert.equal(exitCode, 0)
    assert.match(stdout, /^session cart-17: complete, from node-1 itself$/m)
    await runCommand(['session', 'get', 'base64url:_-8', '--reveal'], { home })
    const [plain, revealed] = admin.seen
    assert.equal(plain?.url, '/sessions/a%2Fb%20c?portions=basket%2Ctheme')
    assert.equal(revealed?.url, '/sessions/base64url%3A_-8?reveal=1')
    assert.equal(plain?.headers['authorization'], 'Bearer hush')
  })

  it('session set makes the session when there is none, unless it is told not to', async () => {
    const absent: FakeAnswer = [
      404,
      { schemaVersion: 1, error: { code: 'ABSENT', message: 'there is no such session', next: '' } },
    ]
    await using admin = await FakeAdmin.start((request) =>
      (request.body as { create?: boolean }).create === true ? [201, SESSION_SAMPLE] : absent,
    )
    recordCluster([admin.url])
    const set = [
      'session',
      'set',
      'cart-17',
      'basket={"items":["tea"]}',
      '--json-value',
      '--copies',
      '2',
      '--idle-ms',
      '1000',
    ]
    const made = await runCommand(set, { home })
    assert.equal(made.exitCode, 0, made.stderr)
    assert.deepEqual(
      admin.seen.map(({ body }) => body),
      [
        { portions: { basket: { items: ['tea'] } }, copies: 2 },
        { portions: { basket: { items: ['tea'] } }, copies: 2, create: true, idleMs: 1_000 },
      ],
    )
    const refused = await runCommand([...set, '--no-create'], { home })
    assert.equal(refused.exitCode, 1)
    assert.match(refused.stderr, /^reprise: there is no such session$/m)
  })

  it('session set reads a value from stdin', async () => {
    await using admin = await FakeAdmin.start(answer)
    recordCluster([admin.url])
    await runCommand(['session', 'set', 'cart-17', 'note=-', '--remove', 'theme'], { home, input: 'hush\n' })
    assert.deepEqual(admin.seen[0]?.body, { portions: { theme: null, note: 'hush' } })
  })

  it('session touch, drop and resume say what they did', async () => {
    await using admin = await FakeAdmin.start(answer)
    recordCluster([admin.url])
    const touched = await runCommand(['session', 'touch', 'cart-17'], { home })
    assert.equal(touched.stdout, 'session cart-17: touched at node-1\n')
    const dropped = await runCommand(['session', 'drop', 'cart-17', '--copies', '1', '--json'], { home })
    assert.deepEqual(JSON.parse(dropped.stdout), {
      schemaVersion: 1,
      id: 'cart-17',
      outcome: 'dropped',
      asked: 'node-1',
    })
    const resumed = await runCommand(['session', 'resume', 'cart-17', '--min-version', 'AbC', '--json'], { home })
    assert.deepEqual(JSON.parse(resumed.stdout), { ...SESSION_SAMPLE, asked: 'node-1' })
    assert.deepEqual(
      admin.seen.map(({ method, url, body }) => [method, url, body]),
      [
        ['POST', '/sessions/cart-17/touch', {}],
        ['DELETE', '/sessions/cart-17', { copies: 1 }],
        ['POST', '/sessions/cart-17/resume', { minVersion: 'AbC' }],
      ],
    )
  })

  it('session asks for a token before it asks a node', async () => {
    const { exitCode, stderr } = await runCommand(['session', 'get', 'x', '--admin', '127.0.0.1:1'], { home })
    assert.equal(exitCode, 2)
    assert.match(
      stderr,
      /sessions are shown to who has the admin token\n {2}next: name the file with --admin-token-file/,
    )
  })
})
