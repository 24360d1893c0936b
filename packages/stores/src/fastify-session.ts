/**
 * A store for `@fastify/session`: sessions live in the server processes themselves and survive any of them.
 *
 * @packageDocumentation
 *
 * @example
 * ```js
 * import { createNode } from '@reprise/node'
 * import { RepriseStore } from '@reprise/stores/fastify-session'
 *
 * const node = await createNode()
 * const store = new RepriseStore({ node, tag: (session) => session.user })
 *
 * await store.set('sid-1', { cookie: { originalMaxAge: 60_000 }, user: 'ada' })
 * await store.set('sid-2', { cookie: { originalMaxAge: 60_000 }, user: 'ada' })
 * console.log((await store.listByTag('ada')).map(({ id }) => id).sort()) // [ 'sid-1', 'sid-2' ]
 * console.log(await store.dropByTag('ada')) // 2
 * await node.stop()
 * ```
 */
import { EventEmitter } from 'node:events'
import type { SessionStore } from '@fastify/session'
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

/** What fastify knows of a session, and what the application declared of it. */
export type FastifySessionData = Parameters<SessionStore['set']>[1]

export type RepriseStoreOptions = StoreOptions<FastifySessionData>

/** A session in a listing: its data with its id. */
export type ListedSession = FastifySessionData & { id: string }

/**
 * The store. Each method returns a promise, or calls back if it is given a callback. What merges how, and what happens when
 * servers cannot be reached, is in the package's README.
 *
 * Fastify copies what `get` returns into an object of its own, key by key, and says nothing of it. So one key, `@@reprise`,
 * goes with the data; JSON does not show it.
 */
export class RepriseStore extends EventEmitter implements SessionStore {
  readonly #sessions: Sessions<FastifySessionData>
  /** What was stored last, by the object that the application has of it. */
  readonly #stored = new WeakMap<object, Loaded>()

  /** @throws StoreOptionError */
  constructor(options: RepriseStoreOptions) {
    super()
    this.#sessions = new Sessions(resolveOptions(options))
  }

  /** The session of that id, or null. @throws StoreUnavailableError when nobody could say; see `onUnavailable`. */
  get(sid: string): Promise<FastifySessionData | null>
  get(sid: string, callback: Callback<FastifySessionData | null>): void
  get(sid: string, callback?: Callback<FastifySessionData | null>): Promise<FastifySessionData | null> | undefined {
    return answer(this.#get(sid), callback)
  }

  /**
   * Store what a request made of a session: of one that `get` returned, only what changed since, merged with what others
   * changed meanwhile; unchanged it is prolonged. One that was destroyed meanwhile stays destroyed, without an error.
   */
  set(sid: string, session: FastifySessionData): Promise<void>
  set(sid: string, session: FastifySessionData, callback?: Callback): void
  set(sid: string, session: FastifySessionData, callback?: Callback): Promise<void> | undefined {
    return answer(this.#set(sid, session), callback)
  }

  /** End a session for ever. */
  destroy(sid: string): Promise<void>
  destroy(sid: string, callback?: Callback): void
  destroy(sid: string, callback?: Callback): Promise<void> | undefined {
    return answer(this.#sessions.destroy(sid), callback)
  }

  /** Prolong a session without writing its data. */
  touch(sid: string, session: FastifySessionData): Promise<void>
  touch(sid: string, session: FastifySessionData, callback?: Callback): void
  touch(sid: string, session: FastifySessionData, callback?: Callback): Promise<void> | undefined {
    return answer(this.#sessions.touch(sid, session, this.#loadedOf(session)), callback)
  }

  /** All living sessions under the prefix. Needs `listed`. */
  all(): Promise<ListedSession[]>
  all(callback: Callback<ListedSession[]>): void
  all(callback?: Callback<ListedSession[]>): Promise<ListedSession[]> | undefined {
    return answer(this.#list(), callback)
  }

  /** Their number. */
  length(): Promise<number>
  length(callback: Callback<number>): void
  length(callback?: Callback<number>): Promise<number> | undefined {
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
  clear(): Promise<void>
  clear(callback?: Callback): void
  clear(callback?: Callback): Promise<void> | undefined {
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

  async #get(sid: string): Promise<FastifySessionData | null> {
    const found = await this.#sessions.get(sid)
    if (found === undefined) return null
    return { ...found.data, [LINK]: new Link(found.loaded) } as unknown as FastifySessionData
  }

  async #set(sid: string, session: FastifySessionData): Promise<void> {
    const stored = await this.#sessions.set(sid, session, this.#loadedOf(session))
    // Stored once, it is there to be changed, and to be gone.
    if (stored !== undefined) this.#stored.set(session, stored)
  }

  #loadedOf(session: object): Loaded | undefined {
    const stored = this.#stored.get(session)
    if (stored !== undefined || !(LINK in session)) return stored
    return session[LINK] instanceof Link ? session[LINK].loaded : undefined
  }

  async #list(tag?: string): Promise<ListedSession[]> {
    return (await this.#sessions.list(tag)).map(toListed)
  }
}

/** The way from a session of fastify back to what was loaded. */
class Link {
  readonly #loaded: Loaded

  constructor(loaded: Loaded) {
    this.#loaded = loaded
  }

  get loaded(): Loaded {
    return this.#loaded
  }

  /** It is no data. */
  toJSON(): undefined {
    return undefined
  }
}

/** What an application stored is what it says its sessions are. */
function toListed({ id, data }: Listed): ListedSession {
  return { ...data, id } as unknown as ListedSession
}

const LINK = '@@reprise'
