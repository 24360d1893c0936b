/**
 * Pitfalls of replication that no room of the core avoids alone: each is a schedule of events that broke somebody else's
 * protocol. Those that one room answers for are in that room's tests; `[pitfall N]` in the titles is the index.
 */
import assert from 'node:assert/strict'
import { DEAD_MS, SHARD_COUNT, SUSPECT_MS, SWEEP_INTERVAL_MS, SYNC_SESSIONS_MAX } from '../src/constants.ts'
import type { Delivery } from './support/cluster.ts'
import { Cluster, idInShard, keyOf, smallPortions, texts } from './support/cluster.ts'

const SHARD = 7
const ID = idInShard(SHARD)
const SHARDS = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)

/** A session of node a that its holders have, and silence after it. */
function withSession(options: ConstructorParameters<typeof Cluster>[0] = {}): Cluster {
  const cluster = Cluster.ready(options)
  cluster.establish('a', ID, { count: '0' })
  cluster.run(100)
  cluster.sent.length = 0
  cluster.notices.length = 0
  return cluster
}

/** One session in each shard, written by node a. */
function inEveryShard(cluster: Cluster): string[] {
  const ids = SHARDS.map((shard) => idInShard(shard))
  for (const id of ids) {
    cluster.result(cluster.create('a', id, { assumeNew: true }))
    cluster.commit('a', id, { count: '0' })
  }
  cluster.run(100)
  return ids
}

function framesTo(cluster: Cluster, node: string): Delivery[] {
  return cluster.frames().filter(({ to }) => to === node)
}

