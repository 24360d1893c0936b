import assert from 'node:assert/strict'
import fc from 'fast-check'
import { floorOf, raiseFloor, remainder } from '../../src/session/floor.ts'
import { mergeRecords, samePortion } from '../../src/session/merge.ts'
import type { Expiry, LiveRecord, Portion, SessionRecord, Tombstone } from '../../src/session/record.ts'
import { ABSENT, endsAtMs, MISSING } from '../../src/session/record.ts'
import { meetsProof } from '../../src/session/token.ts'
import type { Birth, Tenure, Version } from '../../src/session/version.ts'
import { compareBirths } from '../../src/session/version.ts'
import { liveRecords, records, tombstones } from '../support/arbitraries.ts'
import { bytes } from '../support/cluster.ts'

const BIRTH: Birth = { generation: 7, random: 1 }
const LATER_BIRTH: Birth = { generation: 7, random: 2 }
const first: Tenure = { epoch: 1, node: 'a', incarnation: 1 }
const second: Tenure = { epoch: 2, node: 'b', incarnation: 1 }
const rival: Tenure = { epoch: 2, node: 'c', incarnation: 1 }
const at = (tenure: Tenure, seq: number): Version => ({ tenure, seq })

function live(parts: Partial<LiveRecord> & { touched?: Version; idleAtMs?: number } = {}): LiveRecord {
  const { touched = at(first, 1), idleAtMs = 1_000, ...rest } = parts
  const expiry: Expiry = { version: touched, idleMs: 1_000, idleAtMs, absoluteAtMs: 9_000 }
  return { kind: 'live', birth: BIRTH, frontier: [at(first, 1)], portions: new Map(), expiry, ...rest }
}

function portions(entries: Record<string, [Version, string | typeof ABSENT | typeof MISSING]>): Map<string, Portion> {
  return new Map(
    Object.entries(entries).map(([name, [version, text]]) => [
      name,
      { version, value: typeof text === 'string' ? bytes(text) : text },
    ]),
  )
}

const tombstone = (birth = BIRTH): Tombstone => ({ kind: 'dropped', birth, absoluteAtMs: 9_000 })
const merge = (a: SessionRecord, b: SessionRecord): SessionRecord => mergeRecords(a, b).record

