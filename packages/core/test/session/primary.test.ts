import assert from 'node:assert/strict'
import {
  BUCKET_COUNT,
  CACHE_BYTES_MIN,
  DRAFTS_MAX,
  HEAD_BYTES_MAX,
  PORTION_BYTES_MAX,
  PORTIONS_MAX,
  SESSION_BYTES_MAX,
  SWEEP_INTERVAL_MS,
} from '../../src/constants.ts'
import { AlreadyExistsError, LimitError, UnavailableError, UsageError } from '../../src/errors.ts'
import type { SessionRecord } from '../../src/session/record.ts'
import { endsAtMs } from '../../src/session/record.ts'
import type { Version } from '../../src/session/version.ts'
import { compareBirths, compareTenures } from '../../src/session/version.ts'
import { encodeMessage } from '../../src/wire/message-codec.ts'
import { Cluster, keyOf, texts, WALL_START_MS } from '../support/cluster.ts'

const ID = 'basket-17'

function withSession(lifetime: { idleMs?: number; absoluteMs?: number } = {}): Cluster {
  const cluster = Cluster.ready()
  cluster.result(cluster.create('a', ID, lifetime))
  cluster.written(cluster.commit('a', ID, { item: 'tea' }, { copies: 2 }))
  cluster.run(100)
  cluster.sent.length = 0
  cluster.notices.length = 0
  return cluster
}

/** Commit at a node that took the session over. */
function takeOver(cluster: Cluster, node: string, item: string, copies = 2): Version {
  assert.equal(cluster.outcome(cluster.resume(node, ID)).outcome, 'complete')
  return cluster.written(cluster.commit(node, ID, { item }, { copies })).version
}

function alone(cacheBytesMax?: number): Cluster {
  const cluster = new Cluster()
  cluster.start('a', { expectPeers: false, ...(cacheBytesMax === undefined ? {} : { cacheBytesMax }) })
  cluster.run(10)
  return cluster
}

