/**
 * Replies, as bytes of RESP2 or RESP3.
 *
 * One writer serves one connection. What was written since the last `take` is one buffer, so that the replies to everything
 * that came together leave together. `version` may change between two replies: `HELLO` does that. What RESP2 has no type for is
 * written as Redis writes it there.
 *
 * ```
 *   +text  -text  :integer  $length bytes  *count            both
 *   _  =length txt:bytes  %count  ~count                      RESP3; in RESP2  $-1  $length bytes  *2·count  *count
 * ```
 */
import { REPLY_BYTES_KEPT_MAX, REPLY_BYTES_MIN } from './constants.ts'

export type RespVersion = 2 | 3

export class ReplyWriter {
  version: RespVersion = 2
  #bytes: Buffer | undefined
  #at = 0
  /** How large to make the next buffer. */
  #bytesFirst = REPLY_BYTES_MIN

  /** Bytes that were written and not taken. */
  get length(): number {
    return this.#at
  }

  /** Everything that was written since the last time, to be sent. It is the caller's. @returns undefined for nothing. */
  take(): Buffer | undefined {
    if (this.#bytes === undefined) return undefined
    const taken = this.#bytes.subarray(0, this.#at)
    this.#bytesFirst = Math.min(Math.max(REPLY_BYTES_MIN, this.#bytes.length), REPLY_BYTES_KEPT_MAX)
    if (this.#at * 4 < this.#bytes.length) this.#bytesFirst = REPLY_BYTES_MIN
    this.#bytes = undefined
    this.#at = 0
    return taken
  }

  /** `+OK` and other status lines: characters below 256, a byte each, without line ends. */
  status(text: string): void {
    this.#line(PLUS, text)
  }

  /** An error, with its code in front (`ERR …`): characters below 256, a byte each. Line ends become spaces, as in Redis. */
  error(text: string): void {
    this.#line(MINUS, text.replace(/[\r\n]+$/, '').replace(/[\r\n]/g, ' '))
  }

  /** A whole number that JavaScript has exactly, or any other as a bigint. */
  integer(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value <= INT32_MAX) this.#length(COLON, value)
    else this.#line(COLON, String(value))
  }

  /** Bytes, or text as its UTF-8 bytes. */
  bulk(value: Uint8Array | string): void {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    const { length } = bytes
    this.#length(DOLLAR, length)
    const to = this.#room(length + 2)
    to.set(bytes, this.#at)
    this.#at += length
    this.#lineEnd(to)
  }

  /** No value. */
  null(): void {
    this.#ready(this.version === 3 ? NULL : NULL_BULK)
  }

  /** `count` replies follow. */
  array(count: number): void {
    this.#length(ASTERISK, count)
  }

  /** `count` replies follow, of which none is twice. */
  set(count: number): void {
    this.#length(this.version === 3 ? TILDE : ASTERISK, count)
  }

  /** `count` pairs of replies follow. */
  map(count: number): void {
    if (this.version === 3) this.#length(PERCENT, count)
    else this.#length(ASTERISK, 2 * count)
  }

  /** Text for people, as it is. */
  verbatim(text: string): void {
    if (this.version === 2) return this.bulk(text)
    const bytes = Buffer.from(`txt:${text}`)
    this.#length(EQUALS, bytes.length)
    this.#ready(bytes)
    this.#lineEnd(this.#room(2))
  }

  #ready(bytes: Uint8Array): void {
    this.#room(bytes.length).set(bytes, this.#at)
    this.#at += bytes.length
  }

  #line(marker: number, text: string): void {
    const to = this.#room(text.length + 3)
    to[this.#at] = marker
    this.#at += 1
    this.#at += to.write(text, this.#at, 'latin1')
    this.#lineEnd(to)
  }

  /** A marker, and a number from 0 to `INT32_MAX`. */
  #length(marker: number, value: number): void {
    const to = this.#room(DIGITS_MAX + 3)
    to[this.#at] = marker
    let digits = 1
    for (let power = 10; value >= power; power *= 10) digits += 1
    let rest = value
    for (let at = this.#at + digits; at > this.#at; at--) {
      const next = (rest / 10) | 0
      to[at] = ZERO + rest - 10 * next
      rest = next
    }
    this.#at += 1 + digits
    this.#lineEnd(to)
  }

  #lineEnd(to: Buffer): void {
    to[this.#at] = CARRIAGE_RETURN
    to[this.#at + 1] = LINE_FEED
    this.#at += 2
  }

  /** The buffer, with room for that many bytes more. */
  #room(bytes: number): Buffer {
    const needed = this.#at + bytes
    const present = this.#bytes
    if (present !== undefined && needed <= present.length) return present
    const made = Buffer.allocUnsafe(Math.max(needed, present === undefined ? this.#bytesFirst : 2 * present.length))
    present?.copy(made, 0, 0, this.#at)
    this.#bytes = made
    return made
  }
}

const PLUS = 0x2b
const MINUS = 0x2d
const COLON = 0x3a
const DOLLAR = 0x24
const ASTERISK = 0x2a
const TILDE = 0x7e
const PERCENT = 0x25
const EQUALS = 0x3d
const ZERO = 0x30
const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a
const INT32_MAX: number = 2 ** 31 - 1
/** Its digits. */
const DIGITS_MAX = 10
const NULL = Buffer.from('_\r\n')
const NULL_BULK = Buffer.from('$-1\r\n')
