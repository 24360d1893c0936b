/**
 * A session as the application holds it: a view of one record, and changes that wait for a commit.
 *
 * The view is the record as it was when the session was resumed or last committed; it does not change under the
 * application's hands. Values are decoded, and opened when sealed, at the first `get`.
 */
import { Buffer } from 'node:buffer'
import type {
  CommitOptions,
  LiveRecord,
  PortionCodec,
  PortionValue,
  ResumedSession,
  ResumeOrigin,
  Session,
  SessionKey,
  SetOptions,
  Version,
  VersionToken,
} from '@reprise/core'
import {
  ABSENT,
  COMMIT_DEADLINE_MS_DEFAULT,
  encodeToken,
  endsAtMs,
  keyBytes,
  MISSING,
  PORTION_NAME_BYTES_MAX,
  UsageError,
} from '@reprise/core'
import { integer, number } from './options.ts'
import type { Sealer } from './seal.ts'
import { decodeValue, encodeValue, sealValue } from './values.ts'

/** What a session needs of its node. */
export interface SessionOwner {
  readonly nodeId: string
  readonly sealer: Sealer | undefined
  nowMs(): number
  /**
   * Publish changes. `encode` makes each changed value for the version that the commit will take, and is called in the turn
   * in which it takes it.
   * @returns the record as it is then, and the proof of the write.
   */
  commit(
    key: SessionKey,
    record: LiveRecord,
    encode: (version: Version) => Map<string, Uint8Array | typeof ABSENT>,
    options: { copies: number; waitMs: number; signal: AbortSignal | undefined },
  ): Promise<{ record: LiveRecord; token: VersionToken }>
  touch(key: SessionKey, record: LiveRecord): void
  drop(
    key: SessionKey,
    record: LiveRecord,
    options: { copies: number; waitMs: number; signal: AbortSignal | undefined },
  ): Promise<void>
}

export class NodeSession implements Session {
  readonly #owner: SessionOwner
  readonly #key: SessionKey
  #record: LiveRecord
  // Made when first used: most views are looked at once and forgotten, on a hot path.
  #id: Uint8Array | undefined
  #changes: Map<string, Change> | undefined
  #decoded: Map<string, PortionValue> | undefined

  constructor(owner: SessionOwner, key: SessionKey, record: LiveRecord) {
    this.#owner = owner
    this.#key = key
    this.#record = record
  }

  get id(): Uint8Array {
    this.#id ??= keyBytes(this.#key)
    return this.#id
  }

  get portions(): readonly string[] {
    const names = new Set<string>()
    for (const [name, portion] of this.#record.portions) {
      if (portion.value !== ABSENT && portion.value !== MISSING) names.add(name)
    }
    for (const [name, change] of this.#changes ?? []) {
      if (change.encoded === ABSENT) names.delete(name)
      else names.add(name)
    }
    return [...names]
  }

