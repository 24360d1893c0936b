/**
 * The store of keys and values over a node: keys, and what is done with their values, one piece of work on a key after the other.
 *
 * A key is the session `prefix + key`, with one portion. Reading takes the local copy, or the first complete one that others
 * have. A write that nobody read anything for asks nobody either: a new life beats an old one everywhere. What that means for
 * the sessions is in `key-sessions.ts`.
 */
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Session } from '@reprise/core'
import { BUCKET_COUNT, RepriseError } from '@reprise/core'
import { recordMark } from '@reprise/node'
import { COUNT_AGE_MS_MAX, FLUSH_BATCH } from '../constants.ts'
import { KeyError, KeyRefusedError, ValueTooLargeError } from '../errors.ts'
import type { Id } from './key-sessions.ts'
import { KeySessions, NO_PORTIONS, PORTIONS } from './key-sessions.ts'
import type { Answer, Change, Decision, Entry, KeyValueLimits, KeyValueStore, Page, Write } from './key-value.ts'
import { ttlOf } from './lifetimes.ts'
import { OpenedValues } from './opened-values.ts'
import type { KeyValueNode, KeyValueOptions, ResolvedKeyValueOptions } from './options.ts'
import { resolveKeyValueOptions } from './options.ts'
import type { KeyValueStats } from './stats.ts'
import { emptyCounters } from './stats.ts'
import { lifeOf, StoreEntry } from './store-entry.ts'
import type { StoredValue } from './stored-value.ts'
import { storedValue } from './stored-value.ts'
import { Turns } from './turns.ts'

/** A store that can say what its node has by itself. */
export interface LocalKeyValueStore extends KeyValueStore {
  /** Like `get`, of what this node holds or knows to be current, at once. Undefined says nothing about the key. @throws KeyError */
  local(key: Uint8Array): Entry | undefined
}

/** Make a store over a node. All gateways of a node share one. @throws UsageError */
export function createKeyValueStore(options: KeyValueOptions): ClusterStore {
  return new ClusterStore(resolveKeyValueOptions(options))
}

export class ClusterStore implements LocalKeyValueStore {
  readonly limits: KeyValueLimits
  readonly #options: ResolvedKeyValueOptions
  readonly #node: KeyValueNode
  readonly #sessions: KeySessions
  readonly #turns = new Turns()
  readonly #opened = new OpenedValues()
  readonly #stats = emptyCounters()
  #nextUnique: bigint
  #counted = { keys: 0, atMs: Number.NEGATIVE_INFINITY }

  /** Use `createKeyValueStore`. */
  constructor(options: ResolvedKeyValueOptions) {
    this.#options = options
    this.#node = options.node
    this.#sessions = new KeySessions(options, this.#stats)
    this.limits = options.limits
    // Nodes count from random places, so that two that write a key at once do not give the same number.
    this.#nextUnique = randomBytes(8).readBigUInt64BE() >> 1n
  }

  get(key: Uint8Array): Answer<Entry | undefined> {
    const name = this.#nameOf(key)
    return this.#options.rules.serves(name) ? this.#read(this.#idOf(name)) : undefined
  }

  local(key: Uint8Array): Entry | undefined {
    const name = this.#nameOf(key)
    const here = this.#options.rules.serves(name) ? this.#sessions.here(this.#idOf(name), PORTIONS) : undefined
    return here && this.#entryOf(here, 'local')
  }

