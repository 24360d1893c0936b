/** The server as a whole: probes, status, files, and who may ask what. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type Admin, type AdminOptions, startAdmin } from '@reprise/admin'
import { type Answer, type Asking, ask, MAY, TOKEN } from './support/ask.ts'
import { FakeNode } from './support/fake-node.ts'

describe('an admin server', () => {
  let node: FakeNode
  let admin: Admin | undefined

  beforeEach(() => {
    node = new FakeNode()
  })

  afterEach(async () => {
    await admin?.close()
    admin = undefined
  })

  async function start(
    options: Partial<AdminOptions> = {},
  ): Promise<(path: string, asking?: Asking) => Promise<Answer>> {
    const started = await startAdmin({ node, ...options })
    admin = started
    return (path, asking) => ask(started, path, asking)
  }

  it('lives whatever becomes of the node', async () => {
    const get = await start()
    for (const state of ['starting', 'ready', 'draining', 'stopped'] as const) {
      node.state = state
      for (const path of ['/livez', '/healthz']) {
        const { status, text } = await get(path)
        assert.deepEqual([status, text], [200, 'ok\n'])
      }
    }
  })

  it('tells of another process when the node runs in one', async () => {
    const facts = {
      pid: 1,
      uptimeMs: 2,
      process: { rssBytes: 3, heapUsedBytes: 4, eventLoopDelayMs: { p50: 5, p99: 6, max: 7 } },
    }
    const get = await start({ node: Object.assign(node, { processFacts: () => facts }) })
    const { pid, uptimeMs, process } = (await get('/status')).json as typeof facts
    assert.deepEqual({ pid, uptimeMs, process }, facts)
  })

  it('is ready when the node is, and says what it lacks', async () => {
    const get = await start()
    assert.deepEqual((await get('/readyz')).text, 'ok\n')
    assert.equal((await get('/readyz?verbose')).text, '[+]joined ok\n[+]shards ok\n[+]not draining ok\n')

    node.state = 'catching-up'
    node.shardStates = ['ready', 'joining', 'none']
    assert.equal((await get('/readyz')).status, 503)
    assert.equal((await get('/readyz?verbose')).text, '[+]joined ok\n[-]shards 1 of 3 not ready\n[+]not draining ok\n')

    node.state = 'starting'
    node.shardStates = ['joining', 'joining', 'none']
    assert.match((await get('/readyz?verbose')).text, /^\[-\]not joined/)

    node.state = 'draining'
    node.shardStates = ['ready', 'ready', 'ready']
    const { status, text } = await get('/readyz?verbose')
    assert.deepEqual([status, text], [503, '[+]joined ok\n[+]shards ok\n[-]draining\n'])

    node.state = 'stopped'
    assert.equal((await get('/readyz?verbose')).text, '[-]stopped\n')
  })

  it('is not ready any more when the program says that it will go', async () => {
    const get = await start()
    admin?.drain()
    assert.equal((await get('/readyz')).status, 503)
    assert.match((await get('/readyz?verbose')).text, /\[-\]draining\n$/)
    assert.equal((await get('/livez')).status, 200)
  })

  it('tells the status of the node and its process, and what the program adds to it', async () => {
    const get = await start({ extension: { status: () => ({ handshakes: { full: 1 }, name: 'mallory' }) } })
    const { status, headers, text, json } = await get('/status')
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['cache-control'], 'no-store')
    assert(text.endsWith('}\n'))
    assert(typeof json === 'object' && json !== null)
    const { schemaVersion, name, pid, state, node: told, stats, process: figures, handshakes } = Object(json)
    assert.deepEqual([schemaVersion, name, pid, state], [1, 'web-1', process.pid, 'ready'])
    assert.deepEqual([told.nodeId, stats.resumes.partial, handshakes.full], ['me', 2, 1])
    assert(figures.rssBytes > figures.heapUsedBytes)
    assert.deepEqual(Object.keys(figures.eventLoopDelayMs), ['p50', 'p99', 'max'])
  })

  it('outlasts a connection that cannot be accepted, and logs it', async () => {
    const lines: unknown[] = []
    const nothing = (): void => {}
    const error = (...line: readonly unknown[]): void => void lines.push(line)
    const get = await start({ logger: { debug: nothing, info: nothing, warn: nothing, error } })
    const onRequest = (message: unknown): void => {
      Object(message).server.emit('error', Object.assign(new Error('accept'), { code: 'ENFILE' }))
    }
    subscribe('http.server.request.start', onRequest)
    try {
      assert.equal((await get('/livez')).status, 200)
    } finally {
      unsubscribe('http.server.request.start', onRequest)
    }
    assert.deepEqual(lines, [['the admin server cannot accept a connection', { error: 'ENFILE' }]])
  })

  it('answers HEAD like GET, without the body', async () => {
    const get = await start()
    const { status, text, headers } = await get('/livez', { method: 'HEAD' })
    assert.deepEqual([status, text, headers['content-length']], [200, '', '3'])
  })

  it('answers nobody who came by another name', async () => {
    const get = await start()
    const port = admin?.port
    for (const host of ['evil.example', '127.0.0.1.evil.example', `evil.example:${port}`, '127.0.0.1@evil.example']) {
      assert.equal((await get('/status', { headers: { host } })).status, 421, host)
    }
    for (const host of ['localhost', `LOCALHOST:${port}`, '127.0.0.1', '[::1]', `[::1]:${port}`]) {
      assert.equal((await get('/status', { headers: { host } })).status, 200, host)
    }
  })

  it('gives no other origin permission', async () => {
    const get = await start({ token: TOKEN })
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'DELETE' }
    const preflight = await get('/sessions/s', { method: 'OPTIONS', headers })
    assert.equal(preflight.status, 403)
    for (const answer of [preflight, await get('/status', { headers })]) {
      assert(!Object.keys(answer.headers).some((name) => name.startsWith('access-control')))
    }
  })

  it('says what went wrong in one form', async () => {
    const get = await start({ token: TOKEN })
    const wrong: readonly [string, Asking, number, string][] = [
      ['/elsewhere', {}, 404, 'NOT_FOUND'],
      ['/status/', {}, 404, 'NOT_FOUND'],
      ['/status', { method: 'POST', headers: MAY }, 405, 'METHOD'],
      ['/check', {}, 501, 'NOT_SUPPORTED'],
      ['/sessions/s', {}, 401, 'UNAUTHORIZED'],
      ['/sessions/%e0%a4%a', { headers: MAY }, 400, 'USAGE'],
      ['/sessions/base64url:*', { headers: MAY }, 400, 'USAGE'],
      ['/sessions/s', { headers: MAY }, 503, 'UNKNOWN'],
      ['/sessions/s', { method: 'PUT', headers: { authorization: MAY['authorization'] ?? '' } }, 403, 'CSRF'],
      ['/sessions/s', { method: 'PUT', headers: MAY, body: { create: true } }, 503, 'UNAVAILABLE'],
      ['/controls/kill', { method: 'POST', headers: MAY }, 404, 'NOT_FOUND'],
    ]
    for (const [path, asking, status, code] of wrong) {
      const answer = await get(path, asking)
      assert.equal(answer.status, status, path)
      const { schemaVersion, error } = Object(answer.json)
      assert.deepEqual([schemaVersion, error.code], [1, code], path)
      assert.deepEqual([typeof error.message, typeof error.next], ['string', 'string'])
    }
  })
})
