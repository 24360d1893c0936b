/**
 * A member that says whatever it likes: every message that decodes, about members, shards, lives and requests that exist. The
 * node that hears it neither breaks nor grows without bound, and goes on serving.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { NACK_RANGES_MAX, REPAIR_BYTES_BURST, REPAIR_BYTES_PER_SECOND, REPAIR_LINGER_MS } from '../src/constants.ts'
import { encodeMessage } from '../src/wire/message-codec.ts'
import type { Message } from '../src/wire/messages.ts'
import { Cluster, idInShard, keyOf, smallPortions, texts } from './support/cluster.ts'
import { keyHash } from './support/key-hash.ts'
import { messages } from './support/message-arbitraries.ts'
import { frameOf } from './support/samples.ts'

const SHARD = 7
const ID = idInShard(SHARD)
const KEY = keyOf(ID)
const NODES = ['a', 'b', 'c', 'nobody'] as const

/** What generators fill at random, made to name what is there: half of the time, drawn from `dice`. */
function atHome(message: Message, dice: readonly number[]): Message {
  let at = 0
  const roll = (): number => dice[at++ % dice.length] ?? 0
  const visit = (value: unknown, name: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => visit(item, name))
    if (value instanceof Uint8Array || value instanceof Map || typeof value !== 'object' || value === null) {
      const one = roll()
      if (one % 2 === 0) return value
      if (name === 'node' || name === 'sender') return NODES[one % NODES.length]
      if (name === 'incarnation') return 1 + (one % 2)
      if (name === 'key' && typeof value === 'string') return KEY
      if (name === 'shard') return SHARD
      if (name === 'request' || name === 'session' || name === 'check' || name === 'round') return one % 8
      if (name === 'number' && typeof value === 'number') return 1 + (one % 5)
      return value
    }
    return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, visit(inner, field)]))
  }
  const { type } = message
  return { ...(visit(message, '') as Message), type } as Message
}

const said = fc
  .tuple(fc.oneof(...Object.values(messages)), fc.array(fc.nat(1_000), { minLength: 8, maxLength: 16 }))
  .map(([message, dice]) => atHome(message as Message, dice))

/** Whether the message can be said at all: replacing parts of it may have left what the wire forbids. */
function encoded(message: Message, nowMs: number): Uint8Array | undefined {
  try {
    return encodeMessage(message, nowMs)
  } catch {
    return undefined
  }
}

