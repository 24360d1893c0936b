/**
 * One direction of one connection: what its source sends reaches its sink when the line lets it, in order, and its end after all that
 * came before. A source that broke off is news that travels like any other, so nobody learns over a cut line that the other side is gone.
 *
 * One queue and one timer for its head: a timer for each chunk would let chunks overtake each other. On a cut line nothing is read and
 * nothing delivered; the connection stays open, and what waits in it waits.
 */
import type { Socket } from 'node:net'
import type { Line } from './line.ts'
import { reset } from './reset.ts'

type Parcel =
  | { readonly kind: 'bytes'; readonly chunk: Buffer; readonly dueMs: number }
  | { readonly kind: 'end' | 'reset'; readonly dueMs: number }

export interface FlowEnds {
  readonly source: Socket
  /** Nothing is delivered to it before `open`. */
  readonly sink: Socket
  readonly line: Line
}

export class Flow {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #line: Line
  readonly #unwatch: () => void
  readonly #queue: Parcel[] = []
  #queuedBytes = 0
  #newestDueMs = 0
  #isOpen = false
  #isSinkFull = false
  #hasEnded = false
  #timer: NodeJS.Timeout | undefined

  constructor({ source, sink, line }: FlowEnds) {
    this.#source = source
    this.#sink = sink
    this.#line = line
    source.on('data', (chunk: Buffer) => this.#onData(chunk))
    source.on('end', () => this.#onOver('end'))
    source.on('error', () => this.#onOver('reset'))
    sink.on('drain', () => {
      this.#isSinkFull = false
      this.#pump()
    })
    sink.on('close', () => this.close())
    this.#unwatch = line.watch(() => this.#onChange())
    this.#pump()
  }

  /** Its source sent its end, or broke off. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** From now on its sink takes what comes. */
  open(): void {
    this.#isOpen = true
    this.#pump()
  }

  /** Forget what is on its way. The sockets are the caller's. */
  close(): void {
    clearTimeout(this.#timer)
    this.#unwatch()
    this.#queue.length = 0
    this.#isOpen = false
  }

  #onData(chunk: Buffer): void {
    let offset = 0
    for (const { bytes, dueMs } of this.#line.send(chunk.length, performance.now())) {
      this.#push({ kind: 'bytes', chunk: chunk.subarray(offset, offset + bytes), dueMs: this.#inOrder(dueMs) })
      offset += bytes
    }
    this.#queuedBytes += chunk.length
    this.#pump()
  }

  #onOver(kind: 'end' | 'reset'): void {
    this.#hasEnded = true
    this.#push({ kind, dueMs: this.#inOrder(this.#line.arrivesMs(performance.now())) })
    this.#pump()
  }

  #push(parcel: Parcel): void {
    if (!this.#sink.destroyed) this.#queue.push(parcel)
  }

  #inOrder(dueMs: number): number {
    this.#newestDueMs = Math.max(this.#newestDueMs, dueMs)
    return this.#newestDueMs
  }

  /** The line has changed: what is on its way arrives no later than if it were sent now. */
  #onChange(): void {
    const latestMs = this.#line.arrivesMs(performance.now())
    for (const [index, parcel] of this.#queue.entries()) {
      this.#queue[index] = { ...parcel, dueMs: Math.min(parcel.dueMs, latestMs) }
    }
    this.#newestDueMs = Math.min(this.#newestDueMs, latestMs)
    this.#pump()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    if (this.#line.isCut) return void this.#source.pause()
    if (this.#isOpen) this.#deliver()
    if (this.#queuedBytes < this.#line.flightBytesMax) this.#source.resume()
    else this.#source.pause()
  }

  #deliver(): void {
    for (let head = this.#queue[0]; head !== undefined && !this.#isSinkFull; head = this.#queue[0]) {
      const waitMs = head.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs))
        return
      }
      this.#queue.shift()
      this.#arrive(head)
    }
  }

  #arrive(parcel: Parcel): void {
    switch (parcel.kind) {
      case 'bytes':
        this.#queuedBytes -= parcel.chunk.length
        this.#isSinkFull = !this.#sink.write(parcel.chunk)
        return
      case 'end':
        this.#sink.end()
        return
      case 'reset':
        reset(this.#sink)
    }
  }
}
