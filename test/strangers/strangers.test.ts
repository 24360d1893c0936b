/**
 * Strangers and a cluster of real nodes: without the secret, or off the list, nobody gets a byte of a session, and the cluster
 * goes on serving.
 */
import assert from 'node:assert/strict'
import { SHARD_COUNT } from '@reprise/core'
import { createNode, inspectSession, type Node, type NodeOptions } from '@reprise/node'
import { createNetwork, generateIdentity, type Libp2pNetwork, type NetworkInit } from '@reprise/p2p'
import { encodeMessage } from '../../packages/core/src/wire/message-codec.ts'
import type { MemberNews, Message } from '../../packages/core/src/wire/messages.ts'
import { found, signalIn, until } from './support.ts'

const SECRET = 'the secret of a cluster in a test'
const NEXT_SECRET = 'the secret that comes after it'
const nodes = new Set<Node>()
const strangers = new Set<Libp2pNetwork>()

const start = async (options: NodeOptions = {}): Promise<Node> => {
  const node = await createNode({ secret: SECRET, copies: 'all', ...options })
  nodes.add(node)
  return node
}

const startPair = async (options: NodeOptions = {}): Promise<[Node, Node]> => {
  const a = await start(options)
  const b = await start({ ...options, join: a.addresses })
  for (const node of [a, b]) await node.whenReady({ members: 2, signal: signalIn(15_000) })
  return [a, b]
}

/** Somebody who speaks the network's part, and keeps everything that it is told. */
class Stranger {
  readonly network: Libp2pNetwork
  readonly told: Uint8Array[] = []
  ups = 0
  downs = 0

  static async start(server: Node, init: Partial<NetworkInit>): Promise<Stranger> {
    const limits = { redialMinMs: 20, redialMaxMs: 50, refusedMs: 100, dialMs: 1_000 }
    const network = await createNetwork({ shardCount: SHARD_COUNT, join: server.addresses, limits, ...init })
    strangers.add(network)
    const stranger = new Stranger(network)
    for (let shard = 0; shard < SHARD_COUNT; shard++) network.subscribe(shard)
    await network.start({
      onPeerUp: () => stranger.ups++,
      onPeerDown: () => stranger.downs++,
      onSubscriber: () => {},
      onFrame: (_from, _shard, frame) => stranger.told.push(frame),
      onMessage: (_from, _lane, message) => {
        stranger.told.push(message)
      },
    })
    return stranger
  }

  private constructor(network: Libp2pNetwork) {
    this.network = network
  }

  say(to: Node, message: Message): boolean {
    return this.network.send(to.nodeId, 'control', encodeMessage(message, 0))
  }

  heard(text: string): boolean {
    return this.told.some((bytes) => Buffer.from(bytes).includes(text))
  }
}

const write = async (node: Node, id: string, value: string): Promise<void> => {
  const session = await node.create(id, { assumeNew: true })
  session.set('p', value)
  await session.commit({ copies: 1 })
}

