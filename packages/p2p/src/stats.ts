/** What the network counted, for status and dashboards. */

import type { CarrierCounters } from './carrier.ts'
import type { LinkStats } from './links.ts'

/** One peer: up, or a member that cannot be reached. */
export interface PeerStats {
  readonly nodeId: string
  /** The connection in use, or `undefined` while there is none. */
  readonly link: LinkStats | undefined
  /** Bytes of frames that wait to be written to it. */
  readonly frameBufferedBytes: number
  /** Dials of it that failed since it is a member. */
  readonly dialsFailed: number
}

export interface NetworkCounters extends Readonly<CarrierCounters> {
  /** Connections cut because there was no stream for frames to the peer, or one that did not move. */
  readonly zombiesClosed: number
  readonly stalledClosed: number
  /** Dials that failed, members and join places together. */
  readonly dialsFailed: number
  /** Connections and dials that the list of allowed members forbade. */
  readonly refused: number
}

export interface NetworkStats {
  readonly peers: readonly PeerStats[]
  /** Open connections: one per peer that is up, and those that are not up yet, or too many. */
  readonly connections: number
  /** Since the start. */
  readonly counters: NetworkCounters
}
