import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { CommandError } from '../../src/failure.ts'
import { type ClusterNode, ClusterStates, type StaleCluster } from '../../src/state/cluster-state.ts'
import { Home } from '../support/command.ts'

const NODE: ClusterNode = {
  name: 'node-1',
  pid: 4711,
  peerId: '12D3KooWx',
  listen: '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWx',
  admin: 'http://127.0.0.1:2',
  tlsPort: 3,
}

describe('the state of clusters', () => {
  let home: Home
  let states: ClusterStates

  beforeEach(() => {
    home = new Home()
    states = new ClusterStates(home.path('clusters'))
  })

  afterEach(() => home[Symbol.dispose]())

  it('is for its owner only, whole at any moment, and gone when it is released', () => {
    const claim = states.claim('shop', '1.2.3')
    assert.ok(claim)
    assert.equal(statSync(home.path('clusters')).mode & 0o777, 0o700)
    assert.deepEqual(states.read('shop')?.nodes, [])
    claim.update([NODE])
    assert.equal(statSync(home.path('clusters/shop.json')).mode & 0o777, 0o600)
    const { startedAtMs, processMark, adminToken, ...rest } = JSON.parse(
      readFileSync(home.path('clusters/shop.json'), 'utf8'),
    )
    assert.deepEqual(rest, { schemaVersion: 1, name: 'shop', pid: process.pid, version: '1.2.3', nodes: [NODE] })
    assert.equal(typeof startedAtMs, 'number')
    assert.equal(typeof processMark, 'string')
    assert.equal(adminToken, claim.adminToken)
    claim.release()
    assert.equal(states.read('shop'), undefined)
    assert.deepEqual(
      states.list(() => assert.fail('nothing is stale')),
      [],
    )
  })

  it('gives a name to one cluster', () => {
    using first = states.claim('shop', '1.2.3')
    assert.ok(first)
    assert.equal(states.claim('shop', '1.2.3'), undefined)
    using other = states.claim('shop-2', '1.2.3')
    assert.ok(other)
    assert.notEqual(first.adminToken, other.adminToken)
    assert.deepEqual(
      states.list(() => assert.fail('nothing is stale')).map(({ name }) => name),
      ['shop', 'shop-2'],
    )
  })

  it('is stale when its process is gone, or is another one with the same id', () => {
    for (const change of [{ pid: 2 ** 22 + 1 }, { processMark: 'of another boot' }]) {
      const claim = states.claim('shop', '1.2.3')
      assert.ok(claim, 'what the stale one left is removed')
      const file = home.path('clusters/shop.json')
      const state = { ...JSON.parse(readFileSync(file, 'utf8')), ...change }
      writeFileSync(file, JSON.stringify(state))
      const stale: StaleCluster[] = []
      assert.equal(
        states.read('shop', (cluster) => stale.push(cluster)),
        undefined,
      )
      assert.deepEqual(stale, [{ name: 'shop', pid: state.pid }])
      assert.equal(existsSync(file), false)
    }
  })

  it('says so when a file is no state, and leaves it alone', () => {
    states.prepare()
    const file = home.path('clusters/shop.json')
    for (const text of ['', '{}', '{"schemaVersion":2}', '{"schemaVersion":1,"pid":-1,"nodes":[],"adminToken":""}']) {
      writeFileSync(file, text)
      assert.throws(() => states.read('shop'), CommandError)
      assert.equal(readFileSync(file, 'utf8'), text)
    }
  })

  it('takes no names that lead out of its directory', () => {
    for (const name of ['', '../shop', 'a/b', '.hidden', 'x'.repeat(64)])
      assert.throws(() => states.read(name), CommandError, name)
  })

  it('is a CommandError when its file holds anything else, and such a file is left alone', () => {
    states.prepare()
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom(process.pid, 1, 'text'))
    const like = fc
      .record({ schemaVersion: fc.constantFrom(1, 2), pid: field, processMark: field, adminToken: field, nodes: field })
      .map((state) => JSON.stringify(state))
    const contents = fc.oneof(like, fc.json(), fc.string({ unit: 'binary', maxLength: 60 }), fc.constant(''))
    fc.assert(
      fc.property(contents, (content) => {
        writeFileSync(home.path('clusters/odd.json'), content)
        try {
          const state = states.read('odd')
          // One that is understood names a process that runs, or one that is gone, and then so is the file.
          assert.equal(existsSync(home.path('clusters/odd.json')), state !== undefined)
        } catch (error) {
          assert(error instanceof CommandError)
          assert.equal(readFileSync(home.path('clusters/odd.json'), 'utf8'), Buffer.from(content).toString())
        }
      }),
      { numRuns: 300 },
    )
  })
})
