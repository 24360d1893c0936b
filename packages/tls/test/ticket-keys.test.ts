import assert from 'node:assert/strict'
import { createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import { UsageError } from '@reprise/core'
import type { ResumptionOptions } from '@reprise/tls'
import fc from 'fast-check'
import { settingsOf } from '../src/options.ts'
import { StatsCounter } from '../src/stats.ts'
import { decodeRing, encodeRing, keyInUse, type TicketKey, TicketKeyRing } from '../src/ticket-keys.ts'
import { CLIENT_A, CLIENT_CA_A, CLIENT_CA_B, RSA } from './support/certificates.ts'
import { MemoryCluster, type MemoryNode } from './support/memory-cluster.ts'
import { KINDS, makeServer, only, serve, type TestServer, unnamed, until, visit } from './support/servers.ts'

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const
const tickets = (options: Partial<ResumptionOptions> = {}): { readonly resumption: Partial<ResumptionOptions> } => ({
  resumption: { mode: 'tickets', pollMs: 10, ...options },
})

const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array))

const aKey: fc.Arbitrary<TicketKey> = fc
  .tuple(bytes(8), fc.nat(2 ** 45), bytes(48))
  .map(([id, dueAtMs, key]) => ({ id: id.toString('hex'), dueAtMs, key }))

describe('the ring of ticket keys', () => {
  it('survives encoding (property)', () => {
    fc.assert(
      fc.property(fc.array(aKey, { minLength: 1, maxLength: 3 }), (keys) => {
        assert.deepEqual(decodeRing(encodeRing(keys)), keys)
      }),
    )
  })

  it('has the bytes it always had', () => {
    const ring = encodeRing([{ id: '0102030405060708', dueAtMs: 0x010203040506, key: Buffer.alloc(48, 0xaa) }])
    assert.equal(ring.toString('hex'), `01010102030405060708010203040506${'aa'.repeat(48)}`)
  })

  it('does not decode anything else (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const keys = decodeRing(bytes)
        if (keys !== undefined) assert.deepEqual(Buffer.from(encodeRing(keys)), Buffer.from(bytes))
      }),
    )
    for (const value of [undefined, null, {}, 'text', Buffer.alloc(0), Buffer.alloc(65, 1), encodeRing([])]) {
      assert.equal(decodeRing(value), undefined)
    }
  })

  it('uses the newest key that is due', () => {
    const key = (id: string, dueAtMs: number): TicketKey => ({ id, dueAtMs, key: Buffer.alloc(48) })
    const keys = [key('c', 300), key('b', 200), key('a', 100)]
    assert.equal(keyInUse(keys, 50)?.id, 'a')
    assert.equal(keyInUse(keys, 250)?.id, 'b')
    assert.equal(keyInUse(keys, 300)?.id, 'c')
    assert.equal(keyInUse([], 300), undefined)
  })

  const ringOf = (
    node: MemoryNode,
    options: Partial<ResumptionOptions> = {},
  ): { ring: TicketKeyRing; used: Buffer[]; stats: StatsCounter } => {
    const used: Buffer[] = []
    const stats = new StatsCounter()
    const settings = settingsOf({ context: 'test', mode: 'tickets', pollMs: 10, ...options })
    return { ring: new TicketKeyRing({ source: node, settings, stats, onKey: (key) => used.push(key) }), used, stats }
  }

  it('is made by the first member, and taken over by the others', async () => {
    const cluster = new MemoryCluster()
    const [a, b] = [ringOf(cluster.node('a')), ringOf(cluster.node('b'))]
    await b.ring.start()
    assert.deepEqual(b.ring.keys, [])
    await a.ring.start()
    await until(() => b.used.length === 1)
    assert.deepEqual(b.used, a.used)
    assert.equal(a.used[0]?.length, 48)
    await Promise.all([a.ring.close(), b.ring.close()])
  })

  it('is rotated on schedule: published first, used by all when due', async () => {
    const cluster = new MemoryCluster()
    const options = { rotateMs: 1_000, pollMs: 50 }
    const [a, b] = [ringOf(cluster.node('a'), options), ringOf(cluster.node('b'), options)]
    await a.ring.start()
    await b.ring.start()
    await until(() => a.used.length === 2 && b.used.length === 2)
    assert.deepEqual(a.used, b.used)
    // Not before it is due, which is two looks after it was published, which was when the last one had served its time.
    assert.ok(a.ring.keys[0]!.dueAtMs - a.ring.keys[1]!.dueAtMs >= 1_000 + 2 * 50)
    await Promise.all([a.ring.close(), b.ring.close()])
  })

  it('is rotated by any member on demand, keeps three keys, and goes on after trouble', async () => {
    const cluster = new MemoryCluster()
    const [a, b] = [ringOf(cluster.node('a')), ringOf(cluster.node('b'))]
    await a.ring.start()
    await b.ring.start()
    for (let round = 0; round < 4; round++) await b.ring.rotate()
    assert.equal(b.used.length, 5)
    await until(() => a.used.at(-1)?.equals(b.used.at(-1)!) ?? false)
    assert.equal(a.ring.keys.length, 3)
    cluster.nodes[0]!.faults.fail = true
    await until(() => a.stats.ticketKeys.failed > 0)
    cluster.nodes[0]!.heal()
    await b.ring.rotate()
    await until(() => a.used.at(-1)?.equals(b.used.at(-1)!) ?? false)
    await Promise.all([a.ring.close(), b.ring.close()])
  })

  it('is one when two members make it at the same time', async () => {
    const cluster = new MemoryCluster()
    // Each takes itself for the first, as in a partition.
    const nodes = ['a', 'b'].map((id) => Object.assign(cluster.node(id), { aliveMembers: () => [id] }))
    const [a, b] = nodes.map((node) => ringOf(node))
    await Promise.all([a!.ring.start(), b!.ring.start()])
    await until(() => a!.used.length > 0 && (a!.used.at(-1)?.equals(b!.used.at(-1) ?? Buffer.alloc(0)) ?? false))
    await Promise.all([a!.ring.close(), b!.ring.close()])
  })
})

