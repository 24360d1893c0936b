import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ARENA_GARBAGE_SHARE_MAX, ARENA_SLAB_BYTES_MAX, ARENA_SLAB_BYTES_MIN } from '../../src/constants.ts'
import type { SessionRecord } from '../../src/session/record.ts'
import { Arena } from '../../src/table/arena.ts'
import { ArenaEntry, Snapshot } from '../../src/table/entry.ts'
import { blockBytes, Slab } from '../../src/table/slab.ts'
import type { KeyedRecord } from '../../src/wire/record-codec.ts'
import { records } from '../support/arbitraries.ts'
import { keyOf } from '../support/cluster.ts'
import { keyedRecords } from '../support/message-arbitraries.ts'

const HASH = { hi: -7, lo: 0x7fff_ffff }
const META = { hi: 1, lo: -2 }

/** Store a record as the table does, under a slot of its own or in place of what a slot has. */
function store(arena: Arena, record: SessionRecord, known?: number): number {
  const slot = known ?? arena.takeSlot()
  const at = arena.allocate(blockBytes(record))
  const slab = arena.current
  if (known === undefined) slab.begin(at, slot, blockBytes(record), HASH, 5)
  else slab.beginAfter(at, blockBytes(record), arena.slab(slot), arena.at(slot))
  slab.write(at, record, META, 99)
  arena.assign(slot, slab, at)
  return slot
}

const readAt = (arena: Arena, slot: number): SessionRecord => arena.slab(slot).read(arena.at(slot))

function sized(bytes: number, seq = 1): SessionRecord {
  const version = { tenure: { epoch: 1, node: 'a', incarnation: 1 }, seq }
  const expiry = { version, idleMs: 1_000, idleAtMs: 2_000, absoluteAtMs: 3_000 }
  const portions = new Map([['data', { version, value: new Uint8Array(bytes).fill(seq) }]])
  return { kind: 'live', birth: { generation: 2 ** 41, random: 2 ** 47 + 1 }, frontier: [version], portions, expiry }
}

/** With tenures, names and values of any size, references, chunks and brief tombstones. */
const largeRecords = keyedRecords.filter((list) => list.length > 0).map((list) => (list[0] as KeyedRecord).record)

