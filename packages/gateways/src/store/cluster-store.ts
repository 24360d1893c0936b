/**
 * The store of keys and values over a node.
 *
 * A key is the session `prefix + key`, with one portion. Reading takes the local copy, or the first complete one that others
 * have. Writing goes to the session if its life is long enough, and else to a new life that takes its place; `lifetimes.ts`
 * has the reasons. A write that nobody read anything for asks nobody either: a new life beats an old one everywhere.
 */
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Session } from '@reprise/core'
import { BUCKET_COUNT, CopiesError, LimitError, RepriseError, StoppedError } from '@reprise/core'
import { inspectSession, recordMark } from '@reprise/node'
import {
  BRIEF_WRITE_BYTES_MAX,
  COUNT_AGE_MS_MAX,
  FLUSH_BATCH,
  OUTSIDE_VALUE_BYTES_MIN,
  WRITE_TRIES_MAX,
} from '../constants.ts'
import { KeyError, KeyRefusedError, StoreUnavailableError, ValueTooLargeError } from '../errors.ts'
import type { Answer, Change, Decision, Entry, KeyValueLimits, KeyValueStore, Page, Write } from './key-value.ts'
import type { Life, TtlMs } from './lifetimes.ts'
import { fits, idleMsFor, lifetimeFor, ttlLeft, ttlOf } from './lifetimes.ts'
import { OpenedValues } from './opened-values.ts'
import type { KeyValueNode, KeyValueOptions, ResolvedKeyValueOptions } from './options.ts'
import { resolveKeyValueOptions } from './options.ts'
import type { StoredValue } from './stored-value.ts'
import { PORTION, storedValue } from './stored-value.ts'
import { Turns } from './turns.ts'

