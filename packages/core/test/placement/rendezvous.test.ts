import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SHARD_COUNT } from '../../src/constants.ts'
import type { Candidate, Placement } from '../../src/placement/rendezvous.ts'
import { place } from '../../src/placement/rendezvous.ts'
import { shape } from '../support/arbitraries.ts'
import { keyHash } from '../support/key-hash.ts'

const candidate = (node: string, weight = 1, zone = ''): Candidate => ({ node, weight, zone })
const cluster = (count: number): Candidate[] => Array.from({ length: count }, (_, i) => candidate(`node-${i}`))

const clusters = fc.uniqueArray(
  shape<Candidate>({
    node: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 }),
    weight: fc.constantFrom(0, 0.5, 1, 4),
    zone: fc.constantFrom('', 'east', 'west'),
  }),
  { maxLength: 9, selector: ({ node }) => node },
)

/** How many shards each node holds. */
function loads(placement: Placement): Map<string, number> {
  const counts = new Map<string, number>()
  for (const holders of placement) for (const node of holders) counts.set(node, (counts.get(node) ?? 0) + 1)
  return counts
}

describe('placement', () => {
  it('[A2] gives each shard copies + 1 holders, all different, as far as there are members', () => {
    fc.assert(
      fc.property(clusters, fc.integer({ min: 1, max: 5 }), (members, holdersPerShard) => {
        const placement = place(members, holdersPerShard, keyHash)
        const able = members.filter(({ weight }) => weight > 0)
        assert.equal(placement.length, SHARD_COUNT)
        for (const holders of placement) {
          assert.equal(holders.length, Math.min(holdersPerShard, able.length))
          assert.equal(new Set(holders).size, holders.length)
          for (const node of holders) assert(able.some((member) => member.node === node))
        }
      }),
    )
  })

  it('[A2] with all copies, gives every shard to everybody who holds anything', () => {
    const members = [...cluster(5), candidate('guest', 0)]
    for (const holders of place(members, Number.POSITIVE_INFINITY, keyHash)) {
      assert.deepEqual(
        [...holders].sort(),
        cluster(5).map(({ node }) => node),
      )
    }
  })

  it('is the same wherever it is computed, in whatever order the members are known', () => {
    fc.assert(
      fc.property(clusters, (members) => {
        assert.deepEqual(place([...members].reverse(), 3, keyHash), place(members, 3, keyHash))
      }),
    )
  })

  it('moves only the shards that a newcomer gains', () => {
    fc.assert(
      fc.property(clusters, fc.constantFrom(0.5, 1, 4), (members, weight) => {
        const oneZone = members.filter(({ node }) => node !== 'newcomer').map((member) => ({ ...member, zone: '' }))
        const before = place(oneZone, 3, keyHash)
        const after = place([...oneZone, candidate('newcomer', weight)], 3, keyHash)
        for (const [shard, holders] of after.entries()) {
          const others = holders.filter((node) => node !== 'newcomer')
          // Who stays keeps its order; whoever the newcomer displaced was the last.
          assert.deepEqual(others, before[shard]?.slice(0, others.length))
          if (!holders.includes('newcomer')) assert.deepEqual(holders, before[shard])
        }
      }),
    )
  })

  it('over zones, too, nobody but the newcomer gains a shard, and nobody but one loses it', () => {
    fc.assert(
      fc.property(
        clusters,
        fc.constantFrom('', 'east', 'north'),
        fc.constantFrom(0.5, 1, 4),
        fc.integer({ min: 1, max: 5 }),
        (members, zone, weight, holdersPerShard) => {
          const others = members.filter(({ node }) => node !== 'newcomer')
          const before = place(others, holdersPerShard, keyHash)
          const after = place([...others, candidate('newcomer', weight, zone)], holdersPerShard, keyHash)
          for (const [shard, holders] of after.entries()) {
            const had = before[shard] as readonly string[]
            for (const node of holders) assert(node === 'newcomer' || had.includes(node), `${node} gained ${shard}`)
            assert(had.filter((node) => !holders.includes(node)).length <= (holders.includes('newcomer') ? 1 : 0))
          }
        },
      ),
    )
  })

  it('a member that weighs more gains shards, and nobody else does', () => {
    fc.assert(
      fc.property(clusters, fc.constantFrom(0, 0.5, 1), fc.constantFrom(1.5, 4), (members, light, heavy) => {
        const others = members.filter(({ node }) => node !== 'changed')
        const before = place([...others, candidate('changed', light)], 3, keyHash)
        const after = place([...others, candidate('changed', heavy)], 3, keyHash)
        for (const [shard, holders] of after.entries()) {
          for (const node of holders)
            assert(node === 'changed' || before[shard]?.includes(node), `${node} gained ${shard}`)
          assert(!before[shard]?.includes('changed') || holders.includes('changed'))
        }
      }),
    )
  })

  it('moves about one share of all shards when one of many comes', () => {
    // Fixed names: the same every time. Expected: 3 of 21 holders of each of 64 shards.
    let moved = 0
    const rounds = 20
    for (let round = 0; round < rounds; round++) {
      const members = Array.from({ length: 20 }, (_, i) => candidate(`node-${round}-${i}`))
      const before = place(members, 3, keyHash)
      const after = place([...members, candidate(`newcomer-${round}`)], 3, keyHash)
      for (const [shard, holders] of after.entries()) {
        moved += holders.filter((node) => !before[shard]?.includes(node)).length
      }
    }
    const draws = rounds * SHARD_COUNT
    const share = 3 / 21
    const deviation = Math.sqrt(draws * share * (1 - share))
    assert(Math.abs(moved - draws * share) < 4 * deviation, `${moved} moved, ${draws * share} expected`)
  })

  it('shares in proportion to weight within each zone, whatever the zones weigh', () => {
    const held = new Map<string, number>()
    const rounds = 40
    for (let round = 0; round < rounds; round++) {
      const members = [
        candidate(`light-${round}`, 1, 'east'),
        candidate(`heavy-${round}`, 3, 'east'),
        candidate(`west-a-${round}`, 9, 'west'),
        candidate(`west-b-${round}`, 9, 'west'),
      ]
      for (const [node, count] of loads(place(members, 2, keyHash))) {
        const kind = node.replace(/-\d+$/, '')
        held.set(kind, (held.get(kind) ?? 0) + count)
      }
    }
    // Two holders and two zones: each zone has one, and within it the weights decide.
    const all = rounds * SHARD_COUNT
    for (const [kind, share] of [
      ['light', 1 / 4],
      ['heavy', 3 / 4],
      ['west-a', 1 / 2],
      ['west-b', 1 / 2],
    ] as const) {
      const deviation = Math.sqrt(all * share * (1 - share))
      assert(Math.abs((held.get(kind) ?? 0) - all * share) < 4 * deviation, `${kind}: ${held.get(kind)} of ${all}`)
    }
  })

  it("a leaver's shards each get one new holder, the others none: seen from the other side", () => {
    const members = cluster(8)
    const before = place(members, 3, keyHash)
    const after = place(members.slice(1), 3, keyHash)
    for (const [shard, holders] of before.entries()) {
      const stays = holders.filter((node) => node !== 'node-0')
      assert.deepEqual((after[shard] as string[]).slice(0, stays.length), stays)
    }
  })

  it('shares in proportion to weight', () => {
    // 40 placements of 64 shards with fixed names: the same every time, and within 4 standard deviations of the shares.
    const held = new Map<string, number>()
    const rounds = 40
    for (let round = 0; round < rounds; round++) {
      const members = [candidate(`half-${round}`, 0.5), candidate(`one-${round}`, 1), candidate(`four-${round}`, 4)]
      for (const [node, count] of loads(place(members, 1, keyHash))) {
        const kind = node.split('-')[0] as string
        held.set(kind, (held.get(kind) ?? 0) + count)
      }
    }
    const all = rounds * SHARD_COUNT
    for (const [kind, weight] of [
      ['half', 0.5],
      ['one', 1],
      ['four', 4],
    ] as const) {
      const share = weight / 5.5
      const deviation = Math.sqrt(all * share * (1 - share))
      assert(Math.abs((held.get(kind) ?? 0) - all * share) < 4 * deviation, `${kind}: ${held.get(kind)} of ${all}`)
    }
  })

  it('spreads the holders of a shard over zones before a zone gets two', () => {
    fc.assert(
      fc.property(clusters, fc.integer({ min: 1, max: 5 }), (members, holdersPerShard) => {
        const able = members.filter(({ weight }) => weight > 0)
        const zoneOf = new Map(able.map(({ node, zone }) => [node, zone]))
        const sizes = new Map<string, number>()
        for (const { zone } of able) sizes.set(zone, (sizes.get(zone) ?? 0) + 1)
        for (const holders of place(members, holdersPerShard, keyHash)) {
          const used = new Map([...sizes.keys()].map((zone) => [zone, 0]))
          for (const node of holders) {
            const zone = zoneOf.get(node) as string
            used.set(zone, (used.get(zone) ?? 0) + 1)
          }
          // A zone has one more than another only when the other has nobody left.
          for (const [zone, count] of used) {
            for (const [other, otherCount] of used) {
              assert(
                count <= otherCount + 1 || otherCount === sizes.get(other),
                `${zone} ${count}, ${other} ${otherCount}`,
              )
            }
          }
        }
      }),
    )
  })

  it('holds nothing on a member of weight 0, and nothing at all when there is nobody else', () => {
    const placement = place([...cluster(2), candidate('guest', 0)], 3, keyHash)
    assert(placement.every((holders) => !holders.includes('guest') && holders.length === 2))
    assert(place([candidate('guest', 0)], 3, keyHash).every((holders) => holders.length === 0))
    assert(place([], 3, keyHash).every((holders) => holders.length === 0))
  })

  it('takes weights in hundredths, as they travel: a node and the others place it alike', () => {
    const exact = [candidate('a', 1.234), candidate('b', 1), candidate('c', 0.004)]
    const travelled = exact.map((member) => ({ ...member, weight: Math.round(member.weight * 100) / 100 }))
    assert.deepEqual(place(exact, 1, keyHash), place(travelled, 1, keyHash))
    assert.deepEqual(place(exact, 3, keyHash), place(travelled, 3, keyHash))
  })
})
