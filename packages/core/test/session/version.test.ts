import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FRONTIER_TENURES_MAX } from '../../src/constants.ts'
import type { Frontier, Tenure } from '../../src/session/version.ts'
import {
  compareBirths,
  compareTenures,
  compareVersions,
  covers,
  joinFrontiers,
  seqOf,
} from '../../src/session/version.ts'
import { births, frontiers, tenures, versions } from '../support/arbitraries.ts'

const tenure = (epoch: number, node = 'a', incarnation = 1): Tenure => ({ epoch, node, incarnation })

describe('versions', () => {
  it('compare epoch first, then node, then incarnation, then sequence number', () => {
    assert(compareTenures(tenure(2, 'a'), tenure(1, 'b')) > 0)
    assert(compareTenures(tenure(1, 'b', 1), tenure(1, 'a', 2)) > 0)
    assert(compareTenures(tenure(1, 'a', 2), tenure(1, 'a', 1)) > 0)
    assert(compareVersions({ tenure: tenure(1), seq: 9 }, { tenure: tenure(2), seq: 1 }) < 0)
    assert(compareVersions({ tenure: tenure(1), seq: 9 }, { tenure: tenure(1), seq: 10 }) < 0)
    assert(compareBirths({ generation: 2, random: 0 }, { generation: 1, random: 9 }) > 0)
  })

  it('order totally: antisymmetric and transitive, and 0 only for the same', () => {
    fc.assert(
      fc.property(versions, versions, versions, (a, b, c) => {
        assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0)
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert(compareVersions(a, c) <= 0)
        if (compareVersions(a, b) === 0) assert.deepEqual(a, b)
      }),
    )
    fc.assert(
      fc.property(births, births, (a, b) => {
        assert.equal(Math.sign(compareBirths(a, b)), -Math.sign(compareBirths(b, a)) + 0)
      }),
    )
  })
})

describe('frontiers', () => {
  it('[V3] join as a map of tenure to the higher number does, cut to the 8 highest tenures', () => {
    fc.assert(
      fc.property(frontiers, frontiers, (a, b) => {
        const model = new Map<string, Frontier[number]>()
        for (const entry of [...a, ...b]) {
          const known = model.get(JSON.stringify(entry.tenure))
          if (known === undefined || known.seq < entry.seq) model.set(JSON.stringify(entry.tenure), entry)
        }
        const expected = [...model.values()].sort((x, y) => compareTenures(y.tenure, x.tenure))
        assert.deepEqual(joinFrontiers(a, b), expected.slice(0, FRONTIER_TENURES_MAX))
      }),
    )
  })

  it('[V3] [I-R1] join in any order, grouping and repetition', () => {
    fc.assert(
      fc.property(frontiers, frontiers, frontiers, (a, b, c) => {
        assert.deepEqual(joinFrontiers(a, b), joinFrontiers(b, a))
        assert.deepEqual(joinFrontiers(joinFrontiers(a, b), c), joinFrontiers(a, joinFrontiers(b, c)))
        assert.deepEqual(joinFrontiers(a, a), a)
      }),
    )
  })

  it('[V3] cover exactly what joining does not change', () => {
    fc.assert(
      fc.property(frontiers, frontiers, (a, b) => {
        assert.equal(covers(a, b), isEqual(joinFrontiers(a, b), a))
        assert(covers(joinFrontiers(a, b), a))
        assert(covers(joinFrontiers(a, b), b))
      }),
    )
  })

  it('count a tenure too old to be kept as merged, and one above the oldest kept as not', () => {
    const full = Array.from({ length: FRONTIER_TENURES_MAX }, (_, i) => ({ tenure: tenure(20 - 2 * i), seq: 1 }))
    assert(covers(full, [{ tenure: tenure(5), seq: 9 }]))
    assert(!covers(full, [{ tenure: tenure(7), seq: 1 }]))
    assert(!covers(full.slice(0, -1), [{ tenure: tenure(5), seq: 9 }]), 'a frontier with room has forgotten nothing')
    assert.deepEqual(joinFrontiers(full, [{ tenure: tenure(5), seq: 9 }]), full)
    assert.equal(joinFrontiers(full, [{ tenure: tenure(7), seq: 1 }]).length, FRONTIER_TENURES_MAX)
  })

  it('tell the number merged of a tenure, 0 when none', () => {
    fc.assert(
      fc.property(frontiers, tenures, (frontier, wanted) => {
        const entry = frontier.find((known) => compareTenures(known.tenure, wanted) === 0)
        assert.equal(seqOf(frontier, wanted), entry?.seq ?? 0)
      }),
    )
  })
})

function isEqual(a: Frontier, b: Frontier): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
