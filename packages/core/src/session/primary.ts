/**
 * What this node does as a session's primary: create, commit, touch, drop.
 *
 * Every write takes a version of this node's tenure. The first write after taking a session over begins a tenure with an
 * epoch above all that this node has seen (rule V1), which is all a takeover is: there is no vote, and merging settles what
 * two primaries do at the same time. The delta lists every portion with its version and carries the values that changed.
 *
 * A session that was created and not committed yet is a *draft*: it is kept here and not in the table, where it would take
 * the place of what this node holds for others of the same id: a tombstone, or another node's session.
 */
import { Buffer } from 'node:buffer'
import { BUCKET_COUNT, DRAFTS_MAX, PORTION_NAME_BYTES_MAX, PORTIONS_MAX, SESSION_BYTES_MAX } from '../constants.ts'
import type { Context } from '../context.ts'
import {
  AlreadyExistsError,
  DroppedError,
  ExpiredError,
  LimitError,
  RepriseError,
  UnavailableError,
  UsageError,
} from '../errors.ts'
import type { Outcome } from '../outbox.ts'
import type { Entry } from '../table/bucket-table.ts'
import type { SessionKey } from './id.ts'
import { describeKey } from './id.ts'
import type { Expiry, LiveRecord, Portion, Tombstone } from './record.ts'
import { type ABSENT, endsAtMs, highestVersion, withoutValues } from './record.ts'
import type { Birth, NodeId, Tenure, Version } from './version.ts'
import { compareBirths, joinFrontiers } from './version.ts'

export interface CreateCommand {
  readonly request: number
  readonly key: SessionKey
  readonly idleMs: number
  readonly absoluteMs: number
  readonly assumeNew: boolean
  readonly deadlineMs: number
}

export interface CommitCommand {
  readonly request: number
  readonly key: SessionKey
  readonly birth: Birth
  /** New values by portion name; `ABSENT` removes. */
  readonly changes: ReadonlyMap<string, Uint8Array | typeof ABSENT>
  readonly copies: number
  /** Milliseconds to wait for copies. */
  readonly waitMs: number
}

export interface DropCommand {
  readonly request: number
  readonly key: SessionKey
  readonly birth: Birth
  readonly absoluteAtMs: number
  readonly copies: number
  readonly waitMs: number
}

/** What the primary needs of its surroundings. */
export interface PrimaryPorts {
  enqueue(shard: number, key: SessionKey, delta: LiveRecord | Tombstone, ackNow: boolean): number
  assertRoom(): void
  awaitCopies(wait: {
    request: number
    key: SessionKey
    shard: number
    frame: number
    asked: number
    deadlineMs: number
    onConfirmed: () => void
  }): void
  /** Find out whether the id lives anywhere. */
  look(key: SessionKey, deadlineMs: number, request: number, onOutcome: (outcome: Outcome) => void): void
}

export class Primary {
  readonly #context: Context
  readonly #ports: PrimaryPorts
  readonly #touches = new Map<SessionKey, DeferredTouch>()
  /** Above the epochs of tenures of this node whose sessions left the table: a version is never issued twice. */
  #epochFloor = 0
  readonly #tenures = new Map<number, Tenure>()
  /** In the order of creation. */
  readonly #drafts = new Map<SessionKey, LiveRecord>()

  constructor(context: Context, ports: PrimaryPorts) {
    this.#context = context
    this.#ports = ports
  }

