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
import { newCounters } from '../src/carrier.ts'
import { NETWORK_LIMITS, resolveLimits, WATCH_MS } from '../src/constants.ts'
import { ControlLane } from '../src/control-lane.ts'
import { deliveryRecordsOf } from '../src/gossipsub-records.ts'
import { resolvePrivateKey } from '../src/identity.ts'
import { SILENT_LOGGER } from '../src/logger.ts'
import { Multicast } from '../src/multicast.ts'
import { bytes, Member, stopAll, until } from './support/member.ts'

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
    const multicast = new Multicast({
      clusterName: 'test',
      shardCount: 4,
      limits,
      counters: newCounters(),
      frameId,
      logger: SILENT_LOGGER,
      isElsewhere: () => false,
    })
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
      (stream) => /gossip|meshsub/.test(stream.protocol) && stream.direction === direction,
    )
  }

  /** What gossipsub knows of topics and who subscribed to them. */
  get topics(): ReadonlyMap<string, unknown> | undefined {
    const { pubsub } = this.libp2p.services as Record<string, { topics?: ReadonlyMap<string, unknown> } | undefined>
    return pubsub?.topics
  }

  reaches(other: Bare): boolean {
    return this.multicast.publish(0, bytes(`probe ${n++}`)) === 1 && other.frames.length > 0
  }
}

let n = 0
const bares: Libp2p[] = []

/** Look after a peer's streams as often as the network does, and find no one sick: a look counts for the time between two. */
const lookAt = ({ multicast }: Bare): (() => void) => {
  let lookedAtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (performance.now() < lookedAtMs + WATCH_MS) return
    lookedAtMs = performance.now()
    assert.deepEqual(multicast.watch(), [])
  }
}

const startPair = async (): Promise<[Bare, Bare]> => {
  const pair: [Bare, Bare] = [await Bare.start(), await Bare.start()]
  await pair[0].libp2p.dial(pair[1].libp2p.getMultiaddrs())
  await until(() => pair[0].reaches(pair[1]) && pair[1].reaches(pair[0]), 'frames both ways')
  for (const bare of pair) bare.frames.length = 0
  return pair
}

/** Whether frames that are sent now arrive, both ways. What is broken is mended by the watch, as often as it takes. */
const areHealed = (a: Bare, b: Bare): boolean => {
  for (const bare of [a, b]) bare.multicast.watch()
  for (const bare of [a, b]) bare.multicast.publish(0, bytes(`healed ${n++}`))
  return [a, b].every(({ frames }) => frames.some((frame) => frame.startsWith('healed')))
}

describe('multicast', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(async () => {
    await stopAll()
    await Promise.all(bares.splice(0).map((libp2p) => libp2p.stop()))
  })

  it('gets a new stream when gossipsub has lost the one it writes to', async () => {
    const [a, b] = await startPair()
    a.subscribers.length = 0
    a.streams('outbound')[0]!.abort(new Error('lost'))
    await until(() => a.multicast.publish(0, bytes(`probe ${n++}`)) === 0, 'the loss')
    const look = lookAt(a)
    await until(() => {
      look()
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
    const looks = [lookAt(a), lookAt(b)]
    await until(() => {
      for (const look of looks) look()
      return a.reaches(b)
    }, 'frames again')
  })

  it('gets a new stream when gossipsub closed the one it writes to, as it does with those of a peer that it forgets', async () => {
    const [a, b] = await startPair()
    void a.streams('outbound')[0]!.close()
    const look = lookAt(a)
    await until(() => {
      look()
      return a.reaches(b)
    }, 'frames again')
  })

  it('names a peer a zombie when it gets no stream to it', async () => {
    const [a, b] = await startPair()
    const protocols = b.libp2p.getProtocols().filter((protocol) => /gossip|meshsub/.test(protocol))
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

  it('[pitfall 45] keeps none of 10,000 topics that are not of the cluster, and publishes to none of them', async () => {
    const [a, b] = await startPair()
    const stream = await a.connection.newStream(['/reprise/test/gossip/1'])
    const topics = b.topics
    assert(topics instanceof Map, 'gossipsub keeps its topics elsewhere now')
    // As many in one message as are allowed, so that it is the topics that are refused and not the message.
    for (let n = 0; n < 10_000; n += 4) {
      const names = [0, 1, 2, 3].map((k) => `/reprise/another/1/shard/${n + k}`)
      stream.send(encodeSubscriptions(names))
    }
    stream.send(encodeSubscriptions(['/reprise/test/1/shard/3']))
    await until(() => topics.has('/reprise/test/1/shard/3'), 'the last one, which is of the cluster')
    const foreign = [...topics.keys()].filter((topic) => topic.includes('another'))
    assert.deepEqual(foreign, [])
    await until(() => areHealed(a, b), 'frames both ways')
  })

  it('drops a peer whose one message names more topics than there are, and finds it again', async () => {
    const [a, b] = await startPair()
    const stream = await a.connection.newStream(['/reprise/test/gossip/1'])
    stream.send(encodeSubscriptions(Array.from({ length: 10_000 }, (_, n) => `/reprise/test/1/shard/${n}`)))
    await until(() => b.multicast.publish(0, bytes(`probe ${n++}`)) === 0, 'the peer to be dropped')
    await until(() => areHealed(a, b), 'frames both ways')
    assert((b.topics?.size ?? 0) <= 4)
  })

  it('keeps no record of the frames it received, though gossipsub would for two minutes', async () => {
    const [a, b] = await startPair()
    const records = deliveryRecordsOf((b.libp2p.services as Record<string, unknown>)['pubsub'])
    assert.ok(records !== undefined, 'gossipsub keeps its delivery records elsewhere now: see gossipsub-records.ts')
    // The heartbeat that clears them may come right after some frames.
    await until(() => {
      a.multicast.publish(0, bytes(`counted ${n++}`))
      return records.queue.length > 0
    }, 'a record where they are looked for')
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

/** A gossipsub RPC with subscriptions, after libp2p's pubsub specification: `RPC.subscriptions` is field 1 of it, and has fields 1
 * (whether) and 2 (topic). Names are shorter than 124 bytes. */
const encodeSubscriptions = (topics: readonly string[]): Uint8Array => {
  const parts = topics.map((topic) => {
    const name = Buffer.from(topic)
    return Buffer.concat([Buffer.of(0x0a, 4 + name.length, 0x08, 1, 0x12, name.length), name])
  })
  const rpc = Buffer.concat(parts)
  const length: number[] = []
  for (let rest = rpc.length; ; rest >>>= 7) {
    length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80)
    if (rest < 0x80) break
  }
  return Buffer.concat([Buffer.from(length), rpc])
}
