/** Answers, in order, until they are taken. Small ones are put together, large values are not copied more than once. */
import { Buffer } from 'node:buffer'

export class ReplyWriter {
  #text = ''
  #parts: Buffer[] = []
  #length = 0
  #isMuted = false

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#length + this.#text.length
  }

  /** Of a client that wants to hear nothing of a request, nothing is written until it is over. */
  mute(isMuted: boolean): void {
    this.#isMuted = isMuted
  }

  /** A line, without its end. */
  line(text: string): void {
    if (!this.#isMuted) this.#text += `${text}\r\n`
  }

  /** A block of data and the end after it. */
  block(bytes: Uint8Array): void {
    if (this.#isMuted) return
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (buffer.length <= JOINED_BYTES_MAX) this.#text += `${buffer.toString('latin1')}\r\n`
    else {
      this.#flushText()
      this.#parts.push(buffer)
      this.#length += buffer.length
      this.#text = '\r\n'
    }
  }

  /** Bytes as they are. */
  raw(bytes: Buffer): void {
    this.#flushText()
    this.#parts.push(bytes)
    this.#length += bytes.length
  }

  take(): Buffer | undefined {
    this.#flushText()
    const parts = this.#parts
    if (parts.length === 0) return undefined
    this.#parts = []
    this.#length = 0
    return parts.length === 1 ? parts[0] : Buffer.concat(parts)
  }

  #flushText(): void {
    if (this.#text === '') return
    const bytes = Buffer.from(this.#text, 'latin1')
    this.#text = ''
    this.#parts.push(bytes)
    this.#length += bytes.length
  }
}

/** Up to here a value is copied with the text around it, which is cheaper than a part of its own. */
const JOINED_BYTES_MAX = 4_096
