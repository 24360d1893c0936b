/**
 * The ClientHello, read from the bytes a client sends first.
 *
 * Pure: bytes in, a verdict out; no socket, no clock. `ClientHelloReader` finds the end of the message however the
 * bytes are cut into chunks and records; then what resumption needs is picked from it. It never throws: what does not
 * parse is `garbage`, and it is OpenSSL that answers it, not we. Each byte is looked at a constant number of times.
 *
 * ```
 *   record      22 | 3 x | length 2 | fragment          one message may lie in several records
 *   handshake    1 | length 3 | body
 *   body         version 2 | random 32 | session id 1+n | ciphers 2+n | compression 1+n | extensions 2+n
 *   extension    type 2 | length 2 | data                0 server name, 35 ticket, 41 pre-shared key, 43 versions
 * ```
 *
 * RFC 8446 (4.1.2, 4.2, 5.1) and RFC 6066 (3) have the fields.
 */

import {
  CLIENT_HELLO_BYTES_MAX,
  CLIENT_HELLO_RECORDS_MAX,
  CLIENT_HELLO_WIRE_BYTES_MAX,
  PSK_IDENTITIES_MAX,
  RECORD_BYTES_MAX,
} from './constants.ts'

/** TLS versions as they stand on the wire. */
export const TlsVersion = { tls10: 0x0301, tls11: 0x0302, tls12: 0x0303, tls13: 0x0304 } as const

/** What resumption needs of a ClientHello. The arrays are views of the bytes that were read. */
export interface ClientHello {
  /** The version field: the highest version of a client that knows no TLS 1.3. */
  readonly legacyVersion: number
  /** Versions from the extension, in the client's order; empty without the extension. */
  readonly versions: readonly number[]
  /** The session id field: the session's id up to TLS 1.2; arbitrary, and possibly empty, in TLS 1.3. */
  readonly legacySessionId: Uint8Array
  /** The host name asked for (SNI), lower case; undefined without one. */
  readonly serverName: string | undefined
  /** The client presents a ticket (TLS 1.2), which is not empty. */
  readonly hasTicket: boolean
  /** Identities of pre-shared keys (TLS 1.3), in the client's order: at most `PSK_IDENTITIES_MAX`. */
  readonly pskIdentities: readonly Uint8Array[]
  /** The message lies in more than one record. */
  readonly fragmented: boolean
}

/**
 * `more`: not complete yet. `complete`: see `hello`. `garbage`: not a ClientHello, and no further byte would make it
 * one. `oversize`: longer than the limits.
 */
export type ClientHelloVerdict = 'more' | 'complete' | 'garbage' | 'oversize'

/** Collects bytes until they hold a whole ClientHello, or cannot. */
export class ClientHelloReader {
  /** All bytes so far, those behind the ClientHello included. */
  #bytes: Uint8Array = new Uint8Array(0)
  #length = 0
  /** Where the record under way begins. */
  #recordStart = 0
  /** Where the fragments of complete records lie. */
  readonly #fragments: { readonly start: number; readonly end: number }[] = []
  #messageBytes = 0
  #verdict: ClientHelloVerdict = 'more'
  #hello: ClientHello | undefined

  /** The ClientHello, once the verdict is `complete`. */
  get hello(): ClientHello | undefined {
    return this.#hello
  }

  /** How many bytes were taken. */
  get length(): number {
    return this.#length
  }

  /** Every byte that was pushed, as one array. The reader keeps using it until the verdict is not `more`. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Take what arrived. The chunk is kept, not copied, while it is the only one; the caller must not change it. */
  push(chunk: Uint8Array): ClientHelloVerdict {
    this.#append(chunk)
    if (this.#verdict === 'more') this.#verdict = this.#advance()
    return this.#verdict
  }

  #append(chunk: Uint8Array): void {
    if (this.#length === 0) {
      this.#bytes = chunk
      this.#length = chunk.length
      return
    }
    const length = this.#length + chunk.length
    if (length > this.#bytes.length) {
      // Doubling, so that a client that sends byte by byte costs no more copying than twice its bytes.
      const grown = new Uint8Array(Math.max(2 * length, 1_024))
      grown.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = grown
    }
    this.#bytes.set(chunk, this.#length)
    this.#length = length
  }

