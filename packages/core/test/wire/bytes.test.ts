import assert from 'node:assert/strict'
import fc from 'fast-check'
import { WireError } from '../../src/errors.ts'
import { COUNTER_MAX, Reader, Writer } from '../../src/wire/bytes.ts'

const read = (...bytes: number[]): Reader => new Reader(Uint8Array.from(bytes))
const varintOf = (value: number): Uint8Array => {
  const out = new Writer(0)
  out.varint(value)
  return out.finish()
}

describe('bytes', () => {
  it('come back as they were written, growing from nothing', () => {
    const all = fc.tuple(
      fc.nat({ max: 0xff }),
      fc.nat({ max: 0xffff }),
      fc.nat({ max: 0xffffffff }),
      fc.nat({ max: 2 ** 48 - 1 }),
      fc.maxSafeNat(),
      fc.uint8Array(),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    )
    fc.assert(
      fc.property(all, ([u8, u16, u32, u48, varint, bytes, text, latin1]) => {
        const out = new Writer(0)
        out.u8(u8)
        out.u16(u16)
        out.u32(u32)
        out.u48(u48)
        out.varint(varint)
        out.bytes(bytes)
        out.text(text)
        out.latin1(latin1)
        const reader = new Reader(out.finish())
        assert.equal(out.length, reader.remaining)
        assert.equal(reader.u8(), u8)
        assert.equal(reader.u16(), u16)
        assert.equal(reader.u32(), u32)
        assert.equal(reader.u48(), u48)
        assert.equal(reader.varint(), varint)
        assert.deepEqual(Buffer.from(reader.bytes()), Buffer.from(bytes))
        assert.equal(reader.text(1_000), text)
        assert.equal(reader.latin1(), latin1)
        reader.end()
      }),
    )
  })

  it('write varints in base 128, the low group first', () => {
    const forms: [number, number[]][] = [
      [0, [0]],
      [127, [0x7f]],
      [128, [0x80, 0x01]],
      [300, [0xac, 0x02]],
      [2 ** 32, [0x80, 0x80, 0x80, 0x80, 0x10]],
      [Number.MAX_SAFE_INTEGER, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ]
    for (const [value, form] of forms) {
      assert.deepEqual([...varintOf(value)], form)
      assert.equal(read(...form).varint(), value)
    }
  })

  it('refuse to write what is no wire number', () => {
    for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.throws(() => varintOf(wrong), RangeError)
    }
  })

  it('refuse varints that are over-long, over 2^53 - 1, or cut short', () => {
    const wrong = [
      [0x80, 0x00],
      [0xff, 0x00],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      new Array(64).fill(0x80),
      [0x80],
      [],
    ]
    for (const form of wrong) assert.throws(() => read(...form).varint(), WireError, String(form))
  })

  it('[pitfall 4] refuse counters that cannot be exceeded', () => {
    assert.equal(new Reader(varintOf(COUNTER_MAX)).counter(), COUNTER_MAX)
    assert.throws(() => new Reader(varintOf(COUNTER_MAX + 1)).counter(), WireError)
    assert.throws(() => new Reader(varintOf(Number.MAX_SAFE_INTEGER)).counter(), WireError)
  })

  it('check a length against what remains and what is allowed before anything is taken', () => {
    for (const huge of [4, 2 ** 31, 2 ** 32, 2 ** 48, Number.MAX_SAFE_INTEGER]) {
      const bytes = [...varintOf(huge), 1, 2, 3]
      assert.throws(() => read(...bytes).bytes(), WireError)
      assert.throws(() => read(...bytes).text(), WireError)
      assert.throws(() => read(...bytes).latin1(), WireError)
      assert.throws(() => read(...bytes).count(Number.MAX_SAFE_INTEGER), WireError)
    }
    assert.throws(() => read(3, 1, 2, 3).bytes(2), WireError)
    assert.throws(() => read(3, 65, 65, 65).text(2), WireError)
    assert.throws(() => read(3, 65, 65, 65).latin1(2), WireError)
    assert.throws(() => read(3, 65, 65, 65).count(2), WireError)
    assert.throws(() => read(2, 65, 65, 65).count(2, 2), WireError)
    assert.equal(read(2, 65, 65, 65, 65).count(2, 2), 2)
    assert.equal(read(3, 65, 65, 65).bytes(3).length, 3)
    assert.equal(read(3, 65, 65, 65).text(3), 'AAA')
    assert.throws(() => read(1, 2, 3, 4, 5).u48(), WireError)
    assert.throws(() => read(1, 2, 3).u32(), WireError)
    assert.throws(() => read(1).u16(), WireError)
    assert.throws(() => read().u8(), WireError)
  })

  it('refuse text that is not UTF-8, and keep every character of what is', () => {
    for (const wrong of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]]) {
      assert.throws(() => read(wrong.length, ...wrong).text(), WireError)
    }
    assert.equal(read(3, 0xef, 0xbb, 0xbf).text(), '\ufeff', 'a byte order mark is a character')
    assert.equal(read(1, 0).text(), '\0')
  })

  it('refuse what follows the end', () => {
    const reader = read(1, 2)
    reader.u8()
    assert.throws(() => reader.end(), WireError)
    reader.u8()
    reader.end()
  })

  it('are read from a view of a larger buffer without looking outside it', () => {
    const buffer = Uint8Array.of(9, 9, 1, 2, 9, 9)
    const reader = new Reader(buffer.subarray(2, 4))
    assert.deepEqual([reader.u8(), reader.u8(), reader.remaining], [1, 2, 0])
    assert.throws(() => reader.u8(), WireError)
  })
})