  getMany(keys: readonly Uint8Array[]): Answer<readonly (Entry | undefined)[]> {
    const names = keys.map((key) => this.#nameOf(key))
    const { rules } = this.#options
    const answers = names.map((name) => (rules.serves(name) ? this.#read(this.#idOf(name)) : undefined))
    const isHere = answers.every((answer) => !(answer instanceof Promise))
    return isHere ? (answers as (Entry | undefined)[]) : Promise.all(answers)
  }

  set(key: Uint8Array, write: Write): Answer<void> {
    const name = this.#writableName(key)
    this.#assertValue(write.value)
    if (write.expiry === 'keep')
      return this.update(key, () => ({ result: undefined, change: { ...write, kind: 'write' } }))
    const stored = this.#storedOf(write)
    const expiry = write.expiry ?? 'none'
    return this.#turns.take(name, () => {
      const id = this.#idOf(name)
      const ttlMs = ttlOf(expiry, undefined, Date.now(), this.limits.lifeMsMax)
      if (ttlMs > 0) return this.#sessions.put(id, stored, ttlMs, this.#sessions.here(id, NO_PORTIONS))
      return this.#sessions.delete(id).then(nothing)
    })
  }

  delete(key: Uint8Array): Answer<boolean> {
    const name = this.#writableName(key)
    return this.#turns.take(name, () => this.#sessions.delete(this.#idOf(name)))
  }

  update<Result>(key: Uint8Array, decide: (entry: Entry | undefined) => Decision<Result>): Answer<Result> {
    const name = this.#writableName(key)
    return this.#turns.take(name, () => {
      const id = this.#idOf(name)
      const here = this.#sessions.here(id, PORTIONS)
      const entry = here && this.#entryOf(here, 'local')
      if (here !== undefined && entry !== undefined) return this.#decide(id, here, entry, decide)
      // Between the end of asking and now it may have been written.
      return this.#sessions.pull(id, PORTIONS).then((pulled) => {
        const found = this.#sessions.here(id, PORTIONS) ?? pulled
        return this.#decide(id, found, found && this.#entryOf(found, 'pulled'), decide)
      })
    })
  }

  takeUnique(): bigint {
    this.#nextUnique = this.#nextUnique >= UNIQUE_MAX ? 1n : this.#nextUnique + 1n
    return this.#nextUnique
  }

  scan(cursor: number, count: number): Page {
    const keys: Uint8Array[] = []
    let bucket = Number.isInteger(cursor) && cursor >= 0 ? cursor : BUCKET_COUNT
    while (bucket < BUCKET_COUNT && keys.length < count) {
      for (const name of this.#heldNames(bucket)) keys.push(Buffer.from(name, 'latin1'))
      bucket++
    }
    return { keys, cursor: bucket < BUCKET_COUNT ? bucket : 0 }
  }

  count(): number {
    const nowMs = performance.now()
    if (nowMs - this.#counted.atMs >= COUNT_AGE_MS_MAX) {
      let keys = 0
      for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) keys += this.#heldNames(bucket).length
      this.#counted = { keys, atMs: nowMs }
    }
    return this.#counted.keys
  }

  async flush(): Promise<number> {
    let [deleted, visited] = [0, 0]
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      for (const name of this.#heldNames(bucket)) {
        if (await this.#turns.take(name, () => this.#sessions.delete(this.#idOf(name)))) deleted++
        if (++visited % FLUSH_BATCH === 0) await setImmediate()
      }
    }
    this.#counted.atMs = Number.NEGATIVE_INFINITY
    return deleted
  }

  /** What this store did, counted. */
  stats(): KeyValueStats {
    return { ...this.#stats }
  }

  #read(id: Id): Answer<Entry | undefined> {
    const here = this.#sessions.here(id, PORTIONS)
    const entry = here && this.#entryOf(here, 'local')
    if (entry !== undefined) return entry
    return this.#sessions.pull(id, PORTIONS).then((pulled) => {
      const found = pulled && this.#entryOf(pulled, 'pulled')
      if (found === undefined) this.#stats.missed += 1
      return found
    })
  }

  #entryOf(session: Session, from: 'local' | 'pulled'): StoreEntry | undefined {
    try {
      const stored = this.#open(session)
      if (stored === undefined) return undefined
      this.#stats[from] += 1
      return new StoreEntry(stored, session)
    } catch (error) {
      if (!(error instanceof RepriseError)) throw error
      this.#stats.unreadable += 1
      return undefined
    }
  }

  #open(session: Session): StoredValue | undefined {
    const mark = recordMark(session)
    if (mark === undefined) return session.get(storedValue)
    const known = this.#opened.get(mark)
    if (known !== undefined) return known
    const stored = session.get(storedValue)
    if (stored !== undefined) this.#opened.keep(mark, stored)
    return stored
  }

  #decide<Result>(
    id: Id,
    session: Session | undefined,
    entry: StoreEntry | undefined,
    decide: (entry: Entry | undefined) => Decision<Result>,
  ): Answer<Result> {
    const { result, change } = decide(entry)
    if (change === undefined) return result
    entry?.settle()
    const done = this.#carryOut(id, session, entry, change)
    return done instanceof Promise ? done.then(() => result) : result
  }

  #carryOut(id: Id, session: Session | undefined, entry: StoreEntry | undefined, change: Change): Answer<void> {
    if (change.kind === 'delete') return this.#sessions.delete(id).then(nothing)
    if (change.kind === 'expire' && entry === undefined) return
    const life = entry && session && lifeOf(session)
    const ttlMs = ttlOf(change.expiry ?? 'none', life, Date.now(), this.limits.lifeMsMax)
    if (ttlMs <= 0) return this.#sessions.delete(id).then(nothing)
    if (change.kind === 'write') {
      this.#assertValue(change.value)
      return this.#sessions.put(id, this.#storedOf(change), ttlMs, session)
    }
    if (session !== undefined && entry !== undefined) return this.#sessions.expire(id, session, entry, ttlMs)
  }

  #storedOf({ value, flags = 0, mark = 'none', unique = this.takeUnique() }: Write): StoredValue {
    return { value, flags, mark, unique }
  }

  /** Keys that are held here and served, as Latin-1 text. */
  #heldNames(bucket: number): string[] {
    const { prefix, rules } = this.#options
    const names: string[] = []
    for (const bytes of this.#node.heldIds(bucket)) {
      const id = latin1(bytes)
      const name = id.slice(prefix.length)
      if (id.startsWith(prefix) && name.length > 0 && rules.serves(name)) names.push(name)
    }
    return names
  }

  /** A key's bytes as Latin-1 text. @throws KeyError */
  #nameOf(key: Uint8Array): string {
    const { keyBytesMax } = this.limits
    if (key.length === 0 || key.length > keyBytesMax) throw new KeyError(key.length, keyBytesMax)
    return latin1(key)
  }

  #writableName(key: Uint8Array): string {
    const name = this.#nameOf(key)
    if (!this.#options.rules.serves(name)) throw new KeyRefusedError()
    return name
  }

  #idOf(name: string): Id {
    const id = this.#options.prefix + name
    // ASCII is the same in UTF-8, in which a node takes text; it needs no bytes then.
    return Buffer.byteLength(id) === id.length ? id : Buffer.from(id, 'latin1')
  }

  #assertValue(value: Uint8Array): void {
    const { valueBytesMax } = this.limits
    if (value.length > valueBytesMax) throw new ValueTooLargeError(value.length, valueBytesMax)
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

function nothing(): void {}

/** What clients that count in signed numbers can read. */
const UNIQUE_MAX = 2n ** 63n - 1n
