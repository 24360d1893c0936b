import assert from 'node:assert/strict'
import { createClock } from '../src/clock.ts'

describe('the clock', () => {
  function fake(): { monotonic: number; wall: number; clock: ReturnType<typeof createClock> } {
    const time = { monotonic: 1_000, wall: 1_700_000_000_000 }
    const clock = createClock({ monotonicMs: () => time.monotonic, wallMs: () => time.wall })
    return Object.assign(time, { clock })
  }

  it('follows the monotonic clock', () => {
    const time = fake()
    time.monotonic += 40.5
    time.wall += 41
    assert.equal(time.clock.now().nowMs, 40.5)
  })

  it('[E3] counts a suspend, during which only the wall clock went on', () => {
    const time = fake()
    time.wall += 3_600_000
    assert.ok(time.clock.now().nowMs >= 3_600_000 - 1)
  })

  it('never runs backwards when the wall clock is set back', () => {
    const time = fake()
    time.wall -= 3_600_000
    time.monotonic += 5
    assert.equal(time.clock.now().nowMs, 5)
  })
})
