/**
 * Frames to all subscribers of a shard, over gossipsub: one topic per shard, one hop, no relaying.
 *
 * Gossipsub delivers at most once and neither repairs, nor orders, nor pushes back; the streams of `core` number their
 * frames and repair what is lost. So everything gossipsub does for its own reliability is turned off: no mesh (in a full mesh
 * of connections every subscriber is a neighbour), no forwarding, no gossip of ids, no scores. What it does not do is done
 * here: a peer that does not keep up misses frames instead of filling the memory, and a peer to whom gossipsub has lost its
 * stream is noticed, given a new one, or reported as a zombie.
 */
import {
  type GossipSub,
  type GossipSubComponents,
  gossipsub,
  type Message,
  TopicValidatorResult,
} from '@libp2p/gossipsub'
import type { Connection, Stream } from '@libp2p/interface'
import {
  GOSSIP_HEARTBEAT_MS,
  GOSSIP_SEEN_MS,
  type NetworkLimits,
  RPC_OVERHEAD_BYTES,
  STREAMS_PER_PROTOCOL_MAX,
  TOPIC_ENTRY_BYTES,
  WATCH_MS,
  writeBufferBytesMax,
} from './constants.ts'
import type { CutReason } from './errors.ts'
import { deliveryRecordsOf } from './gossipsub-records.ts'
import { GossipsubTap } from './gossipsub-tap.ts'
import type { Logger } from './logger.ts'
import { raise } from './raise.ts'

/** Called synchronously. */
export interface MulticastEvents {
  onSubscriber(nodeId: string, shard: number): void
  onFrame(from: string, shard: number, frame: Uint8Array): void
}

export interface MulticastInit {
  readonly clusterName: string
  readonly shardCount: number
  readonly limits: NetworkLimits
  readonly frameId: (frame: Uint8Array) => Uint8Array
  readonly logger: Logger
}

/** Frames since the start. */
export interface MulticastCounters {
  /** Received from a member. */
  framesIn: number
  /** Handed to gossipsub, however many subscribers there were. */
  framesOut: number
  /** Copies that a peer missed because too much was waiting for it. */
  framesSkipped: number
  /** Received from somebody who is connected but not admitted, and dropped. */
  foreignFrames: number
  /** Frames that gossipsub would not publish: their id was published before, within `GOSSIP_SEEN_MS`. */
  publishFailed: number
}

/** What is kept of a peer that is up. */
interface Member {
  readonly connection: Connection
  /** How long gossipsub has had no stream to it, or its stream has not moved; in milliseconds of a running event loop. */
  missingMs: number
  stalledMs: number
  sentBytes: number
}

/** Gossipsub's stream to a peer, up or not yet. */
interface Outgoing {
  readonly stream: Stream
  /** Written so far. */
  pushedBytes: number
  /** Published in this turn, and written at its end. */
  promisedBytes: number
}

export class Multicast {
  readonly counters: MulticastCounters = {
    framesIn: 0,
    framesOut: 0,
    framesSkipped: 0,
    foreignFrames: 0,
    publishFailed: 0,
  }
  readonly #init: MulticastInit
  readonly #tap: GossipsubTap
  readonly #topics: readonly string[]
  readonly #shardOf: ReadonlyMap<string, number>
  readonly #wanted = new Set<number>()
  readonly #members = new Map<string, Member>()
  readonly #outgoing = new Map<string, Outgoing>()
  #pubsub: GossipSub | undefined
  #events: MulticastEvents | undefined

