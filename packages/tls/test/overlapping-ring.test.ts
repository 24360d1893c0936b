import assert from 'node:assert/strict'
import { AlreadyExistsError } from '@reprise/core'
import {
  apacheKeyFile,
  haproxyKeyFile,
  keepRing,
  nginxKeyFiles,
  type OverlappingKeys,
  overlappingKeys,
  RotationTooSoonError,
  rotateRing,
  type TicketKey,
  type TicketRingStore,
} from '@reprise/tls'
import fc from 'fast-check'

/** A ring in a variable. */
class MemoryRing implements TicketRingStore {
  keys: readonly TicketKey[] | undefined
  writes = 0
  /** Somebody else makes the ring between our look and our write. */
  rival: readonly TicketKey[] | undefined

  async read(): Promise<readonly TicketKey[] | undefined> {
    return this.keys
  }

  async create(keys: readonly TicketKey[]): Promise<void> {
    this.keys ??= this.rival
    if (this.keys !== undefined) throw new AlreadyExistsError()
    await this.replace(keys)
  }

  async replace(keys: readonly TicketKey[]): Promise<void> {
    this.keys = keys
    this.writes += 1
  }
}

const HOUR_MS = 3_600_000
const NOW_MS = 1_800_000_000_000
const idsOf = (keys: readonly TicketKey[] | undefined): string[] => (keys ?? []).map(({ id }) => id)

function keysOf(ring: readonly TicketKey[] | undefined): OverlappingKeys {
  const keys = overlappingKeys(ring ?? [])
  assert(keys !== undefined)
  return keys
}

describe('the ring of ticket keys with overlap', () => {
  let ring: MemoryRing

  beforeEach(() => {
    ring = new MemoryRing()
  })

  it('is made with three keys, none like another', async () => {
    const keys = keysOf(await keepRing(ring, { nowMs: NOW_MS, rotateMs: HOUR_MS }))
    assert.equal(new Set([keys.previous, keys.current, keys.next].map(({ key }) => key.toString('hex'))).size, 3)
    assert.deepEqual(idsOf(ring.keys), [keys.next.id, keys.current.id, keys.previous.id])
  })

  it('moves each key one place on', async () => {
    const before = keysOf(await rotateRing(ring, { nowMs: NOW_MS, settleMs: 0 }))
    const after = keysOf(await rotateRing(ring, { nowMs: NOW_MS, settleMs: 0 }))
    assert.equal(after.current, before.next)
    assert.equal(after.previous, before.current)
    assert.ok(!idsOf([before.previous, before.current, before.next]).includes(after.next.id))
  })

  it('rotates when the newest key has served its time, and not before', async () => {
    await keepRing(ring, { nowMs: NOW_MS, rotateMs: HOUR_MS })
    const first = ring.keys
    await keepRing(ring, { nowMs: NOW_MS + HOUR_MS - 1, rotateMs: HOUR_MS })
    assert.equal(ring.keys, first)
    await keepRing(ring, { nowMs: NOW_MS + HOUR_MS, rotateMs: HOUR_MS })
    assert.equal(idsOf(ring.keys)[1], idsOf(first)[0])
    assert.equal(ring.writes, 2)
  })

  it('takes the ring of whoever was faster', async () => {
    const rival = new MemoryRing()
    ring.rival = await keepRing(rival, { nowMs: NOW_MS, rotateMs: HOUR_MS })
    assert.deepEqual(idsOf(await keepRing(ring, { nowMs: NOW_MS, rotateMs: HOUR_MS })), idsOf(rival.keys))
    assert.equal(ring.writes, 0)
  })

  it('fills up a ring that servers with one key made', async () => {
    const known = { id: '00'.repeat(8), dueAtMs: NOW_MS, key: Buffer.alloc(48, 1) }
    ring.keys = [known]
    const keys = keysOf(await keepRing(ring, { nowMs: NOW_MS, rotateMs: HOUR_MS }))
    assert.equal(keys.previous, known)
  })

  it('does not outrun the servers, but replaces all keys when it must', async () => {
    await rotateRing(ring, { nowMs: NOW_MS, settleMs: 5_000 })
    await assert.rejects(rotateRing(ring, { nowMs: NOW_MS + 1_000, settleMs: 5_000 }), (error) => {
      assert(error instanceof RotationTooSoonError)
      assert.equal(error.waitMs, 4_000)
      return true
    })
    const before = idsOf(ring.keys)
    await rotateRing(ring, { nowMs: NOW_MS + 1_000, settleMs: 5_000, all: true })
    assert.equal(idsOf(ring.keys).length, 3)
    for (const id of idsOf(ring.keys)) assert.ok(!before.includes(id))
    // A key from the future, of a clock that was wrong, keeps nobody from rotating.
    await rotateRing(ring, { nowMs: NOW_MS - HOUR_MS, settleMs: 5_000 })
  })

  it('opens everywhere what any server seals, as long as none is two rotations behind (property)', async () => {
    const rotations = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 2, maxLength: 2 })
    await fc.assert(
      fc.asyncProperty(fc.nat(5), rotations, async (before, lags) => {
        const store = new MemoryRing()
        const seen: OverlappingKeys[] = []
        for (let i = 0; i <= before + 1; i++) seen.push(keysOf(await rotateRing(store, { nowMs: NOW_MS, settleMs: 0 })))
        const [a, b] = lags.map((lag) => seen.at(-1 - lag))
        assert(a !== undefined && b !== undefined)
        for (const [seals, opens] of [[a, b] as const, [b, a] as const]) {
          assert.ok([opens.previous, opens.current, opens.next].includes(seals.current))
        }
      }),
    )
  })
})

describe('key files of terminators', () => {
  const keyOf = (byte: number): TicketKey => ({ id: '', dueAtMs: 0, key: Buffer.alloc(48, byte) })
  const keys: OverlappingKeys = { previous: keyOf(1), current: keyOf(2), next: keyOf(3) }

  it('of HAProxy: base64, of which the last line but one seals', () => {
    const lines = haproxyKeyFile(keys).split('\n')
    assert.deepEqual(lines, [1, 2, 3].map((byte) => Buffer.alloc(48, byte).toString('base64')).concat(''))
  })

  it('of nginx: 48 bytes each, to be listed with the current one first', () => {
    const files = [...nginxKeyFiles(keys)].map(([name, { length, 0: first }]) => [name, length, first])
    assert.deepEqual(files, [
      ['.current', 48, 2],
      ['.next', 48, 3],
      ['.previous', 48, 1],
    ])
  })

  it('of Apache: the one that seals', () => {
    assert.deepEqual(apacheKeyFile(keys), Buffer.alloc(48, 2))
  })
})
