import assert from 'node:assert/strict'
import { WireError } from '../../src/errors.ts'
import type { LiveRecord } from '../../src/session/record.ts'
import { decodeStored, encodeStored } from '../../src/wire/stored-record.ts'
import { Cluster, keyOf, texts } from '../support/cluster.ts'
import { keyHash } from '../support/key-hash.ts'

function sample(): { record: LiveRecord; nowMs: number; stored: Uint8Array } {
  const cluster = Cluster.ready()
  cluster.establish('a', 'basket', { x: 'tea' })
  const record = cluster.record('a', 'basket')
  const { nowMs } = cluster
  return { record, nowMs, stored: encodeStored(keyOf('basket'), record, { nowMs, storedMs: 5_000 }, keyHash) }
}

describe('stored records', () => {
  it('[E3] [R14] come back with what is left of their time', () => {
    const { record, nowMs, stored } = sample()
    const read = decodeStored(keyOf('basket'), stored, { nowMs: 100, storedMs: 8_000 }, keyHash).record
    assert(read.kind === 'live')
    assert.deepEqual(texts(read), { x: 'tea' })
    assert.equal(read.expiry.idleAtMs - 100, Math.floor(record.expiry.idleAtMs - nowMs) - 3_000)
    // A clock that was set back takes nothing off, and gives nothing.
    const early = decodeStored(keyOf('basket'), stored, { nowMs: 100, storedMs: 1_000 }, keyHash).record
    assert(early.kind === 'live')
    assert.equal(early.expiry.idleAtMs - 100, Math.floor(record.expiry.idleAtMs - nowMs))
  })

  it('[R14] are refused when any byte is not what was written, or the key is another', () => {
    const { stored } = sample()
    const time = { nowMs: 0, storedMs: 5_000 }
    for (let at = 0; at < stored.length; at++) {
      const torn = stored.slice()
      torn[at] = (torn[at] as number) ^ 1
      assert.throws(() => decodeStored(keyOf('basket'), torn, time, keyHash), WireError, `byte ${at}`)
    }
    for (let length = 0; length < stored.length; length++) {
      assert.throws(() => decodeStored(keyOf('basket'), stored.slice(0, length), time, keyHash), WireError)
    }
    assert.throws(() => decodeStored(keyOf('other'), stored, time, keyHash), WireError)
  })
})
