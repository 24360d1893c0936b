import assert from 'node:assert/strict'
import { CACHE_BYTES_MIN, FLIGHTS_MAX, FLUSH_INTERVAL_MS, REVALIDATE_MS, SHARD_COUNT } from '../../src/constants.ts'
import { LimitError } from '../../src/errors.ts'
import type { Outcome } from '../../src/outbox.ts'
import { MISSING } from '../../src/session/record.ts'
import type { ClusterOptions } from '../support/cluster.ts'
import { Cluster, idInShard, keyOf, shardOf, texts } from '../support/cluster.ts'

/** Six nodes, a session of the first, its three holders, and two nodes that have nothing of it. */
function withSession(options: ClusterOptions = {}): {
  cluster: Cluster
  id: string
  holders: readonly [string, string, string]
  strangers: readonly [string, string]
} {
  const cluster = Cluster.ready({ nodes: 6, ...options })
  const id = Array.from({ length: 500 }, (_, n) => `basket-${n}`).find((name) => !cluster.holdersOf(name).includes('a'))
  assert(id !== undefined)
  cluster.establish('a', id, { auth: 'alice', basket: 'tea', tls: 'ticket' }, 3)
  cluster.run(100)
  cluster.sent.length = 0
  cluster.notices.length = 0
  const holders = cluster.holdersOf(id) as unknown as [string, string, string]
  const strangers = cluster.nodes.filter((node) => node !== 'a' && !holders.includes(node)) as [string, string]
  return { cluster, id, holders, strangers }
}

/** What the answers carried: per answering node, the names of portions whose values were sent. */
function sentValues(cluster: Cluster): [string, string[]][] {
  return cluster.sentOf('answer').map(({ from, message }) => {
    const record = message.records[0]?.record
    const portions = record?.kind === 'live' ? [...record.portions] : []
    return [from, portions.filter(([, { value }]) => value !== MISSING).map(([name]) => name)]
  })
}