describe('the arena', () => {
  it('[R9] gives back every record as it was stored, in whatever slab it lies and is moved to', () => {
    fc.assert(
      fc.property(fc.oneof(records(), largeRecords), (record) => {
        const slab = new Slab(0, new ArrayBuffer(blockBytes(record) + 8))
        slab.begin(8, 3, blockBytes(record), HASH, 5)
        slab.write(8, record, META, 99)
        assert.deepEqual(slab.read(8), record)
        const other = new Slab(1, new ArrayBuffer(blockBytes(record)))
        other.names.push('a name of others')
        other.copyFrom(slab, 8, 0)
        assert.deepEqual(other.read(0), record)
        assert.deepEqual([other.slot(0), other.hash(0), other.meta(0), other.accountedBytes(0)], [3, HASH, META, 99])
      }),
    )
  })

  it('[R9] behaves like a Map of records under any writing, and its garbage stays within its share', () => {
    const slots = fc.nat({ max: 40 })
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.tuple(fc.constant('store'), slots, fc.integer({ min: 0, max: 6_000 })) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('free'), slots, fc.constant(0)) },
    ) as fc.Arbitrary<[string, number, number]>
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 400 }), (steps) => {
        const arena = new Arena()
        const model = new Map<number, { slot: number; record: SessionRecord }>()
        for (const [i, [what, name, bytes]] of steps.entries()) {
          const known = model.get(name)
          if (what === 'free') {
            if (known !== undefined) arena.free(known.slot)
            model.delete(name)
            continue
          }
          const record = sized(bytes, i + 1)
          const slot = store(arena, record, known?.slot)
          model.set(name, { slot, record })
        }
        for (const { slot, record } of model.values()) assert.deepEqual(readAt(arena, slot), record)
        // The cleaner looks again after a slab's worth of garbage.
        const garbageMax = arena.capacity * ARENA_GARBAGE_SHARE_MAX + ARENA_SLAB_BYTES_MIN + blockBytes(sized(6_000))
        assert(arena.garbage <= garbageMax, `${arena.garbage} of ${arena.capacity} bytes are garbage`)
      }),
      { numRuns: 60 },
    )
  })

  it('[R9] keeps what is known about a session besides its record when the record changes and when it is moved', () => {
    const arena = new Arena()
    const slot = store(arena, sized(100))
    const entry = new ArenaEntry(arena, keyOf('a'), slot)
    const tenure = { epoch: 7, node: 'b', incarnation: 3 }
    entry.tenure = tenure
    entry.seq = 2 ** 40 + 5
    entry.frame = 12
    entry.validatedAtMs = 1.5
    const before = arena.slab(slot)
    store(arena, sized(200, 2), slot)
    const others = Array.from({ length: 40 }, () => store(arena, sized(500)))
    for (let round = 0; round < 20; round++) for (const other of others) store(arena, sized(500, round), other)
    assert.notEqual(arena.slab(slot), before, 'it was moved')
    assert.deepEqual([entry.tenure, entry.seq, entry.frame, entry.validatedAtMs], [tenure, 2 ** 40 + 5, 12, 1.5])
    assert.deepEqual(entry.record, sized(200, 2))
    entry.tenure = undefined
    assert.equal(entry.tenure, undefined)
  })

  it('[R9] lets a snapshot see the record as it was, however much is written and freed afterwards', () => {
    const arena = new Arena()
    const slot = store(arena, sized(1_000, 1))
    const snapshot = new ArenaEntry(arena, keyOf('a'), slot).snapshot()
    assert(snapshot instanceof Snapshot)
    const rounds = (20 * ARENA_SLAB_BYTES_MAX) / blockBytes(sized(40_000))
    for (let i = 2; i < rounds; i++) store(arena, sized(40_000, i), slot)
    arena.free(slot)
    assert.deepEqual(snapshot.read(), sized(1_000, 1))
    assert(arena.capacity <= 3 * ARENA_SLAB_BYTES_MAX, `${arena.capacity} bytes for one record`)
  })

  it('[R9] marks two snapshots alike exactly when they are of the same bytes', () => {
    const arena = new Arena()
    const slots = Array.from({ length: 40 }, (_, i) => store(arena, sized(500, i + 1)))
    const seen = new Map<number, number>()
    for (let seq = 100; seq < 3_000; seq++) {
      const slot = slots[seq % slots.length] as number
      store(arena, sized(500, seq), slot)
      const mark = markOf(arena, slot)
      assert(!seen.has(mark), 'no other record ever had it')
      seen.set(mark, seq)
      assert.equal(markOf(arena, slot), mark)
    }
    // Those that were moved by the cleaner have new ones; none has that of another record.
    for (const slot of slots) {
      const record = readAt(arena, slot)
      const of = seen.get(markOf(arena, slot))
      if (of !== undefined) assert.deepEqual(record, sized(500, of))
    }
  })

  it('[R9] uses the memory of emptied slabs again, of a small table, too', () => {
    const arena = new Arena()
    const slots = Array.from({ length: 40 }, () => store(arena, sized(500)))
    const memories = new Set<ArrayBufferLike>()
    for (let round = 0; round < 400; round++) {
      for (const slot of slots) store(arena, sized(500, round), slot)
      memories.add(arena.current.bytes.buffer)
    }
    assert(memories.size <= 20, `${memories.size} slabs were made for what three hold`)
  })

  it('[R9] lends values that are asked for before the table changes, and copies the others', () => {
    const arena = new Arena()
    const slot = store(arena, sized(100))
    const entry = new ArenaEntry(arena, keyOf('a'), slot)
    const memory = arena.current.bytes.buffer
    const dataOf = (record: SessionRecord): Uint8Array => {
      const value = record.kind === 'live' ? record.portions.get('data')?.value : undefined
      assert(value instanceof Uint8Array)
      return value
    }
    assert.equal(dataOf(entry.read(new Set(['data']))).buffer, memory)
    assert.notEqual(dataOf(entry.read(new Set(['other']))).buffer, memory)
    assert.deepEqual(dataOf(entry.read(new Set(['data']))), dataOf(sized(100)))
  })

  it('[R9] shares nothing with what it was given or gives: an application may write into its bytes', () => {
    const arena = new Arena()
    const record = sized(100)
    const slot = store(arena, record)
    const given = readAt(arena, slot)
    for (const one of [record, given]) {
      const value = one.kind === 'live' ? one.portions.get('data')?.value : undefined
      assert(value instanceof Uint8Array)
      value.fill(77)
    }
    assert.deepEqual(readAt(arena, slot), sized(100))
  })
})

function markOf(arena: Arena, slot: number): number {
  return new ArenaEntry(arena, keyOf('a'), slot).snapshot().mark
}
