/** What every carrier of frames does, asked of each of them. */
import assert from 'node:assert/strict'
import { NETWORK_LIMITS, type NetworkInit } from '@reprise/p2p'
import { bytes, introduce, isMesh, Member, startCluster, stopAll, until } from './support/member.ts'
import { closeProxies, TcpProxy } from './support/proxy.ts'

const KIB = 1024
const portOf = (member: Member): number => Number(member.address.split('/')[4])

let n = 0

for (const carrier of ['gossip', 'direct'] as const) {
  const start = (init: Parameters<typeof Member.start>[0] = {}): Promise<Member> => Member.start({ carrier, ...init })
  const startAll = (count: number, init: Partial<NetworkInit> = {}): Promise<Member[]> =>
    startCluster(count, { carrier, ...init })

  describe(`frames carried by ${carrier}`, function () {
    // Conditions are waited for; this only bounds a failure, on a busy machine, too.
    this.timeout(20_000)

    afterEach(async () => {
      await stopAll()
      await closeProxies()
    })

    it('[R10] brings one published frame to every subscriber of its shard, and to nobody else', async () => {
      const [a, b, c, d] = (await startAll(4)) as [Member, Member, Member, Member]
      b.network.subscribe(5)
      c.network.subscribe(5)
      await until(() => a.hasSubscriber(b, 5) && a.hasSubscriber(c, 5), 'the subscriptions')

      assert.equal(a.network.publish(5, bytes('frame 1')), 2)
      assert.equal(a.network.publish(0, bytes('frame 2')), 3)
      await until(() => [b, c, d].every((member) => member.texts('frame', a).includes('frame 2')), 'frame 2')

      assert.deepEqual(b.texts('frame', a), ['frame 1', 'frame 2'])
      assert.deepEqual(c.texts('frame', a), ['frame 1', 'frame 2'])
      assert.deepEqual(d.texts('frame', a), ['frame 2'])
      assert.deepEqual(a.texts('frame', a), [], 'nobody hears itself')
      assert.equal(a.network.stats().counters.framesOut, 2)
    })

    it('delivers each frame once and names its publisher, with everybody publishing', async () => {
      const all = await startAll(5)
      for (let n = 0; n < 20; n++) for (const member of all) member.network.publish(0, bytes(`${n} of ${member.id}`))
      for (const receiver of all) {
        for (const sender of all) {
          if (sender === receiver) continue
          const sent = Array.from({ length: 20 }, (_, n) => `${n} of ${sender.id}`)
          await until(() => receiver.count('frame', sender) >= sent.length, 'all frames')
          assert.deepEqual(receiver.texts('frame', sender), sent)
        }
      }
      await Promise.all(all.map((member) => member.network.stop()))
      for (const member of all) assert.equal(member.network.stats().counters.framesIn, 80)
    })

    it('may be published to before anybody is there, and loses nothing to a subscriber once it was told of it', async () => {
      const a = await start()
      assert.equal(a.network.publish(0, bytes('to nobody')), 0)
      const b = await start({ join: [a.address] })
      let sent = 0
      await until(() => {
        if (!a.hasSubscriber(b)) a.network.publish(0, bytes(`early ${sent}`))
        return a.hasSubscriber(b)
      }, 'the subscriber')
      for (; sent < 100; sent++) assert.equal(a.network.publish(0, bytes(`${sent} after`)), 1)
      await until(() => b.texts('frame', a).includes('99 after'), 'the last frame')
      const after = b.texts('frame', a).filter((text) => text.endsWith('after'))
      assert.deepEqual(
        after,
        Array.from({ length: 100 }, (_, index) => `${index} after`),
      )
    })

    it('reaches 17 peers at one address: neither the address score nor the connection limits mind', async () => {
      const hub = await start()
      const peers = await Promise.all(Array.from({ length: 17 }, () => start({ join: [hub.address] })))
      await until(() => peers.every((peer) => hub.hasSubscriber(peer)), 'all subscribers')
      // Scores are computed anew at each heartbeat of gossipsub; by the second frame that arrives all are.
      await until(() => {
        assert.equal(hub.network.publish(0, bytes(`frame ${n++}`)), 17)
        return peers.every((peer) => peer.count('frame', hub) >= 2)
      }, 'frames at all')
    })

    it('learns 1,024 subscriptions of a peer, in time and without ignoring any', async () => {
      const shards = Array.from({ length: 1024 }, (_, shard) => shard)
      const a = await start({ shardCount: 1024, shards })
      const b = await start({ shardCount: 1024, shards, join: [a.address] })
      await until(() => a.count('subscriber', b) >= 1024 && b.count('subscriber', a) >= 1024, 'all subscriptions')
      for (const shard of shards) assert.equal(a.network.publish(shard, bytes(`frame of shard ${shard}`)), 1)
      await until(() => b.count('frame', a) === 1024, 'all frames')
    })

    it('forgets who unsubscribed, and takes it back', async () => {
      const [a, b] = (await startAll(2)) as [Member, Member]
      b.network.unsubscribe(0)
      await until(() => a.network.publish(0, bytes(`${n++}`)) === 0, 'no subscriber')
      b.network.subscribe(0)
      await until(() => a.network.publish(0, bytes(`${n++}`)) === 1, 'the subscriber')
      await until(() => a.told.at(-1)?.what === 'subscriber', 'being told')
    })

    it('does not relay: a frame goes one hop and is its sender’s', async () => {
      const b = await start()
      const [a, c] = await Promise.all([start({ join: [b.address] }), start({ join: [b.address] })])
      await until(() => a.hasSubscriber(b) && b.hasSubscriber(c) && b.hasSubscriber(a), 'the line')
      assert.equal(a.network.publish(0, bytes('from a')), 1)
      await until(() => b.texts('frame', a).length === 1, 'one hop')
      b.network.publish(0, bytes('from b'))
      await until(() => c.texts('frame', b).length === 1, 'a later frame of the middle')
      assert.deepEqual(c.texts('frame', b), ['from b'])
      assert.equal(c.count('frame'), 1)
    })

    it('[pitfall 14] carries the largest frame, and all subscriptions with it', async () => {
      const [a, b] = (await startAll(2)) as [Member, Member]
      const frame = new Uint8Array(NETWORK_LIMITS.frameBytesMax).fill(7)
      assert.equal(a.network.publish(0, frame), 1)
      await until(() => b.count('frame', a) === 1, 'the frame')
    })

    it('[pitfall 18] skips a peer that does not keep up, within a bounded buffer, and nobody else; it hears the rest later', async () => {
      const limits = {
        gossipBufferBytesMax: 256 * KIB,
        directBufferBytesMax: 256 * KIB,
        streamWindowBytesMax: 256 * KIB,
      }
      const [a, slow, quick] = await Promise.all([0, 1, 2].map(() => start({ limits })))
      const proxy = await TcpProxy.start(portOf(slow!))
      a!.network.setMembers(
        new Map([
          [slow!.id, [proxy.address]],
          [quick!.id, quick!.network.addresses],
        ]),
      )
      await until(() => a!.hasSubscriber(slow!) && a!.hasSubscriber(quick!), 'both')
      proxy.stall('there')
      let sent = 0
      const publish = (): number => {
        const frame = Buffer.alloc(32 * KIB)
        frame.write(`frame ${sent++}`)
        return a!.network.publish(0, frame)
      }
      await until(() => {
        const reached = publish()
        assert.ok(a!.network.bufferedBytes(slow!.id) <= limits.gossipBufferBytesMax + 64 * KIB)
        return reached === 1
      }, 'the slow one to be skipped')
      for (let k = 0; k < 20; k++) {
        assert.equal(publish(), 1)
        await until(() => a!.network.bufferedBytes(quick!.id) === 0, 'the frame to leave')
      }
      await until(() => quick!.count('frame', a!) === sent, 'all frames at the quick one')
      await until(() => a!.network.stats().counters.framesSkipped === 21, 'the count of skipped frames')

      proxy.heal()
      await until(() => publish() === 2, 'both again')
      await until(() => slow!.texts('frame', a!).some((text) => text.startsWith(`frame ${sent - 1}`)), 'the last frame')
      assert.equal(a!.count('down') + slow!.count('down'), 0, 'on the same connections')
    })

    it('has a connection cut on which frames do not move, though the peer still speaks', async () => {
      const limits = { stallMs: 500, redialMinMs: 20, redialMaxMs: 50, streamWindowBytesMax: 256 * KIB }
      const [a, b] = await Promise.all([0, 1].map(() => start({ limits })))
      const proxy = await TcpProxy.start(portOf(b!))
      a!.network.setMembers(new Map([[b!.id, [proxy.address]]]))
      await until(() => a!.hasSubscriber(b!), 'the subscriber')
      proxy.stall('there')
      await until(() => {
        a!.network.publish(0, Buffer.alloc(64 * KIB, `frame ${n++}`))
        return a!.network.stats().counters.stalledClosed === 1
      }, 'the cut')
      proxy.heal()
      await until(() => a!.isUp(b!) && a!.count('down', b!) >= 1, 'a new connection')
    })

    it('counts in advance whom the frames of one turn are too many for', async () => {
      const limits = { gossipBufferBytesMax: 256 * KIB, directBufferBytesMax: 256 * KIB, frameBytesMax: 64 * KIB }
      const [a, b] = (await startAll(2, { limits })) as [Member, Member]
      const counts = Array.from({ length: 12 }, (_, k) => a.network.publish(0, Buffer.alloc(64 * KIB, `frame ${k}`)))
      const reached = counts.filter((count) => count === 1).length
      assert.deepEqual(counts, counts.toSorted().toReversed(), 'the first ones fit')
      assert.ok(reached >= 3 && reached < 12)
      await until(() => b.count('frame', a) >= reached, 'at least the frames that were counted')
    })

    it('counts the bytes that it carried', async () => {
      const [a, b] = (await startAll(2)) as [Member, Member]
      const sent = (): number => a.network.stats().peers[0]?.link?.bytesOut ?? 0
      const before = sent()
      a.network.publish(0, new Uint8Array(10_000))
      await until(() => b.count('frame', a) === 1 && sent() >= before + 10_000, 'the bytes')
    })
  })
}

