import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { UsageError } from '@reprise/core'
import { createKeyValueStore, type SessiondGateway, type SessiondOptions, serveSessiond } from '../../src/index.ts'
import { decodeRequest, encodeReply } from '../../src/sessiond/packet.ts'
import { bytes, startNodes, stopAll, text, until } from '../support/cluster.ts'

const [NEW, GET, REMOVE] = [0, 1, 2]

function request(type: number, id: Uint8Array, seconds = 0, session = ''): Buffer {
  const head = Buffer.from([1, type, seconds >> 8, seconds & 0xff])
  return Buffer.concat([head, id, Buffer.from(session)])
}

describe('the sessiond gateway', () => {
  const gateways: SessiondGateway[] = []
  let socket: Socket

  beforeEach(async () => {
    socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
  })

  afterEach(async () => {
    socket.close()
    await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()))
    await stopAll()
  })

  const serve = async (options: Omit<SessiondOptions, 'listen'>): Promise<SessiondGateway> => {
    const gateway = await serveSessiond({ listen: '127.0.0.1:0', ...options })
    gateways.push(gateway)
    return gateway
  }
  const send = (gateway: SessiondGateway, datagram: Uint8Array): void => {
    socket.send(datagram, gateway.address.port, '127.0.0.1')
  }
  const ask = async (gateway: SessiondGateway, id: Uint8Array): Promise<Buffer> => {
    send(gateway, request(GET, id))
    const [reply] = await once(socket, 'message')
    return reply
  }
  const startTwo = async (): Promise<[SessiondGateway, SessiondGateway, ReturnType<typeof createKeyValueStore>]> => {
    const [a, b] = (await startNodes(2)).map((node) => createKeyValueStore({ node }))
    assert(a !== undefined && b !== undefined)
    return [await serve({ store: a }), await serve({ store: b }), b]
  }

  it('finds at one node what was stored at another, until it is removed', async () => {
    const [a, b, store] = await startTwo()
    const id = randomBytes(32)
    assert.deepEqual(await ask(b, id), Buffer.concat([Buffer.from([1, 0x80, 0, 0]), id]))
    send(a, request(NEW, id, 300, 'a session'))
    await until(async () => (await ask(b, id))[1] === 0x81)
    assert.deepEqual(await ask(b, id), Buffer.concat([Buffer.from([1, 0x81, 0, 0]), id, Buffer.from('a session')]))
    const entry = await store.get(bytes(`stunnel-sess:${id.toString('hex')}`))
    assert.equal(text(entry?.value), 'a session')
    assert(entry?.ttlMs !== undefined && entry.ttlMs <= 300_000)
    send(b, request(REMOVE, id))
    await until(async () => (await ask(a, id))[1] === 0x80)
    assert.deepEqual([a.stats().stored, b.stats().removed], [1, 1])
  })

  it('lets sessions end in time, and keeps none that has no time', async () => {
    const [a] = await startTwo()
    const [brief, none] = [randomBytes(32), randomBytes(32)]
    send(a, request(NEW, brief, 1, 'x'))
    send(a, request(NEW, none, 0, 'x'))
    await until(async () => (await ask(a, brief))[1] === 0x81)
    assert.equal((await ask(a, none))[1], 0x80)
    await until(async () => (await ask(a, brief))[1] === 0x80)
  })

  it('answers nothing that is no request', async () => {
    const [a] = await startTwo()
    const id = randomBytes(32)
    const wrong = [
      Buffer.alloc(0),
      Buffer.alloc(35, 1),
      request(GET, id, 0, 'with data'),
      request(NEW, id, 300, ''),
      request(NEW, id, 300, 'x'.repeat(513)),
      request(3, id),
      request(0x81, id),
      Buffer.concat([Buffer.from([2, GET, 0, 0]), id]),
    ]
    for (const datagram of wrong) send(a, datagram)
    await until(() => a.stats().refused === wrong.length)
    assert.equal((await ask(a, id))[1], 0x80, 'the first reply is to the first request')
  })

  it('says in the log, once, when its node does not hold everything', async () => {
    const [node] = await startNodes(4, { copies: 1 })
    assert(node !== undefined)
    const clock = { status: () => node.status() }
    const warnings: string[] = []
    const logger = { debug() {}, info() {}, error() {}, warn: (line: string) => void warnings.push(line) }
    await serve({ store: createKeyValueStore({ node }), logger, ...clock })
    await until(() => warnings.length > 0)
    assert.match(warnings[0] ?? '', /copies to all/)
  })

  it('listens on loopback only, for datagrams', async () => {
    const [a] = (await startNodes(1)).map((node) => createKeyValueStore({ node }))
    assert(a !== undefined)
    for (const listen of ['0.0.0.0:0', '[::]:0', '192.0.2.1:1', 'unix:/tmp/never.sock']) {
      await assert.rejects(serveSessiond({ store: a, listen }), UsageError)
    }
    const gateway = await serve({ store: a })
    await gateway.stop()
    assert.throws(() => gateway.address, UsageError)
  })

  it('reads and writes what stunnel does, byte for byte', () => {
    const id = Buffer.alloc(32, 7)
    assert.deepEqual(decodeRequest(request(NEW, id, 0x0102, 'der')), {
      type: 'new',
      id,
      seconds: 0x0102,
      session: Buffer.from('der'),
    })
    assert.deepEqual(decodeRequest(request(GET, id)), { type: 'get', id })
    assert.equal(encodeReply(id, new Uint8Array(513)), undefined)
  })
})
