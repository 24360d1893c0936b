/** Networks on libp2p nodes that serve others as well. */
import assert from 'node:assert/strict'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { attachNetwork, type HostComponents, type Libp2pNetwork, type NetworkEvents } from '@reprise/p2p'
import { createLibp2p, type Libp2p } from 'libp2p'
import { bytes, Member, stopAll, type Told, until } from './support/member.ts'

const ECHO = '/test/echo/1'

describe('a network on a libp2p node of somebody else', function () {
  this.timeout(30_000)
  const hosts: AttachedMember[] = []

  afterEach(async () => {
    await stopAll()
    await Promise.all(hosts.splice(0).map((host) => host.libp2p.stop()))
  })

  async function startHost(join: readonly string[] = [], allow?: readonly string[]): Promise<AttachedMember> {
    const host = await AttachedMember.start(join, allow)
    hosts.push(host)
    return host
  }

  it('meets others of its kind and members with a node of their own, and carries frames and messages', async () => {
    const a = await startHost()
    const b = await startHost([a.address])
    const c = await Member.start({ join: [a.address] })
    const all = [a, b, c]
    const list = new Map(all.map((member) => [member.network.nodeId, member.network.addresses]))
    for (const { network } of all) network.setMembers(list)
    await until(() => all.every(({ network }) => network.peers.length === 2), 'all to be up')
    await until(() => a.subscribers.size === 2 && b.subscribers.size === 2, 'subscriptions')
    await until(() => c.count('subscriber') >= 2, 'subscriptions')
    assert(b.network.send(a.network.nodeId, 'bulk', bytes('b to a')))
    await until(() => a.told.includes('b to a'), 'the message')
    // Each has dialled each, and of two connections one goes: frames on that one are lost, and later ones are not.
    let number = 0
    await until(() => {
      number++
      for (const [name, { network }] of Object.entries({ a, b, c })) network.publish(0, bytes(`${name} ${number}`))
      return hears(a.told, 'b', 'c') && hears(b.told, 'a', 'c') && hears(c.told.map(textOf), 'a', 'b')
    }, 'frames of everybody at everybody')
  })

  it('leaves the other protocols of its host alone, also its gossipsub', async () => {
    const a = await startHost()
    const b = await startHost([a.address])
    await until(() => a.network.peers.length === 1 && b.network.peers.length === 1, 'the link')
    await until(() => b.subscribers.size === 1, 'the subscription')
    const [connection] = b.libp2p.getConnections()
    assert(connection !== undefined)
    assert.equal(await echo(b.libp2p, connection, 'hello'), 'hello')

    const heard: string[] = []
    b.libp2p.services.pubsub.addEventListener('message', (event) => {
      heard.push(Buffer.from(event.detail.data).toString())
    })
    b.libp2p.services.pubsub.subscribe('news')
    await until(() => a.libp2p.services.pubsub.getSubscribers('news').length === 1, 'the host’s own subscription')
    await a.libp2p.services.pubsub.publish('news', bytes('of the host'))
    await until(() => heard.includes('of the host'), 'the host’s own message')
    assert(!b.libp2p.services.pubsub.getTopics().some((topic) => topic.includes('reprise')))

    // What costs a network of its own the connection costs this one its streams, and both begin anew on the same one.
    const ups = b.ups
    for (const stream of connection.streams) {
      if (stream.protocol.includes('/control/')) stream.abort(new Error('planted'))
    }
    await until(() => b.ups > ups && a.network.peers.length === 1, 'the link, again')
    assert.equal(connection.status, 'open')
    assert.equal(await echo(b.libp2p, connection, 'again'), 'again')
  })

  it('does not touch peers that are none of the cluster, nor lets in who is not on its list', async () => {
    const nothing = async (): Promise<void> => {}
    const stranger = await createHost(nothing, nothing)
    await stranger.start()
    const a = await startHost()
    try {
      const b = await startHost([a.address], ['12D3KooWAc7GJdUjTexWrddfYpPQEzXagPzNJQjHMiT5gQAFaKWq'])
      const connection = await stranger.dial(a.libp2p.getMultiaddrs())
      for (const { libp2p } of [a, b]) {
        await stranger.dial(libp2p.getMultiaddrs())
        await until(() => knows(libp2p, stranger), 'the stranger to be identified')
      }
      await until(() => knows(a.libp2p, b.libp2p) && knows(b.libp2p, a.libp2p), 'each other to be identified')
      assert.equal(await echo(stranger, connection, 'stranger'), 'stranger')
      assert.deepEqual([a.network.peers, b.network.peers], [[], []])
      assert(!connection.streams.some(({ protocol }) => protocol.includes('reprise')))
    } finally {
      await stranger.stop()
    }
  })

  it('stops without its host: nothing of it stays there, and the connections do', async () => {
    const a = await startHost()
    const b = await startHost([a.address])
    await until(() => a.network.peers.length === 1 && b.network.peers.length === 1, 'the link')
    await b.network.stop()
    await until(() => a.network.peers.length === 0, 'the loss')
    const [connection] = b.libp2p.getConnections()
    assert(connection !== undefined)
    assert.deepEqual(
      b.libp2p.getProtocols().filter((protocol) => protocol.includes('reprise')),
      [],
    )
    await until(
      () => connection.streams.every(({ protocol }) => !protocol.includes('reprise')),
      'its streams to be closed',
    )
    assert.equal(await echo(b.libp2p, connection, 'still here'), 'still here')
    await b.network.stop()
  })
})

