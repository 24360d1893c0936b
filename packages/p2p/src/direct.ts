/**
 * Frames to each subscriber over a stream of its own: the second carrier, with fewer steps than gossipsub.
 *
 * Who publishes opens one stream to each peer and keeps it for as long as the connection. Frames go there; back comes the
 * list of shards that the peer subscribed to, whole each time, so that it may be said twice. Every member takes such streams
 * whatever it publishes with: who publishes decides alone.
 *
 * ```text
 *  publisher ─► peer   n u32 │ shard u16 │ frame, n - 2 bytes             big-endian
 *  publisher ◄─ peer   n u32 │ kind u8 = 1 │ shards, u16 each             all that the peer receives
 * ```
 */
import type { Connection, Stream } from '@libp2p/interface'
import { WireError } from '@reprise/core'
import { type Carrier, type CarrierCounters, type CarrierEvents, type Sick, StreamHealth } from './carrier.ts'
import { type NetworkLimits, SHARD_COUNT_MAX, STREAMS_PER_PROTOCOL_MAX } from './constants.ts'
import { toError } from './control-lane.ts'
import { encodeLength, LENGTH_BYTES, MessageDecoder, type Pieces } from './framing.ts'
import type { Host } from './host.ts'
import type { Logger } from './logger.ts'
import { raise } from './raise.ts'
import { PieceJoiner, TurnWriter } from './turn-writer.ts'

const SHARD_BYTES = 2
/** Append-only. */
const KIND_SUBSCRIPTIONS = 1
/** Unread lists that wait for a peer: a few dozen of the largest. */
const SUBSCRIPTIONS_BUFFER_BYTES_MAX = 64 * 1024

export interface DirectInit {
  readonly clusterName: string
  readonly shardCount: number
  readonly limits: NetworkLimits
  readonly counters: CarrierCounters
  readonly logger: Logger
  /** Whether frames go to the peer this way. Frames are taken from everybody. */
  readonly sendsTo: (nodeId: string) => boolean
}

/** The way out to one peer that is up. */
interface Outlet {
  readonly connection: Connection
  readonly health: StreamHealth
  isOpening: boolean
  writer: TurnWriter | undefined
  /** What the peer said over the present stream. */
  shards: ReadonlySet<number>
}

/** The way in from one peer, up or not yet. */
interface Inlet {
  readonly connection: Connection
  readonly writer: TurnWriter
}

export class Direct implements Carrier {
  readonly #init: DirectInit
  readonly #protocol: string
  readonly #wanted = new Set<number>()
  readonly #members = new Map<string, Connection>()
  readonly #outlets = new Map<string, Outlet>()
  readonly #inlets = new Map<string, Inlet>()
  readonly #joiner = new PieceJoiner()
  #events: CarrierEvents | undefined
  #isTelling = false

  constructor(init: DirectInit) {
    this.#init = init
    this.#protocol = `/reprise/${init.clusterName}/frames/1`
  }

