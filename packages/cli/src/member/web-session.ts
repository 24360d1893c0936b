/**
 * A browser's session: a random id in a cookie, and the cluster's session behind it.
 *
 * The cluster knows only the hash of the cookie, so that nobody who reads a log or a status page of it can take over a
 * browser's session. An id that the cluster does not know is never taken over from the client: it gets a new one (session
 * fixation). When nobody can say whether the session lives, the client is asked to come back, and keeps its session.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { PortionCodec, Session, SessionSource } from '@reprise/core'
import { COMMIT_DEADLINE_MS, RESUME_DEADLINE_MS, SID_BYTES } from './constants.ts'

const COOKIE = 'sid'
const SID = /^[0-9a-f]{32}$/

/** One request's session. */
export interface WebSession {
  readonly sid: string
  readonly session: Session
  /** The `Set-Cookie` header to send: only for a new session. */
  readonly setCookie: string | undefined
}

/** Sessions of browsers on one node. */
export class WebSessions {
  readonly #source: SessionSource
  /** Per session, the request that is at work: two that change the same portion take turns. */
  readonly #turns = new Map<string, Promise<void>>()

  constructor(source: SessionSource) {
    this.#source = source
  }

  /** The session that the cookie names; undefined when there is none, `'unknown'` when nobody can say. */
  async find(cookies: string | undefined, portion: PortionCodec<unknown>): Promise<WebSession | undefined | 'unknown'> {
    const sid = readCookie(cookies)
    if (sid === undefined) return undefined
    const resumed = await this.#source.resume(keyOf(sid), { portions: [portion], deadlineMs: RESUME_DEADLINE_MS })
    if (resumed.outcome === 'absent') return undefined
    return resumed.outcome === 'complete' ? { sid, session: resumed, setCookie: undefined } : 'unknown'
  }

  /** As `find`, with a new session where there is none. It is published with its first commit. */
  async findOrCreate(cookies: string | undefined, portion: PortionCodec<unknown>): Promise<WebSession | 'unknown'> {
    const found = await this.find(cookies, portion)
    if (found !== undefined) return found
    const sid = randomBytes(SID_BYTES).toString('hex')
    const session = await this.#source.create(keyOf(sid), { assumeNew: true })
    return { sid, session, setCookie: `${COOKIE}=${sid}; Path=/; HttpOnly; Secure; SameSite=Lax` }
  }

  /** Publish, and wait for a copy: what is acknowledged after that survives this process. */
  async commit({ session }: WebSession): Promise<void> {
    const others = this.#source.aliveMembers().length - 1
    await session.commit({ copies: Math.min(1, others), deadlineMs: COMMIT_DEADLINE_MS })
  }

  /** Run the work when all earlier work of the same cookie on this node has ended. Without a cookie there is none. */
  async inTurn<Value>(cookies: string | undefined, work: () => Promise<Value>): Promise<Value> {
    const sid = readCookie(cookies)
    if (sid === undefined) return await work()
    const before = this.#turns.get(sid)
    const { promise: turn, resolve: done } = Promise.withResolvers<void>()
    this.#turns.set(sid, turn)
    try {
      await before
      return await work()
    } finally {
      done()
      if (this.#turns.get(sid) === turn) this.#turns.delete(sid)
    }
  }
}

/** The session id in the cookies, if there is a well-formed one. */
function readCookie(cookies: string | undefined): string | undefined {
  for (const pair of (cookies ?? '').split(';')) {
    const [name, value = ''] = pair.trim().split('=', 2)
    if (name === COOKIE && SID.test(value)) return value
  }
  return undefined
}

function keyOf(sid: string): string {
  return `web:${createHash('sha256').update(sid).digest('base64url')}`
}
