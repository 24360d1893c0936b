/**
 * The TLS session that a client holds, as far as the client can know it, and when a server must resume it: not before it can have arrived
 * at other members, and not when it may have ended. The chaos runs and the soak judge by this.
 */

export interface HeldSession {
  /** What the client offers. */
  readonly bytes: Buffer
  /** When the client had it. */
  readonly madeMs: number
  /** The latest time at which it is surely alive: its life began at some time in the handshake that made it. */
  readonly livesUntilMs: number
  /** When its client last began a full handshake. */
  readonly provenMs: number
  /** The member that made it. */
  readonly madeBy: number
}

/** How long sessions live at the servers, in milliseconds. */
export interface Lifetimes {
  readonly lifetimeMs: number
  /** How long TLS 1.3 renews one. */
  readonly renewalMs: number
}

/** A handshake that gave the client a session. */
export interface Making {
  readonly bytes: Buffer
  readonly beganMs: number
  readonly endedMs: number
  readonly member: number
  /** The session that this one renews; undefined after a full handshake. */
  readonly renewed: HeldSession | undefined
}

export function heldSession({ bytes, beganMs, endedMs, member, renewed }: Making, lifetimes: Lifetimes): HeldSession {
  const provenMs = renewed?.provenMs ?? beganMs
  const endsMs = Math.min(beganMs + lifetimes.lifetimeMs, provenMs + lifetimes.renewalMs)
  return { bytes, madeMs: endedMs, livesUntilMs: endsMs - LIFE_MARGIN_MS, provenMs, madeBy: member }
}

/** `young`: it may not have arrived elsewhere yet. `old`: it may have ended before the handshake did. `due`: it must be resumed. */
export type Ripeness = 'young' | 'old' | 'due'

/** @param settledMs when it must be everywhere, in milliseconds after the client had it. */
export function ripenessOf(
  { madeMs, livesUntilMs }: Pick<HeldSession, 'madeMs' | 'livesUntilMs'>,
  {
    offeredMs,
    endedMs,
    settledMs,
  }: { readonly offeredMs: number; readonly endedMs: number; readonly settledMs: number },
): Ripeness {
  if (offeredMs - madeMs <= settledMs) return 'young'
  return endedMs < livesUntilMs ? 'due' : 'old'
}

/**
 * When a session that is younger is offered it may not have arrived yet, in milliseconds: what the product promises, on a machine that is
 * not overloaded.
 */
export const SETTLED_MS = 50

/** A client takes a session for dead so much before its end, in milliseconds: TLS counts whole seconds, both sides round. */
const LIFE_MARGIN_MS = 3_000
