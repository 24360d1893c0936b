/**
 * The sessions behind the keys: looking for them, here and at others, writing them and ending them.
 *
 * A write goes to the session that is there if its life is long enough, and else to a new life that takes its place;
 * `lifetimes.ts` has the reasons. What can be done at once is done at once: a value that is replaced, or stored under a new key,
 * costs no promise. Who calls sees to it that nothing else happens to the key meanwhile.
 */
import type { Session } from '@reprise/core'
import { CopiesError, LimitError, RepriseError, StoppedError } from '@reprise/core'
import { commitNow } from '@reprise/node'
import { BRIEF_WRITE_BYTES_MAX, OUTSIDE_VALUE_BYTES_MIN, WRITE_TRIES_MAX } from '../constants.ts'
import { StoreUnavailableError } from '../errors.ts'
import type { Answer } from './key-value.ts'
import type { TtlMs } from './lifetimes.ts'
import { fits, idleMsFor, lifetimeFor } from './lifetimes.ts'
import type { KeyValueNode, ResolvedKeyValueOptions } from './options.ts'
import type { StoreCounters } from './stats.ts'
import type { StoreEntry } from './store-entry.ts'
import { lifeOf } from './store-entry.ts'
import type { StoredValue } from './stored-value.ts'
import { PORTION, storedValue } from './stored-value.ts'

/** Of a session. */
export type Id = string | Uint8Array

export class KeySessions {
  readonly #options: ResolvedKeyValueOptions
  readonly #node: KeyValueNode
  readonly #counters: StoreCounters
  readonly #lifeMsMax: number

  constructor(options: ResolvedKeyValueOptions, counters: StoreCounters) {
    this.#options = options
    this.#node = options.node
    this.#counters = counters
    this.#lifeMsMax = options.limits.lifeMsMax
  }

  /** The session, if this node may say by itself what it is. */
  here(id: Id, portions: readonly string[]): Session | undefined {
    try {
      return this.#node.local(id, portions, FRESH)
    } catch (error) {
      if (error instanceof StoppedError) return undefined
      throw error
    }
  }

  /** The session as others have it, with all that was asked for. */
  async pull(id: Id, portions: readonly string[]): Promise<Session | undefined> {
    try {
      const deadlineMs = this.#options.readDeadlineMs
      const found = await this.#node.resume(id, { ...FRESH, portions, consistency: 'any', deadlineMs })
      if (found.outcome === 'complete') return found
      if (found.outcome !== 'absent') this.#counters.unknown += 1
    } catch (error) {
      // A node that stops. Whoever reads goes on without.
      if (!(error instanceof RepriseError)) throw error
    }
    return undefined
  }

  /** Store a value, in the session that is there or in a new life. @throws StoreUnavailableError, later if not at once. */
  put(id: Id, stored: StoredValue, ttlMs: TtlMs, known: Session | undefined): Answer<void> {
    try {
      const written = this.#write(id, stored, ttlMs, known)
      if (written instanceof Promise) {
        return written.then(
          () => this.#onWritten(),
          (error: unknown) => this.#putAgain(id, stored, ttlMs, error),
        )
      }
      this.#onWritten()
    } catch (error) {
      return this.#putAgain(id, stored, ttlMs, error)
    }
  }

