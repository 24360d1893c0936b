/**
 * The network on libp2p 3: a host (`own-host.ts`, `attach-network.ts`), and on it the lanes and the multicast.
 *
 * This file only puts the parts together and owns their start and stop. What is decided is decided in the parts: who may
 * connect (`admission.ts`), which connection is used (`links.ts`), who is dialled (`dialer.ts`), how frames travel
 * (`multicast.ts`, `direct.ts`).
 */

import type { Connection } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { LimitError, StoppedError, UsageError } from '@reprise/core'
import { Admission } from './admission.ts'
import { type CarrierEvents, newCounters } from './carrier.ts'
import {
  CLUSTER_NAME_BYTES_MAX,
  DIRECT_WIRE_MIN,
  FRAME_ID_BYTES,
  type NetworkLimits,
  resolveLimits,
  SHARD_COUNT_MAX,
  WATCH_MS,
  WIRE_VERSIONS,
} from './constants.ts'
import { Dialer, type DialResult } from './dialer.ts'
import { Direct } from './direct.ts'
import type { Host, HostFactory } from './host.ts'
import { resolvePrivateKey } from './identity.ts'
import { type JoinPlace, parseJoinPlace, parseMultiaddr } from './join-address.ts'
import { Links } from './links.ts'
import { type Logger, SILENT_LOGGER } from './logger.ts'
import { Multicast } from './multicast.ts'
import type { Lane, Network, NetworkEvents } from './network.ts'
import { OwnHost } from './own-host.ts'
import type { NetworkStats, PeerStats } from './stats.ts'

