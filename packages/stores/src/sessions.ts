/**
 * The sessions of a web application in the cluster: what both stores are made of. Promises only; callbacks, and how a host's
 * session object leads back to what was loaded, are the stores'.
 *
 * A session is a document: one field per key of its data, and one for what belongs to the store (cookie, lifetime, tags). What
 * `get` hands up comes with a `Loaded`, the memory of what it was. Given to `set` later, it tells what the request changed,
 * and that the session is one that was there: it is updated, never made again.
 */
import { randomBytes } from 'node:crypto'
import type { JsonValue, Session } from '@reprise/core'
import { INDEX_PORTIONS, LISTING_CONCURRENCY, SHARED_PORTIONS } from './constants.ts'
import type { Found, WriteRequest } from './documents.ts'
import { Documents } from './documents.ts'
import { codeOf } from './errors.ts'
import type { Fields } from './json.ts'
import { isMap, sameJson, toPlain } from './json.ts'
import type { Meta } from './lifetime.ts'
import { idleMsOf, keptCookie, lifetimeOf, META, metaOf, metaToJson, remainingMsOf, shownCookie } from './lifetime.ts'
import type { ResolvedOptions } from './options.ts'
import { pause } from './pause.ts'
import { SessionIndex } from './session-index.ts'

/** What a request loaded, or last stored. */
export interface Loaded {
  readonly session: Session
  readonly fields: Fields
  readonly meta: Meta
}

/** A session as a listing has it. */
export interface Listed {
  readonly id: string
  readonly data: Record<string, unknown>
}

export class Sessions<Data extends object> {
  readonly #options: ResolvedOptions<Data>
  readonly #documents: Documents
  readonly #index: SessionIndex

