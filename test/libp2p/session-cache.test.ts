/** Sessions as a service of libp2p nodes that somebody else made: what `createLibp2p({ services })` gives. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { StoppedError, UsageError } from '@reprise/core'
import { createNode, purchase, type SessionCache, type SessionCacheOptions, sessionCache } from '@reprise/node'
import { createLibp2p } from 'libp2p'

const run = promisify(execFile)
const ECHO = '/test/echo/1'
const PURCHASE = { items: [{ sku: 'tea', quantity: 2, price: { amount: 450, currency: 'EUR' } }] }

describe('sessions as a libp2p service', function () {
  this.timeout(40_000)
  const stops: (() => Promise<void>)[] = []

  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()))
  })

  /** A libp2p node with a protocol of its own, as somebody may have it. */
  async function startHost(options: Partial<SessionCacheOptions> = {}) {
    const libp2p = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      services: { identify: identify(), sessions: sessionCache({ allow: 'everybody', ...options }) },
    })
    await libp2p.handle(ECHO, (stream) => {
      stream.addEventListener('message', ({ data }) => stream.send(data))
    })
    stops.push(async () => libp2p.stop())
    return libp2p
  }
  type HostNode = Awaited<ReturnType<typeof startHost>>

  async function startHosts(size: number, options: Partial<SessionCacheOptions> = {}): Promise<HostNode[]> {
    const first = await startHost(options)
    const join = first.getMultiaddrs().map(String)
    const others = Array.from({ length: size - 1 }, () => startHost({ join, ...options }))
    const hosts = [first, ...(await Promise.all(others))]
    await Promise.all(hosts.map((host) => ready(host.services.sessions, size)))
    return hosts
  }

  for (const carrier of ['gossip', 'direct'] as const) {
    it(`are a cluster on three hosts, by ${carrier}: what one writes another resumes, and hosts keep their protocols`, async () => {
      const [a, b, c] = await startHosts(3, { carrier })
      assert(a !== undefined && b !== undefined && c !== undefined)
      const { sessions } = a.services
      assert.equal(sessions.nodeId, a.peerId.toString())
      const session = await sessions.create('cart-17')
      session.set(purchase, PURCHASE)
      await session.commit({ copies: 2 })

      const found = await c.services.sessions.resume('cart-17')
      assert(found.outcome === 'complete')
      assert.deepEqual(found.get(purchase), PURCHASE)
      assert.deepEqual(b.services.sessions.local('cart-17')?.get(purchase), PURCHASE)
      assert.equal(await echo(b, c, 'hello'), 'hello')
      const { members } = b.services.sessions.status()
      assert(members.every(({ nodeId, addresses }) => nodeId === sessions.nodeId || addresses.length > 0))
    })
  }

  it('are one cluster with members that have a libp2p node of their own', async () => {
    const [a, b] = await startHosts(2)
    assert(a !== undefined && b !== undefined)
    const node = await createNode({ join: a.getMultiaddrs().map(String) })
    stops.push(() => node.stop())
    await Promise.all([ready(node, 3), ready(a.services.sessions, 3), ready(b.services.sessions, 3)])
    const session = await node.create('s')
    session.set('n', 1)
    await session.commit({ copies: 2 })
    const found = await b.services.sessions.resume('s')
    assert(found.outcome === 'complete' && found.get('n') === 1)
    found.set('n', 2)
    await found.commit({ copies: 2 })
    const again = await node.resume('s')
    assert(again.outcome === 'complete' && again.get('n') === 2)
    assert.equal(await echo(a, b, 'still mine'), 'still mine')
  })

  it('stop with their host and say goodbye; the others go on, and the host may start again', async () => {
    const [a, b, c] = await startHosts(3)
    assert(a !== undefined && b !== undefined && c !== undefined)
    const { sessions } = c.services
    const session = await sessions.create('last')
    session.set('n', 1)
    await session.commit()
    const reasons = Promise.all(
      [a, b].map(
        (host) =>
          new Promise<string>((resolve) =>
            host.services.sessions.once('member:down', ({ nodeId, reason }) => {
              assert.equal(nodeId, sessions.nodeId)
              resolve(reason)
            }),
          ),
      ),
    )
    await c.stop()
    assert.deepEqual(await reasons, ['left', 'left'])
    await assert.rejects(sessions.create('late'), StoppedError)
    assert.deepEqual([sessions.isReady, sessions.aliveMembers()], [false, []])
    assert.deepEqual(
      c.getProtocols().filter((protocol) => protocol.includes('reprise')),
      [],
      'nothing of it stays in the host',
    )
    const found = await a.services.sessions.resume('last')
    assert(found.outcome === 'complete' && found.get('n') === 1)

    await c.start()
    await c.dial(a.getMultiaddrs())
    await Promise.all([a, b, c].map((host) => ready(host.services.sessions, 3)))
    const back = await sessions.resume('last')
    assert(back.outcome === 'complete' && back.get('n') === 1)
  })

  it('leave nothing behind that keeps the process alive', async () => {
    const source = `
      import { identify } from '@libp2p/identify'
      import { tcp } from '@libp2p/tcp'
      import { tls } from '@libp2p/tls'
      import { yamux } from '@libp2p/yamux'
      import { sessionCache } from '@reprise/node'
      import { createLibp2p } from 'libp2p'
      const start = (join) => createLibp2p({
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()], connectionEncrypters: [tls()], streamMuxers: [yamux()],
        services: { identify: identify(), sessions: sessionCache({ allow: 'everybody', join }) },
      })
      const a = await start([])
      const b = await start(a.getMultiaddrs().map(String))
      await a.services.sessions.whenReady({ members: 2 })
      await Promise.all([a.stop(), b.stop()])
      console.log('stopped')`
    const args = ['--conditions=@reprise/source', '--input-type=module', '--eval', source]
    const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname, timeout: 30_000 })
    assert.equal(stdout, 'stopped\n')
  })

  it('need a decision who may be a member', () => {
    assert.throws(() => sessionCache({} as SessionCacheOptions), UsageError)
    assert.throws(() => sessionCache({ allow: 'everybody', listen: [] } as unknown as SessionCacheOptions), UsageError)
  })

  async function echo(from: HostNode, to: HostNode, text: string): Promise<string> {
    const stream = await from.dialProtocol(to.getMultiaddrs(), ECHO)
    const answer = new Promise<string>((resolve) => {
      stream.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()).toString()), { once: true })
    })
    stream.send(Buffer.from(text))
    const echoed = await answer
    await stream.close()
    return echoed
  }
})

async function ready(node: Pick<SessionCache, 'whenReady'>, members: number): Promise<void> {
  await node.whenReady({ members, signal: AbortSignal.timeout(20_000) })
}
