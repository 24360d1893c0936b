import assert from 'node:assert/strict'
import { bucketOf, loadKeyHash, SHARD_COUNT, shardOfBucket, toSessionKey, UsageError } from '@reprise/core'
import { inspectSession, type Node } from '@reprise/node'
import { StoreUnavailableError } from '../../src/errors.ts'
import { createKeyValueStore, expire, type KeyValueNode } from '../../src/index.ts'
import { bytes, startNode, startNodes, startStores, stopAll, text, until } from '../support/cluster.ts'

const KEY = bytes('mod_ssl-sess:0123456789abcdef')
const HOUR_MS = 3_600_000

describe('keys and values in a cluster', () => {
  afterEach(stopAll)

  it('[R6] what is stored at one node is read, changed and deleted at every other', async () => {
    const [a, b, c] = await startStores(3, { readDeadlineMs: 1_000 })
    assert(a !== undefined && b !== undefined && c !== undefined)
    await a.set(KEY, { value: bytes('a session'), flags: 5, expiry: { afterMs: HOUR_MS } })
    const found = await b.get(KEY)
    assert.deepEqual([text(found?.value), found?.flags], ['a session', 5])
    assert(found?.ttlMs !== undefined && found.ttlMs <= HOUR_MS && found.ttlMs > HOUR_MS / 2)
    assert.equal((await a.get(KEY))?.unique, found.unique, 'the same number at all nodes')
    await b.set(KEY, { value: bytes('changed') })
    await until(async () => text((await c.get(KEY))?.value) === 'changed')
    assert.equal((await c.get(KEY))?.ttlMs, undefined)
    assert.equal(await c.delete(KEY), true)
    await until(async () => (await a.get(KEY)) === undefined && (await b.get(KEY)) === undefined)
  })

  it('a value over 1 KiB is read everywhere, and replaced', async () => {
    const [a, b] = await startStores(2, { readDeadlineMs: 1_000, writeDeadlineMs: 5_000 })
    assert(a !== undefined && b !== undefined)
    for (const size of [1_286, 10_240, 200_000, 3]) {
      await a.set(KEY, { value: new Uint8Array(size).fill(size % 251), expiry: { afterMs: HOUR_MS } })
      await until(async () => (await b.get(KEY))?.value.length === size)
    }
  })

  it('ends everywhere by itself when its time is over, and sooner when somebody says so', async () => {
    const nodes = await startNodes(2)
    const [a, b] = nodes.map((node) => createKeyValueStore({ node, readDeadlineMs: 1_000 }))
    assert(a !== undefined && b !== undefined)
    await a.set(KEY, { value: bytes('x'), expiry: { afterMs: 150 } })
    await a.set(bytes('longer'), { value: bytes('y'), expiry: { afterMs: HOUR_MS } })
    await until(async () => (await b.get(bytes('longer'))) !== undefined)
    await expire(b, bytes('longer'), { afterMs: 150 })
    await until(async () => (await a.get(KEY)) === undefined && (await b.get(KEY)) === undefined)
    await until(async () => (await a.get(bytes('longer'))) === undefined)
    await until(() => nodes.every((node) => node.status().table.records === 0))
  })

  it('a key that is prolonged over and over is never missed elsewhere meanwhile', async () => {
    const [a, b] = await startStores(2, { readDeadlineMs: 1_000 })
    assert(a !== undefined && b !== undefined)
    await a.set(KEY, { value: bytes('x'), expiry: { afterMs: 60_000 } })
    await until(async () => (await b.get(KEY)) !== undefined)
    let [reads, isDone] = [0, false]
    const reading = (async () => {
      while (!isDone) {
        assert.equal(text((await b.get(KEY))?.value), 'x', `read ${reads}`)
        reads++
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    // Each beyond what the life before allows, so each is a new life.
    for (let afterMs = 60_000; afterMs < 20 * 24 * HOUR_MS; afterMs *= 9) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      assert.equal(text((await expire(a, KEY, { afterMs }))?.value), 'x')
    }
    isDone = true
    await reading
    assert(reads > 10)
    const longer = (await a.get(KEY))?.ttlMs ?? 0
    await until(async () => Math.abs(((await b.get(KEY))?.ttlMs ?? 0) - longer) < 60_000)
  })

  it('[R4] a node that is no holder finds it at one, and writes through', async () => {
    const nodes = await startNodes(4, { copies: 1 })
    const stores = nodes.map((node) => createKeyValueStore({ node, readDeadlineMs: 2_000 }))
    const keys = Array.from({ length: 40 }, (_, i) => bytes(`key-${i}`))
    for (const [i, key] of keys.entries()) await stores[i % 4]?.set(key, { value: bytes(`${i}`) })
    for (const store of stores) {
      // A write that has just ended is on its way to the others.
      await until(async () => (await store.getMany(keys)).every((entry, i) => text(entry?.value) === `${i}`))
    }
    for (const [i, key] of keys.entries()) await stores[(i + 1) % 4]?.delete(key)
    for (const store of stores) {
      await until(async () => (await store.getMany(keys)).every((entry) => entry === undefined))
    }
  })

  it('of two nodes that write a key at the same moment one stays, at both', async () => {
    const [a, b] = await startStores(2, { readDeadlineMs: 1_000 })
    assert(a !== undefined && b !== undefined)
    for (let round = 0; round < 10; round++) {
      await Promise.all([a.set(KEY, { value: bytes(`a${round}`) }), b.set(KEY, { value: bytes(`b${round}`) })])
      await until(async () => {
        const [atA, atB] = [text((await a.get(KEY))?.value), text((await b.get(KEY))?.value)]
        return atA === atB && atA?.endsWith(`${round}`) === true
      })
    }
  })

  it('reading says that it found nothing when nobody can say, and deleting deletes all the same', async () => {
    const [a, b] = await startNodes(2)
    assert(a !== undefined && b !== undefined)
    const store = createKeyValueStore({ node: a })
    const silent = createKeyValueStore({ node: unanswered(a) })
    await createKeyValueStore({ node: b }).set(KEY, { value: bytes('x') })
    await until(async () => (await store.get(KEY)) !== undefined)
    assert.equal(await silent.get(KEY), undefined)
    assert.equal(silent.stats().unknown, 1)
    assert.equal(silent.stats().missed, 1)
    assert.deepEqual(await silent.getMany([KEY]), [undefined])
    await b.stop()
  })

  it('a node that stopped misses every key, and takes none', async () => {
    const node = await startNode()
    const store = createKeyValueStore({ node })
    await node.stop()
    assert.equal(await store.get(KEY), undefined)
    await assert.rejects(async () => await store.set(KEY, { value: bytes('x') }), StoreUnavailableError)
    await assert.rejects(async () => await store.delete(KEY), StoreUnavailableError)
    assert.equal(store.stats().failed, 2)
  })

  it('says that it cannot store when the cache is full of what nobody took yet', async () => {
    const node = await startNode({ cache: { bytesMax: 1024 * 1024 } })
    const store = createKeyValueStore({ node, valueBytesMax: 4 * 1024 * 1024 })
    await assert.rejects(
      async () => await store.set(KEY, { value: new Uint8Array(3 * 1024 * 1024) }),
      StoreUnavailableError,
    )
    await store.set(KEY, { value: bytes('small') })
    assert.equal(text((await store.get(KEY))?.value), 'small')
  })

  it('is sealed between nodes, and apart from the sessions of applications', async () => {
    const [a, b] = await startNodes(2)
    assert(a !== undefined && b !== undefined)
    const store = createKeyValueStore({ node: a })
    const own = await a.create('basket')
    own.set('items', 'private')
    await own.commit()
    assert.equal(await store.get(bytes('basket')), undefined)
    assert.equal(store.count(), 0)
    await store.set(KEY, { value: bytes('the master secret') })
    assert.deepEqual(store.scan(0, 10).keys.map(text), [text(KEY)])
    const session = await b.resume(`kv:${text(KEY)}`)
    assert(session.outcome === 'complete')
    assert.deepEqual(session.portions, ['kv'])
    // With what sealing adds: key id, nonce and tag. The node opens it, since it has the key.
    const plainBytes = 'the master secret'.length + 14
    assert.equal(inspectSession(session)?.portions.get('kv')?.bytes, plainBytes + 33)
    assert.equal(text(session.get('kv') as Uint8Array)?.slice(14), 'the master secret')
    const other = createKeyValueStore({ node: a, prefix: 'other:' })
    assert.equal(await other.get(KEY), undefined)
    assert.equal(await store.flush(), 1)
    assert.equal((await a.resume('basket')).outcome, 'complete')
  })

  it('serves what it is told to', async () => {
    const node = await startNode()
    const store = createKeyValueStore({ node, serve: ['mod_ssl-', 'authn-socache:'], refuse: ['mod_ssl-staple:'] })
    for (const key of ['mod_ssl-sess:1', 'authn-socache:1']) await store.set(bytes(key), { value: bytes('x') })
    for (const key of ['mod_ssl-staple:1', 'sess:1']) {
      await assert.rejects(async () => await store.set(bytes(key), { value: bytes('x') }), { code: 'KEY_REFUSED' })
    }
    assert.equal(store.count(), 2)
  })

  it('refuses options that can never work', async () => {
    const node = await startNode()
    const bad = [
      { prefix: 'x'.repeat(65) },
      { readDeadlineMs: -1 },
      { valueBytesMax: 0 },
      { lifeMsMax: 366 * 24 * HOUR_MS },
      { serve: [''] },
      { refuse: Array.from({ length: 65 }, (_, i) => `${i}`) },
      { unknown: 1 },
    ]
    for (const options of bad) assert.throws(() => createKeyValueStore({ node, ...options }), UsageError)
  })

  it('[R3] a node that is no holder asks each time: what was changed or deleted elsewhere is not served from its memory', async () => {
    const nodes = await startNodes(4, { copies: 1 })
    const stores = nodes.map((node) => createKeyValueStore({ node, readDeadlineMs: 2_000 }))
    const [first] = stores
    assert(first !== undefined)
    for (let round = 0; round < 20; round++) {
      const key = bytes(`key-${round}`)
      for (const value of ['one', 'two']) {
        await first.set(key, { value: bytes(value) })
        for (const store of stores) await until(async () => text((await store.get(key))?.value) === value)
      }
      await first.delete(key)
      for (const store of stores) await until(async () => (await store.get(key)) === undefined)
      await first.set(key, { value: bytes('anew') })
      for (const store of stores) await until(async () => text((await store.get(key))?.value) === 'anew')
    }
  })

  it('one store is shared by all shards', async () => {
    const keyHash = await loadKeyHash()
    const store = createKeyValueStore({ node: await startNode() })
    const names = Array.from({ length: 500 }, (_, i) => `key-${i}`)
    await Promise.all(names.map((name) => store.set(bytes(name), { value: bytes('x') })))
    const shards = new Set(names.map((name) => shardOfBucket(bucketOf(keyHash(toSessionKey(`kv:${name}`))))))
    assert.equal(shards.size, SHARD_COUNT)
    assert.equal(store.count(), 500)
  })
})

/** A node that finds nothing by itself, and whom nobody answers. */
function unanswered(node: Node): KeyValueNode {
  return {
    createNow: (id, options) => node.createNow(id, options),
    resume: async () => ({ outcome: 'unknown', origin: { kind: 'peers', peers: [], silent: [] } }),
    local: () => undefined,
    heldIds: (bucket) => node.heldIds(bucket),
  }
}
