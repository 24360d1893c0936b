import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { fingerprint } from '@reprise/admin'

describe('a fingerprint', () => {
  it('is eight hexadecimal digits, the same for the same id however it is given', () => {
    assert.match(fingerprint('cart-17'), /^[0-9a-f]{8}$/)
    assert.equal(fingerprint('zürich'), fingerprint(new TextEncoder().encode('zürich')))
    assert.notEqual(fingerprint('a'), fingerprint('b'))
  })

  it('is keyed: nobody can look an id up by hashing it', () => {
    assert.notEqual(fingerprint('cart-17'), createHash('sha256').update('cart-17').digest('hex').slice(0, 8))
  })
})
