import assert from 'node:assert/strict'
import { BUCKET_COUNT } from '../../src/constants.ts'
import { missingPortions } from '../../src/session/record.ts'
import type { NodeId } from '../../src/session/version.ts'
import { compareBirths } from '../../src/session/version.ts'
import { Cluster, keyOf, texts } from '../support/cluster.ts'

/** Room for a session or two. */
const TINY_BYTES = 900
const ID = 's'

/** Three holders of everything, of which `c` has hardly any room. */
function cramped(planted: readonly string[] = []): Cluster {
  return Cluster.ready({
    nodes: 3,
    init: (node) => (node === 'c' ? { cacheBytesMax: TINY_BYTES, planted: new Set(planted) } : {}),
  })
}

function fillUp(cluster: Cluster, copies = 2): void {
  for (let i = 0; i < 6; i++) cluster.establish('a', `other-${i}`, { x: 'y'.repeat(50) }, copies)
  cluster.run(1_000)
}

const hasEvicted = (cluster: Cluster, node: NodeId): boolean =>
  cluster.replica(node).peek(keyOf(ID)) === undefined && cluster.replica(node).table.absence(keyOf(ID)) === 'evicted'

function haveEqualDigests(cluster: Cluster, a: NodeId, b: NodeId): boolean {
  const [here, there] = [cluster.replica(a).table, cluster.replica(b).table]
  return Array.from({ length: BUCKET_COUNT }, (_, bucket) => bucket).every((bucket) => {
    const [x, y] = [here.digest(bucket), there.digest(bucket)]
    return x.hi === y.hi && x.lo === y.lo
  })
}

