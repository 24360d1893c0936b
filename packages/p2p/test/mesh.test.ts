import assert from 'node:assert/strict'
import { bytes, introduce, isMesh, Member, startCluster, stopAll, until } from './support/member.ts'

describe('a mesh of networks', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(stopAll)

  it('[R10] multicasts one published frame to every subscriber of its shard over gossipsub, and to nobody else', async () => {
    const [a, b, c, d] = (await startCluster(4)) as [Member, Member, Member, Member]
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
    const all = await startCluster(5)
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

  it('carries messages on both lanes, both ways, in order within a lane', async () => {
    const [a, b] = (await startCluster(2)) as [Member, Member]
    const texts = Array.from({ length: 300 }, (_, n) => `message ${n}`)
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const text of texts) {
        assert.equal(from.network.send(to.id, 'control', bytes(text)), true)
        assert.equal(from.network.send(to.id, 'bulk', bytes(text)), true)
      }
    }
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const lane of ['control', 'bulk'] as const) {
        await until(() => to.count(lane) === texts.length, `all on ${lane}`)
        assert.deepEqual(to.texts(lane, from), texts)
      }
    }
    await until(() => a.network.bufferedBytes(b.id) === 0, 'empty buffers')
  })

  it('keeps exactly one connection and one control stream per pair when everybody dials everybody at once', async () => {
    // No jitter and hardly a pause: of each pair both dial before either hears of the other.
    const init = { random: () => 0, limits: { redialMinMs: 1 } }
    const all = await Promise.all(Array.from({ length: 4 }, () => Member.start(init)))
    introduce(all)
    await until(() => isMesh(all), 'a full mesh')
    // Control, bulk, and gossipsub each way; identify comes and goes.
    const isSettled = (member: Member): boolean =>
      member.network.stats().peers.every(({ link }) => link?.streams === 4) && member.network.peers.length === 3
    await until(() => all.every(isSettled), 'four streams per pair')
    for (const member of all) assert.equal(member.network.stats().connections, 3)
  })
})
