import assert from 'node:assert/strict'
import fc from 'fast-check'
import { UsageError } from '../../src/errors.ts'
import type { WriteProof } from '../../src/session/token.ts'
import { decodeToken, encodeToken, meetsProof } from '../../src/session/token.ts'
import { liveRecords, shape, tombstones } from '../support/arbitraries.ts'

const number = fc.maxSafeNat()
const proofs: fc.Arbitrary<WriteProof> = shape({
  birth: shape({ generation: number, random: fc.nat({ max: 2 ** 48 - 1 }) }),
  version: shape({
    tenure: shape({ epoch: number, node: fc.string({ unit: 'grapheme', maxLength: 20 }), incarnation: number }),
    seq: number,
  }),
})

describe('version tokens', () => {
  it('come back as they were', () => {
    fc.assert(fc.property(proofs, (proof) => assert.deepEqual(decodeToken(encodeToken(proof)), proof)))
  })

  it('are URL-safe, and at most 120 characters with a peer id of 52', () => {
    const node = 'Q'.repeat(52)
    const tenure = { epoch: 70_000, node, incarnation: 1_767_225_600_000 }
    const birth = { generation: 1_767_225_600_000, random: 2 ** 48 - 1 }
    const token = encodeToken({ birth, version: { tenure, seq: 70_000 } })
    assert.match(token, /^[\w-]+$/)
    assert(token.length <= 120, `${token.length} characters`)
  })

  it("are a caller's mistake when they are garbage, cut, longer, or of an unknown format", () => {
    const good = encodeToken({
      birth: { generation: 7, random: 1 },
      version: { tenure: { epoch: 1, node: 'a', incarnation: 1 }, seq: 1 },
    })
    const raw = Buffer.from(good, 'base64url')
    for (let length = 0; length < raw.length; length++) {
      assert.throws(() => decodeToken(raw.subarray(0, length).toString('base64url')), UsageError)
    }
    assert.throws(() => decodeToken(Buffer.concat([raw, Buffer.of(0)]).toString('base64url')), UsageError)
    assert.throws(() => decodeToken(Buffer.from([2, ...raw.subarray(1)]).toString('base64url')), UsageError)
    for (const wrong of ['', 'hello', '{}', '\ud800', 17, undefined, null, {}]) {
      assert.throws(() => decodeToken(wrong as string), UsageError)
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          decodeToken(text)
        } catch (error) {
          assert(error instanceof UsageError)
        }
      }),
    )
  })

  it('[V3] are met by a copy that merged the write, by a later birth, and by a drop', () => {
    fc.assert(
      fc.property(liveRecords(), tombstones(), (record, tombstone) => {
        const { birth, frontier } = record
        const later = { birth: { ...birth, generation: birth.generation + 1 }, version: record.expiry.version }
        const earlier = { birth: { ...birth, generation: birth.generation - 1 }, version: record.expiry.version }
        assert.equal(meetsProof(record, later), false)
        assert.equal(meetsProof(record, earlier), true)
        assert.equal(meetsProof({ ...tombstone, birth }, { birth, version: record.expiry.version }), true)
        for (const { tenure, seq } of frontier) {
          assert.equal(meetsProof(record, { birth, version: { tenure, seq } }), true)
          assert.equal(meetsProof(record, { birth, version: { tenure, seq: seq + 1 } }), false)
        }
        const stranger = { epoch: 99, node: 'z', incarnation: 1 }
        assert.equal(meetsProof(record, { birth, version: { tenure: stranger, seq: 1 } }), false)
      }),
    )
  })
})
