/** What every store of keys and values does: the suite that the one in a cluster and the one in a map share. */
import assert from 'node:assert/strict'
import { KeyError, KeyRefusedError, ValueTooLargeError } from '../../src/errors.ts'
import type { Entry, Expiry, KeyValueStore } from '../../src/store/key-value.ts'
import { add, append, compareAndSet, expire, prepend, replace } from '../../src/store/operations.ts'
import { bytes, text } from './cluster.ts'

const KEY = bytes('a key')
const HOUR_MS = 3_600_000

export interface Opened {
  readonly store: KeyValueStore
  /** A prefix of keys that it does not serve. */
  readonly refused: string
  /** Now, by its clock. */
  unixMs(): number
}

export function describeKeyValueStore(open: () => Promise<Opened>): void {
  let opened: Opened
  let store: KeyValueStore
  beforeEach(async () => {
    opened = await open()
    store = opened.store
  })

  const there = async (key = KEY): Promise<Entry> => {
    const entry = await store.get(key)
    assert(entry !== undefined)
    return entry
  }
  const set = async (value: string, expiry?: Expiry): Promise<void> => {
    await store.set(KEY, { value: bytes(value), ...(expiry !== undefined && { expiry }) })
  }

  it('finds what was stored, with its flags, byte for byte', async () => {
    assert.equal(await store.get(KEY), undefined)
    const value = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    await store.set(KEY, { value, flags: 0xffff_ffff })
    const entry = await there()
    assert.deepEqual(Uint8Array.from(entry.value), value)
    assert.equal(entry.flags, 0xffff_ffff)
    assert.equal(entry.ttlMs, undefined)
    assert.equal(entry.mark, 'none')
    await store.set(KEY, { value: bytes('') })
    assert.equal((await there()).value.length, 0)
    assert.equal((await there()).flags, 0)
  })

  it('takes any bytes as a key and keeps them apart', async () => {
    const keys = [[0], [0, 0], [0xc3, 0xa9], [0xe9], [0x20]].map((codes) => Uint8Array.from(codes))
    keys.push(new Uint8Array(store.limits.keyBytesMax).fill(0xff))
    for (const [i, key] of keys.entries()) await store.set(key, { value: bytes(`${i}`) })
    const found = await store.getMany([...keys, bytes('none')])
    assert.deepEqual(
      found.map((entry) => text(entry?.value)),
      ['0', '1', '2', '3', '4', '5', undefined],
    )
  })

  it('refuses what is no key, and values that are too large', async () => {
    const tooLong = new Uint8Array(store.limits.keyBytesMax + 1)
    for (const key of [new Uint8Array(), tooLong]) {
      await assert.rejects(async () => await store.get(key), KeyError)
      await assert.rejects(async () => await store.set(key, { value: bytes('x') }), KeyError)
    }
    const value = new Uint8Array(store.limits.valueBytesMax + 1)
    await assert.rejects(async () => await store.set(KEY, { value }), ValueTooLargeError)
    assert.equal(await store.get(KEY), undefined)
  })

  it('keeps nothing under a prefix that it does not serve: reading finds nothing, writing says so', async () => {
    const key = bytes(`${opened.refused}secret`)
    await assert.rejects(async () => await store.set(key, { value: bytes('x') }), KeyRefusedError)
    await assert.rejects(async () => await store.delete(key), KeyRefusedError)
    assert.equal(await store.get(key), undefined)
    assert.deepEqual(await store.getMany([key]), [undefined])
    assert.equal(store.count(), 0)
  })

  it('replaces value, flags and end with each set', async () => {
    await store.set(KEY, { value: bytes('one'), flags: 7, expiry: { afterMs: HOUR_MS } })
    const { ttlMs = 0, unique } = await there()
    assert(ttlMs > HOUR_MS - 60_000 && ttlMs <= HOUR_MS, `${ttlMs} ms`)
    await set('two')
    const second = await there()
    assert.deepEqual([text(second.value), second.flags, second.ttlMs], ['two', 0, undefined])
    assert.notEqual(second.unique, unique)
    await set('three', { afterMs: 5 * HOUR_MS })
    const third = (await there()).ttlMs ?? 0
    assert(third > 4 * HOUR_MS && third <= 5 * HOUR_MS, `${third} ms`)
    await set('four', { afterMs: HOUR_MS / 2 })
    const fourth = (await there()).ttlMs ?? 0
    assert(fourth > HOUR_MS / 4 && fourth <= HOUR_MS / 2, `${fourth} ms`)
  })

  it('takes ends as times, cuts what is too long, and deletes what has ended already', async () => {
    await set('x', { atUnixMs: opened.unixMs() + HOUR_MS })
    const { ttlMs = 0 } = await there()
    assert(ttlMs > HOUR_MS - 60_000 && ttlMs <= HOUR_MS + 1, `${ttlMs} ms`)
    await set('x', { atUnixMs: 1_795_203_653_000_000 })
    const cut = (await there()).ttlMs ?? 0
    assert(cut > store.limits.lifeMsMax - 60_000 && cut <= store.limits.lifeMsMax, `${cut} ms`)
    for (const past of [{ afterMs: 0 }, { afterMs: -1 }, { atUnixMs: 1 }]) {
      await set('x')
      await set('y', past)
      assert.equal(await store.get(KEY), undefined)
    }
  })

  it('moves the end of what is there: sooner, later, away, and back; value and number stay', async () => {
    assert.equal(await expire(store, KEY, { afterMs: 1 }), undefined)
    await store.set(KEY, { value: bytes('x'), flags: 3, expiry: { afterMs: HOUR_MS } })
    const { unique } = await there()
    for (const afterMs of [HOUR_MS / 2, 2 * HOUR_MS, 30 * HOUR_MS, HOUR_MS]) {
      const before = (await there()).ttlMs ?? 0
      const found = await expire(store, KEY, { afterMs })
      assert.equal(text(found?.value), 'x')
      assert(Math.abs((found?.ttlMs ?? 0) - before) < 60_000, 'with the end that it had')
      const entry = await there()
      assert(entry.ttlMs !== undefined && entry.ttlMs > afterMs - 60_000 && entry.ttlMs <= afterMs, `${entry.ttlMs} ms`)
      assert.deepEqual([text(entry.value), entry.flags, entry.unique], ['x', 3, unique])
    }
    await expire(store, KEY, 'none')
    assert.equal((await there()).ttlMs, undefined)
    assert.equal((await there()).unique, unique)
    await expire(store, KEY, 'keep')
    assert.equal((await there()).ttlMs, undefined)
    await expire(store, KEY, { afterMs: HOUR_MS })
    assert.notEqual((await there()).ttlMs, undefined)
    await expire(store, KEY, { afterMs: 0 })
    assert.equal(await store.get(KEY), undefined)
  })

  it('keeps the end of what is written again with "keep"', async () => {
    await store.set(KEY, { value: bytes('new'), expiry: 'keep' })
    assert.equal((await there()).ttlMs, undefined)
    await set('x', { afterMs: HOUR_MS })
    await set('y', 'keep')
    const { ttlMs = 0, value } = await there()
    assert.equal(text(value), 'y')
    assert(ttlMs > HOUR_MS - 60_000 && ttlMs <= HOUR_MS, `${ttlMs} ms`)
  })

  it('adds what is not there, replaces what is', async () => {
    assert.equal(await replace(store, KEY, { value: bytes('0') }), false)
    assert.equal(await add(store, KEY, { value: bytes('1') }), true)
    assert.equal(await add(store, KEY, { value: bytes('2') }), false)
    assert.equal(text((await there()).value), '1')
    assert.equal(await replace(store, KEY, { value: bytes('3') }), true)
    assert.equal(text((await there()).value), '3')
  })

  it('appends and prepends, and keeps flags and end', async () => {
    assert.equal(await append(store, KEY, bytes('c')), undefined)
    assert.equal(await store.get(KEY), undefined)
    await store.set(KEY, { value: bytes('b'), flags: 9, expiry: { afterMs: HOUR_MS } })
    assert.equal(await append(store, KEY, bytes('c')), 2)
    assert.equal(await prepend(store, KEY, bytes('a')), 3)
    const { value, flags, ttlMs = 0 } = await there()
    assert.deepEqual([text(value), flags], ['abc', 9])
    assert(ttlMs > HOUR_MS - 60_000 && ttlMs <= HOUR_MS, `${ttlMs} ms`)
    const rest = new Uint8Array(store.limits.valueBytesMax - 2)
    await assert.rejects(async () => await append(store, KEY, rest), ValueTooLargeError)
    assert.equal(text((await there()).value), 'abc')
  })

  it('stores what is compared with the number that it was read with, once', async () => {
    assert.equal(await compareAndSet(store, KEY, 1n, { value: bytes('x') }), 'absent')
    await set('one')
    const { unique } = await there()
    assert(unique > 0n && unique < 2n ** 63n)
    assert.equal(await compareAndSet(store, KEY, unique, { value: bytes('two') }), 'stored')
    assert.equal(await compareAndSet(store, KEY, unique, { value: bytes('three') }), 'changed')
    assert.equal(text((await there()).value), 'two')
    await store.set(KEY, { value: bytes('four'), unique: 44n })
    assert.equal((await there()).unique, 44n)
  })

  it('lets nothing in between look and write', async () => {
    await set('0')
    const counted = Array.from({ length: 50 }, () =>
      store.update(KEY, (entry) => {
        const next = Number(text(entry?.value)) + 1
        return { result: next, change: { kind: 'write', value: bytes(`${next}`) } }
      }),
    )
    const results = await Promise.all(counted)
    assert.deepEqual(
      results,
      Array.from({ length: 50 }, (_, i) => i + 1),
    )
    assert.equal(text((await there()).value), '50')
  })

  it('changes nothing when a decision throws, and goes on', async () => {
    await set('x')
    const thrown = new Error('no')
    const fail = (): never => {
      throw thrown
    }
    await assert.rejects(async () => await store.update(KEY, fail), thrown)
    await set('y')
    assert.equal(text((await there()).value), 'y')
  })

  it('keeps a mark until the next write', async () => {
    await store.set(KEY, { value: bytes('x'), mark: 'stale-claimed' })
    assert.equal((await there()).mark, 'stale-claimed')
    await expire(store, KEY, { afterMs: HOUR_MS })
    assert.equal((await there()).mark, 'stale-claimed')
    await append(store, KEY, bytes('y'))
    assert.equal((await there()).mark, 'none')
  })

  it('deletes, and takes the key anew', async () => {
    assert.equal(await store.delete(KEY), false)
    await set('x')
    assert.equal(await store.delete(KEY), true)
    assert.equal(await store.get(KEY), undefined)
    assert.equal(await store.delete(KEY), false)
    await set('y')
    assert.equal(text((await there()).value), 'y')
  })

  it('lists all keys in pages, counts and flushes them', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `key-${i}`)
    await Promise.all(names.map((name) => store.set(bytes(name), { value: bytes(name) })))
    await store.delete(bytes('key-0'))
    const listed: (string | undefined)[] = []
    let cursor = 0
    let pages = 0
    do {
      const page = store.scan(cursor, 10)
      listed.push(...page.keys.map(text))
      cursor = page.cursor
      pages++
    } while (cursor !== 0)
    assert.deepEqual(listed.sort(), names.slice(1).sort())
    assert(pages > 1)
    assert.deepEqual(store.scan(Number.MAX_SAFE_INTEGER, 10), { keys: [], cursor: 0 })
    assert.equal(store.count(), 99)
    assert.equal(await store.flush(), 99)
    assert.equal(store.count(), 0)
    assert.deepEqual(
      (await store.getMany(names.map(bytes))).filter((entry) => entry !== undefined),
      [],
    )
  })
}
