/**
 * The libp2p node under a network: one of its own (`own-host.ts`), or one that serves others as well
 * (`attach-network.ts`).
 *
 * What a network does with connections goes through here, because it depends on whose they are: a network closes its own, and
 * only leaves those that it shares.
 */
import type { GossipSub, GossipSubComponents } from '@libp2p/gossipsub'
import type { Connection, ConnectionGater, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { NetworkLimits } from './constants.ts'

export interface Host {
  /** Full multiaddrs at which the node can be reached. Empty until it listens. */
  readonly addresses: readonly string[]

  addEventListener(
    type: 'connection:open' | 'connection:close',
    listener: (event: CustomEvent<Connection>) => void,
  ): void
  removeEventListener(
    type: 'connection:open' | 'connection:close',
    listener: (event: CustomEvent<Connection>) => void,
  ): void
  handle(
    protocol: string,
    handler: (stream: Stream, connection: Connection) => void,
    options: { maxInboundStreams: number; maxOutboundStreams: number },
  ): Promise<void>

  /** @returns a connection with whoever is there, which was announced as open. */
  dial(addresses: Multiaddr[], signal: AbortSignal): Promise<Connection>
  /** Done with the connection, at once. `connection:close` follows. */
  cut(connection: Connection, reason: Error): void
  /** Done with the connection, after what was written has left. Has a deadline, after which it is cut. */
  close(connection: Connection, reason: Error): Promise<void>

  /** Start gossipsub, call `onRunning`, and from then on meet peers. */
  start(onRunning: () => void): Promise<void>
  /** Resolves when the addresses are known; others are told them when they are met. Has a deadline. */
  whenListening(): Promise<void>
  /** Close everything that was opened here. */
  stop(): Promise<void>
}

/** What a network needs its host to use. */
export interface HostNeeds {
  readonly gossip: (components: GossipSubComponents) => GossipSub
  readonly gater: ConnectionGater
}

export type HostFactory = (needs: HostNeeds, limits: NetworkLimits) => Promise<Host>