  /** Move the end of a key: alone if its life is long enough, with its value if it needs another. */
  async expire(id: Id, session: Session, entry: StoreEntry, ttlMs: TtlMs): Promise<void> {
    if (!fits(lifeOf(session), ttlMs, this.#lifeMsMax)) return await this.put(id, entry.stored, ttlMs, session)
    try {
      await session.commit({ idleMs: idleMsFor(ttlMs) })
    } catch (error) {
      // It ended at this moment, or somebody dropped it: there is nothing whose end could be moved.
      if (!isGone(error)) throw this.#failed(error)
    }
  }

  /**
   * End what is there, for ever. When nobody can say whether there is anything, a new life is made, which beats any other, and
   * that one ends.
   */
  async delete(id: Id): Promise<boolean> {
    try {
      const session = this.here(id, NO_PORTIONS) ?? (await this.#toDelete(id))
      if (session === undefined) return false
      await session.drop()
      this.#counters.deletes += 1
      return true
    } catch (error) {
      throw this.#failed(error)
    }
  }

  #onWritten(): void {
    this.#counters.writes += 1
  }

  async #putAgain(id: Id, stored: StoredValue, ttlMs: TtlMs, failure: unknown): Promise<void> {
    let error = failure
    for (let tries = 1; tries < WRITE_TRIES_MAX && isGone(error); tries++) {
      // It was dropped, or ended, at this moment; or it is here, and was not to be believed without asking.
      const session = await this.pull(id, NO_PORTIONS)
      try {
        await this.#write(id, stored, ttlMs, session)
        this.#onWritten()
        return
      } catch (next) {
        error = next
      }
    }
    throw this.#failed(error)
  }

  #write(id: Id, stored: StoredValue, ttlMs: TtlMs, session: Session | undefined): Promise<void> | undefined {
    const { length } = stored.value
    const isBrief = length >= OUTSIDE_VALUE_BYTES_MIN && length <= BRIEF_WRITE_BYTES_MAX
    const options = isBrief ? { deadlineMs: this.#options.writeDeadlineMs } : NO_OPTIONS
    if (session !== undefined && fits(lifeOf(session), ttlMs, this.#lifeMsMax)) {
      session.set(storedValue, stored)
      return commitNow(session, { ...options, idleMs: idleMsFor(ttlMs) })
    }
    if (session !== undefined) return this.#replace(id, stored, ttlMs, session, options)
    return this.#begin(id, stored, lifetimeFor(ttlMs, false, this.#lifeMsMax), options)
  }

  /** A new life in place of one that is too short. */
  async #replace(id: Id, stored: StoredValue, ttlMs: TtlMs, session: Session, options: WriteOptions): Promise<void> {
    // The drop and the new life leave in one frame, as one record, so that nobody sees one without the other. For that no turn may
    // end in between, and one that began with a socket's data ends at the first promise.
    await Promise.resolve()
    await session.drop()
    await this.#begin(id, stored, lifetimeFor(ttlMs, true, this.#lifeMsMax), options)
  }

  #begin(
    id: Id,
    stored: StoredValue,
    life: ReturnType<typeof lifetimeFor>,
    options: WriteOptions,
  ): Promise<void> | undefined {
    const made = this.#node.createNow(id, { ...life, assumeNew: true })
    return made instanceof Promise
      ? made.then((session) => writeFirst(session, stored, options))
      : writeFirst(made, stored, options)
  }

  async #toDelete(id: Id): Promise<Session | undefined> {
    const deadlineMs = this.#options.readDeadlineMs
    const found = await this.#node.resume(id, { ...FRESH, portions: NO_PORTIONS, consistency: 'any', deadlineMs })
    if (found.outcome === 'absent') return undefined
    if (found.outcome !== 'unknown') return found
    return await this.#node.createNow(id, { ...lifetimeFor(this.#lifeMsMax, false, this.#lifeMsMax), assumeNew: true })
  }

  #failed(error: unknown): unknown {
    const isExpected = error instanceof LimitError || error instanceof StoppedError || error instanceof CopiesError
    if (!isExpected && !isGone(error)) return error
    this.#counters.failed += 1
    return new StoreUnavailableError('the node could not take the write', { cause: error })
  }
}

/** Write a session that was just made. What fails leaves nothing: its id would be taken until it is given back. */
function writeFirst(session: Session, stored: StoredValue, options: WriteOptions): Promise<void> | undefined {
  const giveBack = async (error: unknown): Promise<never> => {
    await session.drop().catch(() => {})
    throw error
  }
  session.set(storedValue, stored)
  try {
    return commitNow(session, options)?.catch(giveBack)
  } catch (error) {
    return giveBack(error)
  }
}

/** The session that was written is another one by now, or none. */
function isGone(error: unknown): boolean {
  return error instanceof RepriseError && GONE.has(error.code)
}

interface WriteOptions {
  readonly deadlineMs?: number
}

const GONE: ReadonlySet<string> = new Set([
  'DROPPED',
  'EXPIRED',
  'EVICTED',
  'ALREADY_EXISTS',
  'SUPERSEDED',
  'UNAVAILABLE',
])
export const PORTIONS: readonly string[] = [PORTION]
export const NO_PORTIONS: readonly string[] = []
const NO_OPTIONS: WriteOptions = {}
/** Keys change, and are deleted: a copy that this node does not hold for the cluster is asked about each time. */
const FRESH = { maxAgeMs: 0 }
