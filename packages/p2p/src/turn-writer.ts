/**
 * Writing to a stream once per turn of the event loop.
 *
 * A write costs a muxer frame, an encrypted record and a system call at each end, whatever its size. A node under load writes
 * dozens of frames in one turn, so they are put together, and what comes while the stream is full waits for one write, too.
 */
import type { Stream } from '@libp2p/interface'
import { updateWindowLazily } from './lazy-window.ts'

/** Several streams are often written the same; the bytes of the last join are kept to be used again then. */
export class PieceJoiner {
  #pieces: readonly Uint8Array[] = []
  #joined: Uint8Array = new Uint8Array(0)

  /** @returns the pieces as one; not to be changed. */
  join(pieces: readonly Uint8Array[], byteLength: number): Uint8Array {
    const isSame = pieces.length === this.#pieces.length && pieces.every((piece, i) => piece === this.#pieces[i])
    if (!isSame) {
      this.#pieces = pieces
      this.#joined = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, byteLength)
    }
    return this.#joined
  }
}

export class TurnWriter {
  readonly stream: Stream
  readonly #joiner: PieceJoiner
  /** `send` of the stream, also when somebody replaces it. */
  readonly #send: (bytes: Uint8Array) => boolean
  #pieces: Uint8Array[] = []
  #waitingBytes = 0
  #pushedBytes = 0
  #isScheduled = false

  constructor(stream: Stream, joiner: PieceJoiner) {
    this.stream = stream
    this.#joiner = joiner
    this.#send = stream.send.bind(stream)
    updateWindowLazily(stream)
    stream.addEventListener('drain', () => this.#schedule())
    // The other side reads no more. A half-closed stream would stay for as long as the connection, and lose what is written.
    stream.addEventListener('remoteCloseWrite', () => stream.abort(new Error('the reader of the stream is gone')))
  }

  /** Bytes that were pushed and that the connection has not taken. */
  get bufferedBytes(): number {
    return this.#waitingBytes + this.stream.writeBufferLength
  }

  /** Bytes that the connection took so far. */
  get sentBytes(): number {
    return this.#pushedBytes - this.bufferedBytes
  }

  /** Write at the end of this turn, in the order of the calls. How much may wait is the caller's to watch. */
  push(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#waitingBytes += piece.byteLength
    this.#pushedBytes += piece.byteLength
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#pieces.length === 0) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    // Nobody else writes to the stream, so a full one says when it is not.
    if (this.#pieces.length === 0 || this.stream.writableNeedsDrain) return
    const bytes = this.#joiner.join(this.#pieces, this.#waitingBytes)
    this.#pieces = []
    this.#waitingBytes = 0
    try {
      this.#send(bytes)
    } catch (error) {
      // `send` throws at once on a stream that is closed.
      this.stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
