/**
 * The bulk lane of one pair: sync and other large transfers, at the pace of the slower side.
 *
 * Two `it-pipe` pipelines on one stream. A bounded queue stands before the sending one, so that a caller learns of
 * back-pressure by a `send` that returns false; the receiving one takes the next message when the handler is done with the
 * last, and pauses the stream meanwhile, which closes the sender's window.
 *
 * ```text
 *  send ─► queue ─► encode (batches and cuts) ─► stream ═══ stream ─► decode ─► handler
 * ```
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { pipe } from 'it-pipe'
import { BULK_CHUNK_BYTES, BULK_HEADER_BYTES, BULK_TURN_MS, type NetworkLimits } from './constants.ts'
import { toError } from './control-lane.ts'
import { drained } from './drained.ts'
import { encodeLength, MessageDecoder } from './framing.ts'
import { updateWindowLazily } from './lazy-window.ts'
import { raise } from './raise.ts'

type Pieces = Uint8Array | Iterable<Uint8Array>

export interface BulkLaneEvents {
  /** A promise holds back the next message. The bytes are the receiver's until it resolves. */
  onMessage(message: Uint8Array): void | Promise<void>
  /** The lane ended, for whatever reason. Once. */
  onEnd(error: Error | undefined): void
}

export class BulkLane {
  readonly #limits: NetworkLimits
  readonly #events: BulkLaneEvents
  readonly #nowMs: () => number
  readonly #queue = new SendQueue()
  #stream: Stream | undefined
  #ended = false

  constructor(limits: NetworkLimits, nowMs: () => number, events: BulkLaneEvents) {
    this.#limits = limits
    this.#nowMs = nowMs
    this.#events = events
  }

  /** Bytes that were accepted and not yet taken by the connection. */
  get bufferedBytes(): number {
    return this.#queue.bytes + (this.#stream?.writeBufferLength ?? 0)
  }

  /** Queue a message; it waits there until a stream is attached. @returns false when the queue is full or the lane ended. */
  send(message: Uint8Array): boolean {
    if (this.#ended) return false
    if (this.#queue.bytes + BULK_HEADER_BYTES + message.byteLength > this.#limits.bulkBufferBytesMax) return false
    this.#queue.push(message)
    return true
  }

  /** Start both pipelines on the stream. Once. */
  attach(stream: Stream): void {
    this.#stream = stream
    updateWindowLazily(stream)
    stream.addEventListener('close', (event) => this.#end(event.error))
    const outgoing = pipe(this.#queue, encode, (source) => write(source, stream))
    const incoming = pipe(
      read(stream),
      (source) => decode(source, this.#limits.bulkMessageBytesMax),
      (source) => this.#deliver(source),
    )
    // Whichever ends first ends the other: a half-closed stream would stay for as long as the connection.
    Promise.race([outgoing, incoming]).then(
      () => this.end(undefined),
      (error) => this.end(toError(error)),
    )
  }

  /** End the lane: the stream is reset, what is queued is dropped. Safe twice. */
  end(reason: Error | undefined): void {
    if (this.#stream?.status === 'open') this.#stream.abort(reason ?? new Error('the bulk lane ended'))
    this.#end(reason)
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#queue.end()
    this.#events.onEnd(error)
  }

  async #deliver(source: AsyncIterable<Uint8Array>): Promise<void> {
    let turnEndsMs = this.#nowMs() + BULK_TURN_MS
    for await (const message of source) {
      if (this.#ended) return
      try {
        await this.#events.onMessage(message)
      } catch (bug) {
        raise(bug)
        return
      }
      if (this.#nowMs() < turnEndsMs) continue
      await nextTurn()
      turnEndsMs = this.#nowMs() + BULK_TURN_MS
    }
  }
}

/** The messages that wait. Iterating takes them out, in batches of about one chunk. */
class SendQueue implements AsyncIterable<Uint8Array[]> {
  #messages: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #wake: (() => void) | undefined

  get bytes(): number {
    return this.#bytes
  }

  push(message: Uint8Array): void {
    this.#messages.push(message)
    this.#bytes += BULK_HEADER_BYTES + message.byteLength
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#messages = []
    this.#bytes = 0
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array[], void, undefined> {
    while (!this.#ended) {
      if (this.#messages.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
        continue
      }
      let count = 0
      let bytes = 0
      while (count < this.#messages.length && bytes < BULK_CHUNK_BYTES) {
        bytes += BULK_HEADER_BYTES + this.#messages[count]!.byteLength
        count++
      }
      // They count as queued until the stream took them, so that the bound holds for one large message, too.
      const batch = this.#messages.splice(0, count)
      yield batch
      if (!this.#ended) this.#bytes -= bytes
    }
  }
}

/** Length-prefix, put small messages together and cut large ones, so that each write is one chunk at most. */
async function* encode(batches: AsyncIterable<Uint8Array[]>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const batch of batches) {
    const parts = batch.flatMap((message) => [encodeLength(message.byteLength), message])
    const bytes = Buffer.concat(parts)
    for (let at = 0; at < bytes.byteLength; at += BULK_CHUNK_BYTES) yield bytes.subarray(at, at + BULK_CHUNK_BYTES)
  }
}

/** Write at the stream's pace, giving way to what else the event loop has to do after each chunk. */
const write = async (chunks: AsyncIterable<Uint8Array>, stream: Stream): Promise<void> => {
  for await (const chunk of chunks) {
    if (stream.writeStatus !== 'writable') return
    stream.send(chunk)
    if (stream.writableNeedsDrain) await drained(stream)
    else await nextTurn()
  }
}

/** What arrives, piece by piece. The stream is paused while a piece is being worked off. */
async function* read(stream: Stream): AsyncGenerator<Pieces, void, undefined> {
  const arrived: Pieces[] = []
  let ended = false
  let wake: (() => void) | undefined
  const onMessage = (event: { readonly data: Pieces }): void => {
    arrived.push(event.data)
    if (stream.readStatus === 'readable') stream.pause()
    wake?.()
  }
  const onEnd = (): void => {
    ended = true
    wake?.()
  }
  stream.addEventListener('message', onMessage)
  stream.addEventListener('close', onEnd)
  stream.addEventListener('remoteCloseWrite', onEnd)
  try {
    while (!ended) {
      const pieces = arrived.shift()
      if (pieces !== undefined) {
        yield pieces
        continue
      }
      if (stream.readStatus === 'paused') stream.resume()
      if (arrived.length > 0) continue
      await new Promise<void>((resolve) => {
        wake = resolve
      })
      wake = undefined
    }
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('close', onEnd)
    stream.removeEventListener('remoteCloseWrite', onEnd)
  }
}

async function* decode(source: AsyncIterable<Pieces>, bytesMax: number): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new MessageDecoder(bytesMax)
  for await (const pieces of source) yield* decoder.push(pieces)
}
