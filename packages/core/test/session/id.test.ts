import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ID_BYTES_MAX } from '../../src/constants.ts'
import { LimitError, UsageError } from '../../src/errors.ts'
import { keyBytes, keyOfBytes, toSessionKey } from '../../src/session/id.ts'
import { bytes } from '../support/cluster.ts'

describe('session ids', () => {
  it('keep every byte, NUL included', () => {
    const all = Uint8Array.from({ length: 255 }, (_, i) => i)
    assert.deepEqual(keyBytes(toSessionKey(all)), all)
    assert.deepEqual(keyBytes(toSessionKey(Uint8Array.of(0))), Uint8Array.of(0))
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: ID_BYTES_MAX }), (id) => {
        assert.deepEqual(keyBytes(toSessionKey(id)), id)
        assert.equal(toSessionKey(id), keyOfBytes(id))
      }),
    )
  })

  it('mean the UTF-8 bytes when given as text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (text) => {
        assert.equal(toSessionKey(text), toSessionKey(bytes(text)))
      }),
    )
    assert.equal(toSessionKey('é'), toSessionKey(Uint8Array.of(0xc3, 0xa9)))
    assert.notEqual(toSessionKey('é'), toSessionKey(Uint8Array.of(0xe9)), 'text is not taken for Latin-1')
  })

  it('never fall together unless their bytes are equal', () => {
    const ids = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 4 }),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }),
    )
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const [aBytes, bBytes] = [a, b].map((id) => (typeof id === 'string' ? bytes(id) : id)) as [
          Uint8Array,
          Uint8Array,
        ]
        assert.equal(toSessionKey(a) === toSessionKey(b), Buffer.compare(aBytes, bBytes) === 0)
      }),
    )
  })

  it('have at most 255 bytes', () => {
    assert.equal(toSessionKey('x'.repeat(255)).length, 255)
    assert.equal(toSessionKey('é'.repeat(127)).length, 254)
    for (const long of ['x'.repeat(256), 'é'.repeat(128), new Uint8Array(256)]) {
      assert.throws(
        () => toSessionKey(long),
        (error) => error instanceof LimitError && error.limit === 'ID_BYTES_MAX' && error.actual === 256,
      )
    }
  })

  it('refuse what is empty, ill-formed text, or no id at all', () => {
    const wrong: unknown[] = [
      '',
      new Uint8Array(0),
      '\ud800',
      'x\udfff',
      17,
      undefined,
      null,
      {},
      ['x'],
      new ArrayBuffer(4),
    ]
    for (const id of wrong) assert.throws(() => toSessionKey(id as string), UsageError)
  })

  it('read only the view they are given of a larger buffer', () => {
    const buffer = bytes('abcdef')
    assert.equal(toSessionKey(buffer.subarray(2, 4)), 'cd')
  })
})