describe('ticket mode', () => {
  for (const kind of KINDS) {
    for (const version of VERSIONS) {
      it(`[R6] ${kind}, ${version}: a ticket of A resumes at B, at C and back at A`, async () => {
        const cluster = new MemoryCluster()
        await using a = await serve(cluster.node('a'), { kind, ...tickets() })
        await using b = await serve(cluster.node('b'), { kind, ...tickets() })
        await using c = await serve(cluster.node('c'), { kind, ...tickets() })
        let { session } = await visit(a.port, only(version))
        for (const server of [b, c, a]) {
          const again = await visit(server.port, { ...only(version), session: session! })
          assert.equal(again.reused, true)
          assert.equal(server.resumption.origin(server.seen.at(-1)!.socket)?.kind, 'ticket')
          session = again.session
        }
        assert.equal(cluster.sessions.size, 1, 'only the ring')
      })
    }
  }

  for (const version of VERSIONS) {
    it(`${version}: the client certificate comes with the ticket`, async () => {
      const cluster = new MemoryCluster()
      const tls = { requestCert: true, ca: CLIENT_CA_A }
      await using a = await serve(cluster.node('a'), { tls, ...tickets() })
      await using b = await serve(cluster.node('b'), { tls, ...tickets() })
      const options = { ...only(version), ...CLIENT_A }
      const { session } = await visit(a.port, options)
      assert.equal((await visit(b.port, { ...options, session: session! })).reused, true)
      assert.deepEqual([b.seen[0]?.authorized, b.seen[0]?.clientName], [true, 'client-a'])
    })

    for (const [what, at] of [
      ['another context', { resumption: { context: 'other' } }],
      ['another client authority', { tls: { requestCert: true, ca: CLIENT_CA_B, rejectUnauthorized: false } }],
    ] as const) {
      it(`${version}: a ticket is a full handshake under ${what}`, async () => {
        const cluster = new MemoryCluster()
        const tls: TlsOptions = { requestCert: true, ca: CLIENT_CA_A, rejectUnauthorized: false }
        await using a = await serve(cluster.node('a'), { tls, ...tickets() })
        const other = {
          ...tickets(),
          ...at,
          resumption: { ...tickets().resumption, ...('resumption' in at && at.resumption) },
        }
        await using b = await serve(cluster.node('b'), { tls, ...other })
        b.server.setTicketKeys(a.server.getTicketKeys())
        const options = { ...only(version), ...CLIENT_A }
        const { session } = await visit(a.port, options)
        const again = await visit(b.port, { ...options, session: session! })
        assert.equal(again.reused, false)
        assert.deepEqual(b.errors, [])
      })
    }

    it(`${version}: after a rotation old tickets are full handshakes, and new ones resume`, async () => {
      const cluster = new MemoryCluster()
      await using a = await serve(cluster.node('a'), tickets())
      await using b = await serve(cluster.node('b'), tickets())
      const { session } = await visit(a.port, only(version))
      const before = b.resumption.stats().ticketKeys.adopted
      await a.resumption.rotate()
      await until(() => b.resumption.stats().ticketKeys.adopted > before)
      const again = await visit(b.port, { ...only(version), session: session! })
      assert.equal(again.reused, false)
      assert.equal((await visit(a.port, { ...only(version), session: again.session! })).reused, true)
      assert.equal(a.resumption.ticketKeys().length, 2)
    })

    it(`${version}: works under other server names (addContext, SNICallback), and after a new certificate`, async () => {
      const SNICallback = (_name: string, done: (error: Error | null, context?: SecureContext) => void): void => {
        done(null, createSecureContext(RSA))
      }
      for (const tls of [{}, { SNICallback }]) {
        const cluster = new MemoryCluster()
        const servers: TestServer[] = []
        for (const id of ['a', 'b']) {
          const server = makeServer('tls', tls)
          if (id === 'a') server.addContext('service.test', RSA)
          servers.push(await serve(cluster.node(id), { server, ...tickets() }))
          if (id === 'b') server.addContext('service.test', RSA)
        }
        const [a, b] = servers
        await until(() => b!.resumption.stats().ticketKeys.adopted > 0)
        for (const change of [() => {}, () => a!.resumption.rotate(), () => b!.server.setSecureContext(RSA)]) {
          const before = b!.resumption.ticketKeys()[0]?.id
          await change()
          if (change.toString().includes('rotate')) await until(() => b!.resumption.ticketKeys()[0]?.id !== before)
          const { session } = await visit(a!.port, only(version))
          assert.equal((await visit(b!.port, { ...only(version), session: session! })).reused, true, String(change))
        }
        for (const server of servers) await server[Symbol.asyncDispose]()
      }
    })
  }

  it('a ticket is a full handshake after the client authority was replaced at the same server', async () => {
    const tls = { requestCert: true, rejectUnauthorized: false, ca: CLIENT_CA_A }
    await using a = await serve(new MemoryCluster().node('a'), { tls, ...tickets() })
    const { session } = await visit(a.port, CLIENT_A)
    assert.equal((await visit(a.port, { ...CLIENT_A, session: session! })).reused, true)
    a.server.setSecureContext({ ...RSA, ca: CLIENT_CA_B })
    assert.equal((await visit(a.port, { ...CLIENT_A, session: session! })).reused, false)
    assert.equal(a.seen.at(-1)?.authorized, false)
  })

  it('TLS 1.3: a ticket is not bound to the server name: that is the client’s care', async () => {
    const cluster = new MemoryCluster()
    await using a = await serve(cluster.node('a'), tickets())
    const { session } = await visit(a.port, only('TLSv1.3'))
    const again = await visit(a.port, { ...only('TLSv1.3'), session: unnamed(session!), servername: 'other.test' })
    assert.equal(again.reused, true)
  })

  it('serves with keys of its own while there is no ring, and takes the ring when it comes', async () => {
    const cluster = new MemoryCluster()
    const node = cluster.node('a')
    node.faults.fail = true
    await using a = await serve(node, tickets())
    const { session } = await visit(a.port)
    assert.equal((await visit(a.port, { session: session! })).reused, true)
    assert.equal(a.resumption.stats().ticketKeys.adopted, 0)
    node.heal()
    await until(() => a.resumption.stats().ticketKeys.adopted === 1)
    assert.equal((await visit(a.port, { session: session! })).reused, false)
  })

  it('reads no ClientHello and keeps nothing in front of the server', async () => {
    await using a = await serve(new MemoryCluster().node('a'), tickets())
    await visit(a.port)
    assert.equal(a.resumption.stats().hellos.read, 0)
    assert.equal(a.server.listenerCount('newSession'), 0)
  })

  it('gives the server its own keys back', async () => {
    for (const options of [{ ticketKeys: Buffer.alloc(48, 5) }, {}]) {
      const server = makeServer('tls', options)
      const own = server.getTicketKeys()
      await using a = await serve(new MemoryCluster().node('a'), { server, ...tickets() })
      assert.notDeepEqual(server.getTicketKeys(), own)
      await a.resumption.close()
      assert.deepEqual(server.getTicketKeys(), own)
    }
  })

  it('has no key to rotate in stateful mode', async () => {
    await using a = await serve(new MemoryCluster().node('a'))
    await assert.rejects(a.resumption.rotate(), UsageError)
    assert.deepEqual(a.resumption.ticketKeys(), [])
  })
})