  constructor(options: ResolvedOptions<Data>) {
    const { node, prefix, deadlineMs, copies, confirmDeadlineMs, isStrict, seal } = options
    const shared = { node, deadlineMs, copies, confirmDeadlineMs, isStrict, seal }
    const layout = { hasOwnPortions: true, sharedPortions: SHARED_PORTIONS }
    this.#options = options
    this.#documents = new Documents({ ...shared, prefix, layout })
    const index = {
      prefix: `${INDEX_PREFIX}${prefix}\0`,
      layout: { hasOwnPortions: false, sharedPortions: INDEX_PORTIONS },
    }
    this.#index = new SessionIndex({
      documents: new Documents({ ...shared, ...index, isStrict: false }),
      prefix: index.prefix,
      periodMs: options.absoluteMs,
      wallMs: () => Date.now(),
    })
  }

  /** @returns its data, and what to give to `set` and `touch`. */
  async get(sid: string): Promise<{ data: Record<string, unknown>; loaded: Loaded } | undefined> {
    try {
      const found = await this.#documents.read(this.#idOf(sid))
      return found === undefined ? undefined : this.#show(found)
    } catch (error) {
      if (codeOf(error) === 'UNAVAILABLE' && this.#options.isAnonymousAllowed) return undefined
      throw error
    }
  }

  /**
   * Store what a request made of a session.
   * @param loaded what it had loaded or stored before; undefined: the session is new, or replaces what is there.
   * @returns the memory of what was stored; undefined when the session is gone.
   */
  async set(sid: string, given: Data, loaded: Loaded | undefined): Promise<Loaded | undefined> {
    const state = this.#stateOf(given)
    if (state.idleMs <= 0) {
      await this.destroy(sid)
      return undefined
    }
    const meta = this.#metaFor(state, loaded)
    const mine = new Map(state.fields).set(META, metaToJson(meta))
    if (loaded !== undefined && sameFields(loaded.fields, mine)) {
      this.#touch(loaded)
      return loaded
    }
    return await this.#write(sid, mine, meta, loaded)
  }

  /** Prolong a session; of what it holds only the cookie may change. */
  async touch(sid: string, given: Data, loaded: Loaded | undefined): Promise<void> {
    if (this.#options.disableTouch) return
    const known = loaded ?? (await this.get(sid))?.loaded
    if (known === undefined) return
    const life = this.#lifeOf(given, toPlain('cookie' in given ? given.cookie : undefined))
    if (life.idleMs <= 0) return
    const meta = this.#metaFor({ ...life, tags: known.meta.tags }, known)
    if (sameJson(known.fields.get(META), metaToJson(meta))) this.#touch(known)
    else await this.#write(sid, new Map(known.fields).set(META, metaToJson(meta)), meta, known)
  }

  async destroy(sid: string): Promise<void> {
    const { absoluteMs } = this.#options
    await this.#documents.drop(this.#idOf(sid), lifetimeOf(absoluteMs, absoluteMs))
  }

  /** The living sessions under a tag or, without one, of this prefix. @throws StoreUnavailableError when some cannot be read. */
  async list(tag?: string): Promise<readonly Listed[]> {
    const ids = [...(await this.#index.ids(tag))]
    const gone: string[] = []
    const listed = await mapSome(ids, async (id): Promise<Listed[]> => {
      const found = await this.#documents.read(this.#idOf(id))
      if (found === undefined) gone.push(id)
      const shown = found === undefined ? undefined : this.#show(found)
      const isMeant = shown !== undefined && (tag === undefined || shown.loaded.meta.tags.includes(tag))
      return isMeant ? [{ id, data: shown.data }] : []
    })
    if (gone.length > 0) await this.#quietly(this.#index.remove(gone, tag))
    return listed.flat()
  }

  /** End the sessions under a tag or, without one, of this prefix. @returns how many there were. */
  async dropAll(tag?: string): Promise<number> {
    const sessions = await this.list(tag)
    await mapSome(sessions, ({ id }) => this.destroy(id))
    await this.#quietly(
      this.#index.remove(
        sessions.map(({ id }) => id),
        tag,
      ),
    )
    return sessions.length
  }

  #show({ session, fields }: Found): { data: Record<string, unknown>; loaded: Loaded } | undefined {
    const meta = metaOf(fields.get(META))
    if (meta === undefined) return undefined
    const nowMs = Date.now()
    const remainingMs = remainingMsOf(meta, session.remainingMs, nowMs)
    if (remainingMs <= 0) return undefined
    const data: Record<string, unknown> = {}
    for (const [field, value] of fields) if (field !== META) data[field.slice(KEY.length)] = toPlain(value)
    if (meta.cookie !== undefined) data['cookie'] = shownCookie(meta.cookie, remainingMs, nowMs)
    return { data, loaded: { session, fields, meta } }
  }

  #stateOf(given: Data): State {
    const plain = toPlain(given)
    if (!isMap(plain)) throw new TypeError('a session is an object')
    const fields = new Map<string, JsonValue>()
    for (const [key, value] of Object.entries(plain)) {
      if (key !== 'cookie' && value !== undefined) fields.set(KEY + key, value)
    }
    return { ...this.#lifeOf(given, plain['cookie']), fields, tags: this.#options.tagsOf(given) }
  }

  #lifeOf(given: Data, plainCookie: JsonValue | undefined): Pick<State, 'cookie' | 'idleMs'> {
    const cookie = isMap(plainCookie) ? plainCookie : undefined
    const { ttl } = this.#options
    const isDecided = typeof ttl === 'function'
    const ttlMs = (isDecided ? ttl(given) : ttl) * 1_000
    return { cookie: keptCookie(cookie), idleMs: Math.min(idleMsOf(cookie, ttlMs, isDecided, Date.now()), LIFE_MS_MAX) }
  }

  #metaFor({ cookie, idleMs, tags }: Omit<State, 'fields'>, loaded: Loaded | undefined): Meta {
    const life = loaded?.meta.life ?? randomBytes(6).toString('base64url')
    // What is left until a date shrinks by itself, and is no news.
    const isDated = cookie !== undefined && typeof cookie['originalMaxAge'] !== 'number' && 'expires' in cookie
    const isSameDate = isDated && loaded !== undefined && sameJson(loaded.meta.cookie, cookie)
    const kept = isSameDate ? loaded.meta.idleMs : idleMs
    return { cookie, idleMs: kept, madeIdleMs: Math.max(kept, loaded?.meta.madeIdleMs ?? 0), life, tags }
  }

  async #write(sid: string, mine: Fields, meta: Meta, loaded: Loaded | undefined): Promise<Loaded | undefined> {
    const life = lifetimeOf(meta.madeIdleMs, this.#options.absoluteMs)
    const request: WriteRequest = {
      base: loaded?.fields,
      mine,
      insert: loaded === undefined ? life : undefined,
      isSame: (fields) => loaded === undefined || metaOf(fields.get(META))?.life === loaded.meta.life,
      isMine: (fields) => metaOf(fields.get(META))?.life === meta.life,
      outgrown: (fields) => (meta.madeIdleMs > (metaOf(fields.get(META))?.madeIdleMs ?? 0) ? life : undefined),
    }
    const id = this.#idOf(sid)
    if (!(await this.#documents.write(id, request))) return undefined
    await this.#enter(sid, meta, life.absoluteMs, loaded)
    const session = this.#options.node.local(id) ?? loaded?.session
    return session === undefined ? undefined : { session, fields: mine, meta }
  }

  /** Enter a new session into the index, or one that has new tags or a longer life. */
  async #enter(sid: string, meta: Meta, lifeMs: number, loaded: Loaded | undefined): Promise<void> {
    const isNew = loaded === undefined || meta.madeIdleMs > loaded.meta.madeIdleMs
    const tags = meta.tags.filter((tag) => isNew || !loaded.meta.tags.includes(tag))
    const entries: (string | undefined)[] = isNew && this.#options.isListed ? [undefined, ...tags] : tags
    const entered = this.#quietly(Promise.all(entries.map((tag) => this.#index.add(sid, tag, lifeMs))))
    // It goes on being tried; the request does not wait for that.
    await Promise.race([entered, pause(this.#options.confirmDeadlineMs)])
  }

  #touch({ session, meta }: Loaded): void {
    const { disableTouch, touchAfterMs } = this.#options
    const unusedMs = meta.madeIdleMs - session.remainingMs
    if (!disableTouch && unusedMs >= touchAfterMs) session.touch()
  }

  /** The session is stored: a request does not fail because it could not be entered into the index. */
  async #quietly(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (!(error instanceof Error)) throw error
    }
  }

  #idOf(sid: string): string {
    return this.#options.prefix + sid
  }
}

interface State {
  readonly fields: Fields
  readonly cookie: Meta['cookie']
  readonly idleMs: number
  readonly tags: readonly string[]
}

function sameFields(a: Fields, b: Fields): boolean {
  if (a.size !== b.size) return false
  for (const [name, value] of a) if (!sameJson(value, b.get(name))) return false
  return true
}

/** Like `Promise.all(items.map(work))`, a few at a time. */
async function mapSome<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const next = items.entries()
  const worker = async (): Promise<void> => {
    for (const [at, item] of next) results[at] = await work(item)
  }
  await Promise.all(Array.from({ length: LISTING_CONCURRENCY }, worker))
  return results
}

/** What a key of the data begins with as a field: so none is the store's own, or the name of shared portions. */
const KEY = '.'
/** Ids of the index: applications do not begin theirs with a control character. */
const INDEX_PREFIX = '\u0001reprise-index\0'
/** The longest life of a session of the cluster. */
const LIFE_MS_MAX = 366 * 86_400_000
