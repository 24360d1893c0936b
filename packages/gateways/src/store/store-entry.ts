/** What a look-up found: a value as the store keeps it, and the session that it is of, which says when it ends. */
import type { Session } from '@reprise/core'
import { inspectSession } from '@reprise/node'
import type { Entry } from './key-value.ts'
import type { Life } from './lifetimes.ts'
import { ttlLeft } from './lifetimes.ts'
import type { StoredValue } from './stored-value.ts'

/** An entry, whose end is looked up when somebody wants it, or before it is changed. */
export class StoreEntry implements Entry {
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

  /** Remember the end as it is now: the session is about to be written. */
  settle(): void {
    this.#settled = { ttlMs: this.ttlMs }
  }
}

/** What is known of the life of a key's session. */
export function lifeOf(session: Session): Life {
  const facts = inspectSession(session)
  if (facts !== undefined) return facts
  // A session that is no node's, which says when it ends and not why.
  const { remainingMs } = session
  return { idleMs: remainingMs, idleMsLeft: remainingMs, absoluteMsLeft: remainingMs }
}
