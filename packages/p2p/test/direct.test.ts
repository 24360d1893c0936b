/** The traps of long-lived streams, each with a test that fails when it bites. */
import assert from 'node:assert/strict'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { newCounters } from '../src/carrier.ts'
import { resolveLimits } from '../src/constants.ts'
import { Direct } from '../src/direct.ts'
import { updateWindowLazily } from '../src/lazy-window.ts'
import { SILENT_LOGGER } from '../src/logger.ts'
import { corkTurns } from '../src/one-write.ts'
import { bytes, until } from './support/member.ts'

const bares: Libp2p[] = []
let n = 0

/** The carrier on a bare libp2p, whose streams a test can get at. */
class Bare {
  readonly frames: string[] = []
  readonly subscribers: number[] = []
  readonly counters = newCounters()
  readonly direct: Direct
  readonly libp2p: Libp2p

  static async start(): Promise<Bare> {
    const libp2p = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
    })
    bares.push(libp2p)
    const bare = new Bare(libp2p)
    bare.direct.subscribe(0)
    await bare.direct.start(libp2p, {
      onSubscriber: (_, shard) => bare.subscribers.push(shard),
      onFrame: (_from, _shard, frame) => bare.frames.push(Buffer.from(frame).toString()),
    })
    return bare
  }

  private constructor(libp2p: Libp2p) {
    this.libp2p = libp2p
    const limits = resolveLimits({ zombieMs: 500 })
    const common = { clusterName: 'test', shardCount: 4, limits, counters: this.counters, logger: SILENT_LOGGER }
    this.direct = new Direct({ ...common, sendsTo: () => true })
  }

  get connection(): Connection {
    return this.libp2p.getConnections()[0]!
  }

  streams(direction: 'inbound' | 'outbound'): Stream[] {
    const isOurs = (stream: Stream): boolean => stream.protocol.includes('/frames/') && stream.direction === direction
    return this.connection.streams.filter(isOurs)
  }

  up(): void {
    this.direct.up(this.connection.remotePeer.toString(), this.connection)
  }

  publish(): number {
    return this.direct.publish(0, bytes(`frame ${n++}`))
  }

  reaches(other: Bare): boolean {
    return this.publish() === 1 && other.frames.length > 0
  }
}

const startPair = async (): Promise<[Bare, Bare]> => {
  const pair: [Bare, Bare] = [await Bare.start(), await Bare.start()]
  await pair[0].libp2p.dial(pair[1].libp2p.getMultiaddrs())
  await until(() => pair[1].libp2p.getConnections().length === 1, 'the connection at both ends')
  return pair
}

const startUp = async (): Promise<[Bare, Bare]> => {
  const pair = await startPair()
  for (const bare of pair) bare.up()
  await until(() => pair[0].reaches(pair[1]) && pair[1].reaches(pair[0]), 'frames both ways')
  for (const bare of pair) bare.frames.length = 0
  return pair
}

const openAny = (bare: Bare): Promise<Stream> => bare.connection.newStream(['/reprise/test/frames/1'])

