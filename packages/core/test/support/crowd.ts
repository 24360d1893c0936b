/**
 * One real replica in a large cluster of members that are played: they greet, say hello, beat and answer as the protocol has
 * it, hold what placement gives them, and have nothing. A crowd of real ones would spend its time on meeting each other.
 */
import { HEARTBEAT_MS, HEARTBEATS_RANDOM, SHARD_COUNT } from '../../src/constants.ts'
import { allShards, hasShard, NO_SHARDS, shardBits } from '../../src/context.ts'
import type { Notice, Result } from '../../src/outbox.ts'
import { Outbox } from '../../src/outbox.ts'
import type { Placement } from '../../src/placement/rendezvous.ts'
import { place } from '../../src/placement/rendezvous.ts'
import { Replica } from '../../src/replica.ts'
import type { NodeId } from '../../src/session/version.ts'
import { decodeFrame } from '../../src/wire/frame.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.ts'
import type { Heartbeat, MemberNews, Message, ShardBits } from '../../src/wire/messages.ts'
import { keyHash } from './key-hash.ts'

export interface Sent {
  readonly atMs: number
  readonly to: NodeId
  readonly message: Message
  readonly bytes: number
}

export class Crowd {
  nowMs = 0
  /** The real one: a holder, whatever the size. */
  readonly self: NodeId
  readonly others: readonly NodeId[]
  /** Members that share a shard with the real one. */
  readonly coHolders: ReadonlySet<NodeId>
  readonly sent: Sent[] = []
  /** What the played ones said, by type. */
  readonly said: Message['type'][] = []
  readonly notices: Notice[] = []
  readonly results: Result[] = []
  /** Frames that arrived at played holders. */
  frames = 0
  /** Members that say nothing any more, over connections that stay. */
  readonly silent = new Set<NodeId>()
  /** What each heard last of the real one's shards. */
  readonly heard = new Map<NodeId, ShardBits>()
  readonly replica: Replica
  readonly #out = new Outbox()
  readonly #placement: Placement
  readonly #held: ReadonlyMap<NodeId, ShardBits>
  readonly #beats = new Map<NodeId, { sent: number; heard: number; heardAtMs: number }>()
  readonly #inbox: { readonly from: NodeId; readonly message: Message }[] = []
  #roundAtMs = 0
  #round = 0

  constructor(size: number) {
    const members = Array.from({ length: size }, (_, i) => `m-${i}`)
    const placement = place(
      members.map((node) => ({ node, zone: '', weight: 1 })),
      3,
      keyHash,
    )
    this.#placement = placement
    const self = placement[0]?.[0] as NodeId
    this.self = self
    this.others = members.filter((node) => node !== self)
    this.#held = new Map(
      members.map((node) => [node, shardBits(allShards().filter((shard) => placement[shard]?.includes(node)))]),
    )
    this.coHolders = new Set(
      placement.flatMap((holders) => (holders.includes(self) ? holders.filter((node) => node !== self) : [])),
    )
    this.replica = new Replica({ nodeId: self, incarnation: 1, keyHash, seed: 7, expectPeers: true }, this.#now)
    this.#step({ type: 'tick' })
    for (const peer of this.others) {
      this.#beats.set(peer, { sent: 0, heard: 0, heardAtMs: 0 })
      this.#step({ type: 'peer-up', peer })
      this.say(peer, { type: 'greeting', self: newsOf(peer), shardCount: SHARD_COUNT, bucketCount: 1024, copies: 2 })
      this.#beat(peer)
    }
  }

