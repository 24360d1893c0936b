/**
 * The control lane of one pair: small messages that are never behind bulk, and the signs of life of the connection.
 *
 * One stream carries both directions. It is opened by the peer with the lower id, both say hello, and from then on it lives
 * exactly as long as its connection: when the one ends, `links.ts` ends the other. What is sent within one turn of the event
 * loop leaves as one write.
 *
 * ```text
 *  0       4   5
 *  ┌───────┬───┬──────────────────────┐    kind 0 hello    see hello.ts; first, once, each way
 *  │ n u32 │ k │ payload, n - 1 bytes │         1 message  the owner's
 *  └───────┴───┴──────────────────────┘         2 ping     8 bytes that come back
 *                                               3 pong     the same 8 bytes
 * ```
 */
import type { Stream } from '@libp2p/interface'
import { WireError } from '@reprise/core'
import { CONTROL_HEADER_BYTES, type NetworkLimits } from './constants.ts'
import { MismatchError } from './errors.ts'
import { LENGTH_BYTES, MessageDecoder } from './framing.ts'
import { checkHello, encodeHello, type Hello } from './hello.ts'
import { updateWindowLazily } from './lazy-window.ts'
import { raise } from './raise.ts'

/** Append-only. */
const KIND = { hello: 0, message: 1, ping: 2, pong: 3 } as const
type Kind = (typeof KIND)[keyof typeof KIND]

const KIND_BYTES = CONTROL_HEADER_BYTES - LENGTH_BYTES
const PING_BYTES = 8

/** What the lane tells its owner. Called synchronously; `onEnd` once, and nothing after it. */
export interface ControlLaneEvents {
  /** The peer's hello fits, and ours is under way. */
  onOpen(): void
  onMessage(message: Uint8Array): void
  /** The stream ended; with an error when the peer broke the protocol or does not fit. */
  onEnd(error: Error | undefined): void
}

export interface ControlLaneInit {
  readonly stream: Stream
  readonly peer: string
  readonly hello: Hello
  /** Who opened the stream speaks first; the other side answers when it has checked the hello. */
  readonly opener: boolean
  readonly limits: NetworkLimits
  readonly nowMs: () => number
}

export class ControlLane {
  readonly #init: ControlLaneInit
  readonly #events: ControlLaneEvents
  readonly #decoder: MessageDecoder
  #state: 'hello' | 'open' | 'ended' = 'hello'
  /** Encoded messages of this turn, and their bytes. */
  #batch: Uint8Array[] = []
  #batchBytes = 0
  #rttMs: number | undefined
  #heard = false

  constructor(init: ControlLaneInit, events: ControlLaneEvents) {
    this.#init = init
    this.#events = events
    this.#decoder = new MessageDecoder(init.limits.controlMessageBytesMax + KIND_BYTES)
    const { stream } = init
    updateWindowLazily(stream)
    stream.addEventListener('close', (event) => this.#end(event.error))
    // A half-closed stream would stay for as long as the connection.
    stream.addEventListener('remoteCloseWrite', () => this.#end(undefined))
    stream.addEventListener('message', (event) => this.#read(event.data))
    if (init.opener) this.#write(KIND.hello, encodeHello(init.hello))
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Bytes that were accepted and not yet taken by the connection. */
  get bufferedBytes(): number {
    return this.#batchBytes + this.#init.stream.writeBufferLength
  }

  /** Round trip of the last ping, in milliseconds; includes what both event loops made it wait. */
  get rttMs(): number | undefined {
    return this.#rttMs
  }

  /** Whether anything came since the last call. */
  takeHeard(): boolean {
    const heard = this.#heard
    this.#heard = false
    return heard
  }

  /** @returns false when the lane is not open or full; the message is dropped. */
  send(message: Uint8Array): boolean {
    if (this.#state !== 'open') return false
    const bytes = CONTROL_HEADER_BYTES + message.byteLength
    if (this.bufferedBytes + bytes > this.#init.limits.controlBufferBytesMax) return false
    this.#write(KIND.message, message)
    return true
  }

  /** Ask for a sign of life. Says nothing when the lane is full: then its silence is being watched already. */
  ping(): void {
    if (this.#state !== 'open' || this.bufferedBytes > this.#init.limits.controlBufferBytesMax) return
    const payload = Buffer.allocUnsafe(PING_BYTES)
    payload.writeDoubleBE(this.#init.nowMs())
    this.#write(KIND.ping, payload)
  }

  /** End the lane. The stream is reset; the peer sees its lane end. */
  end(reason: Error): void {
    if (this.#state === 'ended') return
    this.#init.stream.abort(reason)
    this.#end(reason)
  }

  #write(kind: Kind, payload: Uint8Array): void {
    const header = Buffer.allocUnsafe(CONTROL_HEADER_BYTES)
    header.writeUInt32BE(KIND_BYTES + payload.byteLength)
    header.writeUInt8(kind, LENGTH_BYTES)
    if (this.#batch.length === 0) queueMicrotask(() => this.#flush())
    this.#batch.push(header, payload)
    this.#batchBytes += CONTROL_HEADER_BYTES + payload.byteLength
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#batch, this.#batchBytes)
    this.#batch = []
    this.#batchBytes = 0
    try {
      this.#init.stream.send(bytes)
    } catch (error) {
      // `send` throws at once on a stream that is closed.
      this.end(toError(error))
    }
  }

  #read(pieces: Uint8Array | Iterable<Uint8Array>): void {
    if (this.#state === 'ended') return
    this.#heard = true
    try {
      for (const message of this.#decoder.push(pieces)) {
        this.#take(message[0]!, message.subarray(KIND_BYTES))
        // `#take` may have ended the lane; the rest of the bytes is then nobody's.
        if ((this.#state as string) === 'ended') return
      }
    } catch (error) {
      // A peer that does not fit is left to read our hello; its connection is its owner's to cut.
      if (error instanceof MismatchError) this.#end(error)
      else if (error instanceof WireError) this.end(error)
      else raise(error)
    }
  }

  #take(kind: number, payload: Uint8Array): void {
    if (this.#state === 'hello') {
      if (kind !== KIND.hello) throw new WireError(`a message of kind ${kind} came before the hello`)
      // Answered before it is checked: if we do not fit, both sides find out, and say so to their operators.
      if (!this.#init.opener) this.#write(KIND.hello, encodeHello(this.#init.hello))
      checkHello(payload, this.#init.hello, this.#init.peer)
      this.#state = 'open'
      this.#events.onOpen()
      return
    }
    switch (kind) {
      case KIND.message:
        this.#events.onMessage(payload)
        break
      case KIND.ping:
        checkPing(payload)
        // Who pings and does not read gets no more answers than there is room for.
        if (this.bufferedBytes <= this.#init.limits.controlBufferBytesMax)
          this.#write(KIND.pong, Uint8Array.from(payload))
        break
      case KIND.pong:
        checkPing(payload)
        this.#rttMs = Math.max(0, this.#init.nowMs() - Buffer.from(payload).readDoubleBE())
        break
      default:
        throw new WireError(`a control message of kind ${kind} is not of this version`)
    }
  }

  #end(error: Error | undefined): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#events.onEnd(error)
  }
}

const checkPing = (payload: Uint8Array): void => {
  if (payload.byteLength !== PING_BYTES)
    throw new WireError(`a ping has ${PING_BYTES} bytes, not ${payload.byteLength}`)
}

/** What was thrown, as an error. */
export const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))
