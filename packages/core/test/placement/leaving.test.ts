import assert from 'node:assert/strict'
import { DEAD_MS, HEARTBEAT_MS, SHARD_COUNT, SUSPECT_MS } from '../../src/constants.ts'
import { Cluster, idInShard, keyOf, shardOf, texts } from '../support/cluster.ts'

const SHARDS = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)

/** Sessions written by a node, one in each of some shards. */
function fill(cluster: Cluster, by: string, copies = 2): string[] {
  const ids = SHARDS.filter((shard) => shard % 4 === 0).map((shard) => idInShard(shard, `of-${by}`))
  for (const id of ids) {
    cluster.result(cluster.create(by, id, { assumeNew: true }))
    cluster.written(cluster.commit(by, id, { of: id }, { copies }))
  }
  return ids
}

/** Let a node hand over and go, as a driver does. @returns how long it took. */
function leave(cluster: Cluster, node: string): number {
  const startMs = cluster.nowMs
  cluster.step(node, { type: 'leave' })
  cluster.until(() => !cluster.replica(node).owesAnything, `${node} owes nothing`)
  cluster.step(node, { type: 'goodbye' })
  cluster.run(10)
  cluster.crash(node)
  return cluster.nowMs - startMs
}

function readyAt(cluster: Cluster, shard: number): string[] {
  return cluster.nodes.filter((node) => cluster.replica(node).shardState(shard) === 'ready')
}

