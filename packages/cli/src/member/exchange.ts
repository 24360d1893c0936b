/** One request and its response, with what every route needs to know and to say. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SessionOrigin } from '@reprise/tls'
import { BODY_BYTES_MAX } from './constants.ts'
import type { WebSession, WebSessions } from './web-session.ts'

/** Who serves, and how the client's TLS session came here: on the page, and in the headers of every response. */
export interface Facts {
  readonly node: string
  readonly pid: number
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly tls: string
  readonly resumed: boolean
  /** `local`, `peers:<names>` or `new`. */
  readonly origin: string
  /** How long the session was looked for, in milliseconds; undefined when it was not. */
  readonly lookupMs: number | undefined
}

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly facts: Facts
  readonly sessions: WebSessions
}

/** The facts for people: names of members instead of their ids. */
export function factsOf(
  origin: SessionOrigin | undefined,
  { node, tls, nameOf }: { node: string; tls: string | null; nameOf: (peerId: string) => string },
): Facts {
  const { reused = false, kind = 'new', peers = [], lookupMs } = origin ?? {}
  const from = kind === 'peers' ? `peers:${peers.map(nameOf).join(',')}` : kind
  return { node, pid: process.pid, tls: tls ?? 'unknown', resumed: reused, origin: reused ? from : 'new', lookupMs }
}

export function factsHeaders({ node, tls, resumed, origin }: Facts): Record<string, string> {
  return {
    'x-reprise-node': node,
    'x-reprise-tls': tls,
    'x-reprise-resumed': resumed ? 'yes' : 'no',
    'x-reprise-origin': origin,
  }
}

/** Whether the client asks for that type by name. */
export function accepts({ request }: Exchange, type: string): boolean {
  return request.headers.accept?.includes(type) ?? false
}

export function sendJson({ response }: Exchange, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(body)}\n`)
}

export function sendProblem(exchange: Exchange, status: number, error: string): void {
  // What was sent of a body that nobody reads would be taken for the next request.
  exchange.response.setHeader('connection', 'close')
  sendJson(exchange, status, { error })
}

/** Nobody could say whether the session lives. */
export function sendUnknown(exchange: Exchange): void {
  exchange.response.setHeader('retry-after', '1')
  sendProblem(exchange, 503, 'the session could not be looked up right now; it is not lost, try again')
}

/** Tell the client its session id, if it is new. */
export function setCookie({ response }: Exchange, { setCookie: cookie }: WebSession): void {
  if (cookie !== undefined) response.setHeader('set-cookie', cookie)
}

/** A small body as text; undefined when it is larger than it may be. It is read to its end in any case, to be answered. */
export async function readBody({ request }: Exchange): Promise<string | undefined> {
  let text = ''
  let isTooLong = false
  request.setEncoding('utf8')
  for await (const chunk of request) {
    isTooLong ||= text.length + chunk.length > BODY_BYTES_MAX
    if (!isTooLong) text += chunk
  }
  return isTooLong ? undefined : text
}
