/**
 * Credential information of the connection: a TLS session, and the identifier under which its client will ask for it.
 *
 * Version 1 is what `@reprise/tls` writes, in the layout of that package, which stands at its head: it is read here as well, so
 * that the sessions of a TLS server can be looked at as typed ones.
 *
 * ```
 *    0   2  TLS version, as on the wire
 *    2   6  time of the last full handshake, Unix milliseconds
 *    8  32  binding
 *   40   n  the session, DER, as OpenSSL serializes it
 * ```
 */
import type { PortionCodec } from '@reprise/core'
import { Reader, WireError } from '@reprise/core'
import { decodeData } from './cbor.ts'
import { definePortion } from './define.ts'
import { bytes, instantMs, object, oneOf, optional, text } from './shape.ts'

/** A TLS session that any server of the cluster can resume. */
export interface TlsSession {
  /** The session identifier: up to 32 bytes in TLS 1.2, the ticket's identity in TLS 1.3. */
  readonly sessionId: Uint8Array
  /** The TLS session itself, serialized: what `socket.getSession()` or a `newSession` event gives. Up to 32 KiB. */
  readonly session: Uint8Array
  readonly protocol: 'TLSv1.2' | 'TLSv1.3'
  /** The cipher suite by its standard name, such as `TLS_AES_128_GCM_SHA256`. */
  readonly cipher?: string | undefined
  /** The name that the client asked for (SNI). */
  readonly serverName?: string | undefined
  /** The protocol that was agreed on by ALPN. */
  readonly applicationProtocol?: string | undefined
  /** When the client last proved who it is, by the clock of the server that it did so to. */
  readonly createdAtMs?: number | undefined
  /** What has to be the same at a server that resumes it, hashed; see `@reprise/tls`. */
  readonly binding?: Uint8Array | undefined
}

/** The portion `tls`: TLS session identifier and TLS session. Sealed. */
export const tlsSession: PortionCodec<TlsSession> = definePortion({
  name: 'tls',
  version: 2,
  sealed: true,
  shape: object({
    sessionId: bytes({ min: 1, max: 1_024 }),
    session: bytes({ min: 1, max: 32 * 1_024 }),
    protocol: oneOf('TLSv1.2', 'TLSv1.3'),
    cipher: optional(text({ max: 64 })),
    serverName: optional(text({ max: 255 })),
    applicationProtocol: optional(text({ max: 255 })),
    createdAtMs: optional(instantMs),
    binding: optional(bytes({ max: 64 })),
  }),
  decode: (stored, version) => (version === 1 ? decodeTlsServerRecord(stored) : decodeData(stored)),
  upgrade: (value) => value,
})

function decodeTlsServerRecord(stored: Uint8Array): TlsSession {
  const reader = new Reader(stored)
  const protocol = reader.u16() === 0x0304 ? 'TLSv1.3' : 'TLSv1.2'
  const createdAtMs = reader.u48()
  const binding = reader.raw(32)
  const session = reader.raw(reader.remaining)
  return { sessionId: sessionIdOf(session), session, protocol, createdAtMs, binding }
}

/** OpenSSL's DER is `SEQUENCE { INTEGER structure, INTEGER version, OCTET STRING cipher, OCTET STRING session id, ... }`. */
function sessionIdOf(der: Uint8Array): Uint8Array {
  const sequence = new Reader(contentOf(new Reader(der), SEQUENCE))
  contentOf(sequence, INTEGER)
  contentOf(sequence, INTEGER)
  contentOf(sequence, OCTET_STRING)
  return contentOf(sequence, OCTET_STRING)
}

/** The content of the next element, which has that tag. */
function contentOf(reader: Reader, tag: number): Uint8Array {
  if (reader.u8() !== tag) throw new WireError('the TLS session is not as OpenSSL serializes it')
  const first = reader.u8()
  if (first < 0x80) return reader.raw(first)
  const length = reader.raw(first & 0x7f).reduce((sum, byte) => sum * 256 + byte, 0)
  return reader.raw(length)
}

const INTEGER = 0x02
const OCTET_STRING = 0x04
const SEQUENCE = 0x30
