import assert from 'node:assert/strict'
import { FaultyClock } from '../../src/member/clock-fault.ts'

describe('a faulty clock', () => {
  let trueMs = 0
  const make = (): FaultyClock => {
    trueMs = 0
    return new FaultyClock(
      () => 1_000_000 + trueMs,
      () => trueMs,
    )
  }

  it('is right until it is set', () => {
    const clock = make()
    trueMs = 500
    assert.deepEqual(clock.now(), { wallMs: 1_000_500, monotonicMs: 500 })
  })

  it('jumps by the wall only, forward and back', () => {
    const clock = make()
    trueMs = 100
    clock.set({ jumpMs: 60_000, rate: 1 })
    trueMs = 200
    assert.deepEqual(clock.now(), { wallMs: 1_060_200, monotonicMs: 200 })
    clock.set({ jumpMs: -60_000, rate: 1 })
    assert.deepEqual(clock.now(), { wallMs: 1_000_200, monotonicMs: 200 })
  })

  it('runs at another rate without a step, and stays where that brought it', () => {
    const clock = make()
    clock.set({ jumpMs: 0, rate: 2 })
    trueMs = 100
    assert.deepEqual(clock.now(), { wallMs: 1_000_200, monotonicMs: 200 })
    clock.set({ jumpMs: 0, rate: 1 })
    trueMs = 150
    assert.deepEqual(clock.now(), { wallMs: 1_000_250, monotonicMs: 250 })
    assert.equal(clock.trueMs(), 150)
  })
})
