import assert from 'node:assert/strict'
import { constants } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import { UsageError } from '@reprise/core'
import { type ResumptionOptions, resumeAcrossCluster } from '@reprise/tls'
import { type ClientHello, TlsVersion } from '../src/client-hello.ts'
import { LOOKUPS_MAX } from '../src/constants.ts'
import { settingsOf } from '../src/options.ts'
import { StatefulResumption } from '../src/resumption.ts'
import { StatsCounter } from '../src/stats.ts'
import { clusterId, digestOfContext } from '../src/stored-session.ts'
import { CLIENT_A, CLIENT_B, CLIENT_CA_A, CLIENT_CA_B, P256, RSA } from './support/certificates.ts'
import { CutSocket, everyBytes, inRecords, messageOf } from './support/first-flight.ts'
import { MemoryCluster, type MemoryNode } from './support/memory-cluster.ts'
import { KINDS, makeServer, only, serve, type TestServer, unnamed, until, visit } from './support/servers.ts'

const NO_TICKET = { secureOptions: constants.SSL_OP_NO_TICKET }
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

describe('stateful resumption', () => {
  for (const kind of KINDS) {
    for (const [client, options] of [
      ['TLS 1.2', only('TLSv1.2')],
      ['TLS 1.2 without tickets', { ...only('TLSv1.2'), ...NO_TICKET }],
      ['TLS 1.3', only('TLSv1.3')],
      ['TLS 1.3 without tickets', { ...only('TLSv1.3'), ...NO_TICKET }],
      ['TLS 1.2 and 1.3', {}],
    ] as const) {
      it(`[R6] ${kind}, ${client}: a session made at A resumes at B, at C and back at A`, async () => {
        const cluster = new MemoryCluster()
        await using a = await serve(cluster.node('a'), { kind })
        await using b = await serve(cluster.node('b'), { kind })
        await using c = await serve(cluster.node('c'), { kind })
        let last = await visit(a.port, options)
        assert.equal(last.reused, false)
        for (const [index, server] of [b, c, a, b].entries()) {
          await until(() => cluster.sessions.size > 0)
          last = await visit(server.port, { ...options, session: last.session! })
          assert.equal(last.reused, true, `hop ${index}`)
          assert.match(last.text, /hello/)
          const seen = server.seen.at(-1)!
          assert.equal(seen.reused, true)
          assert.equal(server.resumption.origin(seen.socket)?.reused, true)
        }
        assert.equal(b.resumption.stats().handshakes.resumed, 2)
        assert.equal(b.resumption.stats().sessions.skipped, 0)
        assert.deepEqual([...a.errors, ...b.errors, ...c.errors], [])
      })
    }
  }

  for (const version of VERSIONS) {
    it(`[R6] ${version}, with client certificates: the client is the same and authorized after resumption`, async () => {
      const cluster = new MemoryCluster()
      const tls = { requestCert: true, ca: CLIENT_CA_A }
      await using a = await serve(cluster.node('a'), { tls })
      await using b = await serve(cluster.node('b'), { tls })
      const options = { ...only(version), ...CLIENT_A }
      const { session } = await visit(a.port, options)
      const again = await visit(b.port, { ...options, session: session! })
      assert.equal(again.reused, true)
      assert.deepEqual([b.seen[0]?.authorized, b.seen[0]?.clientName], [true, 'client-a'])
    })
  }

  it('[R6] tells where a session came from: here, from peers, or nowhere', async () => {
    const cluster = new MemoryCluster()
    await using a = await serve(cluster.node('a'))
    await using b = await serve(cluster.node('b'))
    const { session } = await visit(a.port, only('TLSv1.2'))
    await visit(a.port, { ...only('TLSv1.2'), session: session! })
    await visit(b.port, { ...only('TLSv1.2'), session: session! })
    const origins = [...a.seen, ...b.seen].map(({ socket }, index) => [a, a, b][index]?.resumption.origin(socket))
    assert.deepEqual(
      origins.map((origin) => [origin?.reused, origin?.kind, origin?.peers]),
      [
        [false, 'new', []],
        [true, 'local', []],
        [true, 'peers', ['a']],
      ],
    )
    assert.equal(origins[0]?.lookupMs, undefined)
    assert.ok(origins[2]!.lookupMs! >= 0)
    assert.equal(a.resumption.origin(b.seen[0]!.socket), undefined)
  })

  it('[R6] tells an http2 application where the session of a request came from', async () => {
    const cluster = new MemoryCluster()
    await using a = await serve(cluster.node('a'), { kind: 'http2' })
    await using b = await serve(cluster.node('b'), { kind: 'http2' })
    const { session } = await visit(a.port, { ALPNProtocols: ['h2', 'http/1.1'], ...only('TLSv1.2') })
    const kinds: unknown[] = []
    b.server.on('stream', (stream) => kinds.push(b.resumption.origin(stream.session.socket)?.kind))
    const client = connectHttp2(`https://127.0.0.1:${b.port}`, {
      servername: 'service.test',
      rejectUnauthorized: false,
      session: session!,
      ...only('TLSv1.2'),
    })
    const request = client.request({ ':path': '/' })
    request.resume()
    await once(request, 'close')
    client.close()
    assert.deepEqual(kinds, ['peers'])
  })

  it('asks nobody for the session of a client that brings none', async () => {
    const node = new MemoryCluster().node('a')
    await using server = await serve(node)
    for (const options of [only('TLSv1.2'), only('TLSv1.3'), {}]) await visit(server.port, options)
    assert.equal(node.calls.resume, 0)
  })
})

