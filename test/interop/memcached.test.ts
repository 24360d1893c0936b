/** The memcached gateway and memcached itself are told the same, and must say the same. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { createKeyValueStore, type GatewayServer, serveMemcached } from '@reprise/gateways'
import { createNode, type Node } from '@reprise/node'
import Memcached from 'memcached'
import { needs } from '../support/system.ts'
import { play } from './support/memcached-client.ts'
import { SCRIPTS } from './support/memcached-scripts.ts'
import { freePort, pause } from './support/workshop.ts'

const run = promisify(execFile)

describe('memcached clients', () => {
  let real: ChildProcess | undefined
  let realPort: number
  let node: Node | undefined
  let server: GatewayServer | undefined
  let port: number

  before(async function () {
    needs(this, 'memcached', spawnSync('memcached', ['-V']).status === 0)
    realPort = await freePort()
    const options = [
      '-l',
      '127.0.0.1',
      '-p',
      `${realPort}`,
      '-U',
      '0',
      ...(process.getuid?.() === 0 ? ['-u', 'root'] : []),
    ]
    real = spawn('memcached', options, { stdio: 'ignore' })
    node = await createNode({ name: 'beside-memcached' })
    server = await serveMemcached({ store: createKeyValueStore({ node }), listen: '127.0.0.1:0' })
    const { address } = server
    assert('port' in address)
    port = address.port
    while ((await play(realPort, ['version\r\n']))[0]?.startsWith('VERSION') !== true) await pause(10)
  })

  after(async () => {
    await server?.stop()
    await node?.stop()
    if (real?.kill() === true && real.exitCode === null) await once(real, 'exit')
  })

  for (const [name, script] of Object.entries(SCRIPTS)) {
    it(`are answered as by memcached: ${name}`, async () => {
      await Promise.all([play(realPort, ['flush_all\r\n']), play(port, ['flush_all\r\n'])])
      const [expected, got] = await Promise.all([play(realPort, script), play(port, script)])
      assert.deepEqual(
        script.map((piece, i) => [piece.slice(0, 80), got[i]]),
        script.map((piece, i) => [piece.slice(0, 80), expected[i]]),
      )
    })
  }

  describe('of npm’s `memcached`', () => {
    let client: Memcached

    before(() => {
      client = new Memcached(`127.0.0.1:${port}`, { retries: 0 })
    })

    after(() => client.end())

    it('store, read one and many, touch, count, compare and delete, without special settings', async () => {
      const call = <T>(work: (done: (error: unknown, result: T) => void) => void): Promise<T> =>
        new Promise((resolve, reject) => work((error, result) => (error ? reject(error) : resolve(result))))
      assert.equal(await call((done) => client.set('one', 'text', 60, done)), true)
      assert.equal(await call((done) => client.set('two', { a: [1] }, 60, done)), true)
      assert.equal(await call((done) => client.add('two', 'x', 60, done)).catch(() => false), false)
      assert.equal(await call((done) => client.get('one', done)), 'text')
      assert.deepEqual(await call((done) => client.getMulti(['one', 'two', 'none'], done)), {
        one: 'text',
        two: { a: [1] },
      })
      await call((done) => client.touch('one', 100, (error) => done(error, undefined)))
      assert.equal(await call((done) => client.set('count', 41, 60, done)), true)
      assert.equal(await call((done) => client.incr('count', 1, done)), 42)
      const { cas } = await call<{ cas: string }>((done) => client.gets('one', done))
      assert.equal(await call((done) => client.cas('one', 'other', cas, 60, done)), true)
      await call((done) => client.append('one', ' text', (error) => done(error, undefined)))
      assert.equal(await call((done) => client.get('one', done)), 'other text')
      assert.equal(await call((done) => client.del('one', done)), true)
      assert.equal(await call((done) => client.get('one', done)), undefined)
      assert.equal((await call<{ version: string }[]>((done) => client.version(done)))[0]?.version, '1.6.18')
      assert((await call<object[]>((done) => client.stats(done))).length === 1)
      assert.deepEqual(await call((done) => client.flush(done)), [true])
    })
  })

  describe('of libmemcached', () => {
    before(function () {
      needs(this, 'libmemcached-tools', spawnSync('memcping', ['--version']).status === 0)
    })

    it('ping, store, read, list what there is, and flush', async () => {
      const servers = `--servers=127.0.0.1:${port}`
      await run('memcping', [servers])
      await run('memcflush', [servers])
      await run('memccp', [servers, '/etc/hostname'])
      const { stdout } = await run('memccat', [servers, 'hostname'])
      assert.equal(stdout.trim(), (await run('cat', ['/etc/hostname'])).stdout.trim())
      await run('memctouch', [servers, '--expire=100', 'hostname'])
      await run('memcexist', [servers, 'hostname'])
      assert.match((await run('memcstat', [servers])).stdout, /curr_items: 1\b/)
      await run('memcrm', [servers, 'hostname'])
      await assert.rejects(run('memcexist', [servers, 'hostname']))
    })
  })
})
