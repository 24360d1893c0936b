/** What a transaction may need of the disk, and what becomes of a disk that has not got it. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '@reprise/testkit'
import { open, type RootDatabase } from 'lmdb'
import { bytesAfter, type DatabaseStats, Room } from '../../src/repository/lmdb-room.ts'

/** A device of Linux on which no byte can be written. */
const FULL_DEVICE = '/dev/full'

describe('[R14] room in a database file', () => {
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'reprise-room-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it('is made up to where it is asked for, and never less than there was', async () => {
    const path = join(directory, 'file')
    const room = new Room(path)
    for (const [bytes, wanted] of [
      [1_000, 1_000],
      [10, 1_000],
      [700_001, 700_001],
    ] as const) {
      room.reach(bytes)
      assert.equal((await stat(path)).size, wanted)
    }
    new Room(path).reach(500)
    assert.equal((await stat(path)).size, 700_001)
  })

  it('is not made on a disk that is full, which is said by the code of the system', function () {
    if (!existsSync(FULL_DEVICE)) this.skip()
    assert.throws(() => new Room(FULL_DEVICE).reach(1), { code: 'ENOSPC' })
  })

  for (const seed of [1, 2, 3]) {
    it(`is never less than what LMDB takes: 300 transactions from seed ${seed}`, async () => {
      const path = join(directory, 'records.mdb')
      const database: RootDatabase<Buffer, Buffer> = open({
        path,
        noSubdir: true,
        encoding: 'binary',
        keyEncoding: 'binary',
      })
      try {
        const random = new Random(seed)
        const stats = (): DatabaseStats => database.getStats() as DatabaseStats
        const keyOf = (): Buffer => Buffer.from(`${random.below(10)}/${random.below(5_000)}`.padEnd(40, 'k'))
        for (let count = 0; count < 300; count++) {
          const puts = Array.from({ length: random.below(257) }, () => ({
            key: keyOf(),
            value: Buffer.alloc(random.chance(0.05) ? random.below(40_000) : random.below(900)),
          }))
          const deletes = Array.from({ length: random.below(257) }, keyOf)
          const transaction = { putBytes: puts.map(({ value }) => value.length), deletes: deletes.length }
          const wanted = bytesAfter(stats(), [transaction])
          database.transactionSync(() => {
            for (const key of deletes) database.removeSync(key)
            for (const { key, value } of puts) database.putSync(key, value)
          })
          const taken = bytesAfter(stats(), [])
          assert.ok(taken <= wanted, `transaction ${count}: ${taken} of ${wanted} bytes`)
        }
      } finally {
        await database.close()
      }
    })
  }
})