  /** Take streams from now on. To be called before libp2p listens. */
  async start(host: Pick<Host, 'handle'>, events: CarrierEvents): Promise<void> {
    this.#events = events
    const options = { maxInboundStreams: STREAMS_PER_PROTOCOL_MAX, maxOutboundStreams: STREAMS_PER_PROTOCOL_MAX }
    await host.handle(this.#protocol, (stream, connection) => this.#onStream(stream, connection), options)
  }

  stop(): void {
    this.#events = undefined
    this.#members.clear()
    this.#outlets.clear()
    this.#inlets.clear()
  }

  subscribe(shard: number): void {
    this.#wanted.add(shard)
    this.#tellAll()
  }

  unsubscribe(shard: number): void {
    this.#wanted.delete(shard)
    this.#tellAll()
  }

  publish(shard: number, frame: Uint8Array): number {
    const { limits, counters } = this.#init
    let reached = 0
    let head: Uint8Array | undefined
    for (const { writer, shards } of this.#outlets.values()) {
      if (writer === undefined || !shards.has(shard)) continue
      if (writer.bufferedBytes + frame.byteLength > limits.directBufferBytesMax) {
        counters.framesSkipped++
        continue
      }
      head ??= encodeHead(shard, frame)
      writer.push(head)
      writer.push(frame)
      reached++
    }
    return reached
  }

  bufferedBytes(nodeId: string): number {
    return this.#outlets.get(nodeId)?.writer?.bufferedBytes ?? 0
  }

  sentBytes(nodeId: string): number {
    return this.#outlets.get(nodeId)?.writer?.sentBytes ?? 0
  }

  up(nodeId: string, connection: Connection): void {
    this.#members.set(nodeId, connection)
    this.#tell(nodeId)
    if (!this.#init.sendsTo(nodeId)) return
    const health = new StreamHealth()
    const outlet = { connection, health, isOpening: false, writer: undefined, shards: new Set<number>() }
    this.#outlets.set(nodeId, outlet)
    this.#open(nodeId, outlet)
  }

  down(nodeId: string): void {
    this.#members.delete(nodeId)
    this.#outlets.get(nodeId)?.writer?.stream.abort(new Error('its link is down'))
    this.#outlets.delete(nodeId)
  }

  watch(): Sick[] {
    const sick: Sick[] = []
    for (const [nodeId, outlet] of this.#outlets) {
      const wrong = outlet.health.look(outlet.writer, this.#init.limits)
      if (wrong !== undefined) sick.push({ nodeId, ...wrong })
      else if (outlet.writer === undefined) this.#open(nodeId, outlet)
    }
    return sick
  }

  #open(nodeId: string, outlet: Outlet): void {
    if (outlet.isOpening) return
    outlet.isOpening = true
    const signal = AbortSignal.timeout(this.#init.limits.zombieMs)
    outlet.connection
      .newStream([this.#protocol], { signal, maxOutboundStreams: STREAMS_PER_PROTOCOL_MAX })
      .then(
        (stream) => this.#attach(nodeId, outlet, stream),
        // Asked for again by the watch, which gives up in its time.
        (error) => this.#init.logger.debug('a stream for frames cannot be opened', { nodeId, error }),
      )
      .finally(() => {
        outlet.isOpening = false
      })
  }

  #attach(nodeId: string, outlet: Outlet, stream: Stream): void {
    if (this.#outlets.get(nodeId) !== outlet) {
      stream.abort(new Error('nobody waits for this stream any more'))
      return
    }
    outlet.writer = new TurnWriter(stream, this.#joiner)
    stream.addEventListener('close', () => {
      outlet.writer = undefined
      outlet.shards = new Set()
    })
    const bytesMax = 1 + SHARD_BYTES * SHARD_COUNT_MAX
    this.#read(stream, bytesMax, (message) => this.#onSubscriptions(nodeId, outlet, message))
  }

  #onSubscriptions(nodeId: string, outlet: Outlet, message: Uint8Array): void {
    const shards = decodeSubscriptions(message, this.#init.shardCount)
    const before = outlet.shards
    outlet.shards = shards
    for (const shard of shards) if (!before.has(shard)) this.#events?.onSubscriber(nodeId, shard)
  }

  #onStream(stream: Stream, connection: Connection): void {
    const nodeId = connection.remotePeer.toString()
    const former = this.#inlets.get(nodeId)
    const inlet: Inlet = { connection, writer: new TurnWriter(stream, this.#joiner) }
    // Who opens another one has lost the first. A peer may be heard before its link is up: it is told then.
    this.#inlets.set(nodeId, inlet)
    former?.writer.stream.abort(new Error('another stream took its place'))
    stream.addEventListener('close', () => {
      if (this.#inlets.get(nodeId) === inlet) this.#inlets.delete(nodeId)
    })
    this.#read(stream, SHARD_BYTES + this.#init.limits.frameBytesMax, (message) =>
      this.#onFrame(nodeId, connection, message),
    )
    this.#tell(nodeId)
  }

  #onFrame(from: string, connection: Connection, message: Uint8Array): void {
    const shard = decodeShard(message)
    if (this.#members.get(from) !== connection) {
      this.#init.counters.foreignFrames++
      return
    }
    // On its way when this node unsubscribed.
    if (!this.#wanted.has(shard)) return
    this.#init.counters.framesIn++
    this.#events?.onFrame(from, shard, message.subarray(SHARD_BYTES))
  }

  /** Read messages until one breaks the protocol, which ends the stream. */
  #read(stream: Stream, bytesMax: number, take: (message: Uint8Array) => void): void {
    const decoder = new MessageDecoder(bytesMax)
    stream.addEventListener('message', ({ data }: { readonly data: Pieces }) => {
      try {
        for (const message of decoder.push(data)) take(message)
      } catch (error) {
        if (error instanceof WireError) stream.abort(toError(error))
        else raise(error)
      }
    })
  }

  #tellAll(): void {
    // Subscriptions come and go in swarms, and the list is whole each time.
    if (this.#isTelling || this.#inlets.size === 0) return
    this.#isTelling = true
    queueMicrotask(() => {
      this.#isTelling = false
      for (const nodeId of this.#inlets.keys()) this.#tell(nodeId)
    })
  }

  #tell(nodeId: string): void {
    const inlet = this.#inlets.get(nodeId)
    if (inlet === undefined || this.#members.get(nodeId) !== inlet.connection) return
    // Who does not read what it has to know is cut off; it opens another stream, and is told anew.
    if (inlet.writer.bufferedBytes > SUBSCRIPTIONS_BUFFER_BYTES_MAX)
      inlet.writer.stream.abort(new Error('it does not read'))
    else inlet.writer.push(encodeSubscriptions(this.#wanted))
  }
}

const encodeHead = (shard: number, frame: Uint8Array): Uint8Array => {
  const head = Buffer.allocUnsafe(LENGTH_BYTES + SHARD_BYTES)
  head.writeUInt32BE(SHARD_BYTES + frame.byteLength)
  head.writeUInt16BE(shard, LENGTH_BYTES)
  return head
}

/** @throws WireError */
const decodeShard = (message: Uint8Array): number => {
  if (message.byteLength < SHARD_BYTES) throw new WireError('a frame without its shard')
  return message[0]! * 256 + message[1]!
}

const encodeSubscriptions = (shards: ReadonlySet<number>): Uint8Array => {
  const bytes = Buffer.allocUnsafe(1 + SHARD_BYTES * shards.size)
  bytes.writeUInt8(KIND_SUBSCRIPTIONS)
  let at = 1
  for (const shard of shards) at = bytes.writeUInt16BE(shard, at)
  return Buffer.concat([encodeLength(bytes.byteLength), bytes])
}

/** @throws WireError */
const decodeSubscriptions = (message: Uint8Array, shardCount: number): Set<number> => {
  if (message[0] !== KIND_SUBSCRIPTIONS || message.byteLength % SHARD_BYTES !== 1) {
    throw new WireError('what came back on a stream for frames is no list of subscriptions')
  }
  const shards = new Set<number>()
  for (let at = 1; at < message.byteLength; at += SHARD_BYTES) {
    const shard = message[at]! * 256 + message[at + 1]!
    if (shard >= shardCount) throw new WireError(`it subscribes to shard ${shard} of ${shardCount}`)
    shards.add(shard)
  }
  return shards
}
