import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FLOOR_WIRE } from '../../src/constants.ts'
import type { Hash64 } from '../../src/session/meta-hash.ts'
import { metaHash, metaOnWire } from '../../src/session/meta-hash.ts'
import type { LiveRecord, Portion, SessionRecord } from '../../src/session/record.ts'
import { ABSENT, MISSING } from '../../src/session/record.ts'
import { liveRecords, records } from '../support/arbitraries.ts'
import { bytes } from '../support/cluster.ts'

const KEY: Hash64 = { hi: 0x12345678, lo: 0x0badcafe }
const hash = (record: SessionRecord, key = KEY): string => {
  const { hi, lo } = metaHash(key, record)
  return `${hi},${lo}`
}

const tenure = { epoch: 3, node: 'node-a', incarnation: 1_767_225_600_000 }
const base: LiveRecord = {
  kind: 'live',
  birth: { generation: 1_767_225_600_000, random: 0x1234_5678_9abc },
  frontier: [
    { tenure, seq: 4 },
    { tenure: { ...tenure, epoch: 2 }, seq: 9 },
  ],
  portions: new Map<string, Portion>([
    ['auth', { version: { tenure, seq: 1 }, value: bytes('alice') }],
    ['basket', { version: { tenure, seq: 4 }, value: bytes('tea') }],
  ]),
  expiry: { version: { tenure, seq: 4 }, idleMs: 1_000, idleAtMs: 5_000, absoluteAtMs: 9_000 },
}

function withPortion(name: string, portion: Portion): LiveRecord {
  return { ...base, portions: new Map(base.portions).set(name, portion) }
}

