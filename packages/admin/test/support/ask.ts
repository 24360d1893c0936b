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
  const type = isJson ? { 'content-type': 'application/json' } : {}
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, host: '127.0.0.1', path, method, headers: { ...type, ...headers } },
      async (response) => {
        let text = ''
        for await (const chunk of response.setEncoding('utf8')) text += chunk
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          get json(): unknown {
            return JSON.parse(text)
          },
        })
      },
    )
    asked.on('error', reject)
    asked.end(isJson ? JSON.stringify(body) : body)
  })
}

export const TOKEN = 'the token of a test: 0123456789'.replaceAll(/[ :]/g, '-')

/** The headers of somebody who may do everything. */
export const MAY: Readonly<Record<string, string>> = { authorization: `Bearer ${TOKEN}`, 'x-reprise-admin': '1' }
