import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { generateIdentity } from '@reprise/p2p'
import { bytes, introduce, isMesh, Member, startCluster, stopAll, until } from './support/member.ts'
import { closeProxies, TcpProxy } from './support/proxy.ts'

const QUICK = { redialMinMs: 20, redialMaxMs: 100, dialMs: 1_000 }
const portOf = (member: Member): number => Number(member.address.split('/')[4])

describe('staying connected', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(async () => {
    await stopAll()
    await closeProxies()
  })

  it('connects again with a member that stopped and came back on the same port', async () => {
    const identity = await generateIdentity()
    const [a, c] = (await startCluster(2, { limits: QUICK })) as [Member, Member]
    const b = await Member.start({ ...identity, limits: QUICK, join: [a.address] })
    introduce([a, b, c])
    await until(() => isMesh([a, b, c]), 'a full mesh')
    const listen = [b.address.replace(/\/p2p\/.*/, '')]
    await b.network.stop()
    await until(() => a.count('down', b) === 1 && c.count('down', b) === 1, 'its loss')
    assert.equal(a.isUp(c), true)
    assert.equal(a.network.send(b.id, 'control', bytes('nobody there')), false)

    // It knows nobody: the others have to find it.
    const again = await Member.start({ ...identity, limits: QUICK, listen })
    await until(() => isMesh([a, again, c]), 'a full mesh')
    assert.equal(a.network.publish(0, bytes('welcome back')), 2)
    await until(() => again.texts('frame', a).includes('welcome back'), 'the frame')
    assert.deepEqual(
      a.told
        .filter((told) => told.peer === b.id && (told.what === 'up' || told.what === 'down'))
        .map((told) => told.what),
      ['up', 'down', 'up'],
    )
  })

  it('finds a member at its new address, and leaves the old one alone', async () => {
    const identity = await generateIdentity()
    const a = await Member.start({ limits: QUICK })
    const b = await Member.start({ ...identity, limits: QUICK })
    const proxy = await TcpProxy.start(portOf(b))
    a.network.setMembers(new Map([[b.id, [proxy.address]]]))
    await until(() => a.isUp(b), 'the member')
    await b.network.stop()
    const moved = await Member.start({ ...identity, limits: QUICK })
    await until(() => a.network.stats().counters.dialsFailed >= 2, 'dials of the old address')
    a.network.setMembers(new Map([[b.id, moved.network.addresses]]))
    await until(() => a.isUp(moved), 'the member at its new address')
    const { taken } = proxy
    moved.network.setMembers(new Map())
    await until(() => a.hasSubscriber(moved), 'its subscription')
    assert.equal(proxy.taken, taken)
  })

  it('dials again after a cut for as long as it takes, on a connection that was reset', async () => {
    const [a, b] = await Promise.all([Member.start({ limits: QUICK }), Member.start({ limits: QUICK })])
    const proxy = await TcpProxy.start(portOf(b))
    a.network.setMembers(new Map([[b.id, [proxy.address]]]))
    await until(() => a.isUp(b) && b.isUp(a), 'the connection')
    proxy.refuse()
    await until(() => proxy.taken >= 8, 'eight dials')
    assert.equal(a.isUp(b), false)
    proxy.heal()
    await until(() => a.isUp(b) && b.isUp(a), 'the connection')
  })

  it('[pitfall 44] outlives a stall that is shorter than its patience: a late ping cuts nothing', async () => {
    const limits = { ...QUICK, pingMs: 250, silenceMs: 5_000, stallMs: 5_000 }
    const [a, b] = await Promise.all([Member.start({ limits }), Member.start({ limits })])
    const proxy = await TcpProxy.start(portOf(b))
    a.network.setMembers(new Map([[b.id, [proxy.address]]]))
    await until(() => a.hasSubscriber(b), 'the connection')
    proxy.stall()
    assert.equal(a.network.publish(0, bytes('held back')), 1)
    const silentMs = (): number => a.network.stats().peers[0]!.link!.silentMs
    await until(() => silentMs() > 4 * limits.pingMs, 'some unanswered pings')
    proxy.heal()
    await until(() => b.texts('frame', a).includes('held back'), 'the frame')
    assert.equal(a.count('down') + b.count('down'), 0)
  })

  it('cuts a connection that is silent for longer, though TCP would keep it for minutes, and makes another', async () => {
    const limits = { ...QUICK, pingMs: 250, silenceMs: 750 }
    const [a, b] = await Promise.all([Member.start({ limits }), Member.start({ limits })])
    const proxy = await TcpProxy.start(portOf(b))
    a.network.setMembers(new Map([[b.id, [proxy.address]]]))
    await until(() => a.hasSubscriber(b), 'the connection')
    proxy.stall()
    await until(() => a.count('down', b) === 1 && b.count('down', a) === 1, 'the silence to be noticed by both')
    proxy.heal()
    await until(() => a.hasSubscriber(b) && b.hasSubscriber(a), 'a new connection')
    // Dials of the silent time may still come through, and a frame be on the one that is closed for it.
    let n = 0
    await until(() => {
      a.network.publish(0, bytes(`after ${n++}`))
      return b.texts('frame', a).length > 0
    }, 'a frame')
  })

  it('takes the new connection of a peer that does not know the old one any more', async () => {
    // The old connection stays open at one side only, as after the crash of a host; both orders of the ids are tried.
    const pair = [await generateIdentity(), await generateIdentity()].sort((x, y) => (x.nodeId < y.nodeId ? -1 : 1))
    for (const [staying, crashing] of [pair, pair.toReversed()] as const) {
      const limits = { ...QUICK, duplicateMs: 300, silenceMs: 60_000 }
      const a = await Member.start({ ...staying!, limits })
      const b = await Member.start({ ...crashing!, limits })
      const proxy = await TcpProxy.start(portOf(b))
      a.network.setMembers(new Map([[b.id, [proxy.address]]]))
      await until(() => a.isUp(b) && b.isUp(a), 'the connection')
      a.network.send(b.id, 'bulk', bytes('hello'))
      await until(() => b.count('bulk', a) === 1, 'its bulk stream')
      proxy.stall()
      await b.network.stop()
      assert.equal(a.isUp(b), true)
      const again = await Member.start({ ...crashing!, limits, join: [a.address] })
      await until(() => again.isUp(a), 'the new connection')
      await until(() => a.count('up', b) === 2 && a.isUp(again), 'the change to it')
      assert.equal(a.count('down', b), 1)
      a.network.send(again.id, 'control', bytes('hello again'))
      await until(() => again.count('control', a) === 1, 'a message')
      await stopAll()
    }
  })

  it('joins by a name and a port', async () => {
    const a = await Member.start({ limits: QUICK })
    const b = await Member.start({ limits: QUICK, join: [`localhost:${portOf(a)}`] })
    await until(() => a.isUp(b) && b.isUp(a), 'the connection')
  })

  it('finds out that a place is itself, and dials it no more', async () => {
    const port = await freePort()
    const itself = await TcpProxy.start(port)
    const nobody = await TcpProxy.start(await freePort())
    const join = [itself.address, nobody.address]
    nobody.refuse()
    await Member.start({ limits: QUICK, listen: [`/ip4/127.0.0.1/tcp/${port}`], join })
    // A busy machine may take longer for the first dials of itself than they have; those say nothing yet.
    let before = { itself: 0, nobody: 0 }
    const isLeftAlone = (): boolean => {
      if (nobody.taken < before.nobody + 6) return false
      const isSame = itself.taken === before.itself
      before = { itself: itself.taken, nobody: nobody.taken }
      return isSame && itself.taken > 0
    }
    await until(isLeftAlone, 'six rounds of dialling without one of itself')
  })
})

/** A port on which nothing listens. */
const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
