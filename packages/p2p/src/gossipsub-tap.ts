/**
 * What gossipsub does not tell: which stream it writes to a peer with. And what it should not be told: that an old one failed.
 *
 * Gossipsub keeps its outgoing streams private, does not notice that one is missing, and writes into one without looking at
 * what is waiting there. Its registrar is therefore handed to it through this tap, which sees each stream as it is opened,
 * can ask gossipsub to open one, and lets those that come in end without an error. It uses public interfaces only. (libp2p's
 * stream middleware would be the natural place; in libp2p 3.3 the list of middleware grows by each incoming stream's handler
 * and runs them all for the next one.)
 */
import type { GossipSubComponents } from '@libp2p/gossipsub'
import type { Connection, PeerId, Stream, Topology } from '@libp2p/interface'
import { GOSSIP_OPEN_MS } from './constants.ts'
import { updateWindowLazily } from './lazy-window.ts'

type Registrar = GossipSubComponents['registrar']

export class GossipsubTap {
  readonly #onStream: (nodeId: string, stream: Stream) => void
  #topology: Topology | undefined

  /** @param onStream is told of each stream that gossipsub opened, before anything is written to it. */
  constructor(onStream: (nodeId: string, stream: Stream) => void) {
    this.#onStream = onStream
  }

  /** The components with the tap in place. */
  wrap(components: GossipSubComponents): GossipSubComponents {
    const { privateKey, peerId, peerStore, connectionManager, logger } = components
    return {
      privateKey,
      peerId,
      peerStore,
      connectionManager,
      logger,
      registrar: this.#wrapRegistrar(components.registrar),
    }
  }

  /** Let gossipsub open its stream to the peer, if it has none. It happens later, and may fail silently. */
  open(peer: PeerId, connection: Connection): void {
    // Gossipsub gives one topology to the registrar, once for each of its protocols; calling it once is enough.
    void this.#topology?.onConnect?.(peer, connection)
  }

  #wrapRegistrar(registrar: Registrar): Registrar {
    return {
      getProtocols: () => registrar.getProtocols(),
      getHandler: (protocol) => registrar.getHandler(protocol),
      getTopologies: (protocol) => registrar.getTopologies(protocol),
      getMiddleware: (protocol) => registrar.getMiddleware(protocol),
      use: (protocol, middleware) => registrar.use(protocol, middleware),
      unuse: (protocol) => registrar.unuse(protocol),
      unhandle: (protocol, options) => registrar.unhandle(protocol, options),
      unregister: (id) => registrar.unregister(id),
      handle: (protocol, handler, options) =>
        registrar.handle(
          protocol,
          (stream, connection) => {
            updateWindowLazily(stream)
            endQuietly(stream)
            return handler(stream, this.#wrapConnection(connection))
          },
          options,
        ),
      register: (protocol, topology) => {
        this.#topology = {
          ...topology,
          onConnect: (peer, connection) => topology.onConnect?.(peer, this.#wrapConnection(connection)),
        }
        return registrar.register(protocol, this.#topology)
      },
    }
  }

  #wrapConnection(connection: Connection): Connection {
    const newStream: Connection['newStream'] = async (protocols, options) => {
      const signal = AbortSignal.timeout(GOSSIP_OPEN_MS)
      const stream = await connection.newStream(protocols, { ...options, signal })
      // It may have ended while it was opened. Gossipsub would wait for an end that has been.
      if (stream.status !== 'open') throw new Error(`the stream is ${stream.status}`)
      this.#onStream(connection.remotePeer.toString(), stream)
      return stream
    }
    return new Proxy(connection, {
      get: (target, key) => {
        if (key === 'newStream') return newStream
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

/**
 * Let a stream that is reset end, for who listens from now on. Such a listener stays: it cannot be removed.
 *
 * Gossipsub takes an error of any incoming stream for the loss of its peer, and forgets the newer streams, too: of two
 * connections the one that is not used is cut, its stream fails some time later, and the peer would get no frame on the other
 * one, and say nothing.
 */
const endQuietly = (stream: Stream): void => {
  const addEventListener = stream.addEventListener.bind(stream)
  stream.addEventListener = (type, listener, options) => {
    const isToldOfErrors = type === 'close' && typeof listener === 'function'
    addEventListener(type, isToldOfErrors ? () => (listener as CloseListener)(new Event('close')) : listener, options)
  }
}

type CloseListener = (event: Event) => void
