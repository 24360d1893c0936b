/**
 * `/sessions/ID`: look at a session, resume, change, touch and drop it.
 *
 * ```
 *  GET     /sessions/ID           the copy that is nearest; this node does not become its primary
 *  POST    /sessions/ID/resume    as a client's server would
 *  PUT     /sessions/ID           set and remove portions, or create
 *  POST    /sessions/ID/touch
 *  DELETE  /sessions/ID
 * ```
 *
 * Values are told only with `?reveal=1`. Every use is logged with the session's fingerprint.
 */
import type { ResumedSession, ResumeOptions, SessionIdInput } from '@reprise/core'
import { UsageError } from '@reprise/core'
import type { Logger } from '@reprise/node'
import type { AdminNode } from '../admin-node.ts'
import { DEADLINE_MS_MAX } from '../constants.ts'
import { RequestError } from '../errors.ts'
import { fingerprint } from '../fingerprint.ts'
import type { Exchange } from '../http/exchange.ts'
import { Fields } from '../http/fields.ts'
import type { Parameters, Route } from '../http/router.ts'
import { describeSession, parseId, parseValue } from './session-document.ts'

export interface SessionRoutesInit {
  readonly node: Pick<AdminNode, 'create' | 'resume'>
  readonly logger: Logger | undefined
}

/** What is done with the session of a request. */
type Action = (node: SessionRoutesInit['node'], id: SessionIdInput, exchange: Exchange) => Promise<void>

export function sessionRoutes({ node, logger }: SessionRoutesInit): Route[] {
  const route = (method: Route['method'], path: string, action: Action): Route => {
    const answer = async (exchange: Exchange, parameters: Parameters): Promise<void> => {
      const id = parseId(parameters.get('id') ?? '')
      logger?.info(`admin: ${action.name} a session`, { session: fingerprint(id) })
      await action(node, id, exchange)
    }
    return { method, path, access: 'control', answer }
  }
  return [
    route('GET', '/sessions/:id', look),
    route('POST', '/sessions/:id/resume', resume),
    route('PUT', '/sessions/:id', change),
    route('POST', '/sessions/:id/touch', touch),
    route('DELETE', '/sessions/:id', drop),
  ]
}

async function look(node: Pick<AdminNode, 'resume'>, id: SessionIdInput, exchange: Exchange): Promise<void> {
  const names = exchange.query.getAll('portions').flatMap((list) => list.split(','))
  const deadlineMs = exchange.number('deadlineMs', { min: 0, max: DEADLINE_MS_MAX, fallback: 1_000 })
  const portions = names.length > 0 ? names : undefined
  const wait = { deadlineMs, signal: exchange.signal }
  const session = await find(node, id, { ...(portions && { portions }), consistency: 'any', ...wait })
  exchange.sendJson(200, describe(session, portions, exchange))
}

async function resume(node: Pick<AdminNode, 'resume'>, id: SessionIdInput, exchange: Exchange): Promise<void> {
  const fields = new Fields(await exchange.body(), ['portions', 'minVersion', 'consistency', 'deadlineMs'])
  const portions = fields.texts('portions')
  const minVersion = fields.text('minVersion')
  const consistency = fields.text('consistency') ?? 'latest'
  if (consistency !== 'latest' && consistency !== 'any') throw new UsageError("consistency is 'latest' or 'any'")
  const session = await find(node, id, {
    ...(portions && { portions }),
    ...(minVersion !== undefined && { minVersion }),
    consistency,
    ...waitOf(fields, exchange),
  })
  exchange.sendJson(200, describe(session, portions, exchange))
}

