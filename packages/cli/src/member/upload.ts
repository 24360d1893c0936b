/**
 * An upload that another server continues at the exact byte.
 *
 * ```
 *  HEAD /upload                       204, upload-offset: what is acknowledged, upload-node: by whom
 *  PUT  /upload  upload-offset: n     204 when all is here, upload-digest: of all blocks
 *                upload-length: all   409 when n is not what is acknowledged, upload-offset: what is
 * ```
 *
 * The bytes themselves are thrown away; a real server would write them to storage that the others share. What is kept is
 * transport information of the session: the offset up to which the bytes are acknowledged, and the digest of the chain
 * of blocks up to there, `digest(n) = SHA-256(digest(n - 1) || block n)`. It is recorded every few blocks, and a copy
 * awaited. A server that dies takes with it only blocks that it never acknowledged; the next one asks for them again.
 * If a byte were lost, sent twice or changed on the way from server to server, the last digest would differ.
 */
import { createHash } from 'node:crypto'
import { definePortion, shape, type ValueOf } from '@reprise/node'
import { UPLOAD_BLOCK_BYTES, UPLOAD_BYTES_MAX, UPLOAD_RECORD_BYTES } from './constants.ts'
import { type Exchange, sendProblem, sendUnknown, setCookie } from './exchange.ts'
import type { WebSession } from './web-session.ts'

/** What the session knows of its upload. */
const uploadPortion = definePortion({
  name: 'transport/upload',
  version: 1,
  shape: shape.object({
    /** Bytes that are acknowledged: whole blocks, or all. */
    offset: shape.integer({ max: UPLOAD_BYTES_MAX }),
    length: shape.integer({ max: UPLOAD_BYTES_MAX }),
    /** Of the blocks up to there, hexadecimal. */
    digest: shape.text({ pattern: /^[0-9a-f]{64}$/, like: 'a digest' }),
    /** The node that acknowledged. */
    node: shape.text(),
  }),
})

type Transport = ValueOf<typeof uploadPortion>

/** The digest before the first block. */
export const EMPTY_DIGEST: string = '0'.repeat(64)

/** The digest of the chain with one more block. */
export function chainDigest(digest: string, block: Uint8Array): string {
  return createHash('sha256').update(Buffer.from(digest, 'hex')).update(block).digest('hex')
}

export async function headUpload(exchange: Exchange): Promise<void> {
  const { request, response, sessions } = exchange
  const found = await sessions.findOrCreate(request.headers.cookie, uploadPortion)
  if (found === 'unknown') return sendUnknown(exchange)
  if (found.setCookie !== undefined) await sessions.commit(found)
  setCookie(exchange, found)
  const transport = found.session.get(uploadPortion)
  response.setHeader('upload-offset', transport?.offset ?? 0)
  if (transport !== undefined) response.setHeader('upload-node', transport.node)
  response.writeHead(204, { 'cache-control': 'no-store' })
  response.end()
}

export async function putUpload(exchange: Exchange): Promise<void> {
  const { request, response, sessions, facts } = exchange
  const offset = numberOf(request.headers['upload-offset'])
  const length = numberOf(request.headers['upload-length'])
  if (offset === undefined || length === undefined || offset > length || length > UPLOAD_BYTES_MAX) {
    return sendProblem(exchange, 400, `send upload-offset and upload-length, at most ${UPLOAD_BYTES_MAX} bytes`)
  }
  await sessions.inTurn(request.headers.cookie, async () => {
    const found = await sessions.findOrCreate(request.headers.cookie, uploadPortion)
    if (found === 'unknown') return sendUnknown(exchange)
    const before = found.session.get(uploadPortion)
    const isAnew = offset === 0
    if (!isAnew && (before?.offset !== offset || before.length !== length)) {
      response.setHeader('upload-offset', before?.offset ?? 0)
      return sendProblem(exchange, 409, `acknowledged are ${before?.offset ?? 0} bytes, not ${offset}`)
    }
    setCookie(exchange, found)
    const digest = isAnew || before === undefined ? EMPTY_DIGEST : before.digest
    const after = await receive(exchange, found, { offset, length, digest, node: facts.node })
    response.setHeader('upload-offset', after.offset)
    if (after.offset !== length) return sendProblem(exchange, 400, `${length - after.offset} bytes are missing`)
    response.writeHead(204, { 'upload-digest': after.digest })
    response.end()
  })
}

/** Take the body block by block. Resolves with what is acknowledged when it ends, or breaks off. */
async function receive(exchange: Exchange, found: WebSession, from: Transport): Promise<Transport> {
  const { request, sessions } = exchange
  let { offset, digest } = from
  let recorded = from
  let pending: Buffer[] = []
  let pendingBytes = 0

  const acknowledge = async (): Promise<void> => {
    recorded = { ...from, offset, digest }
    found.session.set(uploadPortion, recorded)
    await sessions.commit(found)
  }
  /** Take whole blocks, and the last one when the upload ends with it. */
  const takeBlocks = (): void => {
    let bytes: Buffer = Buffer.concat(pending)
    const isAll = offset + bytes.length >= from.length
    while (bytes.length >= UPLOAD_BLOCK_BYTES || (isAll && bytes.length > 0)) {
      const block = bytes.subarray(0, Math.min(UPLOAD_BLOCK_BYTES, from.length - offset))
      if (block.length === 0) break
      digest = chainDigest(digest, block)
      offset += block.length
      bytes = bytes.subarray(block.length)
    }
    pending = bytes.length > 0 ? [bytes] : []
    pendingBytes = bytes.length
  }

  try {
    // To the end of the body, also when it is longer than it should be: leaving it early closes the connection.
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (offset === from.length) continue
      pending.push(chunk)
      pendingBytes += chunk.length
      if (pendingBytes < UPLOAD_BLOCK_BYTES && offset + pendingBytes < from.length) continue
      takeBlocks()
      if (offset - recorded.offset >= UPLOAD_RECORD_BYTES || offset === from.length) await acknowledge()
    }
  } catch (error) {
    // The client went away in the middle: what is acknowledged stays.
    if (!request.destroyed) throw error
  }
  return recorded
}

function numberOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined
}
