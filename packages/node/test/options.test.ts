import assert from 'node:assert/strict'
import { UsageError } from '@reprise/core'
import { type NodeOptions, resolveOptions } from '../src/options.ts'

describe('node options', () => {
  it('all have defaults', () => {
    const options = resolveOptions({})
    assert.equal(options.copies, 2)
    assert.equal(options.cacheBytesMax, 64 * 1024 * 1024)
    assert.equal(options.drainMs, 10_000)
    assert.equal(options.idleMs, 30 * 60_000)
    assert.equal(options.absoluteMs, 24 * 3_600_000)
    assert.equal(resolveOptions({ copies: 'all' }).copies, Number.POSITIVE_INFINITY)
  })

  it('that can never work are refused, saying what would', () => {
    const wrong: [NodeOptions, RegExp][] = [
      [{ secret: 'short' }, /secret has 5 bytes; use at least 16/],
      [{ copies: 1.5 }, /copies must be a whole number from 0 to 64/],
      [{ copies: -1 }, /copies/],
      [{ weight: Number.NaN }, /weight/],
      [{ cache: { bytesMax: 10 } }, /cache.bytesMax must be .* from 1048576/],
      [{ lifetime: { idleMs: 0 } }, /idleMs/],
      [{ lifetime: { absoluteMs: 1e15 } }, /absoluteMs/],
      [{ carrier: 'pigeon' } as unknown as NodeOptions, /carrier must be one of gossip, direct, not "pigeon"/],
      [{ drainMs: -1 }, /drainMs/],
      [{ name: '' }, /name must be text of 1 to 64/],
      [{ Copies: 2 } as NodeOptions, /unknown option Copies; did you mean copies\?/],
      [{ zzz: 2 } as NodeOptions, /unknown option zzz; known are name/],
    ]
    for (const [options, message] of wrong) {
      assert.throws(
        () => resolveOptions(options),
        (error) => error instanceof UsageError && message.test(error.message),
      )
    }
  })
})
