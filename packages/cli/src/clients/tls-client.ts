/**
 * A real TLS client: one fresh connection per visit, one version, the session of an earlier visit offered if there is one.
 *
 * It trusts the one certificate that it is given, and keeps nothing but what the visit returns.
 */
import { constants } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import { CommandError, ExitCode } from '../failure.ts'
import { BODY_BYTES_MAX, VISIT_DEADLINE_MS } from './constants.ts'

/** A server to visit. */
export interface Target {
  readonly name: string
  readonly port: number
}

/** Which client. `'TLS 1.2'` offers tickets, which these servers do not give: they answer with a session id. */
export type ClientKind = 'TLS 1.2' | 'TLS 1.2, no tickets' | 'TLS 1.3'

export interface ConnectOptions {
  readonly target: Target
  readonly kind: ClientKind
  /** What the client trusts. */
  readonly certificatePem: string
  /** The session of an earlier visit. */
  readonly session?: Buffer | undefined
  readonly signal: AbortSignal
}

/** A connection whose handshake is done. */
export interface Connection extends Disposable {
  readonly socket: TLSSocket
  /** The server took the session that was offered. */
  readonly reused: boolean
  /** From opening the connection to the end of the handshake, as the client sees it. */
  readonly handshakeMs: number
  /** The newest session so far. TLS 1.3 brings it after the handshake: ask when a response was read. */
  session(): Buffer | undefined
}

export interface Request {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string | number>
  /** Sent as it is. */
  readonly body?: string | Readable
}

/** A whole visit: connect, ask, read, close. */
export interface Visit {
  readonly node: string
  /** What the client saw. */
  readonly reused: boolean
  /** What the server said: `local`, `peers:<names>` or `new`. */
  readonly origin: string
  readonly version: string
  readonly handshakeMs: number
  readonly session: Buffer | undefined
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/**
 * Connect. The caller disposes the connection.
 * @throws CommandError when the server cannot be reached or the handshake fails; the signal's reason.
 */
export async function connect({ target, kind, certificatePem, session, signal }: ConnectOptions): Promise<Connection> {
  signal.throwIfAborted()
  const version = kind === 'TLS 1.3' ? 'TLSv1.3' : 'TLSv1.2'
  const startedMs = performance.now()
  const socket = tlsConnect({
    host: '127.0.0.1',
    port: target.port,
    servername: 'localhost',
    ca: certificatePem,
    minVersion: version,
    maxVersion: version,
    secureOptions: kind === 'TLS 1.2, no tickets' ? constants.SSL_OP_NO_TICKET : 0,
    ...(session !== undefined && { session }),
  })
  let newest: Buffer | undefined
  socket.on('session', (fresh) => {
    newest = fresh
  })
  const { promise: secured, resolve, reject } = Promise.withResolvers<void>()
  socket.once('secureConnect', resolve)
  // Stays for the connection's life: what breaks later is seen by who reads.
  socket.on('error', reject)
  socket.once('close', () => reject(new Error('the connection was closed')))
  const onAbort = (): void => void socket.destroy(new Error('no answer in time'))
  signal.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(onAbort, VISIT_DEADLINE_MS)
  try {
    await secured
  } catch (cause) {
    socket.destroy()
    signal.throwIfAborted()
    throw unreachable(target, cause)
  } finally {
    clearTimeout(timer)
  }
  return {
    socket,
    reused: socket.isSessionReused(),
    handshakeMs: performance.now() - startedMs,
    session: () => newest,
    [Symbol.dispose]: () => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
    },
  }
}

/**
 * Send a request over a connection. Resolves with the response, whose body the caller reads.
 * @throws whatever breaks the connection.
 */
export function ask(
  { socket }: Connection,
  { method = 'GET', path = '/', headers, body }: Request,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      method,
      path,
      headers: { host: 'localhost', connection: 'close', ...headers },
      createConnection: () => socket,
    })
    request.once('response', (response) => {
      // A reader meets the error where it reads; nobody else has to.
      response.on('error', () => {})
      resolve(response)
    })
    request.on('error', reject)
    if (body === undefined || typeof body === 'string') request.end(body)
    else body.pipe(request)
  })
}

/**
 * Visit a server once.
 * @throws CommandError when it cannot be reached, breaks off, or does not answer in time; the signal's reason.
 */
export async function visit(options: ConnectOptions, request: Request = {}): Promise<Visit> {
  const { target, signal } = options
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(VISIT_DEADLINE_MS)])
  try {
    using connection = await connect({ ...options, signal: deadline })
    const response = await ask(connection, request)
    const body = await readText(response)
    const { headers, statusCode: status = 0 } = response
    return {
      node: header(headers, 'x-reprise-node'),
      reused: connection.reused,
      origin: header(headers, 'x-reprise-origin'),
      version: header(headers, 'x-reprise-tls'),
      handshakeMs: connection.handshakeMs,
      session: connection.session(),
      status,
      headers,
      body,
    }
  } catch (cause) {
    signal.throwIfAborted()
    throw cause instanceof CommandError ? cause : unreachable(target, cause)
  }
}

/** One header as text, empty when it is not there. */
export function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

/** The session cookie that a response sets, as it is sent back. */
export function cookieOf(headers: IncomingHttpHeaders): string | undefined {
  return headers['set-cookie']?.[0]?.split(';', 1)[0]
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    text += chunk
    if (text.length > BODY_BYTES_MAX) throw new Error(`a response of more than ${BODY_BYTES_MAX} bytes`)
  }
  return text
}

function unreachable({ name, port }: Target, cause: unknown): CommandError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const what = `${name} did not serve at 127.0.0.1:${port}`
  return new CommandError({ what, why, exitCode: ExitCode.unreachable }, { cause })
}
