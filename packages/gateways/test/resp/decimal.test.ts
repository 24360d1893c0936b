import assert from 'node:assert/strict'
import fc from 'fast-check'
import { addDecimals, formatDecimal, parseDecimal } from '../../src/resp/decimal.ts'

const normal = (text: string): string | undefined => {
  const value = parseDecimal(text)
  return value && formatDecimal(value)
}

const sum = (a: string, b: string): string => {
  const [first, second] = [parseDecimal(a), parseDecimal(b)]
  assert.ok(first !== undefined && second !== undefined)
  return formatDecimal(addDecimals(first, second))
}

describe('decimals', () => {
  it('are read as people write them', () => {
    for (const [text, expected] of [
      ['10.50', '10.5'],
      ['-.5', '-0.5'],
      ['+3.', '3'],
      ['1e3', '1000'],
      ['5.0E-3', '0.005'],
      ['0.00', '0'],
      ['-0', '0'],
      ['000012', '12'],
    ]) {
      assert.equal(normal(text as string), expected)
    }
  })

  it('are nothing else', () => {
    for (const text of [
      '',
      '.',
      '+',
      'e5',
      '1e',
      '1 ',
      ' 1',
      '1e99999',
      'inf',
      'nan',
      '0x10',
      '1,5',
      '1'.repeat(300),
    ]) {
      assert.equal(normal(text), undefined, text)
    }
  })

  it('are added exactly', () => {
    assert.equal(sum('0.1', '0.2'), '0.3')
    assert.equal(sum('0.3', '-0.3'), '0')
    assert.equal(sum('99999999999999999999', '0.1'), '99999999999999999999.1')
  })

  it('show at most 17 places, rounded', () => {
    assert.equal(normal('0.123456789012345674'), '0.12345678901234567')
    assert.equal(normal('0.123456789012345678'), '0.12345678901234568')
    assert.equal(normal('-0.000000000000000005'), '-0.00000000000000001')
    assert.equal(normal('0.000000000000000004'), '0')
  })

  it('come back as they were shown', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.nat(17), (digits, scale) => {
        const text = formatDecimal({ digits, scale })
        assert.equal(normal(text), text)
        assert.equal(sum(text, '0'), text)
      }),
    )
  })
})
