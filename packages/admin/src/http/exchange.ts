/**
 * One request and its answer: what routes are given instead of Node's two streams.
 *
 * An answer is sent once and whole. What a route waits for is given `signal`, which aborts when nobody waits for the answer any
 * more: the client left, or the time of every answer is over.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { UsageError } from '@reprise/core'
import { ANSWER_MS_MAX } from '../constants.ts'
import type { Asset, JsonObject } from '../options.ts'
import { readBody } from './body.ts'

export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Still percent-encoded. */
  readonly path: string
  readonly query: URLSearchParams
  readonly #abort = new AbortController()
  #signal: AbortSignal | undefined

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request
    this.response = response
    const [path = '/', query] = (request.url ?? '/').split(/\?(.*)/s, 2)
    this.path = path
    this.query = new URLSearchParams(query)
    response.once('close', () => this.#abort.abort())
  }

  /** Made when it is first asked for: most answers wait for nothing. */
  get signal(): AbortSignal {
    this.#signal ??= AbortSignal.any([this.#abort.signal, AbortSignal.timeout(ANSWER_MS_MAX)])
    return this.#signal
  }

  /** The value of a query parameter that is a number within bounds. @throws UsageError */
  number(name: string, options: { readonly min: number; readonly max: number; readonly fallback: number }): number {
    const text = this.query.get(name)
    if (text === null) return options.fallback
    const value = Number(text)
    if (text !== '' && value >= options.min && value <= options.max) return value
    throw new UsageError(`${name} must be a number from ${options.min} to ${options.max}`)
  }

  /** The body as a JSON object; none is an empty one. @throws RequestError */
  body(): Promise<JsonObject> {
    return readBody(this.request, this.signal)
  }

  sendText(status: number, text: string, type = 'text/plain; charset=utf-8'): void {
    this.response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
    this.response.end(text)
  }

  /** Answer with a JSON document, which says which version of its schema it is of. */
  sendJson(status: number, document: object): void {
    this.sendText(status, `${JSON.stringify(document)}\n`, 'application/json')
  }

  sendFile({ type, body, etag }: Asset): void {
    if (etag !== undefined) {
      this.response.setHeader('etag', etag)
      this.response.setHeader('cache-control', 'no-cache')
      if (this.request.headers['if-none-match'] === etag) {
        this.response.writeHead(304).end()
        return
      }
    }
    this.response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
    this.response.end(body)
  }
}
