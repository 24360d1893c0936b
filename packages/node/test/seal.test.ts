import assert from 'node:assert/strict'
import { SealError, toSessionKey, UsageError } from '@reprise/core'
import { createSealer, deriveSealKey, type Place } from '../src/seal.ts'

const OLD = new Uint8Array(32).fill(1)
const NEW = new Uint8Array(32).fill(2)
const PLAIN = new TextEncoder().encode('a master secret')
const PLACE: Place = {
  key: toSessionKey('tls:1'),
  birth: { generation: 10, random: 20 },
  portion: 'tls',
  version: { tenure: { epoch: 1, node: 'a', incarnation: 5 }, seq: 1 },
}

describe('sealing', () => {
  it('[W3] opens only in the place it was sealed for', () => {
    const sealer = createSealer([NEW])
    const sealed = sealer.seal(PLAIN, PLACE)
    assert.deepEqual([...sealer.open(sealed, PLACE)], [...PLAIN])
    const { tenure } = PLACE.version
    const elsewhere: Place[] = [
      { ...PLACE, key: toSessionKey('tls:2') },
      { ...PLACE, portion: 'auth' },
      { ...PLACE, birth: { generation: 11, random: 20 } },
      { ...PLACE, birth: { generation: 10, random: 21 } },
      { ...PLACE, version: { tenure, seq: 2 } },
      { ...PLACE, version: { tenure: { ...tenure, epoch: 2 }, seq: 1 } },
      { ...PLACE, version: { tenure: { ...tenure, node: 'b' }, seq: 1 } },
      { ...PLACE, version: { tenure: { ...tenure, incarnation: 6 }, seq: 1 } },
    ]
    for (const place of elsewhere) assert.throws(() => sealer.open(sealed, place), SealError)
  })

  it('opens what was sealed before: the bytes that bind a value to its place stay', () => {
    const place = { ...PLACE, key: toSessionKey(Uint8Array.from([0, 255, 107])), portion: 'tls-é' }
    const version = { ...PLACE.version, tenure: { ...PLACE.version.tenure, node: 'a-ü' } }
    const sealed = Buffer.from(
      '95af0209d0e2e4ebecc79740683e19160352e73bd550fb6963d0df454044e77684ba2b6edc3d18304e753cee8f7c02',
      'hex',
    )
    assert.deepEqual([...createSealer([NEW]).open(sealed, { ...place, version })], [...PLAIN])
  })

  it('does not mix the ends of neighbouring fields', () => {
    const sealer = createSealer([NEW])
    const sealed = sealer.seal(PLAIN, { ...PLACE, key: toSessionKey('ab'), portion: 'c' })
    assert.throws(() => sealer.open(sealed, { ...PLACE, key: toSessionKey('a'), portion: 'bc' }), SealError)
  })

  it('notices every changed or missing byte', () => {
    const sealer = createSealer([NEW])
    const sealed = sealer.seal(PLAIN, PLACE)
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed)
      changed[at] = (changed[at] as number) ^ 1
      assert.throws(() => sealer.open(changed, PLACE), SealError)
      assert.throws(() => sealer.open(sealed.subarray(0, at), PLACE), SealError)
    }
  })

  it('rotates with overlap: the first key seals, all open, unknown ones are refused', () => {
    const before = createSealer([OLD]).seal(PLAIN, PLACE)
    const both = createSealer([NEW, OLD])
    assert.deepEqual([...both.open(before, PLACE)], [...PLAIN])
    assert.deepEqual([...createSealer([NEW]).open(both.seal(PLAIN, PLACE), PLACE)], [...PLAIN])
    assert.throws(() => createSealer([NEW]).open(before, PLACE), /no sealing key/)
  })

  it('never gives the same bytes twice', () => {
    const sealer = createSealer([NEW])
    assert.notDeepEqual(sealer.seal(PLAIN, PLACE), sealer.seal(PLAIN, PLACE))
  })

  it('derives a key from the secret that depends on the cluster', () => {
    const secret = new TextEncoder().encode('sixteen bytes or more')
    assert.equal(deriveSealKey(secret, 'a').length, 32)
    assert.notDeepEqual(deriveSealKey(secret, 'a'), deriveSealKey(secret, 'b'))
    assert.deepEqual(deriveSealKey(secret, 'a'), deriveSealKey(secret, 'a'))
  })

  it('wants keys of 32 bytes', () => {
    assert.throws(() => createSealer([]), UsageError)
    assert.throws(() => createSealer([new Uint8Array(16)]), /32 bytes, not 16/)
  })
})
