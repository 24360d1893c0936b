/**
 * One direction between two members as it is now: whether anything passes, and when what is sent now arrives. All connections between the
 * two share it, and so its bandwidth.
 *
 * It carries a byte stream, so loss is what TCP makes of it: nothing is missing in the end, but a lost packet holds up all
 * that follows. Where three more packets follow at once it is repeated within a round trip, else by the clock, and a repetition
 * that is lost too waits twice as long. Duplicates and packets that overtake each other do not show on a byte stream at all.
 */
import type { Random } from '@reprise/testkit'
import type { LinkConditions } from '../scenario.ts'
import {
  BANDWIDTH_QUEUE_BYTES_MIN,
  BANDWIDTH_QUEUE_MS,
  DUPLICATE_ACKS,
  FLIGHT_BYTES_MAX,
  RETRANSMIT_MS,
  RETRANSMIT_MS_MAX,
  SEGMENT_BYTES,
  SLICE_MS,
} from './constants.ts'

/** A part of what was read at once, and when it arrives. */
export interface Slice {
  readonly bytes: number
  readonly dueMs: number
}

/** What a byte stream shows of a bad network. */
export const LINE_CONDITIONS: ReadonlySet<keyof LinkConditions> = new Set([
  'lossRate',
  'delayMs',
  'jitterMs',
  'bytesPerSecond',
])

export class Line {
  readonly #random: Random
  readonly #listeners = new Set<() => void>()
  #isCut = false
  #conditions: LinkConditions = {}
  /** Until when everything that was sent has left. */
  #busyUntilMs = 0

  constructor(random: Random) {
    this.#random = random
  }

  get isCut(): boolean {
    return this.#isCut
  }

  /** Bytes of one connection that may be on their way. */
  get flightBytesMax(): number {
    const { bytesPerSecond } = this.#conditions
    if (bytesPerSecond === undefined) return FLIGHT_BYTES_MAX
    const queueBytes = (bytesPerSecond * BANDWIDTH_QUEUE_MS) / 1_000
    return Math.min(FLIGHT_BYTES_MAX, Math.max(BANDWIDTH_QUEUE_BYTES_MIN, queueBytes))
  }

  /** Nothing passes any more; what it is like apart from that stays. */
  cut(): void {
    this.#isCut = true
    this.#changed()
  }

  /** It is like that from now on; a cut one stays cut. */
  impair(conditions: LinkConditions): void {
    this.#conditions = conditions
    this.#changed()
  }

  heal(): void {
    this.#isCut = false
    this.#conditions = {}
    this.#changed()
  }

  /** Be told of every change. @returns what ends that. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** When that arrives which is sent now, slice by slice. Takes its part of the bandwidth. */
  send(bytes: number, nowMs: number): Slice[] {
    const { bytesPerSecond, delayMs = 0, jitterMs = 0 } = this.#conditions
    const repairMs = this.#repairMs(bytes)
    const slices: Slice[] = []
    for (let left = bytes; left > 0; ) {
      const sliceBytes = Math.min(left, this.#sliceBytes())
      left -= sliceBytes
      let leavesMs = nowMs
      if (bytesPerSecond !== undefined) {
        leavesMs = Math.max(this.#busyUntilMs, nowMs) + (sliceBytes / bytesPerSecond) * 1_000
        this.#busyUntilMs = leavesMs
      }
      const dueMs = leavesMs + delayMs + this.#random.between(-jitterMs, jitterMs) + repairMs
      slices.push({ bytes: sliceBytes, dueMs: Math.max(nowMs, dueMs) })
    }
    return slices
  }

  /** When that arrives which takes no room: the end of a connection. */
  arrivesMs(nowMs: number): number {
    return nowMs + (this.#conditions.delayMs ?? 0)
  }

  #sliceBytes(): number {
    const { bytesPerSecond } = this.#conditions
    if (bytesPerSecond === undefined) return Number.POSITIVE_INFINITY
    return Math.max(SEGMENT_BYTES, Math.floor((bytesPerSecond * SLICE_MS) / 1_000))
  }

  /** How long TCP needs until nothing of these bytes, sent at once, is missing. */
  #repairMs(bytes: number): number {
    const { lossRate = 0, delayMs = 0 } = this.#conditions
    if (lossRate === 0) return 0
    const roundTripMs = 2 * delayMs
    const packetCount = Math.ceil(bytes / SEGMENT_BYTES)
    let longestMs = 0
    for (let packet = 0; packet < packetCount; packet++) {
      if (!this.#random.chance(lossRate)) continue
      let timeoutMs = RETRANSMIT_MS + roundTripMs
      let repairMs = roundTripMs
      if (packetCount - packet <= DUPLICATE_ACKS) {
        repairMs = timeoutMs
        timeoutMs *= 2
      }
      while (timeoutMs < RETRANSMIT_MS_MAX && this.#random.chance(lossRate)) {
        repairMs += timeoutMs
        timeoutMs *= 2
      }
      longestMs = Math.max(longestMs, repairMs)
    }
    return longestMs
  }

  #changed(): void {
    this.#busyUntilMs = 0
    for (const listener of [...this.#listeners]) listener()
  }
}
