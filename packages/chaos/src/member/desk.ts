/**
 * The application of a member under test: it does to sessions what clients ask, through the public API and nothing else.
 *
 * Each item of a cart is a portion of its own. Two servers that write to a session at the same time, which neither can know of, then both
 * keep what they were given; one portion for the whole cart would be a race that an application has to settle.
 */
import type { ResumedSession, Session } from '@reprise/core'
import type { Node } from '@reprise/node'
import { RepriseError } from '@reprise/node'
import { CHECK_DEADLINE_MS, COMMIT_DEADLINE_MS, HANDLES_MAX, RESUME_DEADLINE_MS } from '../constants.ts'
import type { FinalCheck } from '../run-record.ts'
import type { Condition, Done, Refused, SessionAnswer, SessionCall } from './calls.ts'

/** What it needs of a node, which may be one of an earlier version that knows neither its state nor checks. */
export type DeskNode = Pick<Node, 'nodeId' | 'isReady' | 'create' | 'resume' | 'status'> &
  Partial<Pick<Node, 'state' | 'check'>>

export class SessionDesk {
  readonly #node: DeskNode
  readonly #handles = new Map<number, ResumedSession>()
  #nextHandle = 1

  constructor(node: DeskNode) {
    this.#node = node
  }

  /** Never rejects. */
  async call(call: SessionCall): Promise<SessionAnswer> {
    try {
      return await this.#do(call)
    } catch (error) {
      return refusal(call, error)
    }
  }

  condition(): Condition {
    const { members, table } = this.#node.status()
    const { state = this.#node.isReady ? 'ready' : 'catching-up' } = this.#node
    const others = members.filter(({ nodeId }) => nodeId !== this.#node.nodeId)
    return {
      state: state === 'stopped' ? 'draining' : state,
      lagFrames: Math.max(0, ...others.map(({ lagFrames = 0 }) => lagFrames)),
      reachable: others.filter(({ connected, state: known }) => connected && REACHED.has(known)).length,
      sessions: table.records - table.tombstones,
    }
  }

  /** Undefined: it cannot. */
  async check(): Promise<FinalCheck | undefined> {
    const report = await this.#node.check?.({ deadlineMs: CHECK_DEADLINE_MS })
    if (report === undefined) return undefined
    const { verdict, reasons, shards } = report
    const differing = shards.reduce((sum, { divergent, behind }) => sum + divergent.length + behind, 0)
    const short = shards.filter(({ readyHolders, wanted }) => readyHolders.length < wanted).length
    return { verdict, reasons, differing, short }
  }

  async #do(call: SessionCall): Promise<SessionAnswer> {
    switch (call.kind) {
      case 'create':
        return await this.#create(call)
      case 'resume':
        return await this.#resume(call)
      case 'commit':
        return await this.#commit(call)
      case 'touch':
        this.#take(call.handle).touch()
        return { isDone: true }
      case 'drop':
        await this.#take(call.handle).drop({ copies: call.copies, deadlineMs: COMMIT_DEADLINE_MS })
        return { isDone: true }
    }
  }

  async #create(call: SessionCall & { kind: 'create' }): Promise<Done> {
    const { session: id, idleMs, absoluteMs } = call
    const session = await this.#node.create(id, { assumeNew: true, idleMs, absoluteMs })
    return await put(session, call)
  }

  async #resume({ session: id, token }: SessionCall & { kind: 'resume' }): Promise<Done> {
    const deadlineMs = RESUME_DEADLINE_MS
    const found = await this.#node.resume(id, { deadlineMs, ...(token !== undefined && { minVersion: token }) })
    if (found.outcome !== 'complete' && found.outcome !== 'partial') return { isDone: true, found: found.outcome }
    const handle = this.#nextHandle++
    this.#handles.set(handle, found)
    this.#forgetOldest()
    return { isDone: true, found: found.outcome, items: itemsOf(found), handle }
  }

  async #commit(call: SessionCall & { kind: 'commit' }): Promise<Done> {
    return await put(this.#take(call.handle), call)
  }

  #take(handle: number): Session {
    const session = this.#handles.get(handle)
    if (session === undefined) throw new RepriseError('FORGOTTEN', 'this request is from an earlier life of the member')
    this.#handles.delete(handle)
    return session
  }

  /** A client that only looked does not say that it is done. */
  #forgetOldest(): void {
    if (this.#handles.size <= HANDLES_MAX) return
    for (const oldest of this.#handles.keys()) {
      this.#handles.delete(oldest)
      return
    }
  }
}

type Put = Pick<SessionCall & { readonly kind: 'commit' }, 'item' | 'itemBytes' | 'copies'>

async function put(session: Session, { item, itemBytes, copies }: Put): Promise<Done> {
  session.set(`${ITEM_PREFIX}${item}`, { item, filler: 'x'.repeat(itemBytes) })
  const token = await session.commit({ copies, deadlineMs: COMMIT_DEADLINE_MS })
  return { isDone: true, token, items: itemsOf(session) }
}

/** From the values, since they are what a cart is made of. */
function itemsOf(session: Session): string[] {
  return session.portions
    .filter((name) => name.startsWith(ITEM_PREFIX))
    .map((name) => {
      const value = session.get(name)
      const isItem = typeof value === 'object' && value !== null && 'item' in value
      return isItem ? String(value['item']) : `${name} without a value`
    })
}

function refusal(call: SessionCall, error: unknown): Refused {
  // By what it says and not by its class: a member of an earlier version has classes of its own.
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'ERROR'
  const text = error instanceof Error ? error.message : String(error)
  // A commit or drop that cannot be confirmed is queued all the same, and one that a stop cuts short may be on its way.
  const isCertain = call.kind === 'resume' || CERTAIN.has(code)
  return { isDone: false, isCertain, error: `${code}: ${text}` }
}

const ITEM_PREFIX = 'item-'
const REACHED: ReadonlySet<string> = new Set(['alive', 'suspect', 'leaving'])
/** Errors after which nothing was written. */
const CERTAIN: ReadonlySet<string> = new Set([
  'USAGE',
  'LIMIT',
  'ALREADY_EXISTS',
  'DROPPED',
  'EXPIRED',
  'UNAVAILABLE',
  'FORGOTTEN',
])
