/** Ticket keys for terminators, against an admin server that keeps one ring in a variable, and a HAProxy that is played. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { decodeRing, encodeRing } from '@reprise/tls'
import { Home, RunningCommand, runCommand } from '../support/command.ts'
import { FakeAdmin, type FakeAnswer, SESSION_SAMPLE, type SeenRequest } from '../support/fake-admin.ts'
import { until } from '../support/until.ts'

const TOKEN = 'of a test, and long enough'

describe('reprise keys', function () {
  this.timeout(60_000)
  let home: Home
  let admin: FakeAdmin
  /** The ring as it lies in its session; undefined: there is no such session. */
  let stored: string | undefined
  let isDown = false

  beforeEach(async () => {
    home = new Home()
    stored = undefined
    isDown = false
    admin = await FakeAdmin.start(answer)
  })

  afterEach(async () => {
    await admin[Symbol.asyncDispose]()
    home[Symbol.dispose]()
  })

  function answer({ method, body }: SeenRequest): FakeAnswer {
    if (isDown) return [503, { error: { code: 'UNKNOWN', message: 'nobody could say', next: '' } }]
    if (method === 'PUT') {
      const { portions, create = false, seal } = body as { portions: Ring; create?: boolean; seal: boolean }
      assert.ok(seal, 'keys leave a node only encrypted')
      if (create && stored !== undefined) return [409, { error: { code: 'ALREADY_EXISTS', message: 'it is there' } }]
      stored = portions.keys.base64
    }
    if (stored === undefined) return [404, { error: { code: 'ABSENT', message: 'there is no such session', next: '' } }]
    return [200, { ...SESSION_SAMPLE, portions: { keys: { value: { base64: stored } } } }]
  }

  const ringNow = (): readonly { id: string; key: Buffer }[] => decodeRing(Buffer.from(stored ?? '', 'base64')) ?? []
  const args = (...rest: string[]): string[] => ['keys', ...rest, '--context', 'edge', '--admin', admin.url]
  const env = { REPRISE_ADMIN_TOKEN: TOKEN }
  const run = (...rest: string[]): ReturnType<typeof runCommand> => runCommand(args(...rest), { home, env })

  it('writes the files of HAProxy, nginx and Apache, for this user alone, and leaves nothing else', async () => {
    const files = [
      '--haproxy',
      'edge.keys',
      '--nginx',
      'edge',
      '--apache',
      'edge.apache',
      '--reload',
      'echo x >> reloads',
    ]
    const { exitCode, stdout, stderr } = await run('follow', '--once', ...files)
    assert.deepEqual([exitCode, stderr], [0, ''])
    const [next, current, previous] = ringNow().map(({ key }) => key)
    assert(next !== undefined && current !== undefined && previous !== undefined)
    const contentOf = (file: string): Buffer => readFileSync(home.path(file))
    assert.equal(
      contentOf('edge.keys').toString(),
      [previous, current, next].map((key) => `${key.toString('base64')}\n`).join(''),
    )
    assert.deepEqual(['edge.current', 'edge.next', 'edge.previous', 'edge.apache'].map(contentOf), [
      current,
      next,
      previous,
      current,
    ])
    assert.equal(contentOf('reloads').toString(), 'x\n')
    const written = readdirSync(home.directory).filter((file) => file.startsWith('edge'))
    assert.deepEqual(written.sort(), ['edge.apache', 'edge.current', 'edge.keys', 'edge.next', 'edge.previous'])
    for (const file of written) assert.equal(statSync(home.path(file)).mode & 0o777, 0o600, file)
    assert.match(stdout, /^\S+ edge: seals with [0-9a-f]{16}, next [0-9a-f]{16}: wrote edge.keys, /)
    for (const { key } of ringNow()) assert.ok(!stdout.includes(key.toString('base64')), 'no key is printed')
  })

  it('follows rotations, tells HAProxy what it lacks, and goes on after trouble', async () => {
    await using haproxy = await PlayedHaproxy.start(home.path('haproxy.sock'))
    const rest = ['--haproxy', 'edge.keys', '--haproxy-socket', 'haproxy.sock', '--poll-ms', '20']
    await using following = new RunningCommand(args('follow', ...rest), { home, env })
    await until('the first keys', () => following.stdout.includes('told HAProxy'))
    assert.deepEqual(haproxy.keys, linesOf(home.path('edge.keys')))
    isDown = true
    await until('a word about it', () => following.stderr.includes('nobody could say; trying again'))
    isDown = false
    const before = ringNow()
    const rotated = await run('rotate', '--all')
    assert.equal(rotated.exitCode, 0, rotated.stderr)
    await until('the new keys', () => following.stdout.trim().split('\n').length === 2)
    const expected = ringNow()
      .map(({ key }) => key.toString('base64'))
      .reverse()
    assert.deepEqual(linesOf(home.path('edge.keys')), expected)
    assert.deepEqual(haproxy.keys, expected)
    assert.equal(haproxy.told, 6)
    assert.ok(ringNow().every(({ id }) => before.every((key) => key.id !== id)))
    assert.equal(following.stderr.trim().split('\n').length, 1, 'trouble is told once')
    following.child.kill('SIGTERM')
    assert.deepEqual(await following.exited, { exitCode: 0, signal: null })
  })

  it('rotates when the newest key has served its time', async () => {
    const old = encodeRing(
      [1, 2, 3].map((byte) => ({ id: `${byte}`.repeat(16), dueAtMs: 1_000, key: Buffer.alloc(48, byte) })),
    )
    stored = old.toString('base64')
    assert.equal((await run('follow', '--once', '--apache', 'key', '--no-rotate')).exitCode, 0)
    assert.equal(stored, old.toString('base64'))
    assert.equal((await run('follow', '--once', '--apache', 'key', '--rotate-ms', '60000')).exitCode, 0)
    assert.deepEqual(
      ringNow()
        .slice(1)
        .map(({ id }) => id),
      ['1'.repeat(16), '2'.repeat(16)],
    )
    assert.deepEqual(readFileSync(home.path('key')), Buffer.alloc(48, 1))
  })

  it('lists which keys there are, and not what they are', async () => {
    const none = await run('list')
    assert.equal(none.exitCode, 1)
    assert.match(none.stderr, /^reprise: there are no ticket keys of edge\n {2}next: reprise keys follow/)
    await run('rotate')
    const { stdout } = await run('list')
    const [title, ...rows] = stdout.trim().split('\n')
    assert.match(title ?? '', /^KEY +PLACE +AGE$/)
    assert.deepEqual(
      rows.map((row) => row.split(/\s+/)[1]),
      ['next', 'current', 'previous'],
    )
    const json = JSON.parse((await run('list', '--json')).stdout)
    assert.deepEqual(
      json.keys.map(({ id }: { id: string }) => id),
      ringNow().map(({ id }) => id),
    )
    for (const { key } of ringNow()) assert.ok(!JSON.stringify(json).includes(key.toString('base64')))
  })

  it('does not rotate twice in a row, but for a leak', async () => {
    assert.equal((await run('rotate')).exitCode, 0)
    const again = await run('rotate')
    assert.equal(again.exitCode, 1)
    assert.match(again.stderr, /^reprise: the keys were rotated a moment ago; wait \d s$/m)
    assert.equal((await run('rotate', '--all')).exitCode, 0)
  })

  it('never writes over a ring that it cannot read', async () => {
    stored = Buffer.from('of a later version').toString('base64')
    const { exitCode, stderr } = await run('follow', '--once', '--apache', 'key')
    assert.equal(exitCode, 1)
    assert.match(stderr, /the ring of ticket keys cannot be read/)
    assert.equal(Buffer.from(stored, 'base64').toString(), 'of a later version')
    assert.ok(!existsSync(home.path('key')))
  })

  it('says what is missing', async () => {
    assert.match((await run('follow')).stderr, /there is no file to write\n {2}next: name it with --haproxy/)
    assert.match((await run('follow', '--apache', 'a', '--haproxy-socket', 's')).stderr, /name the file with --haproxy/)
    const stranger = await runCommand(args('list'), { home })
    assert.equal(stranger.exitCode, 2)
    assert.match(stranger.stderr, /ticket keys are given to who has the admin token/)
    const failed = await run('follow', '--once', '--apache', 'no/such/folder/key')
    assert.equal(failed.exitCode, 1)
  })

  it('leaves a file as it was when it cannot be replaced', async () => {
    writeFileSync(home.path('occupied'), 'x')
    const { exitCode } = await run('follow', '--once', '--apache', 'occupied/key')
    assert.equal(exitCode, 1)
    assert.equal(readFileSync(home.path('occupied'), 'utf8'), 'x')
  })
})

interface Ring {
  readonly keys: { readonly base64: string }
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').trim().split('\n')
}

/** The part of HAProxy's runtime API that is used, with three keys of its own. */
class PlayedHaproxy implements AsyncDisposable {
  keys = ['a', 'b', 'c']
  told = 0
  readonly #server: Server

  private constructor() {
    this.#server = createServer((socket) => {
      socket.setEncoding('utf8').on('data', (text: string) => socket.end(`${this.#answer(text.trim().split(' '))}\n\n`))
    })
  }

  static async start(path: string): Promise<PlayedHaproxy> {
    const haproxy = new PlayedHaproxy()
    haproxy.#server.listen(path)
    await once(haproxy.#server, 'listening')
    return haproxy
  }

  #answer(words: readonly string[]): string {
    if (words[0] === 'show')
      return ['# id secret', `# 0 (${words[2]})`, ...this.keys.map((key, i) => `0.${i} ${key}`)].join('\n')
    this.keys = [...this.keys.slice(1), words[4] ?? '']
    this.told += 1
    return 'TLS ticket key updated!'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
