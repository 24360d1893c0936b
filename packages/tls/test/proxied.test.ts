import assert from 'node:assert/strict'
import { once } from 'node:events'
import { BlockList, connect as connectTcp, type Socket } from 'node:net'
import { UsageError } from '@reprise/core'
import { ProxyProtocolError, type ResumptionOptions } from '@reprise/tls'
import { mayProxy, settingsOf } from '../src/options.ts'
import { CutSocket, everyBytes, piecesOf } from './support/first-flight.ts'
import { MemoryCluster } from './support/memory-cluster.ts'
import { KINDS, type Kind, only, serve, type TestServer, until, type Visit, visit } from './support/servers.ts'

const VERSION1 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 51234 443\r\n')
const VERSION2 = Buffer.from('0d0a0d0a000d0a515549540a2111000ccb007107c0000201c82201bb', 'hex')
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')

const serveProxied = (kind: Kind = 'tls', options: Partial<ResumptionOptions> = {}): Promise<TestServer> => {
  const resumption = { proxyProtocol: 'require', proxyFrom: ['127.0.0.0/8'], ...options } as const
  return serve(new MemoryCluster().node('a'), { kind, resumption })
}

/** A visit whose first bytes are a header, cut where told. */
function visitBehind(
  port: number,
  header: Buffer,
  cut: (all: Buffer) => readonly Buffer[] = (all) => [all],
): Promise<Visit> {
  const cutting = {
    cut: (flight: Buffer) => cut(Buffer.concat([header, flight])),
    arrived: async (): Promise<void> => {},
  }
  return visit(port, { socket: new CutSocket(port, cutting) })
}

async function refused(server: TestServer, send: (socket: Socket) => void): Promise<ProxyProtocolError> {
  const socket = connectTcp(server.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'connect')
  send(socket)
  await once(socket, 'close')
  const error = server.errors.at(-1)
  assert.ok(error instanceof ProxyProtocolError)
  assert.equal(server.resumption.stats().proxy.refused, 1)
  assert.equal(server.seen.length, 0)
  return error
}

