import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SHARD_COUNT } from '../../src/constants.ts'
import { WireError } from '../../src/errors.ts'
import { COUNTER_MAX } from '../../src/wire/bytes.ts'
import type { FrameHeader } from '../../src/wire/frame.ts'
import { decodeFrame, FRAME_ID_BYTES } from '../../src/wire/frame.ts'
import { shape } from '../support/arbitraries.ts'
import { golden } from '../support/golden.ts'
import { keyedRecords } from '../support/message-arbitraries.ts'
import { FRAME_HEADER, FRAMES, frameOf } from '../support/samples.ts'

const headers: fc.Arbitrary<FrameHeader> = shape({
  sender: shape({ hi: fc.integer(), lo: fc.integer() }),
  incarnation: fc.nat({ max: COUNTER_MAX }),
  shard: fc.nat({ max: SHARD_COUNT - 1 }),
  number: fc.integer({ min: 1, max: COUNTER_MAX }),
  ackNow: fc.boolean(),
})

describe('frames', () => {
  it('are written as the golden vectors say', () => {
    const lines = Object.entries(FRAMES).map(([name, frame]) => `${name}: ${Buffer.from(frame).toString('hex')}\n`)
    golden('wire/golden/frames.hex', lines.join(''))
  })

  it('come back as they were', () => {
    fc.assert(
      fc.property(headers, keyedRecords, (header, records) => {
        assert.deepEqual(decodeFrame(frameOf(header, records), 0), { header, records })
      }),
      { numRuns: 100 },
    )
  })

  it('[W1] [pitfall 5] begin with their identity: sender, incarnation, shard and number, and nothing else changes it', () => {
    fc.assert(
      fc.property(headers, headers, keyedRecords, (a, b, records) => {
        const [x, y] = [a, b].map((header) => frameOf(header, records).subarray(0, FRAME_ID_BYTES)) as [
          Uint8Array,
          Uint8Array,
        ]
        const { ackNow: _a, ...idOfA } = a
        const { ackNow: _b, ...idOfB } = b
        assert.equal(Buffer.compare(x, y) === 0, JSON.stringify(idOfA) === JSON.stringify(idOfB))
        assert.deepEqual(frameOf({ ...a, ackNow: !a.ackNow }, []).subarray(0, FRAME_ID_BYTES), x)
      }),
      { numRuns: 100 },
    )
  })

  it('[W1] [pitfall 2] of two shards with the same number have two identities', () => {
    const [x, y] = [4, 5].map((shard) => frameOf({ ...FRAME_HEADER, shard }, []).subarray(0, FRAME_ID_BYTES))
    assert.notDeepEqual(x, y)
  })

  describe('are refused', () => {
    const good = (): Buffer => Buffer.from(FRAMES['frame of one record'] as Uint8Array)
    const changed = (at: number, ...bytes: number[]): Buffer => {
      const frame = good()
      frame.set(bytes, at)
      return frame
    }
    const refused: Record<string, Buffer> = {
      'of an unknown format': changed(0, 2),
      'of a shard that does not exist': changed(15, 0, 64),
      'numbered 0': changed(17, 0, 0, 0, 0, 0, 0),
      'with unknown flags': changed(23, 2),
      'with bytes behind the end': Buffer.concat([good(), Buffer.of(0)]),
      'without anything': Buffer.alloc(0),
    }
    for (const [what, bytes] of Object.entries(refused)) {
      it(what, () => {
        assert.throws(() => decodeFrame(bytes, 0), WireError)
      })
    }
  })
})
