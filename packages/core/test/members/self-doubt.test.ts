import assert from 'node:assert/strict'
import { DEAD_MS, HEARTBEAT_MS, SELF_DOUBT_MAX, SELF_DOUBT_ROUNDS, STALL_MS, SUSPECT_MS } from '../../src/constants.ts'
import { SelfDoubt } from '../../src/members/self-doubt.ts'
import { Cluster, idInShard, texts } from '../support/cluster.ts'

const accusations = (cluster: Cluster, by: string): string[] =>
  cluster.notices
    .filter(({ node, notice }) => node === by && (notice.type === 'member:suspect' || notice.type === 'member:down'))
    .map(({ notice }) => notice.type)

describe('self-doubt', () => {
  it('grows with each stall, is bounded, and falls with punctual rounds', () => {
    const doubt = new SelfDoubt()
    assert.equal(doubt.notice(1_000, 1_000 + STALL_MS - 1), 0)
    assert.equal(doubt.factor, 1)
    for (let n = 0; n < 10; n++) assert.equal(doubt.notice(1_000, 1_000 + STALL_MS), STALL_MS)
    assert.equal(doubt.factor, 1 + SELF_DOUBT_MAX)
    for (let n = 0; n < SELF_DOUBT_ROUNDS * SELF_DOUBT_MAX; n++) {
      assert(doubt.factor > 1)
      doubt.onRound()
    }
    assert.equal(doubt.factor, 1)
  })

  it('counts the silence of others without the time in which this node did not run', () => {
    const doubt = new SelfDoubt()
    doubt.notice(1_000, 9_000)
    assert.equal(doubt.awakeMs(9_100) - doubt.awakeMs(9_000), 100)
    assert.equal(doubt.awakeMs(9_000), 1_000)
    assert.equal(doubt.mayJudge(9_000 + HEARTBEAT_MS - 1), false)
    assert.equal(doubt.mayJudge(9_000 + HEARTBEAT_MS), true)
  })
})

describe('[pitfall 44] a node that did not run for a while', () => {
  it('accuses nobody after it, however long it was, and is back by itself', () => {
    for (const pauseMs of [STALL_MS + HEARTBEAT_MS, SUSPECT_MS, 2 * DEAD_MS, 10 * DEAD_MS]) {
      const cluster = Cluster.ready({ nodes: 4 })
      cluster.freeze('b')
      cluster.run(pauseMs)
      cluster.thaw('b')
      cluster.until(() => cluster.isSettled(), 'everybody knows everybody')
      cluster.run(2 * DEAD_MS)
      assert.deepEqual(accusations(cluster, 'b'), [], `after ${pauseMs} ms`)
      assert(cluster.isSettled())
    }
  })

  it('is not ready before everybody who gave it up listens to it again', () => {
    for (const isCut of [false, true]) {
      const cluster = Cluster.ready({ nodes: 4 })
      const id = idInShard(7)
      cluster.establish('a', id, { n: '1' })
      cluster.freeze('b')
      cluster.run(2 * DEAD_MS)
      assert(!cluster.replica('a').aliveMembers().includes('b'))
      cluster.thaw('b')
      assert.equal(cluster.replica('b').isReady, false)
      if (isCut) for (const other of ['a', 'c', 'd']) cluster.cut('b', other)
      cluster.run(HEARTBEAT_MS)
      if (isCut) {
        assert.equal(cluster.replica('b').isReady, false)
        for (const other of ['a', 'c', 'd']) cluster.connect('b', other)
      }
      cluster.until(() => cluster.replica('b').isReady, 'b is ready')
      for (const other of ['a', 'c', 'd']) assert(cluster.replica(other).aliveMembers().includes('b'), other)
      cluster.written(cluster.commit('b', id, { n: '2' }, { copies: 1 }))
    }
  })

  it('is ready after a pause in which nobody gave it up', () => {
    const cluster = Cluster.ready()
    cluster.freeze('b')
    cluster.run(SUSPECT_MS)
    cluster.thaw('b')
    assert(cluster.replica('b').isReady)
  })

  it('is ready alone, when nobody is left who could listen', () => {
    const cluster = Cluster.ready()
    cluster.freeze('b')
    cluster.run(2 * DEAD_MS)
    for (const other of ['a', 'c']) cluster.crash(other)
    cluster.thaw('b')
    cluster.until(() => cluster.replica('b').isReady, 'b goes on', 10 * DEAD_MS)
    assert.deepEqual(cluster.replica('b').aliveMembers(), ['b'])
  })

  it('[R5] has everything again that was written meanwhile', () => {
    const cluster = Cluster.ready()
    const id = idInShard(7)
    cluster.establish('a', id, { n: '1' })
    cluster.freeze('b')
    cluster.run(2 * DEAD_MS)
    cluster.written(cluster.commit('a', id, { n: '2' }, { copies: 1 }))
    cluster.thaw('b')
    cluster.until(() => cluster.isSettled() && texts(cluster.record('b', id))['n'] === '2', 'b has it')
  })

  it('also when what it finds first is that connections were closed meanwhile', () => {
    const cluster = Cluster.ready()
    cluster.freeze('b')
    cluster.run(2 * DEAD_MS)
    cluster.cut('b', 'a')
    cluster.thaw('b')
    cluster.run(DEAD_MS - 2 * HEARTBEAT_MS)
    assert.deepEqual(accusations(cluster, 'b'), ['member:suspect'])
    cluster.connect('a', 'b')
    cluster.until(() => cluster.isSettled(), 'connected again')
  })

  it('judges slowly for a while, and then as before', () => {
    const cluster = Cluster.ready()
    cluster.freeze('b')
    cluster.run(2_000)
    cluster.thaw('b')
    cluster.fate = ({ from }) => (from === 'c' ? 'lose' : undefined)
    const startMs = cluster.nowMs
    const suspected = (): boolean =>
      cluster.notices.some(
        ({ node, notice }) => node === 'b' && notice.type === 'member:suspect' && notice.node === 'c',
      )
    cluster.until(suspected, 'c is suspected')
    assert(cluster.nowMs - startMs > SUSPECT_MS + HEARTBEAT_MS)
    assert(cluster.nowMs - startMs <= 2 * SUSPECT_MS + 2 * HEARTBEAT_MS)
  })

  it('takes no pause for the way to another', () => {
    const cluster = Cluster.ready()
    cluster.freeze('b')
    cluster.run(3_000)
    cluster.thaw('b')
    // The others cannot know that their last beat waited there for up to an interval; the seconds before it are seen.
    cluster.run(2_000)
    for (const at of cluster.nodes) {
      for (const { roundTripMs } of cluster.replica(at).status().members) assert(roundTripMs < 60, `${roundTripMs}`)
    }
  })
})
