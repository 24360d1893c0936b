import assert from 'node:assert/strict'
import {
  AUDIT_INTERVAL_MS,
  BUCKETS_PER_SHARD,
  SHARD_COUNT,
  SYNC_BYTES_BURST,
  SYNC_BYTES_PER_SECOND,
  SYNC_CHUNK_BYTES,
  SYNC_SESSIONS_MAX,
  SYNC_TIMEOUT_MS,
} from '../../src/constants.ts'
import { bucketOf } from '../../src/table/key-hash.ts'
import { Cluster, idInShard, keyOf, smallPortions, texts } from '../support/cluster.ts'
import { keyHash } from '../support/key-hash.ts'

const SHARD = 7

function withSessions(count: number): { cluster: Cluster; ids: string[] } {
  const cluster = Cluster.ready()
  const ids = Array.from({ length: count }, (_, n) => idInShard(SHARD, `session-${n}`))
  for (const id of ids) {
    cluster.result(cluster.create('a', id, { assumeNew: true }))
    cluster.written(cluster.commit('a', id, { of: id }, { copies: 2 }))
  }
  cluster.run(100)
  return { cluster, ids }
}

/** Long enough that every shard was very probably audited by every node: the audit picks one shard per interval. */
const AUDITED_MS = 20 * SHARD_COUNT * AUDIT_INTERVAL_MS

