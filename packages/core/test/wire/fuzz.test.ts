/**
 * Bad input: whatever the bytes, decoding ends soon, with a message or with a WireError, and takes no more memory than a
 * small multiple of what came. What decodes can be encoded again, so nothing that would break a reply gets in.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FRAME_BYTES_MAX, TENURES_PER_BATCH_MAX } from '../../src/constants.ts'
import { WireError } from '../../src/errors.ts'
import { Writer } from '../../src/wire/bytes.ts'
import { decodeFrame } from '../../src/wire/frame.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.ts'
import { FRAMES, MESSAGES } from '../support/samples.ts'

type Decode = (bytes: Uint8Array) => unknown

const message: Decode = (bytes) => {
  const decoded = decodeMessage(bytes, 0)
  encodeMessage(decoded, 0)
  return decoded
}
/** As on a link to a member of the earliest wire. */
const messageOfWire1: Decode = (bytes) => {
  const decoded = decodeMessage(bytes, 0, 1)
  encodeMessage(decoded, 0, 1)
  return decoded
}
const frame: Decode = (bytes) => decodeFrame(bytes, 0)

const VECTORS: readonly { name: string; bytes: Buffer; decode: Decode }[] = [
  ...Object.entries(MESSAGES).map(([name, sample]) => ({
    name,
    bytes: Buffer.from(encodeMessage(sample, 0)),
    decode: message,
  })),
  ...Object.entries(FRAMES).map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes), decode: frame })),
]

/** @returns whether the bytes were accepted. Anything but a WireError fails the test. */
function accepts(decode: Decode, bytes: Uint8Array): boolean {
  try {
    decode(bytes)
    return true
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return false
  }
}

/** Bytes that have broken decoders before, here and elsewhere: the dictionary. */
const DICTIONARY: readonly Buffer[] = [
  ...[0, 1, 0x7f, 0x80, 0xff, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 48 - 1, 2 ** 48, Number.MAX_SAFE_INTEGER].map(varint),
  Buffer.of(0x80, 0x00),
  Buffer.alloc(8, 0xff),
  Buffer.alloc(9, 0x80),
  Buffer.from('__proto__'),
  Buffer.from('constructor'),
  Buffer.of(0),
  Buffer.of(0xed, 0xa0, 0x80),
  Buffer.of(0xc0, 0x80),
]

describe('bad input', () => {
  for (const { name, bytes, decode } of VECTORS) {
    it(`cut at every byte, or followed by one more: ${name}`, () => {
      const isOpenEnded = name === 'repair'
      for (let length = 0; length < bytes.length; length++) {
        // A repair ends where its message ends; a cut frame inside it is found by the frame's own decoder.
        if (isOpenEnded && length >= 3) continue
        assert.equal(accepts(decode, bytes.subarray(0, length)), false, `cut to ${length} of ${bytes.length} bytes`)
      }
      if (!isOpenEnded) assert.equal(accepts(decode, Buffer.concat([bytes, Buffer.of(0)])), false)
    })

    it(`with every byte changed, and every word of the dictionary put over every place: ${name}`, () => {
      for (let at = 0; at < bytes.length; at++) {
        for (const value of [0x00, 0x01, 0x7f, 0x80, 0xff, (bytes[at] as number) ^ 1]) {
          const changed = Buffer.from(bytes)
          changed[at] = value
          accepts(decode, changed)
        }
        for (const word of DICTIONARY) {
          accepts(decode, Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(at)]))
          accepts(decode, Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(at + word.length)]))
        }
      }
    })
  }

  it('mutated at random', () => {
    const edits = fc.array(
      fc.record({
        at: fc.nat({ max: 1_000 }),
        remove: fc.nat({ max: 4 }),
        insert: fc.oneof(fc.uint8Array({ maxLength: 4 }), fc.constantFrom(...DICTIONARY)),
      }),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(fc.constantFrom(...VECTORS), edits, ({ bytes, decode }, list) => {
        let mutated = bytes
        for (const { at, remove, insert } of list) {
          const place = at % (mutated.length + 1)
          mutated = Buffer.concat([mutated.subarray(0, place), insert, mutated.subarray(place + remove)])
        }
        accepts(decode, mutated)
        accepts(messageOfWire1, mutated)
      }),
      { numRuns: 5_000 },
    )
  })

  it('of nothing but noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 22 }), (noise, number) => {
        for (const decode of [message, messageOfWire1]) accepts(decode, Buffer.concat([Buffer.of(number), noise]))
        accepts(frame, Buffer.concat([Buffer.of(1), noise]))
      }),
      { numRuns: 3_000 },
    )
  })

  it('that claims more than it has allocates nothing for it', () => {
    // Each claims up to 2^53 of something in a few bytes. A decoder that believed one would run out of memory here.
    const prefixes = [
      '04',
      '0500000000000700',
      '0d',
      '0d00',
      '0e010161',
      '11 09 01',
      '13 09 0050 00',
      '14 09 0050',
      '15 09 01',
    ]
    const before = process.memoryUsage().arrayBuffers
    for (const prefix of prefixes) {
      for (const huge of [2 ** 20, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
        const bytes = Buffer.concat([Buffer.from(prefix.replaceAll(' ', ''), 'hex'), varint(huge), Buffer.alloc(16)])
        assert.equal(accepts(message, bytes), false)
      }
    }
    assert(process.memoryUsage().arrayBuffers - before < 1_000_000)
  })

  it('as dense as a message gets is read all the same', () => {
    const record = Buffer.from('0201610100000000000100', 'hex')
    const count = Math.floor(FRAME_BYTES_MAX / record.length)
    const batch = [Buffer.of(0x0d, 0), varint(count), ...new Array<Buffer>(count).fill(record)]
    const pushed = decodeMessage(Buffer.concat(batch), 0)
    assert(pushed.type === 'push' && pushed.records.length === count)

    const tenure = Buffer.of(1, 1, 0x61, 1)
    const table = [
      Buffer.of(0x0d),
      varint(TENURES_PER_BATCH_MAX),
      ...new Array<Buffer>(TENURES_PER_BATCH_MAX).fill(tenure),
    ]
    assert(accepts(message, Buffer.concat([...table, Buffer.of(0)])))
  })
})

function varint(value: number): Buffer {
  const out = new Writer()
  out.varint(value)
  return Buffer.from(out.finish())
}