  create(command: CreateCommand): void {
    const { request, key } = command
    if (this.#livesHere(key)) this.#fail(request, new AlreadyExistsError(describeKey(key)))
    else if (command.assumeNew) this.#make(command)
    else {
      this.#ports.look(key, command.deadlineMs, request, (outcome) => {
        if (outcome.outcome === 'absent') this.#make(command)
        else if (outcome.outcome !== 'unknown') this.#fail(request, new AlreadyExistsError(describeKey(key)))
        else {
          const why = `nobody could say whether the session ${describeKey(key)} lives; try again, or create with assumeNew`
          this.#fail(request, new UnavailableError(why, outcome.from.silent))
        }
      })
    }
  }

  /** Put back a session that was created here, never committed, and forgotten meanwhile: nobody else has it. */
  restore(key: SessionKey, { birth, expiry, frontier }: LiveRecord): void {
    if (frontier.length > 0 || this.#context.table.peek(key) !== undefined || this.#drafts.has(key)) return
    this.#draft(key, birth, expiry.idleMs, expiry.absoluteAtMs)
  }

  /** The session of that id that was created here and not committed yet, unless it was outdone by a later birth. */
  draft(key: SessionKey): LiveRecord | undefined {
    const draft = this.#drafts.get(key)
    if (draft === undefined) return undefined
    const known = this.#context.table.peek(key)?.record
    return known === undefined || compareBirths(known.birth, draft.birth) < 0 ? draft : undefined
  }

  commit(command: CommitCommand): void {
    const { key, request, copies } = command
    const entry = this.#writable(command)
    if (command.changes.size > 0) this.#ports.assertRoom()
    const record = entry.record as LiveRecord
    const isFirst = record.frontier.length === 0
    if (command.changes.size === 0 && !isFirst && copies === 0) {
      this.touch(key, command.birth)
      this.#context.out.results.push({
        request,
        kind: 'written',
        proof: { birth: record.birth, version: topOf(record) },
      })
      return
    }
    const portions = new Map(record.portions)
    const { version, displaced } = this.#issueFor(entry, command.changes, portions)
    const next: LiveRecord = {
      ...record,
      portions,
      frontier: joinFrontiers(record.frontier, [version]),
      expiry: this.#renew(record.expiry, version),
    }
    this.#store(entry, next, (name) => command.changes.has(name), copies, displaced)
    this.#touches.delete(key)
    this.#finish(request, entry, copies, command.waitMs, { birth: next.birth, version })
  }

  drop(command: DropCommand): void {
    const { key, request, birth, copies } = command
    const { table, nowMs } = this.#context
    const entry = table.get(key)
    const known = entry?.record
    this.#touches.delete(key)
    const draft = this.#drafts.get(key)
    if (draft !== undefined && compareBirths(draft.birth, birth) === 0) this.#drafts.delete(key)
    if (known !== undefined && compareBirths(known.birth, birth) > 0) {
      this.#context.out.results.push({ request, kind: 'dropped' })
      return
    }
    const absoluteAtMs =
      known === undefined || compareBirths(known.birth, birth) < 0
        ? command.absoluteAtMs
        : Math.max(known.kind === 'live' ? known.expiry.absoluteAtMs : known.absoluteAtMs, command.absoluteAtMs)
    const tombstone: Tombstone = { kind: 'dropped', birth, absoluteAtMs }
    const stored = table.put(
      key,
      this.#context.lacks('tombstone-life') ? shortLived(tombstone, nowMs) : tombstone,
      nowMs,
    )
    stored.tenure = undefined
    stored.frame = this.#ports.enqueue(stored.shard, key, tombstone, copies > 0)
    // Who was primary may hold no copy, and would go on.
    const displaced = known?.kind === 'live' ? highestVersion(known).tenure.node : this.#context.self
    if (displaced !== this.#context.self) {
      this.#context.send(displaced, { type: 'push', records: [{ key, record: tombstone }] })
    }
    this.#finish(request, stored, copies, command.waitMs, undefined)
  }

  /** Start the idle time anew. Touches that follow each other within a tenth of the idle time travel as one. */
  touch(key: SessionKey, birth: Birth): void {
    const entry = this.#context.table.get(key)
    if (entry?.record.kind !== 'live' || compareBirths(entry.record.birth, birth) !== 0) return
    const { nowMs } = this.#context
    if (endsAtMs(entry.record) <= nowMs || entry.record.frontier.length === 0) return
    const { idleMs, idleAtMs } = entry.record.expiry
    const publishedAtMs = idleAtMs - idleMs
    const dueMs = Math.max(nowMs, publishedAtMs + Math.min(idleMs / 10, TOUCH_DELAY_MS_MAX))
    const touch = { birth, touchedAtMs: nowMs, dueMs: this.#touches.get(key)?.dueMs ?? dueMs }
    this.#touches.set(key, touch)
    // Not with the next sweep: the session may end before it.
    if (touch.dueMs > nowMs) return
    this.#touches.delete(key)
    this.#publishTouch(entry, entry.record, nowMs)
  }

  /**
   * The version that the next commit of a session will take. Pure: values can be sealed for it first, in the same turn.
   * Undefined when the session is not in the table. A draft may stand beside another life of its id.
   */
  nextVersion(key: SessionKey, birth: Birth): Version | undefined {
    const draft = this.draft(key)
    if (draft !== undefined && compareBirths(draft.birth, birth) === 0) {
      return { tenure: this.#tenure(this.#epochFloor + 1), seq: 1 }
    }
    const entry = this.#context.table.peek(key)
    if (entry?.record.kind !== 'live') return undefined
    if (entry.tenure !== undefined) return { tenure: entry.tenure, seq: entry.seq + 1 }
    return { tenure: this.#newTenure(entry.record), seq: 1 }
  }

  /** The session left the table, evicted or ended: no epoch in which this node wrote it may be issued again. */
  onGone(entry: Entry): void {
    if (entry.seq > 0 && entry.record.kind === 'live') {
      this.#epochFloor = Math.max(this.#epochFloor, highestVersion(entry.record).tenure.epoch)
    }
    this.#touches.delete(entry.key)
  }

  /** Planted: the end of an idle session is written, as if it were dropped (rule E1). */
  bury({ key, record, shard }: Entry): void {
    if (record.kind === 'dropped' || record.frontier.length === 0) return
    const tombstone: Tombstone = { kind: 'dropped', birth: record.birth, absoluteAtMs: record.expiry.absoluteAtMs }
    this.#context.table.put(key, tombstone, this.#context.nowMs).frame = this.#ports.enqueue(
      shard,
      key,
      tombstone,
      false,
    )
  }

  /**
   * A new incarnation: tenures of the old one are over, and its streams with what was in them. What this node wrote is
   * published again in the new ones, under the versions it has: some of it may have reached nobody.
   */
  restart(): void {
    this.#tenures.clear()
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      for (const entry of this.#context.table.bucketEntries(bucket)) {
        entry.tenure = undefined
        if (entry.frame !== 0) entry.frame = this.#ports.enqueue(entry.shard, entry.key, entry.record, false)
      }
    }
  }

  /** Forget drafts that ended or were outdone. Called with the sweep. */
  sweepDrafts(): void {
    for (const [key, draft] of this.#drafts) {
      if (endsAtMs(draft) <= this.#context.nowMs || this.draft(key) === undefined) this.#drafts.delete(key)
    }
  }

  /** Publish the touches that are due. Deferred by seconds, they need no timer of their own: called with the sweep. */
  publishTouches(): void {
    const { nowMs, table } = this.#context
    for (const [key, touch] of this.#touches) {
      if (nowMs < touch.dueMs) continue
      this.#touches.delete(key)
      const entry = table.peek(key)
      if (entry?.record.kind === 'live' && compareBirths(entry.record.birth, touch.birth) === 0) {
        this.#publishTouch(entry, entry.record, touch.touchedAtMs)
      }
    }
  }

  /** Publish deferred touches now: the node is leaving. */
  flushTouches(): void {
    for (const touch of this.#touches.values()) touch.dueMs = this.#context.nowMs
    this.publishTouches()
  }

  #make({ request, key, idleMs, absoluteMs }: CreateCommand): void {
    const { table, nowMs, wallMs } = this.#context
    if (this.#livesHere(key)) {
      this.#fail(request, new AlreadyExistsError(describeKey(key)))
      return
    }
    if (table.isFull) {
      const advice = 'nothing in the cache may be evicted; raise cache.bytesMax, or add members'
      this.#fail(request, new LimitError('cache.bytesMax', table.bytes, table.bytesMax, advice))
      return
    }
    const known = (this.draft(key) ?? table.peek(key)?.record)?.birth.generation ?? 0
    const generation = Math.max(Math.floor(wallMs), known + 1)
    const random = (this.#context.random() % 2 ** 16) * 2 ** 32 + this.#context.random()
    const birth: Birth = { generation, random }
    this.#draft(key, birth, idleMs, nowMs + absoluteMs)
    this.#context.out.results.push({ request, kind: 'created', birth })
  }

  #livesHere(key: SessionKey): boolean {
    const record = this.draft(key) ?? this.#context.table.get(key)?.record
    return record?.kind === 'live' && endsAtMs(record) > this.#context.nowMs
  }

  #draft(key: SessionKey, birth: Birth, idleMs: number, absoluteAtMs: number): void {
    const version: Version = { tenure: this.#tenure(this.#epochFloor + 1), seq: 0 }
    const expiry: Expiry = { version, idleMs, idleAtMs: this.#context.nowMs + idleMs, absoluteAtMs }
    const [oldest] = this.#drafts.keys()
    if (this.#drafts.size >= DRAFTS_MAX) this.#drafts.delete(oldest as SessionKey)
    this.#drafts.set(key, { kind: 'live', birth, frontier: [], portions: new Map(), expiry })
  }

  /** A draft's first write is about to be made: it enters the table. */
  #plant(key: SessionKey, draft: LiveRecord): Entry {
    this.#drafts.delete(key)
    // Before it enters, as `nextVersion` announced: what it pushes out of the cache may raise the floor.
    const tenure = this.#tenure(this.#epochFloor + 1)
    const entry = this.#context.table.put(key, draft, this.#context.nowMs)
    entry.tenure = tenure
    entry.seq = 0
    entry.frame = 0
    return entry
  }

  /** @throws DroppedError, ExpiredError, LimitError, UsageError, or RepriseError of code EVICTED */
  #writable({ key, birth, changes }: CommitCommand): Entry {
    const { table, nowMs } = this.#context
    const draft = this.draft(key)
    if (draft !== undefined && compareBirths(draft.birth, birth) === 0) {
      if (endsAtMs(draft) <= nowMs) throw new ExpiredError(describeKey(key))
      // Refused before it enters the table, or it would stay there unwritten.
      this.#ports.assertRoom()
      assertSize(draft.portions, changes)
      return this.#plant(key, draft)
    }
    const entry = table.get(key)
    if (entry === undefined) throw new RepriseError('EVICTED', `the session ${describeKey(key)} left the cache`)
    if (entry.record.kind === 'dropped' || compareBirths(entry.record.birth, birth) !== 0) {
      throw new DroppedError(describeKey(key))
    }
    if (endsAtMs(entry.record) <= nowMs && !this.#context.lacks('deadline')) throw new ExpiredError(describeKey(key))
    return entry
  }

  /** The next version of this node's tenure, which begins now if there is none; then also who was primary before. */
  #issue(entry: Entry): { version: Version; displaced: NodeId | undefined } {
    let displaced: NodeId | undefined
    if (entry.tenure === undefined) {
      const record = entry.record as LiveRecord
      const { node } = highestVersion(record).tenure
      displaced = node === this.#context.self ? undefined : node
      entry.tenure = this.#newTenure(record)
      entry.seq = 0
    }
    entry.seq++
    return { version: { tenure: entry.tenure, seq: entry.seq }, displaced }
  }

  #newTenure(record: LiveRecord): Tenure {
    const seen = this.#context.lacks('epoch') ? 0 : highestVersion(record).tenure.epoch
    return this.#tenure(Math.max(seen, this.#epochFloor) + 1)
  }

  /** One object per epoch: almost every session's tenure here is the first, and comparing them is then by identity. */
  #tenure(epoch: number): Tenure {
    let tenure = this.#tenures.get(epoch)
    if (tenure === undefined) {
      if (this.#tenures.size >= TENURES_KEPT_MAX) this.#tenures.clear()
      tenure = { epoch, node: this.#context.self, incarnation: this.#context.incarnation }
      this.#tenures.set(epoch, tenure)
    }
    return tenure
  }

  #publishTouch(entry: Entry, record: LiveRecord, touchedAtMs: number): void {
    if (endsAtMs(record) <= this.#context.nowMs) return
    const { version, displaced } = this.#issue(entry)
    const expiry: Expiry = { ...record.expiry, version, idleAtMs: touchedAtMs + record.expiry.idleMs }
    this.#store(entry, { ...record, expiry }, () => false, 0, displaced)
  }

  #renew(expiry: Expiry, version: Version): Expiry {
    return { ...expiry, version, idleAtMs: this.#context.nowMs + expiry.idleMs }
  }

  #store(
    entry: Entry,
    record: LiveRecord,
    changed: (name: string) => boolean,
    copies: number,
    displaced: NodeId | undefined,
  ): void {
    // Queued before it is stored: what is owed to others is pinned, and storing may evict.
    entry.frame = this.#ports.enqueue(entry.shard, entry.key, withoutValues(record, changed), copies > 0)
    this.#context.table.put(entry.key, record, this.#context.nowMs)
    if (displaced === undefined) return
    // Who was primary learns at once that it no longer is, also when it holds no copy (rule R1).
    const news = { key: entry.key, record: withoutValues(record, () => false) }
    this.#context.send(displaced, { type: 'push', records: [news] })
  }

  /** Apply changes to a copy of the portions under the next version, refusing what is too large before anything happens. */
  #issueFor(
    entry: Entry,
    changes: CommitCommand['changes'],
    portions: Map<string, Portion>,
  ): { version: Version; displaced: NodeId | undefined } {
    assertSize(portions, changes)
    const issued = this.#issue(entry)
    for (const [name, value] of changes) portions.set(name, { version: issued.version, value })
    return issued
  }

  #finish(
    request: number,
    entry: Entry,
    copies: number,
    waitMs: number,
    proof: { birth: Birth; version: Version } | undefined,
  ): void {
    const { out, nowMs } = this.#context
    const onConfirmed = (): void => {
      this.#context.out.results.push(
        proof === undefined ? { request, kind: 'dropped' } : { request, kind: 'written', proof },
      )
    }
    if (copies === 0) {
      out.results.push(proof === undefined ? { request, kind: 'dropped' } : { request, kind: 'written', proof })
      return
    }
    const { key, shard, frame } = entry
    this.#ports.awaitCopies({ request, key, shard, frame, asked: copies, deadlineMs: nowMs + waitMs, onConfirmed })
  }

  #fail(request: number, error: RepriseError): void {
    this.#context.out.results.push({ request, kind: 'failed', error })
  }
}

