import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SlotFronts } from '../../src/table/slot-fronts.ts'

/** All slots from the least to the most recently used, by using each once. */
function orderOf(fronts: SlotFronts): number[] {
  return Array.from({ length: fronts.size }, () => {
    const slot = fronts.oldest
    fronts.touch(slot)
    return slot
  })
}

describe('the fronts of slots', () => {
  it('[R9] keep the order of use exactly, like a Map from which each use moves a key to the end', () => {
    const operation = fc.tuple(fc.constantFrom('add', 'touch', 'delete'), fc.nat({ max: 400 }))
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 150 }), (list) => {
        const fronts = new SlotFronts()
        const model = new Set<number>()
        for (const [what, slot] of list) {
          fronts.setWholeUntilMs(slot, slot)
          const wasThere = model.delete(slot)
          if (what === 'add' || (what === 'touch' && wasThere)) model.add(slot)
          fronts[what as 'add' | 'touch' | 'delete'](slot)
          assert.equal(fronts.size, model.size)
          assert.equal(fronts.oldest, [...model][0] ?? -1)
        }
        assert.deepEqual(orderOf(fronts), [...model])
      }),
    )
  })

  it('keep what was said of a slot while others come and go', () => {
    const fronts = new SlotFronts()
    for (let slot = 0; slot < 1_000; slot++) {
      fronts.setWholeUntilMs(slot, slot / 2)
      fronts.add(slot)
    }
    for (let slot = 0; slot < 1_000; slot += 3) fronts.delete(slot)
    for (let slot = 0; slot < 1_000; slot++) assert.equal(fronts.wholeUntilMs(slot), slot / 2)
    assert.deepEqual(
      orderOf(fronts),
      Array.from({ length: 1_000 }, (_, slot) => slot).filter((slot) => slot % 3 !== 0),
    )
  })
})