describe('direct streams', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(async () => {
    await Promise.all(bares.splice(0).map((libp2p) => libp2p.stop()))
  })

  it('carry all frames of one turn in one write', async () => {
    const [a, b] = await startUp()
    const [stream] = a.streams('outbound')
    let sends = 0
    stream!.addEventListener('idle', () => sends++)
    for (let k = 0; k < 50; k++) assert.equal(a.direct.publish(0, bytes(`batch ${k}`)), 1)
    await until(() => b.frames.filter((text) => text.startsWith('batch')).length === 50, 'all frames')
    assert.equal(sends, 1)
  })

  it('are opened anew when they are lost, and the subscriptions are told again', async () => {
    const [a, b] = await startUp()
    a.subscribers.length = 0
    a.streams('outbound')[0]!.abort(new Error('lost'))
    assert.equal(a.publish(), 0)
    await until(() => {
      assert.deepEqual(a.direct.watch(), [])
      return a.reaches(b)
    }, 'frames again')
    assert.deepEqual(a.subscribers, [0])
  })

  it('are opened anew when the other side stopped reading, and none stays half closed', async () => {
    const [a, b] = await startUp()
    await b.streams('inbound')[0]!.close()
    await until(() => a.streams('outbound').length === 0 && b.streams('inbound').length === 0, 'the end of both ends')
    await until(() => {
      a.direct.watch()
      return a.reaches(b)
    }, 'frames again')
  })

  it('end when what comes on them is not of the protocol', async () => {
    const [a, b] = await startUp()
    a.streams('outbound')[0]!.send(Buffer.from('ffffffff0f', 'hex'))
    await until(() => b.streams('inbound').length === 0 && a.publish() === 0, 'the end of the stream')
    b.streams('outbound')[0]!.addEventListener('close', () => b.frames.push('closed'))
    a.streams('inbound')[0]!.send(Buffer.from('0000000102', 'hex'))
    await until(() => b.frames.includes('closed'), 'the end of the other')
  })

  it('bring nothing of who is connected and not admitted, and tell it nothing', async () => {
    const [a, b] = await startPair()
    a.up()
    await until(() => b.streams('inbound').length === 1, 'the stream')
    assert.equal(a.publish(), 0, 'it knows no subscription')
    a.streams('outbound')[0]!.send(Buffer.from('0000000300006a', 'hex'))
    await until(() => b.counters.foreignFrames === 1, 'the foreign frame')
    assert.deepEqual(b.frames, [])
    b.up()
    await until(() => a.reaches(b), 'frames when it is admitted')
  })

  it('name a peer a zombie that takes none', async () => {
    const [a, b] = await startUp()
    await b.libp2p.unhandle('/reprise/test/frames/1')
    a.streams('outbound')[0]!.abort(new Error('lost'))
    let sick: ReturnType<Direct['watch']> = []
    await until(() => {
      sick = a.direct.watch()
      return sick.length > 0
    }, 'the zombie')
    assert.deepEqual(
      sick.map(({ nodeId, reason }) => ({ nodeId, reason })),
      [{ nodeId: b.libp2p.peerId.toString(), reason: 'ZOMBIE' }],
    )
  })
})

describe('window updates', () => {
  it('are sent first, and then when half of the window is used', () => {
    let sent = 0
    const stream = {
      recvWindow: 100,
      recvWindowCapacity: 100,
      sendWindowUpdate: () => {
        sent++
        stream.recvWindowCapacity = stream.recvWindow
      },
    }
    assert.equal(updateWindowLazily(stream), true)
    const read = (bytes: number): void => {
      stream.recvWindowCapacity -= bytes
      stream.sendWindowUpdate()
    }
    read(1)
    assert.equal(sent, 1)
    for (let k = 0; k < 49; k++) read(1)
    assert.equal(sent, 1)
    read(1)
    assert.equal(sent, 2)
  })

  it('are found in the streams of libp2p where they are looked for', async () => {
    const [a] = await startPair()
    const [stream] = a.connection.streams.length > 0 ? a.connection.streams : [await openAny(a)]
    assert.equal(updateWindowLazily(stream!), true)
    await Promise.all(bares.splice(0).map((libp2p) => libp2p.stop()))
  })
})

describe('writing once per turn', () => {
  it('corks a socket from the first write of a turn until its promises have run', async () => {
    const calls: string[] = []
    const socket = { cork: () => calls.push('cork'), uncork: () => calls.push('uncork') }
    const connection = { socket, sendData: (data: unknown) => calls.push(String(data)) }
    assert.equal(corkTurns(connection), true)
    await Promise.resolve()
    connection.sendData('a')
    await Promise.resolve()
    connection.sendData('b')
    await new Promise((resolve) => setImmediate(resolve))
    connection.sendData('c')
    assert.deepEqual(calls, ['cork', 'a', 'b', 'uncork', 'cork', 'c'])
  })

  it('leaves a connection alone that has no socket', () => {
    assert.equal(corkTurns({}), false)
  })

  it('finds the sockets of libp2p where they are looked for', async () => {
    const found: boolean[] = []
    const encrypter = tls()
    const looking = (components: Parameters<typeof encrypter>[0]): ReturnType<typeof encrypter> => {
      const made = encrypter(components)
      const secure = made.secureOutbound.bind(made)
      made.secureOutbound = async (connection: object, options?: object) => {
        found.push(corkTurns(connection))
        const secured = await secure(connection as never, options)
        found.push(corkTurns(secured.connection))
        return secured
      }
      return made
    }
    const make = (): Promise<Libp2p> =>
      createLibp2p({
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()],
        connectionEncrypters: [looking],
        streamMuxers: [yamux()],
      })
    const [a, b] = await Promise.all([make(), make()])
    try {
      await a.dial(b.getMultiaddrs())
      assert.deepEqual(found, [true, true])
    } finally {
      await Promise.all([a.stop(), b.stop()])
    }
  })
})
