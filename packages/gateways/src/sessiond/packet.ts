/**
 * The datagrams of stunnel's option `sessiond`.
 *
 * ```
 *  0   1  version, 1
 *  1   1  request: 0 new, 1 get, 2 remove; reply: 0x80 not found, 0x81 found
 *  2   2  seconds that a new session lives; 0 otherwise
 *  4  32  session id, zeros behind a shorter one
 * 36   n  the session, DER, at most 512 bytes; of new, and of found
 * ```
 *
 * Integers are big-endian. A datagram is one request, or its reply; new and remove have none. Nothing proves who sent it.
 */
import { Buffer } from 'node:buffer'

export type SessiondRequest =
  | { readonly type: 'new'; readonly id: Buffer; readonly seconds: number; readonly session: Buffer }
  | { readonly type: 'get'; readonly id: Buffer }
  | { readonly type: 'remove'; readonly id: Buffer }

/** The request in a datagram; undefined: there is none. */
export function decodeRequest(datagram: Buffer): SessiondRequest | undefined {
  if (datagram.length < HEADER_BYTES || datagram.length > HEADER_BYTES + SESSION_BYTES_MAX) return undefined
  if (datagram[0] !== VERSION) return undefined
  const id = datagram.subarray(ID_AT, HEADER_BYTES)
  const session = datagram.subarray(HEADER_BYTES)
  if (datagram[1] === NEW && session.length > 0) return { type: 'new', id, seconds: datagram.readUInt16BE(2), session }
  if (session.length > 0) return undefined
  if (datagram[1] === GET) return { type: 'get', id }
  return datagram[1] === REMOVE ? { type: 'remove', id } : undefined
}

/** @param session undefined: it was not found. @returns undefined for a session that no client takes. */
export function encodeReply(id: Uint8Array, session: Uint8Array | undefined): Buffer | undefined {
  const length = session?.length ?? 0
  if (length > SESSION_BYTES_MAX) return undefined
  const datagram = Buffer.alloc(HEADER_BYTES + length)
  datagram[0] = VERSION
  datagram[1] = session === undefined ? NOT_FOUND : FOUND
  datagram.set(id, ID_AT)
  if (session !== undefined) datagram.set(session, HEADER_BYTES)
  return datagram
}

/** More does not fit stunnel's buffer: sessions with a client's certificate are not sent at all. */
const SESSION_BYTES_MAX = 512
const HEADER_BYTES = 36
const ID_AT = 4
const VERSION = 1
const NEW = 0
const GET = 1
const REMOVE = 2
const NOT_FOUND = 0x80
const FOUND = 0x81