describe('syncing', () => {
  it('[I-R12] an unchanged shard audits with nothing moved: digests settle it', () => {
    const { cluster } = withSessions(20)
    const before = cluster.nodes.map((node) => cluster.replica(node).status().syncs.records)
    cluster.sent.length = 0
    cluster.run(20 * AUDIT_INTERVAL_MS)
    assert(cluster.sentOf('sync-ask').length >= 3 * 19)
    for (const { message } of cluster.sentOf('sync-offer')) assert.deepEqual(message.buckets, [])
    assert.deepEqual(cluster.sentOf('sync-want'), [])
    assert.deepEqual(
      cluster.nodes.map((node) => cluster.replica(node).status().syncs.records),
      before,
    )
  })

  it('[R5] an audit finds a record that a holder lacks, and brings back just that', () => {
    const cluster = Cluster.ready()
    const ids = Array.from({ length: 10 }, (_, n) => idInShard(SHARD, `session-${n}`))
    for (const id of ids) {
      cluster.result(cluster.create('a', id, { assumeNew: true, idleMs: 1e9, absoluteMs: 1e9 }))
      cluster.written(cluster.commit('a', id, { of: id }, { copies: 2 }))
    }
    cluster.run(100)
    const lost = ids[3] as string
    cluster.replica('b').table.delete(keyOf(lost))
    cluster.sent.length = 0
    cluster.until(() => cluster.replica('b').peek(keyOf(lost)) !== undefined, 'an audit', AUDITED_MS)
    assert.deepEqual(texts(cluster.record('b', lost)), { of: lost })
    const moved = cluster.sentOf('sync-records').flatMap(({ message }) => message.records.map(({ key }) => key))
    assert.deepEqual(moved, [lost])
    const listed = new Set(cluster.sentOf('sync-list').map(({ message }) => message.bucket))
    assert.deepEqual([...listed], [bucketOf(keyHash(lost))], 'only the bucket that differs is listed')
  })

  it('after a partition both sides get what the other wrote', () => {
    const { cluster, ids } = withSessions(4)
    for (const other of ['b', 'c']) cluster.cut('a', other)
    cluster.run(10_000)
    const [one, two] = ids as [string, string]
    cluster.commit('a', one, { note: 'of a' })
    cluster.outcome(cluster.resume('b', two))
    cluster.commit('b', two, { note: 'of b' })
    cluster.run(100)
    for (const other of ['b', 'c']) cluster.connect('a', other)
    cluster.run(5_000)
    for (const node of cluster.nodes) {
      assert.deepEqual(texts(cluster.record(node, one)), { note: 'of a', of: one })
      assert.deepEqual(texts(cluster.record(node, two)), { note: 'of b', of: two })
      assert.deepEqual(cluster.replica(node).table.shardDigests(SHARD), cluster.replica('a').table.shardDigests(SHARD))
    }
  })

  it('[pitfall 43] moves large buckets in bounded pieces', () => {
    const cluster = Cluster.ready()
    const first = idInShard(SHARD)
    const bucket = bucketOf(keyHash(first))
    const ids: string[] = []
    for (let n = 0; ids.length < 12; n++) if (bucketOf(keyHash(`large-${n}`)) === bucket) ids.push(`large-${n}`)
    for (const id of ids) {
      cluster.result(cluster.create('a', id, { assumeNew: true }))
      cluster.written(cluster.commit('a', id, smallPortions(30_000), { copies: 2 }))
    }
    cluster.crash('c')
    cluster.sent.length = 0
    cluster.join('c', { incarnation: 2 })
    cluster.until(() => cluster.isSettled(), 'c is back')
    for (const id of ids) assert.deepEqual(texts(cluster.record('c', id)), smallPortions(30_000))
    const pieces = cluster.sentOf('sync-records').filter(({ to }) => to === 'c')
    assert(pieces.length >= 4)
    for (const { bytes } of pieces) assert(bytes.length < SYNC_CHUNK_BYTES + 48 * 1024 + 8 * 1024, `${bytes.length}`)
    assert(bucket >= SHARD * BUCKETS_PER_SHARD && bucket < (SHARD + 1) * BUCKETS_PER_SHARD)
  })

  it('[pitfall 43] fetches so many bytes a second, however much there is', () => {
    const cluster = Cluster.ready()
    const count = 400
    for (let n = 0; n < count; n++) {
      cluster.result(cluster.create('a', `large-${n}`, { assumeNew: true }))
      cluster.commit('a', `large-${n}`, smallPortions(40_000))
      cluster.run(10)
    }
    cluster.run(500)
    cluster.crash('c')
    cluster.sent.length = 0
    const startMs = cluster.nowMs
    cluster.join('c', { incarnation: 2 })
    cluster.until(() => cluster.replica('c').isReady, 'c is ready')
    const tookMs = cluster.nowMs - startMs
    const bytes = cluster.sentOf('sync-records').reduce((sum, delivery) => sum + delivery.bytes.length, 0)
    assert(bytes >= count * 40_000)
    const soonestMs = (1_000 * (bytes - SYNC_BYTES_BURST)) / SYNC_BYTES_PER_SECOND
    assert(tookMs >= 0.9 * soonestMs && tookMs <= 1.5 * soonestMs + 500, `${tookMs} ms, where ${soonestMs} is the rate`)
  })

  it('[pitfall 13] goes on after a source that fell silent, with what still differs', () => {
    const { cluster, ids } = withSessions(20)
    cluster.crash('c')
    let served = 0
    // The first source answers a few times and then no more.
    cluster.fate = ({ to, type }) => (to === 'c' && type === 'sync-records' && ++served > 3 ? 'lose' : undefined)
    cluster.join('c', { incarnation: 2 })
    cluster.run(SYNC_TIMEOUT_MS - 500)
    assert.notEqual(cluster.replica('c').shardState(SHARD), 'ready')
    const early = ids.filter((id) => cluster.replica('c').peek(keyOf(id)) !== undefined)
    assert(early.length > 0 && early.length < ids.length, `${early.length} came`)
    cluster.fate = () => undefined
    cluster.sent.length = 0
    cluster.until(() => cluster.isSettled(), 'c is back')
    const again = cluster
      .sentOf('sync-records')
      .flatMap(({ message }) => message.records.map(({ key }) => key as string))
    assert.deepEqual(
      again.filter((key) => early.includes(key)),
      [],
      'nothing is fetched twice',
    )
    for (const id of ids) assert.deepEqual(texts(cluster.record('c', id)), { of: id })
  })

  it('ends at once where the source has let go of the shard, and keeps nobody waiting', () => {
    const cluster = Cluster.ready({ nodes: 6 })
    const isHeldBy = (node: string, shard: number): boolean => cluster.replica(node).shardState(shard) !== 'none'
    for (let shard = 0; shard < SHARD_COUNT; shard++) cluster.establish('a', idInShard(shard), { x: '1' })
    // Node a still believes that b holds everything, and compares with it when somebody is gone.
    cluster.fate = ({ from, type }) => (from === 'b' && type === 'heartbeat' ? 'lose' : undefined)
    const { incarnation } = cluster.replica('b')
    const all = { hi: -1, lo: -1 }
    const beat = { beat: 9_999, echo: 0, echoAgeMs: 0, joined: all, ready: all, streams: [] }
    cluster.hear('a', 'b', { type: 'heartbeat', incarnation, ...beat })
    cluster.sent.length = 0
    cluster.step('c', { type: 'goodbye' })
    cluster.run(2)
    cluster.crash('c')
    cluster.run(200)
    const isInVain = (shard: number): boolean => !isHeldBy('b', shard)
    const asked = cluster.sentOf('sync-ask').filter(({ from, to }) => from === 'a' && to === 'b')
    const inVain = asked.filter(({ message }) => isInVain(message.shard))
    assert(inVain.length > SYNC_SESSIONS_MAX, `${inVain.length} of ${asked.length} in vain`)
    const shards = inVain.map(({ message }) => message.shard)
    assert.equal(new Set(shards).size, shards.length, 'nobody asks again what it was told')
    const listed = cluster.sentOf('sync-list').filter(({ from, to }) => from === 'a' && to === 'b')
    assert(!listed.some(({ message }) => isInVain(Math.floor(message.bucket / BUCKETS_PER_SHARD))))
    assert.equal(cluster.replica('a').status().syncs.underWay, 0)
  })

  it('[pitfall 46] the status says that data is missing, though every connection is fine and every holder is ready', () => {
    const { cluster } = withSessions(1)
    cluster.run(1_000)
    const differing = (): number[] => cluster.nodes.map((node) => cluster.replica(node).status().syncs.differing)
    const before = differing()
    cluster.run(60_000)
    assert.deepEqual(differing(), before, 'nothing differs')

    const other = idInShard(SHARD, 'other')
    cluster.result(cluster.create('a', other, { assumeNew: true, idleMs: 1e9, absoluteMs: 1e9 }))
    cluster.written(cluster.commit('a', other, { x: '1' }, { copies: 2 }))
    cluster.run(100)
    cluster.replica('b').table.delete(keyOf(other))
    assert(cluster.isSettled() && cluster.nodes.every((node) => cluster.replica(node).isWhole), 'all looks well')
    cluster.until(() => cluster.replica('b').peek(keyOf(other)) !== undefined, 'an audit', 3_600_000)
    cluster.run(1_000)
    assert(
      differing().some((count, i) => count > (before[i] as number)),
      'and the audit says that it was not',
    )

    // A frame that is missing shows at once.
    cluster.fate = ({ to, type }) => (to === 'b' && ['frame', 'repair'].includes(type) ? 'lose' : undefined)
    cluster.commit('a', other, { x: '2' })
    cluster.run(100)
    assert.equal(cluster.replica('b').status().streams.gaps, 1)
    assert(cluster.replica('b').isLacking(SHARD))
  })

  it('[rule P4] positions are taken before the digests: a source that is not ready makes nobody complete', () => {
    const cluster = Cluster.ready()
    cluster.fate = ({ to, type }) => (to === 'd' && type === 'sync-offer' ? 'lose' : undefined)
    cluster.join('d')
    cluster.run(500)
    const joining = Array.from({ length: SHARD_COUNT }, (_, shard) => shard).find(
      (shard) => cluster.replica('d').shardState(shard) === 'joining',
    )
    assert(joining !== undefined)
    cluster.sent.length = 0
    const ask = { type: 'sync-ask' as const, session: 99, shard: joining, scope: 'holder' as const, digests: [] }
    cluster.hear('d', 'a', ask)
    const offer = cluster.sentOf('sync-offer').find(({ from, message }) => from === 'd' && message.session === 99)
    assert.equal(offer?.message.ready, false)
  })

  it('listens only to the answer it waits for, from whom it asked', () => {
    const { cluster } = withSessions(1)
    const before = cluster.replica('a').status()
    for (let session = 1; session < 200; session++) {
      cluster.hear('a', 'b', {
        type: 'sync-offer',
        session,
        ready: true,
        positions: [],
        buckets: [{ bucket: 1, parts: 9 }],
      })
      cluster.hear('a', 'b', {
        type: 'sync-items',
        session,
        bucket: 1,
        part: 0,
        items: [{ key: { hi: 1, lo: 1 }, meta: { hi: 1, lo: 1 } }],
      })
      cluster.hear('a', 'b', { type: 'sync-records', session, done: 1, records: [] })
    }
    assert.deepEqual(cluster.replica('a').status().syncs, before.syncs)
    assert.deepEqual(cluster.sentOf('sync-want'), [])
  })
})
