import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  BUCKET_COUNT,
  BUCKETS_PER_SHARD,
  CACHE_BYTES_MIN,
  EVICTION_TRIES_MAX,
  SHARD_COUNT,
  STUBS_MAX,
} from '../../src/constants.ts'
import { remainder } from '../../src/session/floor.ts'
import type { SessionKey } from '../../src/session/id.ts'
import type { Hash64 } from '../../src/session/meta-hash.ts'
import { metaHash } from '../../src/session/meta-hash.ts'
import type { LiveRecord, SessionRecord, Tombstone } from '../../src/session/record.ts'
import { recordBytes, withoutValues } from '../../src/session/record.ts'
import type { BucketTableOptions } from '../../src/table/bucket-table.ts'
import { BucketTable } from '../../src/table/bucket-table.ts'
import type { Copy, Entry } from '../../src/table/entry.ts'
import { bucketOf, shardOfBucket } from '../../src/table/key-hash.ts'
import type { KeyedRecord } from '../../src/wire/record-codec.ts'
import { records } from '../support/arbitraries.ts'
import { keyOf } from '../support/cluster.ts'
import { keyHash } from '../support/key-hash.ts'
import { keyedRecords } from '../support/message-arbitraries.ts'

const tenure = { epoch: 1, node: 'a', incarnation: 1 }

function live(seq: number, size: number, endsAtMs = 10_000): LiveRecord {
  const version = { tenure, seq }
  const expiry = { version, idleMs: 10_000, idleAtMs: endsAtMs, absoluteAtMs: endsAtMs }
  const portions = new Map([['data', { version, value: new Uint8Array(size) }]])
  return { kind: 'live', birth: { generation: 1, random: 1 }, frontier: [version], portions, expiry }
}

const dropped: Tombstone = { kind: 'dropped', birth: { generation: 1, random: 1 }, absoluteAtMs: 10_000 }

/** A table of a few records, with hooks that a test may set. */
function open(options: Partial<BucketTableOptions> = {}): { table: BucketTable; evicted: SessionKey[] } {
  const evicted: SessionKey[] = []
  const table = new BucketTable({
    bytesMax: CACHE_BYTES_MIN,
    keyHash,
    isPinned: () => false,
    isHeld: () => true,
    onEvicted: ({ key }) => evicted.push(key),
    ...options,
  })
  return { table, evicted }
}

/** Room for this many records of 1,000 bytes under keys of one letter. */
const roomFor = (count: number): number => count * recordBytes('a', live(1, 1_000))

