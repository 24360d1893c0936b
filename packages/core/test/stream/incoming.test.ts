import assert from 'node:assert/strict'
import {
  ACK_DELAY_MS,
  ACK_FRAMES_MAX,
  HEARTBEAT_MS,
  NACK_RANGES_MAX,
  PROBE_MS_MIN,
  REPAIR_FRAMES_MAX,
  RING_BYTES_MAX,
} from '../../src/constants.ts'
import { Context, withDefaults } from '../../src/context.ts'
import { Incoming } from '../../src/stream/incoming.ts'
import { BucketTable } from '../../src/table/bucket-table.ts'
import { decodeFrame } from '../../src/wire/frame.ts'
import { decodeMessage } from '../../src/wire/message-codec.ts'
import type { Delivery, Fate } from '../support/cluster.ts'
import { Cluster, idInShard, keyOf, nodeName, shardOf, smallPortions, texts } from '../support/cluster.ts'
import { keyHash } from '../support/key-hash.ts'
import { frameOf } from '../support/samples.ts'

const SHARD = 7
const ID = idInShard(SHARD)

/** Frames from a to b, chosen by their number. */
function framesToB(isChosen: (number: number) => boolean, fate: 'lose' | number = 'lose'): Fate {
  return (delivery) => (isFrameToB(delivery) && isChosen(numberOf(delivery)) ? fate : undefined)
}

function isFrameToB({ from, to, carrier }: Delivery): boolean {
  return carrier === 'frame' && from === 'a' && to === 'b'
}

function numberOf({ frame }: Delivery): number {
  return frame?.header.number ?? 0
}

/** Three ready nodes that all hold everything, and a session of node a whose creation is over and acknowledged. */
function withSession(options: { latencyMs?: number } = {}): { cluster: Cluster; base: number } {
  const cluster = Cluster.ready(options)
  cluster.establish('a', ID, { count: '0' })
  cluster.run(100)
  cluster.sent.length = 0
  cluster.notices.length = 0
  return { cluster, base: 1 }
}

/** Commits that each travel in a frame of their own. */
function commitFrames(cluster: Cluster, count: number): void {
  for (let n = 1; n <= count; n++) {
    cluster.commit('a', ID, { count: String(n) })
    cluster.run(6)
  }
}

