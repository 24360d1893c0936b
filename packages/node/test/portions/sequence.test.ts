import assert from 'node:assert/strict'
import { sequenceAfter, sequenceDistance } from '@reprise/node'
import fc from 'fast-check'

const SEQUENCE = fc.integer({ min: 0, max: 2 ** 32 - 1 })

describe('sequence numbers', () => {
  it('[pitfall 4] wrap around: what comes after the last one is later, not earlier', () => {
    assert.equal(sequenceAfter(0xffff_ffff, 1), 0)
    assert.equal(sequenceDistance(0xffff_ffff, 0), 1)
    assert.equal(sequenceDistance(0, 0xffff_ffff), -1)
    assert.equal(sequenceAfter(0xffff_ff00, 2 ** 53 - 1), 0xffff_feff)
  })

  it('[pitfall 4] have a distance that adds up, from any of them', () => {
    fc.assert(
      fc.property(SEQUENCE, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (sequence, bytes) => {
        const later = sequenceAfter(sequence, bytes)
        assert(Number.isInteger(later) && later >= 0 && later < 2 ** 32)
        assert.equal(sequenceDistance(sequence, later), bytes)
        assert.equal(sequenceDistance(later, sequence), bytes === 0 ? 0 : -bytes)
      }),
    )
  })
})
