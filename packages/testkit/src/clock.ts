/**
 * A simulated node's clock, which may run fast or slow and whose wall time may be wrong or jump.
 *
 * It keeps the contract of `Now`: what a node takes for elapsed time only grows, by whichever of its monotonic and its wall
 * clock advanced more. So a wall clock that is set forward makes time jump for the node, and one that is set back does not.
 */

export class NodeClock {
  /** Milliseconds of the node per virtual millisecond. */
  rate = 1
  /** What the node's clock shows at virtual time 0. */
  offsetMs = 0
  /** How far the wall clock is ahead of the right time. */
  wallOffsetMs = 0

  /** The node's time at a virtual time. */
  nowMs(virtualMs: number): number {
    return this.rate === 1 ? virtualMs + this.offsetMs : virtualMs * this.rate + this.offsetMs
  }

  wallMs(virtualMs: number): number {
    const elapsedMs = this.rate === 1 ? virtualMs : virtualMs * this.rate
    return WALL_START_MS + elapsedMs + this.wallOffsetMs
  }

  /** The virtual time at which the node's clock shows this, or a trace more. */
  virtualMs(nodeMs: number): number {
    if (this.rate === 1) return nodeMs - this.offsetMs
    let virtualMs = (nodeMs - this.offsetMs) / this.rate
    // Rounded down it would be too early by a hair, and a tick at that time would ask for itself again.
    while (this.nowMs(virtualMs) < nodeMs) virtualMs += HAIR_MS
    return virtualMs
  }

  /** Somebody sets the wall clock. */
  jump(byMs: number): void {
    this.wallOffsetMs += byMs
    if (byMs > 0) this.offsetMs += byMs
  }

  /** The wall clock forgets what time it is: it starts again at 1970. */
  reset(virtualMs: number): void {
    this.wallOffsetMs = -WALL_START_MS - virtualMs + 1_000
  }
}

/** Virtual time 0 by the wall clock: 2026-01-01. */
const WALL_START_MS = Date.UTC(2026, 0, 1)
const HAIR_MS = 1e-6
