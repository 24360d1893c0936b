import assert from 'node:assert/strict'
import { heldSession, ripenessOf } from '../../src/tls/held-session.ts'

const LIFETIMES = { lifetimeMs: 20_000, renewalMs: 40_000 }
const bytes = Buffer.alloc(1)

describe('a session that a TLS client holds', () => {
  const first = heldSession({ bytes, beganMs: 1_000, endedMs: 1_005, member: 2, renewed: undefined }, LIFETIMES)

  it('surely lives for its lifetime since the handshake began, less what both sides round', () => {
    assert.deepEqual(first, { bytes, madeMs: 1_005, livesUntilMs: 18_000, provenMs: 1_000, madeBy: 2 })
  })

  it('is renewed for no longer than since its client proved itself', () => {
    const renewed = heldSession({ bytes, beganMs: 15_000, endedMs: 15_005, member: 1, renewed: first }, LIFETIMES)
    assert.deepEqual([renewed.livesUntilMs, renewed.provenMs, renewed.madeBy], [32_000, 1_000, 1])
    const last = heldSession({ bytes, beganMs: 30_000, endedMs: 30_005, member: 1, renewed }, LIFETIMES)
    assert.equal(last.livesUntilMs, 38_000)
  })

  it('must be resumed when it can have arrived, and before it may have ended', () => {
    const ripeness = (offeredMs: number, endedMs: number): string =>
      ripenessOf(first, { offeredMs, endedMs, settledMs: 50 })
    assert.equal(ripeness(1_055, 1_060), 'young')
    assert.equal(ripeness(1_056, 1_060), 'due')
    assert.equal(ripeness(17_990, 17_999), 'due')
    assert.equal(ripeness(17_990, 18_000), 'old')
  })
})