describe('a member that says whatever it likes', () => {
  it('breaks nobody: any messages in any order, amid requests of clients', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(said, fc.nat(9)), { minLength: 1, maxLength: 25 }), (script) => {
        const cluster = Cluster.ready()
        cluster.establish('a', ID, { basket: 'tea' })
        for (const [message, dice] of script) {
          const bytes = encoded(message, cluster.nowMs)
          if (bytes === undefined) continue
          cluster.step('b', { type: 'message', from: 'c', lane: dice % 2 === 0 ? 'control' : 'bulk', bytes })
          if (dice === 0) cluster.resume('b', ID)
          if (dice === 1) cluster.check('b')
          if (dice === 2) cluster.create('b', 'another', { assumeNew: true })
          cluster.run(dice * 40)
        }
        cluster.run(8_000)
        cluster.result(cluster.create('b', 'still here', { assumeNew: true }))
        cluster.written(cluster.commit('b', 'still here', { x: '1' }))
      }),
      { numRuns: 60 },
    )
  })

  it('[pitfall 16] gets its share of repairs however often it asks, and everybody else is served meanwhile', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', ID, { basket: 'tea' })
    const ids = Array.from({ length: 40 }, (_, n) => idInShard(SHARD, `large-${n}`))
    for (const id of ids) cluster.establish('a', id, smallPortions(40_000))
    cluster.sent.length = 0
    const startMs = cluster.nowMs
    const ranges = Array.from({ length: NACK_RANGES_MAX }, (_, i) => ({ from: 1 + 100 * i, to: 100 + 100 * i }))
    const floodMs = 100
    for (let n = 0; n < floodMs * 10; n++) {
      cluster.hear('a', 'c', { type: 'nack', incarnation: 1, shard: SHARD, ranges })
      if (n % 100 === 0) cluster.commit('a', ID, { basket: String(n) })
      cluster.run(0.1)
    }
    const repairs = cluster.sentOf('repair').filter(({ to }) => to === 'c')
    const bytes = repairs.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const elapsedS = (cluster.nowMs - startMs) / 1_000
    assert(repairs.length > 0 && bytes <= REPAIR_BYTES_BURST + REPAIR_BYTES_PER_SECOND * elapsedS, `${bytes} bytes`)
    const times = new Map<number, number>()
    for (const { message, atMs } of repairs) {
      const number = Buffer.from(message.frame).readUIntBE(17, 6)
      assert(atMs - (times.get(number) ?? Number.NEGATIVE_INFINITY) >= REPAIR_LINGER_MS)
      times.set(number, atMs)
    }
    cluster.run(100)
    assert.equal(texts(cluster.record('b', ID))['basket'], '900')
    assert.deepEqual(cluster.noticesOf('bad-message'), [])
  })

  it('[pitfall 45] says what another one wrote in vain: in a frame of its own, again, and as a repair', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', ID, { basket: 'tea' })
    cluster.sent.length = 0
    cluster.commit('a', ID, { basket: 'rum' })
    cluster.run(100)
    const written = cluster.frames().find(({ to }) => to === 'b')
    assert(written?.frame !== undefined)
    const forged = frameOf({ ...written.frame.header, sender: keyHash('a'), number: 900 }, written.frame.records)
    const before = cluster.record('b', ID)
    for (const bytes of [written.bytes, forged]) {
      cluster.step('b', { type: 'frame', from: 'c', shard: SHARD, bytes })
      cluster.hear('b', 'c', { type: 'repair', ageMs: 0, frame: bytes })
    }
    assert.equal(cluster.replica('b').status().badMessages, 4, 'each is refused and counted')
    assert.equal(cluster.record('b', ID), before)
    assert.equal(cluster.replica('b').status().streams.gaps, 0, 'and no number in it counts')
  })

  it('[pitfall 1] replays frames of this life in vain: they change nothing, and are no gap', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', ID, { count: '0' })
    for (let n = 1; n <= 20; n++) {
      cluster.commit('a', ID, { count: String(n) })
      cluster.run(10)
    }
    cluster.run(1_000)
    const frames = cluster.frames().filter(({ to, from }) => to === 'b' && from === 'a')
    assert(frames.length >= 20)
    const before = cluster.record('b', ID)
    const { records } = cluster.replica('b').status().table
    cluster.sent.length = 0
    for (const { bytes } of [...frames, ...frames].reverse()) {
      cluster.step('b', { type: 'frame', from: 'a', shard: SHARD, bytes })
    }
    cluster.run(1_000)
    assert.deepEqual(cluster.record('b', ID).portions, before.portions)
    const { streams, table } = cluster.replica('b').status()
    assert.deepEqual([streams.gaps, table.records, cluster.sentOf('nack').length], [0, records, 0])
  })

  it('hears nothing before it said who it is: no answer, no record, no frame of anybody', () => {
    const cluster = Cluster.ready()
    cluster.establish('a', ID, { basket: 'tea' })
    cluster.sent.length = 0
    const stranger = 'stranger'
    cluster.step('b', { type: 'peer-up', peer: stranger })
    const questions: Message[] = [
      { type: 'pull', request: 1, key: KEY, portions: undefined, have: [] },
      { type: 'sync-ask', session: 1, shard: SHARD, scope: 'holder', digests: [] },
      { type: 'sync-list', session: 1, scope: 'holder', bucket: SHARD * 16, part: 0, parts: 1 },
      { type: 'nack', incarnation: 1, shard: SHARD, ranges: [{ from: 1, to: 9 }] },
      { type: 'join', incarnation: 1, shards: [SHARD] },
      { type: 'check-ask', check: 1 },
    ]
    for (const message of questions) cluster.hear('b', stranger, message)
    cluster.run(5_000)
    const told = cluster.sent.filter(({ to }) => to === stranger).map(({ type }) => type)
    assert.deepEqual([...new Set(told)], ['greeting'])
    assert.deepEqual([...cluster.replica('b').aliveMembers()], ['a', 'b', 'c'])
  })
})