describe('[rule P2] a node that leaves', () => {
  it('[R5] hands over all it holds before it goes, so that no shard ever has fewer copies', () => {
    const cluster = Cluster.ready({ nodes: 5 })
    const ids = [...fill(cluster, 'a'), ...fill(cluster, 'b')]
    cluster.step('b', { type: 'leave' })
    while (cluster.replica('b').owesAnything) {
      cluster.run(1)
      for (const shard of SHARDS.filter((n) => n % 4 === 0)) assert(readyAt(cluster, shard).length >= 3)
    }
    cluster.step('b', { type: 'goodbye' })
    cluster.crash('b')
    for (const id of ids) {
      for (const node of readyAt(cluster, shardOf(id))) assert.deepEqual(texts(cluster.record(node, id)), { of: id })
    }
    for (const shard of SHARDS) assert.equal(readyAt(cluster, shard).length, 3)
    assert.deepEqual(cluster.noticesOf('handover:incomplete'), [])
    assert(cluster.nowMs < DEAD_MS)
  })

  it('[T1] counts no stub for a copy: who evicted what it has takes it again, if there is room by now', () => {
    for (const planted of [[], ['take-evicted']]) {
      const cluster = Cluster.ready({
        init: (node) => ({ planted: new Set(planted), ...(node === 'c' && { cacheBytesMax: 1_600 }) }),
      })
      const key = keyOf('s')
      cluster.establish('a', 's', { x: 'one' })
      for (let i = 0; i < 6; i++) {
        cluster.result(cluster.create('a', `short-${i}`, { assumeNew: true, idleMs: 2_000 }))
        cluster.written(cluster.commit('a', `short-${i}`, { x: 'y'.repeat(50) }, { copies: 2 }))
      }
      assert.equal(cluster.replica('c').table.absence(key), 'evicted')
      cluster.run(3_000)
      leave(cluster, 'a')
      assert.deepEqual(cluster.noticesOf('handover:incomplete'), [])
      assert.deepEqual(cluster.nodesWith('s'), planted.length === 0 ? ['b', 'c'] : ['b'])
    }
  })

  it('[T1] goes soon when who evicted what it has still has no room for it', () => {
    const cluster = Cluster.ready({ init: (node) => (node === 'c' ? { cacheBytesMax: 1_600 } : {}) })
    const ids = fill(cluster, 'a')
    assert(leave(cluster, 'a') < 2_000)
    assert.deepEqual(cluster.noticesOf('handover:incomplete'), [])
    for (const id of ids) assert(cluster.nodesWith(id).includes('b'))
  })

  it('goes at once when everybody who shall hold its shards has them already', () => {
    const cluster = Cluster.ready()
    fill(cluster, 'b')
    assert(leave(cluster, 'b') < 200)
    assert.deepEqual(cluster.noticesOf('handover:incomplete'), [])
  })

  it('goes at once when it has nothing, or nobody to hand it to', () => {
    assert(leave(Cluster.ready({ nodes: 4 }), 'b') <= 20)
    const alone = new Cluster()
    alone.start('a', { expectPeers: false })
    alone.run(100)
    fill(alone, 'a', 0)
    assert(leave(alone, 'a') <= 20)
  })

  it('goes at once when all others go too', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    fill(cluster, 'a')
    for (const node of cluster.nodes) cluster.step(node, { type: 'leave' })
    cluster.until(() => cluster.nodes.every((node) => !cluster.replica(node).owesAnything), 'nobody owes anything', 200)
  })

  it('waits for who shall have its shards, and says so when it must go without', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    fill(cluster, 'a')
    cluster.fate = ({ from, type }) => (from === 'b' && type.startsWith('sync-') ? 'lose' : undefined)
    cluster.step('b', { type: 'leave' })
    cluster.run(3_000)
    assert.equal(cluster.replica('b').owesAnything, true)
    const { owedShards } = cluster.replica('b')
    cluster.step('b', { type: 'goodbye' })
    const [incomplete] = cluster.noticesOf('handover:incomplete')
    assert.deepEqual(incomplete?.notice.shards, owedShards)
    assert(owedShards.length > 0)
  })

  it('counts on nobody who is silent, though it was equal a moment ago', () => {
    const cluster = Cluster.ready()
    fill(cluster, 'a')
    // Equal at c is all it learns at first; then c is no more, and no connection says so.
    cluster.fate = ({ from, type }) => (from === 'a' && type === 'sync-offer' ? 'lose' : undefined)
    cluster.step('b', { type: 'leave' })
    cluster.run(1_000)
    cluster.fate = ({ from, type }) => (from === 'c' || (from === 'a' && type === 'sync-offer') ? 'lose' : undefined)
    cluster.run(SUSPECT_MS + 2 * HEARTBEAT_MS)
    cluster.fate = ({ from }) => (from === 'c' ? 'lose' : undefined)
    cluster.run(500)
    assert.equal(cluster.replica('b').owesAnything, true)
    // Until it counts as gone, and a is all there is.
    cluster.until(() => !cluster.replica('b').owesAnything, 'handed over')
    assert(cluster.noticesOf('member:down').some(({ node, notice }) => node === 'b' && notice.node === 'c'))
  })

  it('is given nothing any more, and is synced from until it has gone', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const ids = fill(cluster, 'a')
    cluster.fate = ({ from, to, type }) => ((from === 'b' || to === 'b') && type === 'sync-offer' ? 'lose' : undefined)
    cluster.step('b', { type: 'leave' })
    cluster.run(500)
    for (const at of ['a', 'c', 'd']) {
      const { shards, members } = cluster.replica(at).status()
      assert(shards.every(({ holders }) => !holders.includes('b')))
      assert.equal(members.find(({ nodeId }) => nodeId === 'b')?.state, 'leaving')
    }
    assert.deepEqual(
      cluster.noticesOf('member:leaving').map(({ node, notice }) => [node, notice.node]),
      [
        ['a', 'b'],
        ['c', 'b'],
        ['d', 'b'],
      ],
    )
    // Who comes now learns it too.
    cluster.fate = () => undefined
    cluster.join('e')
    cluster.until(() => cluster.replica('e').isReady, 'e is ready')
    assert(
      cluster
        .replica('e')
        .status()
        .shards.every(({ holders }) => !holders.includes('b')),
    )
    cluster.until(() => !cluster.replica('b').owesAnything, 'handed over')
    for (const id of ids) assert(readyAt(cluster, shardOf(id)).every((node) => cluster.nodesWith(id).includes(node)))
  })

  it('gets its news through when it is lost, by saying it again', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    fill(cluster, 'a')
    let left = 3
    cluster.fate = ({ from, type }) => (from === 'b' && type === 'members' && left-- > 0 ? 'lose' : undefined)
    assert(leave(cluster, 'b') < 2 * HEARTBEAT_MS + 200)
  })

  it('hands over while writes go on', () => {
    const cluster = Cluster.ready({ nodes: 5 })
    const ids = fill(cluster, 'a')
    cluster.step('b', { type: 'leave' })
    let written = 0
    while (cluster.replica('b').owesAnything) {
      // Each session is written thirty times a second, never all at the same moment.
      cluster.commit('a', ids[written++ % ids.length] as string, { n: String(written) })
      cluster.run(2)
      assert(written < 2_000, 'it ends')
    }
    cluster.step('b', { type: 'goodbye' })
    cluster.crash('b')
    cluster.run(1_000)
    for (const id of ids) {
      for (const node of readyAt(cluster, shardOf(id))) assert.equal(texts(cluster.record(node, id))['of'], id)
    }
  })

  it('[W2] is a member like any other when it comes again', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const ids = fill(cluster, 'a')
    leave(cluster, 'b')
    cluster.join('b', { incarnation: 2 })
    cluster.until(() => cluster.isSettled() && cluster.nodes.every((node) => cluster.replica(node).isWhole), 'settled')
    assert(SHARDS.some((shard) => cluster.replica('a').status().shards[shard]?.holders.includes('b')))
    for (const id of ids) assert.equal(cluster.outcome(cluster.resume('b', id)).outcome, 'complete')
  })

  it('[R5] a rolling restart keeps every confirmed write, with as many copies as before', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const ids = cluster.nodes.flatMap((node) => fill(cluster, node))
    for (const node of ['a', 'b', 'c', 'd']) {
      leave(cluster, node)
      for (const id of ids) assert(cluster.nodesWith(id).length >= 3, `${id} after ${node} left`)
      cluster.join(node, { incarnation: 2 })
      cluster.until(() => cluster.isSettled() && cluster.nodes.every((at) => cluster.replica(at).isWhole), 'settled')
      cluster.run(1_000)
    }
    for (const id of ids) {
      assert.equal(readyAt(cluster, shardOf(id)).length, 3)
      for (const node of readyAt(cluster, shardOf(id))) assert.deepEqual(texts(cluster.record(node, id)), { of: id })
    }
  })

  it('two that leave at once, and do not know it of each other, do not count on each other', () => {
    const cluster = Cluster.ready({ nodes: 5 })
    const ids = fill(cluster, 'a')
    cluster.fate = ({ from, to, type }) => {
      const isBetween = (from === 'b' && to === 'c') || (from === 'c' && to === 'b')
      return isBetween && type === 'members' ? 'lose' : undefined
    }
    for (const node of ['b', 'c']) cluster.step(node, { type: 'leave' })
    const fewest = (): number => Math.min(...ids.map((id) => readyAt(cluster, shardOf(id)).length))
    for (let ms = 0; ms < 1_000; ms++) {
      cluster.run(1)
      assert(fewest() >= 3, `after ${ms} ms`)
    }
    cluster.fate = () => undefined
    cluster.until(() => !cluster.replica('b').owesAnything && !cluster.replica('c').owesAnything, 'both may go')
    assert(fewest() >= 3)
  })

  it('waits for a member that does not know leaving and is about to be a holder beside it', () => {
    const cluster = Cluster.ready({ nodes: 3, wire: () => 1 })
    const ids = fill(cluster, 'a')
    cluster.crash('a')
    cluster.crash('c')
    cluster.join('a', { incarnation: 2 })
    cluster.run(3)
    cluster.step('b', { type: 'leave' })
    assert(cluster.replica('b').owesAnything)
    cluster.until(() => !cluster.replica('b').owesAnything, 'b may go')
    for (const id of ids) assert(cluster.nodesWith(id).includes('a'), id)
  })

  it('among members that do not know leaving, hands over to who holds its shards already', () => {
    const cluster = Cluster.ready({ nodes: 4, wire: (a, b) => (a === 'b' || b === 'b' ? 1 : 2) })
    const ids = fill(cluster, 'a')
    cluster.sent.length = 0
    assert(leave(cluster, 'b') < 500)
    assert.deepEqual(cluster.noticesOf('bad-message'), [])
    cluster.run(2_000)
    for (const id of ids) {
      assert.equal(readyAt(cluster, shardOf(id)).length, 3)
      for (const node of readyAt(cluster, shardOf(id))) assert.deepEqual(texts(cluster.record(node, id)), { of: id })
    }
  })
})