/** Make a session at one server, offer it at another one, and see that both handshakes were full ones. */
async function expectFull(
  at: { readonly a: Parameters<typeof serve>[1]; readonly b: Parameters<typeof serve>[1] },
  first: ConnectionOptions = {},
  second: ConnectionOptions = first,
): Promise<TestServer> {
  const cluster = new MemoryCluster()
  const b = await serve(cluster.node('b'), at.b)
  await using a = await serve(cluster.node('a'), at.a)
  const { session } = await visit(a.port, first)
  await using open = b
  const again = await visit(open.port, { ...second, session: unnamed(session!) })
  assert.equal(again.reused, false)
  assert.match(again.text, /hello/)
  assert.deepEqual(open.errors, [])
  return b
}

describe('a session is bound to where it was made', () => {
  for (const version of VERSIONS) {
    const client = only(version)
    it(`${version}: under another context it is a full handshake`, async () => {
      const b = await expectFull({ a: {}, b: { resumption: { context: 'other' } } }, client)
      assert.equal(b.resumption.stats().lookups.miss, 1)
    })

    it(`${version}: under another server name it is a full handshake`, async () => {
      // The client's own check of the name is off: the server must not rely on it.
      const b = await expectFull({ a: {}, b: {} }, client, { ...client, servername: 'other.test' })
      assert.equal(b.resumption.stats().lookups.mismatch, 1)
    })

    it(`${version}: under another client authority it is a full handshake`, async () => {
      const tls = (ca: Buffer): { tls: TlsOptions } => ({ tls: { requestCert: true, rejectUnauthorized: false, ca } })
      const client = { ...only(version), ...CLIENT_A }
      const b = await expectFull({ a: tls(CLIENT_CA_A), b: tls(CLIENT_CA_B) }, client)
      assert.equal(b.resumption.stats().lookups.mismatch, 1)
      assert.equal(b.seen[0]?.authorized, false)
    })

    it(`${version}: made without a client certificate, it does not pass a server that wants one`, async () => {
      const wanting = { tls: { requestCert: true, rejectUnauthorized: false, ca: CLIENT_CA_A } }
      const b = await expectFull({ a: {}, b: wanting }, client)
      assert.equal(b.seen[0]?.authorized, false)
    })

    for (const [who, certificate] of [
      ['without a certificate', {}],
      ['whose certificate is not accepted', CLIENT_B],
    ] as const) {
      it(`${version}: a client ${who} is as unknown the second time, in both modes`, async () => {
        const tls = { requestCert: true, rejectUnauthorized: false, ca: CLIENT_CA_A }
        for (const mode of ['stateful', 'tickets'] as const) {
          await using a = await serve(new MemoryCluster().node('a'), { tls, resumption: { mode } })
          const client = { ...only(version), ...certificate }
          const { session } = await visit(a.port, client)
          assert.equal((await visit(a.port, { ...client, session: session! })).reused, mode === 'tickets')
          assert.deepEqual(
            a.seen.map(({ authorized }) => authorized),
            [false, false],
            mode,
          )
          assert.equal(a.resumption.stats().sessions.stored, 0)
        }
      })
    }

    it(`${version}: under another clientCa it is a full handshake`, async () => {
      const made = (clientCa: string): Parameters<typeof serve>[1] => ({
        tls: { requestCert: true, ca: CLIENT_CA_A },
        resumption: { clientCa },
      })
      await expectFull({ a: made('1'), b: made('2') }, { ...only(version), ...CLIENT_A })
    })

    it(`${version}: a changed value is a full handshake`, async () => {
      const cluster = new MemoryCluster()
      await using a = await serve(cluster.node('a'))
      const { session } = await visit(a.port, client)
      for (const [what, change] of [
        ['format', (value: Buffer) => value.fill(9, 0, 1)],
        ['version', (value: Buffer) => value.fill(2, 2, 3)],
        ['binding', (value: Buffer) => value.fill(value[20]! ^ 1, 20, 21)],
        ['session', (value: Buffer) => value.fill(0, 41)],
        ['nothing left', () => Buffer.alloc(0)],
      ] as const) {
        const b = new MemoryCluster()
        for (const [id, stored] of cluster.sessions) {
          const value = change(Buffer.from(stored.portions.get('tls') as Uint8Array))
          b.sessions.set(id, { ...stored, portions: new Map([['tls', value]]) })
        }
        await using server = await serve(b.node('b'))
        assert.equal((await visit(server.port, { ...client, session: session! })).reused, false, what)
        assert.equal(b.nodes[0]!.calls.resume, 1)
        assert.deepEqual(server.errors, [])
      }
    })
  }

  it('TLS 1.3 renews a session only so long', async () => {
    const cluster = new MemoryCluster()
    await using a = await serve(cluster.node('a'))
    const { session } = await visit(a.port, only('TLSv1.3'))
    for (const stored of cluster.sessions.values()) {
      const value = stored.portions.get('tls') as Buffer
      Buffer.from(value.buffer, value.byteOffset, value.length).writeUIntBE(Date.now() - 25 * 3_600_000, 3, 6)
    }
    assert.equal((await visit(a.port, { ...only('TLSv1.3'), session: session! })).reused, false)
    assert.equal(a.resumption.stats().lookups.mismatch, 1)
  })

  it('TLS 1.3 does not make a session younger by renewing it', async () => {
    const cluster = new MemoryCluster()
    await using a = await serve(cluster.node('a'))
    const { session } = await visit(a.port, only('TLSv1.3'))
    const bornMs = (): number[] =>
      [...cluster.sessions.values()].map(({ portions }) => Buffer.from(portions.get('tls') as Buffer).readUIntBE(3, 6))
    const before = bornMs()
    await until(() => Date.now() > Math.max(...before))
    assert.equal((await visit(a.port, { ...only('TLSv1.3'), session: session! })).reused, true)
    assert.ok(bornMs().length > before.length)
    assert.ok(bornMs().every((born) => before.includes(born)))
  })

  it('a session ends with its lifetime', async () => {
    const cluster = new MemoryCluster()
    await using a = await serve(cluster.node('a'), { resumption: { lifetimeMs: 10_000 } })
    const { session } = await visit(a.port, only('TLSv1.2'))
    assert.equal(cluster.sessions.size, 1)
    for (const [id, stored] of cluster.sessions) {
      assert.ok(stored.endsAtMs <= Date.now() + 10_000)
      cluster.sessions.set(id, { ...stored, endsAtMs: 0 })
    }
    assert.equal((await visit(a.port, { ...only('TLSv1.2'), session: session! })).reused, false)
  })
})

