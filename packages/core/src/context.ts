/**
 * What the rooms of the core share: who this node is, what time the current step has, the table, and the way out.
 *
 * Time and randomness are inputs. The driver gives the time with every event; random numbers come from a generator whose
 * seed it gave at the start, so that a run can be replayed from its seed and its events.
 */
import { CACHE_BYTES_DEFAULT, COPIES_DEFAULT, SHARD_COUNT, WIRE_VERSION, WIRE_VERSION_MIN } from './constants.ts'
import type { Lane, Notice } from './outbox.ts'
import { Outbox } from './outbox.ts'
import type { Incarnation, NodeId } from './session/version.ts'
import type { BucketTable } from './table/bucket-table.ts'
import type { KeyHash } from './table/key-hash.ts'
import { encodeMessage } from './wire/message-codec.ts'
import type { Message, ShardBits } from './wire/messages.ts'

/** The time at which an event happens. */
export interface Now {
  /** Milliseconds that only grow, also over suspends: the greater of the monotonic and the wall clock's advance. */
  readonly nowMs: number
  /** Milliseconds since 1970, for births and incarnations only. */
  readonly wallMs: number
}

export interface EarlierMember {
  readonly node: NodeId
  readonly addresses: readonly string[]
}

/** How a member takes part. What is left out has the default of `withDefaults`. */
export interface ReplicaConfig {
  readonly nodeId: NodeId
  /** For people; not unique. */
  readonly name: string
  readonly incarnation: Incarnation
  /** Where other members reach this one. */
  readonly addresses: readonly string[]
  readonly zone: string
  /** Share of shards relative to others; 0 holds none. */
  readonly weight: number
  /** Shards that this node keeps for the cluster besides its holders: a repository, which has no weight. */
  readonly repository: readonly number[]
  /** Holders of a session besides its primary; Infinity: every member holds everything. Equal on all members. */
  readonly copies: number
  readonly cacheBytesMax: number
  /** The node was told of other members, so being alone at the start is not a reason to call itself complete. */
  readonly expectPeers: boolean
  /** The cluster begins now, with this node and those that start with it: to have met others as new as itself is enough. */
  readonly isFounding: boolean
  /** Members that were there in an earlier life of this node, or that it was told of by id, and did not leave. They are
   * dialled, and a cold start waits for them. */
  readonly earlierMembers: readonly EarlierMember[]
  readonly keyHash: KeyHash
  /** Seed of the generator; any 32-bit number. */
  readonly seed: number
  /** Rules taken away on purpose, for the tests of the tests. Empty in production. */
  readonly planted: ReadonlySet<string>
}

export type ReplicaInit = Pick<ReplicaConfig, 'nodeId' | 'incarnation' | 'keyHash' | 'seed'> & Partial<ReplicaConfig>

export function withDefaults(init: ReplicaInit): ReplicaConfig {
  return {
    name: init.nodeId.slice(-8),
    addresses: [],
    zone: '',
    weight: 1,
    repository: [],
    copies: COPIES_DEFAULT,
    cacheBytesMax: CACHE_BYTES_DEFAULT,
    expectPeers: false,
    isFounding: false,
    earlierMembers: [],
    planted: new Set(),
    ...init,
    // Shares are for those who count.
    ...(init.repository !== undefined && init.repository.length > 0 && { weight: 0 }),
  }
}

/** The state of a step, and what every room may do. */
export class Context {
  readonly config: ReplicaConfig
  readonly table: BucketTable
  incarnation: Incarnation
  /** Where others reach this node: known when it listens. */
  addresses: readonly string[]
  nowMs = 0
  wallMs = 0
  out: Outbox = new Outbox()
  /** The wire version that all members speak who are here and were ever connected: what is published may use it. */
  sharedWire: number = WIRE_VERSION
  readonly #wires = new Map<NodeId, number>()
  #random: [number, number, number, number]

  constructor(config: ReplicaConfig, table: BucketTable) {
    this.config = config
    this.table = table
    this.incarnation = config.incarnation
    this.addresses = config.addresses
    this.#random = [config.seed | 0, 0x9e3779b9, 0x243f6a88, 1]
    for (let i = 0; i < 12; i++) this.random()
  }

  get self(): NodeId {
    return this.config.nodeId
  }

  /** Uniform 32 bits: sfc32 (Doty-Humphrey, PractRand). Not for secrets. */
  random(): number {
    const [a, b, c, d] = this.#random
    const sum = (a + b + d) | 0
    this.#random = [b ^ (b >>> 9), (c + (c << 3)) | 0, (((c << 21) | (c >>> 11)) + sum) | 0, (d + 1) | 0]
    return sum >>> 0
  }

  send(to: NodeId, message: Message, lane: Lane = 'control'): void {
    this.out.sends.push({ to, lane, message: encodeMessage(message, this.nowMs, this.wireOf(to)) })
  }

  /** The wire version of the link with a peer, as of its last connection. */
  wireOf(node: NodeId): number {
    return this.#wires.get(node) ?? WIRE_VERSION_MIN
  }

  setWire(node: NodeId, wire: number): void {
    this.#wires.set(node, wire)
  }

  /** Other members came or went. */
  shareWire(present: Iterable<NodeId>): void {
    let shared = WIRE_VERSION
    for (const node of present) shared = Math.min(shared, this.#wires.get(node) ?? WIRE_VERSION)
    this.sharedWire = shared
  }

  notice(notice: Notice): void {
    this.out.notices.push(notice)
  }

  /** Whether a rule was taken away to see that a test notices. */
  lacks(rule: string): boolean {
    return this.config.planted.size > 0 && this.config.planted.has(rule)
  }
}

export const NO_SHARDS: ShardBits = { hi: 0, lo: 0 }

export function shardBits(shards: Iterable<number>): ShardBits {
  let hi = 0
  let lo = 0
  for (const shard of shards) {
    if (shard < 32) lo |= 1 << shard
    else hi |= 1 << (shard - 32)
  }
  return { hi, lo }
}

export function hasShard(bits: ShardBits, shard: number): boolean {
  return ((shard < 32 ? bits.lo >>> shard : bits.hi >>> (shard - 32)) & 1) === 1
}

export function withoutShard(bits: ShardBits, shard: number): ShardBits {
  return shard < 32 ? { hi: bits.hi, lo: bits.lo & ~(1 << shard) } : { hi: bits.hi & ~(1 << (shard - 32)), lo: bits.lo }
}

export function sameShards(a: ShardBits, b: ShardBits): boolean {
  return a.hi === b.hi && a.lo === b.lo
}

export function allShards(): number[] {
  return Array.from({ length: SHARD_COUNT }, (_, shard) => shard)
}