/** What a store did since it was made, counted. */
export interface KeyValueStats {
  /** Look-ups that were answered from this node, by others, and not. */
  readonly local: number
  readonly pulled: number
  readonly missed: number
  /** Of the missed ones, those of which nobody could say anything in time. */
  readonly unknown: number
  /** Values that this node cannot open, or that are of a later version: missed, too. */
  readonly unreadable: number
  readonly writes: number
  readonly deletes: number
  /** Writes that were refused because the node could not take them. */
  readonly failed: number
}

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
  readonly #turns = new Turns()
  readonly #opened = new OpenedValues()
  readonly #stats = { local: 0, pulled: 0, missed: 0, unknown: 0, unreadable: 0, writes: 0, deletes: 0, failed: 0 }
  #nextUnique: bigint
  #counted = { keys: 0, atMs: Number.NEGATIVE_INFINITY }

  /** Use `createKeyValueStore`. */
  constructor(options: ResolvedKeyValueOptions) {
    this.#options = options
    this.#node = options.node
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
    const here = this.#options.rules.serves(name) ? this.#here(this.#idOf(name), PORTIONS) : undefined
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
    return this.#turns.take(name, async () => {
      const id = this.#idOf(name)
      const ttlMs = ttlOf(expiry, undefined, Date.now(), this.limits.lifeMsMax)
      if (ttlMs > 0) await this.#put(id, stored, ttlMs, this.#here(id, NO_PORTIONS))
      else await this.#delete(id)
    })
  }

  delete(key: Uint8Array): Answer<boolean> {
    const name = this.#writableName(key)
    return this.#turns.take(name, () => this.#delete(this.#idOf(name)))
  }

  update<Result>(key: Uint8Array, decide: (entry: Entry | undefined) => Decision<Result>): Answer<Result> {
    const name = this.#writableName(key)
    return this.#turns.take(name, () => {
      const id = this.#idOf(name)
      const here = this.#here(id, PORTIONS)
      const entry = here && this.#entryOf(here, 'local')
      if (here !== undefined && entry !== undefined) return this.#decide(id, here, entry, decide)
      // Between the end of asking and now it may have been written.
      return this.#pull(id, PORTIONS).then((pulled) => {
        const found = this.#here(id, PORTIONS) ?? pulled
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
        if (await this.#turns.take(name, () => this.#delete(this.#idOf(name)))) deleted++
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
    const here = this.#here(id, PORTIONS)
    const entry = here && this.#entryOf(here, 'local')
    if (entry !== undefined) return entry
    return this.#pull(id, PORTIONS).then((pulled) => {
      const found = pulled && this.#entryOf(pulled, 'pulled')
      if (found === undefined) this.#stats.missed += 1
      return found
    })
  }

  /** The session, if this node may say by itself what it is. */
  #here(id: Id, portions: readonly string[]): Session | undefined {
    try {
      return this.#node.local(id, portions, FRESH)
    } catch (error) {
      if (error instanceof StoppedError) return undefined
      throw error
    }
  }

  /** The session as others have it, with all that was asked for. */
  async #pull(id: Id, portions: readonly string[]): Promise<Session | undefined> {
    try {
      const deadlineMs = this.#options.readDeadlineMs
      const found = await this.#node.resume(id, { ...FRESH, portions, consistency: 'any', deadlineMs })
      if (found.outcome === 'complete') return found
      if (found.outcome !== 'absent') this.#stats.unknown += 1
    } catch (error) {
      // A node that stops. Whoever reads goes on without.
      if (!(error instanceof RepriseError)) throw error
    }
    return undefined
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
    return this.#carryOut(id, session, entry, change).then(() => result)
  }

  async #carryOut(id: Id, session: Session | undefined, entry: StoreEntry | undefined, change: Change): Promise<void> {
    if (change.kind === 'delete') {
      await this.#delete(id)
      return
    }
    if (change.kind === 'expire' && entry === undefined) return
    const { lifeMsMax } = this.limits
    const expiry = change.expiry ?? 'none'
    const ttlMs = ttlOf(expiry, entry && session && lifeOf(session), Date.now(), lifeMsMax)
    if (ttlMs <= 0) await this.#delete(id)
    else if (change.kind === 'write') {
      this.#assertValue(change.value)
      await this.#put(id, this.#storedOf(change), ttlMs, session)
    } else if (session !== undefined && entry !== undefined) await this.#expire(id, session, entry, ttlMs)
  }

  /** Move the end of a key: alone if its life is long enough, with its value if it needs another. */
  async #expire(id: Id, session: Session, entry: StoreEntry, ttlMs: TtlMs): Promise<void> {
    if (!fits(lifeOf(session), ttlMs, this.limits.lifeMsMax)) return await this.#put(id, entry.stored, ttlMs, session)
    try {
      await session.commit({ idleMs: idleMsFor(ttlMs) })
    } catch (error) {
      // It ended at this moment, or somebody dropped it: there is nothing whose end could be moved.
      if (!isGone(error)) throw this.#failed(error)
    }
  }

  /** Store a value, in the session that is there or in a new life. */
  async #put(id: Id, stored: StoredValue, ttlMs: TtlMs, known: Session | undefined): Promise<void> {
    let session = known
    for (let tries = 1; ; tries++) {
      try {
        await this.#write(id, stored, ttlMs, session)
        this.#stats.writes += 1
        return
      } catch (error) {
        if (tries >= WRITE_TRIES_MAX || !isGone(error)) throw this.#failed(error)
        // It was dropped, or ended, at this moment; or it is here, and was not to be believed without asking.
        session = await this.#pull(id, NO_PORTIONS)
      }
    }
  }

  async #write(id: Id, stored: StoredValue, ttlMs: TtlMs, session: Session | undefined): Promise<void> {
    const { lifeMsMax } = this.limits
    const { length } = stored.value
    const isBrief = length >= OUTSIDE_VALUE_BYTES_MIN && length <= BRIEF_WRITE_BYTES_MAX
    const options = isBrief ? { deadlineMs: this.#options.writeDeadlineMs } : {}
    if (session !== undefined && fits(lifeOf(session), ttlMs, lifeMsMax)) {
      session.set(storedValue, stored)
      await session.commit({ ...options, idleMs: idleMsFor(ttlMs) })
      return
    }
    if (session !== undefined) {
      // The drop and the new life leave in one frame, as one record, so that nobody sees one without the other. For that no turn may
      // end in between, and one that began with a socket's data ends at the first promise.
      await Promise.resolve()
      await session.drop()
    }
    const life = lifetimeFor(ttlMs, session !== undefined, lifeMsMax)
    const made = await this.#node.create(id, { ...life, assumeNew: true })
    made.set(storedValue, stored)
    try {
      await made.commit(options)
    } catch (error) {
      // It was made and never written: its id is taken until it is given back.
      await made.drop().catch(() => {})
      throw error
    }
  }

  /**
   * End what is there, for ever. When nobody can say whether there is anything, a new life is made, which beats any other, and
   * that one ends.
   */
  async #delete(id: Id): Promise<boolean> {
    try {
      const session = this.#here(id, NO_PORTIONS) ?? (await this.#toDelete(id))
      if (session === undefined) return false
      await session.drop()
      this.#stats.deletes += 1
      return true
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async #toDelete(id: Id): Promise<Session | undefined> {
    const deadlineMs = this.#options.readDeadlineMs
    const found = await this.#node.resume(id, { ...FRESH, portions: NO_PORTIONS, consistency: 'any', deadlineMs })
    if (found.outcome === 'absent') return undefined
    if (found.outcome !== 'unknown') return found
    const { lifeMsMax } = this.limits
    return await this.#node.create(id, { ...lifetimeFor(lifeMsMax, false, lifeMsMax), assumeNew: true })
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

  #failed(error: unknown): unknown {
    const isExpected = error instanceof LimitError || error instanceof StoppedError || error instanceof CopiesError
    if (!isExpected && !isGone(error)) return error
    this.#stats.failed += 1
    return new StoreUnavailableError('the node could not take the write', { cause: error })
  }
}