describe('clients that Node does not look up by itself', () => {
  const fragmented = (port: number): CutSocket => {
    const cut = (flight: Buffer): Buffer[] => [inRecords(messageOf(flight), everyBytes(messageOf(flight).length, 100))]
    return new CutSocket(port, { cut, arrived: async () => {} })
  }

  for (const version of VERSIONS) {
    it(`[R6] ${version}: a ClientHello in several records resumes`, async () => {
      const cluster = new MemoryCluster()
      await using a = await serve(cluster.node('a'))
      await using b = await serve(cluster.node('b'))
      let { session } = await visit(a.port, only(version))
      for (const server of [b, a]) {
        cluster.nodes[0]!.faults.delayMs = 5
        const again = await visit(server.port, { ...only(version), session: session!, socket: fragmented(server.port) })
        assert.equal(again.reused, true)
        session = again.session
      }
      assert.deepEqual([...a.errors, ...b.errors], [])
    })

    it(`[R6] ${version}: a ClientHello of 64 KiB resumes`, async () => {
      const ALPNProtocols = Array.from({ length: 255 }, (_, index) => String(index).padEnd(250, 'x'))
      const cluster = new MemoryCluster()
      await using a = await serve(cluster.node('a'))
      await using b = await serve(cluster.node('b'))
      const { session } = await visit(a.port, { ...only(version), ALPNProtocols })
      assert.equal((await visit(b.port, { ...only(version), ALPNProtocols, session: session! })).reused, true)
    })
  }

  for (const [how, socket] of [
    ['', undefined],
    [', with a ClientHello in several records', fragmented],
  ] as const) {
    it(`[R6] TLS 1.3: resumes through a HelloRetryRequest${how}`, async () => {
      const cluster = new MemoryCluster()
      const tls = { ecdhCurve: 'P-384' }
      await using a = await serve(cluster.node('a'), { tls })
      await using b = await serve(cluster.node('b'), { tls })
      // The client's key share is for the first group, which the server does not know.
      const client = { ...only('TLSv1.3'), ecdhCurve: 'X25519:P-384' }
      let { session } = await visit(a.port, client)
      for (const server of [b, a, b]) {
        const again = await visit(server.port, {
          ...client,
          session: session!,
          ...(socket && { socket: socket(server.port) }),
        })
        assert.equal(again.reused, true)
        session = again.session
      }
      assert.deepEqual([...a.errors, ...b.errors], [])
    })
  }

  it('a server that speaks no TLS 1.3 resumes a client that offers it', async () => {
    const cluster = new MemoryCluster()
    const tls = { maxVersion: 'TLSv1.2' } as const
    await using a = await serve(cluster.node('a'), { tls })
    await using b = await serve(cluster.node('b'), { tls })
    const { session } = await visit(a.port)
    assert.equal((await visit(b.port, { session: session! })).reused, true)
  })

  for (const [how, secureOptions] of [
    ['its options', constants.SSL_OP_NO_TLSv1_3],
    ['nothing', 0],
  ] as const) {
    it(`a TLS 1.2 session is resumed by a client of both versions where TLS 1.3 is excluded by ${how}`, async () => {
      const cluster = new MemoryCluster()
      await using a = await serve(cluster.node('a'), { tls: { secureOptions } })
      const { session } = await visit(a.port, only('TLSv1.2'))
      const again = await visit(a.port, { session: session! })
      assert.deepEqual([again.reused, again.version], secureOptions === 0 ? [false, 'TLSv1.3'] : [true, 'TLSv1.2'])
    })
  }
})

