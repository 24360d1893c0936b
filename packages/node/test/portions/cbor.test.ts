import assert from 'node:assert/strict'
import { RepriseError, WireError, Writer } from '@reprise/core'
import fc from 'fast-check'
import { decodeData, writeData } from '../../src/portions/cbor.ts'
import { ShapeError } from '../../src/portions/shape.ts'

/** Of RFC 8949, appendix A, what is in our part of it. */
const VECTORS: readonly (readonly [unknown, string])[] = [
  [0, '00'],
  [23, '17'],
  [24, '1818'],
  [100, '1864'],
  [1000, '1903e8'],
  [1000000, '1a000f4240'],
  [1000000000000, '1b000000e8d4a51000'],
  [-1, '20'],
  [-1000, '3903e7'],
  [1.1, 'fb3ff199999999999a'],
  [1.0e300, 'fb7e37e43c8800759c'],
  [-4.1, 'fbc010666666666666'],
  [false, 'f4'],
  [true, 'f5'],
  [null, 'f6'],
  [new Uint8Array([1, 2, 3, 4]), '4401020304'],
  ['', '60'],
  ['IETF', '6449455446'],
  ['\u6c34', '63e6b0b4'],
  [[], '80'],
  [[1, [2, 3], [4, 5]], '8301820203820405'],
  [{}, 'a0'],
  [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
  [{ a: 'A', b: 'B', c: 'C', d: 'D', e: 'E' }, 'a56161614161626142616361436164614461656145'],
]

describe('plain data as CBOR', () => {
  it('is as the RFC has it', () => {
    for (const [value, hex] of VECTORS) {
      assert.equal(Buffer.from(encode(value)).toString('hex'), hex)
      assert.deepEqual(decodeData(Buffer.from(hex, 'hex')), value)
    }
  })

  it('comes back as it went, and equal values are equal bytes in whatever order their fields were set', () => {
    fc.assert(
      fc.property(DATA, (value) => {
        const bytes = encode(value)
        assert.deepEqual(decodeData(bytes), value)
        assert.deepEqual(encode(reversed(value)), bytes)
      }),
    )
  })

  it('is a WireError when cut short at any byte', () => {
    fc.assert(
      fc.property(DATA, (value) => {
        const bytes = encode(value)
        for (let length = 0; length < bytes.length; length++) {
          assert.throws(() => decodeData(bytes.subarray(0, length)), WireError)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('has one form: changed bytes are refused, or are exactly the bytes of another value', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.tuple(DATA, change).map(mutated)), (bytes) => {
        let value: unknown
        try {
          value = decodeData(bytes)
        } catch (error) {
          assert(error instanceof WireError)
          return
        }
        assert.deepEqual(Buffer.from(encode(value)), Buffer.from(bytes))
      }),
      { numRuns: 2_000 },
    )
  })

  it('refuses what has a shorter form, what may not be there, and what would be taken for more than it is', () => {
    const bad = {
      'a number in a byte too many': '1817',
      'a text length in two bytes too many': '790001' + '61',
      'a float that is whole': 'fb3ff0000000000000',
      'a float that is infinite': 'fb7ff0000000000000',
      'a half float': 'f93c00',
      'a number over 2^53 - 1': '1b0020000000000000',
      'a number under -(2^53 - 1)': '3b001fffffffffffff',
      'a tag': 'c074323031332d30332d32315432303a30343a30305a',
      undefined: 'f7',
      'a list without a length': '9f01ff',
      'a list of four billion': '9affffffff',
      'an object of four billion fields': 'baffffffff',
      'four gigabytes': '5affffffff00',
      'fields out of order': 'a2616201616101',
      'a field twice': 'a2616101616102',
      'a field whose name is a number': 'a10101',
      __proto__: 'a1695f5f70726f746f5f5fa0',
      'text that is not UTF-8': '62c328',
      'more than one value': '0101',
      nothing: '',
    }
    for (const [name, hex] of Object.entries(bad)) {
      assert.throws(() => decodeData(Buffer.from(hex, 'hex')), WireError, name)
    }
    assert.throws(() => decodeData(Buffer.from('81'.repeat(100_000), 'hex')), WireError)
  })

  it('is refused for what is no plain data', () => {
    const cycle: Record<string, unknown> = {}
    cycle['again'] = cycle
    const bad = [undefined, Number.NaN, -Infinity, 1n, Symbol('x'), () => 1, new Date(), new Map(), '\ud800', cycle]
    for (const value of [...bad, [undefined], { a: [new Date()] }, JSON.parse('{"__proto__":1}'), { '\udfff': 1 }]) {
      assert.throws(() => encode(value), ShapeError)
    }
    assert(!(new ShapeError({ key: 'p' }, 'x', 1) instanceof RepriseError), 'it never reaches the application')
  })
})

const DATA: fc.Arbitrary<unknown> = fc
  .letrec<{ data: unknown }>((tie) => ({
    data: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, false),
      fc.maxSafeInteger(),
      fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie('data'), { maxLength: 30 }),
      fc.dictionary(fc.string({ unit: 'grapheme' }), tie('data'), { noNullPrototype: true }),
    ),
  }))
  .data.filter((value) => !hasProto(value))

function encode(value: unknown): Uint8Array {
  const out = new Writer()
  writeData(value, out, { key: 'p' })
  return out.finish()
}

function mutated([value, [at, byte]]: [unknown, [number, number]]): Uint8Array {
  const bytes = Uint8Array.from(encode(value))
  bytes[at % bytes.length] = byte
  return bytes
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, reversed(field)]),
  )
}

function hasProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProto)
}
