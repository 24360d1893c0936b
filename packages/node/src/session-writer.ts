/**
 * Writes of sessions: what a session asks of its node. Makes the values that a commit publishes, waits for room and for a
 * session that was evicted meanwhile, and counts how it ended.
 */
import type { Birth, CommitCommand, LiveRecord, Replica, SessionKey, Version } from '@reprise/core'
import { ABSENT, RESUME_DEADLINE_MS_DEFAULT, UnavailableError } from '@reprise/core'
import type { Clock } from './clock.ts'
import type { Driver } from './driver.ts'
import type { Requests, SuccessfulResult } from './requests.ts'
import { unexpected } from './requests.ts'
import type { Sealer } from './seal.ts'
import type { Change, Committed, SessionOwner, View } from './session.ts'
import { recordOf, storedSize } from './session.ts'
import type { StatsCounter } from './stats.ts'
import { sealValue } from './values.ts'

export interface SessionWriterParts {
  readonly clock: Clock
  readonly replica: Replica
  readonly driver: Driver
  readonly requests: Requests
  readonly counts: StatsCounter
  readonly sealer: Sealer | undefined
}

type WriteOptions = Parameters<SessionOwner['commit']>[3]

export class SessionWriter implements SessionOwner {
  readonly nodeId: string
  readonly sealer: Sealer | undefined
  readonly #parts: SessionWriterParts

  constructor(parts: SessionWriterParts) {
    this.nodeId = parts.replica.nodeId
    this.sealer = parts.sealer && counting(parts.sealer, parts.counts)
    this.#parts = parts
  }

  nowMs(): number {
    return this.#parts.clock.now().nowMs
  }

  /** The session as it is here. */
  record(key: SessionKey): LiveRecord | undefined {
    const record = this.#parts.replica.peek(key)
    return record?.kind === 'live' ? record : undefined
  }

  commit(
    key: SessionKey,
    view: View,
    changes: ReadonlyMap<string, Change>,
    options: WriteOptions,
  ): Committed | Promise<Committed> {
    const { replica, counts } = this.#parts
    const sinceMs = options.copies > 0 ? this.nowMs() : 0
    try {
      const isOpen = replica.has(key) && replica.hasRoom
      const done = isOpen
        ? this.#commit(key, view, changes, options)
        : this.#makeWay(key, view, options).then(() => this.#commit(key, view, changes, options))
      if (done instanceof Promise) return this.#counted(done, options.copies, sinceMs)
      this.#countCommit(options.copies, sinceMs)
      return done
    } catch (error) {
      counts.commits.failed += 1
      throw error
    }
  }

  touch(key: SessionKey, { birth }: LiveRecord): void {
    this.#parts.counts.touches += 1
    this.#parts.driver.post({ type: 'touch', key, birth })
  }

  async drop(
    key: SessionKey,
    { birth, expiry }: LiveRecord,
    { copies, waitMs, signal }: Parameters<SessionOwner['drop']>[2],
  ): Promise<void> {
    const { requests, counts } = this.#parts
    const { absoluteAtMs } = expiry
    try {
      const result = await requests.make({ type: 'drop', key, birth, absoluteAtMs, copies, waitMs }, signal)
      if (result.kind !== 'dropped') throw unexpected(result)
      counts.drops.dropped += 1
    } catch (error) {
      counts.drops.failed += 1
      throw error
    }
  }

