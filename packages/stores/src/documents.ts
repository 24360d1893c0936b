/**
 * Documents: plain data by field, each in a session of the cluster, which many servers change at once and lose nothing of.
 *
 * One write is: look at what the cluster has now, merge into it what the caller changed of what it had loaded, commit. Within
 * this process writes of a document follow each other. Two nodes may still commit at the same moment; per portion the later
 * commit then stays, and the node whose write lost finds out, merges it again and commits anew. Nothing here waits without end:
 * each call to the node has a deadline.
 *
 * Update is not insert: who loaded a document changes that one. If it was dropped meanwhile it stays dropped.
 */
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { JsonValue, Session, SessionSource } from '@reprise/core'
import { LARGE_BYTES, LOOK_AGAIN_MS, WRITE_TRIES_MAX } from './constants.ts'
import { codeOf, StoreUnavailableError } from './errors.ts'
import { Journal } from './journal.ts'
import type { Fields } from './json.ts'
import { sameJson } from './json.ts'
import type { Layout, Write } from './layout.ts'
import { applyWrite, readFields } from './layout.ts'

/** What a store needs of a node: one that `createNode` made, or the service that `sessionCache` made. */
export interface StoreNode extends SessionSource {
  local(id: string): Session | undefined
  on(event: 'conflict' | 'session:superseded', listener: (event: { readonly id: Uint8Array }) => void): unknown
}

export interface DocumentsOptions {
  readonly node: StoreNode
  /** Ids of other documents than these are left alone. */
  readonly prefix: string
  readonly layout: Layout
  readonly deadlineMs: number
  /** How many other servers shall have a write before it counts as done. */
  readonly copies: number
  readonly confirmDeadlineMs: number
  /** A write that they did not confirm in time is an error; otherwise it counts as done all the same. */
  readonly isStrict: boolean
  readonly seal: boolean
}

/** A document as it was read. */
export interface Found {
  readonly session: Session
  readonly fields: Fields
}

export interface Lifetime {
  readonly idleMs: number
  readonly absoluteMs: number
}

export interface WriteRequest {
  /** What the caller had loaded; undefined: the document shall become what is given, whatever is there. */
  readonly base: Fields | undefined
  readonly mine: Fields
  /** Make the document when there is none, with this life. */
  readonly insert: Lifetime | undefined
  /** Whether what is there is the document that the caller loaded. */
  isSame(fields: Fields): boolean
  /** Whether what is there is the document that this write was made to. */
  isMine(fields: Fields): boolean
  /** The life that the document needs from now on, if it was made for a shorter one. */
  outgrown(fields: Fields): Lifetime | undefined
}

export class Documents {
  readonly #options: DocumentsOptions
  readonly #journal = new Journal()
  readonly #writer = randomBytes(6).toString('base64url')
  #writes = 0
  /** Documents that will be looked at again. */
  readonly #looks = new Set<string>()
  /** The end of what is under way, by document. */
  readonly #tails = new Map<string, Promise<void>>()

  constructor(options: DocumentsOptions) {
    this.#options = options
    const onRival = ({ id }: { readonly id: Uint8Array }): void => this.#onRival(Buffer.from(id).toString('utf8'))
    options.node.on('conflict', onRival)
    options.node.on('session:superseded', onRival)
  }

  /** The newest that the cluster has. Undefined: there is none. @throws StoreUnavailableError when nobody could say. */
  async read(id: string): Promise<Found | undefined> {
    const { node, deadlineMs } = this.#options
    const found = await this.#ask(() => node.resume(id, { deadlineMs }))
    if (found.outcome === 'absent') return undefined
    if (found.outcome === 'complete') return { session: found, fields: readFields(found) }
    const what =
      found.outcome === 'partial' ? 'some of the session could not be had' : 'nobody could say whether it lives'
    throw unavailable('read', `${what} within ${deadlineMs} ms`)
  }

  /**
   * Merge what the caller changed.
   * @returns whether the document is there; false: it was dropped or ended meanwhile, and nothing was written.
   * @throws StoreUnavailableError, or what the node refused it with.
   */
  write(id: string, request: WriteRequest): Promise<boolean> {
    return this.#exclusively(id, () => this.#write(id, request))
  }

