import assert from 'node:assert/strict'
import { bytes, introduce, isMesh, Member, startCluster, stopAll, until } from './support/member.ts'

describe('a mesh of networks', function () {
  // Conditions are waited for; this only bounds a failure, on a busy machine, too.
  this.timeout(20_000)

  afterEach(stopAll)

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

  it('[pitfall 41] keeps exactly one connection and one control stream per pair when everybody dials everybody at once', async () => {
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