describe('a cluster in trouble', () => {
  for (const version of VERSIONS) {
    for (const [what, fault, counted] of [
      ['hangs', { hang: true }, 'timeout'],
      ['is slower than the deadline', { delayMs: 2_000 }, 'timeout'],
      ['fails', { fail: true }, 'failed'],
    ] as const) {
      it(`${version}: a lookup that ${what} is a full handshake, in time`, async () => {
        const cluster = new MemoryCluster()
        const node = cluster.node('a')
        await using a = await serve(node, { resumption: { lookupDeadlineMs: 30 } })
        const { session } = await visit(a.port, only(version))
        Object.assign(node.faults, fault)
        const again = await visit(a.port, { ...only(version), session: session! })
        assert.equal(again.reused, false)
        assert.match(again.text, /hello/)
        assert.equal(a.resumption.stats().lookups[counted], 1)
        const { lookupMs } = a.resumption.origin(a.seen[1]!.socket)!
        assert.ok(lookupMs! < 1_500, `waited ${lookupMs} ms`)
        assert.deepEqual(a.errors, [])
        node.heal()
        const last = await visit(a.port, { ...only(version), session: session! })
        assert.equal(last.reused, true, 'the session is still there')
      })
    }
  }

  it('waits for a lookup within the deadline', async () => {
    const cluster = new MemoryCluster()
    const node = cluster.node('a')
    await using a = await serve(node, { resumption: { lookupDeadlineMs: 5_000 } })
    const { session } = await visit(a.port)
    node.faults.delayMs = 10
    assert.equal((await visit(a.port, { session: session! })).reused, true)
    assert.ok(a.resumption.stats().lookupMs.maxMs >= 9)
  })

  for (const [what, fault] of [
    ['hangs', { hang: true }],
    ['fails', { fail: true }],
  ] as const) {
    for (const confirm of ['queued', 'copies'] as const) {
      it(`confirm ${confirm}: a store that ${what} holds no handshake back`, async () => {
        const node = new MemoryCluster().node('a')
        await using a = await serve(node, { resumption: { confirm } })
        Object.assign(node.faults, fault)
        for (const version of VERSIONS) assert.match((await visit(a.port, only(version))).text, /hello/)
        const { sessions } = a.resumption.stats()
        assert.equal(sessions.stored, 0)
        if ('fail' in fault) assert.equal(sessions.failed, 3)
        if (confirm === 'copies') assert.equal(sessions.unconfirmed, 3)
        node.heal()
      })
    }
  }

  it('a stuck store gives way: closing does not wait for ever', async () => {
    const node = new MemoryCluster().node('a')
    await using a = await serve(node)
    node.faults.hang = true
    await visit(a.port)
    await a.resumption.close()
    // It gave up on the session instead of having it: what hangs for ever here is stopped by the test's own limit.
    assert.equal(a.resumption.stats().sessions.stored, 0)
  })
})

