/** Links through proxies, seen by plain sockets at both ends. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { UsageError } from '@reprise/core'
import { allLinks, ProxyLinks } from '../../src/index.ts'
import { settled, until } from '../support/until.ts'

const SEED = 11
const MEBIBYTE = 1 << 20

/** A member that listens, and remembers who came and what each of them sent. */
class Listener {
  readonly server: Server
  readonly connections: Peer[] = []

  constructor() {
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.connections.push(new Peer(socket)))
  }

  static async start(): Promise<Listener> {
    const listener = new Listener()
    listener.server.listen(0, '127.0.0.1')
    await once(listener.server, 'listening')
    return listener
  }

  get target(): { host: string; port: number } {
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port }
  }

  stop(): void {
    this.server.close()
    for (const { socket } of this.connections) socket.destroy()
  }
}

/** One end of a connection. */
class Peer {
  readonly socket: Socket
  text = ''
  bytes = 0
  readonly hash = createHash('sha256')
  hasEnded = false
  error: NodeJS.ErrnoException | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length
      this.hash.update(chunk)
      if (this.bytes < 4_096) this.text += chunk.toString()
    })
    socket.on('end', () => {
      this.hasEnded = true
    })
    socket.on('error', (error) => {
      this.error = error
    })
  }
}

describe('links through proxies', function () {
  this.timeout(30_000)

  let links: ProxyLinks
  let member: Listener
  const dialled: Peer[] = []

  beforeEach(async () => {
    links = await ProxyLinks.open({ members: 3, seed: SEED })
    member = await Listener.start()
    links.setTarget(1, member.target)
  })

  afterEach(async () => {
    await links.close()
    member.stop()
    for (const { socket } of dialled.splice(0)) socket.destroy()
  })

  /** Member 0 dials member 1. */
  function dial(): Peer {
    const peer = new Peer(connect({ host: '127.0.0.1', port: links.route(0, 1), allowHalfOpen: true }))
    dialled.push(peer)
    return peer
  }

  /** Both ends of a connection that member 0 dialled, after a first message each way. */
  async function connection(): Promise<{ here: Peer; there: Peer }> {
    const here = dial()
    here.socket.write('hello')
    await until(() => member.connections.at(-1)?.text === 'hello', 'the hello')
    const there = member.connections.at(-1)!
    there.socket.write('welcome')
    await until(() => here.text === 'welcome', 'the answer')
    return { here, there }
  }

  it('carry bytes as they are, both ways at once, and each direction ends by itself', async () => {
    const { here, there } = await connection()
    const [up, down] = [randomBytes(3 * MEBIBYTE), randomBytes(5 * MEBIBYTE)]
    here.socket.end(up)
    await until(() => there.hasEnded, 'the end of one direction')
    there.socket.end(down)
    await until(() => here.hasEnded, 'the end of the other')
    const hashOf = (first: string, bytes: Buffer): string =>
      createHash('sha256').update(first).update(bytes).digest('hex')
    assert.equal(there.hash.digest('hex'), hashOf('hello', up))
    assert.equal(here.hash.digest('hex'), hashOf('welcome', down))
  })

  it('keep the order of bytes under jitter, loss and little bandwidth, and through changes of all three', async () => {
    const { here, there } = await connection()
    await links.impair(allLinks(3), { delayMs: 5, jitterMs: 5, lossRate: 0.01, bytesPerSecond: 4 * MEBIBYTE })
    const up = randomBytes(MEBIBYTE)
    here.socket.end(up)
    await until(() => there.bytes > 200_000, 'a part')
    await links.impair([{ from: 0, to: 1 }], { delayMs: 1, jitterMs: 1 })
    await until(() => there.hasEnded, `the end, seed ${SEED}`)
    assert.equal(there.hash.digest('hex'), createHash('sha256').update('hello').update(up).digest('hex'))
  })

  it('stall one direction of an open connection, whoever dialled it, and lose nothing', async () => {
    const { here, there } = await connection()
    await links.cut([{ from: 1, to: 0 }])
    there.socket.write(' and more')
    here.socket.write(', are you there?')
    await until(() => there.text === 'hello, are you there?', 'the direction that is not cut')
    assert.equal(here.text, 'welcome')
    await links.heal([{ from: 1, to: 0 }])
    await until(() => here.text === 'welcome and more', 'what was held back')
  })

  it('leave the links of others alone', async () => {
    const other = await Listener.start()
    try {
      links.setTarget(2, other.target)
      await links.cut(allLinks(3).filter(({ from, to }) => from === 1 || to === 1))
      const peer = new Peer(connect(links.route(0, 2), '127.0.0.1'))
      dialled.push(peer)
      peer.socket.write('hello')
      await until(() => other.connections[0]?.text === 'hello', 'the hello')
    } finally {
      other.stop()
    }
  })

  it('tell nobody over a cut link that the other side is gone, until it is healed', async () => {
    const { here, there } = await connection()
    await links.cut(allLinks(3))
    here.socket.resetAndDestroy()
    there.socket.write('still there?')
    await settled(() => there.bytes, 'what is heard')
    assert.equal(there.error, undefined)
    assert.equal(there.hasEnded, false)
    await links.heal()
    await until(() => there.error !== undefined, 'the news')
    assert.equal(there.error!.code, 'ECONNRESET')
  })

  it('let new connections hang while either direction is cut, and go on after that', async () => {
    await links.cut([{ from: 1, to: 0 }])
    const peer = dial()
    peer.socket.write('hello')
    await once(peer.socket, 'connect')
    const givenUp = dial()
    givenUp.socket.write('never mind')
    await once(givenUp.socket, 'connect')
    givenUp.socket.destroy()
    await settled(() => member.connections.length, 'connections')
    assert.equal(member.connections.length, 0)
    await links.heal()
    await until(() => member.connections.length > 0, 'the connection that hung')
    await until(() => member.connections[0]!.text === 'hello', 'what it said')
    await settled(() => member.connections.length, 'connections')
    assert.equal(member.connections.length, 1, 'who gave up is never heard of')
  })

  it('read no more than they may keep while the other side does not read', async () => {
    const { here, there } = await connection()
    there.socket.pause()
    const total = 64 * MEBIBYTE
    here.socket.write(randomBytes(total))
    here.socket.end()
    await settled(() => here.socket.writableLength, 'what was sent')
    assert.ok(here.socket.writableLength > 0, 'the sender is held up')
    there.socket.resume()
    await until(() => there.hasEnded, 'the end')
    assert.equal(there.bytes, total + 'hello'.length)
  })

  it('keep what waits on a slow line within a bound', async () => {
    const { here, there } = await connection()
    await links.impair([{ from: 0, to: 1 }], { bytesPerSecond: 50_000 })
    here.socket.end(randomBytes(32 * MEBIBYTE))
    await until(() => there.bytes > 10_000, 'a first part')
    assert.ok(here.socket.writableLength > 0, 'the sender is held up')
    await links.heal()
    await until(() => there.hasEnded, 'the rest at once')
    assert.equal(there.bytes, 32 * MEBIBYTE + 'hello'.length)
  })

  it('refuse who dials a member that is not there', async () => {
    links.setTarget(1, undefined)
    const nobody = dial()
    await until(() => nobody.error !== undefined, 'the refusal')
    assert.equal(nobody.error!.code, 'ECONNRESET')
    const gone = await Listener.start()
    const { target } = gone
    gone.stop()
    links.setTarget(1, target)
    const closed = dial()
    await until(() => closed.error !== undefined, 'the refusal')
    assert.equal(closed.error!.code, 'ECONNRESET')
  })

  it('take what they can, and nothing else', async () => {
    assert.deepEqual([...links.can].sort(), ['bytesPerSecond', 'delayMs', 'jitterMs', 'lossRate'])
    await assert.rejects(links.impair(allLinks(3), { duplicateRate: 0.1 }), UsageError)
    await assert.rejects(links.impair(allLinks(3), { lossRate: 1.5 }), UsageError)
    await assert.rejects(links.cut([{ from: 0, to: 3 }]), UsageError)
    await assert.rejects(links.cut([{ from: 1, to: 1 }]), UsageError)
  })

  it('end every connection when they are closed, cut or not, and can be closed twice', async () => {
    const { here, there } = await connection()
    await links.cut([{ from: 0, to: 1 }])
    const hung = dial()
    await once(hung.socket, 'connect')
    await links.close()
    await links.close()
    await until(() => here.socket.destroyed || here.hasEnded || here.error !== undefined, 'the end here')
    await until(() => there.hasEnded || there.error !== undefined, 'the end there')
    await until(() => hung.hasEnded || hung.error !== undefined, 'the end of what hung')
  })
})
