/**
 * Strangers at the door, and members that misbehave. What counts is what the server saw: nobody became a peer, what they took
 * is given back, and its members are served meanwhile.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { NETWORK_LIMITS, STREAMS_PER_CONNECTION_MAX } from '../src/constants.ts'
import { encodeLength } from '../src/framing.ts'
import { bytes, Member, startCluster, stopAll, until } from './support/member.ts'
import { PROTOCOLS, Stranger, stopStrangers } from './support/stranger.ts'

const SECRET = 'a secret of more than sixteen bytes'
const QUICK = { dialMs: 500, helloMs: 500, redialMinMs: 20, redialMaxMs: 50 }
/** A length of more than any lane takes, and one that its bytes never follow. */
const OVERSIZED = encodeLength(2 ** 31)

/** A message of 64 KiB, which comes byte by byte. */
const DRIP = Buffer.concat([encodeLength(65_536), Buffer.alloc(65_536)])
const OURS = PROTOCOLS.filter((protocol) => protocol.startsWith('/reprise'))

/** A frame from one member reaches the other: they are being served. */
const assertServes = async (from: Member, to: Member): Promise<void> => {
  const text = `frame ${randomBytes(4).toString('hex')}`
  // A frame may be skipped while the stream is new; a later one is not.
  await until(() => {
    from.network.publish(0, bytes(`${text}-${performance.now()}`))
    return to.texts('frame', from).some((seen) => seen.startsWith(text))
  }, 'a frame between members')
}

const tcpSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

const portOf = (member: Member): number => Number(member.address.split('/')[4])