describe('limits', () => {
  it('over the limit of lookups the cluster is not asked, and the handshake goes on', async () => {
    const node = new MemoryCluster().node('a')
    const stats = new StatsCounter()
    const settings = settingsOf({ context: 'test', lookupDeadlineMs: 10_000 })
    const resumption = new StatefulResumption(makeServer('tls'), node, settings, stats)
    node.faults.hang = true
    const hello: ClientHello = {
      legacyVersion: TlsVersion.tls12,
      versions: [TlsVersion.tls13],
      legacySessionId: Buffer.alloc(0),
      serverName: 'service.test',
      hasTicket: false,
      pskIdentities: [Buffer.alloc(32)],
      fragmented: false,
    }
    const arrivals = Array.from({ length: LOOKUPS_MAX + 2 }, () => resumption.arrive(new PassThrough(), hello))
    assert.equal(arrivals.filter(({ ready }) => ready === undefined).length, 2)
    assert.equal(stats.lookups.refused, 2)
    assert.equal(node.calls.resume, LOOKUPS_MAX)
    node.heal()
    await resumption.settled()
    assert.notEqual(resumption.arrive(new PassThrough(), hello).ready, undefined)
    await resumption.settled()
  })

  it('asks for the first identity of 32 bytes, and for nothing else', async () => {
    const cluster = new MemoryCluster()
    const asked: string[] = []
    const node = cluster.node('a')
    const resume = node.resume.bind(node)
    node.resume = (id, options) => {
      asked.push(Buffer.from(id as Uint8Array).toString('hex'))
      return resume(id, options)
    }
    const resumption = new StatefulResumption(makeServer('tls'), node, settingsOf({ context: 'x' }), new StatsCounter())
    const common = { legacyVersion: 0x0303, serverName: undefined, hasTicket: false, fragmented: false }
    const tls13 = { ...common, versions: [0x0304], legacySessionId: Buffer.alloc(32, 9) }
    const identities = [Buffer.alloc(200, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)]
    resumption.arrive(new PassThrough(), { ...tls13, pskIdentities: identities })
    resumption.arrive(new PassThrough(), { ...tls13, pskIdentities: [] })
    resumption.arrive(new PassThrough(), { ...tls13, pskIdentities: [Buffer.alloc(31, 4)] })
    const tls12 = { ...common, versions: [], pskIdentities: [] }
    resumption.arrive(new PassThrough(), { ...tls12, legacySessionId: Buffer.alloc(32, 5) })
    resumption.arrive(new PassThrough(), { ...tls12, legacySessionId: Buffer.alloc(16, 6) })
    resumption.arrive(new PassThrough(), { ...tls12, legacySessionId: Buffer.alloc(32, 7), hasTicket: true })
    await resumption.settled()
    const digest = digestOfContext('x')
    const expected = [2, 5].map((byte) => Buffer.from(clusterId(digest, Buffer.alloc(32, byte))).toString('hex'))
    assert.deepEqual(asked, expected)
  })
})

