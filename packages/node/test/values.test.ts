import assert from 'node:assert/strict'
import { toSessionKey, UsageError, WireError } from '@reprise/core'
import fc from 'fast-check'
import { createSealer } from '../src/seal.ts'
import { decodeValue, encodeValue, sealValue } from '../src/values.ts'

const PLACE = {
  key: toSessionKey('s'),
  birth: { generation: 1, random: 2 },
  portion: 'p',
  version: { tenure: { epoch: 1, node: 'n', incarnation: 3 }, seq: 4 },
}

describe('values', () => {
  it('give back what was set, bytes as bytes and data as data', () => {
    const data = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('-0') && isShallow(value, 0))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), data), (value) => {
        const decoded = decodeValue(encodeValue('p', value as Uint8Array), undefined, PLACE)
        if (value instanceof Uint8Array) assert.deepEqual([...(decoded as Uint8Array)], [...value])
        else assert.equal(JSON.stringify(decoded), JSON.stringify(JSON.parse(JSON.stringify(value))))
      }),
    )
  })

  it('encode at once: later changes to the object do not count', () => {
    const basket = { items: ['tea'] }
    const encoded = encodeValue('purchase', basket)
    basket.items.push('milk')
    assert.deepEqual(decodeValue(encoded, undefined, PLACE), { items: ['tea'] })
  })

  it('refuse what JSON would change without saying so', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const value of [new Date(), new Map(), () => 1, Symbol('x'), 1n, Number.NaN, Infinity, undefined, cycle]) {
      assert.throws(() => encodeValue('p', value as never), UsageError)
    }
    assert.throws(() => encodeValue('p', { deep: [new Date()] } as never), /p\.deep.*Date/)
  })

  it('leave no way for __proto__ into the application', () => {
    const encoded = encodeValue('p', JSON.parse('{"__proto__": {"isAdmin": true}, "a": 1}'))
    const decoded = decodeValue(encoded, undefined, PLACE) as Record<string, unknown>
    assert.deepEqual(Object.keys(decoded), ['a'])
    assert.equal(decoded['isAdmin'], undefined)
  })

  it('seal and open, and say so when there is no key', () => {
    const sealer = createSealer([new Uint8Array(32).fill(7)])
    const sealed = sealValue(encodeValue('p', { a: 1 }), sealer, PLACE)
    assert.deepEqual(decodeValue(sealed, sealer, PLACE), { a: 1 })
    assert.throws(() => decodeValue(sealed, undefined, PLACE), UsageError)
  })

  it('are refused when they are none', () => {
    for (const bytes of [[], [2], [0x40, 1], [1, 0x7b]]) {
      assert.throws(() => decodeValue(new Uint8Array(bytes), undefined, PLACE), WireError)
    }
  })
})

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return (
    depth < 20 && !Object.hasOwn(value, '__proto__') && Object.values(value).every((item) => isShallow(item, depth + 1))
  )
}
