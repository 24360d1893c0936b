/** Who may ask what, and what the server bears. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type Admin, type AdminOptions, startAdmin } from '@reprise/admin'
import { UsageError } from '@reprise/node'
import { BODY_BYTES_MAX, HEADER_BYTES_MAX, REQUESTS_AT_ONCE_MAX } from '../src/constants.ts'
import { ask, MAY, TOKEN } from './support/ask.ts'
import { FakeNode } from './support/fake-node.ts'

describe('access to an admin server', () => {
  let admin: Admin | undefined

  async function start(options: Partial<AdminOptions> = {}): Promise<Admin> {
    admin = await startAdmin({ node: new FakeNode(), ...options })
    return admin
  }

  afterEach(async () => {
    await admin?.close()
    admin = undefined
  })

  it('from elsewhere is not opened without a token, nor with one that can be guessed', async () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'web-1.internal', '127.0.0.1.evil.example']) {
      await assert.rejects(
        startAdmin({ node: new FakeNode(), host }),
        { name: 'UsageError', message: /give a token/ },
        host,
      )
    }
    for (const token of ['', 'short', 'with spaces in between it', 'zürich-zürich-zürich']) {
      await assert.rejects(start({ token }), UsageError, token)
    }
    await assert.rejects(start({ port: 65_536 }), UsageError)
  })

  it('needs the token for all but the probes and the page, where others can reach it', async () => {
    const server = await start({ host: '0.0.0.0', token: TOKEN, page: PAGE })
    for (const path of ['/livez', '/readyz?verbose', '/', '/ui/app.js']) {
      // Any name: a pod is asked by its address.
      assert.equal((await ask(server, path, { headers: { host: '10.1.2.3:4750' } })).status, 200, path)
    }
    for (const path of ['/status', '/metrics', '/check', '/events', '/sessions/s', '/controls/x', '/elsewhere']) {
      const { status, headers } = await ask(server, path)
      assert.deepEqual([status, headers['www-authenticate']], [401, 'Bearer realm="reprise"'], path)
    }
    assert.equal((await ask(server, '/status', { headers: MAY })).status, 200)
    assert.equal((await ask(server, '/elsewhere', { headers: MAY })).status, 404)
  })

  it('needs exactly the token', async () => {
    const server = await start({ token: TOKEN })
    const status = async (authorization: string): Promise<number> =>
      (await ask(server, '/sessions/s', { headers: { authorization } })).status
    for (const wrong of ['', TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, 'Bearer ']) {
      assert.equal(await status(wrong), 401, wrong)
    }
    for (const right of [`Bearer ${TOKEN}`, `bearer  ${TOKEN}`]) assert.equal(await status(right), 503, right)
  })

  it('to sessions and controls is nobody’s without a token, and the answer says how to have one', async () => {
    const server = await start({ extension: { controls: { kill: async () => ({}) } } })
    for (const [path, method] of [
      ['/sessions/s', 'GET'],
      ['/sessions/s', 'DELETE'],
      ['/controls/kill', 'POST'],
    ] as const) {
      const { status, json } = await ask(server, path, { method, headers: MAY })
      assert.equal(status, 403)
      assert.match(Object(json).error.next, /start it with a token/)
    }
  })

  it('changes nothing without the header that no page can send', async () => {
    let used = 0
    const kill = async (): Promise<object> => ({ used: ++used })
    const server = await start({ token: TOKEN, extension: { controls: { kill } } })
    const { authorization = '' } = MAY
    const refused = await ask(server, '/controls/kill', { method: 'POST', headers: { authorization } })
    assert.deepEqual([refused.status, used], [403, 0])
    const done = await ask(server, '/controls/kill', { method: 'POST', headers: MAY })
    assert.deepEqual([done.status, done.text], [200, '{"schemaVersion":1,"used":1}\n'])
  })

  it('with a body that is too long, no JSON, or no object, ends with an answer', async () => {
    const echo = async (body: object): Promise<object> => ({ body })
    const server = await start({ token: TOKEN, extension: { controls: { echo } } })
    const post = (body: unknown, headers = {}): ReturnType<typeof ask> =>
      ask(server, '/controls/echo', { method: 'POST', headers: { ...MAY, ...headers }, body })
    const json = { 'content-type': 'application/json' }
    assert.deepEqual((await post({ a: [1] })).json, { schemaVersion: 1, body: { a: [1] } })
    assert.equal((await post('{}')).status, 415)
    for (const wrong of ['{', '[]', '1', 'null', '{"__proto__":1}', '{"a":{"__proto__":{}}}']) {
      const { status, text } = await post(wrong, json)
      assert.equal(status, 400, wrong)
      assert.doesNotMatch(text, /position|Unexpected/)
    }
    const long = JSON.stringify({ a: 'x'.repeat(BODY_BYTES_MAX) })
    assert.equal((await post(long, json)).status, 413)
    const chunked = { ...json, 'transfer-encoding': 'chunked' }
    assert.equal((await post(long, chunked)).status, 413)
  })

  it('with headers that are too long is refused', async () => {
    const server = await start()
    assert.equal((await ask(server, '/livez', { headers: { x: 'x'.repeat(HEADER_BYTES_MAX) } })).status, 431)
  })

  it('is bounded in what is under way, but for the probes, and what nobody waits for is told so', async () => {
    const waiting: AbortSignal[] = []
    const hang = (_: object, signal: AbortSignal): Promise<object> => {
      waiting.push(signal)
      return new Promise(() => {})
    }
    const server = await start({ token: TOKEN, extension: { controls: { hang } } })
    const sockets = Array.from({ length: REQUESTS_AT_ONCE_MAX }, () => {
      const socket = connect(server.port, '127.0.0.1')
      const headers = ['host: localhost', `authorization: Bearer ${TOKEN}`, 'x-reprise-admin: 1', 'content-length: 0']
      socket.write(`POST /controls/hang HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
      return socket
    })
    await until(() => waiting.length === REQUESTS_AT_ONCE_MAX)
    assert.equal((await ask(server, '/status')).status, 503)
    assert.equal((await ask(server, '/livez')).status, 200)
    for (const socket of sockets) socket.destroy()
    await until(() => waiting.every(({ aborted }) => aborted))
    assert.equal((await ask(server, '/status')).status, 200)
  })
})

describe('the files of an admin server', () => {
  let admin: Admin

  before(async () => {
    const files = { '/certificate': { type: 'application/x-pem-file', body: 'PEM' } }
    admin = await startAdmin({ node: new FakeNode(), page: PAGE, extension: { files } })
  })

  after(() => admin.close())

  it('are those of the page, with its policy, and of the program', async () => {
    const index = await ask(admin, '/')
    assert.deepEqual([index.status, index.text, index.headers['content-type']], [200, '<!doctype html>', 'text/html'])
    assert.equal(index.headers['content-security-policy'], "default-src 'none'")
    assert.equal(index.headers['x-content-type-options'], 'nosniff')
    assert.equal((await ask(admin, '/ui/app.js')).text, 'let x')
    assert.equal((await ask(admin, '/ui/fonts/a.woff2')).text, 'ab')
    assert.equal((await ask(admin, '/certificate')).text, 'PEM')
    for (const path of ['/ui/', '/ui/other.js', '/ui/..%2fapp.js', '/ui/%2e%2e/app.js', '/ui', '//']) {
      assert.equal((await ask(admin, path)).status, 404, path)
    }
  })

  it('are kept by browsers that ask whether they changed', async () => {
    const { headers } = await ask(admin, '/ui/app.js')
    assert.deepEqual([headers['etag'], headers['cache-control']], ['"1"', 'no-cache'])
    const again = await ask(admin, '/ui/app.js', { headers: { 'if-none-match': '"1"' } })
    assert.deepEqual([again.status, again.text], [304, ''])
    assert.equal((await ask(admin, '/')).headers['cache-control'], 'no-store')
  })
})

const PAGE = {
  index: { type: 'text/html', body: '<!doctype html>' },
  assets: new Map([
    ['app.js', { type: 'text/javascript', body: 'let x', etag: '"1"' }],
    ['fonts/a.woff2', { type: 'font/woff2', body: Buffer.from('ab') }],
  ]),
  contentSecurityPolicy: "default-src 'none'",
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}
