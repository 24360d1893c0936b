/**
 * A TLS session as the cluster keeps it, and what it is bound to.
 *
 * ```
 *    0   1  format, 1
 *    1   2  TLS version, as on the wire
 *    3   6  time of the last full handshake, Unix milliseconds
 *    9  32  binding: SHA-256 of the context, the server name and how clients are authenticated
 *   41   n  the session, DER, as OpenSSL serializes it
 * ```
 *
 * Integers are big-endian. The whole is a portion value, sealed by the node. A session whose binding, version or age
 * does not fit the connection that asks for it is not given out: the handshake is then a full one.
 */

import { hash, timingSafeEqual } from 'node:crypto'
import type { ClientAuthentication } from './server-internals.ts'

/** What the cluster keeps of a TLS session. */
export interface StoredSession {
  readonly version: number
  /** When the client last proved who it is, by the clock of the server that it did so to, in Unix milliseconds. */
  readonly bornMs: number
  readonly binding: Uint8Array
  readonly der: Uint8Array
}

const FORMAT = 1
const HEADER_BYTES = 41

/** The portion of a cluster session that holds the value. */
export const PORTION = 'tls'

/** Serialize; the result is new memory. */
export function encodeStored({ version, bornMs, binding, der }: StoredSession): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + der.length)
  bytes[0] = FORMAT
  bytes.writeUInt16BE(version, 1)
  bytes.writeUIntBE(bornMs, 3, 6)
  bytes.set(binding, 9)
  bytes.set(der, HEADER_BYTES)
  return bytes
}

/** Read what `encodeStored` wrote, copied; undefined for anything else. */
export function decodeStored(value: unknown): StoredSession | undefined {
  if (!(value instanceof Uint8Array) || value.length <= HEADER_BYTES || value[0] !== FORMAT) return undefined
  const bytes = Buffer.from(value)
  return {
    version: bytes.readUInt16BE(1),
    bornMs: bytes.readUIntBE(3, 6),
    binding: bytes.subarray(9, HEADER_BYTES),
    der: bytes.subarray(HEADER_BYTES),
  }
}

/** What a serialized session says about itself. */
export interface SessionFacts {
  /** The TLS version, as on the wire. */
  readonly version: number
  /** The client showed a certificate, and it was accepted. */
  readonly clientProven: boolean
}

/**
 * Read the few fields of a serialized session that decide whether it may be kept; undefined for anything else.
 * OpenSSL's DER is `SEQUENCE { INTEGER structure, INTEGER version, ..., [3] peer certificate, ..., [5] verify result,
 * ... }`; a verify result of zero, which is success, is left out.
 */
export function factsOfSession(der: Uint8Array): SessionFacts | undefined {
  const whole = readElement(der, 0)
  if (whole?.tag !== 0x30) return undefined
  let version: number | undefined
  let hasPeer = false
  let verified = true
  let at = whole.start
  for (let index = 0; at < whole.end; index++) {
    const element = readElement(der, at)
    if (element === undefined || element.end > whole.end) return undefined
    if (index === 1 && element.tag === 2 && element.end - element.start === 2) {
      version = (der[element.start]! << 8) | der[element.start + 1]!
    }
    if (element.tag === 0xa3) hasPeer = true
    if (element.tag === 0xa5) verified = der.subarray(element.start + 2, element.end).every((byte) => byte === 0)
    at = element.end
  }
  return version === undefined ? undefined : { version, clientProven: hasPeer && verified }
}

/** One DER element with a tag of one byte: where its content starts and ends. */
function readElement(
  der: Uint8Array,
  at: number,
): { readonly tag: number; readonly start: number; readonly end: number } | undefined {
  const tag = der[at]
  const first = der[at + 1]
  if (tag === undefined || first === undefined) return undefined
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  if (first === 0x80 || lengthBytes > 3) return undefined
  let length = lengthBytes === 0 ? first : 0
  for (let index = 0; index < lengthBytes; index++) length = (length << 8) | (der[at + 2 + index] ?? 0)
  const start = at + 2 + lengthBytes
  return start + length <= der.length ? { tag, start, end: start + length } : undefined
}

/** The cluster's id for a TLS session: services that share a cluster do not share sessions. */
export function clusterId(contextDigest: Uint8Array, tlsSessionId: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('tls:'), contextDigest.subarray(0, 16), tlsSessionId])
}

/** SHA-256 of the service's name. */
export function digestOfContext(context: string): Buffer {
  return digest('reprise tls context 1', context)
}

/** SHA-256 of everything that decides which client certificates are accepted. `clientCa` replaces the server's `ca`. */
export function digestOfClients(
  { requestCert, rejectUnauthorized, ca, crl }: ClientAuthentication,
  clientCa: readonly (string | Uint8Array)[] | undefined,
): Buffer {
  if (!requestCert) return digest('reprise tls clients 1', 'none')
  const authorities = clientCa ?? pemList(ca)
  return digest(
    'reprise tls clients 1',
    rejectUnauthorized ? 'required' : 'requested',
    String(authorities.length),
    ...authorities,
    ...pemList(crl),
  )
}

/** What a session is bound to. */
export function bindingOf(contextDigest: Uint8Array, clients: Uint8Array, serverName: string | undefined): Buffer {
  const name = serverName === undefined ? [] : [serverName]
  return digest('reprise tls binding 1', contextDigest, clients, ...name)
}

/** Compare without telling how far they agree. */
export function sameBinding(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** SHA-256 over parts, each with its length before it, so that no two lists of parts look the same. */
function digest(label: string, ...parts: (string | Uint8Array)[]): Buffer {
  const pieces: Uint8Array[] = []
  for (const part of [label, ...parts]) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(bytes.length)
    pieces.push(length, bytes)
  }
  return hash('sha256', Buffer.concat(pieces), 'buffer')
}

/** Node takes one certificate, or a list of them, as text or bytes. */
function pemList(value: unknown): readonly (string | Uint8Array)[] {
  if (value === undefined || value === null) return []
  const list = Array.isArray(value) ? value.flat(2) : [value]
  return list.map((item) => (typeof item === 'string' || item instanceof Uint8Array ? item : String(item)))
}
