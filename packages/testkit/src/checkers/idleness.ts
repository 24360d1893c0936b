/**
 * Of I-R12: when nothing happens and everything is acknowledged, nothing is sent but heartbeats and now and then an audit
 * that moves nothing.
 */
import type { Checker, World } from './checker.ts'
import { isEnding } from './checker.ts'

export class Idleness implements Checker {
  readonly #world: World
  #sentBefore: readonly number[] = []
  #framesBefore = 0
  #sinceMs = 0
  /** Something ended soon when it began: by the end it may be gone. */
  #hadEnding = false

  constructor(world: World) {
    this.#world = world
  }

  onQuiet(): void {
    const { counters } = this.#world.cluster.network
    this.#sentBefore = [...counters.byNumber]
    this.#framesBefore = counters.framesSent
    this.#sinceMs = this.#world.nowMs
    this.#hadEnding = this.#hasEnding()
  }

  onIdle(): void {
    const seconds = (this.#world.nowMs - this.#sinceMs) / 1_000
    const { nodes, network } = this.#world.cluster
    const pairs = nodes.length * (nodes.length - 1)
    const audits = nodes.length * (seconds / 5 + 1)
    const frames = network.counters.framesSent - this.#framesBefore
    if (frames > 0 && !this.#hasTouches()) {
      this.#world.violate('I-R12', `${frames} frames in ${seconds} idle seconds`)
    }
    for (const [number, sent] of network.counters.byNumber.entries()) {
      const count = sent - (this.#sentBefore[number] ?? 0)
      const max = number === HEARTBEAT ? pairs * (2 * seconds + 1) : AUDIT.has(number) ? nodes.length * audits : 0
      if (
        count <= max ||
        (frames > 0 && WRITING.has(number)) ||
        (MOVING.has(number) && (this.#hadEnding || this.#hasEnding()))
      )
        continue
      this.#world.violate('I-R12', `${count} messages of number ${number} in ${seconds} idle seconds`)
    }
  }

  /** Touches are published up to seconds after they were made. */
  #hasTouches(): boolean {
    return this.#world.ledger.keys.some((key) =>
      this.#world.ledger.lives(key).some((life) => life.touchedAtMs > life.createdAtMs),
    )
  }

  /** Whether something ends soon. It counts as equal whether it is here or not, and may still have been moved. */
  #hasEnding(): boolean {
    return this.#world.cluster.nodes.some((node) =>
      this.#world.ledger.keys.some((key) => {
        const entry = node.entry(key)
        return entry !== undefined && isEnding(this.#world, node, entry.record)
      }),
    )
  }
}

// Message numbers are part of the wire format and never change.
const HEARTBEAT = 3
/**
 * `sync-ask`, `sync-offer`, `sync-list`, `sync-items`: what was swept at one and not yet at the other is listed; nothing
 * is wanted. And `ack`: an audit tells of numbers that were published before the asker joined.
 */
const AUDIT: ReadonlySet<number> = new Set([8, 16, 17, 18, 19])
/** `sync-want`, `sync-records`. */
const MOVING: ReadonlySet<number> = new Set([20, 21])
/** `ack`, `nack`, `repair`, `probe`, `push`: what belongs to frames, which may overtake each other. */
const WRITING: ReadonlySet<number> = new Set([8, 9, 11, 12, 13])
