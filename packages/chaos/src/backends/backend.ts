/**
 * What a backend is: a cluster that can be asked, struck and looked at. The runner knows nothing else of it, so a scenario is one description
 * whatever it happens to.
 */
import type { Condition, SessionAnswer, SessionCall } from '../member/calls.ts'
import type { Abilities } from '../plan.ts'
import type { FinalCheck } from '../run-record.ts'
import type { BackendName, Fault, Scenario } from '../scenario.ts'
import type { TlsServing } from '../tls/tls-desk.ts'

export interface Backend {
  readonly name: BackendName
  /** What it can do on this system, and with these modules. @throws UnsupportedError when it cannot be had here. */
  abilities(modules: NodeModules): Promise<Abilities>
  /**
   * Start the members that are there from the beginning. Resolves when they serve; whether they are ready is asked.
   * @throws ClusterError when one does not start; whatever was started is gone then.
   */
  start(scenario: Scenario, options: StartOptions): Promise<ClusterUnderTest>
}

/** Code that members run instead of the present one. */
export interface NodeModules {
  /** The module whose `createNode` makes members of the previous wire; undefined: there are none. */
  readonly previousNode: URL | undefined
}

export interface StartOptions extends NodeModules {
  readonly seed: number
  readonly signal: AbortSignal
  /** What members serve TLS with, but for the address; undefined: they have no TLS servers. */
  readonly tls: Omit<TlsServing, 'host'> | undefined
}

/** A fault whose members are known. */
export interface ResolvedFault {
  readonly fault: Fault
  /** The members that it hits; for faults of links those whose links it lies on, none for all. */
  readonly nodes: readonly number[]
  readonly lastsMs: number
}

/** How a member is, or that it is not there, or does not answer. */
export type MemberCondition = Condition | 'down' | 'silent'

/** How to end a fault. Resolves when it has ended, which for a member that comes back is when it serves. */
export type EndFault = () => Promise<void>

export interface TlsAddress {
  readonly host: string
  readonly port: number
}

export interface ClusterUnderTest extends AsyncDisposable {
  readonly memberNames: readonly string[]
  /**
   * Ask a member to do something to a session. Undefined: no answer within the deadline; it may have been done, or may be later. A member
   * that is down refuses at once, as a closed port does.
   */
  ask(node: number, call: SessionCall, deadlineMs: number): Promise<SessionAnswer | undefined>
  /** Where clients reach a member's TLS server; undefined while it has none, as while it is down. */
  tlsAddress(node: number): TlsAddress | undefined
  /** How a member is, within the deadline. */
  condition(node: number, deadlineMs: number): Promise<MemberCondition>
  /** Let a member check whether all copies are there and equal. */
  check(node: number): Promise<FinalCheck | undefined>
  /** Let a fault begin. Resolves when it is there. @returns how it ends; undefined for what has no end. */
  strike(fault: ResolvedFault): Promise<EndFault | undefined>
  /** Members that are to be there when everything is healed. */
  readonly expected: readonly number[]
  /** Resolves, with why, when a member ended that nobody had told to. */
  readonly failed: Promise<Error>
  /** Everything that was started is gone when this resolves. Safe to call twice. */
  stop(): Promise<void>
}
