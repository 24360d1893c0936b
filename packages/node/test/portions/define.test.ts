/** Portions that an application defines. */
import assert from 'node:assert/strict'
import {
  definePortion,
  type PortionCodec,
  PortionError,
  type PortionFailure,
  type StandardSchema,
  shape,
  UsageError,
  type ValueOf,
} from '@reprise/node'

const cart1 = definePortion({
  name: 'cart',
  version: 1,
  shape: shape.object({ items: shape.list(shape.text()) }),
})
const cart2 = definePortion({
  name: 'cart',
  version: 2,
  shape: shape.object({
    lines: shape.list(shape.object({ sku: shape.text(), gift: shape.optional(shape.boolean) })),
    seen: shape.optional(shape.integer({ max: 9 })),
  }),
  upgrade: (old) => ({ lines: (old as ValueOf<typeof cart1>).items.map((sku) => ({ sku })) }),
})

describe('a portion of an application', () => {
  it('has the type of its shape', () => {
    const value: ValueOf<typeof cart2> = { lines: [{ sku: 'tea', gift: true }] }
    const back = cart2.decode(cart2.encode(value))
    const gift: boolean | undefined = back.lines[0]?.gift
    assert.equal(gift, true)
    // @ts-expect-error a number is no text, and the compiler knows
    assert.throws(() => cart2.encode({ lines: [{ sku: 1 }] }), isPortionError('PORTION_INVALID'))
    // @ts-expect-error a required field is missing
    assert.throws(() => cart2.encode({}), isPortionError('PORTION_INVALID'))
  })

  it('is upgraded from an older version, and from what was set without a type', () => {
    assert.deepEqual(cart2.decode(cart1.encode({ items: ['tea'] })), { lines: [{ sku: 'tea' }] })
    assert.deepEqual(cart2.decode({ items: ['tea'] }), { lines: [{ sku: 'tea' }] })
  })

  it('is refused when a newer program wrote it, an older one without an upgrade, or an upgrade fails', () => {
    assert.throws(
      () => cart1.decode(cart2.encode({ lines: [] })),
      isPortionError('PORTION_VERSION', /version 2: update/),
    )
    assert.throws(() => cart1.decode({ items: ['tea'] }), isPortionError('PORTION_VERSION', /without a type/))
    assert.throws(() => cart2.decode('no cart at all'), isPortionError('PORTION_VERSION', /cannot/))
    assert.throws(() => cart2.decode({ items: [7] }), isPortionError('PORTION_INVALID', /cart\.lines\[0\]\.sku/))
  })

  it('may have bytes of its own', () => {
    const count: PortionCodec<number> = definePortion({
      name: 'count',
      version: 3,
      shape: shape.integer({ max: 255 }),
      encode: (value) => Uint8Array.of(value),
      decode: (bytes, version) => (bytes.length === 1 && version === 3 ? bytes[0] : assert.fail()),
    })
    assert.deepEqual(Buffer.from(count.encode(7)), Buffer.from([3, 7]))
    assert.equal(count.decode(Uint8Array.of(3, 7)), 7)
    assert.throws(() => count.encode(256), isPortionError('PORTION_INVALID', /^count: expected/))
    assert.throws(() => count.decode(Uint8Array.of(3, 7, 7)), isPortionError('PORTION_MALFORMED'))
  })

  it('takes a Standard Schema for a shape, such as those of zod and valibot', () => {
    const schema: StandardSchema<{ readonly ids: readonly number[] }> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => {
          const { ids } = value as { ids: readonly number[] }
          const wrong = ids.findIndex((id) => typeof id !== 'number')
          if (wrong === -1) return { value: { ids } }
          return { issues: [{ message: 'a number', path: [{ key: 'ids' }, wrong] }] }
        },
      },
    }
    const ids = definePortion({ name: 'ids', version: 1, shape: schema })
    assert.deepEqual(ids.decode(ids.encode({ ids: [1, 2] })), { ids: [1, 2] })
    const bad = { ids: [1, 'two'] as unknown as number[] }
    assert.throws(
      () => ids.encode(bad),
      isPortionError('PORTION_INVALID', /^ids\.ids\[1\]: expected a number, got text/),
    )
    const slow: StandardSchema<string> = {
      '~standard': { version: 1, vendor: 'test', validate: async () => ({ value: 'x' }) },
    }
    assert.throws(() => definePortion({ name: 'slow', version: 1, shape: slow }).encode('x'), UsageError)
  })

  it('is refused at its definition when it can never work', () => {
    const { text } = shape
    for (const name of ['', 'x'.repeat(65), '\ud800', 7 as unknown as string]) {
      assert.throws(() => definePortion({ name, version: 1, shape: text() }), UsageError)
    }
    for (const version of [0, 256, 1.5, Number.NaN]) {
      assert.throws(() => definePortion({ name: 'x', version, shape: text() }), UsageError)
    }
  })
})

function isPortionError(code: PortionFailure, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof PortionError && error.code === code && message.test(error.message)
}