describe('the table', () => {
  it('[R9] keeps each session in the bucket that the xxHash64 of its key names', () => {
    const { table } = open()
    for (let i = 0; i < 500; i++) table.put(keyOf(`session-${i}`), live(1, 10), 0)
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      for (const entry of table.bucketEntries(bucket)) {
        assert.equal(bucketOf(keyHash(entry.key)), bucket)
        assert.equal(table.shardOf(entry.key), shardOfBucket(bucket))
        assert.equal(table.index(bucket).entry(entry.hash)?.key, entry.key)
      }
    }
    assert.equal(sum(Array.from({ length: BUCKET_COUNT }, (_, bucket) => table.bucketCount(bucket))), 500)
    for (let shard = 0; shard < SHARD_COUNT; shard++) {
      assert.equal(table.shardCount(shard), [...shardEntries(table, shard)].length)
    }
  })

  it('[R9] evicts the least recently used of the whole node, whatever buckets they are in', () => {
    const { table, evicted } = open({ bytesMax: roomFor(4) })
    for (const name of ['a', 'b', 'c', 'd']) table.put(keyOf(name), live(1, 1_000), 0)
    table.get(keyOf('a'))
    table.peek(keyOf('b'))
    table.put(keyOf('e'), live(1, 1_000), 0)
    table.put(keyOf('f'), live(1, 1_000), 0)
    assert.deepEqual(evicted, ['b', 'c'], 'a read counts as a use, a peek does not')
    table.put(keyOf('d'), live(2, 1_000), 0)
    table.put(keyOf('g'), live(1, 1_000), 0)
    assert.deepEqual(evicted, ['b', 'c', 'a'], 'a write counts as a use')
    assert.equal(table.evictions, 3)
  })

  it('[R9] evicts as many as a larger record needs, and never the one just stored', () => {
    const { table, evicted } = open({ bytesMax: roomFor(4) })
    for (const name of ['a', 'b', 'c', 'd']) table.put(keyOf(name), live(1, 1_000), 0)
    table.put(keyOf('d'), live(2, 2_900), 0)
    assert.deepEqual(evicted, ['a', 'b'])
    table.put(keyOf('e'), live(1, 40_000), 0)
    assert.deepEqual(evicted, ['a', 'b', 'c', 'd'])
    assert(table.peek(keyOf('e')) !== undefined)
    assert(table.isFull)
  })

  it('[R9] behaves like a Map with an order of use, a byte budget and digests, under any operations', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')
    const operations = fc.oneof(
      fc.tuple(fc.constant('put'), names, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 3_000 })),
      fc.tuple(fc.constant('drop'), names),
      fc.tuple(fc.constant('get'), names),
      fc.tuple(fc.constant('delete'), names),
    ) as fc.Arbitrary<[string, string, number, number]>
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 60 }), (list) => {
        const { table, evicted } = open({ bytesMax: roomFor(4) })
        const model = new Map<SessionKey, SessionRecord>()
        for (const [what, name, seq, size] of list) {
          const key = keyOf(name)
          if (what === 'delete') {
            table.delete(key)
            model.delete(key)
          } else if (what === 'get') {
            assert.deepEqual(table.get(key)?.record, model.get(key))
            use(model, key)
          } else {
            const record = what === 'put' ? live(seq, size) : dropped
            evicted.length = 0
            table.put(key, record, 0)
            model.set(key, record)
            use(model, key)
            assert.deepEqual(evicted, evictFrom(model, key, table.bytesMax))
          }
          checkAgainst(table, model)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('[R9] tells of a copy by one look what its entry says, whatever its record is', () => {
    const largeRecords = keyedRecords.filter((list) => list.length > 0).map((list) => (list[0] as KeyedRecord).record)
    fc.assert(
      fc.property(fc.array(fc.oneof(records(), largeRecords), { minLength: 1, maxLength: 5 }), (list) => {
        const { table } = open({ bytesMax: 2 ** 30 })
        for (const record of list) {
          table.put(keyOf('a'), record, 5)
          const entry = table.peek(keyOf('a')) as Entry
          const copy = table.look(keyOf('a')) as Copy
          const told = ({
            shard,
            isLive,
            isUnwritten,
            endsAtMs,
            isLacking,
            hasOutside,
            validatedAtMs,
          }: Copy): unknown => {
            return { shard, isLive, isUnwritten, endsAtMs, isLacking, hasOutside, validatedAtMs }
          }
          assert.deepEqual(told(copy), told(entry))
          assert.deepEqual(copy.record, record)
        }
      }),
    )
  })

  describe('never evicts', () => {
    it('[E4] a tombstone', () => {
      const { table, evicted } = open({ bytesMax: roomFor(2) })
      table.put(keyOf('a'), dropped, 0)
      for (let i = 0; i < 20; i++) table.put(keyOf(`live-${i}`), live(1, 1_000), 0)
      assert.deepEqual(table.peek(keyOf('a'))?.record, dropped)
      assert(!evicted.includes(keyOf('a')))
    })

    it('[T1] what is pinned, and says that it is full when nothing may go', () => {
      const pinned = new Set(['a', 'b', 'c'])
      const { table, evicted } = open({ bytesMax: roomFor(2), isPinned: ({ key }) => pinned.has(key) })
      for (const name of ['a', 'b', 'c']) table.put(keyOf(name), live(1, 1_000), 0)
      assert.deepEqual(evicted, [])
      assert(table.isFull)
      pinned.delete('b')
      table.put(keyOf('c'), live(2, 1_000), 0)
      assert.deepEqual(evicted, ['b'])
      assert(!table.isFull)
    })

    it('[T1] what is pinned, however much: a write passes over a bounded part of it, and the next ones go on', () => {
      let asked = 0
      const isPinned = ({ key }: Entry): boolean => {
        asked++
        return key.startsWith('pinned')
      }
      const { table, evicted } = open({ bytesMax: roomFor(500), isPinned })
      table.put(keyOf('free'), live(1, 1_000), 0)
      for (let i = 0; i < 2_000; i++) {
        asked = 0
        table.put(keyOf(`pinned-${i}`), live(1, 1_000), 0)
        assert(asked <= EVICTION_TRIES_MAX, `${asked} entries were passed over by one write`)
      }
      assert.deepEqual(evicted, ['free'])
      assert.equal(table.size, 2_000)
      table.put(keyOf('free'), live(1, 1_000), 0)
      for (let i = 0; i < 2_000 / EVICTION_TRIES_MAX + 1; i++) table.put(keyOf('pinned-0'), live(2 + i, 1_000), 0)
      assert.deepEqual(evicted, ['free', 'free'])
    })

    it('[E4] tombstones over the whole budget: each stays, and each is found', () => {
      const { table } = open()
      const count = 6_000
      for (let i = 0; i < count; i++) table.put(keyOf(`dropped-${i}`), dropped, 0)
      assert(table.isFull)
      assert.equal(table.size, count)
      for (let i = 0; i < count; i++) assert.deepEqual(table.peek(keyOf(`dropped-${i}`))?.record, dropped)
      assert.equal(sum(Array.from({ length: BUCKET_COUNT }, (_, bucket) => table.bucketCount(bucket))), count)
    })
  })

  describe('[T1] when a held record is evicted', () => {
    it('[T1] [pitfall 30] its digest stays as it was, so that an audit does not fetch it again', () => {
      const { table, evicted } = open({ bytesMax: roomFor(2) })
      const entry = table.put(keyOf('a'), live(1, 1_000), 0)
      const { bucket, hash, meta } = entry
      const before = table.digest(bucket)
      for (let i = 0; i < 3; i++) table.put(keyInOtherBucket(bucket, i), live(1, 1_000), 0)
      assert(evicted.includes(keyOf('a')))
      assert.deepEqual(table.digest(bucket), before)
      assert.equal(table.index(bucket).entry(hash), undefined)
      assert.deepEqual(table.index(bucket).meta(hash), meta)
      assert.equal(table.absence(keyOf('a')), 'evicted')
      assert.equal(table.absence(keyOf('never')), 'absent')
    })

    it("[T1] coming back in any version takes the stub's place in the digest", () => {
      const { table } = open({ bytesMax: roomFor(2) })
      for (const name of ['a', 'b', 'c']) table.put(keyOf(name), live(1, 1_000), 0)
      assert.equal(table.stubs, 1)
      table.put(keyOf('a'), live(7, 1_000), 0)
      const { bucket, hash } = table.peek(keyOf('a')) as Entry
      assert.deepEqual(table.index(bucket).meta(hash), metaHash(hash, live(7, 1_000)))
      table.delete(keyOf('a'))
      assert.equal(table.absence(keyOf('a')), 'absent')
    })

    it('[T1] outside what this node holds no stub is left and the digest forgets it', () => {
      const { table } = open({ bytesMax: roomFor(2), isHeld: () => false })
      for (const name of ['a', 'b', 'c']) table.put(keyOf(name), live(1, 1_000), 0)
      assert.equal(table.stubs, 0)
      assert.equal(table.absence(keyOf('a')), 'absent')
      assert.deepEqual(table.digest(bucketOf(keyHash('a'))), { hi: 0, lo: 0 })
    })

    it('[T1] the stub goes when the session would have ended', () => {
      const { table } = open({ bytesMax: roomFor(2) })
      for (const name of ['a', 'b', 'c']) table.put(keyOf(name), live(1, 1_000, name === 'a' ? 500 : 10_000), 0)
      sweepAll(table, 499)
      assert.equal(table.absence(keyOf('a')), 'evicted')
      sweepAll(table, 500)
      assert.equal(table.absence(keyOf('a')), 'absent')
      assert.deepEqual(table.digest(bucketOf(keyHash('a'))), { hi: 0, lo: 0 })
    })

    it('[T1] with more stubs than are kept, no miss is called absent until the last forgotten one has ended', () => {
      const { table } = open({ bytesMax: roomFor(2) })
      // The first stubs end late, those that find no room end later still.
      const count = STUBS_MAX + 4
      for (let i = 0; i < count; i++) table.put(keyOf(`s${i}`), live(1, 4_000, i < STUBS_MAX ? 500 : 900), 0)
      assert.equal(table.stubs, STUBS_MAX)
      assert.equal(table.absence(keyOf('never')), 'evicted')
      sweepAll(table, 500)
      assert.equal(table.stubs, 0)
      assert.equal(table.absence(keyOf(`s${STUBS_MAX}`)), 'evicted', 'forgotten, and still alive elsewhere')
      sweepAll(table, 900)
      assert.equal(table.absence(keyOf('never')), 'absent')
    })
  })

  describe('[pitfall 30] a stub', () => {
    it('[T1] is that of a whole copy, also when values were missing: who has them is not asked', () => {
      const { table } = open({ bytesMax: roomFor(2) })
      const record = live(1, 1_000)
      const lacking = withoutValues(record, () => false)
      const { hash, bucket } = table.put(keyOf('a'), lacking, 0)
      for (let i = 0; i < 3; i++) table.put(keyInOtherBucket(bucket, i), live(1, 1_000), 0)
      assert.deepEqual(table.index(bucket).meta(hash), metaHash(hash, record))
      assert.deepEqual(table.digest(bucket), metaHash(hash, record))
    })

    it('[T1] of what another holder has not got leaves the digest, and comes back with who has it; it is never absent', () => {
      const { table } = open({ bytesMax: roomFor(2) })
      const { hash, bucket, meta } = table.put(keyOf('a'), live(1, 1_000), 0)
      for (let i = 0; i < 3; i++) table.put(keyInOtherBucket(bucket, i), live(1, 1_000), 0)
      const all = { bucket, part: 0, parts: 1 }
      for (const listed of [[], [{ key: hash, meta: { hi: 1, lo: 1 } }]]) {
        table.matchStubs(all, listed, true)
        assert.deepEqual(table.digest(bucket), { hi: 0, lo: 0 })
        assert.equal(table.absence(keyOf('a')), 'evicted')
        assert.deepEqual(table.index(bucket).meta(hash), meta, 'known, and so not fetched')
      }
      table.matchStubs(all, [{ key: hash, meta }], true)
      table.matchStubs(all, [{ key: hash, meta }], true)
      assert.deepEqual(table.digest(bucket), meta)
      table.matchStubs(all, [], true)
      table.put(keyOf('a'), live(2, 1_000), 0)
      assert.deepEqual(table.digest(bucket), metaHash(hash, live(2, 1_000)))
    })

    it('[T1] of what a holder has that is no copy itself counts; what that one lacks, others may have', () => {
      const { table } = open({ bytesMax: roomFor(2) })
      const { hash, bucket, meta } = table.put(keyOf('a'), live(1, 1_000), 0)
      for (let i = 0; i < 3; i++) table.put(keyInOtherBucket(bucket, i), live(1, 1_000), 0)
      const all = { bucket, part: 0, parts: 1 }
      table.matchStubs(all, [], false)
      assert.deepEqual(table.digest(bucket), meta)
      table.matchStubs(all, [], true)
      table.matchStubs(all, [{ key: hash, meta }], false)
      assert.deepEqual(table.digest(bucket), meta)
    })

    it('[T1] is judged only by the part of the bucket that was listed', () => {
      const { table } = open({ bytesMax: roomFor(2) })
      const { hash, bucket, meta } = table.put(keyOf('a'), live(1, 1_000), 0)
      for (let i = 0; i < 3; i++) table.put(keyInOtherBucket(bucket, i), live(1, 1_000), 0)
      const part = (hash.hi >>> 0) % 2
      table.matchStubs({ bucket, part: 1 - part, parts: 2 }, [], true)
      assert.deepEqual(table.digest(bucket), meta)
      table.matchStubs({ bucket, part, parts: 2 }, [], true)
      assert.deepEqual(table.digest(bucket), { hi: 0, lo: 0 })
    })
  })

  it('[V4] does not count a session without any write: no other node can have it', () => {
    const { table, evicted } = open({ bytesMax: roomFor(2) })
    const unwritten = { ...live(1, 1_000), frontier: [] }
    const { bucket } = table.put(keyOf('a'), unwritten, 0)
    assert.deepEqual(table.digest(bucket), { hi: 0, lo: 0 })
    const { hash } = table.put(keyOf('a'), live(1, 1_000), 0)
    assert.deepEqual(table.digest(bucket), metaHash(hash, live(1, 1_000)))
    table.put(keyOf('a'), unwritten, 0)
    assert.deepEqual(table.digest(bucket), { hi: 0, lo: 0 })
    for (const name of ['b', 'c']) table.put(keyOf(name), live(1, 1_000), 0)
    assert.deepEqual(evicted, ['a'])
    assert.deepEqual(table.digest(bucket), { hi: 0, lo: 0 })
  })

  it('sweeps out what ended, a bounded number of records at a time', () => {
    const { table } = open()
    for (let i = 0; i < 1_500; i++) table.put(keyOf(`s${i}`), live(1, 10, i % 2 === 0 ? 500 : 10_000), 0)
    table.put(keyOf('tomb'), { ...dropped, absoluteAtMs: 500 }, 0)
    table.sweep(500)
    assert(table.size > 751 && table.size < 1_501, `${table.size} after one turn`)
    const size = table.size
    table.sweep(500, 2)
    assert(table.size < size - 400, 'twice as many after twice the time')
    sweepAll(table, 500)
    assert.equal(table.size, 750)
    assert.equal(table.evictions, 0)
    assert.equal(table.stubs, 0, 'an end is no hole')
  })

  describe('[E4] a floor', () => {
    const floor = { birth: { generation: 0, random: 1 }, untilMs: 20_000 }
    const floored = (endsAtMs = 10_000): LiveRecord => ({ ...live(1, 100, endsAtMs), floor })
    const [key, left] = [keyOf('s'), { ...dropped, birth: floor.birth, absoluteAtMs: 20_000, isFloor: true } as const]
    const sweepAll = (table: BucketTable, nowMs: number): void => {
      for (let i = 0; i < 2; i++) table.sweep(nowMs)
    }
    const digestOf = (table: BucketTable, wire?: number): Hash64 => table.digest(bucketOf(keyHash(key)), wire)

    it('[E4] is what the record leaves when its time is over; the tombstone then counts like any other', () => {
      const { table } = open({ onEnded: ({ floor: its }) => remainder(its, 10_000) })
      table.put(key, floored(), 0)
      const entry = table.peek(key) as Entry
      entry.tenure = tenure
      entry.frame = 7
      sweepAll(table, 10_000)
      assert.deepEqual(table.peek(key)?.record, left)
      assert.deepEqual([table.peek(key)?.tenure, table.peek(key)?.frame], [undefined, 7])
      assert.equal(table.bytes, recordBytes(key, left))
      const { table: other } = open()
      other.put(key, left, 0)
      assert.deepEqual(digestOf(table), digestOf(other))
      sweepAll(table, 20_000)
      assert.deepEqual([table.size, table.bytes, digestOf(table)], [0, 0, { hi: 0, lo: 0 }])
    })

    it('[E4] goes at its end, and the record stays where it was in the order of use', () => {
      const { table, evicted } = open({ bytesMax: roomFor(3) })
      table.put(key, floored(30_000), 0)
      for (const name of ['a', 'b']) table.put(keyOf(name), live(1, 1_000, 30_000), 0)
      sweepAll(table, 20_000)
      assert.deepEqual(table.peek(key)?.record, live(1, 100, 30_000))
      const { table: other } = open()
      other.put(key, live(1, 100, 30_000), 0)
      assert.deepEqual(digestOf(table), digestOf(other))
      table.put(keyOf('c'), live(1, 1_000, 30_000), 20_000)
      assert.deepEqual(evicted, [key])
    })

    it('[V4] is in the digest, but not in that for who knows none', () => {
      const { table } = open()
      const { table: other } = open()
      table.put(key, floored(), 0)
      other.put(key, live(1, 100), 0)
      assert.notDeepEqual(digestOf(table), digestOf(other))
      assert.deepEqual(digestOf(table, 1), digestOf(other, 1))
      assert.deepEqual(table.peek(key)?.metaOn(1), other.peek(key)?.meta)
      assert.deepEqual(table.index(bucketOf(keyHash(key)), 1).meta(keyHash(key)), other.peek(key)?.meta)
    })

    it('[T1] of what was evicted counts as it did, ends when it would have, and is put back when the record would', () => {
      const { table } = open({ bytesMax: 100 })
      for (const [endsAtMs, isFirst] of [
        [10_000, true],
        [30_000, false],
      ] as const) {
        const before = open().table
        before.put(key, floored(endsAtMs), 0)
        table.put(key, floored(endsAtMs), 0)
        table.put(keyOf('other'), live(1, 1_000, 40_000), 0)
        assert.equal(table.absence(key), 'evicted')
        assert.deepEqual([digestOf(table), digestOf(table, 1)], [digestOf(before), digestOf(before, 1)])
        sweepAll(table, isFirst ? 10_000 : 20_000)
        if (isFirst) assert.deepEqual(table.peek(key)?.record, left)
        else {
          assert.equal(table.stub(key)?.floor, undefined)
          assert.deepEqual([digestOf(table), digestOf(table, 1)], [digestOf(before, 1), digestOf(before, 1)])
        }
        table.delete(key)
      }
    })

    it('[T1] that turns out under what was evicted counts from then on', () => {
      const { table } = open({ bytesMax: 100 })
      table.put(key, live(1, 100), 0)
      table.put(keyOf('other'), live(1, 1_000), 0)
      table.raiseStub(key, floor)
      const { table: other } = open()
      other.put(key, floored(), 0)
      assert.deepEqual(digestOf(table), digestOf(other))
      table.raiseStub(key, { ...floor, birth: live(1, 1).birth })
      assert.deepEqual(table.stub(key)?.floor, floor, 'not of the record itself')
    })

    it('[T1] keeps its record here when no more stubs can be remembered', () => {
      const { table, evicted } = open({ bytesMax: 100 })
      for (let i = 0; i <= STUBS_MAX; i++) table.put(keyOf(`s${i}`), live(1, 100), 0)
      evicted.length = 0
      table.put(key, floored(), 0)
      table.put(keyOf('other'), live(1, 100), 0)
      assert.deepEqual([evicted.includes(key), table.peek(key)?.record.kind], [false, 'live'])
    })
  })

  it('clears a shard but for what is to be kept, stubs included, and touches no other', () => {
    const { table } = open({ bytesMax: roomFor(300) })
    for (let i = 0; i < 400; i++) table.put(keyOf(`s${i}`), live(1, 1_000), 0)
    const shard = table.shardOf(keyOf('s0'))
    const neighbour = keyInBucket((shard + 1) * BUCKETS_PER_SHARD)
    table.put(neighbour, live(1, 10), 0)
    const inShard = (wanted: boolean): number =>
      Array.from({ length: 400 }, (_, i) => keyOf(`s${i}`)).filter((key) => {
        return (table.shardOf(key) === shard) === wanted && table.peek(key) !== undefined
      }).length
    const others = inShard(false)
    const kept = [...shardEntries(table, shard)][0] as Entry
    table.clearShard(shard, (entry) => entry === kept)
    assert.equal(inShard(true), 1)
    assert.equal(inShard(false), others)
    assert.equal(table.absence(keyOf('s0')), 'absent')
    assert(table.peek(neighbour) !== undefined)
    const digests = table.shardDigests(shard)
    assert.deepEqual(
      digests.filter(({ hi, lo }) => hi !== 0 || lo !== 0),
      [kept.meta],
    )
  })

  it('[V4] has equal digests for equal records, put in any order', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          Array.from({ length: 20 }, (_, i) => i),
          { minLength: 20 },
        ),
        (order) => {
          const { table } = open()
          const { table: shuffled } = open()
          for (let i = 0; i < 20; i++) table.put(keyOf(`s${i}`), live(1, 10), 0)
          for (const i of order) shuffled.put(keyOf(`s${i}`), live(9, 10), 0)
          for (const i of order) shuffled.put(keyOf(`s${i}`), live(1, 10), 0)
          for (let shard = 0; shard < SHARD_COUNT; shard++) {
            assert.deepEqual(shuffled.shardDigests(shard), table.shardDigests(shard))
          }
        },
      ),
      { numRuns: 20 },
    )
  })
})

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function* shardEntries(table: BucketTable, shard: number): Generator<Entry> {
  for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
    if (shardOfBucket(bucket) === shard) yield* table.bucketEntries(bucket)
  }
}

