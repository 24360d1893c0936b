/** Whether the copies of all shards are there and equal: what a check says of a cluster, and what it does not hold against it. */
import assert from 'node:assert/strict'
import type { CheckReport } from '../../src/check/check-report.ts'
import {
  CHECK_BUCKETS_MAX,
  CHECK_DEADLINE_MS_DEFAULT,
  CHECK_END_BLUR_MS,
  CHECK_RECORDS_BURST,
  CHECK_SETTLE_MS,
  SHARD_COUNT,
} from '../../src/constants.ts'
import type { SessionKey } from '../../src/session/id.ts'
import { bucketOf } from '../../src/table/key-hash.ts'
import { Cluster, chunksAt, keyOf, shardOf } from '../support/cluster.ts'
import { keyHash } from '../support/key-hash.ts'

describe('check', () => {
  it('[R5] says ok of three equal nodes, from everywhere, with one question and one answer each', () => {
    const cluster = Cluster.ready()
    for (let i = 0; i < 50; i++) cluster.establish('a', `s${i}`, { n: `${i}` })
    for (const node of cluster.nodes) {
      cluster.sent.length = 0
      const startedMs = cluster.nowMs
      const report = cluster.report(cluster.check(node))
      assert.equal(report.verdict, 'ok')
      assert.deepEqual(report.reasons, [])
      assert.deepEqual(report.members, { alive: 3, suspect: 0, leaving: 0, silent: [], unasked: [] })
      assert.equal(report.checkedShards, SHARD_COUNT)
      for (const { readyHolders, wanted } of report.shards) assert.deepEqual([wanted, readyHolders.length], [3, 3])
      assert.equal(cluster.sentOf('check-ask').length, 2)
      assert.equal(cluster.sentOf('check-answer').length, 2)
      assert.equal(cluster.sentOf('check-look').length, 0)
      assert.ok(cluster.nowMs - startedMs < 10, `${cluster.nowMs - startedMs} ms`)
    }
  })

  it('[R5] finds a copy that lost a session and does not know it, and names bucket and holder', () => {
    for (const checking of ['a', 'b', 'c']) {
      const cluster = Cluster.ready()
      for (let i = 0; i < 20; i++) cluster.establish('a', `s${i}`, { n: `${i}` })
      cluster.replica('b').table.delete(keyOf('s7'))
      const startedMs = cluster.nowMs
      const report = cluster.report(cluster.check(checking))
      assert.equal(report.verdict, 'critical')
      assert.deepEqual(differing(report), [{ bucket: bucketOf(keyHash(keyOf('s7'))), holders: ['b'] }])
      assert.equal(report.shards.filter(({ verdict }) => verdict !== 'ok').length, 1)
      assert.match(
        report.reasons[0] ?? '',
        new RegExp(`1 bucket of shard ${shardOf('s7')} differ and nobody knew: look at b`),
      )
      const tookMs = cluster.nowMs - startedMs
      assert.ok(tookMs >= CHECK_SETTLE_MS && tookMs < CHECK_DEADLINE_MS_DEFAULT, `${tookMs} ms`)
    }
  })

  it('[R5] names all holders of a bucket of which no copy is that of the most', () => {
    const cluster = Cluster.ready({ nodes: 2, copies: 1 })
    cluster.establish('a', 's', { n: '1' }, 1)
    cluster.replica('a').table.delete(keyOf('s'))
    assert.deepEqual(differing(cluster.report(cluster.check('b'))), [
      { bucket: bucketOf(keyHash(keyOf('s'))), holders: ['a', 'b'] },
    ])
  })

  it('[R5] finds what is missing under constant writes to the same bucket, and nothing else', () => {
    const cluster = Cluster.ready({ latencyMs: 20 })
    const ids = sharingBucketWith('lost', 6)
    for (const id of ['lost', ...ids]) cluster.establish('a', id, { n: '0' })
    for (const isLost of [false, true]) {
      if (isLost) cluster.replica('c').table.delete(keyOf('lost'))
      const request = cluster.check('b')
      for (let n = 0; !cluster.results.has(request); n++) {
        cluster.commit('a', ids[n % ids.length] as string, { n: `${n}` })
        cluster.run(n % 3 === 0 ? 120 : 7)
      }
      const report = cluster.report(request)
      const bucket = bucketOf(keyHash(keyOf('lost')))
      assert.deepEqual(differing(report), isLost ? [{ bucket, holders: ['c'] }] : [])
      assert.equal(report.verdict, isLost ? 'critical' : 'ok')
    }
  })

  it('[R5] says of a bucket that never stands still that it is busy, which is no alarm', () => {
    const cluster = Cluster.ready({ latencyMs: 40 })
    cluster.establish('a', 's', { n: '0' })
    const request = cluster.check('b')
    for (let n = 0; !cluster.results.has(request); n++) {
      cluster.commit('a', 's', { n: `${n}` })
      cluster.run(3)
    }
    const report = cluster.report(request)
    assert.equal(report.verdict, 'ok')
    assert.deepEqual(differing(report), [])
    const busy = report.shards.filter((found) => found.busy > 0)
    assert.deepEqual(
      busy.map((found) => [found.shard, found.busy]),
      [[shardOf('s'), 1]],
    )
  })

  it('[R5] names who does not answer, and is not ok with the holders that are left', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', 's', { n: '1' })
    cluster.freeze('c')
    const startedMs = cluster.nowMs
    const report = cluster.report(cluster.check('a'))
    assert.equal(cluster.nowMs - startedMs, CHECK_DEADLINE_MS_DEFAULT)
    assert.equal(report.verdict, 'warning')
    assert.deepEqual(report.members.silent, ['c'])
    for (const { silent, readyHolders } of report.shards) {
      assert.deepEqual([silent, readyHolders], [['c'], ['a', 'b']])
    }
    assert.ok(report.reasons.includes('c did not answer'))
    assert.ok(report.reasons.some((reason) => reason.startsWith('not enough holders: 64 shards with 2 of 3 ready')))
    // Once it is dead nobody is silent, and two are no more than two.
    cluster.run(5_000)
    const later = cluster.report(cluster.check('a'))
    assert.deepEqual([later.verdict, later.members.silent, later.members.alive], ['warning', [], 2])
  })

  it('[R5] names who falls silent while copies are looked at', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', 's', { n: '1' })
    cluster.replica('c').table.delete(keyOf('s'))
    const request = cluster.check('a')
    cluster.run(300)
    cluster.freeze('c')
    const report = cluster.report(request)
    assert.equal(report.verdict, 'warning')
    assert.deepEqual(report.members.silent, ['c'])
    assert.deepEqual(differing(report), [])
  })

  it('[R5] wants `copies + 1` holders however few members there are', () => {
    const alone = new Cluster()
    alone.start('a', { expectPeers: false })
    alone.run(100)
    const report = alone.report(alone.check('a'))
    assert.equal(report.verdict, 'warning')
    assert.ok(report.shards.every(({ wanted, readyHolders }) => wanted === 3 && readyHolders.length === 1))
    assert.equal(report.reasons.length, 1)

    const single = new Cluster({ copies: 0 })
    single.start('a', { expectPeers: false })
    single.run(100)
    assert.equal(single.report(single.check('a')).verdict, 'ok')
  })

  it('[R5] [R13] wants a copy at every member that is here or died lately where everybody holds everything', () => {
    const cluster = Cluster.ready({ nodes: 4, copies: Number.POSITIVE_INFINITY })
    assert.equal(cluster.report(cluster.check('a')).verdict, 'ok')
    cluster.crash('d')
    cluster.run(8_000)
    const report = cluster.report(cluster.check('a'))
    assert.equal(report.verdict, 'warning')
    assert.ok(report.shards.every(({ wanted, readyHolders }) => wanted === 4 && readyHolders.length === 3))
  })

  it('[R5] says critical of shards that nobody holds', () => {
    const cluster = new Cluster()
    cluster.start('a', { weight: 0, expectPeers: false })
    cluster.run(100)
    const report = cluster.report(cluster.check('a'))
    assert.equal(report.verdict, 'critical')
    assert.match(report.reasons[0] ?? '', /^no ready holder of 64 shards answered: 0, 1, 2/)
  })

  it('[R5] goes green again when the copies of a dead member are made anew', () => {
    const cluster = Cluster.ready({ nodes: 5 })
    for (let i = 0; i < 30; i++) cluster.establish('a', `s${i}`, { n: `${i}` })
    cluster.crash('e')
    assert.equal(cluster.report(cluster.check('a')).verdict, 'warning')
    cluster.run(8_000)
    assert.equal(cluster.report(cluster.check('a')).verdict, 'ok')
  })

  it('[R5] does not hold a repair that takes long against who knows that it is behind', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', 's', { n: '0' })
    // The frame and every repair of it are lost on the way to c, which hears of its number.
    cluster.fate = ({ to, type }) =>
      to === 'c' && (type === 'frame' || type === 'repair' || type.startsWith('sync')) ? 'lose' : undefined
    cluster.commit('a', 's', { n: '1' })
    cluster.run(1_000)
    const report = cluster.report(cluster.check('b'))
    assert.deepEqual(differing(report), [])
    assert.notEqual(report.verdict, 'critical')
    cluster.fate = () => undefined
    cluster.run(10_000)
    assert.equal(cluster.report(cluster.check('b')).verdict, 'ok')
  })

  it('[R5] holds nothing against who does not hear a member, whose writes it could not have', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const ids = Array.from({ length: 40 }, (_, i) => `s${i}`)
    for (const id of ids) cluster.establish('a', id, { n: '0' })
    // Nothing of a comes to b any more, and everything of it to all others.
    cluster.fate = ({ from, to }) => (from === 'a' && to === 'b' ? 'lose' : undefined)
    for (const id of ids) cluster.commit('a', id, { n: '1' })
    for (const checking of ['c', 'd', 'b']) {
      const report = cluster.report(cluster.check(checking))
      assert.deepEqual([report.verdict, differing(report)], ['warning', []])
    }
  })

  it('[R5] [E2] does not compare what is about to end, nor when it is swept', () => {
    const cluster = Cluster.ready()
    const lifetime = { idleMs: 30_000, absoluteMs: 30_000, assumeNew: true }
    for (let i = 0; i < 40; i++) {
      cluster.result(cluster.create('a', `s${i}`, lifetime))
      cluster.written(cluster.commit('a', `s${i}`, { n: `${i}` }, { copies: 2 }))
    }
    cluster.run(12_000)
    // What one lost has a lot of time left: that is held against it.
    cluster.replica('b').table.delete(keyOf('s3'))
    assert.equal(cluster.report(cluster.check('a')).verdict, 'critical')
    cluster.run(10_000)
    assert.equal(cluster.report(cluster.check('a')).verdict, 'ok')
  })

  it('[R5] [E4] holds no difference against who has only the floor left of a session that ends a little later elsewhere', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', 's', { n: '1' })
    cluster.drop('a', 's')
    cluster.run(100)
    cluster.result(cluster.create('a', 's', { idleMs: 8_000, absoluteMs: 600_000, assumeNew: true }))
    cluster.written(cluster.commit('a', 's', { n: '2' }, { copies: 2 }))
    const { floor } = cluster.record('b', 's')
    assert.ok(floor !== undefined)
    cluster.run(1_000)
    const { table } = cluster.replica('b')
    table.put(
      keyOf('s'),
      { kind: 'dropped', birth: floor.birth, absoluteAtMs: floor.untilMs, isFloor: true },
      cluster.nowMs,
    )
    const report = cluster.report(cluster.check('a'))
    assert.deepEqual([report.verdict, differing(report)], ['ok', []])
    assert.equal(cluster.record('a', 's').kind, 'live')
  })

  it('[R5] [E2] takes copies that end apart for equal, as long as they are near', () => {
    const cluster = Cluster.ready()
    const delayMs = 6_000
    const ids = sharingBucketWith('s', 6)
    for (const [i, id] of ids.entries()) {
      const lifeMs = 40_000 + i * 3_000
      cluster.result(cluster.create('a', id, { idleMs: lifeMs, absoluteMs: lifeMs }))
    }
    // The frame to b is held up on the way, and says how much time remained when it left; nothing else brings the sessions.
    cluster.fate = ({ to, type }) => {
      if (to !== 'b') return undefined
      return type === 'frame' ? delayMs : type === 'repair' || type === 'sync-records' ? 'lose' : undefined
    }
    for (const id of ids) cluster.commit('a', id, { n: '1' })
    cluster.run(delayMs + 100)
    cluster.fate = () => undefined
    cluster.until(() => cluster.isSettled(), 'everybody is ready')
    cluster.run(1_000)
    for (const id of ids) {
      const [early, late] = ['a', 'b'].map((node) => cluster.record(node, id).expiry.absoluteAtMs) as [number, number]
      assert.ok(late - early > 5_000 && late - early < CHECK_END_BLUR_MS, `${late - early} ms apart`)
    }
    let looks = 0
    while (cluster.nowMs < 70_000) {
      cluster.sent.length = 0
      const report = cluster.report(cluster.check('c'))
      assert.deepEqual(differing(report), [], `at ${cluster.nowMs}`)
      assert.equal(report.verdict, 'ok')
      looks += cluster.sentOf('check-look').length
      cluster.run(700)
    }
    assert.ok(looks > 0)
  })

  it('[R5] [B1] holds a chunk against who lost it, and not its tombstone, which each holder keeps for a time of its own', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', 's', { upload: 'x'.repeat(2_000) })
    const [dropped] = chunksAt(cluster.replica('b'), 's') as [SessionKey]
    cluster.written(cluster.commit('a', 's', { upload: 'y'.repeat(2_000) }, { copies: 2 }))
    cluster.run(1_000)
    const [chunk] = chunksAt(cluster.replica('b'), 's') as [SessionKey]
    assert.notEqual(chunk, dropped)
    const { table } = cluster.replica('b')
    assert.equal(table.peek(dropped)?.record.kind, 'dropped')
    table.delete(dropped)
    assert.equal(cluster.report(cluster.check('a')).verdict, 'ok')
    assert.ok(cluster.sentOf('check-look').length > 0)
    table.delete(chunk)
    const bucket = bucketOf(keyHash(chunk))
    assert.deepEqual(differing(cluster.report(cluster.check('a'))), [{ bucket, holders: ['b'] }])
  })

  it('[R5] [T1] warns of records that were evicted, and takes a stub for the copy that it stands for', () => {
    const cluster = Cluster.ready({ init: (node) => (node === 'b' ? { cacheBytesMax: 20_000 } : {}) })
    for (let i = 0; i < 60; i++) cluster.establish('a', `s${i}`, { body: 'x'.repeat(400) })
    assert.ok(cluster.replica('b').status().table.stubs > 0)
    const report = cluster.report(cluster.check('a'))
    assert.deepEqual(differing(report), [])
    assert.equal(report.verdict, 'warning')
    assert.match(report.reasons.at(-1) ?? '', /left caches for want of room/)
  })

  it('[R5] cannot ask who speaks the wire of before, and says so', () => {
    const cluster = Cluster.ready({ wire: (a, b) => (a === 'c' || b === 'c' ? 1 : 2) })
    cluster.establish('a', 's', { n: '1' })
    const report = cluster.report(cluster.check('a'))
    assert.equal(report.verdict, 'warning')
    assert.deepEqual([report.members.unasked, report.members.silent], [['c'], []])
    assert.equal(cluster.noticesOf('bad-message').length, 0)
    assert.ok(report.reasons.includes('c runs an earlier version, which cannot be asked'))
  })

  it('[R5] shares one check among all who ask meanwhile, each until its own deadline', () => {
    const cluster = Cluster.ready()
    cluster.freeze('c')
    const first = cluster.check('a', 4_000)
    cluster.run(1_000)
    const [short, long, given] = [cluster.check('a', 500), cluster.check('a', 30_000), cluster.check('a')]
    cluster.step('a', { type: 'cancel', request: given })
    cluster.run(600)
    assert.deepEqual(
      [short, first, long].map((request) => cluster.results.has(request)),
      [true, false, false],
    )
    cluster.run(2_500)
    assert.deepEqual(
      [first, long].map((request) => cluster.results.has(request)),
      [true, false],
    )
    cluster.run(1_000)
    assert.deepEqual(
      [long, given].map((request) => cluster.results.has(request)),
      [true, false],
    )
    assert.equal(new Set(cluster.sentOf('check-ask').map(({ message }) => message.check)).size, 1)
  })

  it('[R5] ends with nobody who waits', () => {
    const cluster = Cluster.ready()
    cluster.freeze('c')
    cluster.step('a', { type: 'cancel', request: cluster.check('a') })
    cluster.sent.length = 0
    cluster.run(3_000)
    assert.equal(cluster.sentOf('check-ask').length, 0)
  })

  it('[R5] [T1] does not hold a difference against who put something out of that bucket', () => {
    const cluster = Cluster.ready({ init: (node) => (node === 'b' ? { cacheBytesMax: 20_000 } : {}) })
    for (let i = 0; i < 60; i++) cluster.establish('a', `s${i}`, { body: 'x'.repeat(400) })
    const { table } = cluster.replica('b')
    const evicted = Array.from({ length: 60 }, (_, i) => `s${i}`).find((id) => table.absence(keyOf(id)) === 'evicted')
    assert(evicted !== undefined)
    cluster.replica('c').table.delete(keyOf(evicted))
    cluster.replica('a').table.delete(keyOf(evicted))
    const report = cluster.report(cluster.check('a'))
    assert.deepEqual([report.verdict, differing(report)], ['warning', []])
    assert.equal(report.shards[shardOf(evicted)]?.behind, 1)
  })

  it('[R5] looks at so many records a second, whoever asks, and answers in any case', () => {
    const cluster = Cluster.ready({ nodes: 2, copies: 1 })
    for (let i = 0; i < 60; i++) cluster.establish('a', `s${i}`, { n: '1' }, 1)
    const buckets = Array.from({ length: CHECK_BUCKETS_MAX }, (_, i) => i)
    const ask = (count: number): number => {
      cluster.sent.length = 0
      for (let round = 0; round < count; round++) {
        cluster.hear('b', 'a', { type: 'check-look', check: 1, round, buckets })
      }
      const answers = cluster.sentOf('check-seen')
      assert.equal(answers.length, count)
      return answers.reduce((sum, { message }) => sum + message.copies.length, 0)
    }
    const atOnce = ask(2_500)
    assert.ok(atOnce > CHECK_RECORDS_BURST / 2 && atOnce <= CHECK_RECORDS_BURST, `${atOnce} buckets`)
    assert.equal(ask(10), 0)
    cluster.run(1_000)
    assert.ok(ask(10) > 0)
  })

  it('[R5] begins elsewhere with each check, where there is more to look at than time', () => {
    const cluster = Cluster.ready()
    for (let i = 0; i < 400; i++) cluster.establish('a', `s${i}`, { n: `${i}` })
    for (let i = 0; i < 400; i++) cluster.replica('c').table.delete(keyOf(`s${i}`))
    const firsts = [1, 2, 3].map(() => {
      cluster.sent.length = 0
      cluster.step('a', { type: 'cancel', request: cluster.check('a') })
      const request = cluster.check('a')
      cluster.run(100)
      cluster.step('a', { type: 'cancel', request })
      return cluster.sentOf('check-look')[0]?.message.buckets[0] ?? assert.fail()
    })
    assert.equal(new Set(firsts).size, 3)
  })

  it('asks again who did not hear the question, and for what was lost of the answers', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', 's', { n: '1' })
    cluster.replica('b').table.delete(keyOf('s'))
    let count = 0
    cluster.fate = ({ type }) => (type.startsWith('check') && ++count % 2 === 0 ? 'lose' : undefined)
    assert.deepEqual(differing(cluster.report(cluster.check('a')))[0]?.holders, ['b'])
  })

  it('looks at many buckets in questions of a bounded size', () => {
    const cluster = Cluster.ready()
    for (let i = 0; i < 300; i++) cluster.establish('a', `s${i}`, { n: `${i}` })
    for (let i = 0; i < 300; i++) cluster.replica('c').table.delete(keyOf(`s${i}`))
    const report = cluster.report(cluster.check('b'))
    assert.equal(report.verdict, 'critical')
    assert.ok(differing(report).length > 150)
    assert.ok(differing(report).every(({ holders }) => holders.join() === 'c'))
    assert.ok(report.reasons.length < 12)
    for (const { message } of cluster.sentOf('check-look')) assert.ok(message.buckets.length <= CHECK_BUCKETS_MAX)
  })
})

function differing({ shards }: CheckReport): { bucket: number; holders: readonly string[] }[] {
  return shards.flatMap(({ divergent }) => divergent)
}

/** Ids of other sessions in an id's bucket. */
function sharingBucketWith(id: string, count: number): string[] {
  const bucket = bucketOf(keyHash(keyOf(id)))
  const ids: string[] = []
  for (let i = 0; ids.length < count; i++) if (bucketOf(keyHash(keyOf(`t${i}`))) === bucket) ids.push(`t${i}`)
  return ids
}