describe('the PROXY protocol', () => {
  for (const kind of KINDS) {
    for (const [version, header] of [
      [1, VERSION1],
      [2, VERSION2],
    ] as const) {
      it(`shows ${kind} the client of a version ${version} header`, async () => {
        await using server = await serveProxied(kind)
        await visitBehind(server.port, header)
        const socket = server.seen[0]!.socket
        assert.equal(server.seen[0]!.remoteAddress, '203.0.113.7')
        assert.deepEqual([socket.remotePort, socket.remoteFamily], [51_234, 'IPv4'])
        assert.equal(server.resumption.stats().proxy.accepted, 1)
      })
    }
  }

  it('resumes behind a proxy, in both modes', async () => {
    for (const mode of ['stateful', 'tickets'] as const) {
      const cluster = new MemoryCluster()
      const resumption = { mode, proxyProtocol: 'require', proxyFrom: ['127.0.0.1'] } as const
      await using a = await serve(cluster.node('a'), { resumption })
      await using b = await serve(cluster.node('b'), { resumption })
      const behind = (port: number): CutSocket =>
        new CutSocket(port, { cut: (flight) => [Buffer.concat([VERSION2, flight])], arrived: async () => {} })
      const { session } = await visit(a.port, { ...only('TLSv1.3'), socket: behind(a.port) })
      const again = await visit(b.port, { ...only('TLSv1.3'), socket: behind(b.port), session: session! })
      assert.equal(again.reused, true, mode)
      assert.equal(b.seen[0]!.remoteAddress, '203.0.113.7')
    }
  })

  it('shows an https application the client in request.socket', async () => {
    await using server = await serveProxied('https')
    const addresses: (string | undefined)[] = []
    server.server.on('request', (request) => addresses.push(request.socket.remoteAddress))
    const cutting = { cut: (flight: Buffer) => [VERSION1, flight], arrived: async (): Promise<void> => {} }
    await visit(server.port, { socket: new CutSocket(server.port, cutting) })
    assert.deepEqual(addresses, ['203.0.113.7'])
  })

  it('reads a header byte by byte', async () => {
    await using server = await serveProxied()
    await visitBehind(server.port, VERSION2, (all) => piecesOf(all, everyBytes(all.length, 1)))
    assert.equal(server.seen[0]!.remoteAddress, '203.0.113.7')
  })

  it('shows the proxy itself for its own connections (health checks)', async () => {
    await using server = await serveProxied()
    await visitBehind(server.port, LOCAL)
    assert.equal(server.seen[0]!.remoteAddress, '127.0.0.1')
  })

  it('refuses a connection without header', async () => {
    await using server = await serveProxied()
    const error = await refused(server, (socket) => socket.write(Buffer.from([22, 3, 1, 2, 0, 1])))
    assert.equal(error.code, 'PROXY_HEADER')
  })

  it('refuses a connection that does not send its header in time', async () => {
    await using server = await serveProxied('tls', { helloDeadlineMs: 20 })
    const error = await refused(server, (socket) => socket.write('PROXY TCP4'))
    assert.equal(error.code, 'PROXY_TIMEOUT')
  })

  it('refuses a header from somebody who is not listed', async () => {
    await using server = await serveProxied('tls', { proxyFrom: ['10.0.0.0/8', '192.168.1.1', 'unix'] })
    const error = await refused(server, (socket) => socket.write(VERSION1))
    assert.equal(error.code, 'PROXY_SOURCE')
    assert.equal(error.remoteAddress, '127.0.0.1')
  })

  it('takes a net.BlockList for the sources', async () => {
    const proxyFrom = new BlockList()
    proxyFrom.addRange('127.0.0.1', '127.0.0.9')
    await using server = await serveProxied('tls', { proxyFrom })
    await visitBehind(server.port, VERSION1)
    assert.equal(server.seen[0]!.remoteAddress, '203.0.113.7')
  })

  it('knows a listed address in its IPv6 form, and unix sockets', () => {
    const { proxyFrom } = settingsOf({
      context: 'x',
      proxyProtocol: 'require',
      proxyFrom: ['10.0.0.0/8', '2001:db8::/32'],
    })
    assert.equal(mayProxy(proxyFrom!, '::ffff:10.1.2.3'), true)
    assert.equal(mayProxy(proxyFrom!, '::ffff:11.1.2.3'), false)
    assert.equal(mayProxy(proxyFrom!, '2001:db8::5'), true)
    assert.equal(mayProxy(proxyFrom!, undefined), false)
    const required = { context: 'x', proxyProtocol: 'require' } as const
    const unix = settingsOf({ ...required, proxyFrom: ['unix'] }).proxyFrom
    assert.equal(mayProxy(unix!, undefined), true)
    assert.equal(mayProxy(settingsOf({ ...required, proxyFrom: new BlockList() }).proxyFrom!, undefined), false)
  })

  for (const proxyFrom of [undefined, [], ['10.0.0.0/33'], ['10.0.0.0/'], ['host'], ['10.0.0.0/8/8'], ['::/129']]) {
    it(`does not start with the sources ${JSON.stringify(proxyFrom)}`, () => {
      const options = { context: 'x', proxyProtocol: 'require' as const, ...(proxyFrom && { proxyFrom }) }
      assert.throws(() => settingsOf(options), UsageError)
    })
  }

  it('gives a connection that waits for its header up when it is closed', async () => {
    await using server = await serveProxied()
    const socket = connectTcp(server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('PROXY ')
    const accepted: Socket[] = []
    server.server.on('connection', (raw: Socket) => accepted.push(raw))
    await until(() => accepted[0]?.bytesRead === 6)
    await server.resumption.close()
    socket.resume()
    await once(socket, 'close')
  })
})
