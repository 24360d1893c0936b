import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ENDLESS_IDLE_MS, LIFE_MS_MAX, PROLONGED_LIVES } from '../../src/constants.ts'
import { fits, idleMsFor, type Life, lifetimeFor, ttlLeft, ttlOf } from '../../src/store/lifetimes.ts'

const DAY_MS = 86_400_000
const MAX = 30 * DAY_MS
const NOW = 1_800_000_000_000

/** A life as it is right after its birth. */
function born({ idleMs, absoluteMs }: { idleMs: number; absoluteMs: number }): Life {
  return { idleMs, idleMsLeft: idleMs, absoluteMsLeft: absoluteMs }
}

describe('the lifetime of a key', () => {
  const life = born({ idleMs: 1_000, absoluteMs: 5_000 })
  const endless = born({ idleMs: ENDLESS_IDLE_MS, absoluteMs: MAX })

  it('is what was asked for, in whole milliseconds, and at most the longest', () => {
    assert.equal(ttlOf('none', life, NOW, MAX), Number.POSITIVE_INFINITY)
    assert.equal(ttlOf({ afterMs: 0.2 }, life, NOW, MAX), 1)
    assert.equal(ttlOf({ afterMs: 2 * MAX }, life, NOW, MAX), MAX)
    assert.equal(ttlOf({ atUnixMs: NOW + 7_000 }, undefined, NOW, MAX), 7_000)
    assert.equal(ttlOf({ atUnixMs: 1e18 }, undefined, NOW, MAX), MAX)
    assert(ttlOf({ atUnixMs: NOW }, life, NOW, MAX) <= 0)
    assert(ttlOf({ afterMs: -1 }, life, NOW, MAX) <= 0)
  })

  it('is kept as it is, with an end and without', () => {
    assert.equal(ttlOf('keep', undefined, NOW, MAX), Number.POSITIVE_INFINITY)
    assert.equal(ttlOf('keep', life, NOW, MAX), 1_000)
    assert.equal(ttlOf('keep', endless, NOW, MAX), Number.POSITIVE_INFINITY)
    assert.equal(ttlLeft({ ...life, absoluteMsLeft: 10 }), 10)
  })

  it('[E1] fits what is there, or is a new life that it fits, and that one ends', () => {
    const ttl = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: LIFE_MS_MAX }))
    const seed = Date.now() | 0
    fc.assert(
      fc.property(ttl, fc.boolean(), fc.integer({ min: 1_000, max: LIFE_MS_MAX }), (wanted, isProlonged, max) => {
        const ttlMs = wanted === Number.POSITIVE_INFINITY ? wanted : Math.min(wanted, max)
        const made = born(lifetimeFor(ttlMs, isProlonged, max))
        assert(fits(made, ttlMs, max))
        assert(made.absoluteMsLeft <= max)
        assert.equal(idleMsFor(ttlMs), made.idleMs)
        assert.equal(ttlLeft(made), ttlMs === Number.POSITIVE_INFINITY ? undefined : ttlMs)
      }),
      { seed },
    )
  })

  it('of a new key is no longer than its end, and of one that is prolonged is longer', () => {
    assert.deepEqual(lifetimeFor(300_000, false, MAX), { idleMs: 300_000, absoluteMs: 300_000 })
    assert.deepEqual(lifetimeFor(300_000, true, MAX), { idleMs: 300_000, absoluteMs: PROLONGED_LIVES * 300_000 })
    assert.deepEqual(lifetimeFor(DAY_MS * 20, true, MAX), { idleMs: DAY_MS * 20, absoluteMs: MAX })
  })

  it('without an end begins anew with a write in its second half', () => {
    assert(fits(endless, Number.POSITIVE_INFINITY, MAX))
    assert(fits({ ...endless, absoluteMsLeft: MAX / 2 }, Number.POSITIVE_INFINITY, MAX))
    assert(!fits({ ...endless, absoluteMsLeft: MAX / 2 - 1 }, Number.POSITIVE_INFINITY, MAX))
    assert(!fits(life, Number.POSITIVE_INFINITY, MAX))
  })
})
