/**
 * What a node did, counted. Plain numbers that only grow; a reader takes differences.
 *
 * Counting is an addition to a field, on every path; a clock is read only where something was waited for anyway.
 */
import { AlreadyExistsError } from '@reprise/core'
import { LATENCY_BOUNDS_SECONDS } from './constants.ts'
import type { NodeEvents } from './events.ts'
import { NODE_EVENTS } from './events.ts'

/** How long something took: `counts[i]` times at most `boundsSeconds[i]` and more than the bound before, the last more than all. */
export interface LatencyHistogram {
  readonly boundsSeconds: readonly number[]
  readonly counts: readonly number[]
  readonly sumSeconds: number
}

/** A snapshot of what a node counted since its start. */
export interface NodeStats {
  /** Calls of `resume` by outcome. `failed`: the node stopped, or the caller gave up. */
  readonly resumes: {
    readonly complete: number
    readonly partial: number
    readonly absent: number
    readonly unknown: number
    readonly failed: number
  }
  /** The sessions that they found, by where: on this node, or at others. */
  readonly resumesFrom: { readonly local: number; readonly peers: number }
  /** From the call to the outcome, whatever it was. Failed ones are not in it. */
  readonly resumeLatency: LatencyHistogram
  /** Calls of `local`. */
  readonly localReads: { readonly hit: number; readonly miss: number }
  /** Calls of `create`. `exists`: a session with that id lives. */
  readonly creates: { readonly created: number; readonly exists: number; readonly failed: number }
  /** Commits with and without changes. `queued`: to the holders. `confirmed`: by as many copies as were asked for. */
  readonly commits: { readonly queued: number; readonly confirmed: number; readonly failed: number }
  /** Of commits that waited for copies: from the call to the confirmation. Failed ones are not in it. */
  readonly commitLatency: LatencyHistogram
  readonly touches: number
  readonly drops: { readonly dropped: number; readonly failed: number }
  /** Sealed values that were to be read and did not open: a key that is not here, another place, or changed bytes. */
  readonly sealsRefused: number
  /** The node's events, by name. */
  readonly events: Readonly<Record<keyof NodeEvents, number>>
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** The counters behind `NodeStats`. */
export class StatsCounter {
  readonly resumes: Mutable<NodeStats['resumes']> = { complete: 0, partial: 0, absent: 0, unknown: 0, failed: 0 }
  readonly creates: Mutable<NodeStats['creates']> = { created: 0, exists: 0, failed: 0 }
  readonly commits: Mutable<NodeStats['commits']> = { queued: 0, confirmed: 0, failed: 0 }
  readonly drops: Mutable<NodeStats['drops']> = { dropped: 0, failed: 0 }
  localHits = 0
  localMisses = 0
  touches = 0
  sealsRefused = 0
  readonly #resumesFrom: Mutable<NodeStats['resumesFrom']> = { local: 0, peers: 0 }
  readonly #resumeLatency = new Latencies()
  readonly #commitLatency = new Latencies()
  readonly #events = Object.fromEntries(NODE_EVENTS.map((name) => [name, 0])) as Record<keyof NodeEvents, number>

  resumed(outcome: 'complete' | 'partial' | 'absent' | 'unknown', isLocal: boolean, tookMs: number): void {
    this.resumes[outcome] += 1
    if (outcome === 'complete' || outcome === 'partial') this.#resumesFrom[isLocal ? 'local' : 'peers'] += 1
    this.#resumeLatency.took(tookMs)
  }

  createFailed(error: unknown): void {
    this.creates[error instanceof AlreadyExistsError ? 'exists' : 'failed'] += 1
  }

  confirmed(tookMs: number): void {
    this.commits.confirmed += 1
    this.#commitLatency.took(tookMs)
  }

  happened(event: keyof NodeEvents): void {
    this.#events[event] += 1
  }

  /** Copies, so that what was handed out does not change. */
  snapshot(): NodeStats {
    return {
      resumes: { ...this.resumes },
      resumesFrom: { ...this.#resumesFrom },
      resumeLatency: this.#resumeLatency.snapshot(),
      localReads: { hit: this.localHits, miss: this.localMisses },
      creates: { ...this.creates },
      commits: { ...this.commits },
      commitLatency: this.#commitLatency.snapshot(),
      touches: this.touches,
      drops: { ...this.drops },
      sealsRefused: this.sealsRefused,
      events: { ...this.#events },
    }
  }
}

class Latencies {
  readonly #counts: number[] = new Array(LATENCY_BOUNDS_SECONDS.length + 1).fill(0)
  #sumMs = 0

  took(ms: number): void {
    const seconds = ms / 1_000
    const index = LATENCY_BOUNDS_SECONDS.findIndex((bound) => seconds <= bound)
    this.#counts[index < 0 ? LATENCY_BOUNDS_SECONDS.length : index]! += 1
    this.#sumMs += ms
  }

  snapshot(): LatencyHistogram {
    return { boundsSeconds: LATENCY_BOUNDS_SECONDS, counts: [...this.#counts], sumSeconds: this.#sumMs / 1_000 }
  }
}
