import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MismatchError } from '../src/errors.ts'
import { checkHello, encodeHello, HELLO_BYTES_MAX, type Hello } from '../src/hello.ts'

const OURS: Hello = { version: 1, shardCount: 64, clusterName: 'reprise' }

const codeOf = (bytes: Uint8Array, ours = OURS): string => {
  try {
    checkHello(bytes, ours, 'somebody')
  } catch (error) {
    assert.ok(error instanceof MismatchError)
    assert.equal(error.nodeId, 'somebody')
    return error.code
  }
  return 'fits'
}

describe('hello', () => {
  it('has these bytes', () => {
    assert.equal(Buffer.from(encodeHello(OURS)).toString('hex'), '0001' + '00000040' + '07' + '72657072697365')
  })

  it('fits itself, and has a largest size', () => {
    assert.equal(codeOf(encodeHello(OURS)), 'fits')
    assert.equal(encodeHello({ ...OURS, clusterName: 'n'.repeat(64) }).byteLength, HELLO_BYTES_MAX)
  })

  it('tells what differs', () => {
    assert.equal(codeOf(encodeHello({ ...OURS, clusterName: 'other' })), 'CLUSTER_MISMATCH')
    assert.equal(codeOf(encodeHello({ ...OURS, shardCount: 32 })), 'SHARDS_MISMATCH')
    assert.equal(codeOf(encodeHello({ ...OURS, version: 2 })), 'VERSION_MISMATCH')
    assert.equal(codeOf(Buffer.from('0002', 'hex')), 'VERSION_MISMATCH', 'whatever a later version appends or drops')
  })

  it('is bad when it is cut short anywhere or goes on', () => {
    const bytes = encodeHello(OURS)
    for (let length = 0; length < bytes.byteLength; length++)
      assert.equal(codeOf(bytes.subarray(0, length)), 'BAD_HELLO')
    assert.equal(codeOf(Buffer.concat([bytes, Buffer.alloc(1)])), 'BAD_HELLO')
  })

  it('throws nothing but MismatchError on any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => codeOf(bytes).length > 0))
  })
})