  /**
   * Make the values of a commit in the turn in which it is begun: those that are sealed are bound to the version that it
   * takes, or to numbers of their own when they lie outside the head or the version is not known yet.
   */
  #encode(
    key: SessionKey,
    birth: Birth,
    changes: ReadonlyMap<string, Change>,
  ): Pick<CommitCommand, 'changes' | 'numbers'> {
    const encoded = new Map<string, Uint8Array | typeof ABSENT>()
    const sizes = new Map<string, ReturnType<typeof storedSize>>()
    let isSealed = false
    for (const [name, change] of changes) {
      encoded.set(name, change.encoded)
      sizes.set(name, storedSize(change))
      isSealed ||= change.seal
    }
    const { sealer } = this
    if (!isSealed || sealer === undefined) return { changes: encoded }
    const { replica } = this.#parts
    const plan = replica.plan(key, birth, sizes)
    let numbers: Map<string, Version> | undefined
    for (const [name, { encoded: plain, seal }] of changes) {
      if (!seal || plain === ABSENT) continue
      const version = plan.version ?? replica.takeBlobNumber()
      if (plan.version === undefined) {
        numbers ??= new Map()
        numbers.set(name, version)
      }
      encoded.set(name, sealValue(plain, sealer, { key, birth, portion: name, version }))
    }
    return numbers === undefined ? { changes: encoded } : { changes: encoded, numbers }
  }

  #commit(
    key: SessionKey,
    view: View,
    changes: ReadonlyMap<string, Change>,
    { copies, waitMs, idleMs, signal }: WriteOptions,
  ): Committed | Promise<Committed> {
    const { birth } = view
    const encoded = this.#encode(key, birth, changes)
    const ended = this.#parts.requests.make({ type: 'commit', key, birth, ...encoded, copies, waitMs, idleMs }, signal)
    if (ended instanceof Promise) return ended.then((result) => this.#committed(key, view, result))
    return this.#committed(key, view, ended)
  }

  #committed(key: SessionKey, view: View, result: SuccessfulResult): Committed {
    if (result.kind !== 'written') throw unexpected(result)
    return { record: this.record(key) ?? recordOf(view), proof: result.proof }
  }

  async #counted(done: Promise<Committed>, copies: number, sinceMs: number): Promise<Committed> {
    try {
      const committed = await done
      this.#countCommit(copies, sinceMs)
      return committed
    } catch (error) {
      this.#parts.counts.commits.failed += 1
      throw error
    }
  }

  #countCommit(copies: number, sinceMs: number): void {
    if (copies > 0) this.#parts.counts.confirmed(this.#parts.clock.now().nowMs - sinceMs)
    else this.#parts.counts.commits.queued += 1
  }

  /** Wait until the session is here, and there is room to write it. */
  async #makeWay(key: SessionKey, view: View, { waitMs, signal }: WriteOptions): Promise<void> {
    if (!this.#parts.replica.has(key)) await this.#bringBack(key, recordOf(view))
    if (!this.#parts.replica.hasRoom) await this.#room(waitMs, signal)
  }

  /** Wait until the writes before this one have left. @throws LimitError when they do not in time. */
  async #room(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const untilMs = this.#parts.clock.now().nowMs + waitMs
    // Who came between may have taken the room that was given.
    do {
      const leftMs = Math.max(0, untilMs - this.#parts.clock.now().nowMs)
      await this.#parts.requests.make({ type: 'room', waitMs: leftMs }, signal)
    } while (!this.#parts.replica.hasFreeRoom)
  }

  /** A session that was evicted since it was resumed is fetched again, or put back if nobody else ever had it. */
  async #bringBack(key: SessionKey, record: LiveRecord): Promise<void> {
    if (record.frontier.length === 0) {
      this.#parts.driver.post({ type: 'restore', key, record })
      return
    }
    const command = { type: 'resume', key, portions: [], proof: undefined, consistency: 'latest' } as const
    const result = await this.#parts.requests.make({ ...command, deadlineMs: RESUME_DEADLINE_MS_DEFAULT }, undefined)
    const found = result.kind === 'resumed' ? result.outcome : undefined
    if (found?.outcome !== 'unknown') return
    throw new UnavailableError(
      'the session left this node’s cache and nobody else could be asked; try again',
      found.from.silent,
    )
  }
}

/** Count what does not open. */
function counting(sealer: Sealer, counts: StatsCounter): Sealer {
  return {
    seal: (plain, place, headBytes) => sealer.seal(plain, place, headBytes),
    open: (sealed, place) => {
      try {
        return sealer.open(sealed, place)
      } catch (error) {
        counts.sealsRefused += 1
        throw error
      }
    },
  }
}