describe('merging', () => {
  describe('[I-R1] gives equal records', () => {
    it('in any order', () => {
      fc.assert(
        fc.property(records(), records(), (a, b) => assert.deepEqual(merge(a, b), merge(b, a))),
        RUNS,
      )
    })

    it('in any grouping', () => {
      fc.assert(
        fc.property(records(), records(), records(), (a, b, c) => {
          assert.deepEqual(merge(merge(a, b), c), merge(a, merge(b, c)))
        }),
        RUNS,
      )
    })

    it('[pitfall 23] however often repeated', () => {
      fc.assert(
        fc.property(records(), records(), (a, b) => {
          assert.deepEqual(merge(a, a), a)
          assert.deepEqual(merge(merge(a, b), b), merge(a, b))
          assert.equal(mergeRecords(merge(a, b), b).changed, false)
        }),
        RUNS,
      )
    })

    it('also when the absolute deadlines differ by clock, except for when a tombstone ends, which is among them', () => {
      const skewMs = 50
      const skewed = records({ absoluteSkewMs: skewMs })
      const untimed = (record: SessionRecord): SessionRecord => {
        if (record.kind === 'dropped') return { ...record, absoluteAtMs: 0 }
        return record.floor === undefined ? record : { ...record, floor: { ...record.floor, untilMs: 0 } }
      }
      fc.assert(
        fc.property(skewed, skewed, skewed, (a, b, c) => {
          assert.deepEqual(merge(a, b), merge(b, a))
          const left = merge(merge(a, b), c)
          const right = merge(a, merge(b, c))
          assert.deepEqual(untimed(left), untimed(right))
          assert(left.kind === 'live' || Math.abs(endsAtMs(left) - endsAtMs(right)) <= skewMs)
        }),
        RUNS,
      )
    })

    it('changes neither of its inputs', () => {
      fc.assert(
        fc.property(records(), records(), (a, b) => {
          const before = structuredClone([a, b])
          merge(a, b)
          assert.deepEqual([a, b], before)
        }),
      )
    })
  })

  describe('tells', () => {
    it('`changed` when the result differs from what was here in more than deadlines', () => {
      fc.assert(
        fc.property(records(), records(), (current, incoming) => {
          const { record, changed } = mergeRecords(current, incoming)
          assert.equal(changed, !sameMeaning(record, current, true))
        }),
        RUNS,
      )
    })

    it('`beaten` when the result differs from what came in in more than deadlines and values', () => {
      fc.assert(
        fc.property(records(), records(), (current, incoming) => {
          const { record, beaten } = mergeRecords(current, incoming)
          assert.equal(beaten, !sameMeaning(record, incoming, false))
        }),
        RUNS,
      )
    })

    it('`conflict` when two live copies of one birth each know a write that the other does not', () => {
      const ours = live({ frontier: [at(second, 1), at(first, 1)] })
      const theirs = live({ frontier: [at(rival, 1), at(first, 1)] })
      assert.equal(mergeRecords(ours, theirs).conflict, true)
      assert.equal(mergeRecords(ours, live()).conflict, false)
      assert.equal(mergeRecords(live(), ours).conflict, false)
      assert.equal(mergeRecords(ours, { ...theirs, birth: LATER_BIRTH }).conflict, false)
      fc.assert(
        fc.property(records(), records(), (a, b) => {
          assert.equal(mergeRecords(a, b).conflict, mergeRecords(b, a).conflict)
        }),
      )
    })
  })

  describe('[V2] births', () => {
    it('[V2] the higher birth wins whole, and of the lower one only stays that it was dropped', () => {
      fc.assert(
        fc.property(records(), records(), (a, b) => {
          fc.pre(compareBirths(a.birth, b.birth) !== 0)
          const [lower, higher] = compareBirths(a.birth, b.birth) < 0 ? [a, b] : [b, a]
          assert.deepEqual(merge(a, b), raiseFloor(higher, floorOf(lower)))
        }),
      )
      const old = live({ frontier: [at(second, 9)], portions: portions({ auth: [at(second, 9), 'old'] }) })
      const young = live({ birth: LATER_BIRTH })
      assert.equal(merge(old, young), young, 'a low epoch of a later birth beats a high one of an earlier')
    })

    it('[V2] a tombstone beats every write of its birth, before and after, and no write of a later one', () => {
      fc.assert(
        fc.property(tombstones(), liveRecords(), (dropped, write) => {
          const sameBirth = { ...write, birth: dropped.birth }
          assert.equal(merge(dropped, sameBirth).kind, 'dropped')
          assert.equal(merge(sameBirth, dropped).kind, 'dropped')
        }),
      )
      assert.equal(merge(tombstone(), live({ birth: LATER_BIRTH })).kind, 'live')
      assert.equal(merge(tombstone(LATER_BIRTH), live()).kind, 'dropped')
      assert.deepEqual(mergeRecords(tombstone(), live()), {
        record: tombstone(),
        changed: false,
        beaten: true,
        conflict: false,
      })
    })

    it('[V2] the birth that beats a drop cannot be undone by what came before the drop, in whatever order they meet', () => {
      // With births and epochs in one number, (live ∪ tombstone) ∪ newer and live ∪ (tombstone ∪ newer) differed.
      const write = live({ frontier: [at(second, 4)] })
      const reborn = live({ birth: LATER_BIRTH, frontier: [at(first, 1)] })
      const all = [write, tombstone(), reborn]
      const merged = { ...reborn, floor: { birth: BIRTH, untilMs: 9_000 } }
      for (const [a, b, c] of permutations(all)) {
        assert.deepEqual(merge(merge(a, b), c), merged)
        assert.deepEqual(merge(a, merge(b, c)), merged)
      }
    })

    it('[E4] what a later life replaced outlasts it: as a tombstone of the earlier birth, or with its own', () => {
      const reborn = live({ birth: LATER_BIRTH })
      const merged = merge(tombstone(), reborn)
      assert(merged.kind === 'live')
      assert.deepEqual(remainder(merged.floor, 8_999), { ...tombstone(), isFloor: true })
      assert.equal(remainder(merged.floor, 9_000), undefined, 'no copy of the earlier life is alive any more')
      assert.equal(remainder(reborn.floor, 0), undefined)
      const short = { ...tombstone(LATER_BIRTH), absoluteAtMs: 5_000 }
      for (const dropped of [merge(merged, short), merge(short, merged), merge(tombstone(), short)]) {
        assert.deepEqual(dropped, tombstone(LATER_BIRTH), 'until the later of both ends')
      }
    })

    it('[E4] floors join by maximum, of births and of ends apart', () => {
      const later = live({ birth: { generation: 8, random: 1 } })
      const ours = { ...later, floor: { birth: BIRTH, untilMs: 9_000 } }
      const theirs = { ...later, floor: { birth: LATER_BIRTH, untilMs: 4_000 } }
      for (const [current, incoming] of [
        [ours, theirs],
        [theirs, ours],
      ] as const) {
        const { record, changed, beaten } = mergeRecords(current, incoming)
        assert.deepEqual(record, { ...later, floor: { birth: LATER_BIRTH, untilMs: 9_000 } })
        assert.deepEqual([changed, beaten], [current === ours, current === theirs])
      }
    })

    it('[E4] the tombstone of a chunk leaves no floor: nothing is written under its key again', () => {
      assert.deepEqual(
        merge({ ...tombstone(), isBrief: true }, live({ birth: LATER_BIRTH })),
        live({ birth: LATER_BIRTH }),
      )
    })

    it('[E4] [pitfall 31] a tombstone outlives every live copy of its birth that it met', () => {
      const late = live({ expiry: { version: at(first, 1), idleMs: 1, idleAtMs: 1, absoluteAtMs: 12_345 } })
      assert.equal(endsAtMs(merge(tombstone(), late)), 12_345)
      assert.equal(endsAtMs(merge(late, tombstone())), 12_345)
    })
  })

  describe('[V3] portions and frontiers', () => {
    it('[V3] two primaries that wrote two portions both keep their write', () => {
      const base = { auth: [at(first, 1), 'alice'] as [Version, string] }
      const ours = live({ frontier: [at(second, 1)], portions: portions({ ...base, basket: [at(second, 1), 'tea'] }) })
      const theirs = live({ frontier: [at(rival, 1)], portions: portions({ ...base, theme: [at(rival, 1), 'dark'] }) })
      const merged = merge(ours, theirs) as LiveRecord
      assert.deepEqual([...merged.portions.keys()].sort(), ['auth', 'basket', 'theme'])
      assert.deepEqual(merged.frontier, [at(rival, 1), at(second, 1)])
    })

    it('[V3] of two writes of one portion the higher version stays, a removal like any other', () => {
      const older = live({ portions: portions({ basket: [at(first, 9), 'tea'] }) })
      const newer = live({ portions: portions({ basket: [at(second, 1), ABSENT] }) })
      for (const merged of [merge(older, newer), merge(newer, older)]) {
        assert.equal((merged as LiveRecord).portions.get('basket')?.value, ABSENT)
      }
    })

    it('[V3] a value fills what is missing of the same version, and is never replaced by missing', () => {
      const bare = live({ portions: portions({ basket: [at(first, 1), MISSING] }) })
      const full = live({ portions: portions({ basket: [at(first, 1), 'tea'] }) })
      for (const merged of [merge(bare, full), merge(full, bare)]) assert.deepEqual(merged, full)
      assert.equal(mergeRecords(bare, full).changed, true)
      assert.equal(mergeRecords(full, bare).changed, false)
      assert.equal(mergeRecords(full, bare).beaten, false, 'a delta need not carry what it does not change')
    })

    it('[V3] [pitfall 22] [pitfall 24] a newer version without its value hides the older value: no torn mix', () => {
      const older = live({ portions: portions({ basket: [at(first, 1), 'tea'] }) })
      const newer = live({ portions: portions({ basket: [at(second, 1), MISSING] }) })
      assert.equal((merge(older, newer) as LiveRecord).portions.get('basket')?.value, MISSING)
    })

    it("[V3] a scalar version would not do: a copy that merged the rival's number 1 does not meet a proof of ours", () => {
      const proof = { birth: BIRTH, version: at(second, 1) }
      const theirs = live({ frontier: [at(rival, 1), at(first, 1)] })
      assert.equal(meetsProof(theirs, proof), false)
      assert.equal(meetsProof(merge(theirs, live({ frontier: [at(second, 1)] })), proof), true)
    })
  })

  describe('[E1] [E2] the expiry register', () => {
    it('[E1] takes the later touch whatever its deadline says, and touches change nothing else', () => {
      const before = live({ idleAtMs: 5_000, portions: portions({ basket: [at(first, 1), 'tea'] }) })
      const touched = { ...before, expiry: { ...before.expiry, version: at(second, 1), idleAtMs: 3_000 } }
      for (const merged of [merge(before, touched), merge(touched, before)]) assert.deepEqual(merged, touched)
    })

    it('[E1] a touch survives a commit that did not know it', () => {
      const touched = live({ touched: at(second, 1), idleAtMs: 5_000 })
      const written = live({ frontier: [at(first, 2)], touched: at(first, 2), idleAtMs: 1_500 })
      const merged = merge(touched, written) as LiveRecord
      assert.equal(merged.expiry.idleAtMs, 5_000)
      assert.deepEqual(merged.frontier, [at(first, 2)])
    })

    it('[E2] for equal versions the earlier deadline stays, so that moving copies in circles keeps nothing alive', () => {
      const early = live({ idleAtMs: 1_000 })
      const late = live({ idleAtMs: 1_040 })
      assert.equal(endsAtMs(merge(early, late)), 1_000)
      assert.equal(endsAtMs(merge(late, early)), 1_000)
      assert.equal(mergeRecords(late, early).changed, false, 'a deadline is not news')
    })

    it('[E2] the absolute deadline is fixed at birth: no touch moves it', () => {
      fc.assert(
        fc.property(liveRecords({ absoluteSkewMs: 50 }), liveRecords({ absoluteSkewMs: 50 }), (a, b) => {
          const sameBirth = { ...b, birth: a.birth }
          const merged = merge(a, sameBirth) as LiveRecord
          assert.equal(merged.expiry.absoluteAtMs, Math.min(a.expiry.absoluteAtMs, b.expiry.absoluteAtMs))
        }),
      )
    })
  })

  it('compares portions by version and value', () => {
    const portion = (version: Version, text: string): Portion => ({ version, value: bytes(text) })
    assert(samePortion(portion(at(first, 1), 'x'), portion(at(first, 1), 'x')))
    assert(!samePortion(portion(at(first, 1), 'x'), portion(at(first, 1), 'y')))
    assert(!samePortion(portion(at(first, 1), 'x'), portion(at(first, 1), 'xy')))
    assert(!samePortion(portion(at(first, 1), 'x'), portion(at(first, 2), 'x')))
    assert(!samePortion(portion(at(first, 1), 'x'), { version: at(first, 1), value: ABSENT }))
    assert(samePortion({ version: at(first, 1), value: ABSENT }, { version: at(first, 1), value: ABSENT }))
  })
})

const RUNS = { numRuns: 1_000 }

/** Whether two records say the same, deadlines aside; with `values`, also whether they have the same values. */
function sameMeaning(a: SessionRecord, b: SessionRecord, values: boolean): boolean {
  return JSON.stringify(meaning(a, values)) === JSON.stringify(meaning(b, values))
}

function meaning(record: SessionRecord, values: boolean): unknown {
  if (record.kind === 'dropped') return ['dropped', record.birth]
  const { birth, frontier, expiry } = record
  const floor = record.floor?.birth
  const portions = [...record.portions]
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map(([name, { version, value }]) => [name, version, values && value === MISSING])
  return ['live', birth, frontier, expiry.version, portions, floor]
}

function permutations<T>(items: readonly T[]): [T, T, T][] {
  const [a, b, c] = items as [T, T, T]
  return [
    [a, b, c],
    [a, c, b],
    [b, a, c],
    [b, c, a],
    [c, a, b],
    [c, b, a],
  ]
}
