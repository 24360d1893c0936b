/**
 * An upload that continues where its servers acknowledged it: a client that broke off asks the next server for the offset,
 * sends from exactly there, and compares the digest of all that arrived at the end.
 */
import { Readable } from 'node:stream'
import { UPLOAD_BLOCK_BYTES } from '../member/constants.ts'
import { contentBytes } from '../member/content.ts'
import { chainDigest, EMPTY_DIGEST } from '../member/upload.ts'
import { UPLOAD_BYTES, UPLOAD_BYTES_PER_SECOND } from './constants.ts'
import { ask, cookieOf, header, visit } from './tls-client.ts'
import { type Part, TransferError, type TransferOptions, walkServers } from './transfer.ts'

const CONTENT = 'reprise upload 1'

export interface Uploaded {
  readonly size: number
  /** The digest of the blocks that the servers together received, hexadecimal. */
  readonly digest: string
  /** The digest of the blocks that were to be sent. */
  readonly expectedDigest: string
  readonly parts: readonly Part[]
}

/**
 * Upload to the first server that answers, and to the others what it did not acknowledge.
 * @throws TransferError when a server wants to continue where it cannot be; the signal's reason.
 */
export async function upload(options: TransferOptions): Promise<Uploaded> {
  const starts: Omit<Part, 'end'>[] = []
  let sent = 0
  let digest = ''
  let cookie: string | undefined

  await walkServers(options, async (connection, target) => {
    const { certificatePem, kind, signal } = options
    // Asked over a connection of its own: the one that is open carries the upload.
    const state = await visit(
      { target, kind, certificatePem, signal },
      { method: 'HEAD', path: '/upload', headers: cookies() },
    )
    if (state.status !== 204) throw new Error(`the session could not be looked up: status ${state.status}`)
    const start = Number(state.headers['upload-offset'])
    cookie ??= cookieOf(state.headers)
    if (!(start <= sent)) throw new TransferError(`${target.name} wants byte ${start}, ${sent} were sent`)

    sent = start
    const body = Readable.from(blocks(start, target.name), { objectMode: false, highWaterMark: UPLOAD_BLOCK_BYTES })
    const known = header(state.headers, 'upload-node')
    starts.push({ node: target.name, start, reused: connection.reused, known })
    try {
      const headers = { ...cookies(), 'upload-offset': start, 'upload-length': UPLOAD_BYTES }
      const response = await ask(connection, { method: 'PUT', path: '/upload', headers, body })
      if (response.statusCode !== 204) throw new TransferError(`the upload was answered with ${response.statusCode}`)
      digest = header(response.headers, 'upload-digest')
      response.resume()
      return 'done'
    } finally {
      body.destroy()
    }
  })
  // A part ends where the next one begins: what was sent beyond that was not acknowledged, and sent again.
  const parts = starts.map((part, index) => ({ ...part, end: starts[index + 1]?.start ?? UPLOAD_BYTES }))
  return { size: UPLOAD_BYTES, digest, expectedDigest: expectedDigest(), parts }

  function cookies(): Record<string, string> {
    return cookie === undefined ? {} : { cookie }
  }

  /** The rest of the content, at the pace of the demo. */
  async function* blocks(start: number, node: string): AsyncGenerator<Buffer> {
    const startedMs = performance.now()
    for (let offset = start; offset < UPLOAD_BYTES; offset = sent) {
      const end = Math.min(UPLOAD_BYTES, offset + UPLOAD_BLOCK_BYTES)
      const earlyMs = startedMs + ((offset - start) / UPLOAD_BYTES_PER_SECOND) * 1_000 - performance.now()
      if (earlyMs > 1) await new Promise((resolve) => setTimeout(resolve, earlyMs))
      sent = end
      options.onProgress({ bytes: sent, size: UPLOAD_BYTES, node, start })
      yield contentBytes(CONTENT, offset, end)
    }
  }
}

function expectedDigest(): string {
  let digest = EMPTY_DIGEST
  for (let offset = 0; offset < UPLOAD_BYTES; offset += UPLOAD_BLOCK_BYTES) {
    digest = chainDigest(digest, contentBytes(CONTENT, offset, Math.min(UPLOAD_BYTES, offset + UPLOAD_BLOCK_BYTES)))
  }
  return digest
}
