import assert from 'node:assert/strict'
import { ALONE_MS, DEAD_MS, HELLO_PATIENCE_MS, NEWCOMERS_MS, SHARD_COUNT } from '../../src/constants.ts'
import { toSessionKey } from '../../src/session/id.ts'
import type { Birth, NodeId } from '../../src/session/version.ts'
import { Cluster, idInShard, shardOf, texts } from '../support/cluster.ts'

const SHARDS = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)

/** Who is a ready holder of a shard, by each node's own word. */
function readyAt(cluster: Cluster, shard: number): string[] {
  return cluster.nodes.filter((node) => cluster.replica(node).shardState(shard) === 'ready')
}

/** Sessions of node a, two in each shard. */
function fill(cluster: Cluster): string[] {
  const ids = SHARDS.flatMap((shard) => [idInShard(shard, 'first'), idInShard(shard, 'second')])
  for (const id of ids) {
    cluster.result(cluster.create('a', id, { assumeNew: true }))
    cluster.written(cluster.commit('a', id, { of: id }, { copies: 2 }))
  }
  return ids
}

/** The earlier life that a node's record of a live session keeps from coming back. */
function floorAt(cluster: Cluster, node: NodeId, id: string): Birth | undefined {
  const record = cluster.replica(node).table.peek(toSessionKey(id))?.record
  return record?.kind === 'live' ? record.floor?.birth : undefined
}