describe('[T1] eviction', () => {
  it('[V1] does not change the version that was announced for a first commit, though storing it evicts', () => {
    const cluster = new Cluster()
    cluster.start('a', { expectPeers: false, cacheBytesMax: 400 })
    cluster.run(5_000)
    cluster.establish('a', 'before', { x: 'one' }, 0)
    // What waits for its frame may not go.
    cluster.run(100)
    cluster.result(cluster.create('a', ID, { assumeNew: true }))
    const announced = cluster.replica('a').nextVersion(keyOf(ID), cluster.birth('a', ID))
    const { version } = cluster.written(cluster.commit('a', ID, { x: 'two' }))
    assert.equal(cluster.replica('a').table.evictions, 1)
    assert.deepEqual(version, announced)
  })

  it('[pitfall 30] leaves equal digests and sends nothing, though what was evicted is elsewhere', () => {
    const cluster = cramped()
    cluster.establish('a', ID, { x: 'one', y: 'two' })
    fillUp(cluster)
    assert(hasEvicted(cluster, 'c'))
    cluster.run(1_000)
    assert(haveEqualDigests(cluster, 'a', 'c'))
    const before = cluster.sent.length
    cluster.run(30_000)
    const kinds = new Set(cluster.sent.slice(before).map(({ type }) => type))
    assert(!kinds.has('sync-records') && !kinds.has('frame'), [...kinds].join())
    assert(hasEvicted(cluster, 'c'))
  })

  it('[pitfall 30] of a session that is written again: the holder fetches the values that the delta does not carry', () => {
    for (const planted of [[], ['refill']]) {
      const cluster = cramped(planted)
      cluster.establish('a', ID, { x: 'one', y: 'two' })
      fillUp(cluster)
      assert(hasEvicted(cluster, 'c'))
      cluster.written(cluster.commit('a', ID, { x: 'three' }, { copies: 2 }))
      cluster.run(100)
      const missing = missingPortions(cluster.record('c', ID), undefined)
      assert.deepEqual(missing, planted.length === 0 ? [] : ['y'])
    }
  })

  it('asks for what was evicted when a copy from before it comes, which a ready holder would have for the newest', () => {
    for (const planted of [[], ['refill']]) {
      const cluster = cramped(planted)
      cluster.establish('a', ID, { x: 'one' })
      const old = cluster.record('a', ID)
      cluster.written(cluster.commit('a', ID, { x: 'two' }, { copies: 2 }))
      fillUp(cluster)
      assert(hasEvicted(cluster, 'c'))
      cluster.hear('c', 'b', { type: 'push', records: [{ key: keyOf(ID), record: old }] })
      cluster.run(100)
      assert.equal(texts(cluster.record('c', ID))['x'], planted.length === 0 ? 'two' : 'one')
    }
  })

  it('does not let an earlier life of the id come back in the place of the later one', () => {
    const cluster = cramped()
    cluster.establish('a', ID, { x: 'first life' })
    const first = cluster.record('a', ID)
    cluster.result(cluster.drop('a', ID))
    cluster.establish('a', ID, { x: 'second life' })
    fillUp(cluster)
    assert(hasEvicted(cluster, 'c'))
    assert(compareBirths(first.birth, cluster.record('a', ID).birth) < 0)
    cluster.hear('c', 'b', { type: 'push', records: [{ key: keyOf(ID), record: first }] })
    assert(hasEvicted(cluster, 'c'))
  })

  it('[V4] of the only copy of a later life leaves no difference to those who have the earlier one, and it stays refused', () => {
    for (const planted of [[], ['stub-refused']]) {
      const cluster = cramped(planted)
      cluster.establish('a', ID, { x: 'first life' })
      const first = cluster.record('a', ID)
      const generation = first.birth.generation + 1
      const record = { ...first, birth: { ...first.birth, generation } }
      cluster.hear('c', 'b', { type: 'push', records: [{ key: keyOf(ID), record }] })
      // It is put out before any other holder hears of it.
      cluster.fate = ({ type }) => (type === 'sync-ask' ? 'lose' : undefined)
      fillUp(cluster)
      assert(hasEvicted(cluster, 'c'))
      assert.equal(cluster.replica('c').table.stub(keyOf(ID))?.birth.generation, generation)
      cluster.fate = () => undefined
      for (const other of ['a', 'b']) {
        cluster.cut('c', other)
        cluster.connect('c', other)
      }
      cluster.run(2_000)
      assert.equal(haveEqualDigests(cluster, 'a', 'c'), planted.length === 0)
      // What others write of the earlier life counts, too.
      cluster.written(cluster.commit('a', ID, { x: 'more' }, { copies: 1 }))
      cluster.run(100)
      assert.equal(haveEqualDigests(cluster, 'a', 'c'), planted.length === 0)
      assert(hasEvicted(cluster, 'c'))
      // Who has the later one all the same is equal to nobody before it is taken.
      cluster.hear('c', 'b', { type: 'push', records: [{ key: keyOf(ID), record }] })
      assert.equal(cluster.record('c', ID).birth.generation, generation)
    }
  })

  it('[rule P2] does not keep holders different for ever when nobody has the record any more, and is never absent', () => {
    const cluster = Cluster.ready({ nodes: 2, init: () => ({ cacheBytesMax: TINY_BYTES }) })
    cluster.establish('a', ID, { x: 'one' }, 1)
    fillUp(cluster, 1)
    assert(hasEvicted(cluster, 'a') && hasEvicted(cluster, 'b'))
    cluster.crash('b')
    cluster.run(500)
    cluster.join('b', { incarnation: 2, cacheBytesMax: TINY_BYTES })
    cluster.until(() => cluster.isSettled(), 'the second life')
    cluster.run(5_000)
    assert(haveEqualDigests(cluster, 'a', 'b'))
    assert(hasEvicted(cluster, 'a'))
    assert.equal(cluster.outcome(cluster.resume('b', ID)).outcome, 'unknown')
  })
})

describe('[pitfall 32] tombstones', () => {
  it('[E4] are never evicted, so logouts may fill the cache: creating is refused until they end, and then goes on', () => {
    const cluster = new Cluster()
    cluster.start('a', { expectPeers: false, cacheBytesMax: TINY_BYTES })
    cluster.run(5_000)
    const absoluteMs = 20_000
    for (let i = 0; i < 6; i++) {
      const result = cluster.result(cluster.create('a', `s${i}`, { assumeNew: true, absoluteMs }))
      if (result.kind === 'failed') break
      cluster.written(cluster.commit('a', `s${i}`, { x: 'y' }))
      cluster.result(cluster.drop('a', `s${i}`, { absoluteAtMs: cluster.nowMs + absoluteMs }))
    }
    cluster.run(100)
    assert(cluster.replica('a').table.isFull)
    const { code } = cluster.failure(cluster.create('a', ID, { assumeNew: true }))
    assert.equal(code, 'LIMIT')
    cluster.run(absoluteMs + 1_000)
    assert.equal(cluster.result(cluster.create('a', ID, { assumeNew: true })).kind, 'created')
  })
})
