import assert from 'node:assert/strict'
import { BUCKET_COUNT, DEAD_MS, FORGET_MS, HEARTBEAT_MS, SHARD_COUNT, SUSPECT_MS } from '../../src/constants.ts'
import type { MemberNews } from '../../src/wire/messages.ts'
import { Cluster, idInShard } from '../support/cluster.ts'

const stateOf = (cluster: Cluster, at: string, of: string): string | undefined =>
  cluster
    .replica(at)
    .status()
    .members.find(({ nodeId }) => nodeId === of)?.state

const news = (node: string, more: Partial<MemberNews> = {}): MemberNews => ({
  node,
  incarnation: 1,
  state: 'alive',
  name: node,
  zone: '',
  weight: 1,
  addresses: [],
  ...more,
})

describe('members', () => {
  it('beat every 500 ms, and measure the round trip, also when all beat in step', () => {
    const cluster = Cluster.ready({ latencyMs: 40 })
    cluster.run(60 * HEARTBEAT_MS)
    for (const { roundTripMs } of cluster.replica('a').status().members) {
      assert(Math.abs(roundTripMs - 80) < 2, `${roundTripMs} ms`)
    }
    cluster.sent.length = 0
    cluster.run(10 * HEARTBEAT_MS)
    assert.equal(cluster.sentOf('heartbeat').filter(({ from, to }) => from === 'a' && to === 'b').length, 10)
  })

  it('are suspected when silent, keep their shards, and are alive again with the first word', () => {
    const cluster = Cluster.ready()
    const before = cluster.holdersOf(idInShard(7), 'a')
    cluster.fate = ({ from }) => (from === 'b' ? 'lose' : undefined)
    cluster.run(SUSPECT_MS + 2 * HEARTBEAT_MS)
    assert.equal(stateOf(cluster, 'a', 'b'), 'suspect')
    assert.deepEqual(cluster.holdersOf(idInShard(7), 'a'), before)
    cluster.fate = () => undefined
    cluster.run(HEARTBEAT_MS + 10)
    assert.equal(stateOf(cluster, 'a', 'b'), 'alive')
    assert.deepEqual(
      cluster.notices.filter(({ node }) => node === 'a').map(({ notice }) => notice.type),
      ['member:suspect', 'member:up'],
    )
  })

  it('are suspected at once when their connection is cut, and dead when that lasts', () => {
    const cluster = Cluster.ready()
    const startMs = cluster.nowMs
    cluster.crash('b')
    assert.equal(stateOf(cluster, 'a', 'b'), 'suspect')
    cluster.until(() => stateOf(cluster, 'a', 'b') === 'dead', 'b is dead')
    assert(cluster.nowMs - startMs >= DEAD_MS && cluster.nowMs - startMs <= DEAD_MS + 2 * HEARTBEAT_MS)
    assert.deepEqual(cluster.replica('a').aliveMembers(), ['a', 'c'])
  })

  it('come back after death, in the same life and in a later one', () => {
    const cluster = Cluster.ready()
    for (const other of ['a', 'c']) cluster.cut('b', other)
    cluster.run(DEAD_MS + 2_000)
    assert.equal(stateOf(cluster, 'a', 'b'), 'dead')
    for (const other of ['a', 'c']) cluster.connect('b', other)
    cluster.until(() => cluster.isSettled(), 'the same life')
    cluster.crash('b')
    cluster.run(DEAD_MS + 2_000)
    cluster.join('b', { incarnation: 2 })
    cluster.until(() => cluster.isSettled(), 'a later life')
  })

  it('that say goodbye are gone at once, and are told to others who cannot hear them', () => {
    const cluster = Cluster.ready()
    cluster.cut('b', 'c')
    cluster.step('b', { type: 'leave' })
    cluster.step('b', { type: 'goodbye' })
    cluster.run(10)
    assert.equal(stateOf(cluster, 'a', 'b'), 'left')
    const [down] = cluster.noticesOf('member:down')
    assert.deepEqual([down?.node, down?.notice.node, down?.notice.state], ['a', 'b', 'left'])
  })

  it('[W2] [pitfall 1] of a lower incarnation than known are refused, and rise above it', () => {
    const cluster = Cluster.ready({ init: () => ({ incarnation: 50 }) })
    cluster.crash('b')
    cluster.join('b', { incarnation: 7 })
    cluster.run(10)
    assert.equal(cluster.sentOf('refused')[0]?.message.knownIncarnation, 50)
    cluster.until(() => cluster.isSettled(), 'b is accepted')
    const { incarnation } = cluster.replica('b')
    assert(incarnation > 50)
    for (const at of ['a', 'c']) {
      const member = cluster
        .replica(at)
        .status()
        .members.find(({ nodeId }) => nodeId === 'b')
      assert.equal(member?.incarnation, incarnation)
    }
  })

  it('find each other through one they both know', () => {
    const cluster = new Cluster()
    for (const node of ['a', 'b', 'c']) cluster.start(node, { addresses: [`/at/${node}`] })
    cluster.connect('a', 'b')
    cluster.connect('b', 'c')
    cluster.run(100)
    assert.deepEqual(cluster.dialLists.get('c')?.get('a'), ['/at/a'])
    cluster.connect('a', 'c')
    cluster.until(() => cluster.isSettled(), 'a full mesh')
  })

  it('are not believed dead by hearsay while they can be heard', () => {
    const cluster = Cluster.ready()
    cluster.hear('a', 'c', {
      type: 'members',
      members: [news('b', { state: 'dead' }), news('b', { state: 'dead', incarnation: 9 })],
    })
    assert.equal(stateOf(cluster, 'a', 'b'), 'alive')
  })

  it('are forgotten some time after they are gone', () => {
    const cluster = Cluster.ready()
    cluster.crash('b')
    cluster.run(DEAD_MS + FORGET_MS / 2)
    assert.equal(stateOf(cluster, 'a', 'b'), 'dead')
    cluster.run(FORGET_MS)
    assert.equal(stateOf(cluster, 'a', 'b'), undefined)
  })

  describe('that greet wrongly are not let in', () => {
    const greeting = {
      type: 'greeting' as const,
      self: news('z'),
      shardCount: SHARD_COUNT,
      bucketCount: BUCKET_COUNT,
      copies: 2,
    }
    const wrong = {
      "in another's name": { ...greeting, self: news('b', { incarnation: 99 }) },
      'with other shards': { ...greeting, shardCount: 32 },
      'with other buckets': { ...greeting, bucketCount: 512 },
      'with another number of copies': { ...greeting, copies: 3 },
    }
    for (const [what, message] of Object.entries(wrong)) {
      it(what, () => {
        const cluster = Cluster.ready()
        cluster.hear('a', 'z', message)
        const [bad] = cluster.noticesOf('bad-message')
        assert.equal(bad?.notice.from, 'z')
        assert.deepEqual(cluster.replica('a').aliveMembers(), ['a', 'b', 'c'])
      })
    }

    it('[pitfall 45] and are not listened to before they greet', () => {
      const cluster = Cluster.ready()
      const before = cluster.sent.length
      cluster.hear('a', 'z', { type: 'sync-ask', session: 1, shard: 0, scope: 'holder', digests: [] })
      cluster.hear('a', 'z', { type: 'join', incarnation: 1, shards: [0] })
      assert.equal(cluster.sent.length, before)
    })
  })
})
