/**
 * Lines and blocks out of the chunks in which they come. Nothing is copied while a line or a block lies in one chunk, and
 * nothing twice when it does not.
 */
import { Buffer } from 'node:buffer'

export class LineReader {
  #chunks: Buffer[] = []
  /** Bytes that are not taken yet, over all chunks. */
  #length = 0
  /** Chunks that are known to have no end of a line. */
  #searched = 0

  get length(): number {
    return this.#length
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /** The first byte that is not taken yet. */
  peek(): number | undefined {
    return this.#chunks[0]?.[0]
  }

  /** The next line as Latin-1 text, without its end (LF, or CRLF). Undefined: it is not complete. */
  line(): string | undefined {
    for (; this.#searched < this.#chunks.length; this.#searched++) {
      const at = (this.#chunks[this.#searched] as Buffer).indexOf(LF)
      if (at < 0) continue
      let length = at + 1
      for (let i = 0; i < this.#searched; i++) length += (this.#chunks[i] as Buffer).length
      const line = this.#take(length)
      const end = line[length - 2] === CR ? length - 2 : length - 1
      return line.toString('latin1', 0, end)
    }
    return undefined
  }

  /** The start of what is there, at most so many bytes, as Latin-1 text. Not taken. */
  start(byteLength: number): string {
    const [first] = this.#chunks
    if (first === undefined) return ''
    const bytes = first.length >= byteLength ? first : Buffer.concat(this.#chunks)
    return bytes.toString('latin1', 0, Math.min(byteLength, bytes.length))
  }

  /** The next so many bytes. Undefined: they are not all there. */
  block(byteLength: number): Buffer | undefined {
    return this.#length < byteLength ? undefined : this.#take(byteLength)
  }

  /** Let go of so many bytes, or what there is of them. @returns how many. */
  skip(byteLength: number): number {
    const length = Math.min(byteLength, this.#length)
    if (length > 0) this.#take(length)
    return length
  }

  #take(byteLength: number): Buffer {
    this.#length -= byteLength
    this.#searched = 0
    const [first] = this.#chunks
    if (first !== undefined && first.length > byteLength) {
      this.#chunks[0] = first.subarray(byteLength)
      return first.subarray(0, byteLength)
    }
    if (first?.length === byteLength) {
      this.#chunks.shift()
      return first
    }
    const all = Buffer.concat(this.#chunks)
    this.#chunks = all.length > byteLength ? [all.subarray(byteLength)] : []
    return all.subarray(0, byteLength)
  }
}

const LF = 10
const CR = 13
