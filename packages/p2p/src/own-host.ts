/**
 * A libp2p 3 node of a network's own: TCP, an optional pre-shared key, TLS or noise, yamux, and gossipsub on them.
 */
import type { ListenOptions } from 'node:net'
import { identify } from '@libp2p/identify'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { type TCPOptions, tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import {
  CLOSE_MS,
  type NetworkLimits,
  readBufferBytesMax,
  STREAM_WINDOW_BYTES_FIRST,
  STREAMS_PER_CONNECTION_MAX,
  writeBufferBytesMax,
} from './constants.ts'
import { ListenError } from './errors.ts'
import type { Host, HostNeeds } from './host.ts'
import { writeOncePerTurn } from './one-write.ts'
import { protectWith } from './secret.ts'

export interface OwnHostInit {
  readonly limits: NetworkLimits
  readonly privateKey: PrivateKey
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly secret: string | Uint8Array | undefined
  readonly encryption: 'tls' | 'noise'
}

/** It starts, stops and is configured with its network, and serves nothing else. */
export class OwnHost implements Host {
  readonly #libp2p: Libp2p
  readonly #listen: readonly string[]
  readonly #onRunning: { call: () => void }

  /** Make the libp2p node, without starting it. */
  static async make(needs: HostNeeds, init: OwnHostInit): Promise<OwnHost> {
    const { limits, privateKey, listen, announce, secret, encryption } = init
    const onRunning = { call: () => {} }
    const libp2p = await createLibp2p({
      start: false,
      privateKey,
      addresses: { listen: [...listen], announce: [...announce] },
      transports: [tcp({ listenOpts: LISTEN_OPTIONS })],
      connectionEncrypters: [encryption === 'noise' ? noise() : writeOncePerTurn(tls())],
      ...(secret === undefined ? {} : { connectionProtector: protectWith(secret) }),
      connectionGater: needs.gater,
      connectionManager: {
        maxConnections: limits.connectionsMax,
        maxIncomingPendingConnections: limits.pendingConnectionsMax,
        inboundConnectionThreshold: limits.connectionsPerSecondMax,
        maxParallelDials: limits.dialsMax,
        dialTimeout: limits.dialMs,
        // A wrong address of several must leave time for the next.
        addressDialTimeout: Math.ceil(limits.dialMs / 2),
        inboundUpgradeTimeout: limits.dialMs,
        // Nothing is tagged to be kept alive: the dialer sees to that.
        reconnectRetries: 0,
      },
      // It cuts a connection after one late ping, and congestion makes pings late. Silence is watched by `links.ts`.
      connectionMonitor: { enabled: false },
      streamMuxers: [
        yamux({
          maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
          maxOutboundStreams: STREAMS_PER_CONNECTION_MAX,
          streamOptions: {
            initialStreamWindowSize: STREAM_WINDOW_BYTES_FIRST,
            maxStreamWindowSize: limits.streamWindowBytesMax,
            maxReadBufferLength: readBufferBytesMax(limits),
            maxWriteBufferLength: writeBufferBytesMax(limits),
          },
        }),
      ],
      services: {
        identify: identify(),
        pubsub: needs.gossip,
        // Subscriptions can be made when gossipsub runs, and have to be made before anybody connects: libp2p calls this after
        // the start of all services, and listens only then.
        subscriptions: () => ({ start: () => {}, afterStart: () => onRunning.call(), stop: () => {} }),
      },
    })
    return new OwnHost(libp2p, listen, onRunning)
  }

  private constructor(libp2p: Libp2p, listen: readonly string[], onRunning: { call: () => void }) {
    this.#libp2p = libp2p
    this.#listen = listen
    this.#onRunning = onRunning
  }

  get addresses(): readonly string[] {
    return this.#libp2p.getMultiaddrs().map(String)
  }

  addEventListener(...args: Parameters<Host['addEventListener']>): void {
    this.#libp2p.addEventListener(...args)
  }

  removeEventListener(...args: Parameters<Host['removeEventListener']>): void {
    this.#libp2p.removeEventListener(...args)
  }

  handle(...args: Parameters<Host['handle']>): Promise<void> {
    return this.#libp2p.handle(...args)
  }

  dial(addresses: Multiaddr[], signal: AbortSignal): Promise<Connection> {
    return this.#libp2p.dial(addresses, { signal })
  }

  cut(connection: Connection, reason: Error): void {
    connection.abort(reason)
  }

  async close(connection: Connection, reason: Error): Promise<void> {
    await connection.close({ signal: AbortSignal.timeout(CLOSE_MS) }).catch(() => connection.abort(reason))
  }

  async start(onRunning: () => void): Promise<void> {
    this.#onRunning.call = onRunning
    try {
      await this.#libp2p.start()
    } catch (cause) {
      throw new ListenError(this.#listen, { cause })
    }
  }

  /** It listens once it is started. */
  whenListening(): Promise<void> {
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    await this.#libp2p.stop()
  }
}

/** Workers of node:cluster share the ports that they listen on, unless told not to; each is a member of its own. */
const LISTEN_OPTIONS: TCPOptions['listenOpts'] & Pick<ListenOptions, 'exclusive'> = { exclusive: true }
