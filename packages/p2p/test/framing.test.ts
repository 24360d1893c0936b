import assert from 'node:assert/strict'
import { WireError } from '@reprise/core'
import fc from 'fast-check'
import { encodeLength, MessageDecoder } from '../src/framing.ts'

const encode = (messages: readonly Uint8Array[]): Buffer =>
  Buffer.concat(messages.flatMap((message) => [encodeLength(message.byteLength), message]))

/** Cut bytes at the given places. */
const cut = (all: Buffer, places: readonly number[]): Buffer[] => {
  const ends = [...places, all.byteLength].map((place) => Math.min(place, all.byteLength)).sort((a, b) => a - b)
  return ends.map((end, index) => all.subarray(ends[index - 1] ?? 0, end))
}

const message = fc.uint8Array({ minLength: 1, maxLength: 40 })

describe('framing', () => {
  it('has these bytes', () => {
    assert.equal(encode([Buffer.from('hi'), Buffer.from('!')]).toString('hex'), '00000002686900000001' + '21')
  })

  it('gives the same messages, however the bytes are cut into pieces and lists of pieces', () => {
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.nat(400)), fc.boolean(), (messages, places, asList) => {
        const decoder = new MessageDecoder(40)
        const pieces = cut(encode(messages), places)
        const decoded: string[] = []
        for (const part of asList ? [pieces] : pieces) {
          for (const one of decoder.push(part)) decoded.push(Buffer.from(one).toString('hex'))
        }
        assert.deepEqual(
          decoded,
          messages.map((one) => Buffer.from(one).toString('hex')),
        )
      }),
    )
  })

  it('refuses a length that is over the limit, or zero, at its last byte and before any of the message', () => {
    for (const length of [0, 41, 2 ** 31, 2 ** 32 - 1]) {
      const decoder = new MessageDecoder(40)
      const bytes = encodeLength(length)
      assert.deepEqual([...decoder.push(bytes.subarray(0, 3))], [])
      assert.throws(() => [...decoder.push(bytes.subarray(3))], WireError)
    }
  })

  it('throws nothing but WireError on any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), (pieces) => {
        const decoder = new MessageDecoder(40)
        try {
          for (const piece of pieces) for (const one of decoder.push(piece)) assert.ok(one.byteLength <= 40)
        } catch (error) {
          assert.ok(error instanceof WireError)
        }
      }),
    )
  })
})