/** An entry, whose end is looked up when somebody wants it, or before it is changed. */
class StoreEntry implements Entry {
  readonly stored: StoredValue
  readonly #session: Session
  #settled: { readonly ttlMs: number | undefined } | undefined

  constructor(stored: StoredValue, session: Session) {
    this.stored = stored
    this.#session = session
  }

  get value(): Uint8Array {
    return this.stored.value
  }
  get flags(): number {
    return this.stored.flags
  }
  get unique(): bigint {
    return this.stored.unique
  }
  get mark(): Entry['mark'] {
    return this.stored.mark
  }
  get ttlMs(): number | undefined {
    return this.#settled === undefined ? ttlLeft(lifeOf(this.#session)) : this.#settled.ttlMs
  }

  settle(): void {
    this.#settled = { ttlMs: this.ttlMs }
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

function lifeOf(session: Session): Life {
  const facts = inspectSession(session)
  if (facts !== undefined) return facts
  // A session that is no node's, which says when it ends and not why.
  const { remainingMs } = session
  return { idleMs: remainingMs, idleMsLeft: remainingMs, absoluteMsLeft: remainingMs }
}

/** The session that was written is another one by now, or none. */
function isGone(error: unknown): boolean {
  return error instanceof RepriseError && GONE.has(error.code)
}

const GONE: ReadonlySet<string> = new Set([
  'DROPPED',
  'EXPIRED',
  'EVICTED',
  'ALREADY_EXISTS',
  'SUPERSEDED',
  'UNAVAILABLE',
])
const PORTIONS: readonly string[] = [PORTION]
const NO_PORTIONS: readonly string[] = []
/** Keys change, and are deleted: a copy that this node does not hold for the cluster is asked about each time. */
const FRESH = { maxAgeMs: 0 }
/** What clients that count in signed numbers can read. */
const UNIQUE_MAX = 2n ** 63n - 1n

/** Of a session. */
type Id = string | Uint8Array
