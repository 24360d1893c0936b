/**
 * What an application sets, as the bytes that travel.
 *
 * ```
 *  0      tag:u8    bit 0: JSON text instead of bytes; bit 7: sealed
 *  1-     the bytes or the JSON text; when sealed, see seal.ts
 * ```
 *
 * `get` returns what `set` was given: bytes as bytes, data as data. Data is encoded at once, so that changing an object later
 * does not silently change the session on one node only.
 */
import { Buffer } from 'node:buffer'
import type { JsonValue, PortionValue } from '@reprise/core'
import { UsageError, WireError } from '@reprise/core'
import { JSON_DEPTH_MAX, SEAL_KEY_ID_BYTES, SEAL_NONCE_BYTES, SEAL_TAG_BYTES } from './constants.ts'
import type { Place, Sealer } from './seal.ts'

/** @throws UsageError when the value is neither bytes nor plain data. */
export function encodeValue(name: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return tagged(TAG_BYTES, value)
  assertPlain(name, value, 0)
  return tagged(TAG_JSON, Buffer.from(JSON.stringify(value), 'utf8'))
}

/** What sealing adds to an encoded value, in bytes. */
export const SEALED_OVERHEAD_BYTES: number = SEAL_KEY_ID_BYTES + SEAL_NONCE_BYTES + SEAL_TAG_BYTES

/** Seal an encoded value for its place. */
export function sealValue(encoded: Uint8Array, sealer: Sealer, place: Place): Uint8Array {
  const sealed = sealer.seal(encoded.subarray(TAG_LENGTH), place, TAG_LENGTH)
  sealed[0] = (encoded[0] as number) | TAG_SEALED
  return sealed
}

/** @throws SealError when it is sealed and cannot be opened; WireError when it is no value. */
export function decodeValue(stored: Uint8Array, sealer: Sealer | undefined, place: Place): PortionValue {
  const tag = stored[0]
  if (tag === undefined || (tag & ~(TAG_JSON | TAG_SEALED)) !== 0) throw new WireError(`unknown value tag ${tag}`)
  const body = stored.subarray(1)
  const plain = (tag & TAG_SEALED) === 0 ? body : openSealed(body, sealer, place)
  if ((tag & TAG_JSON) === 0) return plain
  try {
    return JSON.parse(
      Buffer.from(plain.buffer, plain.byteOffset, plain.length).toString('utf8'),
      refuseProto,
    ) as JsonValue
  } catch (cause) {
    throw new WireError('a portion that says it is JSON is not', { cause })
  }
}

function openSealed(body: Uint8Array, sealer: Sealer | undefined, place: Place): Uint8Array {
  if (sealer === undefined) throw new UsageError('the value is sealed: give this node the secret or the sealing keys')
  return sealer.open(body, place)
}

function tagged(tag: number, body: Uint8Array): Uint8Array {
  const length = 1 + body.length
  // Memory of its own for each costs more than filling it.
  const { buffer, byteOffset } = Buffer.allocUnsafe(length)
  const bytes = new Uint8Array(buffer, byteOffset, length)
  bytes[0] = tag
  bytes.set(body, 1)
  return bytes
}

/** What JSON would silently change or drop is refused instead. */
function assertPlain(name: string, value: unknown, depth: number): void {
  if (depth > JSON_DEPTH_MAX) throw new UsageError(`portion ${name}: nested deeper than ${JSON_DEPTH_MAX}, or a cycle`)
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return
  if (typeof value === 'number' && Number.isFinite(value)) return
  if (Array.isArray(value)) {
    for (const item of value) assertPlain(name, item, depth + 1)
    return
  }
  const isPlain = typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value))
  if (!isPlain) {
    const kind = typeof value === 'object' ? (value as object).constructor?.name : typeof value
    throw new UsageError(`portion ${name}: ${kind} is not plain data; set bytes, or convert it first`)
  }
  for (const [key, item] of Object.entries(value as object)) {
    if (item !== undefined) assertPlain(`${name}.${key}`, item, depth + 1)
  }
}

/** `{"__proto__": …}` must stay harmless in whatever the application does with the data. */
function refuseProto(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value
}

/** Bytes of the tag, in front of a value. */
const TAG_LENGTH = 1
const TAG_BYTES = 0
const TAG_JSON = 1
const TAG_SEALED = 0x80
