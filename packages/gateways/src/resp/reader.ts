/**
 * Requests as Redis clients send them, read from bytes however these are cut.
 *
 * Pure: bytes in, arguments out. What is wrong is wrong in Redis's words, and ends the connection; where Redis is lenient,
 * this is too (the two bytes behind an argument are skipped unseen).
 *
 * ```
 *   *<count>\r\n  then count times  $<length>\r\n<bytes>\r\n      what libraries send
 *   word "quoted \x00" 'word'\n                                    inline: what people type
 * ```
 *
 * Each byte is looked at, and copied, a constant number of times. A length is checked when it is announced, and nothing is
 * allocated for bytes that have not come.
 */
import {
  ARGUMENT_BYTES_MAX,
  ARGUMENTS_MAX,
  LINE_BYTES_MAX,
  REQUEST_BYTES_MAX,
  STRANGER_ARGUMENT_BYTES_MAX,
  STRANGER_ARGUMENTS_MAX,
} from './constants.ts'
import { RespProtocolError } from './errors.ts'
import { splitInline } from './inline.ts'

/** A command and its arguments: views of the bytes that were pushed. */
export type Request = Buffer[]

export interface RequestReaderInit {
  /** Longest argument, in bytes. Default 1 MiB. */
  readonly argumentBytesMax?: number
  /** Bytes of all arguments of a request. Default 4 MiB, at least `argumentBytesMax`. */
  readonly requestBytesMax?: number
}

export class RequestReader {
  /** Whether the client may send what only a known client may. Until then requests are short. */
  isTrusted = true
  readonly #argumentBytesMax: number
  readonly #requestBytesMax: number

  /** What came and was not read yet lies from `#at` to `#end`. */
  #bytes: Buffer = EMPTY
  #at = 0
  #end = 0
  /** `#bytes` was made here and has room behind `#end`; otherwise it is a chunk as it was pushed. */
  #isOwned = false
  /** How far the end of the present line was looked for. */
  #searchedTo = 0

  /** The request under way: the arguments that are there, and how many lack. */
  #request: Request = []
  #lacking = 0
  #requestBytes = 0
  /** Length of the argument that comes next; -1 while its announcement is not here. */
  #argumentBytes = -1

  constructor(init: RequestReaderInit = {}) {
    this.#argumentBytesMax = init.argumentBytesMax ?? ARGUMENT_BYTES_MAX
    this.#requestBytesMax = Math.max(init.requestBytesMax ?? REQUEST_BYTES_MAX, this.#argumentBytesMax)
  }

  /** Bytes that are held for requests that are not complete. */
  get pendingBytes(): number {
    return this.#end - this.#at + this.#requestBytes
  }

