/**
 * Who may connect.
 *
 * Decides by peer id only, which the encryption handshake has proven at that point; whether the peer is of the same cluster
 * is decided later, by its hello. The list can be replaced while the network runs.
 */
import type { ConnectionGater } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { UsageError } from '@reprise/core'

export class Admission {
  #allowed: ReadonlySet<string> | undefined
  readonly #onRefused: (nodeId: string) => void

  /**
   * @param allowed ids of the members that may connect; `undefined` lets everybody who knows the secret.
   * @param onRefused is told of each peer that was turned away.
   */
  constructor(allowed: readonly string[] | undefined, onRefused: (nodeId: string) => void) {
    this.#onRefused = onRefused
    this.replace(allowed)
  }

  /**
   * Replace the list. Connections that exist are the caller's to check.
   * @throws UsageError when an id is not a peer id.
   */
  replace(allowed: readonly string[] | undefined): void {
    for (const id of allowed ?? []) assertNodeId(id)
    this.#allowed = allowed === undefined ? undefined : new Set(allowed)
  }

  allows(nodeId: string): boolean {
    return this.#allowed === undefined || this.#allowed.has(nodeId)
  }

  /** The same decision as libp2p asks for it: before dialling, and when the remote side's id is proven. */
  get gater(): ConnectionGater {
    const refuse = (nodeId: string): boolean => {
      if (this.allows(nodeId)) return false
      this.#onRefused(nodeId)
      return true
    }
    return {
      denyDialPeer: (peer) => refuse(peer.toString()),
      denyInboundEncryptedConnection: (peer) => refuse(peer.toString()),
      denyOutboundEncryptedConnection: (peer) => refuse(peer.toString()),
    }
  }
}

/** @throws UsageError when the text is not a peer id. */
const assertNodeId = (id: string): void => {
  try {
    peerIdFromString(id)
  } catch (cause) {
    throw new UsageError(`${JSON.stringify(id)} is not a peer id`, { cause })
  }
}
