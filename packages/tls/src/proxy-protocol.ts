/**
 * The PROXY protocol header, versions 1 and 2: who the client is when a load balancer passes TCP on.
 *
 * Pure, like the ClientHello: bytes in, a verdict out, never a throw. Whether the sender may be believed is decided
 * before, by the caller. The format is that of haproxy's `proxy-protocol.txt`:
 *
 * ```
 *   v1   PROXY TCP4 203.0.113.7 192.0.2.1 51234 443\r\n         or PROXY UNKNOWN ...\r\n; at most 107 bytes
 *   v2   \r\n\r\n\0\r\nQUIT\n | 2 c | family 1 | length 2 | addresses | extensions, which are skipped
 * ```
 */

import { isIPv4, isIPv6 } from 'node:net'
import { PROXY_V1_BYTES_MAX, PROXY_V2_BYTES_MAX } from './constants.ts'

/** One end of the connection that the proxy took. */
export interface ProxiedAddress {
  readonly address: string
  readonly port: number
  readonly family: 'IPv4' | 'IPv6'
}

/** What a header says. Without `source` the connection is the proxy's own (a health check), or of no known family. */
export interface ProxyHeader {
  readonly version: 1 | 2
  readonly source: ProxiedAddress | undefined
  readonly destination: ProxiedAddress | undefined
  /** Bytes that the header takes; what follows is the client's. */
  readonly length: number
}

/** `'more'`: not complete yet. `'garbage'`: not such a header, or one over the limits. */
export type ProxyVerdict = ProxyHeader | 'more' | 'garbage'

const V2_SIGNATURE = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10)
const V1_SIGNATURE = Buffer.from('PROXY ', 'latin1')

/** Read the header at the start of `bytes`, which are everything that arrived so far. */
export function parseProxyHeader(bytes: Uint8Array): ProxyVerdict {
  if (startsLike(bytes, V2_SIGNATURE)) return parseVersion2(bytes)
  if (startsLike(bytes, V1_SIGNATURE)) return parseVersion1(bytes)
  return 'garbage'
}

/** Nothing that arrived so far contradicts the signature. */
function startsLike(bytes: Uint8Array, signature: Uint8Array): boolean {
  const length = Math.min(bytes.length, signature.length)
  for (let at = 0; at < length; at++) if (bytes[at] !== signature[at]) return false
  return true
}

function parseVersion1(bytes: Uint8Array): ProxyVerdict {
  const window = bytes.subarray(0, PROXY_V1_BYTES_MAX)
  const newline = window.indexOf(10)
  if (newline < 0) return bytes.length < PROXY_V1_BYTES_MAX ? 'more' : 'garbage'
  if (newline === 0 || window[newline - 1] !== 13) return 'garbage'
  const line = Buffer.from(window.subarray(0, newline - 1)).toString('latin1')
  const length = newline + 1
  const [, protocol, from, to, fromPort, toPort, ...rest] = line.split(' ')
  if (protocol === 'UNKNOWN') return { version: 1, source: undefined, destination: undefined, length }
  const family = protocol === 'TCP4' ? 'IPv4' : protocol === 'TCP6' ? 'IPv6' : undefined
  if (family === undefined || rest.length > 0) return 'garbage'
  const source = parseAddress(family, from, fromPort)
  const destination = parseAddress(family, to, toPort)
  if (source === undefined || destination === undefined) return 'garbage'
  return { version: 1, source, destination, length }
}

function parseAddress(
  family: 'IPv4' | 'IPv6',
  address: string | undefined,
  port: string | undefined,
): ProxiedAddress | undefined {
  if (address === undefined || !(family === 'IPv4' ? isIPv4(address) : isIPv6(address))) return undefined
  if (port === undefined || !/^(0|[1-9]\d{0,4})$/.test(port) || Number(port) > 0xffff) return undefined
  return { address, port: Number(port), family }
}

function parseVersion2(bytes: Uint8Array): ProxyVerdict {
  if (bytes.length < 16) return 'more'
  const command = bytes[12]! & 0x0f
  const length = 16 + ((bytes[14]! << 8) | bytes[15]!)
  if (bytes[12]! >> 4 !== 2 || command > 1 || length > PROXY_V2_BYTES_MAX) return 'garbage'
  if (bytes.length < length) return 'more'
  const own = { version: 2, source: undefined, destination: undefined, length } as const
  if (command === 0) return own

  const [family, addressBytes] = FAMILIES.get(bytes[13]!) ?? [undefined, 0]
  if (family === undefined) return own
  if (length < 16 + 2 * addressBytes + 4) return 'garbage'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const ports = 16 + 2 * addressBytes
  return {
    version: 2,
    source: { address: formatAddress(view, 16, addressBytes), port: view.getUint16(ports), family },
    destination: {
      address: formatAddress(view, 16 + addressBytes, addressBytes),
      port: view.getUint16(ports + 2),
      family,
    },
    length,
  }
}

/** Family and transport as one byte: TCP over IPv4, TCP over IPv6. Datagrams and unix sockets carry no TLS address. */
const FAMILIES: ReadonlyMap<number, readonly ['IPv4' | 'IPv6', number]> = new Map([
  [0x11, ['IPv4', 4]],
  [0x21, ['IPv6', 16]],
])

function formatAddress(view: DataView, at: number, byteCount: number): string {
  if (byteCount === 4) return [0, 1, 2, 3].map((index) => view.getUint8(at + index)).join('.')
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((index) => view.getUint16(at + index))
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatAddress(view, at + 12, 4)}`
  }
  return compressZeros(groups)
}

/** The text form of RFC 5952: the longest run of two or more zero groups becomes `::`. */
function compressZeros(groups: readonly number[]): string {
  let best = { start: 0, length: 1 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (best.length === 1) return text(groups)
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`
}