  get version(): VersionToken | undefined {
    const top = this.#record.frontier[0]
    return top === undefined ? undefined : encodeToken({ birth: this.#record.birth, version: top })
  }

  get lastWriter(): string {
    return this.#record.frontier[0]?.tenure.node ?? this.#owner.nodeId
  }

  get remainingMs(): number {
    return Math.max(0, endsAtMs(this.#record) - this.#owner.nowMs())
  }

  get(name: string): PortionValue | undefined
  get<Value>(portion: PortionCodec<Value>): Value | undefined
  get(portion: string | PortionCodec<unknown>): unknown {
    if (typeof portion === 'string') return this.#value(portion)
    const stored = this.#value(portion.name)
    return stored === undefined ? undefined : portion.decode(stored)
  }

  #value(name: string): PortionValue | undefined {
    const change = this.#changes?.get(name)
    if (change !== undefined)
      return change.encoded === ABSENT ? undefined : decodeValue(change.encoded, undefined, NOWHERE)
    const decoded = this.#decoded?.get(name)
    if (decoded !== undefined) return decoded
    const portion = this.#record.portions.get(name)
    if (portion === undefined || portion.value === ABSENT || portion.value === MISSING) return undefined
    const place = { key: this.#key, birth: this.#record.birth, portion: name, version: portion.version }
    const value = decodeValue(portion.value, this.#owner.sealer, place)
    this.#decoded ??= new Map()
    this.#decoded.set(name, value)
    return value
  }

  set(name: string, value: PortionValue, options?: SetOptions): void
  set<Value>(portion: PortionCodec<Value>, value: NoInfer<Value>, options?: SetOptions): void
  set(portion: string | PortionCodec<unknown>, value: unknown, options: SetOptions = {}): void {
    const name = nameOf(portion)
    assertName(name)
    const isTyped = typeof portion !== 'string'
    const seal = options.seal ?? (isTyped && portion.sealed && this.#owner.sealer !== undefined)
    if (seal && this.#owner.sealer === undefined) {
      throw new UsageError('seal: this node has no sealing key; give it a secret or sealKeys')
    }
    this.#change(name, { encoded: encodeValue(name, isTyped ? portion.encode(value) : value), seal })
  }

  delete(portion: string | PortionCodec<unknown>): void {
    const name = nameOf(portion)
    assertName(name)
    if (this.#record.portions.has(name)) this.#change(name, { encoded: ABSENT, seal: false })
    else this.#changes?.delete(name)
  }

  async commit(options: CommitOptions = {}): Promise<VersionToken> {
    const changes = new Map(this.#changes)
    const { birth } = this.#record
    const encode = (version: Version): Map<string, Uint8Array | typeof ABSENT> => {
      const encoded = new Map<string, Uint8Array | typeof ABSENT>()
      for (const [name, change] of changes) {
        const { sealer } = this.#owner
        const place = { key: this.#key, birth, portion: name, version }
        const isSealed = change.seal && change.encoded !== ABSENT && sealer !== undefined
        encoded.set(name, isSealed ? sealValue(change.encoded, sealer, place) : change.encoded)
      }
      return encoded
    }
    const committed = this.#owner.commit(this.#key, this.#record, encode, waitOptions(options))
    const { record, token } = await committed
    // What was set while the commit waited stays a change.
    for (const [name, change] of changes) if (this.#changes?.get(name) === change) this.#changes.delete(name)
    this.#record = record
    this.#decoded = undefined
    return token
  }

  touch(): void {
    this.#owner.touch(this.#key, this.#record)
  }

  async drop(options: CommitOptions = {}): Promise<void> {
    await this.#owner.drop(this.#key, this.#record, waitOptions(options))
    this.#changes = undefined
  }

  #change(name: string, change: Change): void {
    this.#changes ??= new Map()
    this.#changes.set(name, change)
  }
}

/** A session that `resume` found, with what it found out. */
export class ResumedNodeSession extends NodeSession implements ResumedSession {
  readonly outcome: 'complete' | 'partial'
  readonly missing: readonly string[]
  readonly origin: ResumeOrigin

  constructor(
    owner: SessionOwner,
    key: SessionKey,
    record: LiveRecord,
    missing: readonly string[],
    origin: ResumeOrigin,
  ) {
    super(owner, key, record)
    this.outcome = missing.length === 0 ? 'complete' : 'partial'
    this.missing = missing
    this.origin = origin
  }
}

interface Change {
  /** As `encodeValue` made it, not sealed yet: sealing needs the version. */
  readonly encoded: Uint8Array | typeof ABSENT
  readonly seal: boolean
}

function waitOptions(options: CommitOptions): { copies: number; waitMs: number; signal: AbortSignal | undefined } {
  return {
    copies: integer('copies', options.copies ?? 0, 0, 64),
    waitMs: number('deadlineMs', options.deadlineMs ?? COMMIT_DEADLINE_MS_DEFAULT, 0, 2 ** 31 - 1),
    signal: options.signal,
  }
}

/** The name of a portion that is given by name or typed. */
export function nameOf(portion: string | PortionCodec<unknown>): string {
  return typeof portion === 'string' ? portion : portion.name
}

function assertName(name: string): void {
  const bytes = typeof name === 'string' && name.isWellFormed() ? Buffer.byteLength(name) : 0
  if (bytes < 1 || bytes > PORTION_NAME_BYTES_MAX) {
    throw new UsageError(`a portion's name is text of 1 to ${PORTION_NAME_BYTES_MAX} bytes`)
  }
}

/** Uncommitted values are not sealed, so they have no place yet. */
const NOWHERE = {
  key: '' as SessionKey,
  birth: { generation: 0, random: 0 },
  portion: '',
  version: { tenure: { epoch: 0, node: '', incarnation: 0 }, seq: 0 },
}
