/**
 * What the runner and a member process tell each other, over the channel that Node opens between parent and child.
 *
 * ```
 *  runner                           member
 *     │  start(config) ────────────►  │   once
 *     │  ◄──────────────── serving    │   where it listens; it takes calls
 *     │  ◄──────────── tls-serving    │   where its TLS server listens, if it shall have one: its node is ready
 *     │  call(n) ──────────────────►  │   session operations, condition, check
 *     │  ◄───────────────── answer(n) │   each ends once, in any order
 *     │  stall, clock ─────────────►  │   faults that happen inside
 *     │  stop ─────────────────────►  │   hands over, then exits; it exits at once when the channel breaks
 *     │  ◄─────────────────── failed  │   it could not start, and exits
 * ```
 *
 * Both ends are of the same build, so the messages are not validated.
 */
import type { FinalCheck } from '../run-record.ts'
import type { TlsServing } from '../tls/tls-desk.ts'
import type { Condition, SessionAnswer, SessionCall } from './calls.ts'

export interface MemberConfig {
  readonly name: string
  readonly cluster: string
  /** The cluster secret, base64url. */
  readonly secret: string
  readonly dataDir: string
  /** Everything that the cluster keeps on disk; an orphan removes it. */
  readonly clusterDir: string
  readonly listen: string
  /** What others are told, when they reach it elsewhere than where it listens. */
  readonly announce: string | undefined
  readonly join: readonly string[]
  readonly copies: number
  readonly cacheBytesMax: number | undefined
  /** It is a repository, and keeps what it has there. */
  readonly repositoryDirectory: string | undefined
  /** `host:port` by `host:port`: who dials the one reaches the other. */
  readonly detours: Readonly<Record<string, string>>
  /** What it serves TLS with; undefined: it has no TLS server. */
  readonly tls: TlsServing | undefined
  /** The address of a module whose `createNode` makes the node, instead of the present one. */
  readonly nodeModule: string | undefined
}

export type MemberCall = SessionCall | { readonly kind: 'condition' } | { readonly kind: 'check' }

export type MemberAnswer = SessionAnswer | Condition | FinalCheck

export type ToMember =
  | { readonly type: 'start'; readonly config: MemberConfig }
  | { readonly type: 'call'; readonly number: number; readonly call: MemberCall }
  | { readonly type: 'stall'; readonly ms: number }
  | { readonly type: 'clock'; readonly jumpMs: number; readonly rate: number }
  | { readonly type: 'stop' }

export type FromMember =
  | { readonly type: 'serving'; readonly port: number }
  | { readonly type: 'tls-serving'; readonly port: number }
  | { readonly type: 'answer'; readonly number: number; readonly answer: MemberAnswer }
  | { readonly type: 'failed'; readonly message: string }
