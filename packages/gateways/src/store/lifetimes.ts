/**
 * How the expiry of a key becomes the lifetime of a session.
 *
 * A session has an idle time, which a commit may change, and an absolute end, which is fixed at its birth and for which every
 * drop is remembered. A key has an end that may be moved at any time, or none. Three things are wanted: that what ends takes
 * no memory any more, that moving an end does not send the value, and that a deletion is not remembered for ever.
 *
 * - The idle time is what is left of the key. Nothing else uses the session, so that is when the key ends, at all nodes, by
 *   each node's own clock, and nothing is sent for it.
 * - Most keys are written once: TLS sessions are. So a new key's absolute end is its end.
 * - A key whose end is moved beyond that gets a new life, with its value, and one that is longer: `PROLONGED_LIVES` times what was asked
 *   for. Within it, moving the end is a touch. Between a tenth and an eighth of such a key's expiries so send its value.
 * - A key without an end has the longest idle time, by which it is known, and ends with its absolute time. That is begun anew
 *   by the first write in its second half.
 */
import { ENDLESS_IDLE_MS, PROLONGED_LIVES } from '../constants.ts'
import type { Expiry } from './key-value.ts'

/** How long a key shall live from now on, in whole milliseconds; `Infinity`: it has no end; 0 or less: it has ended. */
export type TtlMs = number

/** What is known of the life that a key has. */
export interface Life {
  readonly idleMs: number
  readonly idleMsLeft: number
  readonly absoluteMsLeft: number
}

/** What the expiry of a write means now. @param life of what is there. */
export function ttlOf(expiry: Expiry, life: Life | undefined, unixMs: number, lifeMsMax: number): TtlMs {
  if (expiry === 'keep')
    return life === undefined ? Number.POSITIVE_INFINITY : (ttlLeft(life) ?? Number.POSITIVE_INFINITY)
  if (expiry === 'none') return Number.POSITIVE_INFINITY
  const ttlMs = Math.ceil('afterMs' in expiry ? expiry.afterMs : expiry.atUnixMs - unixMs)
  return Math.min(ttlMs, lifeMsMax)
}

/** Milliseconds until a key ends; undefined: it has no end of its own. */
export function ttlLeft({ idleMs, idleMsLeft, absoluteMsLeft }: Life): number | undefined {
  return idleMs === ENDLESS_IDLE_MS ? undefined : Math.min(idleMsLeft, absoluteMsLeft)
}

/** The idle time of a session whose key lives that long. */
export function idleMsFor(ttlMs: TtlMs): number {
  return ttlMs === Number.POSITIVE_INFINITY ? ENDLESS_IDLE_MS : Math.ceil(ttlMs)
}

/** Whether the life that a key has is long enough. */
export function fits({ idleMs, absoluteMsLeft }: Life, ttlMs: TtlMs, lifeMsMax: number): boolean {
  if (ttlMs !== Number.POSITIVE_INFINITY) return ttlMs <= absoluteMsLeft
  return idleMs === ENDLESS_IDLE_MS && absoluteMsLeft >= lifeMsMax / 2
}

/** The life of a new session. @param isProlonged the key had a life that was too short. */
export function lifetimeFor(
  ttlMs: TtlMs,
  isProlonged: boolean,
  lifeMsMax: number,
): { readonly idleMs: number; readonly absoluteMs: number } {
  const idleMs = idleMsFor(ttlMs)
  if (ttlMs === Number.POSITIVE_INFINITY) return { idleMs, absoluteMs: lifeMsMax }
  return { idleMs, absoluteMs: Math.min(lifeMsMax, isProlonged ? idleMs * PROLONGED_LIVES : idleMs) }
}