/** @throws LimitError, UsageError */
function assertSize(portions: ReadonlyMap<string, Portion>, changes: CommitCommand['changes']): void {
  let bytes = 0
  let count = portions.size
  for (const [name, portion] of portions) if (!changes.has(name)) bytes += portion.value?.length ?? 0
  for (const [name, value] of changes) {
    const nameBytes = Buffer.byteLength(name)
    // Ill-formed text would arrive as something else, and two such names as one.
    if (!name.isWellFormed()) throw new UsageError(`a portion's name is well-formed text: ${JSON.stringify(name)}`)
    if (nameBytes === 0 || nameBytes > PORTION_NAME_BYTES_MAX) {
      throw new UsageError(`a portion's name has 1 to ${PORTION_NAME_BYTES_MAX} bytes: ${JSON.stringify(name)}`)
    }
    bytes += value?.length ?? 0
    if (!portions.has(name)) count++
  }
  if (count > PORTIONS_MAX)
    throw new LimitError('PORTIONS_MAX', count, PORTIONS_MAX, 'keep related things in one portion')
  if (bytes > SESSION_BYTES_MAX) {
    throw new LimitError(
      'SESSION_BYTES_MAX',
      bytes,
      SESSION_BYTES_MAX,
      'keep large things elsewhere and their name here',
    )
  }
}

/** Planted: a tombstone that goes while live copies may still exist (rule E4). */
function shortLived(tombstone: Tombstone, nowMs: number): Tombstone {
  return { ...tombstone, absoluteAtMs: nowMs + 200 }
}

function topOf(record: LiveRecord): Version {
  return record.frontier[0] as Version
}

/** Touches travel at most this much later than they happened. */
const TOUCH_DELAY_MS_MAX = 60_000
/** Distinct epochs of one node are few; this bounds the cache of their objects. */
const TENURES_KEPT_MAX = 1024

interface DeferredTouch {
  readonly birth: Birth
  readonly touchedAtMs: number
  dueMs: number
}