describe('pitfalls of replication', () => {
  it('[pitfall 2] who holds some shards of a sender sees all numbers of those, and no gaps where it holds nothing', () => {
    const cluster = Cluster.ready({ nodes: 6 })
    const ids = inEveryShard(cluster)
    for (let n = 1; n <= 5; n++) {
      // Never all shards in a turn: each holder misses most of what the sender publishes.
      for (const id of ids.filter((_, i) => i % 5 === n % 5)) cluster.commit('a', id, { count: String(n) })
      cluster.run(10)
    }
    cluster.run(1_000)
    for (const node of cluster.nodes) {
      if (node === 'a') continue
      const shards = new Set(framesTo(cluster, node).map(({ frame }) => frame?.header.shard))
      assert(shards.size > 0 && shards.size < SHARD_COUNT, `${node} holds ${shards.size} shards`)
    }
    assert.deepEqual(cluster.noticesOf('gap'), [])
    assert.deepEqual(cluster.sentOf('nack'), [])
  })

  it('[pitfall 13] a holder that joins under steady writes is ready soon, and is sent no record again and again', () => {
    const cluster = Cluster.ready()
    const big = smallPortions(20_000)
    const ids = Array.from({ length: 60 }, (_, n) => idInShard(n % SHARD_COUNT, `steady-${n}`))
    for (const id of ids) {
      cluster.result(cluster.create('a', id, { assumeNew: true }))
      cluster.commit('a', id, { count: '0', ...big })
    }
    cluster.run(500)
    cluster.crash('c')
    // What is fetched takes time on the way, and meanwhile everything is written again, several times.
    cluster.fate = ({ type }) => (type === 'sync-records' || type === 'sync-items' ? 30 : undefined)
    cluster.sent.length = 0
    cluster.join('c', { incarnation: 2 })
    let n = 0
    const write = (): void => {
      for (let k = 0; k < 5; k++) cluster.commit('a', ids[n++ % ids.length] as string, { count: String(n) })
      cluster.run(5)
    }
    const startMs = cluster.nowMs
    while (!cluster.replica('c').isReady) {
      write()
      assert(cluster.nowMs - startMs < 3_000, 'it is ready though the writes do not stop')
    }
    const fetched = cluster.sentOf('sync-records').filter(({ to }) => to === 'c')
    const values = fetched.flatMap(({ message }) =>
      message.records.filter(
        ({ record }) => record.kind === 'live' && record.portions.get('part-0')?.value !== undefined,
      ),
    )
    assert(values.length >= ids.length && values.length < 3 * ids.length, `${values.length} for ${ids.length} sessions`)
    cluster.run(1_000)
    for (const id of ids) assert.deepEqual(texts(cluster.record('c', id)), texts(cluster.record('a', id)))
  })

  it('[pitfall 15] a frame that came and did not decode is a gap like a lost one, and is repaired', () => {
    const cluster = withSession()
    cluster.fate = ({ to, carrier }) => (to === 'b' && carrier === 'frame' ? 'lose' : undefined)
    cluster.commit('a', ID, { count: '1' })
    cluster.run(1)
    const [lost] = framesTo(cluster, 'b')
    assert(lost !== undefined)
    // It arrives after all, cut short: refused above the transport, which has done its part.
    cluster.step('b', { type: 'frame', from: 'a', shard: SHARD, bytes: lost.bytes.subarray(0, -3) })
    assert.equal(cluster.replica('b').status().badMessages, 1, 'the drop is counted')
    assert.equal(texts(cluster.record('b', ID))['count'], '0')
    cluster.fate = () => undefined
    cluster.commit('a', ID, { other: '1' })
    cluster.run(20)
    assert.equal(cluster.sentOf('repair').length, 1)
    assert.deepEqual(texts(cluster.record('b', ID)), { count: '1', other: '1' })
  })

  it('[pitfall 21] what the old primary wrote before it lost the session comes after the new one’s, and changes nothing', () => {
    const cluster = withSession({ nodes: 5 })
    const others = cluster.nodes.filter((node) => node !== 'a')
    const writer = others.find((node) => cluster.holdersOf(ID).includes(node)) as string
    // The last frame of node a is on its way to everybody for long, and so is what it answers.
    cluster.fate = ({ from, type }) => (from === 'a' && type !== 'heartbeat' ? 400 : undefined)
    cluster.commit('a', ID, { count: 'of the old one' })
    cluster.run(10)
    cluster.outcome(cluster.resume(writer, ID))
    cluster.written(cluster.commit(writer, ID, { count: 'of the new one' }, { copies: 1 }))
    cluster.run(1_000)
    const late = cluster.frames().filter(({ from }) => from === 'a')
    assert(late.length > 0 && late.every(({ isLost }) => !isLost))
    for (const node of cluster.nodesWith(ID)) assert.equal(texts(cluster.record(node, ID))['count'], 'of the new one')
    for (const node of cluster.holdersOf(ID)) assert(cluster.nodesWith(ID).includes(node))
    assert.deepEqual(
      cluster.noticesOf('session:superseded').map(({ node, notice }) => [node, notice.by]),
      [['a', writer]],
    )
  })

  it('[pitfall 22] deltas need no base: in whatever order they come, also first of all, the record is the same', () => {
    for (const order of ['012', '021', '102', '120', '201', '210']) {
      const cluster = Cluster.ready()
      cluster.fate = ({ to, carrier, type }) =>
        to === 'b' && (carrier === 'frame' || type === 'probe' || type === 'heartbeat') ? 'lose' : undefined
      cluster.establish('a', ID, { count: '0', kept: 'from the first' }, 1)
      cluster.run(10)
      cluster.commit('a', ID, { count: '1' })
      cluster.run(10)
      cluster.commit('a', ID, { extra: '2' })
      cluster.run(10)
      const frames = framesTo(cluster, 'b')
      assert.equal(frames.length, 3)
      for (const at of order) {
        const { bytes } = frames[Number(at)] as Delivery
        cluster.step('b', { type: 'frame', from: 'a', shard: SHARD, bytes })
        // What did not come with it is known to be missing, and not taken for empty.
        assert(cluster.record('b', ID).portions.has('kept'), 'every delta lists all portions')
      }
      assert.deepEqual(texts(cluster.record('b', ID)), { count: '1', extra: '2', kept: 'from the first' }, order)
      const digests = (node: string): unknown => cluster.replica(node).table.shardDigests(SHARD)
      assert.deepEqual(digests('b'), digests('a'), order)
    }
  })

  it('[pitfall 26] members that disagree about the holders forward nothing: who is asked answers by itself, within the deadline', () => {
    const cluster = Cluster.ready({ nodes: 6 })
    const ids = inEveryShard(cluster)
    // Half of the members lose the other half's node f, and place its shards elsewhere; the others still count on it.
    for (const node of ['a', 'b', 'c']) cluster.cut(node, 'f')
    cluster.fate = ({ type }) => (type === 'vouch' ? 'lose' : undefined)
    cluster.run(DEAD_MS + SUSPECT_MS + 2_000)
    const views = new Set(['a', 'd'].map((node) => SHARDS.map((shard) => holdersAt(cluster, node, shard)).join(';')))
    assert.equal(views.size, 2, 'they disagree')
    cluster.sent.length = 0
    const startMs = cluster.nowMs
    for (const asker of ['b', 'e', 'f']) {
      for (const id of [...ids, ...SHARDS.map((shard) => idInShard(shard, 'never'))]) {
        const from = cluster.sent.length
        const { outcome } = cluster.outcome(cluster.resume(asker, id, { deadlineMs: 300 }))
        assert.equal(outcome, ids.includes(id) ? 'complete' : 'absent', `${asker} and ${id}`)
        const pulls = cluster.sent.slice(from).filter(({ type }) => type === 'pull')
        assert(
          pulls.every((pull) => pull.from === asker),
          'nobody asks on behalf of another',
        )
        assert(pulls.length <= cluster.nodes.length, 'and nobody is asked twice')
      }
    }
    assert(cluster.nowMs - startMs <= 3 * 2 * ids.length * 300)
  })

  it('[pitfall 29] no change of members is a barrier: a shard that cannot move holds up neither the others nor clients', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    inEveryShard(cluster)
    cluster.fate = ({ from, type }) => (from === 'e' && type === 'sync-ask' ? 'lose' : undefined)
    cluster.join('e')
    const joining = (): number[] => SHARDS.filter((shard) => cluster.replica('e').shardState(shard) === 'joining')
    cluster.until(() => joining().length > 1, 'the newcomer is about to take several shards')
    const stuck = joining()[0] as number
    cluster.fate = ({ message }) => (message?.type === 'sync-ask' && message.shard === stuck ? 'lose' : undefined)
    cluster.until(() => joining().length === 1, 'every other shard has moved')
    cluster.run(3_000)
    assert.deepEqual(joining(), [stuck])
    const other = idInShard(stuck, 'other')
    cluster.result(cluster.create('a', other, { assumeNew: true }))
    cluster.written(cluster.commit('a', other, { x: '1' }, { copies: 2 }))
    assert.equal(cluster.outcome(cluster.resume('b', other)).outcome, 'complete')
    // Who was about to take it may go again: the move is off, and nobody waits for its end.
    cluster.crash('e')
    cluster.fate = () => undefined
    cluster.run(DEAD_MS + 3_000)
    assert(cluster.isSettled())
    assert(cluster.nodes.every((node) => cluster.replica(node).isWhole))
  })

  it('[pitfall 31] who slept through a drop, and held the session, does not bring it back by any way', () => {
    const cluster = withSession()
    cluster.outcome(cluster.resume('c', ID))
    for (const other of ['b', 'c']) cluster.cut('a', other)
    cluster.run(DEAD_MS + 1_000)
    cluster.drop('c', ID)
    cluster.run(20)
    // Cut off, it goes on writing and using what was dropped.
    cluster.written(cluster.commit('a', ID, { count: 'in the dark' }))
    cluster.touch('a', ID)
    cluster.run(10_000)
    for (const other of ['b', 'c']) cluster.connect('a', other)
    cluster.until(() => cluster.isSettled(), 'all met again')
    cluster.run(3_000)
    for (const node of cluster.nodes) assert.equal(cluster.replica(node).peek(keyOf(ID))?.kind, 'dropped', node)
    for (const node of cluster.nodes) assert.equal(cluster.outcome(cluster.resume(node, ID)).outcome, 'absent')
  })

  it('[pitfall 32] tombstones go with the absolute deadline of their session: churn leaves nothing behind', () => {
    const cluster = Cluster.ready()
    const perRound = 40
    const absoluteMs = 10_000
    for (let round = 0; round < 8; round++) {
      for (let n = 0; n < perRound; n++) {
        const id = `visit-${round}-${n}`
        cluster.result(cluster.create('a', id, { assumeNew: true, idleMs: 5_000, absoluteMs }))
        cluster.commit('a', id, { count: '1' })
        cluster.drop('a', id, { absoluteAtMs: cluster.nowMs + absoluteMs })
      }
      cluster.run(5_000)
      for (const node of cluster.nodes) {
        const { records } = cluster.replica(node).status().table
        assert(records <= 3 * perRound, `${records} tombstones at ${node} after round ${round}`)
      }
    }
    assert.equal(cluster.replica('b').peek(keyOf('visit-7-0'))?.kind, 'dropped', 'as long as a copy might live')
    cluster.run(absoluteMs + 10 * SWEEP_INTERVAL_MS)
    for (const node of cluster.nodes) assert.equal(cluster.replica(node).status().table.records, 0)
  })

  it('[pitfall 37] a partition that heals is no event of its own: no leader, no view, so many comparisons at a time', () => {
    const cluster = Cluster.ready({ nodes: 8 })
    const sides = [cluster.nodes.slice(0, 4), cluster.nodes.slice(4)] as const
    for (const a of sides[0]) for (const b of sides[1]) cluster.cut(a, b)
    cluster.run(DEAD_MS + SUSPECT_MS + 3_000)
    for (const [n, side] of sides.entries()) {
      for (const shard of SHARDS) {
        const node = side[shard % side.length] as string
        const id = idInShard(shard, `side-${n}`)
        cluster.result(cluster.create(node, id, { assumeNew: true }))
        cluster.commit(node, id, { of: String(n) })
      }
    }
    cluster.run(500)
    cluster.sent.length = 0
    const startMs = cluster.nowMs
    for (const a of sides[0]) for (const b of sides[1]) cluster.connect(a, b)
    const isOver = (node: string): boolean => {
      const { isWhole } = cluster.replica(node)
      return isWhole && cluster.replica(node).status().syncs.underWay === 0
    }
    const holders = (shard: number): number =>
      cluster.nodes.filter((node) => cluster.replica(node).shardState(shard) !== 'none').length
    cluster.until(() => cluster.isSettled() && SHARDS.every((shard) => holders(shard) === 3), 'one again')
    cluster.until(() => cluster.nodes.every(isOver), 'nothing left to compare')
    cluster.run(100)
    assert(cluster.nowMs - startMs < 2_000, `${cluster.nowMs - startMs} ms`)
    for (const node of cluster.nodes) {
      const asks = cluster.sentOf('sync-ask').filter(({ from }) => from === node).length
      assert(asks < 2 * SHARD_COUNT * (cluster.nodes.length - 1), `${asks} comparisons: some for each shard and member`)
      // One that is given up makes room for the next before its answer is there.
      assert(asksAtOnce(cluster, node) < 2 * SYNC_SESSIONS_MAX, node)
    }
    for (const shard of SHARDS) {
      for (const n of [0, 1]) {
        const id = idInShard(shard, `side-${n}`)
        for (const holder of cluster.holdersOf(id))
          assert.deepEqual(texts(cluster.record(holder, id)), { of: String(n) })
      }
    }
  })
})

function holdersAt(cluster: Cluster, node: string, shard: number): string {
  return String(cluster.replica(node).status().shards[shard]?.holders)
}

/** How many questions of a sync a node had open at once. */
function asksAtOnce(cluster: Cluster, node: string): number {
  const open = new Set<number>()
  let most = 0
  for (const { from, to, message } of cluster.sent) {
    if (from === node && message?.type === 'sync-ask') open.add(message.session)
    if (to === node && message?.type === 'sync-offer') open.delete(message.session)
    most = Math.max(most, open.size)
  }
  return most
}
