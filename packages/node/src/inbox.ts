/**
 * What came from peers and waits to be stepped: bounded, control before frames before bulk.
 *
 * A lost frame is repaired by its number, so what does not fit is dropped and counted, the newest first: the older ones are
 * nearer to being worked off. Bulk messages are never dropped, because their sender is held back while they wait.
 */
import type { Event } from '@reprise/core'
import { INBOX_CONTROL_BYTES_MAX, INBOX_CONTROL_MAX, INBOX_FRAME_BYTES_MAX } from './constants.ts'

export type PeerEvent = Extract<Event, { type: 'peer-up' | 'peer-down' | 'subscriber' | 'frame' | 'message' }>

export class Inbox {
  readonly #control = new Queue<PeerEvent>()
  readonly #frames = new Queue<Extract<PeerEvent, { type: 'frame' }>>()
  readonly #bulk = new Queue<PeerEvent>()
  #controlBytes = 0
  #frameBytes = 0
  #dropped = 0

  get isEmpty(): boolean {
    return this.#control.isEmpty && this.#frames.isEmpty && this.#bulk.isEmpty
  }

  /** Frames and messages that found it full. */
  get dropped(): number {
    return this.#dropped
  }

  push(event: PeerEvent): void {
    if (event.type === 'frame') this.#pushFrame(event)
    else if (event.type !== 'message') this.#control.push(event)
    else if (event.lane === 'bulk') this.#bulk.push(event)
    else this.#pushControl(event)
  }

  shift(): PeerEvent | undefined {
    const control = this.#control.shift()
    if (control !== undefined) {
      if (control.type === 'message') this.#controlBytes -= control.bytes.length
      return control
    }
    const frame = this.#frames.shift()
    if (frame === undefined) return this.#bulk.shift()
    this.#frameBytes -= frame.bytes.length
    return frame
  }

  /** Whether a peer is there must be known, so only its messages are dropped. */
  #pushControl(event: Extract<PeerEvent, { type: 'message' }>): void {
    const bytes = this.#controlBytes + event.bytes.length
    if (this.#control.size >= INBOX_CONTROL_MAX || bytes > INBOX_CONTROL_BYTES_MAX) {
      this.#dropped++
      return
    }
    this.#controlBytes = bytes
    this.#control.push(event)
  }

  #pushFrame(event: Extract<PeerEvent, { type: 'frame' }>): void {
    if (this.#frameBytes + event.bytes.length > INBOX_FRAME_BYTES_MAX) {
      this.#dropped++
      return
    }
    this.#frameBytes += event.bytes.length
    this.#frames.push(event)
  }
}

/** First in, first out, without moving what waits at each take. */
class Queue<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  get isEmpty(): boolean {
    return this.size === 0
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    }
    return item
  }
}