describe('confirm', () => {
  const serveConfirming = (
    node: MemoryNode,
    confirm: 'queued' | 'copies',
    confirmDeadlineMs = 20,
  ): Promise<TestServer> => serve(node, { resumption: { confirm, confirmDeadlineMs } })

  for (const version of VERSIONS) {
    it(`[R12] copies, ${version}: when the client is in, another node has its session`, async () => {
      const node = new MemoryCluster().node('a')
      await using a = await serveConfirming(node, 'copies', 5_000)
      // The second session of a TLS 1.3 handshake is slower to arrive than the first.
      const create = node.create.bind(node)
      node.create = async (id, options) => {
        const before = node.calls.create
        const session = await create(id, options)
        await sleep(before === 1 ? 10 : 50)
        return session
      }
      const confirmed: number[] = []
      const client = connect({ port: a.port, host: '127.0.0.1', rejectUnauthorized: false, ...only(version) })
      client.on('session', () => confirmed.push(node.calls.confirmed))
      let text = ''
      client.on('data', (chunk) => {
        text += chunk
      })
      await once(client, 'end')
      // A server that answers and ends while the session is on its way is heard all the same.
      assert.equal(text, 'hello')
      assert.deepEqual(confirmed, version === 'TLSv1.2' ? [1] : [2, 2])
      assert.equal(a.resumption.stats().sessions.unconfirmed, 0)
    })
  }

  it('copies: a cluster of one does not hold the client back', async () => {
    const node = new MemoryCluster().node('a')
    node.faults.noCopies = true
    await using a = await serveConfirming(node, 'copies', 5_000)
    const { session } = await visit(a.port, only('TLSv1.2'))
    assert.equal(a.resumption.stats().sessions.unconfirmed, 1)
    assert.equal((await visit(a.port, { ...only('TLSv1.2'), session: session! })).reused, true)
  })

  it('queued: the client is in before the cluster has its session', async () => {
    const node = new MemoryCluster().node('a')
    await using a = await serveConfirming(node, 'queued')
    node.faults.hang = true
    await visit(a.port, only('TLSv1.3'))
    assert.equal(node.calls.confirmed, 0)
    assert.equal(a.seen.length, 1)
    node.heal()
  })
})

