/** Gossipsub's traps, each with a test that fails when it bites. */
import assert from 'node:assert/strict'
import { identify } from '@libp2p/identify'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { generateIdentity } from '@reprise/p2p'
import { createLibp2p, type Libp2p } from 'libp2p'
import { NETWORK_LIMITS, resolveLimits } from '../src/constants.ts'
import { ControlLane } from '../src/control-lane.ts'
import { deliveryRecordsOf } from '../src/gossipsub-records.ts'
import { resolvePrivateKey } from '../src/identity.ts'
import { SILENT_LOGGER } from '../src/logger.ts'
import { Multicast } from '../src/multicast.ts'
import { bytes, Member, startCluster, stopAll, until } from './support/member.ts'
import { closeProxies, TcpProxy } from './support/proxy.ts'

const KIB = 1024
const portOf = (member: Member): number => Number(member.address.split('/')[4])

/** A multicast on a bare libp2p, whose streams a test can get at. */
class Bare {
  readonly frames: string[] = []
  readonly subscribers: number[] = []
  readonly multicast: Multicast
  readonly libp2p: Libp2p
  pubsub: unknown

  static async start(): Promise<Bare> {
    const limits = resolveLimits({ zombieMs: 500 })
    const frameId = (frame: Uint8Array): Uint8Array => frame
    const multicast = new Multicast({ clusterName: 'test', shardCount: 4, limits, frameId, logger: SILENT_LOGGER })
    const libp2p = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      services: { identify: identify(), pubsub: multicast.service },
    })
    bares.push(libp2p)
    return new Bare(multicast, libp2p)
  }

  private constructor(multicast: Multicast, libp2p: Libp2p) {
    this.multicast = multicast
    this.libp2p = libp2p
    multicast.start({
      onSubscriber: (_, shard) => this.subscribers.push(shard),
      onFrame: (_from, _shard, frame) => this.frames.push(Buffer.from(frame).toString()),
    })
    multicast.subscribe(0)
    libp2p.addEventListener('connection:open', ({ detail }) => multicast.up(detail.remotePeer.toString(), detail))
  }

  get connection(): Connection {
    return this.libp2p.getConnections()[0]!
  }

  /** Gossipsub's streams, as libp2p has them. */
  streams(direction: 'inbound' | 'outbound'): Stream[] {
    return this.connection.streams.filter(
      (stream) => stream.protocol.includes('meshsub') && stream.direction === direction,
    )
  }

  reaches(other: Bare): boolean {
    return this.multicast.publish(0, bytes(`probe ${n++}`)) === 1 && other.frames.length > 0
  }
}

let n = 0
const bares: Libp2p[] = []

const startPair = async (): Promise<[Bare, Bare]> => {
  const pair: [Bare, Bare] = [await Bare.start(), await Bare.start()]
  await pair[0].libp2p.dial(pair[1].libp2p.getMultiaddrs())
  await until(() => pair[0].reaches(pair[1]) && pair[1].reaches(pair[0]), 'frames both ways')
  for (const bare of pair) bare.frames.length = 0
  return pair
}

