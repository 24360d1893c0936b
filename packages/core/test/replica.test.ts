import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Outbox } from '../src/outbox.ts'
import { Replica } from '../src/replica.ts'
import type { Delivery } from './support/cluster.ts'
import { Cluster, idInShard, keyOf, nodeName, shardOf, texts } from './support/cluster.ts'
import { keyHash } from './support/key-hash.ts'

/** Sessions of every node in turn, in six nodes with two copies. */
function manySessions(count: number): { cluster: Cluster; sessions: { id: string; primary: string }[] } {
  const cluster = Cluster.ready({ nodes: 6 })
  const sessions = Array.from({ length: count }, (_, n) => ({ id: `session-${n}`, primary: nodeName(n % 6) }))
  for (const { id, primary } of sessions) {
    cluster.result(cluster.create(primary, id, { assumeNew: true }))
    cluster.written(cluster.commit(primary, id, { of: primary, basket: `of ${id}` }, { copies: 2 }))
  }
  cluster.run(500)
  return { cluster, sessions }
}

describe('a replica', () => {
  it("[R1] the node that a client talks to is its session's primary, and serves it from memory", () => {
    const cluster = Cluster.ready({ nodes: 6 })
    const id = Array.from({ length: 99 }, (_, n) => `id-${n}`).find(
      (name) => !cluster.holdersOf(name).includes('a'),
    ) as string
    cluster.establish('a', id, { basket: 'tea' })
    cluster.run(100)
    cluster.sent.length = 0
    for (let n = 0; n < 10; n++) {
      const outcome = cluster.outcome(cluster.resume('a', id, { consistency: 'any' }))
      assert(outcome.outcome === 'complete' && outcome.from.local)
      cluster.written(cluster.commit('a', id, { basket: `tea, ${n}` }))
    }
    assert.deepEqual(cluster.sentOf('pull'), [], 'its own state needs nobody else')
    assert.equal(cluster.record('a', id).expiry.version.tenure.node, 'a')
  })

  it('[R2] sessions are spread: each at copies + 1 holders and its primary, and no node but that has them all', () => {
    const { cluster, sessions } = manySessions(60)
    const held = new Map<string, number>()
    for (const { id, primary } of sessions) {
      const holders = cluster.holdersOf(id)
      assert.equal(holders.length, 3)
      assert.deepEqual(cluster.nodesWith(id), [...new Set([...holders, primary])].sort(), id)
      for (const node of cluster.nodesWith(id)) if (node !== primary) held.set(node, (held.get(node) ?? 0) + 1)
    }
    for (const node of cluster.nodes) {
      const count = held.get(node) ?? 0
      assert(count > 0 && count < sessions.length * 0.8, `${node} keeps ${count} of ${sessions.length} of others`)
    }
  })

  it('[R3] when the primary is gone the client continues at any node, with everything it had', () => {
    const { cluster, sessions } = manySessions(12)
    const ofA = sessions.filter(({ primary }) => primary === 'a')
    cluster.crash('a')
    for (const { id } of ofA) {
      for (const node of cluster.nodes) {
        const outcome = cluster.outcome(cluster.resume(node, id))
        assert.equal(outcome.outcome, 'complete', `${id} at ${node}`)
        assert.deepEqual(texts(cluster.record(node, id)), { basket: `of ${id}`, of: 'a' })
        cluster.written(cluster.commit(node, id, { of: 'a' }, { copies: 1 }))
      }
    }
  })

  it('[R5] [R12] [I-R3] what two copies confirmed survives the crash of the writer and of one holder, whichever', () => {
    const id = idInShard(7)
    for (const place of [0, 1, 2]) {
      const cluster = Cluster.ready({ nodes: 6 })
      const writer = cluster.nodes.find((node) => !cluster.holdersOf(id).includes(node)) as string
      cluster.establish(writer, id, { basket: 'tea' })
      cluster.written(cluster.commit(writer, id, { basket: 'tea, rum' }, { copies: 2 }))
      const [holder] = cluster.holdersOf(id).slice(place)
      cluster.crash(writer)
      cluster.crash(holder as string)
      const [node] = cluster.nodes
      assert.equal(cluster.outcome(cluster.resume(node as string, id)).outcome, 'complete')
      assert.equal(texts(cluster.record(node as string, id))['basket'], 'tea, rum')
    }
  })

  it('[R13] with all copies any node answers from its own full cache, without the network', () => {
    const cluster = Cluster.ready({ nodes: 5, copies: Number.POSITIVE_INFINITY })
    for (const node of cluster.nodes) cluster.establish(node, `of ${node}`, { basket: node }, 4)
    cluster.run(100)
    cluster.sent.length = 0
    for (const node of cluster.nodes) {
      for (const primary of cluster.nodes) {
        const outcome = cluster.outcome(cluster.resume(node, `of ${primary}`, { consistency: 'any' }))
        assert(outcome.outcome === 'complete' && outcome.from.local)
        assert.deepEqual(texts(outcome.record), { basket: primary })
      }
    }
    assert.deepEqual(cluster.sentOf('pull'), [])
  })

  it("[R15] two nodes are primaries and each other's secondaries; a third resumes the one's, a fourth the other's", () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const held = (node: string): string => {
      return Array.from({ length: 500 }, (_, n) => `of-${node}-${n}`).find((id) => {
        const holders = cluster.holdersOf(id)
        return holders.includes('a') && holders.includes('b')
      }) as string
    }
    const [one, two] = [held('a'), held('b')]
    cluster.establish('a', one, { basket: 'tea' })
    cluster.establish('b', two, { basket: 'rum' })
    assert(cluster.nodesWith(one).includes('b') && cluster.nodesWith(two).includes('a'))
    assert.equal(cluster.outcome(cluster.resume('c', one)).outcome, 'complete')
    assert.equal(cluster.outcome(cluster.resume('d', two)).outcome, 'complete')
    cluster.written(cluster.commit('c', one, { basket: 'tea, jam' }, { copies: 2 }))
    cluster.written(cluster.commit('d', two, { basket: 'rum, salt' }, { copies: 2 }))
    assert.equal(texts(cluster.record('a', one))['basket'], 'tea, jam')
    assert.equal(texts(cluster.record('b', two))['basket'], 'rum, salt')
  })

  it('[I-R5] [pitfall 31] after a drop no node serves the session, and no late write brings it back', () => {
    const { cluster, sessions } = manySessions(6)
    for (const { id, primary } of sessions) cluster.drop(primary, id, { copies: 2 })
    cluster.run(200)
    for (const { id } of sessions) {
      for (const node of cluster.nodes) {
        const outcome = cluster.outcome(cluster.resume(node, id))
        assert.equal(outcome.outcome, 'absent', `${id} at ${node}`)
      }
    }
  })

  it('[I-R4] quiet and healed, all ready holders have equal digests and equal content', () => {
    const { cluster, sessions } = manySessions(30)
    let lost = 0
    cluster.fate = ({ carrier }) => (carrier === 'frame' && lost++ % 3 === 0 ? 'lose' : undefined)
    for (let round = 0; round < 4; round++) {
      for (const { id, primary } of sessions) cluster.commit(primary, id, { basket: `round ${round}` })
      cluster.run(7)
    }
    cluster.fate = () => undefined
    cluster.run(3_000)
    for (const { id } of sessions) {
      const [first, ...others] = cluster.holdersOf(id) as [string, ...string[]]
      for (const other of others) {
        const shard = shardOf(id)
        assert.deepEqual(
          cluster.replica(other).table.shardDigests(shard),
          cluster.replica(first).table.shardDigests(shard),
        )
        assert.deepEqual(cluster.record(other, id).portions, cluster.record(first, id).portions)
      }
      assert.equal(texts(cluster.record(first, id))['basket'], 'round 3')
    }
  })

  it('does the same for the same events, byte for byte', () => {
    const run = (): Buffer => {
      const { cluster, sessions } = manySessions(6)
      let n = 0
      cluster.fate = ({ carrier }) => (carrier === 'frame' && n++ % 4 === 0 ? 'lose' : undefined)
      for (const { id, primary } of sessions) cluster.commit(primary, id, { basket: 'again' })
      cluster.crash('b')
      cluster.run(7_000)
      return Buffer.concat(cluster.sent.map(({ bytes }) => bytes))
    }
    assert(run().equals(run()))
  })

  it('says by itself, without asking, what it may: its own sessions, what it holds, and what it asked about lately', () => {
    const { cluster, sessions } = manySessions(12)
    for (const { id, primary } of sessions) {
      for (const node of cluster.nodes) {
        const record = cluster.replica(node).local(keyOf(id), undefined)
        const isHere = node === primary || cluster.holdersOf(id).includes(node)
        assert.equal(record !== undefined, isHere, `${id} at ${node}`)
      }
    }
    const { id } = sessions[0] as { id: string }
    const holder = cluster.holdersOf(id)[0] as string
    assert.equal(cluster.replica(holder).local(keyOf(id), ['basket'])?.read().kind, 'live')
    cluster.drop(holder, id)
    assert.equal(cluster.replica(holder).local(keyOf(id), undefined), undefined)
  })

  it('goes when what it owes is acknowledged, touches included, and nothing that it wrote is lost', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const id = idInShard(7)
    cluster.result(cluster.create('a', id, { idleMs: 60_000 }))
    cluster.written(cluster.commit('a', id, { basket: 'tea' }, { copies: 2 }))
    cluster.run(1_000)
    cluster.touch('a', id)
    cluster.written(cluster.commit('a', id, { basket: 'tea, rum' }))
    cluster.step('a', { type: 'leave' })
    assert.equal(cluster.replica('a').owesAnything, true)
    cluster.until(() => !cluster.replica('a').owesAnything, 'all is acknowledged')
    cluster.step('a', { type: 'goodbye' })
    cluster.run(5)
    cluster.crash('a')
    for (const node of cluster.nodes) {
      assert.equal(cluster.outcome(cluster.resume(node, id)).outcome, 'complete')
      assert.equal(texts(cluster.record(node, id))['basket'], 'tea, rum')
    }
  })

  it('never runs backwards, whatever the clock does', () => {
    const replica = new Replica({ nodeId: 'a', incarnation: 1, keyHash, seed: 1 }, { nowMs: 1_000, wallMs: 5_000 })
    const out = new Outbox()
    const key = keyOf('basket')
    replica.step({ type: 'tick' }, { nowMs: 5_000, wallMs: 5_000 }, out)
    replica.step(
      { type: 'create', request: 1, key, idleMs: 1_000, absoluteMs: 9_000, assumeNew: true, deadlineMs: 1 },
      { nowMs: 10, wallMs: 1 },
      out,
    )
    const record = replica.peek(key)
    assert(record?.kind === 'live')
    assert.equal(record.expiry.idleAtMs, 6_000)
  })

  describe('never throws because of what a peer sends', () => {
    /** All that was sent among three nodes while everything there is happened. */
    function recorded(): Delivery[] {
      const cluster = Cluster.ready()
      const id = idInShard(7)
      cluster.establish('a', id, { basket: 'tea' })
      cluster.fate = ({ to, frame }) => (to === 'b' && frame?.header.number === 2 ? 'lose' : undefined)
      cluster.commit('a', id, { basket: 'rum' })
      cluster.run(200)
      cluster.outcome(cluster.resume('b', id))
      cluster.commit('b', id, { basket: 'jam' })
      cluster.crash('c')
      cluster.join('c', { incarnation: 2 })
      cluster.run(2_000)
      cluster.drop('b', id)
      cluster.run(100)
      return cluster.sent.filter(({ from, to }) => from !== 'b' && to === 'b')
    }

    it('changed bytes of any message are refused or acted on, and the node goes on', () => {
      const deliveries = recorded()
      const cluster = Cluster.ready()
      cluster.establish('a', idInShard(7), { basket: 'tea' })
      const changes = fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 })
      fc.assert(
        fc.property(fc.constantFrom(...deliveries), changes, ({ from, carrier, bytes }, list) => {
          const changed = Buffer.from(bytes)
          for (const [at, value] of list) changed[at % changed.length] = value
          if (carrier === 'frame') cluster.step('b', { type: 'frame', from, shard: 7, bytes: changed })
          else cluster.step('b', { type: 'message', from, lane: carrier, bytes: changed })
          cluster.run(1)
        }),
        { numRuns: 1_500 },
      )
      cluster.run(1_000)
      assert(cluster.replica('b').status().badMessages > 0)
      cluster.result(cluster.create('b', 'still here', { assumeNew: true }))
      cluster.written(cluster.commit('b', 'still here', { x: '1' }))
    })

    it('[pitfall 4] the highest life that others can still read is one in which a node goes on', () => {
      const cluster = Cluster.ready()
      const top = 2 ** 48 - 2
      cluster.hear('a', 'b', { type: 'refused', knownIncarnation: top })
      assert.equal(cluster.replica('a').status().badMessages, 1)
      cluster.hear('a', 'b', { type: 'refused', knownIncarnation: top - 1 })
      cluster.run(1_000)
      assert.equal(cluster.replica('a').incarnation, top)
      cluster.establish('a', idInShard(7), { basket: 'tea' })
    })

    it('[pitfall 4] nor do numbers at their limits', () => {
      const cluster = Cluster.ready()
      const top = 2 ** 48 - 2
      cluster.hear('a', 'b', { type: 'refused', knownIncarnation: top })
      cluster.hear('a', 'b', { type: 'refused', knownIncarnation: top + 1 })
      const tenure = { epoch: top, node: 'b', incarnation: 1 }
      const version = { tenure, seq: top }
      const expiry = { version, idleMs: 60_000, idleAtMs: 60_000, absoluteAtMs: 60_000 }
      const birth = { generation: top, random: 2 ** 48 - 1 }
      const record = { kind: 'live' as const, birth, frontier: [version], portions: new Map(), expiry }
      cluster.hear('c', 'b', { type: 'push', records: [{ key: keyOf('far'), record }] })
      cluster.outcome(cluster.resume('c', 'far'))
      cluster.written(cluster.commit('c', 'far', { x: '1' }))
      cluster.drop('c', 'far')
      cluster.run(2_000)
      cluster.result(cluster.create('c', 'far'))
      cluster.run(2_000)
      cluster.hear('c', 'b', {
        type: 'hello',
        incarnation: 1,
        streams: [{ shard: 7, number: Number.MAX_SAFE_INTEGER }],
      })
      cluster.hear('c', 'b', {
        type: 'nack',
        incarnation: 1,
        shard: 7,
        ranges: [{ from: 1, to: Number.MAX_SAFE_INTEGER }],
      })
      cluster.hear('c', 'b', {
        type: 'heartbeat',
        incarnation: 1,
        beat: 9e15,
        echo: 1,
        echoAgeMs: 9e15,
        joined: { hi: 0, lo: 0 },
        ready: { hi: 0, lo: 0 },
        streams: [],
      })
      cluster.run(3_000)
    })
  })

  it('says how many of its frames a member has not acknowledged', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', idInShard(7), { x: '1' })
    const lags = (): number[] =>
      cluster
        .replica('a')
        .status()
        .members.map(({ lagFrames }) => lagFrames)
    cluster.run(1_000)
    assert.deepEqual(lags(), [0, 0])
    cluster.fate = ({ from, type }) => (from === 'b' && type === 'ack' ? 'lose' : undefined)
    cluster.commit('a', idInShard(7), { x: '2' })
    cluster.run(200)
    assert.deepEqual(lags(), [1, 0])
    cluster.fate = () => undefined
    cluster.until(() => lags()[0] === 0, 'b acknowledged')
  })

  it('shows its state as a snapshot that shares nothing', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', idInShard(7), { x: '1' })
    const status = cluster.replica('a').status()
    assert.deepEqual(
      [
        status.nodeId,
        status.ready,
        status.members.map(({ nodeId }) => nodeId),
        status.shards.length,
        status.table.records,
      ],
      ['a', true, ['b', 'c'], 64, 1],
    )
    assert.deepEqual([...(status.shards[7]?.readyHolders ?? [])], ['a', 'b', 'c'])
    cluster.crash('b')
    cluster.run(10_000)
    assert.equal(status.members[0]?.state, 'alive')
  })
})
