import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { contentBytes, contentSha256 } from '../../src/member/content.ts'

const SIZE = 3_000

describe('content', () => {
  const whole = contentBytes('a', 0, SIZE)

  it('is the same wherever reading begins', () => {
    const offset = fc.integer({ min: 0, max: SIZE })
    fc.assert(
      fc.property(offset, offset, (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a]
        assert.deepEqual(contentBytes('a', start, end), whole.subarray(start, end))
      }),
    )
  })

  it('differs by name', () => {
    assert.notDeepEqual(contentBytes('b', 0, 64), whole.subarray(0, 64))
  })

  it('knows its own digest', async () => {
    const size = 1_300_000
    const expected = createHash('sha256')
      .update(contentBytes('a', 0, size))
      .digest()
    assert.deepEqual(await contentSha256('a', size), expected)
  })
})
