import assert from 'node:assert/strict'
import {
  ABSOLUTE_MS_DEFAULT,
  ABSOLUTE_MS_MAX,
  CACHE_BYTES_DEFAULT,
  CACHE_BYTES_MIN,
  COPIES_DEFAULT,
  IDLE_MS_DEFAULT,
} from '@reprise/core'
import fc from 'fast-check'
import { flagOf, OPTION_NAMES, OPTIONS, variableOf } from '../../src/config/options.ts'
import { ValueError } from '../../src/config/values.ts'

describe('the table of options', () => {
  it('has the defaults and bounds of the packages below, which it does not load', () => {
    assert.equal(OPTIONS['lifetime.idleMs'].default, IDLE_MS_DEFAULT)
    assert.equal(OPTIONS['lifetime.absoluteMs'].default, ABSOLUTE_MS_DEFAULT)
    assert.equal(OPTIONS['cache.bytesMax'].default, CACHE_BYTES_DEFAULT)
    assert.equal(OPTIONS.copies.default, COPIES_DEFAULT)
    assert.equal(OPTIONS['cache.bytesMax'].kind.fromData(CACHE_BYTES_MIN), CACHE_BYTES_MIN)
    assert.throws(() => OPTIONS['cache.bytesMax'].kind.fromData(CACHE_BYTES_MIN - 1))
    assert.equal(OPTIONS['lifetime.idleMs'].kind.fromData(ABSOLUTE_MS_MAX), ABSOLUTE_MS_MAX)
    assert.throws(() => OPTIONS['lifetime.idleMs'].kind.fromData(ABSOLUTE_MS_MAX + 1))
  })

  it('names flags and variables after the option', () => {
    assert.equal(flagOf('cache.bytesMax'), '--cache-bytes-max')
    assert.equal(variableOf('cache.bytesMax'), 'REPRISE_CACHE_BYTES_MAX')
    assert.equal(flagOf('drainMs'), '--drain-ms')
    assert.equal(variableOf('secret'), 'REPRISE_SECRET')
    assert.equal(new Set(OPTION_NAMES.map(flagOf)).size, OPTION_NAMES.length)
  })

  it('take any text and any data of a file, or say what they expect', () => {
    const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
    const given = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('1e999', '0x10', '∞', ' ', '\0'),
    )
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(OPTIONS)), given, ({ kind }, value) => {
        for (const read of [() => kind.fromData(value), () => kind.fromText(textOf(value))]) {
          try {
            read()
          } catch (error) {
            assert.ok(error instanceof ValueError)
          }
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
