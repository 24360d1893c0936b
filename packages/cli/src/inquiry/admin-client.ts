/**
 * Asking a node over its admin HTTP API, one request at a time.
 *
 * Two kinds of failure: `NoAnswerError` when the node could not be reached or was silent, and then another node may be
 * asked; and `CommandError` when it answered that it will not or cannot.
 */
import { isRecord } from '../config/config-file.ts'
import { CommandError, ExitCode } from '../failure.ts'

/** A node's admin server. */
export interface Endpoint {
  /** For people: the node's name, or the address when that is all that is known. */
  readonly name: string
  /** `http://HOST:PORT` */
  readonly url: string
}

export interface AdminRequest {
  readonly path: string
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly body?: object
  readonly token?: string | undefined
  /** Until then a node that has not answered counts as silent. */
  readonly patienceMs: number
}

export type JsonObject = Readonly<Record<string, unknown>>

/** Thrown when a node gives no answer. */
export class NoAnswerError extends Error {
  readonly endpoint: Endpoint
  readonly why: string
  readonly isTimeout: boolean

  constructor(endpoint: Endpoint, why: string, isTimeout: boolean, options?: ErrorOptions) {
    super(`${endpoint.name} does not answer: ${why}`, options)
    this.name = 'NoAnswerError'
    this.endpoint = endpoint
    this.why = why
    this.isTimeout = isTimeout
  }
}

/** @throws NoAnswerError, CommandError */
export async function ask(endpoint: Endpoint, request: AdminRequest): Promise<JsonObject> {
  const { status, text } = await exchange(endpoint, request)
  const body = parse(text)
  if (status >= 400) throw refusal(endpoint, status, body)
  if (body === undefined) throw foreign(endpoint)
  return body
}

/** The status of an answer alone, as `/readyz` has it. @throws NoAnswerError */
export async function askStatus(endpoint: Endpoint, path: string, patienceMs: number): Promise<number> {
  const { status } = await exchange(endpoint, { path, patienceMs })
  return status
}

async function exchange(
  endpoint: Endpoint,
  { path, method = 'GET', body, token, patienceMs }: AdminRequest,
): Promise<{ readonly status: number; readonly text: string }> {
  const headers: Record<string, string> = {}
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  // A web page cannot send it without being asked first.
  if (method !== 'GET') headers['x-reprise-admin'] = '1'
  if (body !== undefined) headers['content-type'] = 'application/json'
  try {
    const response = await fetch(`${endpoint.url}${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(patienceMs),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  } catch (error) {
    throw noAnswer(endpoint, error, patienceMs)
  }
}

function noAnswer(endpoint: Endpoint, error: unknown, patienceMs: number): NoAnswerError {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new NoAnswerError(endpoint, `silent for ${patienceMs} ms`, true, { cause: error })
  }
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
  const why = code === 'ECONNREFUSED' ? 'nothing listens there' : (code ?? String(error))
  return new NoAnswerError(endpoint, why, false, { cause: error })
}

function parse(text: string): JsonObject | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return isRecord(body) ? body : undefined
  } catch {
    return undefined
  }
}

/** What the node said, as an error for people with the exit code for scripts. */
function refusal({ name }: Endpoint, status: number, body: JsonObject | undefined): CommandError {
  const error = body?.['error']
  const { message, next } = isRecord(error) ? error : {}
  return new CommandError({
    what: typeof message === 'string' ? message : `${name} answered with HTTP status ${status}`,
    next: typeof next === 'string' && next !== '' ? next : undefined,
    exitCode: EXIT_CODES.get(status) ?? ExitCode.failure,
  })
}

function foreign({ url }: Endpoint): CommandError {
  return new CommandError({
    what: `${url} is not the admin server of a Reprise node`,
    why: 'its answer is no JSON object',
    next: 'use the address that reprise up or reprise node printed as admin',
    exitCode: ExitCode.failure,
  })
}

const EXIT_CODES: ReadonlyMap<number, ExitCode> = new Map([
  [400, ExitCode.usage],
  [503, ExitCode.unreachable],
  [504, ExitCode.timeout],
])
