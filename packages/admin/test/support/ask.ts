/** Requests as a test wants them, with any header, the Host included. */
import { request } from 'node:http'
import type { Admin } from '@reprise/admin'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
  /** The text as JSON. */
  readonly json: unknown
}

export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, unless it is text. */
  readonly body?: unknown
}

export function ask(
  { port }: Admin,
  path: string,
  { method = 'GET', headers = {}, body }: Asking = {},
): Promise<Answer> {
  const isJson = body !== undefined && typeof body !== 'string'
  const text = isJson ? JSON.stringify(body) : body
  const isChunked = 'transfer-encoding' in headers
  const given = {
    ...(isJson && { 'content-type': 'application/json' }),
    // Without it Node sends the body of a DELETE as if it were the next request.
    ...(typeof text === 'string' && !isChunked && { 'content-length': String(Buffer.byteLength(text)) }),
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, method, headers: given }, async (response) => {
      let answer = ''
      for await (const chunk of response.setEncoding('utf8')) answer += chunk
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: answer,
        get json(): unknown {
          return JSON.parse(answer)
        },
      })
    })
    asked.on('error', reject)
    asked.end(text)
  })
}

export const TOKEN = 'the token of a test: 0123456789'.replaceAll(/[ :]/g, '-')

/** The headers of somebody who may do everything. */
export const MAY: Readonly<Record<string, string>> = { authorization: `Bearer ${TOKEN}`, 'x-reprise-admin': '1' }