describe('strangers', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(30_000)

  afterEach(async () => {
    await stopStrangers()
    await stopAll()
  })

  /** Two members, of which the first is the one that strangers come to. */
  const startPair = async (secret?: string): Promise<[Member, Member]> => {
    return (await startCluster(2, { limits: QUICK, secret })) as [Member, Member]
  }

  /** The server has nothing of strangers any more, and nobody but its member was ever a peer. */
  const assertAlone = async (server: Member, member: Member): Promise<void> => {
    await until(() => server.network.stats().connections === 1, 'their connections to be closed')
    assert.deepEqual(server.network.peers, [member.id])
    assert.deepEqual(new Set(server.told.map(({ peer }) => peer)), new Set([member.id]))
    assert(server.isUp(member) && server.count('down', member) === 0, 'the member stayed all the while')
  }

  it('that send garbage to the port are closed, and are told nothing', async () => {
    const [server, member] = await startPair(SECRET)
    const garbage = [
      randomBytes(64),
      randomBytes(100_000),
      Buffer.alloc(100_000),
      Buffer.from('GET / HTTP/1.1\r\nhost: server\r\n\r\n'),
      Buffer.from('\u0013/multistream/1.0.0\n\u0009/tls/1.0.0\n'),
      Buffer.from('16030100c8010000c40303', 'hex'),
      Buffer.alloc(1),
    ]
    const before = tcpSockets()
    let heard = 0
    const sockets = Array.from({ length: 8 * garbage.length }, (_, n): Socket => {
      const socket = connect(portOf(server), '127.0.0.1')
      socket
        .on('error', () => {})
        .on('data', (chunk) => {
          heard += chunk.length
        })
      socket.write(garbage[n % garbage.length] as Buffer)
      return socket
    })
    await assertServes(member, server)
    await until(() => sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded), 'all to be closed')
    for (const socket of sockets) socket.destroy()
    // A nonce of 24 bytes, and what the ciphered offer of an encryption takes.
    assert(heard <= 100 * sockets.length, `${heard} bytes for ${sockets.length} strangers`)
    await until(() => tcpSockets() <= before, 'the sockets to be given back')
    await assertAlone(server, member)
  })

  it('that keep 500 idle connections get no more than are bounded, and a member gets in all the same', async () => {
    const [server, member] = await startPair(SECRET)
    const before = tcpSockets()
    const sockets = Array.from({ length: 500 }, () => connect(portOf(server), '127.0.0.1').on('error', () => {}))
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    for (const socket of sockets) socket.resume()
    const late = await Member.start({ secret: SECRET, limits: QUICK, join: [server.address] })
    await assertServes(member, server)
    await until(() => server.isUp(late), 'the member that came late')
    await until(() => sockets.every(({ destroyed, readableEnded }) => destroyed || readableEnded), 'all to be closed')
    for (const socket of sockets) socket.destroy()
    await late.network.stop()
    await until(() => tcpSockets() <= before, 'the sockets to be given back')
    await until(() => server.network.stats().connections === 1, 'the member to be all there is')
  })

  for (const isOpener of [true, false]) {
    const order = isOpener ? 'lower' : 'higher'

    it(`of a ${order} id that say nothing on 20 connections are cut, and no member is`, async () => {
      const [server, member] = await startPair()
      const stranger = await Stranger.start(server, { isOpener })
      // Its own side of the protocols, with nobody there: the server's streams are taken and never answered.
      await stranger.libp2p.handle(OURS, () => {})
      await Promise.allSettled(Array.from({ length: 20 }, () => stranger.connect()))
      await until(() => server.network.stats().connections > 1, 'the server to notice them')
      await assertServes(member, server)
      await assertAlone(server, member)
    })

    it(`of a ${order} id that open every protocol many times and drip bytes are cut, and no member is`, async () => {
      const [server, member] = await startPair()
      const stranger = await Stranger.start(server, { isOpener })
      // They take the streams that are opened to them, too, and leave them unanswered.
      await stranger.libp2p.handle(OURS, () => {})
      const connection = await stranger.connect()
      const streams: Stream[] = []
      for (const protocol of PROTOCOLS) {
        const opened = Array.from({ length: 8 }, () => stranger.open(connection, protocol, [DRIP.subarray(0, 1)]))
        streams.push(...(await Promise.all(opened)).filter((stream) => stream !== undefined))
      }
      const isOpen = ({ status }: Stream): boolean => status === 'open'
      await until(() => streams.filter(isOpen).length <= STREAMS_PER_CONNECTION_MAX, 'what is too many to be reset')
      for (let n = 1; connection.status === 'open'; n++) {
        for (const stream of streams.filter(isOpen)) stream.send(DRIP.subarray(n, n + 1))
        await assertServes(member, server)
      }
      await assertAlone(server, member)
    })

    it(`of a ${order} id that send garbage on every protocol are cut, and no member is`, async () => {
      const [server, member] = await startPair()
      for (const pieces of [[randomBytes(3), randomBytes(5_000)], [OVERSIZED], [Buffer.alloc(70_000)]]) {
        const stranger = await Stranger.start(server, { isOpener })
        const connection = await stranger.connect()
        await Promise.all(PROTOCOLS.map((protocol) => stranger.open(connection, protocol, pieces)))
        await assertServes(member, server)
        await until(() => connection.status !== 'open', 'the connection to be cut')
        assert(stranger.bytesHeard < 10_000, `${stranger.bytesHeard} bytes, which are who the server is`)
      }
      await assertAlone(server, member)
    })
  }

  describe('that said a proper hello and then', () => {
    const header = (length: number, kind: number): Buffer => Buffer.concat([encodeLength(length), Buffer.of(kind)])
    const offences: Readonly<Record<string, readonly Uint8Array[]>> = {
      'announce a control message over the limit': [header(NETWORK_LIMITS.controlMessageBytesMax + 2, 1)],
      'announce one of 2^32 - 1 bytes': [header(2 ** 32 - 1, 1)],
      'send one of no bytes': [encodeLength(0)],
      'send one of an unknown kind': [header(2, 9), Buffer.alloc(1)],
      'send a second hello': [header(2, 0), Buffer.alloc(1)],
      'send a ping that is too short': [header(2, 2), Buffer.alloc(1)],
    }
    for (const [what, pieces] of Object.entries(offences)) {
      it(`${what} are cut`, async () => {
        const server = await Member.start({ limits: QUICK })
        const stranger = await Stranger.start(server, { isOpener: true })
        const { control, connection } = await stranger.becomePeer()
        await until(() => server.network.peers.length === 1, 'the hello')
        for (const piece of pieces) control.send(piece)
        await until(() => server.network.peers.length === 0, 'the cut')
        await until(() => connection.status !== 'open', 'the end of the connection')
        assert.equal(server.network.stats().connections, 0)
        assert.deepEqual(
          server.told.map(({ what }) => what),
          ['up', 'down'],
        )
      })
    }

    it('announce a bulk message over the limit are cut', async () => {
      const server = await Member.start({ limits: QUICK })
      const stranger = await Stranger.start(server, { isOpener: true })
      const { connection } = await stranger.becomePeer()
      await until(() => server.network.peers.length === 1, 'the hello')
      const oversized = encodeLength(NETWORK_LIMITS.bulkMessageBytesMax + 1)
      await stranger.open(connection, '/reprise/reprise/bulk/1', [oversized])
      await until(() => server.network.stats().connections === 0, 'the cut')
    })

    it('send half a message of the largest size are kept to that, and to their connection', async () => {
      const server = await Member.start({ limits: QUICK })
      const stranger = await Stranger.start(server, { isOpener: true })
      const { control, connection } = await stranger.becomePeer()
      await until(() => server.network.peers.length === 1, 'the hello')
      const { controlMessageBytesMax, bulkMessageBytesMax, frameBytesMax } = NETWORK_LIMITS
      control.send(header(controlMessageBytesMax, 1))
      await stranger.open(connection, '/reprise/reprise/bulk/1', [encodeLength(bulkMessageBytesMax), Buffer.alloc(9)])
      for (let n = 0; n < 6; n++) {
        const pieces = [encodeLength(frameBytesMax), Buffer.alloc(9)]
        await stranger.open(connection, '/reprise/reprise/frames/1', pieces)
      }
      const member = await Member.start({ limits: QUICK, join: [server.address] })
      await until(() => server.isUp(member) && server.hasSubscriber(member), 'a member')
      await assertServes(member, server)
      await stranger.libp2p.stop()
      await until(() => server.network.stats().connections === 1, 'what is left of it to go')
    })

    it('ping without end and never read are not answered without end', async () => {
      const server = await Member.start({ limits: QUICK })
      const stranger = await Stranger.start(server, { isOpener: true })
      const { control, connection } = await stranger.becomePeer()
      await until(() => server.network.peers.length === 1, 'the hello')
      control.pause()
      const pings = Buffer.concat(Array.from({ length: 5_000 }, () => Buffer.concat([header(9, 2), Buffer.alloc(8)])))
      let waiting = 0
      for (let n = 0; n < 200 && connection.status === 'open' && control.status === 'open'; n++) {
        control.send(pings)
        await new Promise((resolve) => setImmediate(resolve))
        const [peer] = server.network.stats().peers
        waiting = Math.max(waiting, peer?.link?.bufferedBytes ?? 0)
      }
      const turn = pings.length
      assert(waiting > 0 && waiting <= NETWORK_LIMITS.controlBufferBytesMax + turn, `${waiting} bytes of answers`)
    })
  })
})
