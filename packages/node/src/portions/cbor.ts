/**
 * Plain data as CBOR (RFC 8949), in one form only: equal values are equal bytes on every node.
 *
 * ```
 *  3 bits  5 bits
 *  0       n         a whole number n           n: 0-23 itself; 24, 25, 26, 27: in the next 1, 2, 4, 8 bytes, the
 *  1       n         -1 - n                     shortest that holds it
 *  2       n         n bytes
 *  3       n         text of n bytes, UTF-8
 *  4       n         a list of n values
 *  5       n         an object of n fields: name, value, in the order of the encoded names
 *  7       20 21 22  false, true, null
 *  7       27        any other finite number, 8 bytes
 * ```
 *
 * It is the deterministic encoding of RFC 8949, 4.2.1, without tags, indefinite lengths, short floats and numbers beyond
 * 2^53 - 1, which JavaScript does not tell apart. What is outside of it is refused both ways. Unlike JSON it has bytes, and
 * unlike a format with a schema it keeps fields that the reader does not know.
 */
import { Buffer } from 'node:buffer'
import { Reader, WireError, type Writer } from '@reprise/core'
import { JSON_DEPTH_MAX } from '../constants.ts'
import { isPlainObject, type Path, ShapeError } from './shape.ts'

/**
 * Append a value. Fields that are undefined are left out.
 * @throws ShapeError when something in it is not plain data, or is nested too deeply.
 */
export function writeData(value: unknown, out: Writer, path: Path): void {
  write(value, out, path, 0)
}

/** @throws WireError unless the bytes are exactly one value in its only form. */
export function decodeData(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes)
  const value = read(reader, 0)
  reader.end()
  return value
}

function write(value: unknown, out: Writer, path: Path, depth: number): void {
  if (depth > JSON_DEPTH_MAX) throw new ShapeError(path, `at most ${JSON_DEPTH_MAX} levels and no cycle`, value)
  if (value === false) out.u8(FALSE)
  else if (value === true) out.u8(TRUE)
  else if (value === null) out.u8(NULL)
  else if (typeof value === 'number' && Number.isFinite(value)) writeNumber(value, out)
  else if (typeof value === 'string' && value.isWellFormed()) writeText(value, out)
  else if (value instanceof Uint8Array) {
    writeHead(BYTES, value.length, out)
    out.raw(value)
  } else if (Array.isArray(value)) {
    writeHead(LIST, value.length, out)
    for (let key = 0; key < value.length; key++) write(value[key], out, { parent: path, key }, depth + 1)
  } else if (isPlainObject(value)) writeObject(value, out, path, depth)
  else throw new ShapeError(path, 'plain data or bytes', value)
}

function writeNumber(value: number, out: Writer): void {
  if (!Number.isSafeInteger(value)) {
    out.u8(FLOAT64)
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeDoubleBE(value)
    out.raw(bytes)
  } else if (value >= 0) writeHead(UNSIGNED, value, out)
  else writeHead(NEGATIVE, -1 - value, out)
}

function writeText(value: string, out: Writer): void {
  const bytes = Buffer.from(value, 'utf8')
  writeHead(TEXT, bytes.length, out)
  out.raw(bytes)
}

function writeObject(value: Readonly<Record<string, unknown>>, out: Writer, path: Path, depth: number): void {
  const names = Object.keys(value).filter((name) => value[name] !== undefined)
  const fields = names.map((name) => ({ name, bytes: Buffer.from(name, 'utf8') }))
  // Encoded names begin with their length, so this is the order of the encoded names.
  fields.sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
  writeHead(OBJECT, fields.length, out)
  for (const { name, bytes } of fields) {
    const at = { parent: path, key: name }
    if (name === '__proto__' || !name.isWellFormed()) throw new ShapeError(at, 'another name for a field', value[name])
    writeHead(TEXT, bytes.length, out)
    out.raw(bytes)
    write(value[name], out, at, depth + 1)
  }
}

function writeHead(kind: number, count: number, out: Writer): void {
  if (count < IN_1_BYTE) out.u8(kind | count)
  else if (count <= 0xff) {
    out.u8(kind | IN_1_BYTE)
    out.u8(count)
  } else if (count <= 0xffff) {
    out.u8(kind | IN_2_BYTES)
    out.u16(count)
  } else if (count <= 0xffff_ffff) {
    out.u8(kind | IN_4_BYTES)
    out.u32(count)
  } else {
    out.u8(kind | IN_8_BYTES)
    out.u32(Math.floor(count / 2 ** 32))
    out.u32(count % 2 ** 32)
  }
}

