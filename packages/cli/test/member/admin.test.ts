import assert from 'node:assert/strict'
import { request } from 'node:http'
import type { NodeStatus } from '@reprise/node'
import type { ClusterResumption } from '@reprise/tls'
import { type Admin, startAdmin } from '../../src/member/admin.ts'

describe('admin', () => {
  let admin: Admin
  let isReady = false

  before(async () => {
    admin = await startAdmin({
      name: 'node-1',
      port: 0,
      certificate: { certificatePem: 'PEM', privateKeyPem: 'SECRET' },
      node: {
        get isReady() {
          return isReady
        },
        status: () => ({ nodeId: 'me' }) as unknown as NodeStatus,
      },
      terminator: {
        handshakes: () => ({ full: 1, local: 2, peers: 3 }),
        resumption: { stats: () => ({}) } as unknown as ClusterResumption,
      },
    })
  })

  after(() => admin.close())

  function ask(path: string, { method = 'GET', host = `127.0.0.1:${admin.port}` } = {}): Promise<[number, string]> {
    return new Promise((resolve, reject) => {
      const asked = request(
        { port: admin.port, host: '127.0.0.1', path, method, headers: { host } },
        async (response) => {
          let body = ''
          for await (const chunk of response.setEncoding('utf8')) body += chunk
          resolve([response.statusCode ?? 0, body])
        },
      )
      asked.on('error', reject)
      asked.end()
    })
  }

  it('tells whether it lives, and whether it is ready', async () => {
    assert.deepEqual(await ask('/livez'), [200, 'ok\n'])
    assert.deepEqual(await ask('/readyz'), [503, 'not ready\n'])
    isReady = true
    assert.deepEqual(await ask('/readyz'), [200, 'ok\n'])
  })

  it('tells its status, and never its key', async () => {
    const [status, body] = await ask('/status')
    assert.equal(status, 200)
    const { schemaVersion, name, handshakes, node } = JSON.parse(body)
    assert.deepEqual([schemaVersion, name, handshakes.peers, node.nodeId], [1, 'node-1', 3, 'me'])
    assert.deepEqual(await ask('/certificate'), [200, 'PEM'])
    assert.doesNotMatch(body, /SECRET/)
  })

  it('answers nobody who came by another name', async () => {
    assert.equal((await ask('/status', { host: 'evil.example' }))[0], 421)
    assert.equal((await ask('/status', { host: 'localhost' }))[0], 200)
    assert.equal((await ask('/status', { host: '127.0.0.1.evil.example' }))[0], 421)
  })

  it('changes nothing', async () => {
    assert.equal((await ask('/status', { method: 'POST' }))[0], 405)
    assert.equal((await ask('/elsewhere'))[0], 404)
  })
})
