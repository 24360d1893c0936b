/**
 * A session as the application holds it: a view of one record, and changes that wait for a commit.
 *
 * The view is the record as it was when the session was resumed or last committed; it does not change under the
 * application's hands. Values are decoded, and opened when sealed, at the first `get`. Large ones lie outside the record: the
 * view has those that it was made with and those that it committed itself.
 */
import { Buffer } from 'node:buffer'
import type {
  BlobReference,
  Blobs,
  CommitOptions,
  Found,
  LiveRecord,
  PortionCodec,
  PortionValue,
  ResumedSession,
  ResumeOrigin,
  Session,
  SessionKey,
  SetOptions,
  Snapshot,
  Version,
  VersionToken,
  WriteProof,
} from '@reprise/core'
import {
  ABSENT,
  ABSOLUTE_MS_MAX,
  COMMIT_DEADLINE_MS_DEFAULT,
  compareVersions,
  encodeToken,
  endsAtMs,
  isReference,
  keyBytes,
  MISSING,
  PORTION_NAME_BYTES_MAX,
  UsageError,
} from '@reprise/core'
import { COMMIT_MS_PER_MIB } from './constants.ts'
import { integer, number } from './options.ts'
import type { Sealer } from './seal.ts'
import { decodeValue, encodeValue, SEALED_OVERHEAD_BYTES } from './values.ts'

/** The record as it is after a write, and the proof of that. */
export interface Committed {
  readonly record: LiveRecord
  readonly proof: WriteProof
}

/** What a session shows: a record, or where it is read when somebody looks. Both say which life it is, and when that ends. */
export type View = LiveRecord | Snapshot

/** What a session needs of its node. */
export interface SessionOwner {
  readonly nodeId: string
  readonly sealer: Sealer | undefined
  nowMs(): number
  /** Publish changes. Most commits end at once, and need no promise. */
  commit(
    key: SessionKey,
    view: View,
    changes: ReadonlyMap<string, Change>,
    options: { copies: number; waitMs: number; idleMs: number | undefined; signal: AbortSignal | undefined },
  ): Committed | Promise<Committed>
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
  #view: View
  #mark: number | undefined
  // Made when first used: most views are looked at once and forgotten, on a hot path.
  #id: Uint8Array | undefined
  #changes: Map<string, Change> | undefined
  /** A commit is under way with these changes, and they may not be touched. */
  #isCommitting = false
  #decoded: Map<string, PortionValue> | undefined
  #outside: Map<string, OutsideValue> | undefined

  constructor(owner: SessionOwner, key: SessionKey, view: View, blobs?: Blobs) {
    this.#owner = owner
    this.#key = key
    this.#view = view
    if ('read' in view) this.#mark = view.mark
    if (blobs !== undefined) this.#keepBlobs(blobs)
  }

