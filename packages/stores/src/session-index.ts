/**
 * Which sessions there are, under a prefix and under a tag: the cluster finds sessions by id only.
 *
 * An index is a document like any other, merged like any other, whose fields are ids. All sessions of a prefix are spread over
 * a few documents, a *list*; those of a tag are in one. An entry is added before a new session's first write is reported done, and
 * goes when a listing finds its session gone. With every period new documents are begun, of which the life of a session touches
 * two, and the cluster forgets the old ones; sessions that may outlive the period of their store are in those of the longest one.
 *
 * It follows the sessions a moment later; what cannot be written now is tried again for a while, and given up then.
 */
import { createHash } from 'node:crypto'
import type { JsonValue } from '@reprise/core'
import { ABSOLUTE_TTL_SECONDS_MAX, INDEX_RETRY_MS, INDEX_SHARDS, INDEX_TRIES_MAX } from './constants.ts'
import type { Documents } from './documents.ts'
import { codeOf } from './errors.ts'
import { hash } from './layout.ts'
import { pause } from './pause.ts'

export interface SessionIndexOptions {
  readonly documents: Documents
  /** What ids of index documents begin with. */
  readonly prefix: string
  /** How long sessions live at most, as a rule. */
  readonly periodMs: number
  readonly wallMs: () => number
}

export class SessionIndex {
  readonly #options: SessionIndexOptions
  /** Changes that wait for the one under way, by document. */
  readonly #pending = new Map<string, Batch>()

  constructor(options: SessionIndexOptions) {
    this.#options = options
  }

  /** Enter a session into the list of all, or under a tag. @param lifeMs how long it may live. */
  add(sid: string, tag: string | undefined, lifeMs: number): Promise<void> {
    const { periodMs } = this.#options
    const [document] = this.#documentsOf(sid, tag, lifeMs <= periodMs ? periodMs : PERIOD_MS_MAX)
    return this.#change(document, sid, true)
  }

  /** Take sessions out that are gone. */
  async remove(sids: readonly string[], tag: string | undefined): Promise<void> {
    const documents = sids.flatMap((sid) =>
      this.#lengths().map((length) => [sid, this.#documentsOf(sid, tag, length)] as const),
    )
    await Promise.all(documents.flatMap(([sid, ids]) => ids.map((id) => this.#change(id, sid, false))))
  }

  /** Ids under a tag or, without one, of all; some may be gone. @throws StoreUnavailableError when that cannot be read. */
  async ids(tag: string | undefined): Promise<ReadonlySet<string>> {
    const names = tag === undefined ? Array.from({ length: INDEX_SHARDS }, (_, shard) => `${shard}`) : [nameOf(tag)]
    const documents = this.#lengths().flatMap((length) => names.flatMap((name) => this.#named(name, length)))
    const found = await Promise.all(documents.map((id) => this.#options.documents.read(id)))
    return new Set(
      found.flatMap((document) => [...(document?.fields.keys() ?? [])].map((field) => field.slice(FIELD.length))),
    )
  }

  /** Changes of a document that come while one is written go together with the next. */
  #change(id: string, sid: string, isThere: boolean): Promise<void> {
    const waiting = this.#pending.get(id)
    if (waiting !== undefined) {
      waiting.changes.set(sid, isThere)
      return waiting.written
    }
    const changes = new Map([[sid, isThere]])
    const written = this.#options.documents.settled(id).then(() => {
      this.#pending.delete(id)
      return this.#write(id, changes)
    })
    this.#pending.set(id, { changes, written })
    return written
  }

  async #write(id: string, changes: ReadonlyMap<string, boolean>): Promise<void> {
    const [base, mine] = [new Map<string, JsonValue>(), new Map<string, JsonValue>()]
    for (const [sid, isThere] of changes) (isThere ? mine : base).set(FIELD + sid, 1)
    const lifeMs = 2 * Number(id.slice(this.#options.prefix.length).split(':', 1)[0])
    const insert = mine.size === 0 ? undefined : { idleMs: lifeMs, absoluteMs: lifeMs }
    const request = { base, mine, insert, isSame: () => true, isMine: () => true, outgrown: () => undefined }
    for (let tries = 1; ; tries++) {
      try {
        await this.#options.documents.write(id, request)
        return
      } catch (error) {
        // After a crash nobody can say for some seconds whether a document is there that is not.
        if (tries >= INDEX_TRIES_MAX || codeOf(error) !== 'UNAVAILABLE') throw error
      }
      await pause(INDEX_RETRY_MS)
    }
  }

  #lengths(): readonly number[] {
    return [...new Set([this.#options.periodMs, PERIOD_MS_MAX])]
  }

  #documentsOf(sid: string, tag: string | undefined, lengthMs: number): readonly [string, string] {
    return this.#named(tag === undefined ? `${hash(sid) % INDEX_SHARDS}` : nameOf(tag), lengthMs)
  }

  /** The documents of this period and of the one before, in which sessions that still live may have been entered. */
  #named(name: string, lengthMs: number): readonly [string, string] {
    const period = Math.floor(this.#options.wallMs() / lengthMs)
    const id = (of: number): string => `${this.#options.prefix}${lengthMs}:${of}:${name}`
    return [id(period), id(period - 1)]
  }
}

/** Tags are often names of users: hashed, they stand in no id, and are never too long for one. */
function nameOf(tag: string): string {
  return `t${createHash('sha256').update(tag).digest('base64url')}`
}

interface Batch {
  readonly changes: Map<string, boolean>
  readonly written: Promise<void>
}

const PERIOD_MS_MAX = ABSOLUTE_TTL_SECONDS_MAX * 1_000
/** What an id's field begins with: none is the name of a portion that fields share. */
const FIELD = '.'