describe('the server keeps working as it did', () => {
  const fast = only('TLSv1.3')

  it('with contexts of other server names (addContext, SNICallback)', async () => {
    const SNICallback = (_name: string, done: (error: Error | null, context?: SecureContext) => void): void => {
      setImmediate(() => done(null, createSecureContext(RSA)))
    }
    for (const tls of [{}, { SNICallback }]) {
      const cluster = new MemoryCluster()
      const servers: TestServer[] = []
      for (const id of ['a', 'b']) {
        const server = makeServer('tls', tls)
        server.addContext('service.test', RSA)
        servers.push(await serve(cluster.node(id), { server }))
      }
      const [a, b] = servers
      for (const version of VERSIONS) {
        const { session } = await visit(a!.port, only(version))
        const { session: next, reused } = await visit(b!.port, { ...only(version), session: session! })
        assert.equal(reused, true, version)
        assert.equal((await visit(a!.port, { ...only(version), session: next! })).reused, true, version)
      }
      for (const server of servers) await server[Symbol.asyncDispose]()
    }
  })

  it('[R6] with a new certificate (setSecureContext): sessions still resume, in TLS 1.3 too', async () => {
    const cluster = new MemoryCluster()
    await using a = await serve(cluster.node('a'))
    await using b = await serve(cluster.node('b'))
    b.server.setSecureContext(RSA)
    const { session } = await visit(a.port, fast)
    const again = await visit(b.port, { ...fast, session: session! })
    assert.equal(again.reused, true)
    assert.equal((await visit(a.port, { ...fast, session: again.session! })).reused, true)
  })

  it('and is as before when the resumption is closed', async () => {
    const plain = makeServer('tls', { secureOptions: constants.SSL_OP_NO_RENEGOTIATION, sessionIdContext: 'own' })
    const before = snapshot(plain)
    const cluster = new MemoryCluster()
    await using a = await serve(cluster.node('a'), { server: plain })
    const { session: stale } = await visit(a.port, fast)
    assert.notDeepEqual(snapshot(plain), before)
    await a.resumption.close()
    await a.resumption.close()
    // The listeners of the test itself come on top.
    for (const [event, own] of [
      ['connection', 1],
      ['secureConnection', 1],
      ['tlsClientError', 1],
    ] as const) {
      before.listeners[event]! += own
    }
    assert.deepEqual(snapshot(plain), before)
    const { session } = await visit(a.port, fast)
    assert.equal((await visit(a.port, { ...fast, session: session! })).reused, true, 'by ticket, as Node does')
    assert.equal((await visit(a.port, { ...fast, session: stale! })).reused, false)
    assert.equal(a.resumption.stats().hellos.read, 1)
    // And again.
    const next = await resumeAcrossCluster(plain, cluster.nodes[0]!, { context: 'test' })
    assert.equal((await visit(a.port, { ...fast, session: stale! })).reused, true)
    await next.close()
  })

  function snapshot(server: object): { listeners: Record<string, number>; options: unknown[] } {
    const { secureOptions, sessionIdContext, sessionTimeout } = server as Record<string, unknown>
    const count = (event: string): number => (server as { listenerCount(event: string): number }).listenerCount(event)
    const events = ['connection', 'secureConnection', 'newSession', 'resumeSession', 'tlsClientError']
    return {
      listeners: Object.fromEntries(events.map((event) => [event, count(event)])),
      options: [secureOptions, sessionIdContext, sessionTimeout, Object.hasOwn(server, 'setSecureContext')],
    }
  }

  it('and lets go of a method that somebody else has wrapped meanwhile', async () => {
    await using a = await serve(new MemoryCluster().node('a'))
    const ours = a.server.setSecureContext.bind(a.server)
    a.server.setSecureContext = (options) => ours(options)
    await a.resumption.close()
    a.server.setSecureContext(P256)
    assert.equal((a.server as { secureOptions?: number }).secureOptions, undefined)
    const { session } = await visit(a.port, fast)
    assert.equal((await visit(a.port, { ...fast, session: session! })).reused, true, 'by ticket')
  })

  it('counts failed handshakes', async () => {
    await using a = await serve(new MemoryCluster().node('a'), { tls: { minVersion: 'TLSv1.3' } })
    await assert.rejects(visit(a.port, only('TLSv1.2')))
    await until(() => a.resumption.stats().handshakes.failed === 1)
  })
})

