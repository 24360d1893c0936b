/**
 * What a client does with one request: it goes to the node it is sent to, and on to the next one when that does not do, until it has what it
 * wanted or nobody would wait any longer. Every attempt is written down.
 */
import type { ClusterUnderTest } from '../backends/backend.ts'
import { LIFETIME_MS, PATIENCE_MS } from '../constants.ts'
import type { Done, SessionAnswer, SessionCall } from '../member/calls.ts'
import type { OperationDetail, OperationKind } from '../run-record.ts'
import type { Activity } from '../scenario.ts'
import type { Balancer } from './balancer.ts'
import type { History } from './history.ts'
import type { ClientSession } from './sessions.ts'
import type { Time } from './time.ts'
import { untilServed } from './until-served.ts'

export interface ClientInit {
  readonly cluster: Pick<ClusterUnderTest, 'ask'>
  readonly balancer: Balancer
  readonly history: History
  readonly time: Time
  readonly confirm: number
  readonly itemBytes: number
}

/** How a request left a session. `absent`: somebody said that it does not exist. `unserved`: nobody could do it in time. */
export type RequestEnd = 'served' | 'dropped' | 'absent' | 'unserved'

/** One thing that a client wants, and the number of it. */
export interface Request {
  readonly client: number
  readonly number: number
  readonly session: ClientSession
}

/** What an attempt at one node came to; undefined: try another. */
type AttemptEnd = RequestEnd | undefined

export class Clients {
  readonly #init: ClientInit

  constructor(init: ClientInit) {
    this.#init = init
  }

  /**
   * Make a session, with a first item in its cart. At each node that is tried it is another one: who has no session yet is given a new id.
   * @returns the one that was made, if one was.
   */
  async create(request: Omit<Request, 'session'>, make: () => ClientSession): Promise<ClientSession | undefined> {
    let created: ClientSession | undefined
    await this.#untilServed(async (node) => {
      const session = make()
      const { id, idleMs } = session
      const item = newItem(session)
      const { confirm: copies, itemBytes } = this.#init
      const call = { kind: 'create', session: id, item, itemBytes, copies, idleMs, absoluteMs: LIFETIME_MS } as const
      const done = await this.#use({ ...request, session }, node, call, { item, copies })
      if (done === undefined) return undefined
      created = session
      return remember(session, done)
    })
    return created
  }

  /** Resume the session, and do something to it. */
  serve(request: Request, activity: Activity): Promise<RequestEnd> {
    const item = activity === 'cart' ? newItem(request.session) : ''
    return this.#untilServed((node) => this.#visit(request, node, activity, item))
  }

  /** Look once whether the session is there. */
  async look(request: Request, node: number, kind: 'resume' | 'final-read' = 'resume'): Promise<Done | undefined> {
    return await this.#resume(request, node, kind)
  }

  async #visit(request: Request, node: number, activity: Activity, item: string): Promise<AttemptEnd> {
    const found = await this.#resume(request, node, 'resume')
    if (found === undefined) return undefined
    const { handle } = found
    if (found.found === 'absent' || handle === undefined) return 'absent'
    const { session } = request
    switch (activity) {
      case 'read':
        return 'served'
      case 'touch':
        return (await this.#use(request, node, { kind: 'touch', handle }, {})) === undefined ? undefined : 'served'
      case 'cart': {
        const { confirm: copies, itemBytes } = this.#init
        const call = { kind: 'commit', handle, item, itemBytes, copies } as const
        const done = await this.#use(request, node, call, { item, copies })
        return done === undefined ? undefined : remember(session, done)
      }
      case 'drop': {
        const copies = this.#init.confirm
        const done = await this.#ask(request, node, { kind: 'drop', handle, copies }, 'drop', { copies })
        return done === undefined ? undefined : 'dropped'
      }
    }
  }

  async #resume(request: Request, node: number, kind: 'resume' | 'final-read'): Promise<Done | undefined> {
    const { id, token, proven } = request.session
    return await this.#ask(request, node, { kind: 'resume', session: id, token }, kind, { expects: proven })
  }

  /** An operation that starts the session's idle time anew. */
  async #use(
    request: Request,
    node: number,
    call: SessionCall & { readonly kind: 'create' | 'commit' | 'touch' },
    detail: OperationDetail,
  ): Promise<Done | undefined> {
    const endsMs = this.#init.time.nowMs() + request.session.idleMs
    const done = await this.#ask(request, node, call, call.kind, { ...detail, endsMs })
    // A touch is told to others a little later: it may be lost with its node.
    if (done !== undefined && call.kind !== 'touch') request.session.endsMs = endsMs
    return done
  }

  /** Ask a node and write down what came of it. @returns undefined unless it did what it was asked. */
  async #ask(
    { client, number, session }: Request,
    node: number,
    call: SessionCall,
    kind: OperationKind,
    detail: OperationDetail,
  ): Promise<Done | undefined> {
    const { cluster, history, time } = this.#init
    const startMs = time.nowMs()
    const answer = await cluster.ask(node, call, PATIENCE_MS)
    const endMs = answer === undefined ? undefined : time.nowMs()
    const outcome = outcomeOf(answer)
    history.add({
      client,
      request: number,
      kind,
      session: session.number,
      node,
      startMs,
      endMs,
      outcome,
      detail: { ...detail, ...told(answer) },
    })
    return outcome === 'ok' && answer?.isDone === true ? answer : undefined
  }

  async #untilServed(attempt: (node: number) => Promise<AttemptEnd>): Promise<RequestEnd> {
    return (await untilServed(this.#init, attempt)) ?? 'unserved'
  }
}

function remember(session: ClientSession, { token, items = [] }: Done): 'served' {
  session.token = token
  session.proven = items
  return 'served'
}

function newItem(session: ClientSession): string {
  return `${session.number}.${session.itemsCount++}`
}

/** A resume that found out nothing, or not everything, is none. */
function outcomeOf(answer: SessionAnswer | undefined): 'ok' | 'failed' | 'unknown' {
  if (answer === undefined) return 'unknown'
  if (!answer.isDone) return answer.isCertain ? 'failed' : 'unknown'
  return answer.found === 'unknown' || answer.found === 'partial' ? 'failed' : 'ok'
}

function told(answer: SessionAnswer | undefined): OperationDetail {
  if (answer === undefined) return { error: 'SILENT: no answer' }
  if (!answer.isDone) return { error: answer.error }
  const { found, items } = answer
  return {
    ...(found !== undefined && { found }),
    ...(found !== undefined && items !== undefined && { items }),
    ...(found === 'unknown' && { error: 'UNKNOWN: nobody could say' }),
    ...(found === 'partial' && { error: 'PARTIAL: something could not be had' }),
  }
}
