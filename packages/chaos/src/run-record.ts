/**
 * What happened in a run: everything that the report shows and the checkers judge, as plain data that can be written as JSON. Times are
 * milliseconds since the clients began; what came before, while the cluster formed, is negative.
 */

import type { BackendName, Fault, InvariantName, Scenario } from './scenario.ts'

/** What a client did to one session at one node, and what it was told. */
export interface Operation {
  readonly client: number
  /** What the client wanted: all operations for one request have its number, also those at the next node, when one did not do. */
  readonly request: number
  readonly kind: OperationKind
  /** The session: a number of its own for each life of an id. */
  readonly session: number
  /** The member that was asked, by number. */
  readonly node: number
  readonly startMs: number
  /** Undefined when the client never heard of it again. */
  readonly endMs: number | undefined
  readonly outcome: OperationOutcome
  /** What the checkers need; see `checkers/`. */
  readonly detail: OperationDetail
}

/** The last two are TLS handshakes: one that offers nothing, and one that offers a session. */
export type OperationKind = 'create' | 'resume' | 'commit' | 'touch' | 'drop' | 'final-read' | 'tls-new' | 'tls-resume'

/** `'unknown'`: it may have taken effect or not, and may still do. `'failed'`: it has not, and will not. */
export type OperationOutcome = 'ok' | 'failed' | 'unknown'

export interface OperationDetail {
  /** Of a commit: the item that it put into the cart. */
  readonly item?: string
  /** Of a commit or drop: holders besides the writer that confirmed it. */
  readonly copies?: number
  /** Of a resume or final read: what was found. */
  readonly found?: 'complete' | 'partial' | 'absent' | 'unknown'
  /** Of a resume or final read: the items in the cart. */
  readonly items?: readonly string[]
  /** Of a resume and final read: the items that the client's token proves. */
  readonly expects?: readonly string[]
  /** Of what uses a session: when it ends by itself if this was the last use, as the client reckons. */
  readonly endsMs?: number
  /** Of a TLS handshake. */
  readonly tls?: HandshakeDetail
  /** The error's code and text, of what did not end well. */
  readonly error?: string
}

/** What a TLS client offered, and what it was given. */
export interface HandshakeDetail {
  readonly version: 'TLSv1.2' | 'TLSv1.3'
  /** The session that was offered: when the client had it, until when it surely lives, and the member that made it. */
  readonly offered?: { readonly madeMs: number; readonly livesUntilMs: number; readonly madeBy: number }
  /** Of a handshake that was done. */
  readonly result?: 'resumed' | 'full'
  /** Of one that was resumed: where the server had the session. */
  readonly from?: 'local' | 'peers'
  /** Of one that was done: the client that the server took this one for, by the certificate in the session. */
  readonly takenFor?: string
}

/** A fault as it was done. */
export interface FaultBand {
  readonly fault: Fault
  /** The members that it hit, drawn ones by their numbers; none for all links. */
  readonly nodes: readonly number[]
  readonly fromMs: number
  /** Undefined when it lasted to the end of the run. */
  readonly untilMs: number | undefined
}

/** How a member was at a moment. */
export interface Sample {
  readonly atMs: number
  readonly node: number
  /** `'silent'`: it did not answer, as when it is frozen. */
  readonly state: 'down' | 'starting' | 'ready' | 'catching-up' | 'draining' | 'silent'
  /** Frames of this member's streams that the slowest of its holders has not acknowledged. */
  readonly lagFrames: number
  /** Members that it reaches, itself not counted. */
  readonly reachable: number
  readonly sessions: number
}

/** Something that must not happen, and did. */
export interface Violation {
  /** Besides the scenario's: the cluster formed, no member ended by itself, and it came to rest in time. */
  readonly invariant: InvariantName | 'start' | 'alive' | 'quiet'
  readonly atMs: number
  readonly session: number | undefined
  readonly text: string
}

/** What a member's `node.check()` found. */
export interface FinalCheck {
  readonly verdict: 'ok' | 'warning' | 'critical'
  /** For people. */
  readonly reasons: readonly string[]
  /** Buckets whose copies are not equal. */
  readonly differing: number
  /** Shards with fewer copies than wanted. */
  readonly short: number
}

export interface RunRecord {
  readonly scenario: Scenario
  readonly backend: BackendName
  readonly seed: number
  /** When it began, by the wall clock, in ISO 8601. */
  readonly startedAt: string
  /** The version of Reprise, and whatever else tells which code ran. */
  readonly version: string
  /** The command that runs it again. */
  readonly replay: string
  readonly memberNames: readonly string[]
  readonly faults: readonly FaultBand[]
  readonly samples: readonly Sample[]
  readonly operations: readonly Operation[]
  /** When everything was healed, and when it was quiet after that; undefined when it never was. */
  readonly healedAtMs: number
  readonly quietAtMs: number | undefined
  /** What the cluster said of its copies in the end; undefined when nobody answered. */
  readonly check: FinalCheck | undefined
  readonly violations: readonly Violation[]
}
