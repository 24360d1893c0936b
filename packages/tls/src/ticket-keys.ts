/**
 * The ring of ticket keys: the alternative in which the clients hold the sessions, and the cluster one key.
 *
 * One member makes random keys: the one with the lowest id among those alive. The ring is a cluster session under a
 * reserved id; every member looks at it regularly and uses the newest key that is due. A scheduled key is published
 * ahead and becomes due two looks later, so that all members change over together; one made on demand (`rotate`) is due
 * at once. Two members that each take themselves for the first, during a partition, both write; the newer write wins,
 * and all follow it.
 *
 * ```
 *    0   1  format, 1
 *    1   1  number of keys, newest first
 *    2  62  for each: id 8 | due at, Unix milliseconds 6 | key 48 (name 16, HMAC 16, AES 16, as Node has it)
 * ```
 */

import { randomBytes } from 'node:crypto'
import { AlreadyExistsError, type Session, type SessionSource } from '@reprise/core'
import { TICKET_KEYS_MAX } from './constants.ts'
import { LATE, within } from './deadline.ts'
import type { Settings } from './options.ts'
import type { StatsCounter } from './stats.ts'
import { digestOfContext } from './stored-session.ts'

/** A key that session tickets are sealed with. Whoever has it can read what it protected. */
export interface TicketKey {
  /** Eight bytes as hex: names the key in logs. */
  readonly id: string
  /** When it comes into use, Unix milliseconds. */
  readonly dueAtMs: number
  /** 48 bytes: name 16, HMAC key 16, AES key 16. What `tls.Server.setTicketKeys` takes. */
  readonly key: Buffer
}

const FORMAT = 1
const ENTRY_BYTES = 62
/** The portion that a ring is kept in. */
export const RING_PORTION = 'keys'

/** Serialize a ring, newest key first. */
export function encodeRing(keys: readonly TicketKey[]): Buffer {
  const bytes = Buffer.alloc(2 + keys.length * ENTRY_BYTES)
  bytes[0] = FORMAT
  bytes[1] = keys.length
  for (const [index, { id, dueAtMs, key }] of keys.entries()) {
    const at = 2 + index * ENTRY_BYTES
    bytes.set(Buffer.from(id, 'hex'), at)
    bytes.writeUIntBE(dueAtMs, at + 8, 6)
    bytes.set(key, at + 14)
  }
  return bytes
}

/** Read what `encodeRing` wrote, copied; undefined for anything else. */
export function decodeRing(value: unknown): readonly TicketKey[] | undefined {
  if (!(value instanceof Uint8Array) || value[0] !== FORMAT) return undefined
  const count = value[1] ?? 0
  if (count < 1 || count > TICKET_KEYS_MAX || value.length !== 2 + count * ENTRY_BYTES) return undefined
  const bytes = Buffer.from(value)
  return Array.from({ length: count }, (_, index) => {
    const at = 2 + index * ENTRY_BYTES
    return {
      id: bytes.toString('hex', at, at + 8),
      dueAtMs: bytes.readUIntBE(at + 8, 6),
      key: bytes.subarray(at + 14, at + ENTRY_BYTES),
    }
  })
}

/** The key to use: the newest that is due, or the oldest when none is. */
export function keyInUse(keys: readonly TicketKey[], nowMs: number): TicketKey | undefined {
  return keys.find(({ dueAtMs }) => dueAtMs <= nowMs) ?? keys.at(-1)
}

/** The id of the session that has the ring of a service. */
export function ringIdOf(context: string): string {
  return `reprise:ticket-keys:${digestOfContext(context).toString('hex', 0, 16)}`
}

/** How long a ring lives: far longer than it is left alone; a cluster that was down that long begins anew. */
export function ringLifetime(rotateMs: number): { readonly idleMs: number; readonly absoluteMs: number } {
  return { idleMs: Math.max(4 * rotateMs, 24 * 3_600_000), absoluteMs: 366 * 24 * 3_600_000 }
}

export interface TicketKeyRingInit {
  readonly source: SessionSource
  readonly settings: Settings
  readonly stats: StatsCounter
  /** Called with 48 bytes whenever another key is to be used. */
  readonly onKey: (key: Buffer) => void
}

