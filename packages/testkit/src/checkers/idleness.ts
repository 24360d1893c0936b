/**
 * Of I-R12: when nothing happens, nothing is sent but heartbeats and now and then an audit that moves nothing; and whatever
 * is bounded stays within its bounds.
 */
import type { Checker, World } from './checker.ts'

export class Idleness implements Checker {
  readonly #world: World
  #sentBefore: readonly number[] = []
  #sinceMs = 0

  constructor(world: World) {
    this.#world = world
  }

  onCheckpoint(): void {
    for (const node of this.#world.cluster.up()) {
      const { bytes, bytesMax, size } = node.table
      // What is owed to others is not evicted, so the budget is not exact.
      if (bytes > 2 * bytesMax) this.#world.violate('bounds', `${node.id} keeps ${bytes} bytes in ${size} records`)
    }
  }

  onQuiet(): void {
    this.#sentBefore = [...this.#world.cluster.network.counters.byNumber]
    this.#sinceMs = this.#world.nowMs
  }

  onIdle(): void {
    const seconds = (this.#world.nowMs - this.#sinceMs) / 1_000
    const { nodes, network } = this.#world.cluster
    const pairs = nodes.length * (nodes.length - 1)
    const audits = nodes.length * (seconds / 5 + 1)
    for (const [number, sent] of network.counters.byNumber.entries()) {
      const count = sent - (this.#sentBefore[number] ?? 0)
      const max = number === HEARTBEAT ? pairs * (2 * seconds + 1) : AUDIT.has(number) ? 2 * audits : 0
      if (count <= max || WRITING.has(number)) continue
      this.#world.violate('I-R12', `${count} messages of number ${number} in ${seconds} idle seconds`)
    }
  }
}

// Message numbers are part of the wire format and never change.
const HEARTBEAT = 3
/**
 * `sync-ask`, `sync-offer`, `sync-list`, `sync-items`: what was swept at one and not yet at the other is listed; nothing
 * is wanted.
 */
const AUDIT: ReadonlySet<number> = new Set([16, 17, 18, 19])
/** `ack`, `probe`, `push`: touches are published up to seconds after they were made. */
const WRITING: ReadonlySet<number> = new Set([8, 12, 13])
