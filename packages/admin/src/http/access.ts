/**
 * Who may ask what.
 *
 * ```
 *                      loopback             elsewhere
 *  probe               everybody            everybody      /livez, /readyz, and the files of the page, which hold no data
 *  read                everybody            token          no id and no value of a session
 *  control             token                token          sessions, controls
 * ```
 *
 * A web page from elsewhere must not read this server through a name that it lets point to 127.0.0.1 (DNS rebinding), so the Host
 * header must name this machine. It must not change anything through the browser of somebody who may (CSRF): what changes
 * something needs a header that no page can send to another origin without being asked, and nobody is given permission.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { RequestError } from '../errors.ts'
import { isLoopback } from '../options.ts'

export type Access = 'probe' | 'read' | 'control'

export class AccessRules {
  readonly #host: string
  readonly #isLoopback: boolean
  readonly #token: Uint8Array | undefined

  constructor(host: string, token: string | undefined) {
    this.#host = host.toLowerCase()
    this.#isLoopback = isLoopback(host)
    this.#token = token === undefined ? undefined : digest(token)
  }

  /** @throws RequestError unless the request names this server. */
  assertHost({ headers }: IncomingMessage): void {
    // Bound to every address it has any name; what may be read there needs the token, which no page from elsewhere has.
    if (this.#host === '0.0.0.0' || this.#host === '::') return
    const name = hostName(headers.host)
    if (name !== undefined && (isLoopback(name) || name === this.#host)) return
    throw new RequestError(421, 'MISDIRECTED', 'this server is not known by that name', 'ask it as 127.0.0.1')
  }

  /** @throws RequestError unless whoever asks may. */
  assertMay({ headers, method }: IncomingMessage, access: Access): void {
    const isOpen = access === 'probe' || (access === 'read' && this.#isLoopback)
    if (!isOpen) this.#assertToken(headers.authorization)
    if (method === 'GET' || method === 'HEAD' || headers['x-reprise-admin'] === '1') return
    throw new RequestError(403, 'CSRF', 'a request that changes something must say that it means it', CSRF_NEXT)
  }

  #assertToken(authorization: string | undefined): void {
    if (this.#token === undefined) throw new RequestError(403, 'FORBIDDEN', 'this server has no token', NO_TOKEN_NEXT)
    const shown = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    // Digests are of one length, and comparing them tells nothing of the token.
    if (shown !== undefined && timingSafeEqual(digest(shown), this.#token)) return
    const message = shown === undefined ? 'this needs the token' : 'this is not the token'
    throw new RequestError(401, 'UNAUTHORIZED', message, 'send authorization: Bearer TOKEN')
  }
}

/** The name in a Host header, without brackets and port. */
function hostName(header: string | undefined): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d+)?$/i.exec(header ?? '') ?? []
  return (bracketed ?? plain)?.toLowerCase()
}

function digest(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}

const CSRF_NEXT = 'send x-reprise-admin: 1'
const NO_TOKEN_NEXT = 'start it with a token, then send authorization: Bearer TOKEN'