  /**
   * End a document for ever. If nobody can say whether there is one, it gets a new life, which takes the place of any other, and
   * that one ends: so a logout is possible, and holds, also in the seconds after a crash.
   * @param life of what would have to be there.
   */
  drop(id: string, life: Lifetime): Promise<void> {
    return this.#exclusively(id, async () => {
      const { node, deadlineMs } = this.#options
      for (let tries = 1; ; tries++) {
        const found = await this.#ask(() => node.resume(id, { portions: [], deadlineMs }))
        if (found.outcome === 'absent') return
        try {
          const session = found.outcome === 'unknown' ? await node.create(id, { ...life, assumeNew: true }) : found
          await this.#confirmed((options) => session.drop(options))
          return
        } catch (error) {
          // It may have got a longer life at another server a moment ago, and that one is to end, too.
          if (tries >= WRITE_TRIES_MAX || !RIVALLED.has(codeOf(error))) throw error
        }
      }
    })
  }

  /** Resolves when nothing of a document is under way here. */
  settled(id: string): Promise<void> {
    return this.#tails.get(id) ?? Promise.resolve()
  }

  async #write(id: string, request: WriteRequest): Promise<boolean> {
    let { insert } = request
    let write: Write | undefined
    let wasThere = false
    for (let tries = 1; ; tries++) {
      // What nobody loaded replaces what is there, which a new life does by itself: it is not asked for, so that new sessions
      // are made also while nobody can answer.
      const isUnasked = request.base === undefined && tries === 1
      const found = isUnasked ? this.#here(id) : await this.#current(id)
      if (found === undefined ? insert === undefined : !request.isSame(found.fields)) return false
      write ??= this.#changesOf(request.base ?? found?.fields ?? NO_FIELDS, request.mine)
      try {
        if (found !== undefined) await this.#update(id, found, write, request, wasThere)
        else if (insert !== undefined) await this.#insert(id, write, insert, request)
        return true
      } catch (error) {
        const code = codeOf(error)
        if (tries >= WRITE_TRIES_MAX || !RIVALLED.has(code)) throw error
        wasThere = MAYBE_WRITTEN.has(code)
        if (!wasThere) this.#journal.forget(write)
        // What was made here and dropped elsewhere is not made twice.
        if (code !== 'ALREADY_EXISTS') insert = undefined
      }
    }
  }

  #changesOf(base: Fields, mine: Fields): Write {
    const changes: Write['changes'] = new Map()
    for (const name of new Set([...base.keys(), ...mine.keys()])) {
      const [before, after] = [base.get(name), mine.get(name)]
      if (!sameJson(before, after)) changes.set(name, { base: before, mine: after })
    }
    return { writer: this.#writer, number: ++this.#writes, changes }
  }

  async #insert(id: string, write: Write, life: Lifetime, request: WriteRequest): Promise<void> {
    const { node, layout, seal } = this.#options
    const session = await this.#ask(() => node.create(id, { ...life, assumeNew: true }))
    applyWrite(session, write, layout, seal, false)
    await this.#commit(id, session, write, request)
  }

  async #update(id: string, found: Found, write: Write, request: WriteRequest, wasThere: boolean): Promise<void> {
    const { layout, seal } = this.#options
    const isRepaired = this.#mergeEarlier(id, found, write)
    const isChanged = applyWrite(found.session, write, layout, seal, wasThere)
    const life = request.outgrown(found.fields)
    if (life !== undefined) await this.#renew(id, found.session, write, life, request)
    else if (isChanged || isRepaired) await this.#commit(id, found.session, write, request)
  }

  /**
   * A session's idle time is fixed when it is made: one that shall live longer is made anew. Should its node stop in between, or have
   * no room, the session is gone, and its client logs in again.
   */
  async #renew(id: string, old: Session, write: Write, life: Lifetime, request: WriteRequest): Promise<void> {
    const { node, seal } = this.#options
    const portions = old.portions.map((name) => [name, old.get(name)] as const)
    await old.drop()
    const session = await this.#ask(() => node.create(id, { ...life, assumeNew: true }))
    for (const [name, value] of portions) if (value !== undefined) session.set(name, value, { seal })
    await this.#commit(id, session, write, request)
  }

  async #commit(id: string, session: Session, write: Write, request: WriteRequest): Promise<void> {
    this.#journal.add(id, write, request.isMine)
    this.#lookAgain(id)
    // A large value is not written at all when its time is over before it arrived: it gets the time that it needs.
    const isLarge = [...write.changes.values()].some(({ mine }) => bytesOf(mine) > LARGE_BYTES)
    const isConfirmed = await this.#confirmed((options) =>
      session.commit(isLarge ? { copies: options.copies } : options),
    )
    if (isLarge && !isConfirmed && !this.#isWritten(id, write))
      throw unavailable('written', 'no other server took its large values')
  }

  #isWritten(id: string, write: Write): boolean {
    const { node, layout, seal } = this.#options
    const session = node.local(id)
    return (
      session === undefined || !applyWrite(session, { ...write, changes: new Map(write.changes) }, layout, seal, true)
    )
  }

  /** Somebody else wrote a document of ours, perhaps in the place of what was written here. */
  #onRival(id: string): void {
    if (!id.startsWith(this.#options.prefix) || !this.#journal.has(id)) return
    // Nobody waits for it; what fails now is tried again when the next rival is heard of.
    void this.#exclusively(id, () => this.#repair(id)).catch(() => {})
  }

  /**
   * Look whether a write is still there when all that was under way with it has arrived. A node that holds the document hears of
   * rivals at once; one that does not, and one whose document was made twice at the same moment, may never.
   */
  #lookAgain(id: string): void {
    if (this.#looks.has(id) || this.#options.node.aliveMembers().length === 1) return
    const look = (): void => {
      this.#looks.delete(id)
      this.#onRival(id)
    }
    this.#looks.add(id)
    setTimeout(look, LOOK_AGAIN_MS).unref()
  }

  async #repair(id: string): Promise<void> {
    for (let tries = 1; tries <= WRITE_TRIES_MAX; tries++) {
      const found = await this.#current(id)
      if (found === undefined) return
      if (!this.#mergeEarlier(id, found)) return
      this.#lookAgain(id)
      try {
        await this.#confirmed((options) => found.session.commit(options))
        return
      } catch (error) {
        if (!RIVALLED.has(codeOf(error))) throw error
      }
    }
  }

  /** Merge what this node wrote before and another's write took the place of. @returns whether there was any. */
  #mergeEarlier(id: string, { session, fields }: Found, but?: Write): boolean {
    const { layout, seal } = this.#options
    const earlier = this.#journal.writesOf(id, fields).filter((write) => write !== but)
    return earlier.filter((write) => applyWrite(session, write, layout, seal, true)).length > 0
  }

  /**
   * What the cluster has, as this node has it now: between the end of asking and now it may have been written. The way from
   * here to the commit has no pause, so that nothing comes between.
   */
  async #current(id: string): Promise<Found | undefined> {
    const found = await this.read(id)
    return found === undefined ? undefined : (this.#here(id) ?? found)
  }

  #here(id: string): Found | undefined {
    const session = this.#options.node.local(id)
    return session === undefined ? undefined : { session, fields: readFields(session) }
  }

  /**
   * Write with as many copies as wanted. What was queued and not confirmed in time is done, unless strict.
   * @returns whether it was confirmed.
   */
  async #confirmed(write: (options: { copies: number; deadlineMs: number }) => Promise<unknown>): Promise<boolean> {
    const { copies, confirmDeadlineMs, isStrict } = this.#options
    try {
      await this.#ask(() => write({ copies, deadlineMs: confirmDeadlineMs }))
      return true
    } catch (error) {
      if (isStrict || !UNCONFIRMED.has(codeOf(error))) throw error
      return false
    }
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (cause) {
      if (codeOf(cause) !== 'STOPPED') throw cause
      throw new StoreUnavailableError('this server is stopping; another one has the session', { cause })
    }
  }

  #exclusively<T>(id: string, work: () => Promise<T>): Promise<T> {
    const result = this.settled(id).then(work)
    const tail = result.then(nothing, nothing).then(() => {
      if (this.#tails.get(id) === tail) this.#tails.delete(id)
    })
    this.#tails.set(id, tail)
    return result
  }
}

function bytesOf(value: JsonValue | undefined): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))
}

function unavailable(verb: string, why: string): StoreUnavailableError {
  return new StoreUnavailableError(`the session cannot be ${verb} now: ${why}; try again`)
}

function nothing(): void {}

const NO_FIELDS: Fields = new Map()
/** The write lost to somebody else's, or the document to another life, or this node's memory of both: look again. */
const RIVALLED: ReadonlySet<unknown> = new Set(['SUPERSEDED', 'DROPPED', 'EXPIRED', 'ALREADY_EXISTS', 'EVICTED'])
/** Of these, those after which the write may be in the document. */
const MAYBE_WRITTEN: ReadonlySet<unknown> = new Set(['SUPERSEDED', 'EVICTED'])
/** It is queued, and may well have arrived. */
const UNCONFIRMED: ReadonlySet<unknown> = new Set(['NOT_ENOUGH_HOLDERS', 'TIMEOUT'])