describe('the meta hash', () => {
  it('[V4] is equal for equal records, in whatever order their portions were put', () => {
    fc.assert(
      fc.property(liveRecords(), (record) => {
        const reversed = { ...record, portions: new Map([...record.portions].reverse()) }
        assert.equal(hash(reversed), hash(record))
        assert.equal(hash(structuredClone(record)), hash(record), 'objects are compared by what they say')
      }),
    )
  })

  it('[V4] changes with every part that merging looks at', () => {
    const version = base.expiry.version
    const changes: Record<string, SessionRecord> = {
      'the generation': { ...base, birth: { ...base.birth, generation: base.birth.generation + 1 } },
      'the generation by 2^32': { ...base, birth: { ...base.birth, generation: base.birth.generation + 2 ** 32 } },
      "the birth's random number": { ...base, birth: { ...base.birth, random: base.birth.random + 1 } },
      'its upper bits': { ...base, birth: { ...base.birth, random: base.birth.random + 2 ** 40 } },
      "the frontier's number": {
        ...base,
        frontier: [{ tenure, seq: 5 }, base.frontier[1] as LiveRecord['frontier'][0]],
      },
      "the frontier's length": { ...base, frontier: base.frontier.slice(0, 1) },
      "the frontier's tenure": {
        ...base,
        frontier: [{ tenure: { ...tenure, node: 'node-b' }, seq: 4 }, ...base.frontier.slice(1)],
      },
      'an incarnation': {
        ...base,
        frontier: [{ tenure: { ...tenure, incarnation: 1 }, seq: 4 }, ...base.frontier.slice(1)],
      },
      'an incarnation by 2^32': {
        ...base,
        frontier: [
          { tenure: { ...tenure, incarnation: tenure.incarnation + 2 ** 32 }, seq: 4 },
          ...base.frontier.slice(1),
        ],
      },
      'a portion more': withPortion('theme', { version, value: bytes('dark') }),
      'a portion less': { ...base, portions: new Map([...base.portions].slice(1)) },
      "a portion's name": { ...base, portions: new Map([...base.portions].map(([name, p]) => [`${name}2`, p])) },
      "a portion's version": withPortion('basket', { version: { tenure, seq: 3 }, value: bytes('tea') }),
      'a value that is missing': withPortion('basket', { version: { tenure, seq: 4 }, value: MISSING }),
      'the expiry version': { ...base, expiry: { ...base.expiry, version: { tenure, seq: 5 } } },
      'a floor': { ...base, floor: { birth: { generation: 1, random: 1 }, untilMs: 9_000 } },
      'a floor of another generation': { ...base, floor: { birth: { generation: 2, random: 1 }, untilMs: 9_000 } },
      'another floor of one generation': { ...base, floor: { birth: { generation: 1, random: 2 }, untilMs: 9_000 } },
      'being dropped': { kind: 'dropped', birth: base.birth, absoluteAtMs: 9_000 },
    }
    const seen = new Map<string, string>([[hash(base), 'nothing']])
    for (const [what, record] of Object.entries(changes)) {
      assert.equal(seen.get(hash(record)), undefined, `${what} hashes like a change of ${seen.get(hash(record))}`)
      seen.set(hash(record), what)
    }
  })

  it('[V4] two portions that swap their versions do not cancel out', () => {
    const swapped = new Map<string, Portion>([
      ['auth', { version: { tenure, seq: 4 }, value: bytes('alice') }],
      ['basket', { version: { tenure, seq: 1 }, value: bytes('tea') }],
    ])
    assert.notEqual(hash({ ...base, portions: swapped }), hash(base))
  })

  it('[V4] two primaries with the same numbers are told apart', () => {
    const ours = { ...base, frontier: [{ tenure: { epoch: 4, node: 'node-a', incarnation: 1 }, seq: 1 }] }
    const theirs = { ...base, frontier: [{ tenure: { epoch: 4, node: 'node-b', incarnation: 1 }, seq: 1 }] }
    assert.notEqual(hash(ours), hash(theirs))
  })

  it('does not count deadlines, which differ by clock, nor bytes, since one version has one content', () => {
    const later = { ...base, expiry: { ...base.expiry, idleAtMs: 6_000, absoluteAtMs: 9_999 } }
    assert.equal(hash(later), hash(base))
    const portion = base.portions.get('basket') as Portion
    assert.equal(hash(withPortion('basket', { ...portion, value: bytes('coffee') })), hash(base))
    assert.equal(hash(withPortion('basket', { ...portion, value: ABSENT })), hash(base))
    const dropped = { kind: 'dropped' as const, birth: base.birth, absoluteAtMs: 1 }
    assert.equal(hash(dropped), hash({ ...dropped, absoluteAtMs: 2 }))
    assert.equal(hash(dropped), hash({ ...dropped, isFloor: true }))
    const floor = { birth: { generation: 1, random: 1 }, untilMs: 9_000 }
    assert.equal(hash({ ...base, floor }), hash({ ...base, floor: { ...floor, untilMs: 1 } }))
  })

  it('[V4] is that of the record without its floor on a link that carries none', () => {
    const floor = { birth: { generation: 1, random: 1 }, untilMs: 9_000 }
    const meta = metaHash(KEY, { ...base, floor })
    assert.deepEqual(metaOnWire(KEY, meta, floor, FLOOR_WIRE - 1), metaHash(KEY, base))
    assert.deepEqual(metaOnWire(KEY, meta, floor, FLOOR_WIRE), meta)
  })

  it('is of the key as well: equal records of two keys do not cancel out in a digest', () => {
    fc.assert(
      fc.property(records(), fc.integer(), fc.integer(), (record, hi, lo) => {
        fc.pre(hi !== KEY.hi || lo !== KEY.lo)
        assert.notEqual(hash(record, { hi, lo }), hash(record))
      }),
    )
  })

  it('spreads over all its 64 bits', () => {
    const ones = new Array<number>(64).fill(0)
    const count = 4_096
    for (let i = 0; i < count; i++) {
      const { hi, lo } = metaHash(KEY, { ...base, frontier: [{ tenure, seq: i + 1 }] })
      for (let bit = 0; bit < 32; bit++) {
        ones[bit] = (ones[bit] as number) + ((lo >>> bit) & 1)
        ones[32 + bit] = (ones[32 + bit] as number) + ((hi >>> bit) & 1)
      }
    }
    // Six standard deviations of a fair coin.
    for (const one of ones) assert(Math.abs(one - count / 2) < 6 * Math.sqrt(count / 4), `${one} of ${count}`)
  })
})
