import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { type ConnectionOptions, connect, type Server, type TLSSocket } from 'node:tls'
import type { ClientHello } from '../src/client-hello.ts'
import { Front, type FrontInit } from '../src/front.ts'
import { ownConnectionListener } from '../src/server-internals.ts'
import { StatsCounter } from '../src/stats.ts'
import { CutSocket, everyBytes, firstFlight, inRecords, messageOf, piecesOf } from './support/first-flight.ts'
import { closeServer, KINDS, type Kind, listen, makeServer, only, until, visit } from './support/servers.ts'

interface Fronted extends AsyncDisposable {
  readonly server: Server
  readonly port: number
  readonly front: Front
  readonly stats: StatsCounter
  readonly hellos: ClientHello[]
  /** TCP sockets, newest last. */
  readonly sockets: Socket[]
  readonly secure: TLSSocket[]
  readonly errors: Error[]
}

/** A server behind a front that waits for nothing. */
async function fronted(
  init: Partial<FrontInit> = {},
  options: { readonly kind?: Kind; readonly server?: Server } = {},
): Promise<Fronted> {
  const server = options.server ?? makeServer(options.kind ?? 'tls')
  const stats = new StatsCounter()
  const hellos: ClientHello[] = []
  const onHello: FrontInit['onHello'] = (_socket, hello) => {
    hellos.push(hello)
    return { ready: undefined, handOver: (deliver) => deliver() }
  }
  const front = new Front({ server, stats, onHello, proxyFrom: undefined, helloDeadlineMs: 5_000, ...init })
  front.open()
  const sockets: Socket[] = []
  const secure: TLSSocket[] = []
  const errors: Error[] = []
  server.on('connection', (socket) => sockets.push(socket))
  server.on('secureConnection', (socket) => secure.push(socket))
  server.on('tlsClientError', (error) => errors.push(error))
  const port = await listen(server)
  const dispose = async (): Promise<void> => {
    front.close()
    for (const socket of sockets) socket.destroy()
    await closeServer(server)
  }
  return { server, port, front, stats, hellos, sockets, secure, errors, [Symbol.asyncDispose]: dispose }
}

/** Visit with a first flight in pieces, each of which the server sees on its own. */
async function visitInPieces(
  { port, sockets }: Fronted,
  cut: (flight: Buffer) => readonly Buffer[],
  options: ConnectionOptions = {},
): Promise<void> {
  const before = sockets.length
  const arrived = (byteCount: number): Promise<void> =>
    until(() => sockets.length > before && (sockets[before]?.bytesRead ?? 0) >= byteCount)
  const { text } = await visit(port, { ...options, socket: new CutSocket(port, { cut, arrived }) })
  assert.match(text, /hello/)
}

const small = { ...only('TLSv1.3'), ecdhCurve: 'X25519' } as const