  constructor(init: MulticastInit) {
    this.#init = init
    this.#topics = Array.from(
      { length: init.shardCount },
      (_, shard) => `/reprise/${init.clusterName}/1/shard/${shard}`,
    )
    this.#shardOf = new Map(this.#topics.map((topic, shard) => [topic, shard]))
    this.#tap = new GossipsubTap((nodeId, stream) => this.#onStream(nodeId, stream))
  }

  /** Gossipsub, as a libp2p service. */
  get service(): (components: GossipSubComponents) => GossipSub {
    return (components) => {
      const pubsub = gossipsub(this.#options())(this.#tap.wrap(components))
      const records = deliveryRecordsOf(pubsub)
      if (records === undefined) {
        this.#init.logger.warn('this version of gossipsub keeps its delivery records where they cannot be cleared')
      }
      pubsub.addEventListener('gossipsub:heartbeat', () => records?.clear())
      pubsub.addEventListener('subscription-change', (event) => {
        const nodeId = event.detail.peerId.toString()
        for (const { topic, subscribe } of event.detail.subscriptions) {
          const shard = this.#shardOf.get(topic)
          if (subscribe && shard !== undefined && this.#isReached(nodeId)) this.#events?.onSubscriber(nodeId, shard)
        }
      })
      this.#pubsub = pubsub
      return pubsub
    }
  }

  /** Make the subscriptions that were asked for so far. To be called when gossipsub runs and before it meets anybody. */
  start(events: MulticastEvents): void {
    this.#events = events
    for (const shard of this.#wanted) this.#subscribe(shard)
  }

  stop(): void {
    this.#events = undefined
    this.#members.clear()
  }

  subscribe(shard: number): void {
    this.#wanted.add(shard)
    if (this.#events !== undefined) this.#subscribe(shard)
  }

  unsubscribe(shard: number): void {
    this.#wanted.delete(shard)
    const topic = this.#topics[shard]
    if (this.#events === undefined || topic === undefined) return
    this.#pubsub?.topicValidators.delete(topic)
    this.#pubsub?.unsubscribe(topic)
  }

  /**
   * Hand the frame to gossipsub.
   * @returns how many members it is written to: subscribers that are up, reached, and keep up.
   */
  publish(shard: number, frame: Uint8Array): number {
    const topic = this.#topics[shard]
    const pubsub = this.#pubsub
    if (topic === undefined || pubsub === undefined || this.#events === undefined) return 0
    this.counters.framesOut++
    const reached: Outgoing[] = []
    for (const peer of pubsub.getSubscribers(topic)) {
      const nodeId = peer.toString()
      const outgoing = this.#outgoing.get(nodeId)
      if (outgoing === undefined || !this.#members.has(nodeId) || !this.#keepsUp(outgoing)) continue
      outgoing.promisedBytes += frame.byteLength
      reached.push(outgoing)
    }
    // `publish` is asynchronous for the sake of signing only; without it the frame is written within this turn, in order.
    pubsub
      .publish(topic, frame)
      .catch((error) => {
        this.counters.publishFailed++
        this.#init.logger.debug('a frame was not published', { shard, error })
      })
      .finally(() => {
        for (const outgoing of reached) outgoing.promisedBytes -= frame.byteLength
      })
    return reached.length
  }

  /** Bytes that gossipsub has for the peer and the connection has not taken. */
  bufferedBytes(nodeId: string): number {
    return this.#outgoing.get(nodeId)?.stream.writeBufferLength ?? 0
  }

  /** Bytes that the connection took from gossipsub's present stream to the peer. */
  sentBytes(nodeId: string): number {
    const outgoing = this.#outgoing.get(nodeId)
    return outgoing === undefined ? 0 : outgoing.pushedBytes - outgoing.stream.writeBufferLength
  }

  /** The peer is admitted: its frames count, and it is told of as a subscriber. */
  up(nodeId: string, connection: Connection): void {
    this.#members.set(nodeId, { connection, missingMs: 0, stalledMs: 0, sentBytes: 0 })
    this.#tellSubscriptions(nodeId)
  }

  down(nodeId: string): void {
    this.#members.delete(nodeId)
  }

  /**
   * Look after gossipsub's streams: ask for those that are missing, and name the peers that stay without, or whose stream
   * does not move. To be called every `WATCH_MS`.
   */
  watch(): { nodeId: string; reason: CutReason; detail: string }[] {
    const { zombieMs, stallMs } = this.#init.limits
    const sick: { nodeId: string; reason: CutReason; detail: string }[] = []
    for (const [nodeId, member] of this.#members) {
      const outgoing = this.#outgoing.get(nodeId)
      if (outgoing === undefined) {
        member.stalledMs = 0
        member.missingMs += WATCH_MS
        if (member.missingMs > zombieMs)
          sick.push({ nodeId, reason: 'ZOMBIE', detail: 'gossipsub has no stream to it' })
        else this.#tap.open(member.connection.remotePeer, member.connection)
        continue
      }
      member.missingMs = 0
      const waitingBytes = outgoing.stream.writeBufferLength
      const sentBytes = outgoing.pushedBytes - waitingBytes
      member.stalledMs = waitingBytes === 0 || sentBytes !== member.sentBytes ? 0 : member.stalledMs + WATCH_MS
      member.sentBytes = sentBytes
      if (member.stalledMs <= stallMs) continue
      sick.push({ nodeId, reason: 'STALLED', detail: `${waitingBytes} bytes of frames do not move` })
    }
    return sick
  }

  #options(): Parameters<typeof gossipsub>[0] {
    const { limits, shardCount, frameId } = this.#init
    const topicBytes = this.#topics.at(-1)!.length
    return {
      // Whoever sends is known by its connection, and nothing is relayed: no signatures.
      globalSignaturePolicy: 'StrictNoSign',
      allowedTopics: new Set(this.#topics),
      // To everybody who subscribed; an overlay has nothing to add when all are neighbours.
      floodPublish: true,
      D: 0,
      Dlo: 0,
      Dhi: shardCount,
      Dout: 0,
      Dscore: 0,
      tagMeshPeers: false,
      fallbackToFloodsub: false,
      doPX: false,
      // Nothing is accepted for forwarding: see the validators in `#subscribe`.
      asyncValidation: true,
      emitSelf: false,
      allowPublishToZeroTopicPeers: true,
      // Encode once for all. (Without it, libp2p 3.3 lets one peer's piggybacked control reach the next peer.)
      batchPublish: true,
      msgIdFn: (message: Message) => frameId(message.data),
      msgIdToStrFn: (id) => Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1'),
      // No IHAVE, IWANT, IDONTWANT: numbers and negative acknowledgements do that, on the control lane.
      Dlazy: 0,
      gossipFactor: 0,
      mcacheLength: 1,
      mcacheGossip: 1,
      idontwantMinDataSize: Number.MAX_SAFE_INTEGER,
      idontwantMaxMessages: 0,
      heartbeatInterval: GOSSIP_HEARTBEAT_MS,
      seenTTL: GOSSIP_SEEN_MS,
      // Members share addresses (NAT, containers, one host), and are admitted by their key.
      scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0 },
      maxInboundStreams: STREAMS_PER_PROTOCOL_MAX,
      maxOutboundStreams: STREAMS_PER_PROTOCOL_MAX,
      maxOutboundBufferSize: writeBufferBytesMax(limits),
      // One frame, or the list of all subscriptions, which goes first on each new stream.
      maxInboundDataLength: Math.max(limits.frameBytesMax, shardCount * (topicBytes + 8)) + RPC_OVERHEAD_BYTES,
      // Over it, subscriptions are ignored silently.
      maxTopicBytesPerPeer: 2 * shardCount * (topicBytes + TOPIC_ENTRY_BYTES),
      decodeRpcLimits: {
        maxSubscriptions: shardCount,
        maxMessages: 1,
        maxIhaveMessageIDs: 1,
        maxIwantMessageIDs: 1,
        maxIdontwantMessageIDs: 1,
        maxControlMessages: shardCount,
        maxPeerInfos: 1,
      },
    }
  }

  #subscribe(shard: number): void {
    const topic = this.#topics[shard]
    if (topic === undefined || this.#pubsub === undefined) return
    // The validator is where frames leave gossipsub: what it is told to ignore it does not keep, dispatch or forward.
    this.#pubsub.topicValidators.set(topic, (peer, message) => {
      this.#onFrame(peer.toString(), shard, message.data)
      return TopicValidatorResult.Ignore
    })
    this.#pubsub.subscribe(topic)
  }

  #onFrame(from: string, shard: number, frame: Uint8Array): void {
    if (!this.#members.has(from)) {
      this.counters.foreignFrames++
      return
    }
    this.counters.framesIn++
    try {
      this.#events?.onFrame(from, shard, frame)
    } catch (bug) {
      raise(bug)
    }
  }

  #onStream(nodeId: string, stream: Stream): void {
    const outgoing: Outgoing = { stream, pushedBytes: 0, promisedBytes: 0 }
    this.#outgoing.set(nodeId, outgoing)
    stream.addEventListener('close', () => {
      if (this.#outgoing.get(nodeId) === outgoing) this.#outgoing.delete(nodeId)
    })
    // The other side reads no more. What is written from now on is lost, so end it and let `watch` get another.
    stream.addEventListener('remoteCloseWrite', () =>
      stream.abort(new Error('the reader of the gossipsub stream is gone')),
    )
    const send = stream.send.bind(stream)
    stream.send = (data) => {
      if (isPublish(data)) {
        // Who only has a connection gets no frames; gossipsub would send as soon as it meets somebody.
        if (!this.#members.has(nodeId)) return false
        if (stream.writeBufferLength > this.#init.limits.gossipBufferBytesMax) {
          this.counters.framesSkipped++
          return false
        }
      }
      outgoing.pushedBytes += data.byteLength
      return send(data)
    }
    // Gossipsub takes note of the stream some microtasks later.
    setImmediate(() => this.#tellSubscriptions(nodeId))
  }

  #keepsUp({ stream, promisedBytes }: Outgoing): boolean {
    return stream.writeBufferLength + promisedBytes <= this.#init.limits.gossipBufferBytesMax
  }

  /** Whether what is published reaches the peer, and what it sends counts. */
  #isReached(nodeId: string): boolean {
    return this.#members.has(nodeId) && this.#outgoing.has(nodeId)
  }

  /** Tell of everything the peer subscribed to: gossipsub may have known for long. */
  #tellSubscriptions(nodeId: string): void {
    if (!this.#isReached(nodeId)) return
    for (const [shard, topic] of this.#topics.entries()) {
      const isSubscriber = this.#pubsub?.getSubscribers(topic).some((peer) => peer.toString() === nodeId)
      if (isSubscriber) this.#events?.onSubscriber(nodeId, shard)
    }
  }
}

/** The protobuf tag of `RPC.publish` (field 2, length-delimited) in libp2p's pubsub specification. */
const PUBLISH_TAG = 0x12

/** Whether a length-prefixed RPC carries frames, rather than subscriptions or control, which must not be lost. */
const isPublish = (data: Parameters<Stream['send']>[0]): boolean => {
  const byteAt = (index: number): number => (data instanceof Uint8Array ? data[index]! : data.get(index))
  let at = 0
  while ((byteAt(at) & 0x80) !== 0) at++
  return byteAt(at + 1) === PUBLISH_TAG
}