/** Sweep as often as it takes to go round the whole table. */
function sweepAll(table: BucketTable, nowMs: number): void {
  for (let turn = 0; turn < 8; turn++) table.sweep(nowMs)
}

function keyInOtherBucket(bucket: number, n: number): SessionKey {
  for (let i = 0; ; i++) {
    const key = keyOf(`other-${n}-${i}`)
    if (bucketOf(keyHash(key)) !== bucket) return key
  }
}

function keyInBucket(bucket: number): SessionKey {
  for (let i = 0; ; i++) {
    const key = keyOf(`in-${i}`)
    if (bucketOf(keyHash(key)) === bucket) return key
  }
}

/** Make a key the last of the map, as the most recently used is. */
function use(model: Map<SessionKey, SessionRecord>, key: SessionKey): void {
  const record = model.get(key)
  if (record === undefined) return
  model.delete(key)
  model.set(key, record)
}

function bytesOf(model: Map<SessionKey, SessionRecord>): number {
  return sum([...model].map(([key, record]) => recordBytes(key, record)))
}

/** What the model says must go, oldest first. The newest counts as used when it is passed over. */
function evictFrom(model: Map<SessionKey, SessionRecord>, newest: SessionKey, bytesMax: number): SessionKey[] {
  const gone: SessionKey[] = []
  for (const [key, record] of [...model]) {
    if (bytesOf(model) <= bytesMax) break
    if (key === newest || record.kind === 'dropped') continue
    model.delete(key)
    gone.push(key)
  }
  return gone
}

function checkAgainst(table: BucketTable, model: Map<SessionKey, SessionRecord>): void {
  assert.equal(table.size, model.size)
  assert.equal(table.bytes, bytesOf(model))
  const listed = new Map<SessionKey, SessionRecord>()
  for (const key of 'abcdefgh') {
    const bucket = bucketOf(keyHash(key))
    for (const entry of table.bucketEntries(bucket)) listed.set(entry.key, entry.record)
    const metas = [...table.bucketEntries(bucket)].map((entry) => metaHash(entry.hash, entry.record))
    const stub = table.peek(keyOf(key)) === undefined ? table.index(bucket).meta(keyHash(key)) : undefined
    assert.deepEqual(table.digest(bucket), xor(stub === undefined ? metas : [...metas, stub]))
  }
  assert.deepEqual(listed, model)
}

function xor(hashes: readonly Hash64[]): Hash64 {
  return hashes.reduce((all, { hi, lo }) => ({ hi: all.hi ^ hi, lo: all.lo ^ lo }), { hi: 0, lo: 0 })
}