  #advance(): ClientHelloVerdict {
    const bytes = this.#bytes
    for (;;) {
      const at = this.#recordStart
      const have = this.#length - at
      if (have >= 1 && bytes[at] !== 22) return 'garbage'
      if (have >= 2 && bytes[at + 1] !== 3) return 'garbage'
      if (have < 5) return this.#needMore()
      const recordLength = uint16(bytes, at + 3)
      if (recordLength === 0 || recordLength > RECORD_BYTES_MAX) return 'garbage'
      if (this.#messageBytes === 0 && have >= 6 && bytes[at + 5] !== 1) return 'garbage'
      if (have < 5 + recordLength) return this.#needMore()

      if (this.#fragments.length === CLIENT_HELLO_RECORDS_MAX) return 'oversize'
      this.#fragments.push({ start: at + 5, end: at + 5 + recordLength })
      this.#messageBytes += recordLength
      this.#recordStart = at + 5 + recordLength
      const bodyLength = this.#bodyLength()
      if (bodyLength === undefined) continue
      if (bodyLength > CLIENT_HELLO_BYTES_MAX) return 'oversize'
      if (this.#messageBytes < 4 + bodyLength) continue
      return this.#complete(bodyLength)
    }
  }

  #needMore(): ClientHelloVerdict {
    return this.#length > CLIENT_HELLO_WIRE_BYTES_MAX ? 'oversize' : 'more'
  }

  /** The length that the handshake header promises, once its four bytes are in complete records. */
  #bodyLength(): number | undefined {
    if (this.#messageBytes < 4) return undefined
    let header = 0
    let count = 0
    for (const { start, end } of this.#fragments) {
      for (let at = start; at < end && count < 4; at++, count++) header = (header << 8) | this.#bytes[at]!
      if (count === 4) break
    }
    return header & 0xffffff
  }

  #complete(bodyLength: number): ClientHelloVerdict {
    const first = this.#fragments[0]!
    const fragmented = this.#fragments.length > 1
    let message = this.#bytes.subarray(first.start, first.end)
    if (fragmented) {
      message = new Uint8Array(this.#messageBytes)
      let at = 0
      for (const { start, end } of this.#fragments) {
        message.set(this.#bytes.subarray(start, end), at)
        at += end - start
      }
    }
    this.#hello = parseClientHello(message.subarray(4, 4 + bodyLength), fragmented)
    return this.#hello === undefined ? 'garbage' : 'complete'
  }
}

/**
 * Parse the body of a ClientHello, without its four bytes of handshake header.
 *
 * @returns undefined when the lengths in it do not fit.
 */
function parseClientHello(body: Uint8Array, fragmented: boolean): ClientHello | undefined {
  const cursor = new Cursor(body)
  const legacyVersion = cursor.uint16()
  cursor.skip(32)
  const legacySessionId = cursor.vector8()
  cursor.vector16()
  cursor.vector8()
  const extensions = cursor.remaining === 0 ? NO_BYTES : cursor.vector16()
  if (legacyVersion === undefined || legacySessionId === undefined || extensions === undefined) return undefined
  if (legacySessionId.length > 32) return undefined

  let versions: readonly number[] = []
  let serverName: string | undefined
  let hasTicket = false
  let pskIdentities: readonly Uint8Array[] = []
  const rest = new Cursor(extensions)
  while (rest.remaining > 0) {
    const type = rest.uint16()
    const data = rest.vector16()
    if (type === undefined || data === undefined) return undefined
    if (type === 0) serverName = parseServerName(data)
    else if (type === 35) hasTicket = data.length > 0
    else if (type === 41) pskIdentities = parsePskIdentities(data)
    else if (type === 43) versions = parseVersions(data)
  }
  return { legacyVersion, versions, legacySessionId, serverName, hasTicket, pskIdentities, fragmented }
}

/**
 * The version that a server will choose, or undefined when there is none in common. `maxVersion` and `minVersion` are
 * the server's bounds, as on the wire.
 */
export function negotiatedVersion(
  hello: ClientHello,
  server: { readonly minVersion: number; readonly maxVersion: number },
): number | undefined {
  const offered = hello.versions.length > 0 ? hello.versions : [Math.min(hello.legacyVersion, TlsVersion.tls12)]
  const known = offered.filter((version) => version >= TlsVersion.tls10 && version <= TlsVersion.tls13)
  if (hello.versions.length === 0) {
    const highest = Math.min(known[0] ?? 0, server.maxVersion)
    return highest >= server.minVersion && highest >= TlsVersion.tls10 ? highest : undefined
  }
  const common = known.filter((version) => version >= server.minVersion && version <= server.maxVersion)
  return common.length === 0 ? undefined : Math.max(...common)
}

const NO_BYTES = new Uint8Array(0)

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function parseServerName(data: Uint8Array): string | undefined {
  const names = new Cursor(new Cursor(data).vector16() ?? NO_BYTES)
  while (names.remaining > 0) {
    const type = names.uint8()
    const name = names.vector16()
    if (type === undefined || name === undefined) return undefined
    // A host name; latin1 keeps every byte apart, so that two names never become one.
    if (type === 0) return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1').toLowerCase()
  }
  return undefined
}

function parseVersions(data: Uint8Array): readonly number[] {
  const list = new Cursor(new Cursor(data).vector8() ?? NO_BYTES)
  const versions: number[] = []
  for (let version = list.uint16(); version !== undefined; version = list.uint16()) versions.push(version)
  return versions
}

function parsePskIdentities(data: Uint8Array): readonly Uint8Array[] {
  const list = new Cursor(new Cursor(data).vector16() ?? NO_BYTES)
  const identities: Uint8Array[] = []
  while (list.remaining > 0 && identities.length < PSK_IDENTITIES_MAX) {
    const identity = list.vector16()
    if (identity === undefined || !list.skip(4)) return []
    identities.push(identity)
  }
  return identities
}

/** Reads forwards; past the end every read is undefined, and stays so. */
class Cursor {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  uint8(): number | undefined {
    return this.skip(1) ? this.#bytes[this.#at - 1] : undefined
  }

  uint16(): number | undefined {
    return this.skip(2) ? uint16(this.#bytes, this.#at - 2) : undefined
  }

  vector8(): Uint8Array | undefined {
    return this.#vector(this.uint8())
  }

  vector16(): Uint8Array | undefined {
    return this.#vector(this.uint16())
  }

  /** Go on by so many bytes; false, and at the end, when there are fewer. */
  skip(count: number): boolean {
    const fits = count <= this.remaining
    this.#at = fits ? this.#at + count : this.#bytes.length
    return fits
  }

  #vector(length: number | undefined): Uint8Array | undefined {
    if (length === undefined) return undefined
    const start = this.#at
    return this.skip(length) ? this.#bytes.subarray(start, start + length) : undefined
  }
}
