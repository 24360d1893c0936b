/**
 * What a cluster and its member processes tell each other, over the channel that Node opens between parent and child.
 *
 * ```
 *  cluster                          member
 *     │  start(config) ────────────►  │   once; the only way in for secrets
 *     │  ◄──────────────── listening  │   its peer-to-peer address, so that others can join it
 *     │  ◄──────────────────── ready  │   it serves clients
 *     │  ◄───────────────── counters  │   while it serves
 *     │  cut, heal ────────────────►  │   drop the connections to all others, and let them in again
 *     │  stop ─────────────────────►  │   then it exits; it also does when the channel breaks
 *     │  ◄─────────────────── failed  │   it could not start, and exits
 * ```
 *
 * Both ends are of the same build, so the messages are not validated. Bytes travel as base64url.
 */
import type { GatewayName } from '../gateways.ts'

/** The ports of a member, with those of the gateways that it has. */
export interface MemberPorts extends Readonly<Partial<Record<GatewayName, number>>> {
  readonly peer: number
  readonly tls: number
  readonly admin: number
}

export interface MemberConfig {
  readonly name: string
  readonly cluster: string
  /** The cluster secret, base64url. */
  readonly secret: string
  readonly dataDir: string
  /** Everything the cluster keeps on disk; an orphan removes it. */
  readonly clusterDir: string
  /** Addresses of other members. Empty for the first. */
  readonly join: readonly string[]
  /** How many members must be alive before this one calls itself ready. */
  readonly membersMin: number
  /** Ports it had before, or 0 for any. A port that is taken by now is replaced by any. */
  readonly ports: MemberPorts
  /** The gateways that it has. */
  readonly gateways: readonly GatewayName[]
  readonly certificate: Certificate
  readonly confirm: Confirm
  /** What the admin server asks for. */
  readonly adminToken: string
}

/** Whether a TLS handshake waits for a copy of its session; see `resumeAcrossCluster`. */
export type Confirm = 'queued' | 'copies'

export interface Certificate {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/** A member that serves. */
export interface MemberReady {
  readonly peerId: string
  readonly incarnation: number
  /** Its multiaddr, with its peer id. */
  readonly listen: string
  readonly ports: MemberPorts
}

/** What a member tells of itself as it changes: what it counted since its process started, and how it stands with the others. */
export interface MemberCounters {
  /** TLS handshakes by where the session came from. */
  readonly handshakes: { readonly full: number; readonly local: number; readonly peers: number }
  /** Records in its cache. */
  readonly records: number
  /** Everything that it shall hold is there. */
  readonly isReady: boolean
  /** Members that it is connected to. */
  readonly connected: number
}

export type ToMember =
  | { readonly type: 'start'; readonly config: MemberConfig }
  | { readonly type: 'cut' }
  | { readonly type: 'heal' }
  | { readonly type: 'stop' }

export type FromMember =
  | { readonly type: 'listening'; readonly listen: string }
  | ({ readonly type: 'ready' } & MemberReady)
  | ({ readonly type: 'counters' } & MemberCounters)
  | { readonly type: 'failed'; readonly message: string }
