/**
 * The HTTP server: bounded in connections, requests, bytes and time, and the way of each request through it.
 *
 * ```
 *  host ──► route ──► access ──► room ──► answer
 *    421      404        401       503       │ an error on the way is the answer
 *             405        403                 ▼
 *                                     one JSON form
 * ```
 *
 * A path that is not there needs what reading needs: strangers do not learn what is.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Logger } from '@reprise/node'
import {
  CONNECTIONS_MAX,
  HEADER_BYTES_MAX,
  HEADERS_MS_MAX,
  KEEP_ALIVE_MS,
  REQUEST_MS_MAX,
  REQUESTS_AT_ONCE_MAX,
  SLOW_CHECK_MS,
} from '../constants.ts'
import { RequestError, toRequestError } from '../errors.ts'
import type { AccessRules } from './access.ts'
import { Exchange } from './exchange.ts'
import type { Match, Router } from './router.ts'

export interface HttpServerInit {
  readonly access: AccessRules
  readonly router: Router
  readonly logger: Logger | undefined
}

export class HttpServer {
  readonly #init: HttpServerInit
  readonly #server: Server
  #underWay = 0

  constructor(init: HttpServerInit) {
    this.#init = init
    this.#server = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: HEADERS_MS_MAX,
        requestTimeout: REQUEST_MS_MAX,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: SLOW_CHECK_MS,
      },
      (request, response) => void this.#serve(request, response),
    )
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  /** @returns the port. @throws the system's error, such as one of code `EADDRINUSE`. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error: NodeJS.ErrnoException) => this.#onTrouble(error))
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
  }

  /** Ends all connections. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    return closed
  }

  /** A connection could not be accepted. Without a listener that would end the process, with all its sessions. */
  #onTrouble({ name, code }: NodeJS.ErrnoException): void {
    this.#init.logger?.error('the admin server cannot accept a connection', { error: code ?? name })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('cache-control', 'no-store')
    response.setHeader('x-content-type-options', 'nosniff')
    const exchange = new Exchange(request, response)
    try {
      const { access } = this.#init
      access.assertHost(request)
      const { route, parameters } = this.#match(exchange)
      access.assertMay(request, route.access)
      if (route.access === 'probe') await route.answer(exchange, parameters)
      else await this.#answer(exchange, { route, parameters })
    } catch (error) {
      this.#fail(exchange, error)
    }
  }

  #match({ request, path }: Exchange): Match {
    try {
      return this.#init.router.match(request.method ?? '', path)
    } catch (error) {
      this.#init.access.assertMay(request, 'read')
      throw error
    }
  }

  async #answer(exchange: Exchange, { route, parameters }: Match): Promise<void> {
    if (this.#underWay >= REQUESTS_AT_ONCE_MAX) {
      throw new RequestError(503, 'BUSY', 'too many requests are under way', 'try again in a moment')
    }
    this.#underWay += 1
    try {
      await within(Promise.resolve(route.answer(exchange, parameters)), exchange.signal)
    } finally {
      this.#underWay -= 1
    }
  }

  #fail({ request, response }: Exchange, cause: unknown): void {
    // Who asked has left, and whatever waited for that was told.
    if (response.destroyed) return
    const error = toRequestError(cause)
    if (error.status === 500) this.#init.logger?.error('an admin request failed', placeOf(cause))
    if (error.status === 401) this.#init.logger?.warn('an admin request was refused', { code: error.code })
    if (response.headersSent) {
      response.destroy()
      return
    }
    // What is left of its body is not waited for.
    if (!request.complete) response.setHeader('connection', 'close')
    if (error.status === 401) response.setHeader('www-authenticate', 'Bearer realm="reprise"')
    response.writeHead(error.status, { 'content-type': 'application/json' })
    response.end(`${JSON.stringify(error)}\n`)
  }
}

/** Wait for something that may never end. @throws the signal's reason. */
async function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, over])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Where an error was thrown. Its text may hold an id or a value. */
function placeOf(error: unknown): object {
  if (!(error instanceof Error)) return { error: typeof error }
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
  return { error: error.name, at: frames.slice(0, FRAMES_LOGGED).map((frame) => frame.trim()) }
}

const FRAMES_LOGGED = 5