/** How to make a network. Everything but `shardCount` has a default that suits one machine. */
export interface NetworkInit {
  /** Number of shards, 1 to 1024; the same at all members. */
  readonly shardCount: number
  /** The cluster's name, up to 64 letters, digits, `.`, `_` and `-`: part of every protocol id and topic. Default `reprise`. */
  readonly clusterName?: string | undefined
  /** A protobuf-encoded libp2p private key, as of `generateIdentity`. Default: a fresh identity for each start. */
  readonly privateKey?: Uint8Array | undefined
  /** Multiaddrs to listen on. Default `/ip4/127.0.0.1/tcp/0`. */
  readonly listen?: readonly string[] | undefined
  /** Multiaddrs to name to others in place of the ones listened on, for example behind NAT. Default: none. */
  readonly announce?: readonly string[] | undefined
  /** Where members may be found: multiaddrs, `host:port`, or `host` (port 4747). Names are resolved at each attempt. */
  readonly join?: readonly string[] | undefined
  /** The cluster secret, at least 16 random bytes. Who does not know it cannot connect. Changing it is a partition. */
  readonly secret?: string | Uint8Array | undefined
  /** Ids of the nodes that may connect. Default: everybody who knows the secret. See `setAllow`. */
  readonly allow?: readonly string[] | undefined
  /** Default `tls`: with noise small frames cost about three times as much. The same at all members. */
  readonly encryption?: 'tls' | 'noise' | undefined
  /**
   * How frames reach others. `gossip` (default): by gossipsub, a topic per shard. `direct`: over one stream to each
   * subscriber, which takes fewer steps; peers that do not take such streams yet get theirs by gossip. Members need not agree.
   */
  readonly carrier?: 'gossip' | 'direct' | undefined
  /** The id of a frame: what is equal is delivered once. At most a view of the frame. Default: its first 48 bytes. */
  readonly frameId?: ((frame: Uint8Array) => Uint8Array) | undefined
  readonly logger?: Logger | undefined
  readonly limits?: Partial<NetworkLimits> | undefined
  /**
   * The versions of the wire to speak, best first. Default: all that this code knows.
   * @internal for tests of clusters of several versions.
   */
  readonly wireVersions?: readonly number[] | undefined
  /** Uniform in [0, 1), for the jitter of dialling. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** A network on libp2p, with what an operator wants of it beyond `Network`. */
export interface Libp2pNetwork extends Network {
  /** What the network counted so far. */
  stats(): NetworkStats
  /** Replace the list of node ids that may connect; who is not on it is cut. `undefined` allows everybody again. */
  setAllow(allow: readonly string[] | undefined): void
}

/**
 * Make a network. It does nothing until `start`, which may be called once; after `stop` make a new one.
 * @throws UsageError when an option can never work.
 */
export const createNetwork = async (init: NetworkInit): Promise<Libp2pNetwork> => {
  const privateKey = await resolvePrivateKey(init.privateKey)
  const listen = (init.listen ?? ['/ip4/127.0.0.1/tcp/0']).map((text) => parseMultiaddr(text).toString())
  const announce = (init.announce ?? []).map((text) => parseMultiaddr(text).toString())
  const { secret, encryption = 'tls' } = init
  const ownHost: HostFactory = (needs, limits) =>
    OwnHost.make(needs, { limits, privateKey, listen, announce, secret, encryption })
  return await networkOn(peerIdFromPrivateKey(privateKey).toString(), ownHost, init)
}

/** A network on any host. @throws UsageError when an option can never work. */
export const networkOn = async (nodeId: string, makeHost: HostFactory, init: NetworkInit): Promise<Libp2pNetwork> => {
  const limits = resolveLimits(init.limits)
  const { shardCount, clusterName = 'reprise' } = init
  if (!Number.isInteger(shardCount) || shardCount < 1 || shardCount > SHARD_COUNT_MAX) {
    throw new UsageError(`shardCount must be a whole number from 1 to ${SHARD_COUNT_MAX}`)
  }
  if (!/^[\w.-]+$/.test(clusterName) || clusterName.length > CLUSTER_NAME_BYTES_MAX) {
    throw new UsageError(`clusterName must be 1 to ${CLUSTER_NAME_BYTES_MAX} letters, digits, '.', '_' or '-'`)
  }
  const network = new NetworkOnLibp2p({
    init,
    limits,
    clusterName,
    nodeId,
    places: (init.join ?? []).map((text) => parseJoinPlace(text)),
  })
  await network.prepare(makeHost)
  return network
}

interface ResolvedInit {
  readonly init: NetworkInit
  readonly limits: NetworkLimits
  readonly clusterName: string
  readonly nodeId: string
  readonly places: readonly JoinPlace[]
}

class NetworkOnLibp2p implements Libp2pNetwork {
  readonly nodeId: string
  readonly #resolved: ResolvedInit
  readonly #logger: Logger
  readonly #admission: Admission
  readonly #links: Links
  readonly #frames = newCounters()
  /** The wires of the peers that are up. */
  readonly #wires = new Map<string, number>()
  readonly #multicast: Multicast
  readonly #direct: Direct
  readonly #dialer: Dialer
  readonly #counters = { zombiesClosed: 0, stalledClosed: 0, dialsFailed: 0, refused: 0 }
  #host: Host | undefined
  #watch: NodeJS.Timeout | undefined
  #state: 'new' | 'started' | 'stopped' = 'new'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(resolved: ResolvedInit) {
    const { init, limits, clusterName, nodeId, places } = resolved
    const { shardCount, frameId = firstBytes } = init
    this.#resolved = resolved
    this.#logger = init.logger ?? SILENT_LOGGER
    this.nodeId = nodeId
    this.#admission = new Admission(init.allow, (nodeId) => {
      this.#counters.refused++
      this.#logger.info('a node is not on the list of allowed members', { nodeId })
    })
    this.#links = new Links({
      nodeId: this.nodeId,
      clusterName,
      shardCount,
      wireVersions: init.wireVersions ?? WIRE_VERSIONS,
      limits,
      logger: this.#logger,
      nowMs: () => performance.now(),
      allows: (nodeId) => this.#admission.allows(nodeId),
    })
    const isDirect = (nodeId: string): boolean =>
      init.carrier === 'direct' && (this.#wires.get(nodeId) ?? 0) >= DIRECT_WIRE_MIN
    const common = { clusterName, shardCount, limits, counters: this.#frames, logger: this.#logger }
    this.#multicast = new Multicast({ ...common, frameId, isElsewhere: isDirect })
    this.#direct = new Direct({ ...common, sendsTo: isDirect })
    this.#dialer = new Dialer(
      {
        nodeId: this.nodeId,
        limits,
        random: init.random ?? Math.random,
        nowMs: () => performance.now(),
        dial: (addresses, signal) => this.#dial(addresses, signal),
        isConnected: (nodeId) => this.#links.isConnected(nodeId),
        onFailure: (target, error) => {
          this.#counters.dialsFailed++
          this.#logger.debug('a dial failed', { target, error })
        },
      },
      places,
    )
  }

  /** Make the host, without starting it. */
  async prepare(makeHost: HostFactory): Promise<void> {
    const needs = { gossip: this.#multicast.service, gater: this.#admission.gater }
    this.#host = await makeHost(needs, this.#resolved.limits)
  }

  get addresses(): readonly string[] {
    return this.#state === 'started' ? this.#host!.addresses : []
  }

  get peers(): readonly string[] {
    return this.#links.peers
  }

  start(events: NetworkEvents): Promise<void> {
    if (this.#state === 'stopped') return Promise.reject(new StoppedError('the network'))
    if (this.#state === 'started') return Promise.reject(new UsageError('the network was started before'))
    this.#state = 'started'
    this.#starting = this.#start(events)
    return this.#starting
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  subscribe(shard: number): void {
    this.#assertShard(shard)
    this.#multicast.subscribe(shard)
    this.#direct.subscribe(shard)
  }

  unsubscribe(shard: number): void {
    this.#assertShard(shard)
    this.#multicast.unsubscribe(shard)
    this.#direct.unsubscribe(shard)
  }

  publish(shard: number, frame: Uint8Array): number {
    this.#assertShard(shard)
    const { frameBytesMax } = this.#resolved.limits
    if (frame.byteLength > frameBytesMax) {
      throw new LimitError(
        'frameBytesMax',
        frame.byteLength,
        frameBytesMax,
        'publish it in parts, or raise it at all members',
      )
    }
    this.#frames.framesOut++
    return this.#multicast.publish(shard, frame) + this.#direct.publish(shard, frame)
  }

  send(to: string, lane: Lane, message: Uint8Array): boolean {
    return this.#links.send(to, lane, message)
  }

  bufferedBytes(to: string): number {
    return this.#links.bufferedBytes(to) + this.#frameBufferedBytes(to)
  }

  setMembers(members: ReadonlyMap<string, readonly string[]>): void {
    this.#dialer.setMembers(members)
  }

  setAllow(allow: readonly string[] | undefined): void {
    this.#admission.replace(allow)
    this.#links.cutRefused()
  }

  stats(): NetworkStats {
    const nodeIds = new Set([...this.#links.peers, ...this.#dialer.failures.keys()])
    const peers = [...nodeIds].map((nodeId): PeerStats => {
      const link = this.#links.stats(nodeId)
      return {
        nodeId,
        link: link && {
          ...link,
          bytesOut: link.bytesOut + this.#multicast.sentBytes(nodeId) + this.#direct.sentBytes(nodeId),
        },
        frameBufferedBytes: this.#frameBufferedBytes(nodeId),
        dialsFailed: this.#dialer.failures.get(nodeId) ?? 0,
      }
    })
    const connections = this.#links.connectionCount
    return { peers, connections, counters: { ...this.#frames, ...this.#counters } }
  }

  async #start(events: NetworkEvents): Promise<void> {
    await this.#links.start(this.#host!, {
      onUp: (nodeId, connection, wire) => this.#onUp(nodeId, connection, wire, events),
      onDown: (nodeId) => {
        this.#multicast.down(nodeId)
        this.#direct.down(nodeId)
        this.#wires.delete(nodeId)
        this.#dialer.disconnected(nodeId)
        events.onPeerDown(nodeId)
      },
      onMessage: (nodeId, lane, message) => events.onMessage(nodeId, lane, message),
      onRefused: (nodeId, certain) => this.#dialer.refused(nodeId, certain),
    })
    const carried: CarrierEvents = {
      onSubscriber: (nodeId, shard) => events.onSubscriber(nodeId, shard),
      onFrame: (from, shard, frame) => {
        this.#links.heard(from, frame.byteLength)
        events.onFrame(from, shard, frame)
      },
    }
    await this.#direct.start(this.#host!, carried)
    try {
      await this.#host!.start(() => this.#multicast.start(carried))
    } catch (error) {
      this.#state = 'stopped'
      await this.#close()
      throw error
    }
    // Stopped meanwhile; `stop` waits for this before it closes.
    if (this.#state === 'stopped') throw new StoppedError('the network')
    this.#watch = setInterval(() => this.#onWatch(), WATCH_MS)
    void this.#host!.whenListening().then(() => {
      if (this.#state === 'started') this.#dialer.start()
    })
  }

  async #stop(): Promise<void> {
    this.#state = 'stopped'
    this.#dialer.stop()
    await this.#starting?.catch(() => {})
    await this.#close()
  }

  /** What `#start` opened, in reverse. Each step has a deadline of its own. */
  async #close(): Promise<void> {
    clearInterval(this.#watch)
    this.#multicast.stop()
    this.#direct.stop()
    await this.#links.stop()
    await this.#host?.stop()
  }

  #onUp(nodeId: string, connection: Connection, wire: number, events: NetworkEvents): void {
    this.#dialer.connected(nodeId)
    this.#wires.set(nodeId, wire)
    events.onPeerUp(nodeId, wire)
    this.#multicast.up(nodeId, connection)
    this.#direct.up(nodeId, connection)
  }

  #onWatch(): void {
    this.#links.watch()
    for (const { nodeId, reason, detail } of [...this.#multicast.watch(), ...this.#direct.watch()]) {
      if (reason === 'ZOMBIE') this.#counters.zombiesClosed++
      else this.#counters.stalledClosed++
      this.#logger.warn('a connection is cut to heal it', { nodeId, reason, detail })
      this.#links.cut(nodeId, reason, detail)
    }
  }

  async #dial(addresses: readonly string[], signal: AbortSignal): Promise<DialResult> {
    try {
      const connection = await this.#host!.dial(addresses.map(parseMultiaddr), signal)
      return { nodeId: connection.remotePeer.toString() }
    } catch (error) {
      if (error instanceof Error && error.name === 'InvalidPeerIdError') return 'self'
      throw error
    }
  }

  #frameBufferedBytes(nodeId: string): number {
    return this.#multicast.bufferedBytes(nodeId) + this.#direct.bufferedBytes(nodeId)
  }

  #assertShard(shard: number): void {
    const { shardCount } = this.#resolved.init
    if (!Number.isInteger(shard) || shard < 0 || shard >= shardCount) {
      throw new UsageError(`there is no shard ${shard}; shards are numbered from 0 to ${shardCount - 1}`)
    }
  }
}

const firstBytes = (frame: Uint8Array): Uint8Array => frame.subarray(0, Math.min(FRAME_ID_BYTES, frame.byteLength))
