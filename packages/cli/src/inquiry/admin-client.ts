/**
 * Asking a node over its admin HTTP API, one request at a time.
 *
 * Two kinds of failure: `NoAnswerError` when the node could not be reached or was silent, and then another node may be
 * asked; and `CommandError` when it answered that it will not or cannot.
 */
import { request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { isRecord } from '../config/config-file.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { formatMs } from '../units.ts'
import { PROBE_MS_MAX } from './constants.ts'

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
  const { status, text: answer } = await exchange(endpoint, request)
  const body = parse(answer)
  if (status >= 400) throw refusal(endpoint, status, body)
  if (body === undefined) throw foreign(endpoint)
  return body
}

/** The status of an answer alone, as `/readyz` has it. @throws NoAnswerError */
export async function askStatus(endpoint: Endpoint, path: string, patienceMs: number): Promise<number> {
  const { status } = await exchange(endpoint, { path, patienceMs })
  return status
}

/** The address of the page that a node shows, if it has one. Never rejects: a page is a nicety. */
export async function findPage(url: string): Promise<string | undefined> {
  const answer = await exchange({ name: url, url }, { path: '/', patienceMs: PROBE_MS_MAX }).catch(() => undefined)
  return answer?.status === 200 && /^\s*<!doctype html/i.test(answer.text) ? `${url}/` : undefined
}

/** Over `node:http`: `fetch` refuses some ports, as browsers do. */
function exchange(
  endpoint: Endpoint,
  { path, method = 'GET', body, token, patienceMs }: AdminRequest,
): Promise<{ readonly status: number; readonly text: string }> {
  const content = body === undefined ? undefined : JSON.stringify(body)
  const headers: Record<string, string | number> = {}
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  // A web page cannot send it without being asked first.
  if (method !== 'GET') headers['x-reprise-admin'] = '1'
  if (content !== undefined) {
    headers['content-type'] = 'application/json'
    headers['content-length'] = Buffer.byteLength(content)
  }
  const signal = AbortSignal.timeout(patienceMs)
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      const why = signal.aborted ? `silent for ${formatMs(patienceMs)}` : reasonOf(error)
      reject(new NoAnswerError(endpoint, why, signal.aborted, { cause: error }))
    }
    const request = httpRequest(`${endpoint.url}${path}`, { method, headers, signal, agent: false }, (response) => {
      const status = response.statusCode ?? 0
      text(response).then((answer) => resolve({ status, text: answer }), fail)
    })
    request.on('error', fail)
    request.end(content)
  })
}

function reasonOf(error: Error): string {
  const code = 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED') return 'nothing listens there'
  return code === 'ECONNRESET' ? 'it closed the connection' : error.message
}

function parse(answer: string): JsonObject | undefined {
  try {
    const body: unknown = JSON.parse(answer)
    return isRecord(body) ? body : undefined
  } catch {
    return undefined
  }
}

/** What the node said, as an error for people with the exit code for scripts. */
function refusal({ name }: Endpoint, status: number, body: JsonObject | undefined): CommandError {
  const error = body?.['error']
  const { code, message, next } = isRecord(error) ? error : {}
  return new CommandError({
    what: typeof message === 'string' ? message : `${name} answered with HTTP status ${status}`,
    next: typeof next === 'string' && next !== '' ? next : undefined,
    exitCode: EXIT_CODES.get(status) ?? ExitCode.failure,
    code: typeof code === 'string' ? code : undefined,
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