  /** Let time pass. */
  run(durationMs: number): void {
    const untilMs = this.nowMs + durationMs
    while (true) {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift())
        this.say(next.from, next.message)
      const dueMs = Math.min(this.replica.nextDueMs(), this.#roundAtMs)
      if (dueMs > untilMs) break
      this.nowMs = Math.max(this.nowMs, dueMs)
      if (dueMs === this.#roundAtMs) this.#beatAll()
      else this.#step({ type: 'tick' })
    }
    this.nowMs = untilMs
  }

  /** The played ones subscribe to what they hold and join it: frames reach them from then on, and they acknowledge each. */
  join(): void {
    for (const node of this.others) {
      const shards = allShards().filter((shard) => hasShard(this.#held.get(node) ?? NO_SHARDS, shard))
      for (const shard of shards) this.#step({ type: 'subscriber', peer: node, shard })
      if (shards.length > 0) this.say(node, { type: 'join', incarnation: 1, shards })
    }
  }

  /** Something happens at the real one. */
  happen(event: Parameters<Replica['step']>[0]): void {
    this.#step(event)
  }

  /** A played member says something to the real one. */
  say(from: NodeId, message: Message): void {
    if (this.silent.has(from)) return
    this.said.push(message.type)
    this.#step({ type: 'message', from, lane: 'control', bytes: encodeMessage(message, this.nowMs) })
  }

  stateOf(node: NodeId): string | undefined {
    return this.replica.status().members.find(({ nodeId }) => nodeId === node)?.state
  }

  get #now(): { nowMs: number; wallMs: number } {
    return { nowMs: this.nowMs, wallMs: this.nowMs }
  }

  #step(event: Parameters<Replica['step']>[0]): void {
    this.replica.step(event, this.#now, this.#out)
    const { sends, publishes, results, notices } = this.#out.drain()
    this.notices.push(...notices)
    this.results.push(...results)
    for (const { shard, frame } of publishes) this.#arrive(shard, frame)
    for (const { to, message: bytes } of sends) {
      const message = decodeMessage(bytes, this.nowMs)
      this.sent.push({ atMs: this.nowMs, to, message, bytes: bytes.length })
      if (!this.silent.has(to)) this.#answer(to, message)
    }
  }

  #arrive(shard: number, frame: Uint8Array): void {
    const { number } = decodeFrame(frame, this.nowMs).header
    for (const node of this.#placement[shard] ?? []) {
      if (node === this.self || this.silent.has(node)) continue
      this.frames++
      const ack: Message = { type: 'ack', incarnation: 1, positions: [{ shard, number, ready: true }] }
      this.#inbox.push({ from: node, message: ack })
    }
  }

  #answer(node: NodeId, message: Message): void {
    if (message.type === 'heartbeat') this.#onBeat(node, message)
    else if (message.type === 'join') {
      const streams = message.shards.map((shard) => ({ shard, number: 0 }))
      this.#inbox.push({ from: node, message: { type: 'hello', incarnation: 1, streams } })
    } else if (message.type === 'sync-ask') {
      const offer = { type: 'sync-offer' as const, session: message.session, ready: true, positions: [], buckets: [] }
      this.#inbox.push({ from: node, message: offer })
    }
  }

  #onBeat(node: NodeId, { beat, joined }: Heartbeat): void {
    const beats = this.#beats.get(node)
    if (beats === undefined) return
    beats.heard = beat
    beats.heardAtMs = this.nowMs
    this.heard.set(node, joined)
    if (!this.coHolders.has(node)) this.#inbox.push({ from: node, message: this.#heartbeat(node) })
  }

  /** Co-holders beat the real one in each round, and so do the few others that happen to pick it. */
  #beatAll(): void {
    this.#roundAtMs = this.nowMs + HEARTBEAT_MS
    this.#round++
    for (const node of this.coHolders) this.#beat(node)
    const rest = this.others.filter((node) => !this.coHolders.has(node))
    for (let n = 0; n < HEARTBEATS_RANDOM; n++) {
      const node = rest[(this.#round * HEARTBEATS_RANDOM + n) % Math.max(1, rest.length)]
      if (node !== undefined) this.#beat(node)
    }
  }

  #beat(node: NodeId): void {
    this.say(node, this.#heartbeat(node))
  }

  #heartbeat(node: NodeId): Heartbeat {
    const beats = this.#beats.get(node) ?? { sent: 0, heard: 0, heardAtMs: 0 }
    const held = this.#held.get(node) ?? { hi: 0, lo: 0 }
    beats.sent++
    const echoAgeMs = Math.floor(this.nowMs - beats.heardAtMs)
    const { sent: beat, heard: echo } = beats
    return { type: 'heartbeat', incarnation: 1, beat, echo, echoAgeMs, joined: held, ready: held, streams: [] }
  }
}

export function newsOf(node: NodeId, more: Partial<MemberNews> = {}): MemberNews {
  return { node, incarnation: 1, state: 'alive', name: node, zone: '', weight: 1, addresses: [], ...more }
}
