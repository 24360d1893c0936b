/** Who gets in. What counts is what the other side saw: a dial of somebody who is refused may well resolve. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { generateIdentity, type NetworkInit } from '@reprise/p2p'
import { createLibp2p } from 'libp2p'
import { bytes, Member, stopAll, until } from './support/member.ts'

const SECRET = 'a secret of more than sixteen bytes'
const QUICK = { dialMs: 500, redialMinMs: 20, redialMaxMs: 50, refusedMs: 100 }

describe('admission', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(stopAll)

  const failures: [string, Partial<NetworkInit>][] = [
    ['the wrong secret', { secret: 'another secret of sixteen bytes' }],
    ['no secret', {}],
  ]
  for (const [name, init] of failures) {
    it(`keeps out who has ${name}, while it goes on letting others in`, async () => {
      const server = await Member.start({ secret: SECRET, limits: QUICK })
      const stranger = await Member.start({ ...init, limits: QUICK, join: [server.address] })
      await until(() => stranger.network.stats().counters.dialsFailed >= 2, 'two refused dials')
      const member = await Member.start({ secret: Buffer.from(SECRET), limits: QUICK, join: [server.address] })
      await until(() => server.isUp(member), 'the member')
      assert.deepEqual(server.network.peers, [member.id])
      assert.equal(server.count('up', stranger), 0)
      assert.equal(stranger.count('up'), 0)
    })
  }

  it('[W3] keeps clusters of different names apart, says why, and tries again slowly', async () => {
    const a = await Member.start({ clusterName: 'one', limits: QUICK })
    const b = await Member.start({ clusterName: 'two', limits: QUICK, join: [a.address] })
    const opener = a.id < b.id ? a : b
    const mismatches = (): unknown[] =>
      opener.logged.filter(({ level }) => level === 'warn').map(({ fields }) => fields['code'])
    await until(() => mismatches().length >= 2, 'two refusals')
    assert.deepEqual(new Set(mismatches()), new Set(['CLUSTER_MISMATCH']))
    assert.match(opener.logged.find(({ level }) => level === 'warn')!.message, /correct the cluster name/)
    assert.equal(a.count('up') + b.count('up'), 0)
  })

  it('refuses another number of shards, and both sides say so', async () => {
    const a = await Member.start({ shardCount: 8, limits: QUICK })
    const b = await Member.start({ shardCount: 16, limits: QUICK, join: [a.address] })
    const hasSaid = (member: Member): boolean =>
      member.logged.some(({ fields }) => fields['code'] === 'SHARDS_MISMATCH')
    await until(() => hasSaid(a) && hasSaid(b), 'both messages')
    assert.equal(a.count('up') + b.count('up'), 0)
    assert.equal(a.network.send(b.id, 'control', bytes('no')), false)
  })

  it('lets in who is on the list only, and cuts who is taken off it', async () => {
    const [known, unknown] = [await generateIdentity(), await generateIdentity()]
    const server = await Member.start({ allow: [known.nodeId], limits: QUICK })
    const join = [server.address]
    const stranger = await Member.start({ privateKey: unknown.privateKey, join, limits: QUICK })
    const member = await Member.start({ privateKey: known.privateKey, join, limits: QUICK })
    await until(() => server.isUp(member), 'the member')
    await until(() => server.network.stats().counters.refused >= 2, 'two refusals')
    assert.equal(server.count('up', stranger), 0)

    server.network.setAllow([unknown.nodeId])
    await until(() => server.isUp(stranger) && !server.isUp(member), 'the other one')
    assert.equal(server.count('down', member), 1)

    server.network.setAllow(undefined)
    await until(() => server.isUp(stranger) && server.isUp(member), 'both')
  })

  it('lets a member in while 200 silent connections wait for nothing', async () => {
    const server = await Member.start({ secret: SECRET, limits: QUICK })
    const port = Number(server.address.split('/')[4])
    const silent = Array.from({ length: 200 }, () => connect(port, '127.0.0.1').on('error', () => {}))
    try {
      await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
      const member = await Member.start({ secret: SECRET, limits: QUICK, join: [server.address] })
      await until(() => server.isUp(member), 'the member')
      await until(
        () => silent.every((socket) => socket.destroyed || socket.readableEnded),
        'the silent ones to be closed',
      )
      assert.equal(server.isUp(member), true)
    } finally {
      for (const socket of silent) socket.destroy()
    }
  })

  it('[pitfall 45] gives no frame to, and takes none from, who is connected and has not said hello', async () => {
    const server = await Member.start({ limits: QUICK })
    const topic = '/reprise/reprise/1/shard/0'
    const received: string[] = []
    // The lower id is to open the control stream, so nothing ends the connection for a while.
    let privateKey = await generateKeyPair('Ed25519')
    while (peerIdFromPrivateKey(privateKey).toString() > server.id) privateKey = await generateKeyPair('Ed25519')
    const stranger = await createLibp2p({
      privateKey,
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      services: {
        identify: identify(),
        pubsub: gossipsub({ globalSignaturePolicy: 'StrictNoSign', allowPublishToZeroTopicPeers: true }),
      },
    })
    try {
      const { pubsub } = stranger.services
      pubsub.addEventListener('message', (event) => received.push(Buffer.from(event.detail.data).toString()))
      pubsub.subscribe(topic)
      await stranger.dial(multiaddr(server.address))
      let n = 0
      await until(() => {
        pubsub.publish(topic, bytes(`from the stranger, ${n++}`)).catch(() => {})
        server.network.publish(0, bytes(`from the member, ${n}`))
        return server.network.stats().counters.foreignFrames >= 3
      }, 'frames of the stranger')
      assert.equal(server.count('frame'), 0)
      assert.equal(server.count('subscriber'), 0)
      assert.equal(server.network.publish(0, bytes('last')), 0)
      assert.deepEqual(received, [])
    } finally {
      await stranger.stop()
    }
  })
})
