/**
 * Sealed values between real nodes: what a member that has no business with them does to them is refused, counted and never
 * served, and keys are changed while sessions are written and read.
 */
import assert from 'node:assert/strict'
import { FRAME_ID_BYTES, type LiveRecord, SealError, SHARD_COUNT } from '@reprise/core'
import { createNode, type Node, type NodeOptions } from '@reprise/node'
import { createNetwork, type Libp2pNetwork, type NetworkEvents } from '@reprise/p2p'
import { decodeFrame, encodeFrame } from '../../packages/core/src/wire/frame.ts'
import { type KeyedRecord, RecordBatchWriter } from '../../packages/core/src/wire/record-codec.ts'
import { createClock } from '../../packages/node/src/clock.ts'
import { nodeOn } from '../../packages/node/src/create-node.ts'
import { resolveOptions } from '../../packages/node/src/options.ts'
import { found, signalIn, until } from './support.ts'

const OLD = new Uint8Array(32).fill(1)
const NEW = new Uint8Array(32).fill(2)
const nodes = new Set<Node>()

const start = async (options: NodeOptions): Promise<Node> => {
  const node = await createNode({ copies: 'all', ...options })
  nodes.add(node)
  return node
}

const stop = async (node: Node): Promise<void> => {
  nodes.delete(node)
  await node.stop()
}

/** What a member between the writer and the others makes of the stored bytes of a portion. */
type Tampering = (stored: Uint8Array, at: { readonly id: string; readonly portion: string }) => Uint8Array

/** A node whose frames are changed on their way out. */
async function startTampering(tampering: Tampering, options: NodeOptions): Promise<Node> {
  const { join = [] } = options
  const frameId = (frame: Uint8Array): Uint8Array => frame.subarray(0, FRAME_ID_BYTES)
  const network = await createNetwork({ shardCount: SHARD_COUNT, join, frameId })
  const changed = ({ key, record }: KeyedRecord): KeyedRecord => {
    if (record.kind !== 'live') return { key, record }
    const portions = [...record.portions].map(([portion, { version, value }]) => {
      const isStored = value instanceof Uint8Array
      return [portion, { version, value: isStored ? tampering(value, { id: key, portion }) : value }] as const
    })
    return { key, record: { ...record, portions: new Map(portions) } satisfies LiveRecord }
  }
  const tampered: Libp2pNetwork = Object.create(network, {
    nodeId: { value: network.nodeId },
    addresses: { get: () => network.addresses },
    peers: { get: () => network.peers },
    start: { value: (events: NetworkEvents) => network.start(events) },
    stop: { value: () => network.stop() },
    subscribe: { value: (shard: number) => network.subscribe(shard) },
    unsubscribe: { value: (shard: number) => network.unsubscribe(shard) },
    send: { value: network.send.bind(network) },
    bufferedBytes: { value: network.bufferedBytes.bind(network) },
    setMembers: { value: network.setMembers.bind(network) },
    stats: { value: () => network.stats() },
    publish: {
      value: (shard: number, frame: Uint8Array) => {
        const { header, records } = decodeFrame(frame, 0)
        const batch = new RecordBatchWriter()
        for (const record of records) {
          const { key, record: other } = changed(record)
          batch.add(key, other, 0)
        }
        return network.publish(shard, encodeFrame(header, batch))
      },
    },
  })
  const node = await nodeOn(tampered, resolveOptions({ copies: 'all', ...options }), createClock(), undefined)
  nodes.add(node)
  await node.start()
  return node
}