/** A libp2p node as somebody may have it, with a gossipsub and a protocol of its own. */
async function createHost(start: (components: HostComponents) => Promise<void>, stop: () => Promise<void>) {
  const libp2p = await createLibp2p({
    start: false,
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      pubsub: gossipsub({ allowPublishToZeroTopicPeers: true }),
      reprise: (components: HostComponents) => ({ start: () => start(components), stop }),
      identified: ({ events }: HostComponents) => {
        const nodeIds = new Set<string>()
        events.addEventListener('peer:identify', ({ detail }) => nodeIds.add(detail.peerId.toString()))
        return nodeIds
      },
    },
  })
  await libp2p.handle(ECHO, (stream) => {
    stream.addEventListener('message', ({ data }) => stream.send(data))
  })
  return libp2p
}

type HostNode = Awaited<ReturnType<typeof createHost>>

/** Such a node with a network on it that subscribes to shard 0, and what that was told. */
class AttachedMember {
  readonly told: string[] = []
  readonly subscribers = new Set<string>()
  ups = 0
  libp2p!: HostNode
  network!: Libp2pNetwork

  static async start(join: readonly string[], allow: readonly string[] | undefined): Promise<AttachedMember> {
    const member = new AttachedMember()
    const start = async (components: HostComponents): Promise<void> => {
      member.network = await attachNetwork(components, { shardCount: 8, join, allow, limits: { refusedMs: 500 } })
      member.network.subscribe(0)
      await member.network.start(member.#events)
    }
    member.libp2p = await createHost(start, () => member.network.stop())
    await member.libp2p.start()
    return member
  }

  get address(): string {
    return this.libp2p.getMultiaddrs()[0]!.toString()
  }

  get #events(): NetworkEvents {
    return {
      onPeerUp: () => {
        this.ups++
      },
      onPeerDown: (peer) => this.subscribers.delete(peer),
      onSubscriber: (peer) => this.subscribers.add(peer),
      onFrame: (_peer, _shard, frame) => this.told.push(Buffer.from(frame).toString()),
      onMessage: (_peer, _lane, message) => {
        this.told.push(Buffer.from(message).toString())
      },
    }
  }
}

/** Whether there is a frame of each. */
function hears(told: readonly string[], ...names: readonly string[]): boolean {
  return names.every((name) => told.some((text) => text.startsWith(`${name} `) && /\d$/.test(text)))
}

function textOf(told: Told): string {
  return told.what === 'frame' ? told.text : ''
}

/** Whether the one has identified the other. */
function knows(libp2p: HostNode, other: HostNode): boolean {
  return libp2p.services.identified.has(other.peerId.toString())
}

async function echo(libp2p: Libp2p, connection: Connection, text: string): Promise<string> {
  const stream: Stream = await libp2p.dialProtocol(connection.remotePeer, ECHO)
  const answer = new Promise<string>((resolve) => {
    stream.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()).toString()), { once: true })
  })
  stream.send(bytes(text))
  try {
    return await answer
  } finally {
    await stream.close()
  }
}
