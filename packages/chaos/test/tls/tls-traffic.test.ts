/** TLS clients at members that are planted: real TLS servers, which do what members must not do. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { Random } from '@reprise/testkit'
import { judge } from '../../src/checkers/judge.ts'
import { scenario, TLS_INVARIANTS } from '../../src/define.ts'
import { RunTime } from '../../src/run/time.ts'
import type { Operation } from '../../src/run-record.ts'
import type { TlsWorkload } from '../../src/scenario.ts'
import { type Identities, makeIdentities } from '../../src/tls/identities.ts'
import { TlsTraffic } from '../../src/tls/tls-traffic.ts'
import { Balancer } from '../../src/workload/balancer.ts'
import { History } from '../../src/workload/history.ts'

const PLAN: TlsWorkload = { kind: 'tls', clients: 6, rate: 200, balance: 'round-robin', strangerRate: 0, settledMs: 0 }
const HANDSHAKES = 60

/** What the planted members do. */
interface Planted {
  /** Each has ticket keys of its own: nobody else resumes its sessions. */
  readonly keepsToItself?: boolean
  /** It takes everybody for this client. */
  readonly takesAllFor?: string
  /** The first member ends every connection. */
  readonly refuses?: boolean
}

describe('TLS clients', function () {
  this.timeout(60_000)

  let identities: Identities
  const servers: Server[] = []

  before(async () => {
    identities = await makeIdentities(PLAN.clients)
  })

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
  })

  const serve = async (options: TlsOptions, planted: Planted, number: number): Promise<number> => {
    const server = createServer(options, (socket: TLSSocket) => {
      socket.on('error', () => {})
      if (planted.refuses === true && number === 0) return socket.destroy()
      const client = planted.takesAllFor ?? socket.getPeerCertificate().subject?.CN
      socket.resume()
      socket.end(JSON.stringify({ from: socket.isSessionReused() ? 'local' : 'new', client }))
    })
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert(address !== null && typeof address === 'object')
    return address.port
  }

  /** @returns what the clients did at two such members, and what broke. */
  const comeTo = async (planted: Planted): Promise<{ operations: readonly Operation[]; broken: readonly string[] }> => {
    const identity = { ...identities.server, ca: identities.ca, requestCert: true, sessionIdContext: 'test' }
    const shared = planted.keepsToItself === true ? {} : { ticketKeys: Buffer.alloc(48, 7) }
    const ports = await Promise.all([0, 1].map((number) => serve({ ...identity, ...shared }, planted, number)))
    const aborter = new AbortController()
    const history = new History()
    const balancer = new Balancer(new Random(1), 'round-robin')
    const expected = [...ports.keys()]
    balancer.update(new Map(), expected)
    const cluster = { expected, tlsAddress: (node: number) => ({ host: '127.0.0.1', port: ports[node] ?? 0 }) }
    const random = { arrivals: new Random(1, 1), reads: new Random(1, 2) }
    const time = new RunTime(aborter.signal)
    const traffic = new TlsTraffic({ plan: PLAN, cluster, identities, balancer, history, random, time })
    await traffic.fill()
    const coming = traffic.run()
    while (history.operations().length < HANDSHAKES) await time.sleep(10)
    await traffic.stop()
    await coming
    await traffic.readBack()
    aborter.abort()
    const operations = history.operations()
    return { operations, broken: brokenBy(operations) }
  }

  it('[R6] keep what they are given, offer it at the other member, and both versions of TLS resume it', async () => {
    const { operations, broken } = await comeTo({})
    assert.deepEqual(broken, [])
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const elsewhere = operations.filter(({ node, detail: { tls } }) => {
        return tls?.version === version && tls.offered !== undefined && tls.offered.madeBy !== node
      })
      assert(elsewhere.length > 0, version)
      assert(elsewhere.every(({ detail: { tls } }) => tls?.result === 'resumed'))
    }
    assert.equal(operations.filter(({ kind }) => kind === 'tls-new').length, PLAN.clients)
    assert.equal(operations.filter(({ kind }) => kind === 'final-read').length, 2 * PLAN.clients)
  })

  it('notice members that keep sessions to themselves', async () => {
    assert.deepEqual((await comeTo({ keepsToItself: true })).broken, ['tls-resumed'])
  })

  it('notice members that take them for somebody else', async () => {
    assert.deepEqual((await comeTo({ takesAllFor: 'client-0' })).broken, ['tls-own'])
  })

  it('notice a member that serves nobody, and are served by the next one', async () => {
    const { operations, broken } = await comeTo({ refuses: true })
    assert.deepEqual(broken, ['tls-served'])
    assert(operations.some(({ node, outcome }) => node === 1 && outcome === 'ok'))
  })
})

/** The invariants of clients that broke. */
function brokenBy(operations: readonly Operation[]): readonly string[] {
  const planted = scenario({
    name: 'planted',
    summary: '',
    cluster: { nodes: 2, copies: 1 },
    workload: PLAN,
    nemesis: [],
    phases: { runMs: 60_000 },
    invariants: TLS_INVARIANTS.filter((name) => name !== 'convergence' && name !== 'links'),
  })
  const violations = judge({
    scenario: planted,
    backend: 'proc',
    seed: 1,
    startedAt: '2026-01-01T00:00:00.000Z',
    version: '',
    replay: '',
    memberNames: ['a', 'b'],
    faults: [],
    samples: [],
    operations,
    healedAtMs: 60_000,
    quietAtMs: 60_000,
    check: undefined,
  })
  return [...new Set(violations.map(({ invariant }) => invariant))]
}