describe('a cluster and strangers', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(60_000)
  this.slow(5_000)

  afterEach(async () => {
    await Promise.all([...strangers].map((network) => network.stop()))
    await Promise.all([...nodes].map((node) => node.stop()))
    strangers.clear()
    nodes.clear()
  })

  for (const [who, init] of [
    ['the wrong secret', { secret: NEXT_SECRET }],
    ['no secret', {}],
  ] as const) {
    it(`[R5] tells nothing to who has ${who}: no member, no answer, no byte of a session`, async () => {
      const [a, b] = await startPair()
      const stranger = await Stranger.start(a, init)
      for (let n = 0; stranger.network.stats().counters.dialsFailed < 3; n++) await write(a, `session-${n}`, 'tea')
      await write(b, 'last', 'rum')
      assert.equal((await found(a, 'last')).get('p'), 'rum')
      assert.deepEqual([stranger.ups, stranger.told.length], [0, 0])
      for (const node of [a, b]) {
        assert.deepEqual(node.status().network.peers.map(({ nodeId }) => nodeId).length, 1)
        assert.equal(node.aliveMembers().length, 2)
      }
    })
  }

  it('[R5] tells nothing to who is not on the list, and counts it', async () => {
    const [one, two] = [await generateIdentity(), await generateIdentity()]
    const a = await start({ allow: [two.nodeId] })
    const stranger = await Stranger.start(a, { secret: SECRET, privateKey: one.privateKey })
    await until(() => a.status().network.counters.refused >= 3)
    await write(a, 'session', 'tea').catch(() => {})
    assert.deepEqual([stranger.ups, stranger.told.length, a.aliveMembers().length], [0, 0, 1])
  })

  it('[R5] tells nothing more to a member that is taken off the list, and lets it not back in', async () => {
    const [a, b] = await startPair()
    const { nodeId, privateKey } = await generateIdentity()
    const traitor = await Stranger.start(a, { secret: SECRET, privateKey })
    await until(() => traitor.network.peers.includes(a.nodeId))
    const { addresses } = traitor.network
    const self: MemberNews = {
      node: nodeId,
      incarnation: 1,
      state: 'alive',
      name: 'traitor',
      zone: '',
      weight: 1,
      addresses,
    }
    traitor.say(a, { type: 'greeting', self, shardCount: SHARD_COUNT, bucketCount: 1024, copies: 0xffff })
    const shards = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)
    traitor.say(a, { type: 'join', incarnation: 1, shards })
    await until(() => a.aliveMembers().length === 3)
    for (let n = 0; !traitor.heard('while it was a member'); n++) await write(a, `before-${n}`, 'while it was a member')

    for (const node of [a, b]) node.setAllow([a.nodeId, b.nodeId])
    await until(() => !a.status().network.peers.some((peer) => peer.nodeId === nodeId && peer.link !== undefined))
    const refusedBefore = a.status().network.counters.refused
    await until(() => a.status().network.counters.refused > refusedBefore)
    for (let n = 0; n < 20; n++) await write(a, `after-${n}`, 'when it was none any more')
    assert.equal(
      traitor.say(a, { type: 'pull', request: 1, key: 'after-0' as never, portions: undefined, have: [] }),
      false,
    )
    assert(!traitor.heard('when it was none any more'))
    assert.equal((await found(b, 'after-19')).get('p'), 'when it was none any more')
  })

  it('[R5] goes on when a member says nothing but nonsense, and counts it', async () => {
    const [a, b] = await startPair()
    const rogue = await Stranger.start(a, { secret: SECRET })
    await until(() => rogue.network.peers.includes(a.nodeId))
    const noise = Array.from({ length: 300 }, (_, n) => Buffer.from([n, ...Buffer.alloc(n % 40, n)]))
    for (const bytes of noise) {
      rogue.network.send(a.nodeId, 'control', bytes)
      rogue.network.send(a.nodeId, 'bulk', bytes)
      rogue.network.publish(bytes.length % SHARD_COUNT, Buffer.concat([bytes, Buffer.alloc(48)]))
    }
    await until(() => a.status().badMessages >= 300)
    await write(a, 'session', 'tea')
    assert.equal((await found(b, 'session')).get('p'), 'tea')
    await until(() => a.state === 'ready' && b.state === 'ready')
    assert.equal(a.aliveMembers().length, 2)
  })

  describe('when its secret is changed', () => {
    it('two clusters are what there is: sessions of the one are not in the other, and end with its last server', async () => {
      const [a, b] = await startPair()
      await write(a, 'session', 'tea')
      const next = await start({ secret: NEXT_SECRET, join: a.addresses, readyMs: 500 })
      await b.stop()
      assert.equal((await found(a, 'session')).get('p'), 'tea', 'an old server that goes hands over to old ones')
      await until(async () => (await next.resume('session', { deadlineMs: 100 })).outcome === 'absent')
      assert.deepEqual(next.aliveMembers(), [next.nodeId])
    })

    it('a server with a node in each of the two takes sessions over as their clients come, and none is lost', async () => {
      const [a, b] = await startPair()
      const ids = Array.from({ length: 10 }, (_, n) => `session-${n}`)
      for (const [n, id] of ids.entries()) {
        const session = await a.create(id, { idleMs: 600_000, absoluteMs: 3_600_000 })
        session.set('open', { n })
        session.set('sealed', `of ${id}`, { seal: true })
        await session.commit({ copies: 1 })
      }
      // New servers: a node of the next cluster, and one of the former that holds nothing.
      const next = await start({ secret: NEXT_SECRET })
      const former = await start({ join: a.addresses, weight: 0 })
      await former.whenReady({ members: 3, signal: signalIn(15_000) })

      /** The README's procedure. */
      const resume = async (id: string): Promise<void> => {
        if ((await next.resume(id)).outcome !== 'absent') return
        const left = await found(former, id)
        const absoluteMs = Math.ceil(inspectSession(left)?.absoluteMsLeft ?? 0)
        const moved = await next.create(id, { idleMs: 600_000, absoluteMs })
        for (const name of left.portions) moved.set(name, left.get(name)!, { seal: true })
        await moved.commit()
        await left.drop()
      }
      for (const id of ids) await resume(id)
      for (const node of [former, b, a]) await node.stop()
      for (const [n, id] of ids.entries()) {
        const session = await found(next, id)
        assert.deepEqual([session.get('open'), session.get('sealed')], [{ n }, `of ${id}`])
      }
    })
  })
})