describe('holdings', () => {
  it("[rule P1] [pitfall 27] a joining holder is ready when it has the hello of every member and a ready holder's records", () => {
    const cluster = Cluster.ready()
    cluster.establish('a', idInShard(7), { x: '1' })
    cluster.fate = ({ from, to, type }) => (from === 'b' && to === 'd' && type === 'hello' ? 'lose' : undefined)
    cluster.join('d')
    cluster.run(3_000)
    assert(SHARDS.every((shard) => cluster.replica('d').shardState(shard) !== 'ready'))
    assert.equal(cluster.replica('d').isReady, false)

    cluster.fate = () => undefined
    cluster.cut('b', 'd')
    cluster.connect('b', 'd')
    cluster.until(() => cluster.isSettled(), 'ready')
    for (const shard of SHARDS) {
      if (cluster.replica('d').shardState(shard) !== 'ready') continue
      assert.deepEqual(cluster.replica('d').table.shardDigests(shard), cluster.replica('b').table.shardDigests(shard))
    }
  })

  it('[rule P1] [I-R9] [pitfall 25] is ready only with all that was published before each hello, also what was lost on the way', () => {
    const cluster = Cluster.ready()
    const ids = Array.from({ length: 6 }, (_, n) => idInShard(n * 10))
    for (const id of ids) cluster.establish('a', id, { n: '1' })
    cluster.fate = ({ to, carrier, type }) =>
      to === 'd' && carrier === 'frame' ? 'lose' : type === 'sync-records' || type === 'hello' ? 20 : undefined
    cluster.sent.length = 0
    cluster.join('d')
    for (let n = 2; n <= 5; n++) {
      for (const id of ids) cluster.commit('a', id, { n: String(n) })
      cluster.run(10)
    }
    let checked = 0
    for (const id of ids) {
      cluster.until(() => cluster.replica('d').shardState(shardOf(id)) !== 'joining', 'ready')
      if (cluster.replica('d').shardState(shardOf(id)) !== 'ready') continue
      const hellos = cluster.sentOf('hello').filter(({ from, to }) => from === 'a' && to === 'd')
      const numbers = hellos.flatMap(({ message }) => message.streams.filter(({ shard }) => shard === shardOf(id)))
      // The nth frame of the stream carries n.
      assert(Number(texts(cluster.record('d', id))['n']) >= (numbers[0]?.number ?? 9), id)
      checked++
    }
    assert(checked > 0)
  })

  it('[rule P1] is not ready while it misses a frame below a hello, though the holder it synced from misses it too', () => {
    // Node a is a mere primary, so that nobody syncs from it.
    const cluster = Cluster.ready({ nodes: 4, init: (node) => (node === 'a' ? { weight: 0 } : {}) })
    const id = idInShard(7)
    cluster.establish('a', id, { n: '1' })
    cluster.fate = ({ type }) => (['frame', 'nack', 'probe', 'repair'].includes(type) ? 'lose' : undefined)
    cluster.commit('a', id, { n: '2' })
    cluster.run(1)
    cluster.crash('c')
    cluster.join('c', { incarnation: 2 })
    // Shorter than it takes to give up asking and to fetch the sender's own sessions instead.
    cluster.run(500)
    const hellos = cluster.sentOf('hello').filter(({ from, to }) => from === 'a' && to === 'c')
    assert(hellos.some(({ message }) => message.streams.some(({ shard, number }) => shard === 7 && number === 2)))
    assert.equal(cluster.replica('c').shardState(7), 'joining')
    cluster.fate = () => undefined
    cluster.until(() => cluster.replica('c').shardState(7) === 'ready', 'repaired')
    assert.equal(texts(cluster.record('c', id))['n'], '2')
  })

  it('[rule P1] goes on without the hello of a member that is heard and does not give it, when others do', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const ids = fill(cluster)
    cluster.crash('c')
    cluster.fate = ({ from, to, type }) => (from === 'b' && to === 'c' && type === 'hello' ? 'lose' : undefined)
    cluster.join('c', { incarnation: 2 })
    cluster.run(HELLO_PATIENCE_MS - 100)
    assert.equal(cluster.replica('c').isReady, false)
    cluster.until(() => cluster.replica('c').isReady, 'ready without it', 1_000)
    for (const held of ids) {
      if (cluster.replica('c').shardState(shardOf(held)) !== 'ready') continue
      assert.deepEqual(texts(cluster.record('c', held)), { of: held })
    }
  })

  it('[rule P1] does not go on without anybody: it is this node that is not reached', () => {
    const cluster = Cluster.ready()
    cluster.crash('c')
    cluster.fate = ({ to, type }) => (to === 'c' && type === 'hello' ? 'lose' : undefined)
    cluster.join('c', { incarnation: 2 })
    cluster.run(4 * HELLO_PATIENCE_MS)
    assert(SHARDS.every((shard) => cluster.replica('c').shardState(shard) !== 'ready'))
    cluster.fate = () => undefined
    cluster.until(() => cluster.replica('c').isReady, 'ready')
  })

  it('[rule P4] [I-R9] is not complete with what it has while those who are ready cannot be reached', () => {
    // No stream shows what is missing: the writer is gone.
    const cluster = Cluster.ready({ nodes: 4, init: (node) => (node === 'd' ? { weight: 0 } : {}) })
    const id = idInShard(7)
    cluster.establish('d', id, { x: '1' })
    cluster.crash('d')
    cluster.run(DEAD_MS + 1_000)
    cluster.crash('c')
    // It hears who is ready, and gets nothing before the connections break.
    cluster.fate = ({ to, type }) => (to === 'c' && type === 'sync-offer' ? 'lose' : undefined)
    cluster.join('c', { incarnation: 2 })
    cluster.run(200)
    for (const other of ['a', 'b']) cluster.cut('c', other)
    cluster.run(ALONE_MS + 500)
    assert(SHARDS.every((shard) => cluster.replica('c').shardState(shard) !== 'ready'))
    cluster.fate = () => undefined
    for (const other of ['a', 'b']) cluster.connect('c', other)
    cluster.until(() => cluster.replica('c').shardState(7) === 'ready', 'ready')
    assert.deepEqual(texts(cluster.record('c', id)), { x: '1' })
  })

  it('[rule P4] syncs from another holder when one does not answer', () => {
    const cluster = Cluster.ready()
    const ids = fill(cluster)
    cluster.crash('c')
    cluster.fate = ({ from, to, type }) => (from === 'a' && to === 'c' && type === 'sync-offer' ? 'lose' : undefined)
    cluster.join('c', { incarnation: 2 })
    cluster.until(() => cluster.replica('c').isReady, 'ready')
    for (const id of ids) assert.deepEqual(texts(cluster.record('c', id)), { of: id })
  })

  it('[rule P3] a holder that hears of what a dead writer left elsewhere tells the other holders', () => {
    const cluster = Cluster.ready({ nodes: 5 })
    const id = idInShard(7)
    const holders = cluster.holdersOf(id)
    const [writer, keeper] = cluster.nodes.filter((node) => !holders.includes(node))
    assert(writer !== undefined && keeper !== undefined)
    cluster.establish(writer, id, { x: '1' })
    cluster.fate = ({ carrier }) => (carrier === 'frame' ? 'lose' : undefined)
    const proof = cluster.written(cluster.commit(writer, id, { x: '2' }))
    cluster.outcome(cluster.resume(keeper, id, { proof }))
    cluster.crash(writer)
    cluster.run(DEAD_MS + 2_000)
    assert(holders.every((node) => texts(cluster.record(node, id))['x'] === '1'))
    cluster.sent.length = 0
    const record = cluster.record(keeper, id)
    cluster.hear(holders[0] as string, keeper, { type: 'push', records: [{ key: toSessionKey(id), record }] })
    cluster.run(1_500)
    assert.deepEqual(
      holders.map((node) => texts(cluster.record(node, id))['x']),
      ['2', '2', '2'],
    )
    // All know it now, and nobody goes on asking.
    cluster.run(3_000)
    const asks = cluster.sentOf('sync-ask').filter(({ message }) => message.shard === 7)
    assert(asks.length < 20, `${asks.length} comparisons`)
  })

  it('[rule P3] [E4] a holder that hears of an earlier drop, of an id whose writer lives and knows of none, tells the others', () => {
    const cluster = Cluster.ready({ nodes: 5 })
    const id = idInShard(7)
    const holders = cluster.holdersOf(id)
    const [dropper, writer] = cluster.nodes.filter((node) => !holders.includes(node)) as [NodeId, NodeId]
    // One drops what it wrote where nobody hears it, while the id begins anew elsewhere.
    for (const node of cluster.nodes) if (node !== dropper) cluster.cut(dropper, node)
    cluster.result(cluster.create(dropper, id, { assumeNew: true }))
    const dropped = cluster.written(cluster.commit(dropper, id, { x: 'first life' })).birth
    cluster.result(cluster.drop(dropper, id))
    const record = cluster.replica(dropper).table.peek(toSessionKey(id))?.record
    assert(record !== undefined)
    cluster.run(100)
    cluster.establish(writer, id, { x: 'second life' })
    cluster.sent.length = 0
    cluster.hear(holders[0] as string, writer, { type: 'push', records: [{ key: toSessionKey(id), record }] })
    cluster.run(1_500)
    for (const node of holders) assert.deepEqual(floorAt(cluster, node, id), dropped)
    cluster.run(3_000)
    const asks = cluster.sentOf('sync-ask').filter(({ message }) => message.shard === 7)
    assert(asks.length < 20, `${asks.length} comparisons`)
  })

  it("[rule P4] at a cold start every member's own sessions make the holders ready, with nobody ready to ask", () => {
    const id = idInShard(7)
    // A node that holds nothing is the primary of a session when the first holders come.
    const guest = new Cluster()
    guest.start('a', { expectPeers: true, weight: 0 })
    guest.run(ALONE_MS + 100)
    guest.result(guest.create('a', id, { assumeNew: true }))
    guest.written(guest.commit('a', id, { x: '1' }))
    guest.join('b')
    guest.join('c')
    guest.until(() => guest.isSettled(), 'ready')
    for (const node of ['b', 'c']) assert.deepEqual(texts(guest.record(node, id)), { x: '1' })
    const scopes = new Set(
      guest
        .sentOf('sync-ask')
        .filter(({ to }) => to === 'a')
        .map(({ message }) => message.scope),
    )
    assert.deepEqual([...scopes], ['own'])
  })

  it('a node that was told of others and reaches none waits before it believes to be alone', () => {
    const cluster = new Cluster()
    cluster.start('a')
    cluster.run(ALONE_MS - 100)
    assert.equal(cluster.replica('a').isReady, false)
    cluster.run(1_000)
    assert.equal(cluster.replica('a').isReady, true)
  })

  it('[rule P4] two that come at the same time and meet each other first are no cluster', () => {
    const cluster = Cluster.ready()
    const id = idInShard(7)
    cluster.establish('a', id, { x: '1' })
    for (const node of ['d', 'e']) cluster.start(node, { isFounding: false })
    cluster.connect('d', 'e')
    // Those who are busy answer half a second later.
    cluster.run(500)
    for (const node of ['d', 'e']) {
      assert.equal(cluster.replica(node).isReady, false)
      assert.equal(cluster.outcome(cluster.resume(node, id, { deadlineMs: 20 })).outcome, 'unknown')
    }
    for (const old of ['a', 'b', 'c']) for (const node of ['d', 'e']) cluster.connect(old, node)
    cluster.until(() => cluster.isSettled(), 'ready', 400)
    for (const node of ['d', 'e']) assert.equal(cluster.outcome(cluster.resume(node, id)).outcome, 'complete')
  })

  it('those who meet only newcomers found a cluster after a second', () => {
    const cluster = new Cluster()
    for (const node of ['a', 'b']) cluster.start(node, { isFounding: false })
    cluster.connect('a', 'b')
    cluster.run(NEWCOMERS_MS - 50)
    assert.equal(cluster.replica('a').isReady, false)
    cluster.until(() => cluster.isSettled(), 'ready', 700)
  })

  it('[R5] [pitfall 25] while shards move to a new member, each has copies + 1 ready holders at every moment', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const ids = fill(cluster)
    cluster.join('e')
    let moved = 0
    while (!cluster.isSettled() || cluster.noticesOf('shard:left').length === 0) {
      cluster.run(1)
      moved++
      for (const shard of SHARDS) assert(readyAt(cluster, shard).length >= 3, `shard ${shard} after ${moved} ms`)
      assert(moved < 5_000, 'the move ends')
    }
    cluster.run(2_000)
    for (const shard of SHARDS) assert.equal(readyAt(cluster, shard).length, 3)
    for (const id of ids) {
      const holders = readyAt(cluster, shardOf(id))
      assert.deepEqual(
        cluster.nodesWith(id).filter((node) => node !== 'a'),
        holders.filter((node) => node !== 'a'),
        'a holder that left keeps nothing but what it is primary of',
      )
    }
  })

  it('[rule P2] [pitfall 25] a holder whose shard moved away lets go only when its successors were found equal', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const ids = fill(cluster)
    // Nobody learns whether it equals a holder that wants to go.
    cluster.fate = ({ to, type }) => (type === 'sync-offer' && to !== 'e' ? 'lose' : undefined)
    cluster.join('e')
    cluster.until(() => cluster.replica('e').isReady, 'the successor is ready')
    cluster.run(1_000)
    const isMoving = (shard: number): boolean => readyAt(cluster, shard).length > 3
    const moving = SHARDS.filter(isMoving)
    assert(moving.length > 0)
    assert.deepEqual(cluster.noticesOf('shard:left'), [])
    cluster.fate = () => undefined
    cluster.until(() => !SHARDS.some(isMoving), 'they let go')
    for (const id of ids) for (const node of readyAt(cluster, shardOf(id))) assert(cluster.nodesWith(id).includes(node))
  })

  for (const planted of [[], ['one-stays']]) {
    const says = planted.length === 0 ? 'is no copy' : 'passes for a copy, with that planted away,'
    it(`[rule P2] who is about to let go ${says} for a ready holder, who may be about to let go, too`, () => {
      const cluster = Cluster.ready({ nodes: 4, copies: 1, init: () => ({ planted: new Set(planted) }) })
      for (const shard of SHARDS) cluster.establish('a', idInShard(shard), { x: '1' }, 1)
      // The leaver never hears that its successors have everything.
      cluster.fate = ({ to, type }) => (to === 'a' && type === 'sync-offer' ? 'lose' : undefined)
      cluster.step('a', { type: 'leave' })
      cluster.run(1_000)
      const isReady = (node: string, at: number): boolean => readyAt(cluster, at).includes(node)
      const shard = SHARDS.find((at) => isReady('a', at) && !cluster.replica('a').isCounted(at) && isReady('b', at))
      assert(shard !== undefined)
      const stranger = cluster.nodes.find((node) => !isReady(node, shard)) as string
      const ask = { type: 'sync-ask', session: 99, shard, scope: 'holder', digests: [] } as const
      for (const node of ['b', stranger]) cluster.hear('a', node, ask)
      const offers = cluster.sentOf('sync-offer').filter(({ message }) => message.session === 99)
      assert.deepEqual(
        offers.map(({ to, message }) => [to, message.ready]),
        [
          ['b', planted.length > 0],
          [stranger, true],
        ],
      )
    })
  }

  it('[A1] [rule P2] an acknowledgement of a holder that is about to let go does not count', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    fill(cluster)
    cluster.fate = ({ to, type }) => (type === 'sync-offer' && to !== 'e' ? 'lose' : undefined)
    cluster.join('e')
    cluster.until(() => cluster.replica('e').isReady, 'the successor is ready')
    cluster.run(1_000)
    const shard = SHARDS.find((n) => readyAt(cluster, n).length > 3 && !cluster.replica('a').isCounted(n))
    const draining = cluster.nodes.find(
      (node) => readyAt(cluster, shard ?? 0).includes(node) && !cluster.replica(node).isCounted(shard ?? 0),
    )
    assert(shard !== undefined && draining !== undefined)
    const writer = cluster.nodes.find((node) => node !== draining) as string
    const id = idInShard(shard, 'first')
    cluster.outcome(cluster.resume(writer, id))
    cluster.sent.length = 0
    cluster.written(cluster.commit(writer, id, { note: 'x' }, { copies: 2 }))
    cluster.run(50)
    const acks = cluster.sentOf('ack').filter(({ from }) => from === draining)
    const positions = acks.flatMap(({ message }) => message.positions.filter((position) => position.shard === shard))
    assert(positions.length > 0 && positions.every(({ ready }) => !ready))
  })

  it('knows whether every shard has all its ready holders', () => {
    const cluster = Cluster.ready()
    assert(cluster.nodes.every((node) => cluster.replica(node).isWhole))
    cluster.crash('c')
    cluster.join('c', { incarnation: 2 })
    cluster.run(2)
    assert.equal(cluster.replica('a').isWhole, false)
    cluster.until(() => cluster.nodes.every((node) => cluster.replica(node).isWhole), 'whole again')
  })

  it('[R5] when a member dies its shards are held elsewhere, in full', () => {
    const cluster = Cluster.ready({ nodes: 5 })
    const ids = fill(cluster)
    cluster.crash('c')
    cluster.run(DEAD_MS + 3_000)
    for (const shard of SHARDS) assert.equal(readyAt(cluster, shard).length, 3)
    for (const id of ids) {
      for (const node of readyAt(cluster, shardOf(id))) assert.deepEqual(texts(cluster.record(node, id)), { of: id })
    }
  })

  it('[rule P5] is clean while it misses nothing and hears everybody who wrote to the shard', () => {
    const cluster = Cluster.ready()
    const id = idInShard(7)
    const isClean = (): boolean => cluster.replica('b').isClean(7)
    cluster.establish('a', id, { x: '1' })
    assert.equal(isClean(), true)
    cluster.fate = ({ carrier, to }) => (carrier === 'frame' && to === 'b' ? 'lose' : undefined)
    cluster.commit('a', id, { x: '2' })
    cluster.until(() => !isClean(), 'a number shows that a frame is missing')
    cluster.fate = () => undefined
    cluster.until(isClean, 'it is repaired')
    cluster.cut('a', 'b')
    assert.equal(isClean(), false)
    assert.equal(cluster.replica('b').shardState(7), 'ready')
    cluster.connect('a', 'b')
    cluster.until(isClean, 'the writer is heard again')
  })

  it('[pitfall 28] a holder that restarted empty, twice in a row, is no copy until it is full again', () => {
    const cluster = Cluster.ready()
    const id = idInShard(7)
    cluster.establish('a', id, { x: '1' })
    cluster.fate = ({ to, type }) => (to === 'b' && type === 'sync-offer' ? 100 : undefined)
    for (const incarnation of [2, 3]) {
      cluster.crash('b')
      cluster.join('b', { incarnation })
      cluster.run(20)
      assert.notEqual(cluster.replica('b').shardState(7), 'ready')
      assert(!cluster.holdersOf(id, 'a').includes('b'))
    }
    cluster.until(() => cluster.isSettled(), 'full again')
    cluster.crash('a')
    cluster.crash('c')
    assert.deepEqual(texts(cluster.record('b', id)), { x: '1' })
  })

  it('[R13] with all copies every member holds everything', () => {
    const cluster = Cluster.ready({ nodes: 5, copies: Number.POSITIVE_INFINITY })
    const id = idInShard(7)
    cluster.establish('c', id, { x: '1' }, 4)
    assert.deepEqual(cluster.nodesWith(id), cluster.nodes)
    for (const shard of SHARDS) {
      assert.equal(readyAt(cluster, shard).length, 5)
      for (const node of cluster.nodes) {
        assert.deepEqual(
          cluster.replica(node).table.shardDigests(shard),
          cluster.replica('a').table.shardDigests(shard),
        )
      }
    }
  })

  it('a member of weight 0 holds nothing, and is a primary all the same', () => {
    const cluster = Cluster.ready({ nodes: 4, init: (node) => (node === 'a' ? { weight: 0 } : {}) })
    assert(SHARDS.every((shard) => cluster.replica('a').shardState(shard) === 'none'))
    const id = idInShard(7)
    cluster.establish('a', id, { x: '1' }, 3)
    assert.deepEqual(cluster.nodesWith(id), ['a', 'b', 'c', 'd'])
  })

  it('members of weight 0 alone hold nothing, keep what they write, and hand nothing over', () => {
    const cluster = Cluster.ready({ nodes: 2, init: () => ({ weight: 0 }) })
    const id = idInShard(7)
    cluster.result(cluster.create('a', id, { assumeNew: true }))
    cluster.written(cluster.commit('a', id, { x: '1' }))
    assert.deepEqual(cluster.nodesWith(id), ['a'])
    cluster.step('a', { type: 'leave' })
    assert.equal(cluster.replica('a').owesAnything, false)
  })

  it('a member that comes again with weight 0 gives away what it held', () => {
    const cluster = Cluster.ready({ nodes: 4 })
    const ids = fill(cluster)
    cluster.crash('d')
    cluster.join('d', { incarnation: 2, weight: 0 })
    cluster.until(() => cluster.isSettled() && cluster.nodes.every((node) => cluster.replica(node).isWhole), 'settled')
    assert(SHARDS.every((shard) => cluster.replica('d').shardState(shard) === 'none'))
    for (const id of ids) assert.deepEqual(readyAt(cluster, shardOf(id)), ['a', 'b', 'c'])
  })

  it('keeps copies in as many zones as there are, also when a zone goes', () => {
    const zoneOf = (node: string): string => (node < 'c' ? 'east' : node < 'e' ? 'west' : 'north')
    const cluster = Cluster.ready({ nodes: 6, init: (node) => ({ zone: zoneOf(node) }) })
    const ids = fill(cluster)
    for (const shard of SHARDS) assert.equal(new Set(readyAt(cluster, shard).map(zoneOf)).size, 3)
    for (const node of ['e', 'f']) cluster.crash(node)
    cluster.run(DEAD_MS + 3_000)
    for (const shard of SHARDS) assert.equal(new Set(readyAt(cluster, shard).map(zoneOf)).size, 2)
    for (const id of ids) {
      for (const node of readyAt(cluster, shardOf(id))) assert.deepEqual(texts(cluster.record(node, id)), { of: id })
    }
  })
})