describe('multicast', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(async () => {
    await stopAll()
    await closeProxies()
    await Promise.all(bares.splice(0).map((libp2p) => libp2p.stop()))
  })

  it('may be published to before anybody is there, and loses nothing to a subscriber once it was told of it', async () => {
    const a = await Member.start()
    assert.equal(a.network.publish(0, bytes('to nobody')), 0)
    const b = await Member.start({ join: [a.address] })
    let sent = 0
    await until(() => {
      if (!a.hasSubscriber(b)) a.network.publish(0, bytes(`early ${sent}`))
      return a.hasSubscriber(b)
    }, 'the subscriber')
    for (; sent < 100; sent++) assert.equal(a.network.publish(0, bytes(`${sent} after`)), 1)
    await until(() => b.texts('frame', a).includes('99 after'), 'the last frame')
    const after = b.texts('frame', a).filter((text) => text.endsWith('after'))
    assert.deepEqual(
      after,
      Array.from({ length: 100 }, (_, index) => `${index} after`),
    )
  })

  it('reaches 17 peers at one address: neither the address score nor the connection limits mind', async () => {
    const hub = await Member.start()
    const peers = await Promise.all(Array.from({ length: 17 }, () => Member.start({ join: [hub.address] })))
    await until(() => peers.every((peer) => hub.hasSubscriber(peer)), 'all subscribers')
    // Scores are computed anew at each heartbeat of gossipsub; by the second frame that arrives all are.
    await until(() => {
      assert.equal(hub.network.publish(0, bytes(`frame ${n++}`)), 17)
      return peers.every((peer) => peer.count('frame', hub) >= 2)
    }, 'frames at all')
  })

  it('learns 1,024 subscriptions of a peer, in time and without ignoring any', async () => {
    const shards = Array.from({ length: 1024 }, (_, shard) => shard)
    const a = await Member.start({ shardCount: 1024, shards })
    const b = await Member.start({ shardCount: 1024, shards, join: [a.address] })
    await until(() => a.count('subscriber', b) >= 1024 && b.count('subscriber', a) >= 1024, 'all subscriptions')
    for (const shard of shards) assert.equal(a.network.publish(shard, bytes(`frame of shard ${shard}`)), 1)
    await until(() => b.count('frame', a) === 1024, 'all frames')
  })

  it('forgets who unsubscribed, and takes it back', async () => {
    const [a, b] = (await startCluster(2)) as [Member, Member]
    b.network.unsubscribe(0)
    await until(() => a.network.publish(0, bytes(`${n++}`)) === 0, 'no subscriber')
    b.network.subscribe(0)
    await until(() => a.network.publish(0, bytes(`${n++}`)) === 1, 'the subscriber')
    await until(() => a.told.at(-1)?.what === 'subscriber', 'being told')
  })

  it('does not relay: a frame goes one hop and is its sender’s', async () => {
    const b = await Member.start()
    const [a, c] = await Promise.all([Member.start({ join: [b.address] }), Member.start({ join: [b.address] })])
    await until(() => a.hasSubscriber(b) && b.hasSubscriber(c) && b.hasSubscriber(a), 'the line')
    assert.equal(a.network.publish(0, bytes('from a')), 1)
    await until(() => b.texts('frame', a).length === 1, 'one hop')
    b.network.publish(0, bytes('from b'))
    await until(() => c.texts('frame', b).length === 1, 'a later frame of the middle')
    assert.deepEqual(c.texts('frame', b), ['from b'])
    assert.equal(c.count('frame'), 1)
  })

  it('carries the largest frame, and all subscriptions with it', async () => {
    const [a, b] = (await startCluster(2)) as [Member, Member]
    const frame = new Uint8Array(NETWORK_LIMITS.frameBytesMax).fill(7)
    assert.equal(a.network.publish(0, frame), 1)
    await until(() => b.count('frame', a) === 1, 'the frame')
  })

  it('skips a peer that does not keep up, within a bounded buffer, and nobody else; it hears the rest later', async () => {
    const limits = { gossipBufferBytesMax: 256 * KIB, streamWindowBytesMax: 256 * KIB }
    const [a, slow, quick] = await Promise.all([0, 1, 2].map(() => Member.start({ limits })))
    const proxy = await TcpProxy.start(portOf(slow!))
    a!.network.setMembers(
      new Map([
        [slow!.id, [proxy.address]],
        [quick!.id, quick!.network.addresses],
      ]),
    )
    await until(() => a!.hasSubscriber(slow!) && a!.hasSubscriber(quick!), 'both')
    proxy.stall('there')
    let sent = 0
    const publish = (): number => {
      const frame = Buffer.alloc(32 * KIB)
      frame.write(`frame ${sent++}`)
      return a!.network.publish(0, frame)
    }
    await until(() => {
      const reached = publish()
      assert.ok(a!.network.bufferedBytes(slow!.id) <= limits.gossipBufferBytesMax + 64 * KIB)
      return reached === 1
    }, 'the slow one to be skipped')
    for (let k = 0; k < 20; k++) {
      assert.equal(publish(), 1)
      await until(() => a!.network.bufferedBytes(quick!.id) === 0, 'the frame to leave')
    }
    await until(() => quick!.count('frame', a!) === sent, 'all frames at the quick one')
    await until(() => a!.network.stats().counters.framesSkipped === 21, 'the count of skipped frames')

    proxy.heal()
    await until(() => publish() === 2, 'both again')
    await until(() => slow!.texts('frame', a!).some((text) => text.startsWith(`frame ${sent - 1}`)), 'the last frame')
    assert.equal(a!.count('down') + slow!.count('down'), 0, 'on the same connections')
  })

  it('has a connection cut on which frames do not move, though the peer still speaks', async () => {
    const limits = { stallMs: 500, redialMinMs: 20, redialMaxMs: 50, streamWindowBytesMax: 256 * KIB }
    const [a, b] = await Promise.all([0, 1].map(() => Member.start({ limits })))
    const proxy = await TcpProxy.start(portOf(b!))
    a!.network.setMembers(new Map([[b!.id, [proxy.address]]]))
    await until(() => a!.hasSubscriber(b!), 'the subscriber')
    proxy.stall('there')
    await until(() => {
      a!.network.publish(0, Buffer.alloc(64 * KIB, `frame ${n++}`))
      return a!.network.stats().counters.stalledClosed === 1
    }, 'the cut')
    proxy.heal()
    await until(() => a!.isUp(b!) && a!.count('down', b!) >= 1, 'a new connection')
  })

  it('counts in advance whom the frames of one turn are too many for', async () => {
    const limits = { gossipBufferBytesMax: 256 * KIB, frameBytesMax: 64 * KIB }
    const [a, b] = (await startCluster(2, { limits })) as [Member, Member]
    const counts = Array.from({ length: 12 }, (_, k) => a.network.publish(0, Buffer.alloc(64 * KIB, `frame ${k}`)))
    const reached = counts.filter((count) => count === 1).length
    assert.deepEqual(counts, counts.toSorted().toReversed(), 'the first ones fit')
    assert.ok(reached >= 4 && reached < 12)
    await until(() => b.count('frame', a) >= reached, 'at least the frames that were counted')
  })

  it('gets a new stream when gossipsub has lost the one it writes to', async () => {
    const [a, b] = await startPair()
    a.subscribers.length = 0
    a.streams('outbound')[0]!.abort(new Error('lost'))
    await until(() => a.multicast.publish(0, bytes(`probe ${n++}`)) === 0, 'the loss')
    await until(() => {
      assert.deepEqual(a.multicast.watch(), [])
      return a.reaches(b)
    }, 'frames again')
    assert.ok(a.subscribers.includes(0), 'and says so, since frames were lost')
  })

  it('gets a new stream when the other side stopped reading, which gossipsub does not notice', async () => {
    const [a, b] = await startPair()
    // A length of more than gossipsub accepts: it drops the peer, and keeps the connection.
    a.streams('outbound')[0]!.send(Buffer.from('ffffffff0f', 'hex'))
    await until(() => b.streams('inbound').length === 0 || b.multicast.publish(0, bytes(`${n++}`)) === 0, 'the loss')
    b.frames.length = 0
    await until(() => {
      assert.deepEqual(b.multicast.watch(), [])
      assert.deepEqual(a.multicast.watch(), [])
      return a.reaches(b)
    }, 'frames again')
  })

  it('names a peer a zombie when it gets no stream to it', async () => {
    const [a, b] = await startPair()
    const protocols = b.libp2p.getProtocols().filter((protocol) => protocol.includes('meshsub'))
    await b.libp2p.unhandle(protocols)
    a.streams('outbound')[0]!.abort(new Error('lost'))
    let sick: ReturnType<Multicast['watch']> = []
    await until(() => {
      sick = a.multicast.watch()
      return sick.length > 0
    }, 'the zombie')
    assert.deepEqual(
      sick.map(({ nodeId, reason }) => ({ nodeId, reason })),
      [{ nodeId: b.libp2p.peerId.toString(), reason: 'ZOMBIE' }],
    )
  })

  it('keeps no record of the frames it received, though gossipsub would for two minutes', async () => {
    const [a, b] = await startPair()
    const records = deliveryRecordsOf((b.libp2p.services as Record<string, unknown>)['pubsub'])
    assert.ok(records !== undefined, 'gossipsub keeps its delivery records elsewhere now: see gossipsub-records.ts')
    for (let k = 0; k < 50; k++) a.multicast.publish(0, bytes(`counted ${k}`))
    await until(() => b.frames.filter((text) => text.startsWith('counted')).length === 50, 'the frames')
    assert.ok(records.queue.length > 0, 'the records are where they are looked for')
    await until(() => records.queue.length === 0, 'the records to go')
  })

  it('has a connection cut and made anew when the peer takes no gossipsub stream', async () => {
    const a = await Member.start({ limits: { zombieMs: 500, redialMinMs: 20, redialMaxMs: 50 } })
    const { privateKey, nodeId } = await generateIdentity()
    // It says hello, and knows no gossipsub.
    const zombie = await createLibp2p({
      privateKey: await resolvePrivateKey(privateKey),
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      services: { identify: identify() },
    })
    bares.push(zombie)
    const sayHello = (stream: Stream, opener: boolean): void => {
      const hello = { version: 1, shardCount: 8, clusterName: 'reprise' }
      const nowMs = (): number => performance.now()
      const init = { stream, peer: a.id, hello, opener, limits: NETWORK_LIMITS, nowMs }
      new ControlLane(init, { onOpen: () => {}, onMessage: () => {}, onEnd: () => {} })
    }
    await zombie.handle('/reprise/reprise/control/1', (stream) => sayHello(stream, false))
    await zombie.handle('/reprise/reprise/bulk/1', () => {})
    zombie.addEventListener('connection:open', ({ detail }) => {
      if (nodeId > a.id) return
      detail.newStream(['/reprise/reprise/control/1']).then(
        (stream) => sayHello(stream, true),
        () => {},
      )
    })
    a.network.setMembers(new Map([[nodeId, zombie.getMultiaddrs().map(String)]]))
    await until(() => a.network.stats().counters.zombiesClosed >= 2, 'two cuts')
    assert.equal(a.told.filter((told) => told.what === 'down' && told.peer === nodeId).length >= 2, true)
    assert.equal(multiaddr(zombie.getMultiaddrs()[0]!).toString().endsWith(nodeId), true)
  })
})
