/**
 * What a cluster costs as it grows: how many messages a write takes, and how much an idle member says.
 *
 * A whole cluster of real replicas forms over a network on which nothing goes wrong, is left alone, and then takes writes of
 * small sessions, one after the other, each at a random member. A frame counts once for each member that receives it: as in
 * the real network nobody hands frames on. Bytes are those of messages, without what encryption and streams add.
 */
import type { KeyHash, Result } from '@reprise/core'
import { type ABSENT, toSessionKey } from '@reprise/core'
import type { SimulatedNode } from './cluster.ts'
import { Cluster } from './cluster.ts'
import { EventQueue } from './event-queue.ts'
import type { NetworkCounters } from './network.ts'
import { CALM } from './network.ts'
import { Random } from './random.ts'

export interface Growth {
  /** Frames received and messages sent, heartbeats apart, for each confirmed write. */
  readonly messagesPerDelta: number
  /** Bytes of control messages that a member sends when nothing happens, per second: the mean of all members. */
  readonly idleBytesPerSecond: number
}

export interface GrowthOptions {
  readonly keyHash: KeyHash
  readonly nodeCount: number
  readonly copies: number
  readonly seed?: number
}

/** Form a cluster of that size, and measure it. @throws Error when it does not form, or does not confirm a write. */
export function measureGrowth(options: GrowthOptions): Growth {
  return new Measurement(options).run()
}

class Measurement {
  readonly #options: GrowthOptions
  readonly #queue = new EventQueue()
  readonly #random: Random
  readonly #cluster: Cluster
  readonly #results = new Map<number, Result>()
  #requests = 0

  constructor(options: GrowthOptions) {
    const { nodeCount, copies, keyHash, seed = 1 } = options
    this.#options = options
    this.#random = new Random(seed, 12)
    const fixed = { conditions: CALM, planted: new Set<string>(), cacheBytesMax: CACHE_BYTES, seed }
    this.#cluster = new Cluster({ nodeCount, copies, keyHash, ...fixed }, this.#queue, new Random(seed, 3), {
      onResult: (_node, result) => this.#results.set(result.request, result),
      onNotice: () => {},
      onFailure: (node, event, error) => {
        throw new Error(`${node.id} failed on ${event}`, { cause: error })
      },
      onStart: () => {},
      onCrash: () => {},
    })
  }

  run(): Growth {
    const { nodeCount } = this.#options
    this.#form()
    this.#runFor(SETTLE_MS)
    const before = this.#snapshot()
    this.#runFor(IDLE_MS)
    const after = this.#snapshot()
    for (let i = 0; i < WRITES; i++) this.#write(i)
    // What follows a write at leisure belongs to it: late acknowledgements, and probes of who was late.
    this.#runFor(SETTLE_MS)
    return {
      messagesPerDelta: (this.#snapshot().messages - after.messages) / WRITES,
      idleBytesPerSecond: (after.bytes - before.bytes) / nodeCount / (IDLE_MS / 1_000),
    }
  }

  #form(): void {
    for (const node of this.#cluster.nodes) this.#cluster.start(node, { jitterMs: 2 })
    while (!this.#cluster.nodes.every((node) => node.replica?.isReady && this.#meetsAll(node))) {
      if (this.#queue.nowMs > FORM_MS_MAX) throw new Error(`${this.#options.nodeCount} nodes do not form a cluster`)
      this.#runFor(STEP_MS)
    }
  }

  #meetsAll({ replica }: SimulatedNode): boolean {
    return replica?.aliveMembers().length === this.#options.nodeCount
  }

  #write(i: number): void {
    const node = this.#random.pick(this.#cluster.nodes)
    const key = toSessionKey(`growth${i}`)
    const created = this.#ask(node, (request) => {
      return {
        type: 'create',
        request,
        key,
        idleMs: LIFE_MS,
        absoluteMs: LIFE_MS,
        assumeNew: true,
        deadlineMs: WAIT_MS,
      }
    })
    if (created?.kind !== 'created') throw new Error(`${node.id} did not create a session`)
    const { birth } = created
    const changes = new Map<string, Uint8Array | typeof ABSENT>([['basket', new Uint8Array(100)]])
    const { copies } = this.#options
    const written = this.#ask(node, (request) => {
      return { type: 'commit', request, key, birth, changes, copies, waitMs: WAIT_MS }
    })
    if (written?.kind !== 'written') throw new Error(`a write at ${node.id} was not confirmed by ${copies} copies`)
  }

  #ask(node: SimulatedNode, toEvent: (request: number) => Parameters<Cluster['step']>[1]): Result | undefined {
    const request = ++this.#requests
    this.#cluster.step(node, toEvent(request))
    const untilMs = this.#queue.nowMs + WAIT_MS
    while (!this.#results.has(request) && this.#queue.nowMs < untilMs) this.#runFor(1)
    return this.#results.get(request)
  }

  #runFor(ms: number): void {
    this.#queue.runUntil(this.#queue.nowMs + ms)
  }

  #snapshot(): { bytes: number; messages: number } {
    const { framesSent, messagesSent, messageBytes, byNumber }: NetworkCounters = this.#cluster.network.counters
    let aside = 0
    for (const number of ASIDE) aside += byNumber[number] ?? 0
    return { bytes: messageBytes, messages: framesSent + messagesSent - aside }
  }
}

// Message numbers are part of the wire format and never change.
/** `heartbeat`, and an audit of two that are equal: `sync-ask`, `sync-offer`. They come whether anybody writes or not. */
const ASIDE = [3, 16, 17]
const CACHE_BYTES: number = 1024 * 1024
const FORM_MS_MAX = 30_000
const STEP_MS = 50
/** Everything that a change of members leads to is over. */
const SETTLE_MS = 5_000
const IDLE_MS = 10_000
const WRITES = 200
const WAIT_MS = 2_000
const LIFE_MS = 600_000
