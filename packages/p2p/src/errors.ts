/** The expected failures of the network. Each has a stable `code`; messages are for people and say what to do. */
import { RepriseError } from '@reprise/core'

/** Why two nodes that can reach each other do not talk. */
export type MismatchReason = 'CLUSTER_MISMATCH' | 'VERSION_MISMATCH' | 'SHARDS_MISMATCH' | 'BAD_HELLO' | 'NO_HELLO'

/**
 * Logged, and given as the reason for closing a connection, when a peer is not of this cluster. It is tried again, slowly.
 *
 * - `CLUSTER_MISMATCH`: it knows none of this cluster's protocols, or said another name.
 * - `VERSION_MISMATCH`: it speaks another version of the protocol.
 * - `SHARDS_MISMATCH`: it divides its sessions into another number of shards.
 * - `BAD_HELLO`: what it said first cannot be decoded, or it was not its turn to speak.
 * - `NO_HELLO`: it kept its connection open and said nothing.
 */
export class MismatchError extends RepriseError {
  declare readonly code: MismatchReason
  readonly nodeId: string

  constructor(code: MismatchReason, nodeId: string, detail: string, options?: ErrorOptions) {
    super(code, `${nodeId} is not of this cluster: ${detail}`, options)
    this.nodeId = nodeId
  }
}

/** Thrown by `start` when an address cannot be listened on: in use, not of this host, or not permitted. */
export class ListenError extends RepriseError {
  readonly addresses: readonly string[]

  constructor(addresses: readonly string[], options?: ErrorOptions) {
    super(
      'LISTEN',
      `cannot listen on ${addresses.join(', ')}; is the port taken, or the address not of this host?`,
      options,
    )
    this.addresses = addresses
  }
}

/** Why an open connection was cut by this side. */
export type CutReason = 'SILENT' | 'ZOMBIE' | 'STALLED' | 'REPLACED' | 'REFUSED' | 'PROTOCOL' | 'STOPPING'

/**
 * The reason given to libp2p when this side cuts a connection; seen in logs.
 *
 * - `SILENT`: nothing came for `silenceMs`, not even an answer to a ping.
 * - `ZOMBIE`, `STALLED`: gossipsub has no stream to the peer, or one that does not move.
 * - `REPLACED`: a newer connection took its place.
 * - `REFUSED`: the peer is not on the list of allowed members.
 * - `PROTOCOL`: the peer broke the protocol of a lane; what it did is in the message.
 * - `STOPPING`: the network stops.
 */
export class CutError extends RepriseError {
  declare readonly code: CutReason
  readonly nodeId: string

  constructor(code: CutReason, nodeId: string, detail: string, options?: ErrorOptions) {
    super(code, `connection to ${nodeId} cut: ${detail}`, options)
    this.nodeId = nodeId
  }
}
