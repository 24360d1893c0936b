/**
 * A network on a libp2p node that somebody else made, and that serves other protocols as well.
 *
 * Nothing of that node is taken over. It is dialled through its own connection manager, so its connection gater and limits
 * decide as always. A connection is noticed when its peer says (by identify) that it knows one of our protocols, or opens
 * one of our streams; other peers are left alone. Where a network of its own closes a connection, this one closes its own
 * streams on it and forgets it; the connection lives on for the others, and is found again when the peer is dialled.
 *
 * Gossipsub runs as an instance of its own under a protocol id of the cluster, beside the host's gossipsub if it has one:
 * that one signs, scores, forwards and remembers, for good reasons that are not ours.
 */
import type { GossipSub, GossipSubComponents } from '@libp2p/gossipsub'
import {
  type Connection,
  type Libp2pEvents,
  type Stream,
  serviceCapabilities,
  serviceDependencies,
  start,
  stop,
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { CLOSE_MS, LISTEN_MS } from './constants.ts'
import { type Libp2pNetwork, type NetworkInit, networkOn } from './create-network.ts'
import type { Host, HostNeeds } from './host.ts'

/** What is used of a libp2p node: the components that it hands to its services. */
export interface HostComponents extends GossipSubComponents {
  readonly events: {
    addEventListener<K extends keyof Libp2pEvents>(type: K, listener: (event: Libp2pEvents[K]) => void): void
    removeEventListener<K extends keyof Libp2pEvents>(type: K, listener: (event: Libp2pEvents[K]) => void): void
  }
  readonly addressManager: { getAddresses(): Multiaddr[]; getListenAddrs(): Multiaddr[] }
}

/** As for a network of its own, but for what the host decides: identity, addresses, encryption and its secret. */
export interface AttachInit
  extends Omit<NetworkInit, 'privateKey' | 'listen' | 'announce' | 'secret' | 'encryption' | 'wireVersions'> {
  /** Called when the host's addresses changed; they are known some time after the start. */
  readonly onAddresses?: (() => void) | undefined
}

/**
 * Make a network on the components of a libp2p node. To be started when the node starts, before it listens, and stopped
 * before it stops.
 * @throws UsageError when an option can never work.
 */
export const attachNetwork = async (components: HostComponents, init: AttachInit): Promise<Libp2pNetwork> => {
  const { onAddresses = () => {}, ...rest } = init
  const prefix = `/reprise/${init.clusterName ?? 'reprise'}/`
  return await networkOn(
    components.peerId.toString(),
    async (needs, { refusedMs }) => new AttachedHost(components, needs, { prefix, onAddresses, restMs: refusedMs }),
    rest,
  )
}

/** Say to libp2p what a service of its is called, and that it needs identify. @returns the service. */
export const asService = <Service extends object>(service: Service, name: string): Service =>
  Object.assign(service, { [serviceCapabilities]: [name], [serviceDependencies]: ['@libp2p/identify'] })

type ConnectionListener = (event: CustomEvent<Connection>) => void

interface AttachedHostInit {
  /** Of every protocol id that is ours. */
  readonly prefix: string
  readonly onAddresses: () => void
  readonly restMs: number
}

class AttachedHost implements Host {
  readonly #components: HostComponents
  readonly #gossip: GossipSub
  readonly #prefix: string
  readonly #onAddresses: () => void
  readonly #protocols: string[] = []
  readonly #topologies: string[] = []
  /** The connections that the network was told of and did not give up. */
  readonly #used = new Set<Connection>()
  /** Those to peers that know our protocols. */
  readonly #kin = new WeakSet<Connection>()
  /** Given up, but open and of our kind: tried again after a while, as if it had been dialled. */
  readonly #resting = new Map<Connection, NodeJS.Timeout>()
  readonly #openListeners = new Set<ConnectionListener>()
  readonly #closeListeners = new Set<ConnectionListener>()
  readonly #restMs: number
  readonly #listening = Promise.withResolvers<void>()
  /** Addresses that the host does not listen at yet. */
  #deaf = 0
  #listenTimer: NodeJS.Timeout | undefined
  #isStarted = false

  constructor(components: HostComponents, needs: HostNeeds, { prefix, onAddresses, restMs }: AttachedHostInit) {
    this.#restMs = restMs
    this.#components = components
    this.#prefix = prefix
    this.#onAddresses = onAddresses
    this.#gossip = needs.gossip(components)
    this.#gossip.protocols = this.#gossip.protocols.filter((protocol) => protocol.startsWith(prefix))
  }

  get addresses(): readonly string[] {
    return this.#components.addressManager.getAddresses().map(String)
  }

  addEventListener(type: 'connection:open' | 'connection:close', listener: ConnectionListener): void {
    this.#listenersOf(type).add(listener)
  }

  removeEventListener(type: 'connection:open' | 'connection:close', listener: ConnectionListener): void {
    this.#listenersOf(type).delete(listener)
  }

  async handle(...[protocol, handler, options]: Parameters<Host['handle']>): Promise<void> {
    const { registrar } = this.#components
    // A peer may open its stream before it is identified here.
    const noticed = (stream: Stream, connection: Connection): void => {
      this.#noticeKin(connection)
      handler(stream, connection)
    }
    await registrar.handle(protocol, noticed, options)
    // Only now: when it was refused, it is somebody else's.
    this.#protocols.push(protocol)
    this.#topologies.push(
      await registrar.register(protocol, { onConnect: (_peer, connection) => this.#noticeKin(connection) }),
    )
  }

  async dial(addresses: Multiaddr[], signal: AbortSignal): Promise<Connection> {
    // It may be one that exists, and that was given up before.
    const connection = await this.#components.connectionManager.openConnection(addresses, { signal })
    this.#notice(connection)
    return connection
  }

  cut(connection: Connection, reason: Error): void {
    for (const stream of this.#streamsOn(connection)) stream.abort(reason)
    // As libp2p tells of a closed connection: not in the middle of what closes it.
    queueMicrotask(() => this.#onClose(new CustomEvent('connection:close', { detail: connection })))
    this.#rest(connection)
  }

  async close(connection: Connection, reason: Error): Promise<void> {
    const signal = AbortSignal.timeout(CLOSE_MS)
    const closing = this.#streamsOn(connection).map(async (stream) => {
      const ended = endOf(stream, signal)
      await stream.close({ signal }).catch(() => {})
      // A reset would overtake what was just written. The other side ends its half when it has read that.
      await ended
      stream.abort(reason)
    })
    await Promise.all(closing)
    this.#used.delete(connection)
  }

  async start(onRunning: () => void): Promise<void> {
    const { events, addressManager } = this.#components
    this.#isStarted = true
    this.#deaf = addressManager.getListenAddrs().length
    if (this.#deaf === 0) this.#listening.resolve()
    else this.#listenTimer = setTimeout(this.#listening.resolve, LISTEN_MS)
    events.addEventListener('connection:close', this.#onClose)
    events.addEventListener('transport:listening', this.#onListening)
    events.addEventListener('self:peer:update', this.#onAddresses)
    await start(this.#gossip)
    onRunning()
  }

  whenListening(): Promise<void> {
    return this.#listening.promise
  }

  async stop(): Promise<void> {
    const { events, registrar, connectionManager } = this.#components
    events.removeEventListener('connection:close', this.#onClose)
    events.removeEventListener('transport:listening', this.#onListening)
    clearTimeout(this.#listenTimer)
    this.#listening.resolve()
    events.removeEventListener('self:peer:update', this.#onAddresses)
    for (const topology of this.#topologies.splice(0)) registrar.unregister(topology)
    for (const protocol of this.#protocols.splice(0)) await registrar.unhandle(protocol)
    // Gossipsub waits without a deadline until its streams are closed.
    for (const connection of connectionManager.getConnections()) {
      for (const stream of this.#streamsOn(connection)) stream.abort(new Error('the network stops'))
    }
    if (this.#isStarted) await stop(this.#gossip)
    this.#isStarted = false
    for (const connection of [...this.#resting.keys()]) this.#wake(connection)
    this.#used.clear()
  }

  readonly #onListening = (): void => {
    this.#onAddresses()
    if (--this.#deaf > 0) return
    clearTimeout(this.#listenTimer)
    this.#listening.resolve()
  }

  readonly #onClose = (event: CustomEvent<Connection>): void => {
    if (event.detail.status !== 'open') this.#wake(event.detail)
    if (!this.#used.delete(event.detail)) return
    for (const listener of this.#closeListeners) listener(event)
  }

  #noticeKin(connection: Connection): void {
    this.#kin.add(connection)
    this.#notice(connection)
  }

  #notice(connection: Connection): void {
    this.#wake(connection)
    if (this.#used.has(connection) || connection.status !== 'open') return
    this.#used.add(connection)
    const event = new CustomEvent('connection:open', { detail: connection })
    for (const listener of this.#openListeners) listener(event)
  }

  /**
   * Try the connection again after a while. Whose turn it is to open the lanes may be ours, and nothing else would say so: the
   * peer that wants a link again finds its connection open, and dials nobody.
   */
  #rest(connection: Connection): void {
    if (!this.#isStarted || !this.#kin.has(connection) || this.#resting.has(connection)) return
    const timer = setTimeout(() => {
      this.#resting.delete(connection)
      this.#notice(connection)
    }, this.#restMs)
    this.#resting.set(connection, timer)
  }

  #wake(connection: Connection): void {
    clearTimeout(this.#resting.get(connection))
    this.#resting.delete(connection)
  }

  #streamsOn(connection: Connection): Stream[] {
    return connection.streams.filter(({ protocol }) => protocol.startsWith(this.#prefix))
  }

  #listenersOf(type: 'connection:open' | 'connection:close'): Set<ConnectionListener> {
    return type === 'connection:open' ? this.#openListeners : this.#closeListeners
  }
}

/** Resolves when both halves of the stream are closed, or the signal comes. */
const endOf = (stream: Stream, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    stream.addEventListener('close', () => resolve(), { once: true })
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