describe('members that publish with different carriers', function () {
  this.timeout(20_000)

  afterEach(stopAll)

  const startMixed = async (inits: readonly Partial<NetworkInit>[]): Promise<Member[]> => {
    const all = await Promise.all(inits.map((init) => Member.start(init)))
    introduce(all)
    await until(() => isMesh(all), 'a full mesh')
    return all
  }

  /** Everybody publishes; everybody hears everybody else exactly once, and nobody twice. */
  const exchange = async (all: readonly Member[]): Promise<void> => {
    for (let k = 0; k < 20; k++) {
      for (const member of all) assert.equal(member.network.publish(0, bytes(`${k} of ${member.id}`)), all.length - 1)
    }
    for (const receiver of all) {
      for (const sender of all) {
        if (sender === receiver) continue
        const sent = Array.from({ length: 20 }, (_, k) => `${k} of ${sender.id}`)
        await until(() => receiver.count('frame', sender) >= sent.length, 'all frames')
        assert.deepEqual(receiver.texts('frame', sender), sent)
      }
    }
  }

  it('hear each other: who publishes decides alone', async () => {
    await exchange(await startMixed([{ carrier: 'direct' }, { carrier: 'gossip' }, { carrier: 'direct' }]))
  })

  it('fall back to gossip for a peer of a build that takes no direct streams', async () => {
    const all = await startMixed([{ carrier: 'direct' }, { wireVersions: [1] }, { carrier: 'direct' }])
    await exchange(all)
    const streams = (member: Member, peer: Member): number =>
      member.network.stats().peers.find(({ nodeId }) => nodeId === peer.id)?.link?.streams ?? 0
    const [a, old, b] = all as [Member, Member, Member]
    // Control, bulk and gossipsub each way; between the present ones a direct stream each way besides.
    await until(() => streams(a, old) === 4 && streams(a, b) === 6, 'their streams')
  })
})