  /** Take what the client sent. The chunk is the reader's from now on: requests are views of it. */
  push(chunk: Buffer): void {
    const pending = this.#end - this.#at
    if (pending === 0) {
      this.#bytes = chunk
      this.#at = 0
      this.#searchedTo = 0
      this.#end = chunk.length
      this.#isOwned = false
      return
    }
    if (!this.#isOwned || this.#end + chunk.length > this.#bytes.length) this.#move(pending, chunk.length)
    chunk.copy(this.#bytes, this.#end)
    this.#end += chunk.length
  }

  /**
   * The next complete request.
   * @returns undefined when it needs more bytes.
   * @throws RespProtocolError when no further byte would make it a request; the reader is of no use then.
   */
  next(): Request | undefined {
    while (this.#lacking === 0) {
      if (this.#at === this.#end) {
        // An idle client keeps nothing.
        this.#bytes = EMPTY
        this.#at = 0
        this.#end = 0
        return undefined
      }
      if (this.#bytes[this.#at] !== ASTERISK) {
        const words = this.#readInline()
        if (words === undefined || words.length > 0) return words
      } else if (!this.#readCount()) return undefined
    }
    while (this.#lacking > 0) if (!this.#readArgument()) return undefined
    const request = this.#request
    this.#request = []
    this.#requestBytes = 0
    return request
  }

  /** Put what is pending into a larger buffer. Arguments that were read before stay views of the old one. */
  #move(pending: number, more: number): void {
    const bytes = Buffer.allocUnsafeSlow(2 * (pending + more))
    this.#bytes.copy(bytes, 0, this.#at, this.#end)
    this.#searchedTo -= this.#at
    this.#bytes = bytes
    this.#at = 0
    this.#end = pending
    this.#isOwned = true
  }

  /** Read `*<count>`. @returns false when more bytes are needed; a count of nothing is no request. */
  #readCount(): boolean {
    const count = this.#readNumber('too big mbulk count string', 'invalid multibulk length')
    if (count === undefined) return false
    if (!this.isTrusted && count > STRANGER_ARGUMENTS_MAX)
      throw new RespProtocolError('unauthenticated multibulk length')
    if (count > ARGUMENTS_MAX) throw new RespProtocolError('invalid multibulk length')
    this.#lacking = Math.max(0, count)
    return true
  }

  /** Read `$<length>` and what it announces. @returns false when more bytes are needed. */
  #readArgument(): boolean {
    if (this.#argumentBytes < 0 && !this.#readLength()) return false
    const from = this.#at
    const to = from + this.#argumentBytes
    if (this.#end < to + 2) return false
    this.#request.push(this.#bytes.subarray(from, to))
    this.#requestBytes += this.#argumentBytes
    this.#at = to + 2
    this.#searchedTo = this.#at
    this.#argumentBytes = -1
    this.#lacking -= 1
    return true
  }

  #readLength(): boolean {
    if (this.#at === this.#end) return false
    const marker = this.#bytes[this.#at]
    if (marker !== DOLLAR) {
      // Redis looks at the marker when the whole line is there.
      if (this.#lineEnd('too big bulk count string') < 0) return false
      throw new RespProtocolError(`expected '$', got '${String.fromCharCode(marker ?? 0).replace(/[\r\n]/, ' ')}'`)
    }
    const length = this.#readNumber('too big bulk count string', 'invalid bulk length')
    if (length === undefined) return false
    if (length < 0 || length > this.#argumentBytesMax) throw new RespProtocolError('invalid bulk length')
    if (!this.isTrusted && length > STRANGER_ARGUMENT_BYTES_MAX) {
      throw new RespProtocolError('unauthenticated bulk length')
    }
    if (this.#requestBytes + length > this.#requestBytesMax) throw new RespProtocolError('too big request')
    this.#argumentBytes = length
    return true
  }

  /** The number between the marker and the end of its line, and go behind it; undefined when the line is not complete. */
  #readNumber(tooLong: string, invalid: string): number | undefined {
    const bytes = this.#bytes
    const from = this.#at + 1
    let at = from
    let value = 0
    for (; at < this.#end && at < from + DIGITS_QUICK; at++) {
      const digit = (bytes[at] as number) - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    const isPlain = at > from && bytes[at] === CARRIAGE_RETURN && (bytes[from] !== ZERO || at === from + 1)
    if (isPlain && at + 1 < this.#end) {
      this.#at = at + 2
      this.#searchedTo = this.#at
      return value
    }
    return this.#readOddNumber(tooLong, invalid)
  }

  /** A number that is not a few digits, or not all here. */
  #readOddNumber(tooLong: string, invalid: string): number | undefined {
    const end = this.#lineEnd(tooLong)
    if (end < 0) return undefined
    const text = this.#bytes.toString('latin1', this.#at + 1, end)
    if (!/^(?:0|-?[1-9]\d{0,18})$/.test(text)) throw new RespProtocolError(invalid)
    this.#at = end + 2
    this.#searchedTo = this.#at
    return Number(text)
  }

  /** Where the carriage return of the present line is; -1 when it, or the byte behind it, is not here. */
  #lineEnd(tooLong: string): number {
    const end = this.#search(CARRIAGE_RETURN)
    if ((end < 0 ? this.#end : end) - this.#at > LINE_BYTES_MAX) throw new RespProtocolError(tooLong)
    return end >= 0 && end + 1 < this.#end ? end : -1
  }

  /** A request on a line of its own; empty for an empty line, undefined when the line is not complete. */
  #readInline(): Request | undefined {
    const end = this.#search(LINE_FEED)
    if ((end < 0 ? this.#end : end) - this.#at > LINE_BYTES_MAX) throw new RespProtocolError('too big inline request')
    if (end < 0) return undefined
    const isReturned = end > this.#at && this.#bytes[end - 1] === CARRIAGE_RETURN
    const words = splitInline(this.#bytes.subarray(this.#at, isReturned ? end - 1 : end))
    if (words === undefined) throw new RespProtocolError('unbalanced quotes in request')
    this.#at = end + 1
    this.#searchedTo = this.#at
    return words
  }

  #search(byte: number): number {
    const from = Math.max(this.#at, this.#searchedTo)
    const found = this.#bytes.indexOf(byte, from)
    if (found >= 0 && found < this.#end) {
      this.#searchedTo = found
      return found
    }
    this.#searchedTo = this.#end
    return -1
  }
}

const EMPTY = Buffer.alloc(0)
const ASTERISK = 0x2a
const DOLLAR = 0x24
const ZERO = 0x30
const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a
/** Digits of a number that cannot be too large for anything. */
const DIGITS_QUICK = 9
