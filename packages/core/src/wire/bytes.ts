/**
 * Reading and writing the primitive shapes of the wire.
 *
 * Numbers are unsigned: fixed big-endian widths, or varints (little-endian base 128, shortest form only, up to 2^53 - 1).
 * Bytes and text are length-prefixed. The reader trusts nothing: a length is checked against what remains before anything
 * is allocated, over-long varints and ill-formed text are refused, and every failure is a `WireError`.
 */
import { Buffer } from 'node:buffer'
import { WireError } from '../errors.ts'

/** The highest number taken from a peer where this node may have to go one above it: what results still fits 48 bits. */
export const COUNTER_MAX: number = 2 ** 48 - 2

/** Appends to a growing buffer. `finish` hands the bytes over; the writer is not used after it. */
export class Writer {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#grow(1)
    this.#bytes[this.#length++] = value
  }

  u16(value: number): void {
    this.#grow(2)
    this.#length = this.#bytes.writeUInt16BE(value, this.#length)
  }

  u32(value: number): void {
    this.#grow(4)
    this.#length = this.#bytes.writeUInt32BE(value >>> 0, this.#length)
  }

  u48(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** 48) throw new RangeError(`not 48 bits: ${value}`)
    this.u16(Math.floor(value / 2 ** 32))
    this.u32(value)
  }

  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a wire number: ${value}`)
    this.#grow(8)
    let rest = value
    // What does not fit an integer is taken apart four bytes at a time: dividing doubles is slow.
    while (rest > 0x7fff_ffff) {
      let low = rest % 2 ** 28
      rest = (rest - low) / 2 ** 28
      for (let i = 0; i < 4; i++, low >>>= 7) this.#bytes[this.#length++] = low | 0x80
    }
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#length++] = rest | 0x80
    this.#bytes[this.#length++] = rest
  }

  /** The bytes alone, without a length. */
  raw(bytes: Uint8Array): void {
    this.#grow(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.raw(bytes)
  }

  text(text: string): void {
    if (this.#short(text, 0x7f)) return
    const size = Buffer.byteLength(text, 'utf8')
    this.varint(size)
    this.#grow(size)
    this.#length += this.#bytes.write(text, this.#length, size, 'utf8')
  }

  /** Text in which every character is one byte. */
  latin1(text: string): void {
    if (this.#short(text, 0xff)) return
    this.varint(text.length)
    this.#grow(text.length)
    this.#length += this.#bytes.write(text, this.#length, text.length, 'latin1')
  }

  /** What was written, as text. The writer goes on, or begins anew with `reset`. */
  toText(encoding: 'base64url'): string {
    return this.#bytes.toString(encoding, 0, this.#length)
  }

  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#length)
  }

  /** Begin anew with the same memory: for a writer whose bytes were copied, in place of `finish`. */
  reset(): void {
    this.#length = 0
  }

  /** Append what another writer has. */
  append(other: Writer): void {
    this.raw(other.#bytes.subarray(0, other.#length))
  }

  /** A short text of characters up to `codeMax`, with its length: sooner copied here than handed to a native function. */
  #short(text: string, codeMax: number): boolean {
    const { length } = text
    if (length > SHORT_TEXT_MAX) return false
    this.#grow(1 + length)
    const at = this.#length + 1
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > codeMax) return false
      this.#bytes[at + i] = code
    }
    this.#bytes[this.#length] = length
    this.#length = at + length
    return true
  }

  #grow(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

/** Reads from bytes that it never changes. Slices are views; copy what must outlive the message. */
export class Reader {
  readonly #bytes: Buffer
  readonly #plain: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#take(2))
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  u48(): number {
    const at = this.#take(6)
    return this.#bytes.readUInt16BE(at) * 2 ** 32 + this.#bytes.readUInt32BE(at + 2)
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw new WireError('varint is not in its shortest form')
        if (!Number.isSafeInteger(value)) throw new WireError('varint is over 2^53 - 1')
        return value
      }
      scale *= 0x80
    }
    throw new WireError('varint is over 8 bytes')
  }

  /** An epoch, generation or sequence number: what may have to be exceeded by one. */
  counter(): number {
    const value = this.varint()
    if (value > COUNTER_MAX) throw new WireError(`counter ${value} is over 2^48 - 2`)
    return value
  }

  /** A count of things of at least `bytesEach` bytes, which must fit in what remains. */
  count(max: number, bytesEach = 1): number {
    const count = this.varint()
    if (count > max) throw new WireError(`count ${count} is over ${max}`)
    if (count * bytesEach > this.remaining) throw new WireError(`count ${count} does not fit the message`)
    return count
  }

  raw(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  bytes(max: number = Number.MAX_SAFE_INTEGER): Uint8Array {
    return this.raw(this.#length(max))
  }

  /** A copy, which outlives the message. */
  copy(max: number): Uint8Array {
    const length = this.#length(max)
    const at = this.#take(length)
    return this.#plain.slice(at, at + length)
  }

  /** A view, good as long as the message. */
  view(max: number): Uint8Array {
    const length = this.#length(max)
    const at = this.#take(length)
    return this.#plain.subarray(at, at + length)
  }

  /** @param max in bytes */
  text(max = 255): string {
    const length = this.#length(max)
    const at = this.#take(length)
    // The same few names, of portions and nodes, are read again and again: they are compared instead of decoded.
    const place = (length * 31 + (this.#plain[at] ?? 0) * 7 + (this.#plain[at + length - 1] ?? 0)) % TEXTS_KEPT
    const known = textsKept[place]
    if (known !== undefined && this.#isAscii(known, at, length)) return known
    const text = this.#decode(at, length)
    if (text.length === length && length <= KEPT_TEXT_MAX) textsKept[place] = text
    return text
  }

  latin1(max = 255): string {
    const length = this.#length(max)
    const at = this.#take(length)
    return this.#bytes.toString('latin1', at, at + length)
  }

  /** Nothing may follow. */
  end(): void {
    if (this.remaining > 0) throw new WireError(`${this.remaining} bytes too many`)
  }

  #decode(at: number, length: number): string {
    try {
      return utf8.decode(this.#plain.subarray(at, at + length))
    } catch (cause) {
      throw new WireError('text is not UTF-8', { cause })
    }
  }

  /** Whether these bytes are the text, which has only characters of one byte. */
  #isAscii(text: string, at: number, length: number): boolean {
    if (text.length !== length) return false
    for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== this.#plain[at + i]) return false
    return true
  }

  #length(max: number): number {
    const length = this.varint()
    if (length > max) throw new WireError(`length ${length} is over ${max}`)
    return length
  }

  #take(length: number): number {
    const at = this.#offset
    if (length > this.#bytes.length - at) throw new WireError('message is cut short')
    this.#offset = at + length
    return at
  }
}

/** Longer text is written by a native function, whose call costs as much as so many characters. Its length is one byte. */
const SHORT_TEXT_MAX = 32
/** Texts that were read last, by their bytes' place: no more than a peer may make a node remember. */
const textsKept: (string | undefined)[] = []
const TEXTS_KEPT = 256
const KEPT_TEXT_MAX = 64
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
