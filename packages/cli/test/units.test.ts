import assert from 'node:assert/strict'
import { formatAge, formatBytes, formatCount, formatLeft, formatMs, median, plural } from '../src/units.ts'

describe('units', () => {
  it('formats times with as many figures as mean something', () => {
    assert.deepEqual([0.42, 7.14, 9.999, 42.4, 999.4, 1_000, 12_345].map(formatMs), [
      '0.4 ms',
      '7.1 ms',
      '10 ms',
      '42 ms',
      '999 ms',
      '1.0 s',
      '12.3 s',
    ])
  })

  it('formats sizes and counts', () => {
    assert.deepEqual([0, 1_023, 65_536, 8_388_608].map(formatBytes), ['0 B', '1023 B', '64 KiB', '8.0 MiB'])
    assert.equal(formatCount(8_388_608), '8,388,608')
    assert.deepEqual([plural(1, 'node'), plural(1_000, 'node')], ['1 node', '1,000 nodes'])
  })

  it('rounds down what is over, and to the nearest what is left', () => {
    assert.deepEqual([1_799_994, 86_399_990, 119_999, 2_600, -5].map(formatAge), [
      '29 min',
      '23 h',
      '119 s',
      '2 s',
      '0 s',
    ])
    assert.deepEqual([1_799_994, 86_399_990, 119_999, 2_600, -5].map(formatLeft), [
      '30 min',
      '24 h',
      '2 min',
      '3 s',
      '0 s',
    ])
  })

  it('finds the middle', () => {
    assert.equal(median([]), undefined)
    assert.equal(median([3]), 3)
    assert.equal(median([30, 1, 2, 10]), 2)
    assert.equal(median([30, 1, 2, 10, 3]), 3)
  })
})
