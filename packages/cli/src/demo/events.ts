/**
 * What happens in the demo, as data: the story tells it, and the screen and the plain lines are two ways to show it.
 */

import type { ClientKind } from '../clients/tls-client.ts'
import type { MemberEnd, MemberView } from '../cluster/local-cluster.ts'

/** One TLS handshake of a client of the demo. */
export interface Handshake {
  readonly node: string
  readonly kind: ClientKind
  /**
   * The client offered a session, which was then resumed or lost. Not one that a node did not resume because it is cut off
   * from the others, who have it: the client takes that to them, and there it counts.
   */
  readonly offered: boolean
  readonly reused: boolean
  /** `local`, `peers:<names>` or `new`. */
  readonly origin: string
  readonly ms: number
}

/** How far something is. */
export interface ProgressView {
  /** 0 to 1. */
  readonly share: number
  readonly text: string
}

/** How the whole went. */
export interface Verdict {
  readonly held: boolean
  /** Sessions that were to be resumed, and that were not. */
  readonly resumptions: number
  readonly lost: number
  readonly tookMs: number
  /** The middle one of the handshakes of that sort, in milliseconds; undefined when there was none. */
  readonly fullMs: number | undefined
  readonly localMs: number | undefined
  readonly peersMs: number | undefined
  readonly failedStep: string | undefined
}

export type DemoEvent =
  | { readonly type: 'begin'; readonly nodes: number; readonly steps: readonly string[] }
  | { readonly type: 'member'; readonly member: MemberView }
  | { readonly type: 'member-ended'; readonly end: MemberEnd }
  /** The demo has a page for browsers. */
  | { readonly type: 'page'; readonly url: string }
  | { readonly type: 'handshake'; readonly handshake: Handshake }
  | { readonly type: 'step-started'; readonly step: number }
  /** A detail of the step under way. */
  | { readonly type: 'said'; readonly text: string }
  /** Something that changes all the time, by its name; undefined when it is over. */
  | { readonly type: 'progress'; readonly name: string; readonly progress: ProgressView | undefined }
  | { readonly type: 'step-held'; readonly step: number; readonly summary: string; readonly tookMs: number }
  | { readonly type: 'step-failed'; readonly step: number; readonly error: unknown; readonly tookMs: number }
  | { readonly type: 'verdict'; readonly verdict: Verdict }
  /** The story is over and traffic goes on. */
  | { readonly type: 'playing' }

export type Tell = (event: DemoEvent) => void
