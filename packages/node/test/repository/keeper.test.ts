/** What a keeper does when its store fails: a store in memory that can be told to. */
import assert from 'node:assert/strict'
import type { Birth } from '@reprise/core'
import { loadKeyHash, Outbox, Replica, SHARD_COUNT, toSessionKey } from '@reprise/core'
import { createClock } from '../../src/clock.ts'
import { RepositoryError } from '../../src/errors.ts'
import { encodeHeader, StoreClock } from '../../src/repository/header.ts'
import type { KeeperInit } from '../../src/repository/keeper.ts'
import { Keeper, loadRepository } from '../../src/repository/keeper.ts'
import type { RecordStore, StoreBatch, StoredValue } from '../../src/repository/record-store.ts'

class FakeStore implements RecordStore {
  readonly #values = new Map<string, StoredValue>()
  #header: Uint8Array | undefined
  failure: Error | undefined
  isClosed = false
  bytes = 0

  get records(): number {
    return this.#values.size
  }

  async readHeader(): Promise<Uint8Array | undefined> {
    return this.#header
  }

  async readBucket(bucket: number): Promise<readonly StoredValue[]> {
    return [...this.#values.values()].filter((stored) => stored.bucket === bucket)
  }

  async write({ puts, deletes, header }: StoreBatch): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    for (const { key } of deletes) this.#values.delete(key)
    for (const stored of puts) this.#values.set(stored.key, stored)
    this.#header = header
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

const owner = { cluster: 'test', nodeId: 'r' }
const lifetime = { idleMs: 60_000, absoluteMs: 3_600_000, assumeNew: true, deadlineMs: 0 }

class Repository {
  readonly replica: Replica
  readonly #clock = createClock()
  readonly told: string[] = []
  keeper: Keeper | undefined
  #request = 0

  constructor(keyHash: KeeperInit['keyHash']) {
    const repository = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)
    const init = { nodeId: 'r', incarnation: 1, seed: 1, keyHash, repository }
    this.replica = new Replica(init, this.#clock.now())
  }

  async open(store: RecordStore, keyHash: KeeperInit['keyHash']): Promise<Keeper> {
    const init = { store, replica: this.replica, keyHash, owner }
    const clock = await loadRepository({ ...init, shards: SHARDS }, this.#clock)
    const { changes } = this.replica
    assert(changes !== undefined)
    this.keeper = new Keeper(
      { ...init, changes, clock },
      {
        onDegraded: (error) => this.told.push(error.message),
        onRecovered: () => this.told.push('recovered'),
      },
    )
    return this.keeper
  }

  write(id: string): Birth {
    const out = new Outbox()
    const key = toSessionKey(id)
    const now = this.#clock.now()
    this.replica.step({ type: 'create', request: ++this.#request, key, ...lifetime }, now, out)
    const birth = this.replica.peek(key)?.birth
    assert(birth !== undefined)
    const changes = new Map([['x', new Uint8Array([1])]])
    const commit = { type: 'commit', request: ++this.#request, key, birth, changes, copies: 0, waitMs: 0 } as const
    this.replica.step(commit, now, out)
    this.keeper?.wake()
    return birth
  }

  drop(id: string, birth: Birth): void {
    const now = this.#clock.now()
    const drop = { request: ++this.#request, key: toSessionKey(id), birth, absoluteAtMs: now.nowMs + 3_600_000 }
    this.replica.step({ type: 'drop', ...drop, copies: 0, waitMs: 0 }, now, new Outbox())
    this.keeper?.wake()
  }
}

const SHARDS = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)

async function until(holds: () => boolean): Promise<void> {
  for (let looks = 0; !holds(); looks++) {
    assert(looks < 2_000, 'it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('[R14] a repository whose disk fails', () => {
  it('goes on in memory, says so once, and writes what it missed when the disk is back', async () => {
    const keyHash = await loadKeyHash()
    const store = new FakeStore()
    const repository = new Repository(keyHash)
    const keeper = await repository.open(store, keyHash)
    const first = repository.write('first')
    await until(() => keeper.status().queued === 0)
    assert.equal(store.records, 1)

    store.failure = new RepositoryError('no room', { code: 'REPOSITORY_FULL' })
    for (let n = 0; n < 300; n++) repository.write(`more-${n}`)
    await until(() => keeper.status().failedWrites >= 2)
    repository.drop('first', first)
    const { degraded, queued, records } = keeper.status()
    assert.deepEqual([degraded, queued >= 300, records], [true, true, 1])
    assert.deepEqual(repository.told, ['no room'])

    store.failure = undefined
    await until(() => keeper.status().queued === 0)
    assert.deepEqual(repository.told, ['no room', 'recovered'])
    assert.deepEqual([keeper.status().degraded, store.records], [false, 301])
    await keeper.stop()
    assert.equal(store.isClosed, true)

    const again = new Repository(keyHash)
    await (await again.open(store, keyHash)).stop()
    assert.equal(again.replica.peek(toSessionKey('more-299'))?.kind, 'live')
    assert.equal(again.replica.peek(toSessionKey('first'))?.kind, 'dropped')
  })

  it('writes what is left when it stops, and does not wait for a disk that takes nothing', async () => {
    const keyHash = await loadKeyHash()
    const store = new FakeStore()
    const repository = new Repository(keyHash)
    const keeper = await repository.open(store, keyHash)
    repository.write('last')
    await keeper.stop()
    assert.equal(store.records, 1)

    const failing = new FakeStore()
    const other = new Repository(keyHash)
    const degraded = await other.open(failing, keyHash)
    failing.failure = new Error('broken')
    other.write('last')
    await degraded.stop()
    assert.deepEqual([failing.records, failing.isClosed, degraded.status().queued], [0, true, 1])
  })
})

describe('[E3] [R14] the clock of a repository', () => {
  it('goes on while nobody runs, by the wall clock, and is not set back with it', () => {
    let [monotonic, wall] = [0, 1_000_000]
    const life = (last: ConstructorParameters<typeof StoreClock>[1]): StoreClock =>
      new StoreClock(createClock({ monotonicMs: () => monotonic, wallMs: () => wall }), last)
    const first = life(undefined)
    monotonic += 500
    wall += 500
    const { storedMs, wallMs } = first.now()
    assert.deepEqual([storedMs, wallMs], [500, 1_000_500])
    wall += 9_000
    assert.equal(life({ storedMs, wallMs }).now().storedMs, 9_500)
    wall -= 100_000
    assert.equal(life({ storedMs, wallMs }).now().storedMs, 500)
  })

  it('stands in the header, with whose file it is', async () => {
    const keyHash = await loadKeyHash()
    const clock = new StoreClock(createClock(), undefined)
    for (const other of [
      { cluster: 'other', nodeId: 'r' },
      { cluster: 'test', nodeId: 'other' },
    ]) {
      const store = new FakeStore()
      await store.write({ puts: [], deletes: [], isSmaller: false, header: encodeHeader(other, clock) })
      await assert.rejects(new Repository(keyHash).open(store, keyHash), { code: 'REPOSITORY_FOREIGN' })
    }
    const store = new FakeStore()
    await store.write({ puts: [], deletes: [], isSmaller: false, header: new Uint8Array([1, 200]) })
    await assert.rejects(new Repository(keyHash).open(store, keyHash), { code: 'REPOSITORY_FOREIGN' })
  })
})
