/**
 * What a session's id is inside: a string with one character per byte.
 *
 * Ids come as text or as bytes; both mean bytes, and any byte may occur. A map wants a string, so the bytes are kept as
 * Latin-1 text: one canonical key per id, an ASCII id stays readable, and no two ids fall together.
 */
import { Buffer } from 'node:buffer'
import { ID_BYTES_MAX } from '../constants.ts'
import { LimitError, UsageError } from '../errors.ts'
import type { SessionIdInput } from '../source.ts'

/** An id's bytes as Latin-1 text. Made by `toSessionKey` only. */
export type SessionKey = string & { readonly __brand: 'SessionKey' }

/**
 * @throws UsageError when the id is empty, not a string or bytes, or text with a lone surrogate; LimitError when it is
 * longer than 255 bytes.
 */
export function toSessionKey(id: SessionIdInput): SessionKey {
  // Text with as many bytes as characters is ASCII, and its own key: the usual case, and on the path of every read.
  if (typeof id === 'string' && id.length > 0 && id.length <= ID_BYTES_MAX && Buffer.byteLength(id) === id.length) {
    return id as SessionKey
  }
  const bytes = typeof id === 'string' ? textBytes(id) : id
  if (!(bytes instanceof Uint8Array)) throw new UsageError('a session id is a string or a Uint8Array')
  if (bytes.length === 0) throw new UsageError('a session id has at least one byte')
  if (bytes.length > ID_BYTES_MAX)
    throw new LimitError('ID_BYTES_MAX', bytes.length, ID_BYTES_MAX, 'hash long ids first')
  return keyOfBytes(bytes)
}

/** The key of bytes whose length is known to be within bounds. */
export function keyOfBytes(bytes: Uint8Array): SessionKey {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1') as SessionKey
}

/** The bytes of a key, as a new array. */
export function keyBytes(key: SessionKey): Uint8Array {
  return new Uint8Array(Buffer.from(key, 'latin1'))
}

function textBytes(text: string): Uint8Array {
  if (!text.isWellFormed()) throw new UsageError('a session id must be well-formed text: it has a lone surrogate')
  return Buffer.from(text, 'utf8')
}
