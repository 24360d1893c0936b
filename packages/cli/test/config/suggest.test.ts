import assert from 'node:assert/strict'
import { closest } from '../../src/config/suggest.ts'

describe('closest', () => {
  const NAMES = ['dataDir', 'drainMs', 'join', 'zone', 'cache.bytesMax']

  it('finds what was meant', () => {
    for (const [typed, meant] of [
      ['drianMs', 'drainMs'],
      ['datadir', 'dataDir'],
      ['jion', 'join'],
      ['cache.byteMax', 'cache.bytesMax'],
      ['cacheBytesMax', 'cache.bytesMax'],
    ] as const) {
      assert.equal(closest(typed, NAMES), meant)
    }
  })

  it('suggests nothing for what is like nothing', () => {
    assert.equal(closest('password', NAMES), undefined)
    assert.equal(closest('', NAMES), undefined)
  })
})
