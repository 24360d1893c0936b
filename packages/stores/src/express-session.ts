/**
 * A store for express-session: sessions live in the server processes themselves and survive any of them.
 *
 * @packageDocumentation
 *
 * @example
 * ```js
 * import { createNode } from '@reprise/node'
 * import { RepriseStore } from '@reprise/stores/express-session'
 *
 * const node = await createNode()
 * const store = new RepriseStore({ node, prefix: 'shop:' })
 *
 * await store.set('sid-1', { cookie: { originalMaxAge: 60_000 }, cart: [] })
 * const [tab, otherTab] = [await store.get('sid-1'), await store.get('sid-1')]
 * tab.cart.push('tea')
 * otherTab.cart.push('pot')
 * await Promise.all([store.set('sid-1', tab), store.set('sid-1', otherTab)])
 * console.log((await store.get('sid-1')).cart) // [ 'tea', 'pot' ]
 *
 * await store.destroy('sid-1')
 * await store.set('sid-1', tab)
 * console.log(await store.get('sid-1')) // null
 * await node.stop()
 * ```
 */
import { type Session, type SessionData, Store } from 'express-session'
import type { Callback } from './callbacks.ts'
import { answer } from './callbacks.ts'
import type { StoreOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import type { Listed, Loaded } from './sessions.ts'
import { Sessions } from './sessions.ts'

export type { Callback } from './callbacks.ts'
export type { StoreNode } from './documents.ts'
export { StoreOptionError, StoreUnavailableError } from './errors.ts'
export type { StoreOptions } from './options.ts'

export type RepriseStoreOptions = StoreOptions<SessionData>

/** A session in a listing: its data with its id. */
export type ListedSession = SessionData & { id: string }

/**
 * The store. Each method returns a promise, or calls back if it is given a callback. What merges how, and what happens when
 * servers cannot be reached, is in the package's README. It never says `disconnect`: a node alone still serves what it has.
 */
export class RepriseStore extends Store {
  readonly #sessions: Sessions<SessionData>
  /** What was loaded or stored last, by the object that the application has of it. */
  readonly #loaded = new WeakMap<object, Loaded>()

  /** @throws StoreOptionError */
  constructor(options: RepriseStoreOptions) {
    super()
    this.#sessions = new Sessions(resolveOptions(options))
  }

  /** The session of that id, or null. @throws StoreUnavailableError when nobody could say; see `onUnavailable`. */
  override get(sid: string): Promise<SessionData | null>
  override get(sid: string, callback: Callback<SessionData | null>): void
  override get(sid: string, callback?: Callback<SessionData | null>): Promise<SessionData | null> | undefined {
    return answer(this.#get(sid), callback)
  }

  /**
   * Store what a request made of a session: of one that `get` returned, only what changed since, merged with what others
   * changed meanwhile. One that was destroyed meanwhile stays destroyed, without an error.
   */
  override set(sid: string, session: SessionData): Promise<void>
  override set(sid: string, session: SessionData, callback?: Callback): void
  override set(sid: string, session: SessionData, callback?: Callback): Promise<void> | undefined {
    return answer(this.#set(sid, session), callback)
  }

  /** End a session for ever. */
  override destroy(sid: string): Promise<void>
  override destroy(sid: string, callback?: Callback): void
  override destroy(sid: string, callback?: Callback): Promise<void> | undefined {
    return answer(this.#sessions.destroy(sid), callback)
  }

  /** Prolong a session without writing its data. */
  override touch(sid: string, session: SessionData): Promise<void>
  override touch(sid: string, session: SessionData, callback?: Callback): void
  override touch(sid: string, session: SessionData, callback?: Callback): Promise<void> | undefined {
    return answer(this.#sessions.touch(sid, session, this.#loaded.get(session)), callback)
  }

  /** All living sessions under the prefix. Needs `listed`. */
  override all(): Promise<ListedSession[]>
  override all(callback: Callback<ListedSession[]>): void
  override all(callback?: Callback<ListedSession[]>): Promise<ListedSession[]> | undefined {
    return answer(this.#list(), callback)
  }

  /** Their number. */
  override length(): Promise<number>
  override length(callback: Callback<number>): void
  override length(callback?: Callback<number>): Promise<number> | undefined {
    return answer(
      this.#list().then((sessions) => sessions.length),
      callback,
    )
  }

  /** Their ids. */
  ids(): Promise<string[]>
  ids(callback: Callback<string[]>): void
  ids(callback?: Callback<string[]>): Promise<string[]> | undefined {
    return answer(
      this.#list().then((sessions) => sessions.map(({ id }) => id)),
      callback,
    )
  }

  /** End all sessions under the prefix. */
  override clear(): Promise<void>
  override clear(callback?: Callback): void
  override clear(callback?: Callback): Promise<void> | undefined {
    return answer(
      this.#sessions.dropAll().then(() => undefined),
      callback,
    )
  }

  /** The living sessions that the option `tag` gave this tag. */
  listByTag(tag: string): Promise<ListedSession[]>
  listByTag(tag: string, callback: Callback<ListedSession[]>): void
  listByTag(tag: string, callback?: Callback<ListedSession[]>): Promise<ListedSession[]> | undefined {
    return answer(this.#list(tag), callback)
  }

  /** End them all, such as everywhere that a user is logged in. Results in how many there were. */
  dropByTag(tag: string): Promise<number>
  dropByTag(tag: string, callback: Callback<number>): void
  dropByTag(tag: string, callback?: Callback<number>): Promise<number> | undefined {
    return answer(this.#sessions.dropAll(tag), callback)
  }

  /** Called by express-session: makes of what `get` returned the object that will be given to `set`. */
  override createSession(...[request, data]: Parameters<Store['createSession']>): Session & SessionData {
    const session = super.createSession(request, data)
    const loaded = this.#loaded.get(data)
    if (loaded !== undefined) this.#loaded.set(session, loaded)
    return session
  }

  async #get(sid: string): Promise<SessionData | null> {
    const found = await this.#sessions.get(sid)
    if (found === undefined) return null
    const data = found.data as unknown as SessionData
    this.#loaded.set(data, found.loaded)
    return data
  }

  async #set(sid: string, session: SessionData): Promise<void> {
    const stored = await this.#sessions.set(sid, session, this.#loaded.get(session))
    // Stored once, it is there to be changed, and to be gone.
    if (stored !== undefined) this.#loaded.set(session, stored)
  }

  async #list(tag?: string): Promise<ListedSession[]> {
    return (await this.#sessions.list(tag)).map(toListed)
  }
}

/** What an application stored is what it says its sessions are. */
function toListed({ id, data }: Listed): ListedSession {
  return { ...data, id } as ListedSession
}