describe('resumeAcrossCluster', () => {
  const start = (options: Partial<ResumptionOptions>, server: object = makeServer('tls')): Promise<unknown> =>
    resumeAcrossCluster(server as never, new MemoryCluster().node('a'), { context: 'test', ...options })

  for (const [what, options] of [
    ['an empty context', { context: '' }],
    ['a context over 255 bytes', { context: 'é'.repeat(128) }],
    ['no context', { context: undefined as never }],
    ['an unknown mode', { mode: 'other' as never }],
    ['an unknown confirm', { confirm: 'yes' as never }],
    ['an unknown proxyProtocol', { proxyProtocol: 'on' as never }],
    ['a lifetime over seven days', { lifetimeMs: 8 * 24 * 3_600_000 }],
    ['a renewal shorter than the lifetime', { lifetimeMs: 60_000, renewalMs: 1_000 }],
    ['a deadline that is no number', { lookupDeadlineMs: Number.NaN }],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(start(options), UsageError)
    })
  }

  it('refuses what is no TLS server, one that is taken, and one with a session store', async () => {
    const { createServer } = await import('node:http')
    await assert.rejects(start({}, createServer()), UsageError)
    const server = makeServer('tls')
    await start({}, server)
    await assert.rejects(start({}, server), UsageError)
    await assert.rejects(
      start(
        {},
        makeServer('tls').on('resumeSession', () => {}),
      ),
      UsageError,
    )
  })

  it('asks for clientCa where the authorities cannot be seen', async () => {
    const SNICallback = (): void => {}
    const tls = { requestCert: true, ca: CLIENT_CA_A, SNICallback }
    await assert.rejects(start({}, makeServer('tls', tls)), /clientCa/)
    await start({ clientCa: CLIENT_CA_A }, makeServer('tls', tls))
    const named = makeServer('tls', { requestCert: true, ca: CLIENT_CA_A })
    named.addContext('service.test', P256)
    await assert.rejects(start({}, named), /clientCa/)
  })

  it('replicates nothing for authorities that became unknowable later', async () => {
    const cluster = new MemoryCluster()
    await using a = await serve(cluster.node('a'), { tls: { requestCert: true, ca: CLIENT_CA_A } })
    a.server.addContext('service.test', { ...P256, ca: CLIENT_CA_B })
    await visit(a.port, CLIENT_B)
    assert.equal(cluster.sessions.size, 0)
    assert.ok(a.resumption.stats().sessions.skipped > 0)
  })

  it('refuses a source that cannot seal, and leaves the server as it was', async () => {
    const node = new MemoryCluster().node('a')
    node.faults.noSeal = true
    const server = makeServer('tls')
    const { secureOptions } = server as { secureOptions?: number }
    await assert.rejects(resumeAcrossCluster(server, node, { context: 'test' }), UsageError)
    assert.equal((server as { secureOptions?: number }).secureOptions, secureOptions)
    assert.equal(server.listenerCount('newSession'), 0)
    await (await resumeAcrossCluster(server, node, { context: 'test', seal: false })).close()
  })

  it('seals what it stores', async () => {
    const node = new MemoryCluster().node('a')
    await using a = await serve(node)
    const { sealed } = node.calls
    await visit(a.port, only('TLSv1.2'))
    assert.equal(node.calls.sealed, sealed + 1)
  })

  it('starts without the cluster', async () => {
    const node = new MemoryCluster().node('a')
    node.faults.fail = true
    await using a = await serve(node)
    assert.match((await visit(a.port)).text, /hello/)
  })
})
