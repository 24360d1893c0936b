/**
 * A download that continues where it broke off, with `Range` and `If-Range`, and is checked as a whole at the end.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { ask, type Connection, cookieOf, header } from './tls-client.ts'
import { type Part, TransferError, type TransferOptions, walkServers } from './transfer.ts'

export interface Downloaded {
  readonly size: number
  /** Of what was received, put together; hexadecimal. */
  readonly sha256: string
  /** What the first server said it would be. */
  readonly announcedSha256: string
  readonly parts: readonly Part[]
}

/**
 * Download from the first server that answers, and from the others what it left.
 * @throws TransferError when a server continues at another byte, or with other content; the signal's reason.
 */
export async function download(options: TransferOptions): Promise<Downloaded> {
  const hash = createHash('sha256')
  const parts: Part[] = []
  let bytes = 0
  let size = Number.POSITIVE_INFINITY
  let etag = ''
  let announcedSha256 = ''
  let cookie: string | undefined

  await walkServers(options, async (connection, { name }) => {
    const isStart = bytes === 0
    const response = await ask(connection, { path: '/download', headers: requestHeaders() })
    checkResponse(response)
    const start = bytes
    const { headers } = response
    if (isStart) {
      size = Number(headers['content-length'])
      etag = header(headers, 'etag')
      announcedSha256 = readDigest(header(headers, 'repr-digest'))
      cookie = cookieOf(headers)
    }
    const isWhole = await readBody(response, name, start)
    parts.push(part(connection, name, start, header(headers, 'x-reprise-transport')))
    return isWhole ? 'done' : 'broken'
  })
  return { size, sha256: hash.digest('hex'), announcedSha256, parts }

  function requestHeaders(): Record<string, string> {
    const range = bytes === 0 ? {} : { range: `bytes=${bytes}-`, 'if-range': etag }
    return { ...range, ...(cookie !== undefined && { cookie }) }
  }

  function checkResponse({ statusCode, headers }: IncomingMessage): void {
    if (statusCode === 503) throw new Error('the session could not be looked up')
    if (bytes === 0) {
      if (statusCode !== 200) throw new TransferError(`the download was answered with status ${statusCode}`)
      return
    }
    const expected = `bytes ${bytes}-${size - 1}/${size}`
    const actual = header(headers, 'content-range')
    if (statusCode !== 206 || actual !== expected || headers['etag'] !== etag) {
      throw new TransferError(`asked for ${expected}, got status ${statusCode} with ${actual || 'the whole'}`)
    }
  }

  /** @returns whether all is here. */
  async function readBody(response: IncomingMessage, node: string, start: number): Promise<boolean> {
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        hash.update(chunk)
        bytes += chunk.length
        options.onProgress({ bytes, size, node, start })
      }
    } catch {
      // The server is gone. What came counts.
    }
    return bytes >= size
  }

  function part(connection: Connection, node: string, start: number, known: string): Part {
    return { node, start, end: bytes, reused: connection.reused, known }
  }
}

/** The hexadecimal digest of `sha-256=:base64:` (RFC 9530). */
function readDigest(text: string): string {
  const [, base64 = ''] = /sha-256=:([^:]+):/.exec(text) ?? []
  return Buffer.from(base64, 'base64').toString('hex')
}
