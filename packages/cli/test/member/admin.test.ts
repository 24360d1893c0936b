import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { Admin, Page } from '@reprise/admin'
import { loadPage } from '@reprise/dashboard'
import { createNode, type Node } from '@reprise/node'
import type { ClusterResumption } from '@reprise/tls'
import { startMemberAdmin } from '../../src/member/admin.ts'

describe("a member's admin server", () => {
  let node: Node
  let admin: Admin
  let page: Page

  const start = (port: number): Promise<Admin> =>
    startMemberAdmin({
      name: 'node-1',
      port,
      adminToken: 'sixteen-characters',
      gateways: () => ({}),
      page,
      certificate: { certificatePem: 'PEM', privateKeyPem: 'SECRET' },
      node,
      terminator: {
        handshakes: () => ({ full: 1, local: 2, peers: 3 }),
        resumption: { stats: () => ({ lookups: { hit: 4 } }) } as unknown as ClusterResumption,
      },
    })

  before(async () => {
    node = await createNode()
    page = await loadPage()
    admin = await start(0)
  })

  after(async () => {
    await node.stop()
    await admin.close()
  })

  it('tells of its handshakes and its certificate, and never its key', async () => {
    const body = await (await fetch(`${admin.url}/status`)).text()
    const { schemaVersion, name, handshakes, resumption, node: told } = JSON.parse(body)
    assert.deepEqual([schemaVersion, name, told.nodeId], [1, 'node-1', node.nodeId])
    assert.deepEqual([handshakes.peers, resumption.lookups.hit], [3, 4])
    assert.doesNotMatch(body, /SECRET/)

    const certificate = await fetch(`${admin.url}/certificate`)
    assert.deepEqual([certificate.status, await certificate.text()], [200, 'PEM'])
  })

  it('shows the page', async () => {
    const shown = await fetch(`${admin.url}/`)
    assert.equal(shown.status, 200)
    assert.match(await shown.text(), /^<!doctype html>/)
  })

  it('listens elsewhere when somebody took its port meanwhile', async () => {
    const squatter = createServer()
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
    const address = squatter.address()
    assert(typeof address === 'object' && address !== null)
    const elsewhere = await start(address.port)
    try {
      assert.notEqual(elsewhere.port, address.port)
      assert.equal((await fetch(`${elsewhere.url}/readyz`)).status, 200)
    } finally {
      await elsewhere.close()
      await new Promise((resolve) => squatter.close(resolve))
    }
  })
})
