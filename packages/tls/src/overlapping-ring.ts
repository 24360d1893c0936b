/**
 * Ticket keys for terminators that take several: a rotation that loses no ticket.
 *
 * A server seals with one key and opens with three. The key that it will seal with next is at every server before any of them
 * uses it, and the one that it used before is still there:
 *
 * ```
 *                 opens          seals and opens   opens
 *   before        previous       current           next
 *   after                        previous          current         next (fresh)
 *                 (forgotten)    └── was current    └── was next
 * ```
 *
 * So servers need not change over together. One that has not heard of a rotation opens what the others seal; a ticket is
 * good for one to two rotations, and a client that comes once in each keeps a good one for ever. Who falls behind by two
 * rotations does not open new tickets: full handshakes, until it has caught up.
 *
 * The ring is the one of `ticket-keys.ts`, newest key first, here by place instead of by time. No server is special: whoever
 * finds that the newest key has served its time adds one. Two who do so at once write the same ring but for its fresh key, which
 * nobody seals with yet, and the later write stays.
 */
import { randomBytes } from 'node:crypto'
import { TICKET_KEYS_MAX } from './constants.ts'
import { RotationTooSoonError } from './errors.ts'
import type { TicketKey } from './ticket-keys.ts'

/** The keys of a terminator. */
export interface OverlappingKeys {
  /** What it seals with. */
  readonly current: TicketKey
  /** What it will seal with after the next rotation. */
  readonly next: TicketKey
  /** What it sealed with before the last rotation. */
  readonly previous: TicketKey
}

/** Where a ring is kept: a session of the cluster. Calls reject when nobody could be reached. */
export interface TicketRingStore {
  /** The keys, newest first; undefined: there surely are none. */
  read(): Promise<readonly TicketKey[] | undefined>
  /** Keep the first ring. @throws an error of code `ALREADY_EXISTS` when somebody else was faster. */
  create(keys: readonly TicketKey[]): Promise<void>
  replace(keys: readonly TicketKey[]): Promise<void>
}

/** What a ring means for a terminator; undefined while it has fewer than three keys. */
export function overlappingKeys(ring: readonly TicketKey[]): OverlappingKeys | undefined {
  const [next, current, previous] = ring
  return next && current && previous && { next, current, previous }
}

export interface RotateOptions {
  /** Unix milliseconds. */
  readonly nowMs: number
  /** How long servers may take to hear of a rotation, in milliseconds. */
  readonly settleMs: number
  /**
   * Replace all keys, as after a leak: nothing that was sealed before is opened any more, and until all servers have heard of it they do
   * not open each other's tickets. Default false.
   */
  readonly all?: boolean
}

/**
 * Add a key, and let the oldest go; make the ring if there is none.
 * @returns the ring.
 * @throws RotationTooSoonError, and what the store throws.
 */
export async function rotateRing(store: TicketRingStore, options: RotateOptions): Promise<readonly TicketKey[]> {
  const { nowMs, settleMs, all = false } = options
  const ring = await store.read()
  if (ring === undefined) return await makeRing(store, nowMs)
  const ageMs = nowMs - (ring[0]?.dueAtMs ?? 0)
  if (!all && ring.length === TICKET_KEYS_MAX && ageMs >= 0 && ageMs < settleMs) {
    throw new RotationTooSoonError(settleMs - ageMs)
  }
  return await replaceRing(store, all ? [] : ring, nowMs)
}

export interface KeepOptions {
  /** Unix milliseconds. */
  readonly nowMs: number
  /** How long the newest key serves before it is followed by another, in milliseconds. */
  readonly rotateMs: number
}

/**
 * Look at the ring, and do what is due: make it, fill it, rotate it.
 * @returns the ring as it is then. @throws what the store throws.
 */
export async function keepRing(store: TicketRingStore, options: KeepOptions): Promise<readonly TicketKey[]> {
  const { nowMs, rotateMs } = options
  const ring = await store.read()
  if (ring === undefined) return await makeRing(store, nowMs)
  const isOld = nowMs - (ring[0]?.dueAtMs ?? 0) >= rotateMs
  if (ring.length === TICKET_KEYS_MAX && !isOld) return ring
  return await replaceRing(store, ring, nowMs)
}

async function makeRing(store: TicketRingStore, nowMs: number): Promise<readonly TicketKey[]> {
  const made = freshKeys(TICKET_KEYS_MAX, nowMs)
  try {
    await store.create(made)
    return made
  } catch (error) {
    if (!isAlreadyThere(error)) throw error
    return (await store.read()) ?? made
  }
}

/** Put one fresh key before those that are kept, or as many as are lacking. */
async function replaceRing(
  store: TicketRingStore,
  kept: readonly TicketKey[],
  nowMs: number,
): Promise<readonly TicketKey[]> {
  const fresh = freshKeys(Math.max(1, TICKET_KEYS_MAX - kept.length), nowMs)
  const rotated = [...fresh, ...kept].slice(0, TICKET_KEYS_MAX)
  await store.replace(rotated)
  return rotated
}

function freshKeys(count: number, nowMs: number): TicketKey[] {
  return Array.from({ length: count }, () => ({
    id: randomBytes(8).toString('hex'),
    dueAtMs: nowMs,
    key: randomBytes(48),
  }))
}

function isAlreadyThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ALREADY_EXISTS'
}
