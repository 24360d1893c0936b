/** Who a node is, for programs. */
export interface Identity {
  readonly peerId: string
  readonly dataDir: string
  /** It was made just now. */
  readonly isNew: boolean
  /** Multiaddrs at which others join it; with HOST and PORT to fill in where they are not known. */
  readonly addresses: readonly string[]
}

export function identityJson(identity: Identity): object {
  return { schemaVersion: 1, ...identity }
}
