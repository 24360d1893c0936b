/**
 * The events of one node, as its admin server streams them: what the page of the demo shows of it.
 *
 * Format: server-sent events (WHATWG HTML, 9.2). The server sends one line of JSON in each; both ends are of one build, so what is
 * in it is not checked.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'

export interface ServerEvent {
  readonly type: string
  readonly data: unknown
}

export interface StreamOptions {
  /** Of the admin server. */
  readonly url: string
  /** A stream from which nothing came for so long, in milliseconds, is over. */
  readonly silenceMs: number
  readonly signal: AbortSignal
}

/**
 * All that the server keeps, and then what happens. Ends when the server ends it.
 * @throws whatever breaks the connection, silence and the signal included.
 */
export async function* serverEvents({ url, silenceMs, signal }: StreamOptions): AsyncGenerator<ServerEvent> {
  const response = await open(`${url}/events`, silenceMs, signal)
  let rest = ''
  for await (const chunk of response.setEncoding('utf8')) {
    const blocks = `${rest}${chunk}`.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parse(block)
      if (event !== undefined) yield event
    }
  }
}

function open(url: string, silenceMs: number, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { signal, timeout: silenceMs, agent: false }, (response) => {
      if (response.statusCode === 200) return resolve(response)
      request.destroy()
      reject(new Error(`${url} answered with HTTP status ${response.statusCode}`))
    })
    request.on('timeout', () => request.destroy(new Error(`${url} was silent for ${silenceMs} ms`)))
    request.on('error', reject)
    request.end()
  })
}

/** Undefined for one without data, such as the first, which says when to come back. */
function parse(block: string): ServerEvent | undefined {
  const [, type] = /^event: (.*)$/m.exec(block) ?? []
  const [, data] = /^data: (.*)$/m.exec(block) ?? []
  return type === undefined || data === undefined ? undefined : { type, data: JSON.parse(data) as unknown }
}
