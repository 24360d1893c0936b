/**
 * A large download that another server continues at the exact byte (RFC 9110: ranges, and `If-Range` with a strong tag).
 *
 * The bytes are the same at every server. What controls the sending of the next segment is transport information of the
 * session: before a server sends beyond what the session records, it records the next mebibyte and waits until another
 * node has that. So whoever continues knows that the client cannot have more than `sent`, and the client says what it
 * has: `x-reprise-transport` shows the record that the server found, `<node that wrote it>; sent=<bytes>`.
 */
import { definePortion, shape } from '@reprise/node'
import {
  DOWNLOAD_BYTES,
  DOWNLOAD_BYTES_PER_SECOND,
  DOWNLOAD_RECORD_BYTES,
  DOWNLOAD_SEGMENT_BYTES,
} from './constants.ts'
import { contentBytes, contentSha256 } from './content.ts'
import { type Exchange, sendProblem, sendUnknown, setCookie } from './exchange.ts'
import type { WebSession } from './web-session.ts'

const CONTENT = 'reprise download 1'
export const DOWNLOAD_ETAG: string = `"${CONTENT.replaceAll(' ', '-')}-${DOWNLOAD_BYTES}"`

/** What the session knows of its download. `sent`: the client was sent no byte from this offset on. */
const downloadPortion = definePortion({
  name: 'transport/download',
  version: 1,
  shape: shape.object({
    etag: shape.text({ max: 256 }),
    size: shape.integer(),
    sent: shape.integer(),
    node: shape.text(),
  }),
})

let digest: Promise<Buffer> | undefined

/** The SHA-256 of the whole download, made once. */
export function downloadSha256(): Promise<Buffer> {
  digest ??= contentSha256(CONTENT, DOWNLOAD_BYTES)
  return digest
}

/** From `start` to before `end`. */
interface ByteRange {
  readonly start: number
  readonly end: number
}

export async function getDownload(exchange: Exchange): Promise<void> {
  const { request, response, sessions, facts } = exchange
  const ifRange = request.headers['if-range']
  const range = wantedRange(request.headers.range, typeof ifRange === 'string' ? ifRange : undefined)
  response.setHeader('accept-ranges', 'bytes')
  response.setHeader('etag', DOWNLOAD_ETAG)
  if (range === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${DOWNLOAD_BYTES}`)
    return sendProblem(exchange, 416, `the download has ${DOWNLOAD_BYTES} bytes`)
  }
  const found = await sessions.findOrCreate(request.headers.cookie, downloadPortion)
  if (found === 'unknown') return sendUnknown(exchange)

  const { start, end } = range ?? { start: 0, end: DOWNLOAD_BYTES }
  const before = found.session.get(downloadPortion)
  if (before !== undefined) response.setHeader('x-reprise-transport', `${before.node}; sent=${before.sent}`)
  setCookie(exchange, found)
  response.writeHead(range === undefined ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment; filename="reprise-demo.bin"',
    'content-length': end - start,
    ...(range !== undefined && { 'content-range': `bytes ${start}-${end - 1}/${DOWNLOAD_BYTES}` }),
    // RFC 9530: of the whole, whatever part of it this is.
    'repr-digest': `sha-256=:${(await downloadSha256()).toString('base64')}:`,
  })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  await send(exchange, { start, end }, (sent) => record(found, sent))

  async function record(webSession: WebSession, sent: number): Promise<void> {
    const transport = { etag: DOWNLOAD_ETAG, size: DOWNLOAD_BYTES, sent, node: facts.node }
    webSession.session.set(downloadPortion, transport)
    await sessions.commit(webSession)
  }
}

/** Send the range at the pace of the demo, and never more than is recorded. */
async function send(
  { response }: Exchange,
  { start, end }: ByteRange,
  record: (sent: number) => Promise<void>,
): Promise<void> {
  const startedMs = performance.now()
  let recorded = start
  for (let offset = start; offset < end && !response.destroyed; ) {
    if (offset >= recorded) {
      recorded = Math.min(end, offset + DOWNLOAD_RECORD_BYTES)
      await record(recorded)
    }
    const next = Math.min(end, recorded, offset + DOWNLOAD_SEGMENT_BYTES)
    if (!response.write(contentBytes(CONTENT, offset, next))) await drained(response)
    offset = next
    const dueMs = startedMs + ((offset - start) / DOWNLOAD_BYTES_PER_SECOND) * 1_000
    const earlyMs = dueMs - performance.now()
    if (earlyMs > 1) await new Promise((resolve) => setTimeout(resolve, earlyMs))
  }
  response.end()
}

/** Resolves when more may be written, or the client is gone. */
function drained(response: Exchange['response']): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
    if (response.destroyed) done()
  })
}

/**
 * One range of bytes that the client asks for; undefined for the whole: without a range, with several, with one that is not
 * well formed, or when the client's part is of something else (RFC 9110, 13.1.5 and 14.2).
 */
export function wantedRange(
  header: string | undefined,
  ifRange: string | undefined,
): ByteRange | undefined | 'unsatisfiable' {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (ifRange !== undefined && ifRange !== DOWNLOAD_ETAG) return undefined
  if (first === '') {
    const length = Math.min(Number(last), DOWNLOAD_BYTES)
    return length === 0 ? 'unsatisfiable' : { start: DOWNLOAD_BYTES - length, end: DOWNLOAD_BYTES }
  }
  const start = Number(first)
  const end = last === '' ? DOWNLOAD_BYTES : Math.min(Number(last) + 1, DOWNLOAD_BYTES)
  if (last !== '' && Number(last) < start) return undefined
  return start < DOWNLOAD_BYTES ? { start, end } : 'unsatisfiable'
}