describe('sealed values', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(60_000)
  this.slow(10_000)

  afterEach(async () => {
    await Promise.all([...nodes].map(stop))
  })

  const tag = 0x80
  const kept = new Map<string, Uint8Array>()
  const keepFirst = (name: string, stored: Uint8Array): Uint8Array => {
    if (!kept.has(name)) kept.set(name, Uint8Array.from(stored))
    return kept.get(name) as Uint8Array
  }
  const isSealed = (stored: Uint8Array): boolean => ((stored[0] as number) & tag) !== 0
  const tamperings: Readonly<Record<string, Tampering>> = {
    'of another session': (stored, { portion }) =>
      isSealed(stored) ? keepFirst(`session ${portion}`, stored) : stored,
    'of another portion': (stored, { id }) => (isSealed(stored) ? keepFirst(`portion ${id}`, stored) : stored),
    'of an earlier version': (stored, { id, portion }) =>
      isSealed(stored) ? keepFirst(`version ${id} ${portion}`, stored) : stored,
    'with a truncated tag': (stored) => (isSealed(stored) ? stored.subarray(0, -1) : stored),
    'cut to nothing': (stored) => (isSealed(stored) ? stored.subarray(0, 1) : stored),
    'with a changed byte': (stored) =>
      isSealed(stored) ? stored.map((byte, at) => (at === stored.length - 20 ? byte ^ 1 : byte)) : stored,
    'under an unknown key': (stored) =>
      isSealed(stored) ? stored.map((byte, at) => (at >= 1 && at < 5 ? byte ^ 0xff : byte)) : stored,
  }
  for (const [what, tampering] of Object.entries(tamperings)) {
    it(`[R5] are refused, counted and never served: one ${what}`, async () => {
      kept.clear()
      const reader = await start({ sealKeys: [NEW] })
      const writer = await startTampering(tampering, { sealKeys: [NEW], join: reader.addresses })
      for (const node of [reader, writer]) await node.whenReady({ members: 2, signal: signalIn(15_000) })
      for (const id of ['one', 'two']) {
        const session = await writer.create(id, { assumeNew: true })
        session.set('plain', `plain of ${id}`)
        for (const text of ['first', 'second']) {
          session.set('p', `${text} p of ${id}`, { seal: true })
          session.set('q', `${text} q of ${id}`, { seal: true })
          await session.commit({ copies: 1 })
        }
      }
      const served: unknown[] = []
      let refused = 0
      for (const id of ['one', 'two']) {
        const session = await found(reader, id, { consistency: 'any' })
        assert.equal(session.get('plain'), `plain of ${id}`, 'the rest of the session is served')
        for (const name of ['p', 'q']) {
          try {
            const value = session.get(name)
            assert.equal(value, `second ${name} of ${id}`)
            served.push(value)
          } catch (error) {
            assert(error instanceof SealError)
            refused++
          }
        }
      }
      assert(refused >= 2 && served.length + refused === 4, `${refused} refused`)
      assert.equal(reader.stats().sealsRefused, refused)
    })
  }

  it('[R5] under a key that a node has not got are refused there, and stay whole for who has it', async () => {
    const a = await start({ sealKeys: [NEW] })
    const b = await start({ sealKeys: [OLD], join: a.addresses })
    for (const node of [a, b]) await node.whenReady({ members: 2, signal: signalIn(15_000) })
    const session = await a.create('s')
    session.set('p', 'sealed', { seal: true })
    await session.commit({ copies: 1 })
    const there = await found(b, 's')
    assert.throws(() => there.get('p'), SealError)
    there.set('q', 'by b')
    await there.commit({ copies: 1 })
    const here = await found(a, 's')
    assert.deepEqual([here.get('p'), here.get('q')], ['sealed', 'by b'])
    assert.deepEqual([a.stats().sealsRefused, b.stats().sealsRefused], [0, 1])
  })

  it('[R5] lose nothing when keys are changed node by node, while sessions are written and read', async () => {
    const ids = Array.from({ length: 12 }, (_, n) => `session-${n}`)
    const cluster: Node[] = [await start({ sealKeys: [OLD] })]
    for (let n = 1; n < 3; n++) cluster.push(await start({ sealKeys: [OLD], join: cluster[0]!.addresses }))
    const whole = async (): Promise<void> => {
      await Promise.all(cluster.map((node) => node.whenReady({ members: 3, signal: signalIn(15_000) })))
    }
    await whole()
    const written = new Map<string, number>()
    for (const id of ids) {
      const session = await cluster[0]!.create(id)
      session.set('count', 0, { seal: true })
      session.set('since', 'before the change', { seal: true })
      await session.commit({ copies: 2 })
      written.set(id, 0)
    }

    let isOver = false
    let rounds = 0
    /** Requests under way. */
    const busy = new Map<Node, number>()
    /** Each client has a session of its own, and comes to another server each time, as a balancer sends it. */
    const client = async (id: string, at: number): Promise<void> => {
      for (let n = at; !isOver; n++) {
        const node = cluster[n % cluster.length]!
        busy.set(node, (busy.get(node) ?? 0) + 1)
        const session = await found(node, id)
        assert.equal(session.get('count'), written.get(id), id)
        assert.equal(session.get('since'), 'before the change')
        session.set('count', written.get(id)! + 1, { seal: true })
        await session.commit({ copies: 1 })
        busy.set(node, busy.get(node)! - 1)
        written.set(id, written.get(id)! + 1)
        rounds++
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    const clients = Promise.all(ids.map(client))

    // The new key opens everywhere before it seals anywhere; the old one goes when nothing is sealed with it any more.
    const roll = async (sealKeys: readonly Uint8Array[]): Promise<void> => {
      for (let n = 0; n < cluster.length; n++) {
        const leaving = cluster[n]!
        const join = cluster.flatMap((node) => (node === leaving ? [] : node.addresses))
        const coming = await start({ sealKeys, join })
        await coming.whenReady({ members: 4, signal: signalIn(15_000) })
        cluster[n] = coming
        await until(() => !busy.get(leaving))
        await stop(leaving)
        await whole()
      }
    }
    const changing = (async () => {
      await roll([OLD, NEW])
      await roll([NEW, OLD])
    })().finally(() => {
      isOver = true
    })
    await Promise.all([changing, clients])
    assert(rounds > ids.length, 'they were written meanwhile')
    for (const id of ids) {
      const session = await found(cluster[0]!, id)
      session.set('since', session.get('since') as string, { seal: true })
      await session.commit({ copies: 2 })
    }
    await roll([NEW])
    for (const node of cluster) {
      for (const id of ids) {
        const session = await found(node, id)
        assert.deepEqual([session.get('count'), session.get('since')], [written.get(id), 'before the change'])
      }
    }
    for (const node of cluster) assert.equal(node.stats().sealsRefused, 0)
  })
})