  /** Read at the first look: many a session is looked up only to see that it is there. */
  get #record(): LiveRecord {
    this.#view = recordOf(this.#view)
    return this.#view
  }

  get id(): Uint8Array {
    this.#id ??= keyBytes(this.#key)
    return this.#id
  }

  get portions(): readonly string[] {
    const names = new Set<string>()
    for (const [name, portion] of this.#record.portions) {
      const { value } = portion
      if (value === ABSENT || value === MISSING) continue
      if (!isReference(value) || this.#outsideOf(name, value) !== undefined) names.add(name)
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

  /** See `recordMark`. */
  get mark(): number | undefined {
    return this.#mark
  }

  /** See `inspectSession`. */
  facts(): SessionFacts {
    return new Facts(this.#view.expiry, this.#owner.nowMs(), () => this.#record)
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
    const value = this.#decode(name, portion.value, portion.version)
    if (value === undefined) return undefined
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
    this.#ownChanges().set(name, { encoded: encodeValue(name, isTyped ? portion.encode(value) : value), seal })
  }

  delete(portion: string | PortionCodec<unknown>): void {
    const name = nameOf(portion)
    assertName(name)
    if (this.#record.portions.has(name)) this.#ownChanges().set(name, { encoded: ABSENT, seal: false })
    else if (this.#changes !== undefined) this.#ownChanges().delete(name)
  }

  async commit(options: CommitOptions = {}): Promise<VersionToken> {
    const written = this.write(options)
    return encodeToken(written instanceof Promise ? await written : written)
  }

  /** Commit, and say at once if that has ended: see `commitNow`. */
  write(options: CommitOptions): WriteProof | Promise<WriteProof> {
    const changes = this.#changes ?? NO_CHANGES
    let bytes = 0
    for (const { encoded } of changes.values()) bytes += encoded?.length ?? 0
    const idleMs = options.idleMs === undefined ? undefined : integer('idleMs', options.idleMs, 1, ABSOLUTE_MS_MAX)
    this.#isCommitting = true
    const ended = this.#owner.commit(this.#key, this.#view, changes, { ...waitOptions(options, bytes), idleMs })
    if (ended instanceof Promise) return ended.then((committed) => this.#onCommitted(changes, committed))
    return this.#onCommitted(changes, ended)
  }

  #onCommitted(changes: ReadonlyMap<string, Change>, { record, proof }: Committed): WriteProof {
    this.#forget(changes)
    for (const [name, { encoded }] of changes) {
      const portion = record.portions.get(name)
      if (portion === undefined || encoded === ABSENT || !isReference(portion.value)) continue
      if (compareVersions(portion.version, proof.version) !== 0) continue
      this.#keep(name, { number: portion.value.number, parts: [encoded], isPlain: true })
    }
    this.#view = record
    this.#mark = undefined
    this.#decoded = undefined
    return proof
  }

  touch(): void {
    this.#owner.touch(this.#key, this.#record)
  }

  async drop(options: CommitOptions = {}): Promise<void> {
    await this.#owner.drop(this.#key, this.#record, waitOptions(options))
    this.#changes = undefined
  }

  #decode(name: string, stored: Uint8Array | BlobReference, version: Version): PortionValue | undefined {
    const { birth } = this.#record
    const place = { key: this.#key, birth, portion: name, version }
    if (!isReference(stored)) return decodeValue(stored, this.#owner.sealer, place)
    const outside = this.#outsideOf(name, stored)
    if (outside === undefined) return undefined
    const [first] = outside.parts
    const whole = outside.parts.length === 1 && first !== undefined ? first : Buffer.concat(outside.parts)
    const { sealer } = this.#owner
    return decodeValue(whole, outside.isPlain ? undefined : sealer, { ...place, version: stored.number })
  }

  /** The value that a reference names, if this view has it. */
  #outsideOf(name: string, { number }: BlobReference): OutsideValue | undefined {
    const outside = this.#outside?.get(name)
    return outside !== undefined && compareVersions(outside.number, number) === 0 ? outside : undefined
  }

  #keepBlobs(blobs: Blobs): void {
    for (const [name, parts] of blobs) {
      const value = this.#record.portions.get(name)?.value
      if (isReference(value)) this.#keep(name, { number: value.number, parts, isPlain: false })
    }
  }

  #keep(name: string, value: OutsideValue): void {
    this.#outside ??= new Map()
    this.#outside.set(name, value)
  }

  /** The changes, to be changed: apart from those that a commit is under way with. */
  #ownChanges(): Map<string, Change> {
    if (this.#changes === undefined || this.#isCommitting) this.#changes = new Map(this.#changes)
    this.#isCommitting = false
    return this.#changes
  }

  /** These are committed. What was set while that waited stays a change. */
  #forget(committed: ReadonlyMap<string, Change>): void {
    if (this.#changes === committed) this.#changes = undefined
    else
      for (const [name, change] of committed) if (this.#changes?.get(name) === change) this.#ownChanges().delete(name)
  }
}

/** A session that `resume` found, with what it found out. */
export class ResumedNodeSession extends NodeSession implements ResumedSession {
  readonly outcome: 'complete' | 'partial'
  readonly missing: readonly string[]
  readonly origin: ResumeOrigin

  constructor(owner: SessionOwner, key: SessionKey, { record, blobs, outcome, missing }: Found, origin: ResumeOrigin) {
    super(owner, key, record, blobs)
    this.outcome = outcome
    this.missing = missing
    this.origin = origin
  }
}

/** What a session is kept as, without its values: for tools that show it. */
export interface SessionFacts {
  /** Milliseconds that it lives without use, as it was made or a later commit said. */
  readonly idleMs: number
  /** Milliseconds until it ends if nobody uses it, and until it ends in any case. */
  readonly idleMsLeft: number
  readonly absoluteMsLeft: number
  /** The portions whose values are here: the bytes they are stored in, and the write that they are from. */
  readonly portions: ReadonlyMap<string, { readonly bytes: number; readonly version: string }>
}

class Facts implements SessionFacts {
  readonly idleMs: number
  readonly idleMsLeft: number
  readonly absoluteMsLeft: number
  // A gateway asks for the rest at every write.
  readonly #record: () => LiveRecord

  constructor({ idleMs, idleAtMs, absoluteAtMs }: LiveRecord['expiry'], nowMs: number, record: () => LiveRecord) {
    this.idleMs = idleMs
    this.idleMsLeft = Math.max(0, idleAtMs - nowMs)
    this.absoluteMsLeft = Math.max(0, absoluteAtMs - nowMs)
    this.#record = record
  }

  get portions(): SessionFacts['portions'] {
    return portionFacts(this.#record().portions)
  }
}

/**
 * Look at what a session is kept as, as of its resumption or last commit.
 * @returns undefined for a session that is not one of a node.
 */
export function inspectSession(session: Session): SessionFacts | undefined {
  return session instanceof NodeSession ? session.facts() : undefined
}

/**
 * A number that two views of a node's sessions, made by `local`, share exactly when they show the same record: for who
 * remembers what it made of a session that it reads again and again. It says nothing about changes that are not committed.
 * @returns undefined for any other session.
 */
export function recordMark(session: Session): number | undefined {
  return session instanceof NodeSession ? session.mark : undefined
}

/**
 * `session.commit` for hot paths: a commit that waits for no copies ends within the call unless there is no room for it, its
 * session was evicted, or a value is large, and needs no promise and no token then.
 * @returns undefined when it has ended, else a promise of that. @throws what `commit` rejects with, when it fails at once.
 */
export function commitNow(session: Session, options: CommitOptions = {}): Promise<void> | undefined {
  if (!(session instanceof NodeSession)) return session.commit(options).then(nothing)
  const written = session.write(options)
  return written instanceof Promise ? written.then(nothing) : undefined
}

/** The record that a view shows. */
export function recordOf(view: View): LiveRecord {
  return 'read' in view ? view.read() : view
}

function portionFacts(portions: LiveRecord['portions']): SessionFacts['portions'] {
  const present = new Map<string, { bytes: number; version: string }>()
  for (const [name, { value, version }] of portions) {
    if (value === ABSENT || value === MISSING) continue
    const bytes = isReference(value) ? value.byteLength : value.length
    present.set(name, { bytes, version: `${version.tenure.epoch}.${version.seq}@${version.tenure.node}` })
  }
  return present
}

/** A value that was set and is not committed yet. */
export interface Change {
  /** As `encodeValue` made it, not sealed yet: sealing needs the version. */
  readonly encoded: Uint8Array | typeof ABSENT
  readonly seal: boolean
}

/** How long a change will be as it is stored. */
export function storedSize({ encoded, seal }: Change): { readonly length: number } | typeof ABSENT {
  if (encoded === ABSENT || !seal) return encoded
  return { length: encoded.length + SEALED_OVERHEAD_BYTES }
}

/** A value outside the record. */
interface OutsideValue {
  readonly number: Version
  readonly parts: readonly Uint8Array[]
  /** It was set here, and is as it was before it was sealed. */
  readonly isPlain: boolean
}

function waitOptions(
  options: CommitOptions,
  bytes = 0,
): { copies: number; waitMs: number; signal: AbortSignal | undefined } {
  const defaultMs = COMMIT_DEADLINE_MS_DEFAULT + Math.floor(bytes / MIB) * COMMIT_MS_PER_MIB
  return {
    copies: integer('copies', options.copies ?? 0, 0, 64),
    waitMs: number('deadlineMs', options.deadlineMs ?? defaultMs, 0, 2 ** 31 - 1),
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

function nothing(): void {}

const MIB = 1024 * 1024
const NO_CHANGES: ReadonlyMap<string, Change> = new Map()

/** Uncommitted values are not sealed, so they have no place yet. */
const NOWHERE = {
  key: '' as SessionKey,
  birth: { generation: 0, random: 0 },
  portion: '',
  version: { tenure: { epoch: 0, node: '', incarnation: 0 }, seq: 0 },
}
