import assert from 'node:assert/strict'
import {
  DEAD_MS,
  FLUSH_INTERVAL_MS,
  FLUSHES_AT_ONCE_MAX,
  FRAME_BYTES_MAX,
  PENDING_DELTAS_MAX,
  PROBE_MS_MAX,
} from '../../src/constants.ts'
import { CopiesError, LimitError } from '../../src/errors.ts'
import type { Delivery } from '../support/cluster.ts'
import { Cluster, idInShard, shardOf, smallPortions, texts } from '../support/cluster.ts'

const SHARD = 7
const ID = idInShard(SHARD)

function withSession(): Cluster {
  const cluster = Cluster.ready()
  cluster.establish('a', ID, { count: '0' })
  cluster.run(100)
  cluster.sent.length = 0
  return cluster
}

function framesTo(cluster: Cluster, node: string): Delivery[] {
  return cluster.frames().filter(({ to }) => to === node)
}

/** Fails unless the request ends with a `CopiesError` of that code. */
function copiesFailure(cluster: Cluster, request: number, code: string): CopiesError {
  const error = cluster.failure(request)
  assert(error instanceof CopiesError, `a CopiesError, not ${error}`)
  assert.equal(error.code, code)
  return error
}

describe('outgoing streams', () => {
  it("number each shard's frames from 1 without holes, in the order of the writes", () => {
    const cluster = Cluster.ready()
    const other = idInShard(SHARD + 1)
    cluster.establish('a', ID, { count: '0' })
    cluster.establish('a', other, { count: '0' })
    for (let n = 1; n <= 5; n++) {
      cluster.commit('a', ID, { count: String(n) })
      cluster.commit('a', other, { count: String(n) })
      cluster.run(10)
    }
    for (const shard of [SHARD, SHARD + 1]) {
      const headers = framesTo(cluster, 'b').map(({ frame }) => frame?.header)
      const numbers = headers.filter((header) => header?.shard === shard).map((header) => header?.number)
      assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6])
    }
  })

  it('leave at once when the node is idle, and in batches when writes come faster', () => {
    const cluster = withSession()
    const startMs = cluster.nowMs
    for (let n = 1; n <= 100; n++) cluster.commit('a', ID, { count: String(n) })
    cluster.run(20)
    const frames = framesTo(cluster, 'b').map(({ atMs, frame }) => [atMs - startMs, frame?.records.length])
    assert.deepEqual(frames, [
      [0, 1],
      [FLUSH_INTERVAL_MS, 99],
    ])
    assert.equal(texts(cluster.record('b', ID))['count'], '100')
  })

  it('leave at once while somebody waits for copies, up to a bound', () => {
    const cluster = withSession()
    const startMs = cluster.nowMs
    for (let n = 1; n <= 100; n++) cluster.commit('a', ID, { count: String(n) }, { copies: 1 })
    cluster.run(20)
    const frames = framesTo(cluster, 'b').map(({ atMs, frame }) => [atMs - startMs, frame?.records.length])
    assert.deepEqual(frames, [
      ...new Array(FLUSHES_AT_ONCE_MAX).fill([0, 1]),
      [FLUSH_INTERVAL_MS, 100 - FLUSHES_AT_ONCE_MAX],
    ])
  })

  it('never exceed the largest frame, however batches and large sessions meet', () => {
    const cluster = withSession()
    const large = idInShard(SHARD, 'large')
    cluster.establish('a', large, {})
    for (let n = 0; n < FLUSHES_AT_ONCE_MAX; n++) cluster.commit('a', ID, { count: String(n) })
    for (let n = 0; n < 4; n++) {
      cluster.commit('a', ID, smallPortions(31_000))
      cluster.commit('a', large, smallPortions(48_000, String(n)))
    }
    cluster.run(50)
    for (const { bytes } of framesTo(cluster, 'b')) assert(bytes.length <= FRAME_BYTES_MAX, `${bytes.length} bytes`)
    assert.deepEqual(texts(cluster.record('b', large)), smallPortions(48_000, '3'))
  })

  it('refuse more writes than may wait, and change nothing', () => {
    const cluster = new Cluster()
    cluster.start('a', { expectPeers: false, cacheBytesMax: 1 << 28 })
    cluster.run(10)
    const ids = Array.from({ length: FLUSHES_AT_ONCE_MAX + PENDING_DELTAS_MAX + 1 }, (_, n) => `session-${n}`)
    for (const id of ids) cluster.create('a', id, { assumeNew: true })
    const requests = ids.map((id) => cluster.commit('a', id, { x: '1' }))
    const last = requests.at(-1) as number
    const error = cluster.failure(last)
    assert(error instanceof LimitError)
    assert.equal(error.limit, 'PENDING_DELTAS_MAX')
    assert.equal(cluster.record('a', ids.at(-1) as string).portions.size, 0)
    cluster.run(2 * FLUSH_INTERVAL_MS)
    cluster.written(cluster.commit('a', ids.at(-1) as string, { x: '1' }))
  })

  it('are probed with back-off while somebody does not acknowledge, until that member is dead', () => {
    const cluster = withSession()
    cluster.fate = ({ from, type }) => (from === 'b' && type !== 'heartbeat' ? 'lose' : undefined)
    cluster.commit('a', ID, { count: '1' })
    cluster.run(6_000)
    const times = cluster.sentOf('probe').map(({ atMs }) => atMs)
    const pauses = times.slice(1).map((atMs, i) => atMs - (times[i] as number))
    assert.deepEqual(pauses.slice(0, 5), [80, 160, 320, 640, PROBE_MS_MAX])
    assert(pauses.slice(5).every((pause) => pause === PROBE_MS_MAX))
    assert(cluster.sentOf('probe').every(({ to }) => to === 'b'))
    cluster.crash('b')
    cluster.run(DEAD_MS + 1_000)
    cluster.sent.length = 0
    cluster.run(5_000)
    assert.deepEqual(cluster.sentOf('probe'), [])
  })

  describe('commit({ copies })', () => {
    it('[R12] commit({ copies: n }) ends when n ready holders have it in memory, and not before', () => {
      const cluster = withSession()
      cluster.fate = ({ to, type }) => (to === 'c' && ['frame', 'repair'].includes(type) ? 300 : undefined)
      const both = cluster.commit('a', ID, { count: '1' }, { copies: 2 })
      cluster.run(250)
      assert(!cluster.results.has(both))
      assert.equal(texts(cluster.record('b', ID))['count'], '1')
      cluster.written(both)
      assert.equal(texts(cluster.record('c', ID))['count'], '1')

      const startMs = cluster.nowMs
      cluster.written(cluster.commit('a', ID, { count: '2' }, { copies: 1 }))
      assert(cluster.nowMs - startMs < 50, 'one of two is enough')
    })

    it('[R12] commit() without copies ends at once', () => {
      const cluster = withSession()
      const request = cluster.commit('a', ID, { count: '1' })
      assert.equal(cluster.results.get(request)?.kind, 'written')
    })

    it('[A2] [R12] fails at once when there are fewer ready holders than asked for; the write is queued', () => {
      const cluster = withSession()
      const request = cluster.commit('a', ID, { count: '1' }, { copies: 3 })
      const error = copiesFailure(cluster, request, 'NOT_ENOUGH_HOLDERS')
      assert.equal(error.asked, 3)
      assert.deepEqual([...error.silent].sort(), ['b', 'c'])
      cluster.run(50)
      assert.equal(texts(cluster.record('b', ID))['count'], '1')
    })

    it('[R12] fails with TIMEOUT when the holders do not confirm in time, and says who did', () => {
      const cluster = withSession()
      cluster.fate = ({ to, type }) => (to === 'c' && ['frame', 'repair', 'probe'].includes(type) ? 'lose' : undefined)
      const startMs = cluster.nowMs
      const error = copiesFailure(
        cluster,
        cluster.commit('a', ID, { count: '1' }, { copies: 2, waitMs: 200 }),
        'TIMEOUT',
      )
      assert.equal(cluster.nowMs - startMs, 200)
      assert.deepEqual(error.confirmed, ['b'])
      assert.deepEqual(error.silent, ['c'])
    })

    it('ends with TIMEOUT when nobody waits any more', () => {
      const cluster = withSession()
      cluster.fate = ({ carrier }) => (carrier === 'frame' ? 'lose' : undefined)
      const request = cluster.commit('a', ID, { count: '1' }, { copies: 2 })
      cluster.step('a', { type: 'cancel', request })
      copiesFailure(cluster, request, 'TIMEOUT')
      cluster.step('a', { type: 'cancel', request })
    })

    it('[A1] counts no acknowledgement of a holder that is not ready', () => {
      const cluster = withSession()
      // Whoever joins now gets no answer to its syncs, so it receives and acknowledges, and is not ready.
      cluster.fate = ({ to, type }) => (to === 'd' && type === 'sync-offer' ? 'lose' : undefined)
      cluster.join('d')
      cluster.run(1_000)
      const joined = Array.from({ length: 64 }, (_, shard) => shard).filter((shard) => {
        return cluster.replica('d').status().shards[shard]?.state === 'joining'
      })
      const id = idInShard(joined[0] as number, 'new')
      cluster.establish('a', id, { x: '0' })
      const holder = cluster.holdersOf(id).filter((node) => node !== 'a')
      cluster.fate = ({ to, type }) =>
        (holder.includes(to) && type === 'frame') || type === 'sync-offer' ? 'lose' : undefined
      cluster.sent.length = 0
      const request = cluster.commit('a', id, { x: '1' }, { copies: 1, waitMs: 30 })
      const error = copiesFailure(cluster, request, 'TIMEOUT')
      assert.deepEqual(error.confirmed, [])
      const acks = cluster.sentOf('ack').filter(({ from }) => from === 'd')
      assert.deepEqual(acks[0]?.message.positions, [{ shard: shardOf(id), number: 2, ready: false }])
    })

    it('[A1] counts a holder when it becomes ready with the write in memory', () => {
      const cluster = withSession()
      cluster.fate = ({ to, type }) => (to === 'd' && type === 'sync-offer' ? 400 : undefined)
      cluster.crash('c')
      cluster.join('d')
      cluster.until(() => cluster.replica('d').isReady, 'd is ready')
      const startMs = cluster.nowMs
      cluster.written(cluster.commit('a', ID, { count: '1' }, { copies: 2 }))
      assert(cluster.nowMs - startMs < 50)
      assert.equal(texts(cluster.record('d', ID))['count'], '1')
    })

    it('[A1] rejects with SUPERSEDED when a later primary had written already', () => {
      const cluster = withSession()
      cluster.outcome(cluster.resume('b', ID))
      // Node a hears nothing of it: neither the frame nor the word of b itself.
      cluster.fate = ({ from, to }) => (from === 'b' && to === 'a' ? 'lose' : undefined)
      cluster.commit('b', ID, { count: 'of b' })
      cluster.run(20)
      const request = cluster.commit('a', ID, { count: 'of a' }, { copies: 2 })
      copiesFailure(cluster, request, 'SUPERSEDED')
      const [notice] = cluster.noticesOf('session:superseded').filter(({ node }) => node === 'a')
      assert.equal(notice?.notice.by, 'b')
      assert.equal(texts(cluster.record('c', ID))['count'], 'of b')
    })

    it('[A1] rejects with DROPPED when the session was dropped elsewhere', () => {
      const cluster = withSession()
      cluster.outcome(cluster.resume('b', ID))
      cluster.fate = ({ from, to }) => (from === 'b' && to === 'a' ? 'lose' : undefined)
      cluster.drop('b', ID)
      cluster.run(20)
      copiesFailure(cluster, cluster.commit('a', ID, { count: '1' }, { copies: 2 }), 'DROPPED')
      assert.equal(cluster.failure(cluster.commit('a', ID, { count: '2' })).code, 'DROPPED')
    })

    it('[R12] a drop waits for copies like a write', () => {
      const cluster = withSession()
      cluster.fate = ({ type }) => (['frame', 'repair'].includes(type) ? 100 : undefined)
      const request = cluster.drop('a', ID, { copies: 2 })
      cluster.run(90)
      assert(!cluster.results.has(request))
      assert.equal(cluster.result(request).kind, 'dropped')
    })
  })

  it('[W2] a node that is refused rises, starts its streams anew, and what waited ends with TIMEOUT', () => {
    const cluster = withSession()
    cluster.fate = ({ carrier }) => (carrier === 'frame' ? 'lose' : undefined)
    const request = cluster.commit('a', ID, { count: '1' }, { copies: 2 })
    // Somebody met a later life of node a.
    cluster.step('a', { type: 'message', from: 'b', lane: 'control', bytes: Uint8Array.of(2, 0, 0, 0, 0, 0, 9) })
    copiesFailure(cluster, request, 'TIMEOUT')
    assert(cluster.replica('a').incarnation > 9)
    cluster.fate = () => undefined
    cluster.until(() => cluster.isSettled(), 'everybody met the new life')
    cluster.run(500)
    cluster.written(cluster.commit('a', ID, { count: '2' }, { copies: 2 }))
    const { incarnation } = cluster.replica('a')
    const headers = framesTo(cluster, 'b').map(({ frame }) => frame?.header)
    const numbers = headers.filter((header) => header?.incarnation === incarnation).map((header) => header?.number)
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    )
    assert(numbers.length > 0)
    assert.equal(texts(cluster.record('b', ID))['count'], '2')
  })
})
