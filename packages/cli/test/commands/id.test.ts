import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { createNode } from '@reprise/node'
import { Home, runCommand } from '../support/command.ts'

describe('reprise id init', function () {
  this.timeout(20_000)

  it('makes the identity that the node will have, once', async () => {
    using home = new Home()
    const first = await runCommand(['id', 'init', '--data-dir', 'a', '--listen', '/ip4/10.0.0.1/tcp/7401'], { home })
    assert.equal(first.exitCode, 0)
    const peerId = first.stdout.trim()
    assert.match(peerId, /^12D3KooW\w+$/)
    assert.match(first.stderr, new RegExp(`^ {2}/ip4/10\\.0\\.0\\.1/tcp/7401/p2p/${peerId}$`, 'm'))
    assert.equal(statSync(home.path('a/identity')).mode & 0o777, 0o600)
    const bytes = readFileSync(home.path('a/identity'))

    const again = await runCommand(['id', 'init', '--data-dir', 'a', '--json'], { home })
    assert.deepEqual(JSON.parse(again.stdout), {
      schemaVersion: 1,
      peerId,
      dataDir: 'a',
      isNew: false,
      addresses: [`/dns4/HOST/tcp/PORT/p2p/${peerId}`],
    })
    assert.deepEqual(readFileSync(home.path('a/identity')), bytes)

    const node = await createNode({ dataDir: home.path('a') })
    await node.stop()
    assert.equal(node.nodeId, peerId)
  })

  it('asks for a directory', async () => {
    const { exitCode, stderr } = await runCommand(['id', 'init'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /next: reprise id init --data-dir DIR/)
  })
})
