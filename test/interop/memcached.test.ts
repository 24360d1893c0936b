/** The memcached gateway and memcached itself are told the same, and must say the same. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { createKeyValueStore, type GatewayServer, serveMemcached } from '@reprise/gateways'
import { createNode, type Node } from '@reprise/node'
import { needs } from '../support/system.ts'
import { play } from './support/memcached-client.ts'
import { SCRIPTS } from './support/memcached-scripts.ts'

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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert(typeof address === 'object' && address !== null)
  server.close()
  await once(server, 'close')
  return address.port
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
