/**
 * The conditional operations that protocols share, each one look, one decision, at most one write. Atomic on a node; of two
 * nodes that do one at the same moment both may succeed, and the later write stays.
 */
import { Buffer } from 'node:buffer'
import type { Answer, Entry, Expiry, KeyValueStore, Write } from './key-value.ts'

/** Store if the key is not there. @returns whether it was stored. */
export function add(store: KeyValueStore, key: Uint8Array, write: Write): Answer<boolean> {
  return store.update(key, (entry) =>
    entry === undefined ? { result: true, change: { ...write, kind: 'write' } } : { result: false },
  )
}

/** Store if the key is there. @returns whether it was stored. */
export function replace(store: KeyValueStore, key: Uint8Array, write: Write): Answer<boolean> {
  return store.update(key, (entry) =>
    entry === undefined ? { result: false } : { result: true, change: { ...write, kind: 'write' } },
  )
}

/** Store if the value is still the one with that number. */
export function compareAndSet(
  store: KeyValueStore,
  key: Uint8Array,
  unique: bigint,
  write: Write,
): Answer<'stored' | 'changed' | 'absent'> {
  return store.update(key, (entry) => {
    if (entry === undefined) return { result: 'absent' }
    return entry.unique === unique ? { result: 'stored', change: { ...write, kind: 'write' } } : { result: 'changed' }
  })
}

/** Put bytes after the value of a key that is there; its flags and end stay. @returns how long it is then; undefined: it is not there. */
export function append(store: KeyValueStore, key: Uint8Array, bytes: Uint8Array): Answer<number | undefined> {
  return join(store, key, (value) => Buffer.concat([value, bytes]))
}

/** Put bytes before the value of a key that is there; its flags and end stay. @returns how long it is then; undefined: it is not there. */
export function prepend(store: KeyValueStore, key: Uint8Array, bytes: Uint8Array): Answer<number | undefined> {
  return join(store, key, (value) => Buffer.concat([bytes, value]))
}

/** Give a key that is there another end, or none. @returns what is there, with the end that it had; undefined: nothing. */
export function expire(store: KeyValueStore, key: Uint8Array, expiry: Expiry): Answer<Entry | undefined> {
  return store.update(key, (entry) =>
    entry === undefined ? { result: undefined } : { result: entry, change: { kind: 'expire', expiry } },
  )
}

function join(
  store: KeyValueStore,
  key: Uint8Array,
  make: (value: Uint8Array) => Uint8Array,
): Answer<number | undefined> {
  return store.update<number | undefined>(key, (entry) => {
    if (entry === undefined) return { result: undefined }
    const value = make(entry.value)
    return { result: value.length, change: { kind: 'write', value, flags: entry.flags, expiry: 'keep' } }
  })
}
