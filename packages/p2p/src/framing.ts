/**
 * Messages on a byte stream: a length, then the message.
 *
 * Both lanes use it. On the control lane the first byte of a message is its kind (`control-lane.ts`). A length is checked
 * before anything is allocated for it.
 *
 * ```text
 *  0       4
 *  ┌───────┬──────────────────┐
 *  │ n u32 │ message, n bytes │   big-endian, 1 ≤ n ≤ the lane's limit
 *  └───────┴──────────────────┘
 * ```
 */
import { WireError } from '@reprise/core'

/** Bytes as libp2p hands them over: one piece, or a list of pieces. */
export type Pieces = Uint8Array | Iterable<Uint8Array>

export const LENGTH_BYTES = 4

/** The length of what follows, as it goes on the wire. */
export const encodeLength = (length: number): Uint8Array => {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES)
  bytes.writeUInt32BE(length)
  return bytes
}

/** Cuts a byte stream into its messages. One per stream; useless after it threw. */
export class MessageDecoder {
  readonly #bytesMax: number
  /** The length being read, while it is not complete. */
  readonly #length: Buffer = Buffer.alloc(LENGTH_BYTES)
  #lengthHas = 0
  /** The message being put together, when it came in several pieces. */
  #message: Uint8Array | undefined
  #messageHas = 0
  #messageNeeds = -1

  /** @param bytesMax the largest message accepted, in bytes. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /**
   * Take the next bytes and yield each message they complete. A message that came in one piece is a view of it: it is the
   * consumer's until the next one is asked for.
   * @throws WireError when a length is zero or over the limit.
   */
  *push(pieces: Pieces): Generator<Uint8Array, void, undefined> {
    if (!(pieces instanceof Uint8Array)) {
      for (const piece of pieces) yield* this.push(piece)
      return
    }
    let at = 0
    while (at < pieces.byteLength) {
      if (this.#messageNeeds < 0) at += this.#readLength(pieces, at)
      if (this.#messageNeeds < 0) return
      const needs = this.#messageNeeds - this.#messageHas
      const has = pieces.byteLength - at
      if (this.#message === undefined && has >= needs) {
        const message = pieces.subarray(at, at + needs)
        at += needs
        this.#messageNeeds = -1
        yield message
        continue
      }
      this.#message ??= new Uint8Array(this.#messageNeeds)
      const taken = Math.min(needs, has)
      this.#message.set(pieces.subarray(at, at + taken), this.#messageHas)
      this.#messageHas += taken
      at += taken
      if (taken < needs) return
      const message = this.#message
      this.#message = undefined
      this.#messageHas = 0
      this.#messageNeeds = -1
      yield message
    }
  }

  /** @returns the number of bytes read; afterwards `#messageNeeds` is known, or all bytes were taken. */
  #readLength(piece: Uint8Array, at: number): number {
    const taken = Math.min(LENGTH_BYTES - this.#lengthHas, piece.byteLength - at)
    this.#length.set(piece.subarray(at, at + taken), this.#lengthHas)
    this.#lengthHas += taken
    if (this.#lengthHas === LENGTH_BYTES) {
      const length = this.#length.readUInt32BE()
      if (length === 0 || length > this.#bytesMax) {
        throw new WireError(`a message of ${length} bytes was announced; 1 to ${this.#bytesMax} are accepted`)
      }
      this.#messageNeeds = length
      this.#lengthHas = 0
    }
    return taken
  }
}