/** This member's part in the ring. */
export class TicketKeyRing {
  readonly #init: TicketKeyRingInit
  readonly #ringId: string
  #keys: readonly TicketKey[] = []
  #used: string | undefined
  #timer: NodeJS.Timeout | undefined
  #look: Promise<void> | undefined
  #closed = false

  constructor(init: TicketKeyRingInit) {
    this.#init = init
    this.#ringId = ringIdOf(init.settings.context)
  }

  /** The keys that are known, newest first. */
  get keys(): readonly TicketKey[] {
    return this.#keys
  }

  /** Look for the ring, or make it, and go on looking. Resolves after the first look. */
  async start(): Promise<void> {
    await this.#lookAndSchedule()
  }

  /**
   * Replace the key at once, as after a leak. This server uses the new one when the promise resolves, the others within
   * their `pollMs`; tickets under the old one are then full handshakes.
   *
   * @throws UnavailableError, StoppedError and what else the source throws.
   */
  async rotate(): Promise<void> {
    const { source, settings } = this.#init
    const resumed = await source.resume(this.#ringId, { portions: [RING_PORTION], deadlineMs: settings.pollMs })
    const found = resumed.outcome === 'complete' ? decodeRing(resumed.get(RING_PORTION)) : undefined
    const session = found !== undefined && 'set' in resumed ? resumed : await this.#create()
    await this.#publish(session, found ?? this.#keys, Date.now())
  }

  /** Stop looking. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#look
  }

  async #lookAndSchedule(): Promise<void> {
    const { settings, stats } = this.#init
    this.#look = this.#lookOnce().catch(() => {
      stats.ticketKeys.failed += 1
    })
    await this.#look
    if (this.#closed) return
    const nextDueMs = Math.min(...this.#keys.map(({ dueAtMs }) => dueAtMs - Date.now()).filter((ms) => ms > 0))
    this.#timer = setTimeout(() => void this.#lookAndSchedule(), Math.max(1, Math.min(settings.pollMs, nextDueMs)))
    this.#timer.unref()
  }

  async #lookOnce(): Promise<void> {
    const { source, settings } = this.#init
    const deadlineMs = Math.max(settings.pollMs, 100)
    const resumed = await within(2 * deadlineMs, () =>
      source.resume(this.#ringId, { portions: [RING_PORTION], deadlineMs }),
    )
    const first = source.aliveMembers()[0] === source.nodeId
    if (resumed !== LATE && resumed.outcome === 'complete') {
      const keys = decodeRing(resumed.get(RING_PORTION))
      if (keys !== undefined) {
        this.#adopt(keys)
        if (first) await this.#keepUp(resumed, keys)
      }
    } else if (resumed !== LATE && resumed.outcome === 'absent' && first) {
      try {
        await this.#publish(await this.#create(), this.#keys, Date.now())
      } catch (error) {
        // Another one was faster: the next look finds its ring.
        if (!(error instanceof AlreadyExistsError)) throw error
      }
    }
    // Time alone may have made another key due.
    this.#adopt(this.#keys)
  }

  /** The first member's work: keep the ring alive, and add a key when the newest has served its time. */
  async #keepUp(session: Session, keys: readonly TicketKey[]): Promise<void> {
    const { rotateMs, pollMs } = this.#init.settings
    session.touch()
    const newest = keys[0]
    const nowMs = Date.now()
    if (newest === undefined || nowMs - newest.dueAtMs >= rotateMs)
      await this.#publish(session, keys, nowMs + 2 * pollMs)
  }

  #create(): Promise<Session> {
    const { source, settings } = this.#init
    return source.create(this.#ringId, ringLifetime(settings.rotateMs))
  }

  async #publish(session: Session, keys: readonly TicketKey[], dueAtMs: number): Promise<void> {
    const fresh = { id: randomBytes(8).toString('hex'), dueAtMs, key: randomBytes(48) }
    const ring = [fresh, ...keys].slice(0, TICKET_KEYS_MAX)
    session.set(RING_PORTION, encodeRing(ring), { seal: this.#init.settings.seal })
    await session.commit()
    this.#adopt(ring)
  }

  #adopt(keys: readonly TicketKey[]): void {
    this.#keys = keys
    const key = keyInUse(keys, Date.now())
    if (key === undefined || key.id === this.#used || this.#closed) return
    this.#used = key.id
    this.#init.stats.ticketKeys.adopted += 1
    this.#init.onKey(key.key)
  }
}