function read(reader: Reader, depth: number): unknown {
  if (depth > JSON_DEPTH_MAX) throw new WireError(`data is nested deeper than ${JSON_DEPTH_MAX}`)
  const first = reader.u8()
  if (first === FALSE) return false
  if (first === TRUE) return true
  if (first === NULL) return null
  if (first === FLOAT64) return readFloat(reader)
  const kind = first & 0xe0
  const count = readCount(reader, first & 0x1f)
  switch (kind) {
    case UNSIGNED:
      return count
    case NEGATIVE:
      if (count === Number.MAX_SAFE_INTEGER) throw new WireError('number is under -(2^53 - 1)')
      return -1 - count
    case BYTES:
      return Uint8Array.from(reader.raw(count))
    case TEXT:
      return readText(reader, count)
    case LIST: {
      assertFits(reader, count, 1)
      const items: unknown[] = []
      for (let i = 0; i < count; i++) items.push(read(reader, depth + 1))
      return items
    }
    case OBJECT:
      return readObject(reader, count, depth)
    default:
      throw new WireError(`data of kind ${first} is not used here`)
  }
}

function readObject(reader: Reader, count: number, depth: number): Record<string, unknown> {
  assertFits(reader, count, 2)
  const fields: Record<string, unknown> = {}
  let before: Buffer | undefined
  for (let i = 0; i < count; i++) {
    const head = reader.u8()
    if ((head & 0xe0) !== TEXT) throw new WireError('the name of a field is no text')
    const bytes = Buffer.from(reader.raw(readCount(reader, head & 0x1f)))
    const isLater = before === undefined || (bytes.length - before.length || Buffer.compare(bytes, before)) > 0
    if (!isLater) throw new WireError('fields are twice there, or not in their order')
    before = bytes
    const name = decodeText(bytes)
    if (name === '__proto__') throw new WireError('a field is named __proto__')
    fields[name] = read(reader, depth + 1)
  }
  return fields
}

function readText(reader: Reader, length: number): string {
  return decodeText(reader.raw(length))
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new WireError('text is not UTF-8', { cause })
  }
}

function readFloat(reader: Reader): number {
  const bytes = reader.raw(8)
  const value = Buffer.from(bytes.buffer, bytes.byteOffset, 8).readDoubleBE()
  if (Number.isFinite(value) && !Number.isSafeInteger(value)) return value
  throw new WireError('a number is not finite, or not in its shortest form')
}

/** The number in, or after, the first byte. */
function readCount(reader: Reader, low: number): number {
  const [count, least] = readWide(reader, low)
  if (count >= least) return count
  throw new WireError('a number is not in its shortest form')
}

function readWide(reader: Reader, low: number): readonly [count: number, least: number] {
  switch (low) {
    case IN_1_BYTE:
      return [reader.u8(), IN_1_BYTE]
    case IN_2_BYTES:
      return [reader.u16(), 2 ** 8]
    case IN_4_BYTES:
      return [reader.u32(), 2 ** 16]
    case IN_8_BYTES: {
      const count = reader.u32() * 2 ** 32 + reader.u32()
      if (!Number.isSafeInteger(count)) throw new WireError('a number is over 2^53 - 1')
      return [count, 2 ** 32]
    }
    default:
      if (low < IN_1_BYTE) return [low, 0]
      throw new WireError('lengths that are not known beforehand are not used here')
  }
}

/** Before anything is made of `count` things of at least that size. */
function assertFits(reader: Reader, count: number, bytesEach: number): void {
  if (count > reader.remaining / bytesEach) throw new WireError(`${count} things do not fit the data`)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const UNSIGNED = 0 << 5
const NEGATIVE = 1 << 5
const BYTES = 2 << 5
const TEXT = 3 << 5
const LIST = 4 << 5
const OBJECT = 5 << 5
const FALSE = (7 << 5) | 20
const TRUE = (7 << 5) | 21
const NULL = (7 << 5) | 22
const FLOAT64 = (7 << 5) | 27
const IN_1_BYTE = 24
const IN_2_BYTES = 25
const IN_4_BYTES = 26
const IN_8_BYTES = 27