describe('pulling', () => {
  describe('[R4] only what is missing', () => {
    it('[rule R1] [I-R11] keeps what was answered until a takeover ends, however full the table is', () => {
      const cluster = Cluster.ready({ init: (node) => (node === 'c' ? { cacheBytesMax: CACHE_BYTES_MIN } : {}) })
      const id = idInShard(7)
      cluster.establish('a', id, { x: '1' })
      cluster.fate = ({ to, type }) => (to === 'c' && type === 'answer' ? 400 : undefined)
      const request = cluster.resume('c', id)
      const large = 'y'.repeat(700)
      for (let i = 0; i < 1_500; i++) {
        const other = `other${i}`
        cluster.result(cluster.create('a', other, { assumeNew: true }))
        cluster.commit('a', other, { large })
      }
      cluster.run(300)
      assert(cluster.noticesOf('session:evicted').some(({ node }) => node === 'c'))
      assert.equal(cluster.results.has(request), false)
      assert.deepEqual(texts(cluster.record('c', id)), { x: '1' })
      assert.equal(cluster.outcome(request).outcome, 'complete')
    })

    it('[rule R1] [I-R11] keeps what was answered until a takeover ends, though its shard is let go of meanwhile', () => {
      const cluster = Cluster.ready()
      const id = idInShard(7)
      cluster.establish('a', id, { x: '1', y: '2' })
      cluster.fate = ({ from, to, type }) => (to === 'c' && type === 'answer' ? (from === 'a' ? 800 : 400) : undefined)
      const request = cluster.resume('c', id)
      cluster.step('c', { type: 'leave' })
      cluster.until(() => cluster.replica('c').shardState(7) === 'none', 'c lets go')
      assert.equal(cluster.results.has(request), false)
      const outcome = cluster.outcome(request)
      assert.equal(outcome.outcome, 'complete')
      assert.deepEqual(texts(cluster.record('c', id)), { x: '1', y: '2' })
    })

    it('[R4] a node that lacks the session asks for the portions it needs, and gets no other values', () => {
      const { cluster, id, strangers } = withSession()
      const outcome = cluster.outcome(cluster.resume(strangers[0], id, { portions: ['auth'], consistency: 'any' }))
      assert.equal(outcome.outcome, 'complete')
      assert.equal(outcome.from.local, false)
      const pulls = cluster.sentOf('pull')
      assert.deepEqual(
        pulls.map(({ message }) => [message.portions, message.have]),
        [[['auth'], []]],
      )
      assert.deepEqual(
        sentValues(cluster).map(([, names]) => names),
        [['auth']],
      )
      assert.deepEqual(texts(cluster.record(strangers[0], id)), { auth: 'alice', basket: '?', tls: '?' })
    })

    it('[R4] a node that has some portions names their versions, and their values are not sent again', () => {
      const { cluster, id, strangers } = withSession()
      const [node] = strangers
      cluster.outcome(cluster.resume(node, id, { portions: ['auth'], consistency: 'any' }))
      const { version } = cluster.record(node, id).portions.get('auth') ?? {}
      cluster.sent.length = 0
      const outcome = cluster.outcome(cluster.resume(node, id, { consistency: 'any' }))
      assert.equal(outcome.outcome, 'complete')
      assert.deepEqual(
        cluster.sentOf('pull').map(({ message }) => message.have),
        [[{ name: 'auth', version }]],
      )
      assert.deepEqual(
        sentValues(cluster).map(([, names]) => names),
        [['basket', 'tls']],
      )
      assert.deepEqual(texts(cluster.record(node, id)), { auth: 'alice', basket: 'tea', tls: 'ticket' })
    })

    it('[R4] after a write elsewhere only the portion that changed is sent', () => {
      const { cluster, id, strangers } = withSession()
      const [node] = strangers
      cluster.outcome(cluster.resume(node, id))
      cluster.written(cluster.commit('a', id, { basket: 'tea, rum' }, { copies: 3 }))
      cluster.sent.length = 0
      const outcome = cluster.outcome(cluster.resume(node, id))
      assert.equal(outcome.outcome, 'complete')
      for (const [, names] of sentValues(cluster)) assert.deepEqual(names, ['basket'])
      assert.deepEqual(texts(cluster.record(node, id)), { auth: 'alice', basket: 'tea, rum', tls: 'ticket' })
    })
  })

  it('[R13] a node that has it second-hand answers like any other', () => {
    const { cluster, id, holders, strangers } = withSession()
    const [second, third] = strangers
    cluster.outcome(cluster.resume(second, id, { consistency: 'any' }))
    for (const node of [...holders, 'a']) cluster.cut(node, third)
    cluster.sent.length = 0
    const outcome = cluster.outcome(cluster.resume(third, id, { consistency: 'any' }))
    assert.equal(outcome.outcome, 'complete')
    assert.deepEqual(outcome.from.answered, [second])
    assert.equal(cluster.sentOf('answer')[0]?.message.ready, false, 'and says that it is no holder')
  })

  describe('one answer is enough', () => {
    it('asks the next one after the hedge delay, and the first complete answer wins', () => {
      const { cluster, id, strangers } = withSession()
      let slow: string | undefined
      cluster.fate = ({ to, type }) => {
        if (type === 'pull') slow ??= to
        return type === 'pull' && to === slow ? 500 : undefined
      }
      const startMs = cluster.nowMs
      const outcome = cluster.outcome(cluster.resume(strangers[0], id, { consistency: 'any' }))
      assert.equal(outcome.outcome, 'complete')
      assert(cluster.nowMs - startMs < 60, `${cluster.nowMs - startMs} ms`)
      const [first, second, ...more] = cluster.sentOf('pull')
      assert.deepEqual(more, [])
      assert((second?.atMs ?? 0) > (first?.atMs ?? 0))
      assert.deepEqual(outcome.from.silent, [slow])
      assert.deepEqual(outcome.from.answered, [second?.to])
      cluster.run(1_000)
    })

    it('[pitfall 42] asks nobody else when the first answers soon', () => {
      const { cluster, id, strangers } = withSession()
      cluster.outcome(cluster.resume(strangers[0], id, { consistency: 'any' }))
      cluster.run(500)
      assert.equal(cluster.sentOf('pull').length, 1)
    })

    it('goes on at once when the one asked is gone', () => {
      const { cluster, id, strangers } = withSession()
      const [node] = strangers
      cluster.fate = ({ type }) => (type === 'answer' ? 200 : undefined)
      const request = cluster.resume(node, id, { consistency: 'any' })
      const asked = cluster.sentOf('pull')[0]?.to as string
      cluster.fate = () => undefined
      const startMs = cluster.nowMs
      cluster.crash(asked)
      assert.equal(cluster.outcome(request).outcome, 'complete')
      assert(cluster.nowMs - startMs <= 2)
    })

    it('a local copy answers at once at a holder', () => {
      const { cluster, id, holders } = withSession()
      const request = cluster.resume(holders[0], id, { consistency: 'any' })
      assert.equal(cluster.outcome(request).from.local, true)
      assert.deepEqual(cluster.sentOf('pull'), [])
    })

    it('[rule R3] a reader who says how old such a copy may be asks again sooner, also about drops', () => {
      const cluster = Cluster.ready({ nodes: 6 })
      const id = idNotHeldBy(cluster, 'f')
      const look = (maxAgeMs: number): Outcome =>
        cluster.outcome(cluster.resume('f', id, { consistency: 'any', maxAgeMs }))
      cluster.result(cluster.create('a', id, { idleMs: 600_000, assumeNew: true }))
      cluster.written(cluster.commit('a', id, { x: '1' }, { copies: 2 }))
      assert.equal(look(0).outcome, 'complete')
      cluster.run(100)
      assert.equal(look(1_000).from.local, true)
      assert.equal(look(0).from.local, false)
      cluster.run(1_000)
      assert.equal(look(1_000).from.local, false)
      cluster.drop('a', id)
      cluster.run(100)
      assert.equal(look(0).outcome, 'absent')
      cluster.result(cluster.create('a', id, { idleMs: 600_000, assumeNew: true }))
      cluster.written(cluster.commit('a', id, { x: '2' }, { copies: 2 }))
      assert.equal(cluster.outcome(cluster.resume('f', id, { consistency: 'any' })).outcome, 'absent', 'as it knew')
      assert.equal(look(0).outcome, 'complete')
      assert.deepEqual(texts(cluster.record('f', id)), { x: '2' })
    })

    it('[rule R3] a copy outside its holders is asked about again after 60 s, so that a drop ends it everywhere', () => {
      const cluster = Cluster.ready({ nodes: 6 })
      const id = idNotHeldBy(cluster, 'f')
      cluster.result(cluster.create('a', id, { idleMs: 600_000, assumeNew: true }))
      cluster.written(cluster.commit('a', id, { x: '1' }, { copies: 2 }))
      const look = (): Outcome => cluster.outcome(cluster.resume('f', id, { consistency: 'any' }))
      assert.equal(look().from.local, false)
      cluster.drop('a', id)
      cluster.run(REVALIDATE_MS / 2)
      assert.deepEqual([look().outcome, look().from.local], ['complete', true])
      cluster.run(REVALIDATE_MS / 2 + 1)
      assert.deepEqual([look().outcome, look().from.local], ['absent', true], 'the second look knows of the drop')
    })
  })

  describe('[R3] taking a session over', () => {
    it('[rule R1] asks all ready holders and merges what each of them has', () => {
      const { cluster, id, holders, strangers } = withSession()
      const [first, second, third] = holders
      // Each holder misses the two writes that only the others got, and none may repair it.
      for (const [node, name] of [
        [first, 'one'],
        [second, 'two'],
        [third, 'three'],
      ] as const) {
        cluster.fate = ({ to, carrier }) => (carrier === 'frame' && to !== node ? 'lose' : undefined)
        cluster.commit('a', id, { [name]: name })
        cluster.run(FLUSH_INTERVAL_MS)
        cluster.fate = ({ type }) => (type === 'nack' || type === 'probe' ? 'lose' : undefined)
      }
      cluster.crash('a')
      const outcome = cluster.outcome(cluster.resume(strangers[0], id))
      assert.equal(outcome.outcome, 'complete')
      assert.deepEqual([...outcome.from.answered].sort(), [...holders].sort())
      assert.deepEqual(texts(cluster.record(strangers[0], id)), {
        auth: 'alice',
        basket: 'tea',
        one: 'one',
        three: 'three',
        tls: 'ticket',
        two: 'two',
      })
    })

    it('[rule R1] asks the last writer too, which may have what no holder has yet', () => {
      const { cluster, id, strangers } = withSession()
      cluster.fate = ({ from, carrier, type }) =>
        from === 'a' && (carrier === 'frame' || type === 'probe' || type === 'heartbeat') ? 'lose' : undefined
      cluster.commit('a', id, { basket: 'tea, rum' })
      const outcome = cluster.outcome(cluster.resume(strangers[0], id))
      assert(outcome.from.answered.includes('a'))
      assert.equal(texts(cluster.record(strangers[0], id))['basket'], 'tea, rum')
    })

    for (const planted of [[], ['ask-successors']]) {
      const does = planted.length === 0 ? 'asks' : 'misses, with that planted away,'
      it(`[rule R1] [I-R11] ${does} who took the shard over from a holder that let go when it was asked`, () => {
        const cluster = Cluster.ready({ nodes: 5, copies: 1, init: () => ({ planted: new Set(planted) }) })
        const shards = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)
        const before = shards.map((shard) => cluster.holdersOf(idInShard(shard)))
        // e hears that f is there, and nothing of what moves then.
        cluster.fate = ({ from, to, message }) => {
          if (to !== 'e' || message?.type !== 'heartbeat') return undefined
          return from === 'f' && message.ready.hi === 0 && message.ready.lo === 0 ? undefined : 'lose'
        }
        cluster.join('f')
        cluster.until(() => cluster.replica('f').isReady, 'f has its shards')
        cluster.run(300)
        const after = shards.map((shard) => cluster.holdersOf(idInShard(shard)))
        const shard = shards.find((at) => {
          const nodes = [...(before[at] ?? []), ...(after[at] ?? [])]
          return after[at]?.includes('f') && !nodes.includes('d') && !nodes.includes('e')
        })
        assert(shard !== undefined)
        const id = idInShard(shard)
        const stays = before[shard]?.find((node) => after[shard]?.includes(node))
        cluster.establish('d', id, { x: '1' }, 1)
        cluster.run(100)
        cluster.fate = ({ to, carrier, type }) =>
          to === stays && (carrier === 'frame' || type === 'repair') ? 'lose' : undefined
        cluster.written(cluster.commit('d', id, { x: '2' }, { copies: 1 }))
        cluster.crash('d')
        const outcome = cluster.outcome(cluster.resume('e', id))
        assert(outcome.outcome === 'complete')
        assert.deepEqual(texts(outcome.record), { x: planted.length === 0 ? '2' : '1' })
      })
    }

    it('[rule R1] waits for stragglers no longer than the hedge delay, and names them', () => {
      const { cluster, id, holders, strangers } = withSession()
      const [slow] = holders
      cluster.fate = ({ from, type }) => (from === slow && type === 'answer' ? 'lose' : undefined)
      const startMs = cluster.nowMs
      const outcome = cluster.outcome(cluster.resume(strangers[0], id))
      assert.equal(outcome.outcome, 'complete')
      assert(cluster.nowMs - startMs < 110, `${cluster.nowMs - startMs} ms`)
      assert.deepEqual(outcome.from.silent, [slow])
    })

    it('[rule R1] after a ping-pong between two servers the client finds its last write', () => {
      const { cluster, id, strangers } = withSession()
      const [other] = strangers
      for (let turn = 1; turn <= 6; turn++) {
        const node = turn % 2 === 0 ? 'a' : other
        assert.equal(cluster.outcome(cluster.resume(node, id)).outcome, 'complete')
        assert.equal(texts(cluster.record(node, id))['basket'], turn === 1 ? 'tea' : `turn ${turn - 1}`)
        cluster.written(cluster.commit(node, id, { basket: `turn ${turn}` }))
      }
    })

    it('late answers are merged all the same', () => {
      const { cluster, id, holders, strangers } = withSession()
      const [slow] = holders
      cluster.fate = ({ from, type }) => (from === slow && type === 'answer' ? 300 : undefined)
      cluster.outcome(cluster.resume(strangers[0], id))
      cluster.hear(slow, 'a', {
        type: 'push',
        records: [
          { key: keyOf(id), record: { kind: 'dropped', birth: cluster.birth('a', id), absoluteAtMs: 600_000 } },
        ],
      })
      const late = cluster.resume(strangers[0], id)
      cluster.outcome(late)
      cluster.run(400)
      assert.equal(cluster.replica(strangers[0]).peek(keyOf(id))?.kind, 'dropped')
    })
  })

  describe('[rule R2] outcomes', () => {
    it('[rule R2] absent: every ready holder says so', () => {
      const { cluster } = withSession()
      const outcome = cluster.outcome(cluster.resume('a', 'never'))
      assert.deepEqual([outcome.outcome, outcome.outcome === 'absent' && outcome.reason], ['absent', 'not-found'])
      assert.deepEqual(
        cluster
          .sentOf('pull')
          .map(({ to }) => to)
          .sort(),
        cluster.holdersOf('never').filter((node) => node !== 'a'),
      )
    })

    it('[rule R2] unknown, not absent: one ready holder does not answer', () => {
      for (const consistency of ['latest', 'any'] as const) {
        const { cluster } = withSession()
        const id = idNotHeldBy(cluster, 'a')
        const silent = cluster.holdersOf(id)[1] as string
        cluster.fate = ({ from, type }) => (from === silent && type === 'answer' ? 'lose' : undefined)
        const startMs = cluster.nowMs
        const outcome = cluster.outcome(cluster.resume('a', id, { consistency, deadlineMs: 200 }))
        assert.equal(outcome.outcome, 'unknown')
        assert(outcome.from.silent.includes(silent))
        assert.equal(cluster.nowMs - startMs, 200, 'as soon as the caller cannot wait longer')
      }
    })

    it('[rule R2] [pitfall 28] unknown, not absent: the holders restarted empty and are not ready', () => {
      const { cluster, id, strangers } = withSession()
      // Somebody who lives wrote to the shard as well, so there is something to sync before anybody is ready.
      cluster.establish(strangers[0], idInShard(shardOf(id)), { x: '1' })
      cluster.fate = ({ type }) => (type === 'sync-offer' ? 'lose' : undefined)
      const holders = cluster.nodes.filter((node) => !strangers.includes(node))
      for (const node of holders) cluster.crash(node)
      for (const node of holders) cluster.join(node, { incarnation: 2 })
      cluster.run(500)
      const asker = holders[0] as string
      assert.equal(cluster.outcome(cluster.resume(asker, id, { deadlineMs: 200 })).outcome, 'unknown')
    })

    it('[rule R2] [V3] unknown, not absent: who wrote what the token proves is on the far side of a partition', () => {
      const cluster = Cluster.ready({ nodes: 6 })
      const [near, far] = [cluster.nodes.slice(0, 3), cluster.nodes.slice(3)] as [string[], string[]]
      for (const a of near) for (const b of far) cluster.cut(a, b)
      // By then each side has given all shards to its own members, and none of the near ones ever heard of what is made here.
      cluster.run(60_000)
      const proof = cluster.establish(far[0] as string, 'born-there', { x: '1' }, 1)
      for (const consistency of ['latest', 'any'] as const) {
        for (const node of near) {
          const known = cluster.resume(node, 'born-there', { consistency, proof, deadlineMs: 200 })
          assert.equal(cluster.outcome(known).outcome, 'unknown')
          // Without a token there is nothing to tell it from what never was.
          assert.equal(cluster.outcome(cluster.resume(node, 'never', { consistency })).outcome, 'absent')
        }
      }
      for (const a of near) for (const b of far) cluster.connect(a, b)
      cluster.run(5_000)
      const healed = cluster.resume(near[0] as string, 'born-there', { proof })
      assert.equal(cluster.outcome(healed).outcome, 'complete')
    })

    it('[rule R2] [V3] unknown, not absent: the writer left, and came again on the far side of a partition', () => {
      const cluster = Cluster.ready({ nodes: 6 })
      const [near, far] = [cluster.nodes.slice(0, 3), cluster.nodes.slice(3)] as [string[], string[]]
      const [writer, ...others] = far as [string, ...string[]]
      cluster.step(writer, { type: 'leave' })
      cluster.run(5_000)
      cluster.step(writer, { type: 'goodbye' })
      cluster.run(100)
      cluster.crash(writer)
      for (const a of near) for (const b of others) cluster.cut(a, b)
      cluster.run(30_000)
      cluster.start(writer, { incarnation: 2 })
      for (const other of others) cluster.connect(writer, other)
      cluster.run(10_000)
      const proof = cluster.establish(writer, 'born-there', { x: '1' }, 1)
      for (const node of near) {
        const known = cluster.resume(node, 'born-there', { proof, deadlineMs: 200 })
        assert.equal(cluster.outcome(known).outcome, 'unknown')
      }
    })

    it('[rule R2] [T1] [pitfall 30] unknown, not absent: a holder had to evict it', () => {
      const cluster = Cluster.ready({ nodes: 2, init: () => ({ cacheBytesMax: CACHE_BYTES_MIN }) })
      const id = idInShard(7)
      cluster.establish('a', id, { x: '1' }, 1)
      for (let n = 0; n < 60; n++) {
        cluster.result(cluster.create('a', `other-${n}`, { assumeNew: true }))
        cluster.written(cluster.commit('a', `other-${n}`, { big: 'x'.repeat(40_000) }, { copies: 1 }))
      }
      assert.deepEqual(cluster.nodesWith(id), [])
      for (const node of cluster.nodes) {
        assert.equal(cluster.outcome(cluster.resume(node, id, { deadlineMs: 200 })).outcome, 'unknown')
      }
    })

    it('[rule R2] absent: dropped', () => {
      const { cluster, id, strangers } = withSession()
      cluster.drop('a', id)
      cluster.run(50)
      for (const consistency of ['latest', 'any'] as const) {
        const outcome = cluster.outcome(cluster.resume(strangers[0], id, { consistency }))
        assert.deepEqual([outcome.outcome, outcome.outcome === 'absent' && outcome.reason], ['absent', 'dropped'])
      }
    })

    it('[rule R2] [pitfall 24] partial: what is missing is named, and nothing older is put in its place', () => {
      const { cluster, id, holders, strangers } = withSession()
      const record = cluster.record('a', id)
      const tenure = { epoch: 9, node: 'gone', incarnation: 1 }
      const version = { tenure, seq: 1 }
      const newer = {
        ...record,
        frontier: [version, ...record.frontier],
        portions: new Map(record.portions).set('basket', { version, value: MISSING }),
      }
      for (const node of [...holders, 'a']) {
        cluster.hear(node, strangers[1], { type: 'push', records: [{ key: keyOf(id), record: newer }] })
      }
      const outcome = cluster.outcome(cluster.resume(strangers[0], id, { deadlineMs: 200 }))
      assert(outcome.outcome === 'partial')
      assert.deepEqual(outcome.missing, ['basket'])
      assert.deepEqual(texts(outcome.record), { auth: 'alice', basket: '?', tls: 'ticket' })
    })

    it('a single node answers for itself', () => {
      const cluster = new Cluster()
      cluster.start('a', { expectPeers: false })
      cluster.run(10)
      assert.equal(cluster.outcome(cluster.resume('a', 'never')).outcome, 'absent')
      cluster.establish('a', 'basket', { x: '1' }, 0)
      assert.equal(cluster.outcome(cluster.resume('a', 'basket')).outcome, 'complete')
    })
  })

  describe('[V3] read your writes', () => {
    it('[V3] [I-R7] a copy that has not merged the proven write is not taken for complete', () => {
      const { cluster, id, holders } = withSession()
      const [stale] = holders
      cluster.fate = ({ to, type }) => (to === stale && ['frame', 'repair'].includes(type) ? 'lose' : undefined)
      const proof = cluster.written(cluster.commit('a', id, { basket: 'tea, rum' }, { copies: 2 }))
      assert.equal(texts(cluster.record(stale, id))['basket'], 'tea')
      assert.equal(cluster.outcome(cluster.resume(stale, id, { consistency: 'any' })).from.local, true)
      const outcome = cluster.outcome(cluster.resume(stale, id, { consistency: 'any', proof }))
      assert.equal(outcome.outcome, 'complete')
      assert.equal(texts(cluster.record(stale, id))['basket'], 'tea, rum')
    })

    it('[V3] asks the writer that the token names, even when no holder has the write', () => {
      const { cluster, id, strangers } = withSession()
      cluster.fate = ({ carrier, type }) => (carrier === 'frame' || type === 'probe' ? 'lose' : undefined)
      const proof = cluster.written(cluster.commit('a', id, { basket: 'tea, rum' }))
      const outcome = cluster.outcome(cluster.resume(strangers[0], id, { consistency: 'any', proof }))
      assert.equal(outcome.outcome, 'complete')
      assert.equal(texts(cluster.record(strangers[0], id))['basket'], 'tea, rum')
    })

    it('[V3] unknown when nobody left has the proven write', () => {
      const { cluster, id, strangers } = withSession()
      cluster.fate = ({ carrier, type }) => (carrier === 'frame' || type === 'probe' ? 'lose' : undefined)
      const proof = cluster.written(cluster.commit('a', id, { basket: 'tea, rum' }))
      cluster.crash('a')
      for (const consistency of ['latest', 'any'] as const) {
        const request = cluster.resume(strangers[0], id, { consistency, proof, deadlineMs: 200 })
        assert.equal(cluster.outcome(request).outcome, 'unknown')
      }
    })

    it('[V3] goes on to the next holder when the first does not meet the token, and the writer is gone', () => {
      for (const place of [0, 1, 2]) {
        const { cluster, id, holders, strangers } = withSession()
        const current = holders[place]
        cluster.fate = ({ to, type }) => (to !== current && ['frame', 'repair'].includes(type) ? 'lose' : undefined)
        const proof = cluster.written(cluster.commit('a', id, { basket: 'tea, rum' }, { copies: 1 }))
        cluster.fate = ({ type }) => (type.startsWith('sync') ? 'lose' : undefined)
        cluster.crash('a')
        const outcome = cluster.outcome(cluster.resume(strangers[0], id, { consistency: 'any', proof }))
        assert.equal(outcome.outcome, 'complete', `only holder ${place} has it`)
        assert.equal(texts(cluster.record(strangers[0], id))['basket'], 'tea, rum')
      }
    })

    it('[V3] a drop meets every token', () => {
      const { cluster, id, strangers } = withSession()
      const proof = cluster.written(cluster.commit('a', id, { basket: 'tea, rum' }))
      cluster.drop('a', id)
      cluster.run(50)
      assert.equal(cluster.outcome(cluster.resume(strangers[0], id, { proof })).outcome, 'absent')
    })
  })

  describe('flights', () => {
    it('[pitfall 26] [pitfall 42] are one per key however many wait, and each gets the outcome', () => {
      const { cluster, id, strangers } = withSession()
      const requests = Array.from({ length: 20 }, () => cluster.resume(strangers[0], id))
      const pulls = cluster.sentOf('pull').length
      for (const request of requests) assert.equal(cluster.outcome(request).outcome, 'complete')
      assert(pulls <= 4, `${pulls} pulls for 20 callers`)
      assert.equal(cluster.replica(strangers[0]).status().pulls.underWay, 0)
    })

    it("[rule R1] check each caller's own token", () => {
      const { cluster, id, strangers } = withSession()
      const { birth, version } = cluster.written(cluster.commit('a', id, { basket: 'rum' }, { copies: 2 }))
      const future = { birth, version: { ...version, seq: version.seq + 1 } }
      const plain = cluster.resume(strangers[0], id, { deadlineMs: 300 })
      const asking = cluster.resume(strangers[0], id, { proof: future, deadlineMs: 300 })
      assert.equal(cluster.outcome(plain).outcome, 'complete')
      assert.equal(cluster.outcome(asking).outcome, 'unknown')
    })

    it('of two sessions or two choices of portions are never one, whatever characters the names hold', () => {
      const { cluster, strangers } = withSession()
      const [node] = strangers
      const look = (id: string, portions: readonly string[] | undefined): void => {
        cluster.resume(node, id, { portions, consistency: 'any' })
      }
      look('c', ['a b'])
      look('b c', ['a'])
      look('x', ['a\nb'])
      look('x', ['a', 'b'])
      look('x', ['\0'])
      look('x', undefined)
      look('\0 x', [''])
      assert.equal(cluster.replica(node).status().pulls.underWay, 7)
    })

    it('[pitfall 42] are bounded', () => {
      const { cluster, strangers } = withSession()
      cluster.fate = ({ type }) => (type === 'pull' ? 'lose' : undefined)
      for (let n = 0; n < FLIGHTS_MAX; n++) {
        cluster.step(strangers[0], resumeOf(10_000 + n, `s-${n}`))
      }
      cluster.step(strangers[0], resumeOf(1_000, 'one more'))
      const error = cluster.failure(1_000)
      assert(error instanceof LimitError)
      assert.equal(error.limit, 'FLIGHTS_MAX')
    })

    it('end when nobody waits any more, and nothing is reported', () => {
      const { cluster, id, strangers } = withSession()
      const [node] = strangers
      const [first, second] = [cluster.resume(node, id), cluster.resume(node, id)]
      cluster.step(node, { type: 'cancel', request: first })
      assert.equal(cluster.replica(node).status().pulls.underWay, 1)
      cluster.step(node, { type: 'cancel', request: second })
      assert.equal(cluster.replica(node).status().pulls.underWay, 0)
      cluster.run(2_000)
      assert(!cluster.results.has(first) && !cluster.results.has(second))
    })
  })

  it("[R2] every holder answers a pull by its own shard's readiness, and an answer out of the blue changes no flight", () => {
    const { cluster, id, holders, strangers } = withSession()
    assert.equal(cluster.replica(holders[0]).status().shards[shardOf(id)]?.state, 'ready')
    cluster.hear(strangers[0], holders[0], { type: 'answer', request: 77, status: 'absent', ready: true, records: [] })
    assert.equal(cluster.outcome(cluster.resume(strangers[0], id)).outcome, 'complete')
  })
})

function resumeOf(request: number, id: string): Parameters<Cluster['step']>[1] {
  return {
    type: 'resume',
    request,
    key: keyOf(id),
    portions: undefined,
    proof: undefined,
    consistency: 'any',
    deadlineMs: 9_000,
  }
}

function idNotHeldBy(cluster: Cluster, node: string): string {
  for (let n = 0; ; n++) if (!cluster.holdersOf(`id-${n}`).includes(node)) return `id-${n}`
}