async function change(node: SessionRoutesInit['node'], id: SessionIdInput, exchange: Exchange): Promise<void> {
  const known = ['portions', 'create', 'idleMs', 'absoluteMs', 'seal', 'copies', 'deadlineMs']
  const fields = new Fields(await exchange.body(), known)
  const isNew = fields.boolean('create')
  const given = Object.entries(fields.object('portions') ?? {})
  const values = given.map(([name, value]) => ({ name, value: parseValue(name, value) }))
  const wait = waitOf(fields, exchange)
  const lifetime = lifetimeOf(fields)
  if (!isNew && Object.keys(lifetime).length > 0) throw new UsageError('idleMs and absoluteMs are given with create')

  const found = isNew ? undefined : await find(node, id, { ...wait, portions: values.map(({ name }) => name) })
  const session = found ?? (await node.create(id, { ...lifetime, ...wait }))
  for (const { name, value } of values) {
    if (value === undefined) session.delete(name)
    else session.set(name, value, { seal: fields.boolean('seal') })
  }
  await session.commit({ ...wait, ...copiesOf(fields) })
  const { outcome, missing, origin } = found ?? CREATED
  exchange.sendJson(
    isNew ? 201 : 200,
    describeSession(session, { outcome, missing, origin, asked: undefined, reveal: isRevealed(exchange) }),
  )
}

async function touch(node: Pick<AdminNode, 'resume'>, id: SessionIdInput, exchange: Exchange): Promise<void> {
  const fields = new Fields(await exchange.body(), ['deadlineMs'])
  const session = await find(node, id, { ...waitOf(fields, exchange), portions: [], consistency: 'any' })
  session.touch()
  exchange.sendJson(200, { schemaVersion: 1, outcome: 'touched' })
}

async function drop(node: Pick<AdminNode, 'resume'>, id: SessionIdInput, exchange: Exchange): Promise<void> {
  const fields = new Fields(await exchange.body(), ['copies', 'deadlineMs'])
  const wait = waitOf(fields, exchange)
  const session = await find(node, id, { ...wait, portions: [] })
  await session.drop({ ...wait, ...copiesOf(fields) })
  exchange.sendJson(200, { schemaVersion: 1, outcome: 'dropped' })
}

/** @throws RequestError when there is no such session, or nobody could say. */
async function find(
  node: Pick<AdminNode, 'resume'>,
  id: SessionIdInput,
  options: ResumeOptions,
): Promise<ResumedSession> {
  const found = await node.resume(id, options)
  if (found.outcome === 'complete' || found.outcome === 'partial') return found
  if (found.outcome === 'absent') {
    throw new RequestError(404, 'ABSENT', `there is no such session: ${ABSENCE[found.reason]}`, 'create it')
  }
  throw new RequestError(503, 'UNKNOWN', 'nobody could say whether there is such a session', 'try again, or see /check')
}

function describe(session: ResumedSession, asked: readonly string[] | undefined, exchange: Exchange): object {
  const { outcome, missing, origin } = session
  return describeSession(session, { outcome, missing, origin, asked, reveal: isRevealed(exchange) })
}

function isRevealed({ query }: Exchange): boolean {
  return query.get('reveal') === '1'
}

function waitOf(fields: Fields, { signal }: Exchange): { readonly deadlineMs?: number; readonly signal: AbortSignal } {
  const deadlineMs = fields.number('deadlineMs')
  if (deadlineMs === undefined) return { signal }
  if (deadlineMs < 0 || deadlineMs > DEADLINE_MS_MAX) throw new UsageError(`deadlineMs is 0 to ${DEADLINE_MS_MAX}`)
  return { signal, deadlineMs }
}

function copiesOf(fields: Fields): { readonly copies?: number } {
  const copies = fields.number('copies')
  return copies === undefined ? {} : { copies }
}

function lifetimeOf(fields: Fields): { readonly idleMs?: number; readonly absoluteMs?: number } {
  const idleMs = fields.number('idleMs')
  const absoluteMs = fields.number('absoluteMs')
  return { ...(idleMs !== undefined && { idleMs }), ...(absoluteMs !== undefined && { absoluteMs }) }
}

const ABSENCE = {
  dropped: 'it was dropped',
  expired: 'it reached its deadline',
  'not-found': 'nobody heard of it',
} as const

const CREATED = { outcome: 'complete', missing: [], origin: { kind: 'local', peers: [], silent: [] } } as const