describe('the primary', () => {
  describe('[V1] tenures', () => {
    it('[V1] one tenure numbers its commits from 1', () => {
      const cluster = withSession()
      const second = cluster.written(cluster.commit('a', ID, { item: 'milk' })).version
      const third = cluster.written(cluster.commit('a', ID, { item: 'rum' })).version
      assert.deepEqual(second, { tenure: { epoch: 1, node: 'a', incarnation: 1 }, seq: 2 })
      assert.deepEqual(third, { ...second, seq: 3 })
    })

    it('[V1] each takeover takes an epoch above all it has seen, also the one back to the first', () => {
      const cluster = withSession()
      const epochs = ['b', 'c', 'a', 'b'].map((node) => takeOver(cluster, node, `of ${node}`).tenure)
      assert.deepEqual(
        epochs.map(({ epoch, node }) => [epoch, node]),
        [
          [2, 'b'],
          [3, 'c'],
          [4, 'a'],
          [5, 'b'],
        ],
      )
    })

    it('[V1] a restarted node goes on in a tenure of its own, above what it wrote before', () => {
      const cluster = withSession()
      cluster.written(cluster.commit('a', ID, { item: 'lost' }))
      const before = cluster.written(cluster.commit('a', ID, { item: 'milk' }, { copies: 2 })).version
      cluster.crash('a')
      cluster.join('a', { incarnation: 2 })
      cluster.until(() => cluster.isSettled(), 'a is back')
      const after = takeOver(cluster, 'a', 'rum')
      assert(compareTenures(after.tenure, before.tenure) > 0)
      assert.deepEqual(after, { tenure: { epoch: 2, node: 'a', incarnation: 2 }, seq: 1 })
    })

    it('[V1] no version is issued twice, also when nobody but this node knew the first and it ended here', () => {
      const cluster = withSession({ idleMs: 3_000 })
      takeOver(cluster, 'b', 'of b')
      // Node a takes the session over in a partition. Nothing that it writes there ever reaches the others.
      for (const other of ['b', 'c']) cluster.cut('a', other)
      cluster.outcome(cluster.resume('a', ID))
      const lost = cluster.written(cluster.commit('a', ID, { item: 'in the dark' })).version
      for (let ms = 0; ms < 4_000; ms += 500) {
        cluster.touch('b', ID)
        cluster.run(500)
      }
      assert.equal(cluster.replica('a').peek(keyOf(ID)), undefined, 'it ended at a')
      cluster.fate = ({ from, type }) => (from === 'a' && ['frame', 'repair'].includes(type) ? 'lose' : undefined)
      for (const other of ['b', 'c']) cluster.connect('a', other)
      cluster.run(100)
      assert.equal(cluster.outcome(cluster.resume('a', ID)).outcome, 'complete')
      const next = cluster.written(cluster.commit('a', ID, { item: 'in the light' })).version
      assert.notDeepEqual(next, lost)
      assert(compareTenures(next.tenure, lost.tenure) > 0)
    })

    it('[V1] no version is issued twice, also when nobody but this node knew the first and it left the cache', () => {
      const cluster = Cluster.ready({ init: () => ({ cacheBytesMax: CACHE_BYTES_MIN }) })
      cluster.establish('a', ID, { item: 'tea' })
      takeOver(cluster, 'b', 'of b')
      for (const other of ['b', 'c']) cluster.cut('a', other)
      cluster.outcome(cluster.resume('a', ID))
      const lost = cluster.written(cluster.commit('a', ID, { item: 'in the dark' })).version
      // Once the others count as dead, nobody is owed the write any more, and it may go.
      cluster.run(10_000)
      for (let n = 0; n < 60 && cluster.replica('a').peek(keyOf(ID)) !== undefined; n++) {
        cluster.result(cluster.create('a', `other-${n}`, { assumeNew: true }))
        cluster.written(cluster.commit('a', `other-${n}`, { big: 'x'.repeat(40_000) }))
        cluster.run(10)
      }
      assert.equal(cluster.replica('a').peek(keyOf(ID)), undefined)
      for (const other of ['b', 'c']) cluster.connect('a', other)
      cluster.until(() => cluster.isSettled(), 'all met again')
      const next = takeOver(cluster, 'a', 'in the light')
      assert(compareTenures(next.tenure, lost.tenure) > 0, `epoch ${next.tenure.epoch}`)
    })

    it('[V1] no version is issued twice, also when the session left with its shard and an older copy came back', () => {
      const cluster = Cluster.ready()
      const shard = cluster.replica('b').table.shardOf(keyOf(ID))
      cluster.establish('a', ID, { item: 'tea' })
      takeOver(cluster, 'c', 'of c')
      for (const other of ['a', 'b']) cluster.cut('c', other)
      const lost = takeOver(cluster, 'b', 'never heard of by c', 1)
      takeOver(cluster, 'a', 'of a', 1)
      // Members come until the shard is given to others, and goes from here with all that is known of the session.
      for (let n = 0; cluster.replica('b').shardState(shard) !== 'none'; n++) {
        assert(n < 20, 'the shard never moves away')
        cluster.join(`new-${n}`)
        cluster.cut('c', `new-${n}`)
        cluster.run(5_000)
      }
      assert.equal(cluster.replica('b').peek(keyOf(ID)), undefined)
      for (const other of cluster.nodes) if (other !== 'b') cluster.cut('b', other)
      cluster.connect('b', 'c')
      cluster.run(10_000)
      const next = takeOver(cluster, 'b', 'on what c had', 0)
      assert(compareTenures(next.tenure, lost.tenure) > 0, `epoch ${next.tenure.epoch}`)
    })

    it('says the version of the next commit beforehand, so that values can be sealed for it', () => {
      const cluster = withSession()
      for (const node of ['a', 'b', 'a']) {
        cluster.outcome(cluster.resume(node, ID))
        const { birth } = cluster.replica(node).peek(keyOf(ID)) as SessionRecord
        const promised = cluster.replica(node).nextVersion(keyOf(ID), birth)
        assert.deepEqual(cluster.replica(node).nextVersion(keyOf(ID), birth), promised, 'asking changes nothing')
        assert.deepEqual(cluster.written(cluster.commit(node, ID, { item: node }, { copies: 2 })).version, promised)
      }
      assert.equal(cluster.replica('a').nextVersion(keyOf('never'), { generation: 1, random: 1 }), undefined)
    })

    it('says the version for the life of the id that is asked for, also beside a new one that was not committed yet', () => {
      const cluster = Cluster.ready()
      // Two nodes create the same id at once; the later birth stays a draft while the earlier one is written.
      cluster.result(cluster.create('b', ID, { assumeNew: true }))
      cluster.run(5)
      cluster.result(cluster.create('a', ID, { assumeNew: true }))
      cluster.written(cluster.commit('b', ID, { item: 'of b' }, { copies: 2 }))
      cluster.run(100)
      const { birth } = cluster.replica('b').peek(keyOf(ID)) as SessionRecord
      assert.notDeepEqual((cluster.replica('a').peek(keyOf(ID)) as SessionRecord).birth, birth, 'a has a draft too')
      assert.equal(cluster.replica('a').nextVersion(keyOf(ID), birth)?.tenure.epoch, 2)
    })
  })

  describe('[V2] creating', () => {
    it("[V2] gives a birth of the wall clock's generation", () => {
      const cluster = alone()
      const result = cluster.result(cluster.create('a', ID, { assumeNew: true }))
      assert(result.kind === 'created')
      assert.equal(result.birth.generation, WALL_START_MS + cluster.nowMs)
    })

    it('[V2] gives a generation above that of a session dropped before, also when the clock ran backwards', () => {
      const cluster = alone()
      const ahead = { kind: 'dropped' as const, birth: { generation: WALL_START_MS * 2, random: 5 }, absoluteAtMs: 9e6 }
      cluster.join('b')
      cluster.run(100)
      const bytes = encodeMessage({ type: 'push', records: [{ key: keyOf(ID), record: ahead }] }, cluster.nowMs)
      cluster.step('a', { type: 'message', from: 'b', lane: 'control', bytes })
      const result = cluster.result(cluster.create('a', ID))
      assert(result.kind === 'created')
      assert(compareBirths(result.birth, ahead.birth) > 0)
      assert.equal(cluster.record('a', ID).birth.generation, ahead.birth.generation + 1)
    })

    it('refuses an id that lives here, and one that lives elsewhere', () => {
      const cluster = withSession()
      assert(cluster.failure(cluster.create('a', ID)) instanceof AlreadyExistsError)
      const far = Cluster.ready({ nodes: 6 })
      far.establish('a', ID, { item: 'tea' })
      const stranger = far.nodes.find((node) => !far.nodesWith(ID).includes(node)) as string
      assert(far.failure(far.create(stranger, ID)) instanceof AlreadyExistsError)
    })

    it('says that it cannot know when a ready holder does not answer', () => {
      const cluster = Cluster.ready()
      cluster.fate = ({ from, type }) => (from === 'b' && type === 'answer' ? 'lose' : undefined)
      const error = cluster.failure(cluster.create('a', 'new', { deadlineMs: 100 }))
      assert(error instanceof UnavailableError)
      assert.deepEqual(error.silent, ['b'])
      assert.equal(cluster.result(cluster.create('a', 'new', { assumeNew: true })).kind, 'created')
    })

    it('[V2] takes an id anew after its drop, and the old life stays away', () => {
      const cluster = withSession()
      const old = cluster.birth('a', ID)
      cluster.drop('a', ID, { copies: 2 })
      cluster.run(50)
      cluster.establish('b', ID, { item: 'new' })
      assert.equal(cluster.failure(cluster.commit('a', ID, { item: 'late' }, { birth: old })).code, 'DROPPED')
      for (const node of cluster.nodes) assert.deepEqual(texts(cluster.record(node, ID)), { item: 'new' })
    })

    it('publishes nothing before the first commit', () => {
      const cluster = Cluster.ready()
      cluster.result(cluster.create('a', ID))
      cluster.run(300)
      assert.deepEqual(cluster.frames(), [])
      assert.deepEqual(cluster.outcome(cluster.resume('b', ID)).outcome, 'absent')
    })

    it('refuses when nothing in the cache may go', () => {
      const cluster = Cluster.ready({ nodes: 2, init: () => ({ cacheBytesMax: CACHE_BYTES_MIN }) })
      cluster.fate = ({ from, type }) => (from === 'b' && type === 'ack' ? 'lose' : undefined)
      for (let n = 0; n < 30; n++) {
        cluster.create('a', `s-${n}`, { assumeNew: true })
        const request = cluster.commit(
          'a',
          `s-${n}`,
          { big: 'x'.repeat(40_000) },
          { birth: cluster.replica('a').peek(keyOf(`s-${n}`))?.birth ?? { generation: 0, random: 0 } },
        )
        if (cluster.results.get(request)?.kind === 'failed') break
      }
      const error = cluster.failure(cluster.create('a', 'one more', { assumeNew: true }))
      assert(error instanceof LimitError)
      assert.equal(error.limit, 'cache.bytesMax')
    })
  })

  describe('writing', () => {
    it('[pitfall 14] refuses what is over a limit, and changes nothing', () => {
      const cluster = withSession()
      const before = cluster.record('a', ID)
      const many = Object.fromEntries(Array.from({ length: PORTIONS_MAX }, (_, i) => [`p${i}`, '']))
      const most = 'x'.repeat(PORTION_BYTES_MAX)
      assert(SESSION_BYTES_MAX < 5 * PORTION_BYTES_MAX)
      const wrong: [Record<string, string>, typeof LimitError | typeof UsageError][] = [
        [many, LimitError],
        [{ big: 'x'.repeat(PORTION_BYTES_MAX + 1) }, LimitError],
        [Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, most])), LimitError],
        [{ '': 'x' }, UsageError],
        [{ ['n'.repeat(65)]: 'x' }, UsageError],
        [{ ['é'.repeat(33)]: 'x' }, UsageError],
        [{ '\ud800': 'x' }, UsageError],
      ]
      for (const [changes, kind] of wrong) {
        assert(cluster.failure(cluster.commit('a', ID, changes)) instanceof kind)
        assert.equal(cluster.record('a', ID), before)
      }
      cluster.written(cluster.commit('a', ID, { '\0': 'x', big: '' }, { copies: 2 }))
      assert.equal(texts(cluster.record('b', ID))['\0'], 'x')
    })

    it('an empty commit is a touch, and proves what was written last', () => {
      const cluster = withSession()
      const { version } = cluster.written(cluster.commit('a', ID, { item: 'milk' }))
      cluster.run(100)
      cluster.sent.length = 0
      assert.deepEqual(cluster.written(cluster.commit('a', ID, {})).version, version)
      cluster.run(200)
      assert.deepEqual(cluster.frames(), [])
    })

    it('puts back a session that was never committed and is forgotten, and only such a one', () => {
      const cluster = alone(CACHE_BYTES_MIN)
      cluster.result(cluster.create('a', ID, { assumeNew: true }))
      const created = cluster.record('a', ID)
      for (let n = 0; n < DRAFTS_MAX; n++) cluster.create('a', `other-${n}`, { assumeNew: true })
      assert.equal(cluster.replica('a').peek(keyOf(ID)), undefined)
      cluster.step('a', { type: 'restore', key: keyOf(ID), record: created })
      cluster.written(cluster.commit('a', ID, { item: 'tea' }))
      const written = cluster.record('a', ID)
      assert.deepEqual(written.birth, created.birth)
      cluster.replica('a').table.delete(keyOf(ID))
      cluster.step('a', { type: 'restore', key: keyOf(ID), record: written })
      assert.equal(cluster.replica('a').peek(keyOf(ID)), undefined)
    })

    it('the largest head there can be fits a frame, and arrives', () => {
      const cluster = withSession()
      const size = Math.floor((HEAD_BYTES_MAX - 3) / (PORTIONS_MAX - 1))
      const largest = Object.fromEntries(
        Array.from({ length: PORTIONS_MAX - 1 }, (_, i) => [`${i}`.padEnd(64, 'n'), 'v'.repeat(size)]),
      )
      cluster.written(cluster.commit('a', ID, largest, { copies: 2 }))
      assert.equal(cluster.record('c', ID).portions.size, PORTIONS_MAX)
    })

    it('removes a portion by writing an absent value, which travels like any other', () => {
      const cluster = withSession()
      cluster.written(cluster.commit('a', ID, { item: null, note: 'x' }, { copies: 2 }))
      assert.deepEqual(texts(cluster.record('b', ID)), { note: 'x' })
      assert.equal(cluster.record('b', ID).portions.get('item')?.value, null)
    })

    it('[R2] [pitfall 22] a delta carries the values that changed and the versions of all', () => {
      const cluster = withSession()
      cluster.written(cluster.commit('a', ID, { note: 'x' }, { copies: 2 }))
      const record = cluster.frames()[0]?.frame?.records[0]?.record
      assert(record?.kind === 'live')
      assert.deepEqual(texts(record), { item: '?', note: 'x' })
    })

    it('says EVICTED of a session that left the cache', () => {
      const cluster = alone()
      const birth = { generation: 1, random: 1 }
      assert.equal(cluster.failure(cluster.commit('a', ID, { item: 'x' }, { birth })).code, 'EVICTED')
    })

    it('[rule R1] tells the displaced primary at once, also when it is no holder', () => {
      const cluster = Cluster.ready({ nodes: 6 })
      const id = idNotHeldBy(cluster, 'a')
      cluster.establish('a', id, { item: 'tea' })
      cluster.outcome(cluster.resume('b', id))
      const startMs = cluster.nowMs
      cluster.commit('b', id, { item: 'of b' })
      cluster.run(5)
      const [notice] = cluster.noticesOf('session:superseded')
      assert.deepEqual([notice?.node, notice?.notice.by, notice?.atMs], ['a', 'b', startMs + 1])
    })

    it('[V3] [pitfall 36] two primaries at the same time both keep their portions, and both sides report the conflict', () => {
      const cluster = withSession()
      cluster.cut('a', 'b')
      cluster.cut('a', 'c')
      cluster.outcome(cluster.resume('b', ID))
      cluster.commit('a', ID, { ofA: '1' })
      cluster.commit('b', ID, { ofB: '1' })
      cluster.run(50)
      cluster.connect('a', 'b')
      cluster.connect('a', 'c')
      cluster.run(3_000)
      for (const node of cluster.nodes) {
        assert.deepEqual(texts(cluster.record(node, ID)), { item: 'tea', ofA: '1', ofB: '1' })
      }
      assert(cluster.noticesOf('conflict').length > 0)
      const digests = cluster.nodes.map((node) =>
        cluster.replica(node).table.shardDigests(cluster.replica(node).table.shardOf(keyOf(ID))),
      )
      for (const digest of digests) assert.deepEqual(digest, digests[0])
    })
  })

  it('[rule R1] a write that ends with its writer does not take the value before it along', () => {
    const cluster = withSession()
    assert.equal(cluster.outcome(cluster.resume('b', ID)).outcome, 'complete')
    // Nobody gets the frame; the displaced primary is told.
    cluster.fate = ({ from, type }) => (from === 'b' && ['frame', 'repair'].includes(type) ? 'lose' : undefined)
    cluster.written(cluster.commit('b', ID, { item: 'milk' }))
    cluster.run(5)
    cluster.crash('b')
    cluster.run(10_000)
    const outcome = cluster.outcome(cluster.resume('c', ID))
    assert(outcome.outcome === 'complete', `${outcome.outcome}: the value of a version that is known is somewhere`)
    assert.deepEqual(texts(outcome.record), { item: 'milk' })
  })

  describe('dropping', () => {
    it('[V2] [pitfall 31] a commit under way elsewhere does not bring the session back', () => {
      const cluster = withSession()
      cluster.outcome(cluster.resume('b', ID))
      cluster.fate = ({ from, to }) => (from === 'a' && to === 'b' ? 300 : undefined)
      cluster.drop('a', ID)
      cluster.run(20)
      cluster.written(cluster.commit('b', ID, { item: 'late' }))
      cluster.run(1_000)
      for (const node of cluster.nodes) assert.equal(cluster.replica(node).peek(keyOf(ID))?.kind, 'dropped')
    })

    it('[E4] dropping again does not shorten how long the tombstone stays', () => {
      const cluster = withSession()
      const birth = cluster.birth('a', ID)
      cluster.drop('a', ID, { absoluteAtMs: cluster.nowMs + 900_000 })
      const record = cluster.replica('a').peek(keyOf(ID))
      cluster.drop('a', ID, { birth, absoluteAtMs: cluster.nowMs + 1 })
      assert(record !== undefined)
      assert.equal(endsAtMs(cluster.replica('a').peek(keyOf(ID)) ?? record), endsAtMs(record))
    })

    it('of an earlier life leaves the present one alone', () => {
      const cluster = withSession()
      const { generation, random } = cluster.birth('a', ID)
      assert.equal(
        cluster.result(cluster.drop('a', ID, { birth: { generation: generation - 1, random } })).kind,
        'dropped',
      )
      assert.equal(cluster.replica('a').peek(keyOf(ID))?.kind, 'live')
    })
  })

  describe('[E1] expiry', () => {
    it('[E1] [pitfall 35] the idle end is derived: everybody forgets at the same time, and nothing is sent for it', () => {
      const cluster = withSession({ idleMs: 5_000 })
      const endMs = endsAtMs(cluster.record('a', ID))
      cluster.run(endMs - cluster.nowMs - 5)
      for (const node of cluster.nodes) assert.deepEqual(texts(cluster.record(node, ID)), { item: 'tea' })
      cluster.sent.length = 0
      cluster.run(10)
      for (const node of cluster.nodes) {
        const outcome = cluster.outcome(cluster.resume(node, ID, { consistency: 'any' }))
        assert.equal(outcome.outcome, 'absent')
      }
      cluster.run(5 * SWEEP_INTERVAL_MS)
      for (const node of cluster.nodes) assert.equal(cluster.replica(node).peek(keyOf(ID)), undefined)
      assert.deepEqual(cluster.frames(), [])
    })

    it('[E1] a commit after the local deadline fails', () => {
      const cluster = withSession({ idleMs: 5_000 })
      const birth = cluster.birth('a', ID)
      cluster.run(endsAtMs(cluster.record('a', ID)) - cluster.nowMs)
      const error = cluster.failure(cluster.commit('a', ID, { item: 'late' }, { birth }))
      assert(['EXPIRED', 'EVICTED'].includes(error.code), error.code)
    })

    it('[E1] [pitfall 34] touches that follow each other closely travel as one', () => {
      const cluster = withSession({ idleMs: 60_000 })
      for (let n = 0; n < 50; n++) {
        cluster.touch('a', ID)
        cluster.run(100)
      }
      assert.deepEqual(cluster.frames(), [], 'within a tenth of the idle time nothing is sent')
      cluster.run(1_500)
      const frames = cluster.frames().filter(({ to }) => to === 'b')
      assert.equal(frames.length, 1)
      const record = frames[0]?.frame?.records[0]?.record
      assert(record?.kind === 'live')
      assert.deepEqual(texts(record), { item: '?' }, 'a touch carries no values')
    })

    it('[E1] a touch keeps the session alive everywhere', () => {
      const cluster = withSession({ idleMs: 3_000 })
      for (let n = 0; n < 10; n++) {
        cluster.touch('a', ID)
        cluster.run(1_000)
      }
      for (const node of cluster.nodes) assert.deepEqual(texts(cluster.record(node, ID)), { item: 'tea' })
      cluster.run(4_000)
      for (const node of cluster.nodes) assert.equal(cluster.replica(node).peek(keyOf(ID)), undefined)
    })

    it('[E1] a touch in the last moment counts', () => {
      const cluster = withSession({ idleMs: 3_000 })
      cluster.run(endsAtMs(cluster.record('a', ID)) - cluster.nowMs - 3)
      cluster.touch('a', ID)
      cluster.run(1_000)
      for (const node of cluster.nodes) assert.deepEqual(texts(cluster.record(node, ID)), { item: 'tea' })
    })

    it('[E1] [pitfall 35] the old primary, which hears no touches, does not end a session that lives elsewhere', () => {
      const cluster = withSession({ idleMs: 3_000 })
      cluster.outcome(cluster.resume('b', ID))
      cluster.cut('a', 'b')
      cluster.cut('a', 'c')
      for (let n = 0; n < 5; n++) {
        cluster.touch('b', ID)
        cluster.run(1_000)
      }
      assert.equal(cluster.replica('a').peek(keyOf(ID)), undefined)
      cluster.connect('a', 'b')
      cluster.connect('a', 'c')
      cluster.touch('b', ID)
      cluster.run(1_000)
      for (const node of cluster.nodes) assert.deepEqual(texts(cluster.record(node, ID)), { item: 'tea' })
    })

    it('[E1] [E2] a commit may change the idle time, and carries no value for it: the later one counts at all members', () => {
      const cluster = withSession({ idleMs: 60_000 })
      const before = cluster.record('a', ID)
      cluster.written(cluster.commit('a', ID, {}, { idleMs: 3_000 }))
      cluster.run(100)
      const frames = cluster.frames().filter(({ to }) => to === 'b')
      assert.equal(frames.length, 1, 'it does not wait, as touches do')
      const record = frames[0]?.frame?.records[0]?.record
      assert(record?.kind === 'live')
      assert.deepEqual(texts(record), { item: '?' })
      assert.deepEqual(cluster.record('a', ID).frontier, before.frontier, 'nothing was written but the expiry')
      // From another member, longer and with a value; then it ends everywhere when that one said.
      cluster.outcome(cluster.resume('b', ID))
      cluster.written(cluster.commit('b', ID, { item: 'milk' }, { idleMs: 8_000, copies: 2 }))
      cluster.run(6_000)
      for (const node of cluster.nodes) {
        assert.deepEqual(texts(cluster.record(node, ID)), { item: 'milk' })
        assert.equal(cluster.record(node, ID).expiry.idleMs, 8_000)
      }
      cluster.run(3_000)
      for (const node of cluster.nodes) assert.equal(cluster.replica(node).peek(keyOf(ID)), undefined)
    })

    it('[E1] a touch that was put off does not take back what somebody used later', () => {
      const cluster = withSession({ idleMs: 60_000 })
      cluster.touch('a', ID)
      cluster.run(1_000)
      takeOver(cluster, 'b', 'later')
      const endOf = (node: string): number => cluster.record(node, ID).expiry.idleAtMs
      const ends = cluster.nodes.map(endOf)
      cluster.run(10_000)
      assert.deepEqual(cluster.nodes.map(endOf), ends)
    })

    it('lists the keys of living sessions by bucket, without chunks, drafts and what was dropped', () => {
      const cluster = withSession()
      cluster.result(cluster.create('a', 'draft', { assumeNew: true }))
      for (const id of ['large', 'gone']) cluster.establish('a', id, { item: 'x'.repeat(id === 'large' ? 40_000 : 1) })
      cluster.result(cluster.drop('a', 'gone'))
      cluster.run(1_000)
      for (const node of cluster.nodes) {
        const held = Array.from({ length: BUCKET_COUNT }, (_, bucket) => cluster.replica(node).heldKeys(bucket))
        assert.deepEqual(held.flat().sort(), [keyOf(ID), keyOf('large')].sort())
      }
    })

    it('the absolute end comes, however often the session is used', () => {
      const cluster = withSession({ idleMs: 3_000, absoluteMs: 8_000 })
      for (let n = 0; n < 15; n++) {
        if (cluster.replica('a').peek(keyOf(ID)) !== undefined) cluster.touch('a', ID)
        cluster.run(500)
      }
      assert.notEqual(cluster.replica('a').peek(keyOf(ID)), undefined)
      cluster.run(1_000)
      for (const node of cluster.nodes) assert.equal(cluster.replica(node).peek(keyOf(ID)), undefined)
    })

    it('[E2] what ends within 2 s is not synced to a joining holder', () => {
      for (const [leftMs, isSynced] of [
        [2_500, true],
        [1_900, false],
      ] as const) {
        const cluster = withSession({ idleMs: 6_000 })
        cluster.run(endsAtMs(cluster.record('a', ID)) - cluster.nowMs - leftMs)
        cluster.crash('c')
        cluster.join('c', { incarnation: 2 })
        cluster.run(400)
        assert.equal(cluster.replica('c').peek(keyOf(ID)) !== undefined, isSynced, `${leftMs} ms before the end`)
      }
    })
  })
})

function idNotHeldBy(cluster: Cluster, node: string): string {
  for (let n = 0; ; n++) if (!cluster.holdersOf(`id-${n}`).includes(node)) return `id-${n}`
}
