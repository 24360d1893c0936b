import assert from 'node:assert/strict'
import {
  DEAD_MS,
  EJECT_MS,
  EJECT_RING_SHARE,
  FLUSH_INTERVAL_MS,
  FLUSH_LATE_MS,
  FLUSH_WAIT_MS_MAX,
  FLUSHES_AT_ONCE_MAX,
  FRAME_BYTES_MAX,
  PENDING_DELTAS_MAX,
  PROBE_MS_MAX,
  REPAIR_BYTES_BURST,
  REPAIR_BYTES_PER_SECOND,
  REPAIR_LINGER_MS,
  RING_BYTES_MAX,
  RING_FRAMES_MAX,
} from '../../src/constants.ts'
import { CopiesError, LimitError } from '../../src/errors.ts'
import { meetsProof } from '../../src/session/token.ts'
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

/** Sessions of the shard, made and written once. */
function sessionsOf(cluster: Cluster, count: number): string[] {
  const ids = Array.from({ length: count }, (_, n) => idInShard(SHARD, `of-${n}`))
  for (const id of ids) cluster.create('a', id, { assumeNew: true })
  cluster.run(100)
  cluster.sent.length = 0
  return ids
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
  it("[pitfall 3] number each shard's frames from 1 without holes, in the order of the writes", () => {
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

  it('leave at the end of the turn when the node is idle, and in batches when writes come faster', () => {
    const cluster = withSession()
    const ids = sessionsOf(cluster, 100)
    const startMs = cluster.nowMs
    for (const id of ids) {
      cluster.commit('a', id, { count: '1' })
      cluster.run(0.1)
    }
    cluster.run(20)
    const frames = framesTo(cluster, 'b')
    const afterMs = frames.map(({ atMs }) => Math.round(atMs - startMs))
    const records = frames.map(({ frame }) => frame?.records.length ?? 0)
    assert.deepEqual(afterMs, [0, FLUSH_INTERVAL_MS, 2 * FLUSH_INTERVAL_MS])
    assert(records[0] === 1 && Math.abs((records[1] ?? 0) - (records[2] ?? 0)) <= 1, `${records}`)
  })

  it('carry everything of one turn together, whoever waits for copies of it', () => {
    const cluster = withSession()
    const ids = sessionsOf(cluster, 10)
    const requests = ids.map((id) => cluster.commit('a', id, { count: '1' }, { copies: 2 }))
    for (const request of requests) cluster.written(request)
    const frames = framesTo(cluster, 'b').map(({ frame }) => frame?.records.length)
    assert.deepEqual(frames, [10])
  })

  it('leave at once while somebody waits for copies, up to a bound', () => {
    const cluster = withSession()
    const ids = sessionsOf(cluster, 100)
    const startMs = cluster.nowMs
    for (const id of ids) {
      cluster.commit('a', id, { count: '1' }, { copies: 1 })
      cluster.run(0.01)
    }
    cluster.run(20)
    const frames = framesTo(cluster, 'b').map(({ atMs, frame }) => [Math.floor(atMs - startMs), frame?.records.length])
    assert.deepEqual(frames, [
      ...new Array(FLUSHES_AT_ONCE_MAX).fill([0, 1]),
      [FLUSH_INTERVAL_MS, 100 - FLUSHES_AT_ONCE_MAX],
    ])
  })

  describe('under load', () => {
    /** Write sessions of all shards, a few in each turn. @returns when each flush went, as node b sees it. */
    const flushes = (cluster: Cluster, durationMs: number): number[] => {
      const ids = Array.from({ length: 200 }, (_, n) => `load-${n}`)
      for (const id of ids) cluster.create('a', id, { assumeNew: true })
      cluster.sent.length = 0
      const untilMs = cluster.nowMs + durationMs
      for (let n = 0; cluster.nowMs < untilMs; n++) {
        for (let k = 0; k < 20; k++) cluster.commit('a', ids[(n * 20 + k) % ids.length] as string, { n: String(n) })
        cluster.run(1)
      }
      return [...new Set(framesTo(cluster, 'b').map(({ atMs }) => atMs))]
    }
    const pauses = (times: readonly number[]): number[] =>
      times.slice(2).map((atMs, i) => atMs - (times[i + 1] as number))

    it('[R11] the next flush waits until the holders have the last one: batches grow, nothing piles up', () => {
      const quick = Cluster.ready({ latencyMs: 1 })
      for (const pause of pauses(flushes(quick, 200)))
        assert(pause >= FLUSH_INTERVAL_MS && pause <= FLUSH_INTERVAL_MS + 1)
      const slow = Cluster.ready({ latencyMs: 15 })
      for (const pause of pauses(flushes(slow, 400))) assert(pause >= 30 && pause <= 31, `${pause} ms: a round trip`)
      assert(slow.sentOf('ack').length < 40, 'one acknowledgement a flush, for all shards')
    })

    it('[R11] a loss holds back no flush: the receiver learns of it by the next one', () => {
      const cluster = Cluster.ready({ latencyMs: 1 })
      let frames = 0
      cluster.fate = ({ carrier }) => (carrier === 'frame' && ++frames % 20 === 0 ? 'lose' : undefined)
      const waits = pauses(flushes(cluster, 1_000))
      assert(waits.length > 80, `${waits.length} flushes in a second`)
      assert(Math.max(...waits) <= FLUSH_LATE_MS + 5, `${waits}`)
      assert(waits.filter((pause) => pause > FLUSH_INTERVAL_MS + 1).length < 0.1 * waits.length, `${waits}`)
    })

    it('[pitfall 17] [pitfall 18] a holder that is late holds nobody up, and is waited for again when it caught up', () => {
      const cluster = Cluster.ready({ latencyMs: 1 })
      cluster.fate = ({ from, to }) => ([from, to].includes('c') ? 500 : undefined)
      const times = flushes(cluster, 1_000)
      const waits = pauses(times)
      assert(waits.filter((pause) => pause > FLUSH_INTERVAL_MS + 1).length <= 1, `${waits}`)
      assert(Math.max(...waits) <= FLUSH_LATE_MS + 5)
      cluster.fate = () => undefined
      cluster.run(2_000)
      cluster.fate = ({ from, to }) => ([from, to].includes('c') ? 20 : undefined)
      const again = pauses(flushes(cluster, 200))
      assert(
        again.some((pause) => pause >= 40),
        'the round trip of c',
      )
    })

    it('goes on by itself when nobody answers', () => {
      const cluster = Cluster.ready({ latencyMs: 1 })
      cluster.fate = ({ type }) => (type === 'ack' ? 'lose' : undefined)
      const waits = pauses(flushes(cluster, 1_000))
      assert(waits.length > 0 && waits.every((pause) => pause === FLUSH_WAIT_MS_MAX), `${waits}`)
    })
  })

  describe('coalesce', () => {
    it('what waits of one session into one record, with every version', () => {
      const cluster = withSession()
      const versions = Array.from({ length: 5 }, (_, n) =>
        cluster.written(cluster.commit('a', ID, { [`p${n % 2}`]: String(n) })),
      ).map(({ version }) => version)
      cluster.run(10)
      const [frame] = framesTo(cluster, 'b').map(({ frame }) => frame)
      assert.equal(frame?.records.length, 1)
      const record = frame?.records[0]?.record
      assert(record?.kind === 'live')
      assert.deepEqual(record.frontier[0], versions[4])
      assert.deepEqual(record.portions.get('p0')?.version, versions[4])
      assert.deepEqual(record.portions.get('p1')?.version, versions[3])
      assert.equal(record.portions.get('count')?.value, undefined, 'what did not change travels without its value')
      assert.deepEqual(texts(cluster.record('b', ID)), { count: '0', p0: '4', p1: '3' })
    })

    it('[V1] [V3] so that who waits for copies of an earlier one is answered by the same frame', () => {
      const cluster = withSession()
      const requests = ['1', '2', '3'].map((count) => cluster.commit('a', ID, { count }, { copies: 2 }))
      const proofs = requests.map((request) => cluster.written(request))
      assert.equal(framesTo(cluster, 'b').length, 1)
      for (const node of ['b', 'c']) for (const proof of proofs) assert(meetsProof(cluster.record(node, ID), proof))
    })

    it('a drop with the writes before it', () => {
      const cluster = withSession()
      cluster.commit('a', ID, { count: '1' })
      cluster.drop('a', ID)
      cluster.run(10)
      assert.deepEqual(
        framesTo(cluster, 'b').map(({ frame }) => frame?.records.map(({ record }) => record.kind)),
        [['dropped']],
      )
    })
  })

  describe('the window of writes', () => {
    const full = (): Cluster => {
      const cluster = new Cluster()
      cluster.start('a', { expectPeers: false, cacheBytesMax: 1 << 28 })
      cluster.run(10)
      const ids = Array.from({ length: PENDING_DELTAS_MAX + 3 }, (_, n) => `session-${n}`)
      for (const id of ids) cluster.create('a', id, { assumeNew: true })
      // The one after the first waits for the interval's end.
      cluster.commit('a', ids.at(-1) as string, { x: '1' })
      cluster.run(0.1)
      for (const id of ids.slice(0, PENDING_DELTAS_MAX)) cluster.commit('a', id, { x: '1' })
      assert(!cluster.replica('a').hasRoom)
      return cluster
    }
    const room = (cluster: Cluster, request: number, waitMs: number): void =>
      cluster.step('a', { type: 'room', request, waitMs })

    it('[R11] is bounded: a write waits for room, first come, first served', () => {
      const cluster = full()
      for (const request of [90_001, 90_002]) room(cluster, request, 100)
      assert(!cluster.results.has(90_001))
      cluster.run(FLUSH_INTERVAL_MS)
      assert.equal(cluster.results.get(90_001)?.kind, 'room')
      assert.equal(cluster.results.get(90_002)?.kind, 'room')
      assert(cluster.replica('a').hasRoom)
    })

    it('refuses with the limit when there is no room in time; who gave up waiting takes none', () => {
      const cluster = full()
      room(cluster, 90_001, 2)
      room(cluster, 90_002, 100)
      room(cluster, 90_003, 100)
      cluster.step('a', { type: 'cancel', request: 90_002 })
      cluster.run(2)
      const refused = cluster.results.get(90_001)
      assert(refused?.kind === 'failed' && refused.error instanceof LimitError)
      assert.equal(refused.error.limit, 'PENDING_DELTAS_MAX')
      cluster.run(FLUSH_INTERVAL_MS)
      assert(!cluster.results.has(90_002))
      assert.equal(cluster.results.get(90_003)?.kind, 'room')
    })
  })

  describe('a holder that is too far behind', () => {
    /** Write until node c keeps three quarters of a ring from being forgotten. */
    const overload = (cluster: Cluster): void => {
      // With their names and versions they are 47,000 bytes of a frame.
      cluster.commit('a', ID, smallPortions(46_200))
      cluster.run(50)
      for (let n = 0; n <= (EJECT_RING_SHARE * RING_BYTES_MAX) / 47_000; n++) {
        cluster.commit('a', ID, smallPortions(46_200, String(n % 10)))
        cluster.run(40)
      }
      cluster.run(EJECT_MS)
    }
    const outOfReach = ({ from, to, type }: Delivery): 'lose' | undefined =>
      [from, to].includes('c') && ['frame', 'ack', 'nack', 'repair'].includes(type) ? 'lose' : undefined

    it('[rule P5] [pitfall 17] is ejected before the ring is full, is told, and what waits is forgotten', () => {
      const cluster = withSession()
      cluster.fate = outOfReach
      overload(cluster)
      const [ejected] = cluster.noticesOf('ejected')
      assert.deepEqual(ejected?.notice, { type: 'ejected', node: 'c', shards: [SHARD] })
      assert.deepEqual(
        cluster.sentOf('eject').map(({ from, to }) => [from, to]),
        [
          ['a', 'c'],
          ['a', 'b'],
          ['b', 'c'],
        ],
      )
      assert.equal(cluster.noticesOf('gone').length, 0)
      cluster.sent.length = 0
      cluster.run(100)
      assert(!cluster.replica('a').owesAnything, 'nothing is owed to c any more')
    })

    it('[rule P4] is not ready until it has synced with the writer’s own sessions and a ready holder', () => {
      const cluster = withSession()
      cluster.fate = (delivery) => (delivery.type === 'sync-ask' ? 'lose' : outOfReach(delivery))
      overload(cluster)
      assert.equal(cluster.replica('c').shardState(SHARD), 'joining')
      assert.equal(cluster.replica('a').status().streams.ejected, 0, 'it joined again')
      cluster.sent.length = 0
      cluster.fate = () => undefined
      cluster.until(() => cluster.replica('c').shardState(SHARD) === 'ready', 'c is ready')
      const asks = cluster.sentOf('sync-ask').filter(({ from, message }) => from === 'c' && message.shard === SHARD)
      assert(asks.some(({ to, message }) => to === 'a' && message.scope === 'own'))
      assert(asks.some(({ message }) => message.scope === 'holder'))
      assert.deepEqual(texts(cluster.record('c', ID)), texts(cluster.record('a', ID)))
      cluster.written(cluster.commit('a', ID, { count: '1' }, { copies: 2 }))
    })

    it('learns of it by another member when the way to it is full', () => {
      const cluster = withSession()
      cluster.fate = (delivery) => (delivery.from === 'a' && delivery.to === 'c' ? 'lose' : outOfReach(delivery))
      overload(cluster)
      assert.equal(cluster.replica('c').shardState(SHARD), 'joining')
    })

    it('does not count as a copy, whatever it acknowledges', () => {
      const cluster = withSession()
      cluster.fate = (delivery) =>
        ['eject', 'join'].includes(delivery.type) || delivery.type === 'heartbeat' ? 'lose' : outOfReach(delivery)
      overload(cluster)
      const { incarnation } = cluster.replica('a')
      const number = framesTo(cluster, 'b').at(-1)?.frame?.header.number as number
      const request = cluster.commit('a', ID, { count: '1' }, { copies: 2, waitMs: 50 })
      cluster.run(5)
      cluster.hear('a', 'c', {
        type: 'ack',
        incarnation,
        positions: [{ shard: SHARD, number: number + 1, ready: true }],
      })
      const error = copiesFailure(cluster, request, 'TIMEOUT')
      assert.deepEqual(error.confirmed, ['b'])
      assert.equal(cluster.replica('a').status().streams.ejected, 1)
    })
  })

  describe('repairs', () => {
    const ask = (cluster: Cluster, from: string, to: number): void => {
      const { incarnation } = cluster.replica('a')
      cluster.hear('a', from, { type: 'nack', incarnation, shard: SHARD, ranges: [{ from: 1, to }] })
    }

    it('[pitfall 9] linger: a frame goes to each who asks once in a while, however many ask in between', () => {
      const cluster = withSession()
      cluster.fate = ({ type }) => (type === 'ack' ? 'lose' : undefined)
      cluster.commit('a', ID, { count: '1' })
      cluster.run(1)
      for (const from of ['b', 'c', 'b', 'c', 'b']) ask(cluster, from, 2)
      const lastOf = (node: string): number => cluster.sentOf('repair').filter(({ to }) => to === node).length
      assert.deepEqual([lastOf('b'), lastOf('c')], [1, 1])
      cluster.run(REPAIR_LINGER_MS)
      ask(cluster, 'b', 2)
      assert.deepEqual([lastOf('b'), lastOf('c')], [2, 1])
    })

    it('[pitfall 10] are so many bytes a second for a peer, and the rest when it asks again', () => {
      const cluster = withSession()
      cluster.fate = ({ type }) => (['ack', 'nack'].includes(type) ? 'lose' : undefined)
      for (let n = 0; n < 40; n++) {
        cluster.commit('a', ID, smallPortions(47_000, String(n % 10)))
        cluster.run(10)
      }
      cluster.sent.length = 0
      ask(cluster, 'b', 41)
      const bytes = (): number => cluster.sentOf('repair').reduce((sum, { message }) => sum + message.frame.length, 0)
      assert(bytes() >= REPAIR_BYTES_BURST && bytes() <= REPAIR_BYTES_BURST + FRAME_BYTES_MAX)
      const before = bytes()
      cluster.run(10)
      ask(cluster, 'b', 41)
      const more = bytes() - before
      assert(more > 0 && more <= REPAIR_BYTES_PER_SECOND / 100 + FRAME_BYTES_MAX)
      ask(cluster, 'c', 41)
      assert(bytes() - before - more >= REPAIR_BYTES_BURST, 'each peer has its own')
    })

    it('[pitfall 45] are for who follows the stream: a stranger’s small question brings nothing', () => {
      const cluster = Cluster.ready({ nodes: 6 })
      cluster.establish('a', ID, smallPortions(40_000))
      const outsider = cluster.nodes.find((node) => node !== 'a' && cluster.replica(node).shardState(SHARD) === 'none')
      const holder = cluster.nodes.find((node) => node !== 'a' && cluster.replica(node).shardState(SHARD) === 'ready')
      assert(outsider !== undefined && holder !== undefined)
      // One of the holders acknowledges nothing, so the frames are still there.
      cluster.fate = ({ type }) => (type === 'ack' || type === 'probe' ? 'lose' : undefined)
      for (let n = 0; n < 5; n++) {
        cluster.commit('a', ID, smallPortions(40_000, String(n)))
        cluster.run(10)
      }
      cluster.sent.length = 0
      const { incarnation } = cluster.replica('a')
      const question = { type: 'nack' as const, incarnation, shard: SHARD, ranges: [{ from: 1, to: RING_FRAMES_MAX }] }
      for (let n = 0; n < 50; n++) cluster.hear('a', outsider, question)
      assert.equal(cluster.sent.length, 0, 'neither frames nor an answer')
      for (let n = 0; n < 50; n++) cluster.hear('a', holder, question)
      const repaired = cluster.sentOf('repair')
      assert(repaired.length >= 5 && repaired.every(({ to }) => to === holder))
      assert(repaired.reduce((sum, { bytes }) => sum + bytes.length, 0) <= REPAIR_BYTES_BURST)
    })
  })

  it('[pitfall 14] never exceed the largest frame, however batches and large sessions meet', () => {
    const cluster = withSession()
    const large = idInShard(SHARD, 'large')
    cluster.establish('a', large, {})
    cluster.commit('a', ID, { count: '1' })
    cluster.run(0.1)
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
    const ids = Array.from({ length: PENDING_DELTAS_MAX + 1 }, (_, n) => `session-${n}`)
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

  for (const planted of [[], ['probe-pace']]) {
    const how = planted.length === 0 ? 'in all' : 'with that planted away, in each'
    it(`are probed ${how} that a member lags in, when its acknowledgements take long`, () => {
      const cluster = Cluster.ready({ init: () => ({ planted: new Set(planted) }) })
      cluster.fate = ({ from, type }) => (from === 'c' && type === 'ack' ? 1_500 : undefined)
      for (let shard = 0; shard < 16; shard++) {
        cluster.establish('a', idInShard(shard), { x: '1' }, 1)
        cluster.run(37)
      }
      cluster.sent.length = 0
      cluster.run(1_000)
      const probes = cluster.sentOf('probe').filter(({ to }) => to === 'c').length
      assert(planted.length === 0 ? probes <= 2 : probes > 10, `${probes} probes`)
    })
  }

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

    it('[A1] [pitfall 27] counts no acknowledgement of a holder that is not ready', () => {
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

    it('[A1] [pitfall 21] rejects with SUPERSEDED when a later primary had written already', () => {
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
