/**
 * What carries frames to the subscribers of their shard: gossipsub (`multicast.ts`), or a stream to each (`direct.ts`).
 *
 * Frames do not know which. Both deliver at most once, skip a peer that does not keep up, and are looked after by the same
 * watch: a peer to whom there is no stream, or one that does not move, is named so that its connection is made anew.
 */
import type { Connection } from '@libp2p/interface'
import { type NetworkLimits, WATCH_MS } from './constants.ts'
import type { CutReason } from './errors.ts'

/** Called synchronously. */
export interface CarrierEvents {
  onSubscriber(nodeId: string, shard: number): void
  onFrame(from: string, shard: number, frame: Uint8Array): void
}

/** A connection to be cut, and why. */
export interface Sick {
  readonly nodeId: string
  readonly reason: CutReason
  readonly detail: string
}

export interface Carrier {
  subscribe(shard: number): void
  unsubscribe(shard: number): void
  /**
   * Hand over a frame; what is handed over in one turn leaves as one write per peer.
   * @returns how many members it is written to: subscribers that are up, reached, and keep up.
   */
  publish(shard: number, frame: Uint8Array): number
  /** Bytes that wait to be written to the peer. */
  bufferedBytes(nodeId: string): number
  /** Bytes that the connection took from the present stream to the peer. */
  sentBytes(nodeId: string): number
  /** The peer is admitted: its frames count, and it is told of as a subscriber. */
  up(nodeId: string, connection: Connection): void
  down(nodeId: string): void
  /** Ask for streams that are missing, and name the peers that stay without. To be called every `WATCH_MS`. */
  watch(): Sick[]
}

/** Frames since the start, over all carriers. */
export interface CarrierCounters {
  /** Received from a member. */
  framesIn: number
  /** Published, however many subscribers there were. */
  framesOut: number
  /** Copies that a peer missed because too much was waiting for it. */
  framesSkipped: number
  /** Received from somebody who is connected but not admitted, and dropped. */
  foreignFrames: number
  /** Frames that gossipsub would not publish: their id was published before, within `GOSSIP_SEEN_MS`. */
  publishFailed: number
}

export const newCounters = (): CarrierCounters => ({
  framesIn: 0,
  framesOut: 0,
  framesSkipped: 0,
  foreignFrames: 0,
  publishFailed: 0,
})

/** How the stream to one peer does, in milliseconds of a running event loop. */
export class StreamHealth {
  #missingMs = 0
  #stalledMs = 0
  #sentBytes = 0

  /**
   * Look at the stream, or at its absence.
   * @returns what is wrong with it for longer than the limits allow.
   */
  look(
    stream: { readonly bufferedBytes: number; readonly sentBytes: number } | undefined,
    { zombieMs, stallMs }: NetworkLimits,
  ): Omit<Sick, 'nodeId'> | undefined {
    if (stream === undefined) {
      this.#stalledMs = 0
      this.#missingMs += WATCH_MS
      return this.#missingMs > zombieMs
        ? { reason: 'ZOMBIE', detail: 'there is no stream for frames to it' }
        : undefined
    }
    this.#missingMs = 0
    const { bufferedBytes, sentBytes } = stream
    this.#stalledMs = bufferedBytes === 0 || sentBytes !== this.#sentBytes ? 0 : this.#stalledMs + WATCH_MS
    this.#sentBytes = sentBytes
    if (this.#stalledMs <= stallMs) return undefined
    return { reason: 'STALLED', detail: `${bufferedBytes} bytes of frames do not move` }
  }
}
