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
import { type Carrier, type CarrierCounters, type CarrierEvents, type Sick, StreamHealth } from './carrier.ts'
import {
  GOSSIP_HEARTBEAT_MS,
  GOSSIP_SEEN_MS,
  type NetworkLimits,
  RPC_OVERHEAD_BYTES,
  STREAMS_PER_PROTOCOL_MAX,
  TOPIC_ENTRY_BYTES,
  writeBufferBytesMax,
} from './constants.ts'
import { deliveryRecordsOf } from './gossipsub-records.ts'
import { GossipsubTap } from './gossipsub-tap.ts'
import type { Logger } from './logger.ts'
import { raise } from './raise.ts'
import { PieceJoiner, TurnWriter } from './turn-writer.ts'

export interface MulticastInit {
  readonly clusterName: string
  readonly shardCount: number
  readonly limits: NetworkLimits
  readonly frameId: (frame: Uint8Array) => Uint8Array
  readonly counters: CarrierCounters
  readonly logger: Logger
  /** Whether frames reach the peer another way. Its own are taken all the same. */
  readonly isElsewhere: (nodeId: string) => boolean
}

/** What is kept of a peer that is up. */
interface Member {
  readonly connection: Connection
  readonly health: StreamHealth
}

/** Gossipsub's stream to a peer, up or not yet. */
interface Outgoing {
  readonly writer: TurnWriter
  /** Published in this turn, and not yet written by gossipsub. */
  promisedBytes: number
}

export class Multicast implements Carrier {
  readonly #init: MulticastInit
  readonly #tap: GossipsubTap
  readonly #topics: readonly string[]
  readonly #shardOf: ReadonlyMap<string, number>
  readonly #wanted = new Set<number>()
  readonly #members = new Map<string, Member>()
  readonly #outgoing = new Map<string, Outgoing>()
  readonly #joiner = new PieceJoiner()
  #pubsub: GossipSub | undefined
  #events: CarrierEvents | undefined

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
      // The cluster's own id first: it keeps clusters, and other uses of gossipsub, apart. Earlier members know the others only.
      pubsub.protocols = [`/reprise/${this.#init.clusterName}/gossip/1`, ...pubsub.protocols]
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
  start(events: CarrierEvents): void {
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

  publish(shard: number, frame: Uint8Array): number {
    const topic = this.#topics[shard]
    const pubsub = this.#pubsub
    if (topic === undefined || pubsub === undefined || this.#events === undefined) return 0
    const reached: Outgoing[] = []
    let subscribers = 0
    for (const peer of pubsub.getSubscribers(topic)) {
      const nodeId = peer.toString()
      if (!this.#isServed(nodeId)) continue
      subscribers++
      const outgoing = this.#outgoing.get(nodeId)
      if (outgoing === undefined || !this.#keepsUp(outgoing)) continue
      outgoing.promisedBytes += frame.byteLength + RPC_OVERHEAD_BYTES
      reached.push(outgoing)
    }
    // Whom it is too much for is counted when gossipsub writes to it.
    if (subscribers > 0) this.#hand(topic, frame, reached)
    return reached.length
  }

  bufferedBytes(nodeId: string): number {
    return this.#outgoing.get(nodeId)?.writer.bufferedBytes ?? 0
  }

  sentBytes(nodeId: string): number {
    return this.#outgoing.get(nodeId)?.writer.sentBytes ?? 0
  }

  up(nodeId: string, connection: Connection): void {
    this.#members.set(nodeId, { connection, health: new StreamHealth() })
    this.#tellSubscriptions(nodeId)
  }

  down(nodeId: string): void {
    this.#members.delete(nodeId)
  }

  watch(): Sick[] {
    const sick: Sick[] = []
    for (const [nodeId, { connection, health }] of this.#members) {
      const outgoing = this.#outgoing.get(nodeId)
      const wrong = health.look(outgoing?.writer, this.#init.limits)
      if (wrong !== undefined) sick.push({ nodeId, ...wrong })
      else if (outgoing === undefined) this.#tap.open(connection.remotePeer, connection)
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
      this.#init.counters.foreignFrames++
      return
    }
    this.#init.counters.framesIn++
    try {
      this.#events?.onFrame(from, shard, frame)
    } catch (bug) {
      raise(bug)
    }
  }

  #hand(topic: string, frame: Uint8Array, reached: readonly Outgoing[]): void {
    // `publish` is asynchronous for the sake of signing only; without it the frame is written within this turn, in order.
    this.#pubsub
      ?.publish(topic, frame)
      .catch((error) => {
        this.#init.counters.publishFailed++
        this.#init.logger.debug('a frame was not published', { topic, error })
      })
      .finally(() => {
        for (const outgoing of reached) outgoing.promisedBytes -= frame.byteLength + RPC_OVERHEAD_BYTES
      })
  }

  #onStream(nodeId: string, stream: Stream): void {
    const writer = new TurnWriter(stream, this.#joiner)
    const outgoing: Outgoing = { writer, promisedBytes: 0 }
    this.#outgoing.set(nodeId, outgoing)
    const forget = (): void => {
      if (this.#outgoing.get(nodeId) === outgoing) this.#outgoing.delete(nodeId)
    }
    stream.addEventListener('close', forget)
    // Gossipsub closes what it has forgotten; to be closed, the stream would wait for the other side, too.
    const close = stream.close.bind(stream)
    stream.close = (options) => {
      forget()
      return close(options)
    }
    stream.send = (data) => {
      const bytes = data instanceof Uint8Array ? data : data.subarray()
      if (isPublish(bytes)) {
        // Who only has a connection gets no frames; gossipsub would send as soon as it meets somebody.
        if (!this.#isServed(nodeId)) return false
        if (writer.bufferedBytes > this.#init.limits.gossipBufferBytesMax) {
          this.#init.counters.framesSkipped++
          return false
        }
      }
      writer.push(bytes)
      return true
    }
    // Gossipsub takes note of the stream some microtasks later.
    setImmediate(() => this.#tellSubscriptions(nodeId))
  }

  #keepsUp({ writer, promisedBytes }: Outgoing): boolean {
    return writer.bufferedBytes + promisedBytes <= this.#init.limits.gossipBufferBytesMax
  }

  /** Whether the peer gets frames this way. */
  #isServed(nodeId: string): boolean {
    return this.#members.has(nodeId) && !this.#init.isElsewhere(nodeId)
  }

  /** Whether what is published reaches the peer, and what it sends counts. */
  #isReached(nodeId: string): boolean {
    return this.#isServed(nodeId) && this.#outgoing.has(nodeId)
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
const isPublish = (rpc: Uint8Array): boolean => {
  let at = 0
  while ((rpc[at]! & 0x80) !== 0) at++
  return rpc[at + 1] === PUBLISH_TAG
}