describe('Front', () => {
  for (const kind of KINDS) {
    it(`reads the ClientHello of a connection to ${kind} and hands it over`, async () => {
      await using server = await fronted({}, { kind })
      assert.match((await visit(server.port)).text, /hello/)
      assert.equal(server.hellos[0]?.serverName, 'service.test')
      assert.equal(server.stats.hellos.read, 1)
    })
  }

  it('works however TCP cuts the ClientHello: two pieces that meet at every byte', async () => {
    await using server = await fronted()
    const { length } = await firstFlight(small)
    for (let cut = 1; cut < length; cut++) await visitInPieces(server, (flight) => piecesOf(flight, [cut]), small)
    assert.equal(server.stats.hellos.read, length - 1)
  }).timeout(20_000)

  it('works however the ClientHello is cut into records: two that meet at every byte', async () => {
    await using server = await fronted()
    const { length } = messageOf(await firstFlight(small))
    for (let cut = 1; cut < length; cut++) {
      await visitInPieces(server, (flight) => [inRecords(messageOf(flight), [cut])], small)
    }
    assert.equal(server.stats.hellos.read, length - 1)
    assert.ok(server.hellos.every(({ fragmented }) => fragmented))
  }).timeout(20_000)

  it('waits for a client that sends byte by byte', async () => {
    await using server = await fronted()
    await visitInPieces(server, (flight) => piecesOf(flight, everyBytes(flight.length, 1)), small)
    assert.equal(server.stats.hellos.read, 1)
  })

  it('reads a ClientHello of 64 KiB', async () => {
    await using server = await fronted()
    const ALPNProtocols = Array.from({ length: 255 }, (_, index) => String(index).padEnd(250, 'x'))
    assert.match((await visit(server.port, { ALPNProtocols })).text, /hello/)
    assert.equal(server.stats.hellos.read, 1)
    assert.ok(server.sockets[0]!.bytesRead > 64_000)
  })

  it('leaves garbage to the server, which says so, and serves on', async () => {
    await using server = await fronted()
    for (const garbage of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0]),
      Buffer.alloc(99),
    ]) {
      const count = server.errors.length
      const socket = connectTcp(server.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(garbage)
      socket.resume()
      await until(() => server.errors.length > count)
      socket.destroy()
    }
    assert.equal(server.stats.hellos.garbage, 3)
    assert.match((await visit(server.port)).text, /hello/)
  })

  it('leaves a ClientHello over the limit to the server', async () => {
    await using server = await fronted()
    const socket = connectTcp(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(inRecords(Buffer.concat([Buffer.from([1, 1, 100, 0]), Buffer.alloc(200)])))
    await until(() => server.stats.hellos.oversize === 1)
    socket.destroy()
    await until(() => server.errors.length === 1)
  })

  it('hands a slow client over unread when its time is up, and it is served', async () => {
    await using server = await fronted({ helloDeadlineMs: 20 })
    const arrived = async (sent: number): Promise<void> => {
      if (sent > 0) await until(() => server.stats.hellos.slow === 1)
    }
    const socket = new CutSocket(server.port, { cut: (flight) => piecesOf(flight, [100]), arrived })
    assert.match((await visit(server.port, { socket })).text, /hello/)
    assert.equal(server.stats.hellos.read, 0)
  })

  for (const [what, limits] of [
    ['connections', { peeksMax: 1, bytesMax: 1_000_000 }],
    ['bytes', { peeksMax: 100, bytesMax: 60 }],
  ] as const) {
    it(`hands over unread when too many ${what} are being read, and reads again afterwards`, async () => {
      await using server = await fronted({ limits })
      const flight = await firstFlight(small)
      const waiting = connectTcp(server.port, '127.0.0.1')
      waiting.on('error', () => {})
      waiting.write(flight.subarray(0, 50))
      await until(() => (server.sockets[0]?.bytesRead ?? 0) >= 50)
      await visitInPieces(server, (bytes) => piecesOf(bytes, [50]), small)
      assert.deepEqual([server.stats.hellos.refused, server.stats.hellos.read], [1, 0])
      waiting.destroy()
      await until(() => server.stats.hellos.closed === 1)
      const { text } = await visit(server.port, what === 'bytes' ? {} : small)
      assert.match(text, /hello/)
      if (what === 'connections') assert.equal(server.stats.hellos.read, 1)
    })
  }

  it('lets go of what it held', async () => {
    // Room for two first flights of 350 bytes: what is not let go of is over the limit soon.
    await using server = await fronted({ limits: { peeksMax: 2, bytesMax: 800 } })
    for (let count = 0; count < 10; count++) await visitInPieces(server, (flight) => piecesOf(flight, [100]), small)
    assert.deepEqual([server.stats.hellos.read, server.stats.hellos.refused], [10, 0])
  })

  for (const [how, leave] of [
    ['closes', (socket: Socket) => socket.end()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ] as const) {
    it(`reports a client that ${how} before its ClientHello as Node does`, async () => {
      await using server = await fronted()
      const socket = connectTcp(server.port, '127.0.0.1')
      socket.on('error', () => {})
      await until(() => server.sockets.length === 1)
      leave(socket)
      await until(() => server.errors.length === 1)
      assert.equal((server.errors[0] as NodeJS.ErrnoException).code, 'ECONNRESET')
      assert.equal(server.stats.hellos.closed, 1)
      await until(() => server.sockets[0]!.destroyed)
    })
  }

  it('reports a client that leaves to https, which has nobody else to tell', async () => {
    await using server = await fronted({}, { kind: 'https' })
    const socket = connectTcp(server.port, '127.0.0.1')
    await until(() => server.sockets.length === 1)
    // The server destroys the socket with the error: nothing may come of that.
    socket.end()
    await until(() => server.sockets[0]!.destroyed)
    await new Promise(setImmediate)
    assert.equal(server.errors.length, 1)
  })

  it('does not mind a socket that the application destroys before', async () => {
    await using server = await fronted()
    server.server.prependListener('connection', (socket: Socket) => socket.destroy())
    const socket = connectTcp(server.port, '127.0.0.1')
    socket.on('error', () => {})
    await until(() => server.errors.length === 1)
    assert.match(server.errors[0]!.message, /socket hang up/)
  })

  it('lets listeners of the application see every socket once, those added later too', async () => {
    const plain = makeServer('tls')
    const early: Duplex[] = []
    plain.on('connection', (socket) => early.push(socket))
    await using server = await fronted({}, { server: plain })
    await visit(server.port)
    assert.equal(early.length, 1)
    assert.deepEqual(server.sockets, early)
  })

  it('works with pauseOnConnect: what is decrypted waits for the application', async () => {
    const plain = makeServer('tls', { pauseOnConnect: true })
    plain.removeAllListeners('secureConnection')
    const read: string[] = []
    await using server = await fronted({}, { server: plain })
    const client = connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(client, 'secureConnect')
    client.write('question')
    await until(() => server.secure.length === 1)
    const [socket] = server.secure
    assert.equal(socket!.isPaused(), true)
    socket!.on('data', (chunk) => read.push(String(chunk)))
    socket!.resume()
    await until(() => read.length === 1)
    client.destroy()
  })

  it('works with a stream that is no TCP socket', async () => {
    await using server = await fronted()
    const [ours, theirs] = duplexPair()
    server.server.emit('connection', theirs as never)
    const { text } = await visit(server.port, { socket: ours })
    assert.match(text, /hello/)
    assert.equal(server.stats.hellos.read, 1)
  })

  it('hands over only when what it waits for is there, with what came meanwhile', async () => {
    const gate = Promise.withResolvers<void>()
    const onHello: FrontInit['onHello'] = () => ({ ready: gate.promise, handOver: (deliver) => deliver() })
    await using server = await fronted({ onHello })
    const flight = await firstFlight(small)
    const socket = connectTcp(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.write(flight)
    await until(() => server.stats.hellos.read === 1)
    socket.write(Buffer.alloc(100_000, 22))
    await until(() => server.sockets[0]!.bytesRead > flight.length + 16_384)
    assert.equal(server.errors.length, 0)
    gate.resolve()
    // The server gets the ClientHello, then what is nonsense behind it.
    await until(() => server.errors.length === 1)
    assert.match(String((server.errors[0] as NodeJS.ErrnoException).code), /ERR_SSL/)
  })

  it('keeps what came meanwhile in order', async () => {
    const gate = Promise.withResolvers<void>()
    const onHello: FrontInit['onHello'] = () => ({ ready: gate.promise, handOver: (deliver) => deliver() })
    const plain = makeServer('tls')
    plain.removeAllListeners('connection')
    const delivered = Promise.withResolvers<Duplex>()
    plain.on('connection', (socket) => delivered.resolve(socket))
    await using server = await fronted({ onHello }, { server: plain })
    const [ours, theirs] = duplexPair()
    plain.emit('connection', theirs as never)
    const flight = await firstFlight(small)
    const behind = ['first', 'second', 'third']
    for (const chunk of [flight, ...behind]) {
      ours.write(chunk)
      await new Promise(setImmediate)
    }
    assert.equal(server.stats.hellos.read, 1)
    gate.resolve()
    const socket = await delivered.promise
    const read: Buffer[] = []
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) read.push(chunk)
    assert.deepEqual(Buffer.concat(read), Buffer.concat([flight, Buffer.from(behind.join(''))]))
    theirs.destroy()
  })

  it('reports a client that leaves while its session is looked up', async () => {
    const onHello: FrontInit['onHello'] = () => ({ ready: new Promise(() => {}), handOver: () => {} })
    await using server = await fronted({ onHello })
    const socket = connectTcp(server.port, '127.0.0.1')
    socket.write(await firstFlight(small))
    await until(() => server.stats.hellos.read === 1)
    socket.end()
    await until(() => server.errors.length === 1)
    assert.match(server.errors[0]!.message, /socket hang up/)
  })

  it('gives the place back, and hands over what it was reading', async () => {
    await using server = await fronted()
    const cut = (flight: Buffer): Buffer[] => piecesOf(flight, [100])
    const arrived = async (sent: number): Promise<void> => {
      if (sent === 0) return
      await until(() => (server.sockets[0]?.bytesRead ?? 0) >= 100)
      server.front.close()
      server.front.close()
    }
    const { text } = await visit(server.port, { socket: new CutSocket(server.port, { cut, arrived }) })
    assert.match(text, /hello/)
    assert.equal(ownConnectionListener(server.server).name, 'tlsConnectionListener')
    assert.equal(server.stats.hellos.read, 0)
    assert.match((await visit(server.port)).text, /hello/)
  })

  it('keeps the server open for a socket that is being read, as the server itself does', async () => {
    await using server = await fronted()
    const socket = connectTcp(server.port, '127.0.0.1')
    socket.on('error', () => {})
    await until(() => server.sockets.length === 1)
    let closed = false
    server.server.close(() => {
      closed = true
    })
    await new Promise(setImmediate)
    assert.equal(closed, false)
    socket.destroy()
    await until(() => closed)
  })
})