describe('incoming streams', () => {
  it('[R11] a lost frame is noticed by the next one, asked for, and sent again', () => {
    const { cluster, base } = withSession()
    cluster.fate = framesToB((number) => number === base + 1)
    commitFrames(cluster, 1)
    assert.equal(texts(cluster.record('b', ID))['count'], '0')
    commitFrames(cluster, 1)
    cluster.run(20)

    const [nack, ...more] = cluster.sentOf('nack')
    assert.deepEqual(more, [])
    assert.equal(nack?.from, 'b')
    assert.equal(nack?.to, 'a')
    assert.deepEqual(nack?.message.ranges, [{ from: base + 1, to: base + 1 }])
    assert.equal(cluster.sentOf('repair').length, 1)
    assert.deepEqual(cluster.record('b', ID), { ...cluster.record('a', ID), expiry: cluster.record('b', ID).expiry })
    assert.deepEqual(
      cluster.notices.map(({ node, notice }) => [node, notice.type]),
      [
        ['b', 'gap'],
        ['b', 'repaired'],
      ],
    )
  })

  it('[R11] silence costs nothing: what is complete and acknowledged sends nothing but heartbeats', () => {
    const { cluster } = withSession()
    commitFrames(cluster, 5)
    cluster.run(100)
    cluster.sent.length = 0
    cluster.run(3 * HEARTBEAT_MS)
    assert.deepEqual([...new Set(cluster.sent.map(({ type }) => type))], ['heartbeat'])
    assert.equal(cluster.sent.length, 3 * cluster.nodes.length * (cluster.nodes.length - 1))
  })

  it('[R11] [pitfall 10] [pitfall 11] one request names many holes as ranges, and is sent again with what is missing by then when it is lost', () => {
    const { cluster, base } = withSession()
    const isLost = framesToB((number) => (number - base) % 3 === 1)
    cluster.fate = (delivery) => (delivery.type === 'nack' ? 'lose' : isLost(delivery))
    commitFrames(cluster, 60)
    cluster.fate = () => undefined
    cluster.until(() => cluster.replica('b').status().streams.gaps === 0, 'repair')

    const heard = cluster.sentOf('nack').filter(({ isLost }) => !isLost)
    assert(heard.length <= 3, `${heard.length} requests for 20 holes`)
    assert.equal(heard[0]?.message.ranges.length, NACK_RANGES_MAX)
    assert.deepEqual(heard[0]?.message.ranges[0], { from: base + 1, to: base + 1 })
    assert.equal(texts(cluster.record('b', ID))['count'], '60')
    assert(cluster.sentOf('repair').length < 30, 'what was asked for once is not sent twice')
  })

  it("[R11] [pitfall 6] a lost last frame, which no frame follows, is noticed by the sender's probe", () => {
    const { cluster, base } = withSession()
    cluster.fate = framesToB((number) => number === base + 1)
    commitFrames(cluster, 1)
    cluster.run(PROBE_MS_MIN + 20)

    const [probe] = cluster.sentOf('probe')
    assert.deepEqual(probe?.message.streams, [{ shard: SHARD, number: base + 1 }])
    assert.deepEqual(
      cluster.sentOf('probe').map(({ to }) => to),
      ['b'],
      'only who has not acknowledged is probed',
    )
    assert.equal(texts(cluster.record('b', ID))['count'], '1')
  })

  it('[R11] [rule P5] [pitfall 6] a lost last frame is noticed by the numbers in heartbeats, when the probes are lost as well', () => {
    const { cluster, base } = withSession()
    const isLost = framesToB((number) => number === base + 1)
    cluster.fate = (delivery) => (delivery.type === 'probe' ? 'lose' : isLost(delivery))
    commitFrames(cluster, 1)
    cluster.run(HEARTBEAT_MS + 20)
    assert.equal(texts(cluster.record('b', ID))['count'], '1')
  })

  it('[pitfall 7] a lost first frame of a stream is noticed all the same: by the probe, against a position of 0', () => {
    const cluster = Cluster.ready()
    cluster.fate = framesToB(() => true)
    cluster.establish('a', ID, { count: '0' }, 1)
    cluster.fate = () => undefined
    cluster.run(PROBE_MS_MIN + 20)
    assert.equal(texts(cluster.record('b', ID))['count'], '0')
  })

  it('[pitfall 7] a frame that came before its sender’s greeting is asked for after it', () => {
    const cluster = Cluster.ready()
    cluster.fate = ({ from, to, type }) => (from === 'd' && to === 'b' && type === 'greeting' ? 'lose' : undefined)
    cluster.start('d', { weight: 0 })
    for (const other of ['a', 'b', 'c']) cluster.connect('d', other)
    cluster.run(100)
    cluster.establish('d', ID, { count: '0' })
    const early = cluster.frames().find(({ from, to }) => from === 'd' && to === 'b')
    assert.equal(early?.isLost, false)
    assert.equal(cluster.replica('b').peek(keyOf(ID)), undefined, 'nobody is listened to before the greeting')
    cluster.fate = () => undefined
    cluster.until(() => cluster.replica('b').peek(keyOf(ID)) !== undefined, 'b met d', 3_000)
    assert.deepEqual(texts(cluster.record('b', ID)), { count: '0' })
  })

  it('[pitfall 8] takes reordering within a quarter of the round trip for what it is, and asks for nothing', () => {
    const { cluster, base } = withSession({ latencyMs: 40 })
    cluster.run(5_000)
    cluster.sent.length = 0
    cluster.fate = framesToB((number) => number === base + 1, 15)
    commitFrames(cluster, 2)
    cluster.run(60)
    const arrivals = cluster.frames().filter(isFrameToB)
    assert.equal(arrivals.length, 2)
    assert.deepEqual(cluster.sentOf('nack'), [])
    assert.equal(texts(cluster.record('b', ID))['count'], '2')
  })

  it('[pitfall 23] applies a frame on arrival whatever its number, and once', () => {
    const { cluster, base } = withSession()
    cluster.fate = framesToB((number) => number === base + 1, 400)
    commitFrames(cluster, 1)
    commitFrames(cluster, 1)
    assert.equal(texts(cluster.record('b', ID))['count'], '1', 'the second frame carries the later write')
    cluster.run(500)

    const record = cluster.record('b', ID)
    const before = cluster.sent.length
    for (const { bytes } of cluster.frames().filter(isFrameToB)) {
      cluster.step('b', { type: 'frame', from: 'a', shard: SHARD, bytes })
    }
    assert.equal(cluster.record('b', ID), record, 'nothing was merged again')
    assert.equal(cluster.sent.length, before, 'and nothing is answered')
  })

  it('[pitfall 9] takes a late frame and its repair for one', () => {
    const { cluster, base } = withSession()
    cluster.fate = framesToB((number) => number === base + 1, 30)
    commitFrames(cluster, 2)
    cluster.run(100)
    assert.equal(cluster.sentOf('repair').length, 1)
    assert.equal(cluster.replica('b').status().streams.gaps, 0)
    assert.equal(cluster.sentOf('nack').length, 1)
  })

  it('[R11] [pitfall 10] a long gap is repaired in portions, so that repair does not flood who is slow', () => {
    const { cluster, base } = withSession()
    cluster.fate = framesToB((number) => number > base && number <= base + 150)
    const silent: Fate = cluster.fate
    cluster.fate = (delivery) => (delivery.type === 'nack' || delivery.type === 'probe' ? 'lose' : silent(delivery))
    commitFrames(cluster, 151)
    cluster.fate = () => undefined
    cluster.sent.length = 0
    cluster.until(() => cluster.replica('b').status().streams.gaps === 0, 'repair')
    const perRequest = new Map<number, number>()
    for (const { atMs } of cluster.sentOf('repair')) perRequest.set(atMs, (perRequest.get(atMs) ?? 0) + 1)
    assert.deepEqual([...perRequest.values()], [REPAIR_FRAMES_MAX, REPAIR_FRAMES_MAX, 150 - 2 * REPAIR_FRAMES_MAX])
  })

  it('[E2] [pitfall 33] a repaired frame carries the time that remains now, not that which remained when it was lost', () => {
    const { cluster, base } = withSession()
    const isLost = framesToB((number) => number === base + 1)
    cluster.fate = (delivery) => (['nack', 'probe', 'heartbeat'].includes(delivery.type) ? 'lose' : isLost(delivery))
    commitFrames(cluster, 1)
    cluster.run(1_500)
    cluster.fate = () => undefined
    cluster.until(() => texts(cluster.record('b', ID))['count'] === '1', 'repair')
    const apartMs = cluster.record('b', ID).expiry.idleAtMs - cluster.record('a', ID).expiry.idleAtMs
    assert(apartMs >= -1 && apartMs <= 1, `b would end it ${apartMs} ms after a`)
  })

  it("[rule P4] [pitfall 12] frames that are gone are fetched by a sync: first the sender's own sessions, then a ready holder's", () => {
    const { cluster } = withSession()
    const big = smallPortions(47 * 1024)
    cluster.fate = (delivery) =>
      isFrameToB(delivery) || delivery.type === 'nack' || delivery.type === 'probe' ? 'lose' : undefined
    const other = idInShard(SHARD, 'other')
    cluster.establish('a', other, { small: 'lost with the first frames' }, 1)
    for (let n = 0; n <= RING_BYTES_MAX / (47 * 1024) + 2; n++) {
      cluster.commit('a', ID, { count: String(n), ...big })
      cluster.run(6)
    }
    cluster.sent.length = 0
    cluster.fate = () => undefined
    cluster.until(() => cluster.noticesOf('gone').length > 0, 'the sender says that frames are gone')
    assert.equal(cluster.replica('b').status().shards[SHARD]?.state, 'joining')
    assert.equal(cluster.replica('b').isReady, false)

    cluster.until(() => cluster.replica('b').isReady, 'the shard is ready again')
    const asks = cluster.sentOf('sync-ask').filter(({ from }) => from === 'b')
    assert.deepEqual(
      asks.slice(0, 2).map(({ to, message }) => [to, message.shard, message.scope]),
      [
        ['a', SHARD, 'own'],
        [asks[1]?.to, SHARD, 'holder'],
      ],
    )
    assert.equal(texts(cluster.record('b', other))['small'], 'lost with the first frames')
    assert.deepEqual(cluster.replica('b').table.shardDigests(SHARD), cluster.replica('a').table.shardDigests(SHARD))
    cluster.run(200)
    assert.equal(cluster.replica('b').status().streams.gaps, 0)
  })

  it('[rule P3] what only some holders got of a sender that died is repaired among them', () => {
    const { cluster } = withSession()
    cluster.fate = (delivery) => (isFrameToB(delivery) || delivery.type === 'probe' ? 'lose' : undefined)
    commitFrames(cluster, 1)
    cluster.crash('a')
    assert.equal(texts(cluster.record('b', ID))['count'], '0')
    assert.equal(texts(cluster.record('c', ID))['count'], '1')
    cluster.until(() => texts(cluster.record('b', ID))['count'] === '1', 'the other holder has it')
    assert(cluster.nowMs < 20_000)
  })

  it('[W2] [pitfall 1] a frame of an earlier life of its sender is not listened to', () => {
    const { cluster } = withSession()
    commitFrames(cluster, 1)
    const old = cluster.frames().find(isFrameToB) as Delivery
    cluster.crash('a')
    cluster.join('a', { incarnation: 2 })
    cluster.until(() => cluster.isSettled(), 'a is back')
    cluster.commit('b', ID, { count: 'of b' })
    cluster.run(50)
    const record = cluster.record('c', ID)
    cluster.step('c', { type: 'frame', from: 'a', shard: SHARD, bytes: old.bytes })
    assert.equal(cluster.record('c', ID), record)
    assert.equal(cluster.replica('c').status().streams.gaps, 0, 'old numbers are no gap of the new life')
  })

  it('[W2] [pitfall 1] a restarted sender counts from 1 again, and nobody waits for numbers of its old life', () => {
    const { cluster } = withSession()
    commitFrames(cluster, 5)
    cluster.crash('a')
    cluster.join('a', { incarnation: 2 })
    cluster.until(() => cluster.isSettled(), 'a is back')
    cluster.run(2_000)
    cluster.sent.length = 0
    cluster.establish('a', idInShard(SHARD, 'new'), { x: '1' })
    const frame = cluster.frames().find(isFrameToB)
    assert.equal(frame?.frame?.header.number, 1)
    cluster.run(200)
    assert.deepEqual(cluster.sentOf('nack'), [])
  })

  it("[pitfall 45] counts a frame in another's name as a bad message", () => {
    const { cluster } = withSession()
    commitFrames(cluster, 1)
    const { bytes } = cluster.frames()[0] as Delivery
    cluster.step('b', { type: 'frame', from: 'c', shard: SHARD, bytes })
    const [bad] = cluster.noticesOf('bad-message')
    assert.equal(bad?.notice.from, 'c')
    assert.equal(cluster.replica('b').status().badMessages, 1)
  })

  describe('acknowledge', () => {
    it('lazily: many frames by one message, a moment after the first', () => {
      const { cluster, base } = withSession()
      const startMs = cluster.nowMs
      commitFrames(cluster, 3)
      cluster.run(50)
      const acks = cluster.sentOf('ack').filter(({ from }) => from === 'b')
      assert.deepEqual(
        acks.map(({ atMs, message }) => [atMs - startMs, message.positions]),
        [[1 + ACK_DELAY_MS, [{ shard: SHARD, number: base + 3, ready: true }]]],
      )
    })

    it('[R12] at once when a frame asks for it, and then for all shards of the sender together', () => {
      const { cluster, base } = withSession()
      const elsewhere = idInShard(SHARD + 1)
      cluster.establish('a', elsewhere, { x: '0' })
      cluster.run(100)
      cluster.sent.length = 0
      const startMs = cluster.nowMs
      cluster.commit('a', elsewhere, { x: '1' })
      cluster.run(6)
      cluster.written(cluster.commit('a', ID, { count: '1' }, { copies: 2 }))
      const acks = cluster.sentOf('ack').filter(({ from }) => from === 'b')
      assert.deepEqual(
        acks.map(({ atMs, message }) => [atMs - startMs, message.positions]),
        [
          [
            7,
            [
              { shard: SHARD + 1, number: 2, ready: true },
              { shard: SHARD, number: base + 1, ready: true },
            ],
          ],
        ],
      )
    })

    it("no later than after a quarter of the sender's window", () => {
      const { context, incoming, header } = alone()
      for (let number = 1; number < ACK_FRAMES_MAX; number++) incoming.onFrame('a', header(number))
      incoming.tick()
      assert.deepEqual(context.out.drain().sends, [])
      incoming.onFrame('a', header(ACK_FRAMES_MAX))
      incoming.tick()
      const [ack] = context.out.drain().sends
      assert.deepEqual(decodeMessage(ack?.message as Uint8Array, 0), {
        type: 'ack',
        incarnation: 1,
        positions: [{ shard: SHARD, number: ACK_FRAMES_MAX, ready: true }],
      })
    })

    it('only what has no hole before it', () => {
      const { context, incoming, header } = alone()
      for (const number of [1, 2, 4]) incoming.onFrame('a', header(number))
      context.nowMs += ACK_DELAY_MS
      incoming.tick()
      const acks = context.out
        .drain()
        .sends.map(({ message }) => decodeMessage(message, 0))
        .filter(({ type }) => type === 'ack')
      assert.deepEqual(
        acks.map((ack) => ack.type === 'ack' && ack.positions),
        [[{ shard: SHARD, number: 2, ready: true }]],
      )
    })
  })

  it('[pitfall 16] remembers a bounded number of runs ahead of a gap; what does not fit is applied, and asked for again later', () => {
    const { incoming, header } = alone()
    for (let number = 2; number <= 2_000; number += 2) assert.equal(incoming.onFrame('a', header(number)), true)
    assert.equal(incoming.onFrame('a', header(2)), false, 'remembered, hence a duplicate')
    assert.equal(incoming.onFrame('a', header(2_000)), true, 'not remembered')
    for (let number = 1; number <= 2_000; number++) incoming.onFrame('a', header(number))
    assert.equal(incoming.gapCount, 0)
  })

  it('[pitfall 11] asks again with back-off, and gives the shard to a sync when nothing comes', () => {
    const { context, incoming, header, given } = alone()
    incoming.onFrame('a', header(2))
    const askedAtMs: number[] = []
    while (given.length === 0) {
      context.nowMs = incoming.nextDueMs()
      incoming.tick()
      const nacks = context.out.drain().sends.filter(({ message }) => decodeMessage(message, 0).type === 'nack')
      for (const _ of nacks) askedAtMs.push(context.nowMs)
    }
    const pauses = askedAtMs.slice(1).map((atMs, i) => atMs - (askedAtMs[i] as number))
    assert.deepEqual(pauses, [20, 40, 80, 160, 320, 640])
    assert.deepEqual(given, [['a', SHARD, true]])
  })
})

/** The incoming half of one node that follows everything of sender a, with nothing around it. */
function alone(): {
  context: Context
  incoming: Incoming
  header: (number: number) => ReturnType<typeof decodeFrame>['header']
  given: [string, number, boolean][]
} {
  const given: [string, number, boolean][] = []
  const table = new BucketTable({
    bytesMax: 1 << 20,
    keyHash,
    isPinned: () => false,
    isHeld: () => true,
    onEvicted: () => {},
  })
  const context = new Context(withDefaults({ nodeId: nodeName(1), incarnation: 1, keyHash, seed: 1 }), table)
  const incoming = new Incoming(context, {
    isJoined: () => true,
    isReady: () => true,
    mayRepair: () => true,
    roundTripMs: () => 4,
    isReachable: () => true,
    onUnrepairable: (sender, shard, isSenderHere) => given.push([sender, shard, isSenderHere]),
    onComplete: () => {},
  })
  incoming.onLife('a', 1)
  const header = (number: number): ReturnType<typeof decodeFrame>['header'] =>
    decodeFrame(frameOf({ sender: keyHash('a'), incarnation: 1, shard: SHARD, number, ackNow: false }, []), 0).header
  assert.equal(shardOf(ID), SHARD)
  return { context, incoming, header, given }
}
