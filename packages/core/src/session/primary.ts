/**
 * What this node does as a session's primary: create, commit, touch, drop.
 *
 * Every write takes a version of this node's tenure. The first write after taking a session over begins a tenure with an
 * epoch above all that this node has seen (rule V1), which is all a takeover is: there is no vote, and merging settles what
 * two primaries do at the same time. The delta lists every portion with its version and carries the values that changed.
 *
 * A session that was created and not committed yet is a *draft*: it is kept here and not in the table, where it would take
 * the place of what this node holds for others of the same id: a tombstone, or another node's session.
 *
 * A commit with large values, and every commit of the session behind it, is handed to `uploads.ts` and comes back through
 * `publish` once what its head will name is at its holders (rule B1).
 */
import { BUCKET_COUNT, DRAFTS_MAX } from '../constants.ts'
import type { Context } from '../context.ts'
import {
  AlreadyExistsError,
  DroppedError,
  ExpiredError,
  LimitError,
  RepriseError,
  UnavailableError,
} from '../errors.ts'
import type { Outcome, Result } from '../outbox.ts'
import type { Entry } from '../table/entry.ts'
import type { Names } from '../table/slab.ts'
import { floorOf, isRemainder, raiseFloor } from './floor.ts'
import type { SessionKey } from './id.ts'
import { mergeRecords } from './merge.ts'
import { placeOutside } from './portion-sizes.ts'
import type { BlobReference, Expiry, Floor, LiveRecord, Portion, SessionRecord, Tombstone } from './record.ts'
import { type ABSENT, endsAtMs, highestVersion, isReference, withoutValues } from './record.ts'
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
  /** Values that are sealed for these blob numbers, and so lie outside the head whatever their size. */
  readonly numbers?: ReadonlyMap<string, Version>
  readonly copies: number
  /** Milliseconds to wait for copies, and for holders that take the large values. */
  readonly waitMs: number
  /** How long the session lives without use from this write on. Default: as long as before. */
  readonly idleMs?: number | undefined
}

/** A commit whose large values are at their holders. */
export interface PublishCommand extends Omit<CommitCommand, 'changes' | 'numbers'> {
  readonly changes: ReadonlyMap<string, Uint8Array | BlobReference | typeof ABSENT>
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
  /** Publish what waits for the end of the turn now. @returns whether there was anything. */
  flush(): boolean
  awaitCopies(wait: {
    request: number
    key: SessionKey
    shard: number
    frame: number
    asked: number
    deadlineMs: number
    onConfirmed: () => void
  }): void
  /** Whether commits of the session wait for large values. */
  isUploading(key: SessionKey): boolean
  /** Take a commit with large values, or behind one: `publish` it when its turn comes. */
  upload(command: CommitCommand): void
  /** Values that this write replaced or dropped: release them when its frame is at all who shall have it. */
  release(entry: Entry, birth: Birth, absoluteAtMs: number, replaced: readonly Replaced[]): void
  /** Find out whether the id lives anywhere. */
  look(key: SessionKey, deadlineMs: number, request: number, onOutcome: (outcome: Outcome) => void): void
}

/** A value outside the head that a write took out of it. */
export interface Replaced {
  readonly portion: string
  readonly reference: BlobReference
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
    if (this.#livesHere(key)) this.#fail(request, new AlreadyExistsError())
    else if (command.assumeNew) this.#make(command)
    else {
      this.#ports.look(key, command.deadlineMs, request, (outcome) => {
        if (outcome.outcome === 'absent') this.#make(command)
        else if (outcome.outcome !== 'unknown') this.#fail(request, new AlreadyExistsError())
        else {
          const why = 'nobody could say whether a session with that id lives; try again, or create with assumeNew'
          this.#fail(request, new UnavailableError(why, outcome.from.silent))
        }
      })
    }
  }

  /** Put back a session that was created here, never committed, and forgotten meanwhile: nobody else has it. */
  restore(key: SessionKey, { birth, expiry, frontier }: LiveRecord): void {
    const known = this.#context.table.peek(key)?.record
    const isOutdone = known !== undefined && compareBirths(known.birth, birth) >= 0
    if (frontier.length > 0 || isOutdone || this.#drafts.has(key)) return
    this.#draft(key, birth, expiry.idleMs, expiry.absoluteAtMs)
  }

  /** The session of that id that was created here and not committed yet, unless it was outdone by a later birth. */
  draft(key: SessionKey): LiveRecord | undefined {
    const draft = this.#drafts.size === 0 ? undefined : this.#drafts.get(key)
    if (draft === undefined) return undefined
    const known = this.#context.table.peek(key)?.record
    return known === undefined || compareBirths(known.birth, draft.birth) < 0 ? draft : undefined
  }

  commit(command: CommitCommand): void {
    const { key, request, copies, changes } = command
    const record = this.writable(command)
    const isFirst = record.frontier.length === 0
    if (changes.size > 0 || isFirst) this.#ports.assertRoom()
    const isLarge = placeOutside(record.portions, command, this.#context.sharedWire) !== undefined
    if (isLarge || this.#ports.isUploading(key)) this.#ports.upload(command)
    else if (changes.size > 0 || isFirst || copies > 0) this.#publish(record, command, false)
    else {
      this.touch(key, command.birth, command.idleMs)
      const proof = { birth: record.birth, version: topOf(record) }
      this.#context.out.results.push({ request, kind: 'written', proof })
    }
  }

  /**
   * Write a commit whose large values are at their holders.
   * @param isSilent its request has ended already.
   * @returns the version that it took.
   * @throws DroppedError, ExpiredError, or RepriseError of code EVICTED
   */
  publish(command: PublishCommand, isSilent: boolean): Version {
    return this.#publish(this.writable(command), command, isSilent)
  }

  /**
   * The live record that a commit changes. Values that it replaces are not for keeping: see `Entry.read`.
   * @throws DroppedError, ExpiredError, or RepriseError of code EVICTED
   */
  writable({ key, birth, changes }: Pick<PublishCommand, 'key' | 'birth' | 'changes'>): LiveRecord {
    const record = this.#draftOf(key, birth) ?? this.#context.table.get(key)?.read(changes)
    const isHere = record !== undefined && (!isRemainder(record) || compareBirths(record.birth, birth) >= 0)
    if (!isHere) throw new RepriseError('EVICTED', 'the session left the cache')
    if (record.kind === 'dropped' || compareBirths(record.birth, birth) !== 0) throw new DroppedError()
    const hasEnded = endsAtMs(record) <= this.#context.nowMs
    if (hasEnded && !this.#context.lacks('deadline')) throw new ExpiredError()
    return record
  }

  drop(command: DropCommand): void {
    const { key, request, birth, copies } = command
    const { table, nowMs } = this.#context
    const entry = table.get(key)
    const known = entry?.record
    this.#touches.delete(key)
    const draft = this.#drafts.get(key)
    if (draft !== undefined && compareBirths(draft.birth, birth) === 0) this.#drafts.delete(key)
    const dropped: Tombstone = { kind: 'dropped', birth, absoluteAtMs: command.absoluteAtMs }
    // A later life of the id stays, and keeps this one from coming back.
    const kept = known === undefined ? raiseFloor(dropped, table.stub(key)?.floor) : mergeRecords(known, dropped).record
    const tombstone = kept.kind === 'dropped' ? kept : dropped
    const stored = table.put(key, this.#context.lacks('tombstone-life') ? shortLived(kept, nowMs) : kept, nowMs)
    if (kept.kind === 'dropped') stored.tenure = undefined
    stored.frame = this.#ports.enqueue(stored.shard, key, tombstone, copies > 0)
    // Who was primary may hold no copy, and would go on.
    const displaced = known?.kind === 'live' ? highestVersion(known).tenure.node : this.#context.self
    if (displaced !== this.#context.self) {
      this.#context.send(displaced, { type: 'push', records: [{ key, record: tombstone }] })
    }
    if (known?.kind === 'live' && compareBirths(known.birth, birth) === 0) {
      const replaced = replacedBy(known.portions, known.portions.keys())
      if (replaced.length > 0) this.#ports.release(stored, birth, tombstone.absoluteAtMs, replaced)
    }
    this.#finish(request, stored, copies, command.waitMs, undefined)
  }

  /**
   * Start the idle time anew. Touches that follow each other within a tenth of the idle time travel as one.
   * @param idleMs another idle time from now on, which others must hear of: it travels at once.
   */
  touch(key: SessionKey, birth: Birth, idleMs?: number): void {
    const entry = this.#context.table.get(key)
    if (entry?.record.kind !== 'live' || compareBirths(entry.record.birth, birth) !== 0) return
    const { nowMs } = this.#context
    if (endsAtMs(entry.record) <= nowMs || entry.record.frontier.length === 0) return
    const { expiry } = entry.record
    const publishedAtMs = expiry.idleAtMs - expiry.idleMs
    const dueMs = Math.max(nowMs, publishedAtMs + Math.min(expiry.idleMs / 10, TOUCH_DELAY_MS_MAX))
    const touch = { birth, touchedAtMs: nowMs, dueMs: this.#touches.get(key)?.dueMs ?? dueMs }
    this.#touches.set(key, touch)
    // Not with the next sweep: the session may end before it.
    if (touch.dueMs > nowMs && idleMs === undefined) return
    this.#touches.delete(key)
    this.#publishTouch(entry, entry.record, nowMs, idleMs)
  }

  /**
   * The version that the next commit of a session will take. Pure: values can be sealed for it first, in the same turn.
   * Undefined when the session is not in the table, and when its next commit has to wait behind large values. A draft may
   * stand beside another life of its id.
   */
  nextVersion(key: SessionKey, birth: Birth): Version | undefined {
    if (this.#ports.isUploading(key)) return undefined
    if (this.#draftOf(key, birth) !== undefined) return { tenure: this.#tenure(this.#epochFloor + 1), seq: 1 }
    const entry = this.#context.table.peek(key)
    if (entry?.isLive !== true) return undefined
    // Read only when this node is not its primary: that copies its values.
    const { tenure } = entry
    if (tenure !== undefined) return { tenure, seq: entry.seq + 1 }
    return entry.record.kind === 'live' ? { tenure: this.#newTenure(entry.record), seq: 1 } : undefined
  }

  /** The portions of a life of an id, as they are here. Values of those that will change are not for keeping: see `Entry.read`. */
  portionsOf(key: SessionKey, birth: Birth, changes: Names): LiveRecord['portions'] | undefined {
    const record = this.#draftOf(key, birth) ?? this.#context.table.peek(key)?.read(changes)
    return record?.kind === 'live' && compareBirths(record.birth, birth) === 0 ? record.portions : undefined
  }

  /** The session left the table, evicted, ended, or with its shard: no epoch in which this node wrote it may be issued again. */
  onGone(entry: Entry): void {
    if (entry.seq > 0 && entry.record.kind === 'live') {
      this.#epochFloor = Math.max(this.#epochFloor, highestVersion(entry.record).tenure.epoch)
    }
    this.#touches.delete(entry.key)
  }

  /** Planted: the end of an idle session is written, as if it were dropped (rule E1). */
  bury(entry: Entry): Tombstone | undefined {
    const { key, record, shard } = entry
    if (record.kind === 'dropped' || record.frontier.length === 0) return undefined
    const tombstone: Tombstone = { kind: 'dropped', birth: record.birth, absoluteAtMs: record.expiry.absoluteAtMs }
    entry.frame = this.#ports.enqueue(shard, key, tombstone, false)
    return tombstone
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

  /** Whether any touch waits to be published. */
  get hasTouches(): boolean {
    return this.#touches.size > 0
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

  #draftOf(key: SessionKey, birth: Birth): LiveRecord | undefined {
    const draft = this.draft(key)
    return draft !== undefined && compareBirths(draft.birth, birth) === 0 ? draft : undefined
  }

  #make({ request, key, idleMs, absoluteMs }: CreateCommand): void {
    const { table, nowMs, wallMs } = this.#context
    if (this.#livesHere(key)) {
      this.#fail(request, new AlreadyExistsError())
      return
    }
    // What was not even published yet is pinned for no good reason.
    if (table.isFull && !this.#ports.flush()) {
      const advice = 'nothing in the cache may be evicted; raise cache.bytesMax, or add members'
      this.#fail(request, new LimitError('cache.bytesMax', table.bytes, table.bytesMax, advice))
      return
    }
    const known = (this.draft(key) ?? table.peek(key)?.record ?? table.stub(key))?.birth.generation ?? 0
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

  /** Which earlier lives of an id one of this birth keeps from coming back, that is about to take their place. */
  #floorUnder(key: SessionKey, birth: Birth): Floor | undefined {
    const { table } = this.#context
    const known = table.peek(key)?.record
    const floor = known === undefined ? table.stub(key)?.floor : floorOf(known)
    return floor !== undefined && compareBirths(floor.birth, birth) < 0 ? floor : undefined
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

  #publish(record: LiveRecord, command: PublishCommand, isSilent: boolean): Version {
    const { key, changes, copies, request, waitMs, idleMs } = command
    const isFirst = record.frontier.length === 0
    const floor = isFirst ? this.#floorUnder(key, record.birth) : undefined
    const entry = isFirst ? this.#plant(key, record) : (this.#context.table.peek(key) as Entry)
    const { version, displaced } = this.#issue(entry)
    const replaced = entry.hasOutside ? replacedBy(record.portions, changes.keys()) : NOTHING
    const portions = new Map<string, Portion>()
    for (const [name, portion] of record.portions) portions.set(name, portion)
    for (const [name, value] of changes) portions.set(name, { version, value })
    const next: LiveRecord = {
      ...record,
      portions,
      frontier: joinFrontiers(record.frontier, [version]),
      expiry: this.#renew(record.expiry, version, idleMs),
    }
    this.#store(entry, raiseFloor(next, floor), (name) => changes.has(name), copies, displaced)
    if (this.#touches.size > 0) this.#touches.delete(key)
    if (replaced.length > 0) this.#ports.release(entry, record.birth, record.expiry.absoluteAtMs, replaced)
    if (!isSilent) this.#finish(request, entry, copies, waitMs, { birth: record.birth, version })
    return version
  }

  #publishTouch(entry: Entry, record: LiveRecord, touchedAtMs: number, idleMs = record.expiry.idleMs): void {
    const { expiry } = record
    if (endsAtMs(record) <= this.#context.nowMs) return
    // Somebody used it later. A touch that was put off would take that back, since its version is higher.
    if (idleMs === expiry.idleMs && touchedAtMs + idleMs <= expiry.idleAtMs && !this.#context.lacks('late-touch'))
      return
    const { version, displaced } = this.#issue(entry)
    const touched: Expiry = { ...expiry, version, idleMs, idleAtMs: touchedAtMs + idleMs }
    this.#store(entry, { ...record, expiry: touched }, () => false, 0, displaced)
  }

  #renew(expiry: Expiry, version: Version, idleMs = expiry.idleMs): Expiry {
    return { ...expiry, version, idleMs, idleAtMs: this.#context.nowMs + idleMs }
  }

  #store(
    entry: Entry,
    record: LiveRecord,
    changed: (name: string) => boolean,
    copies: number,
    displaced: NodeId | undefined,
  ): void {
    // A takeover may build on what no holder has: its first delta carries every value, later ones those that changed.
    const delta = entry.seq === 1 ? record : withoutValues(record, changed)
    // Queued before it is stored: what is owed to others is pinned, and storing may evict.
    entry.frame = this.#ports.enqueue(entry.shard, entry.key, delta, copies > 0)
    this.#context.table.put(entry.key, record, this.#context.nowMs)
    if (displaced === undefined) return
    // Who was primary learns at once that it no longer is, also when it holds no copy (rule R1). With what was written: a
    // version that outlives its value, when this node ends before anybody else has it, would beat the value before it.
    const news = { key: entry.key, record: withoutValues(record, changed) }
    this.#context.send(displaced, { type: 'push', records: [news] })
  }

  #finish(
    request: number,
    entry: Entry,
    copies: number,
    waitMs: number,
    proof: { birth: Birth; version: Version } | undefined,
  ): void {
    const result: Result = proof === undefined ? { request, kind: 'dropped' } : { request, kind: 'written', proof }
    if (copies > 0) this.#awaitCopies(entry, copies, waitMs, result)
    else this.#context.out.results.push(result)
  }

  #awaitCopies({ key, shard, frame }: Entry, asked: number, waitMs: number, result: Result): void {
    const { request } = result
    const deadlineMs = this.#context.nowMs + waitMs
    const onConfirmed = (): void => void this.#context.out.results.push(result)
    this.#ports.awaitCopies({ request, key, shard, frame, asked, deadlineMs, onConfirmed })
  }

  #fail(request: number, error: RepriseError): void {
    this.#context.out.results.push({ request, kind: 'failed', error })
  }
}

/** The references among the named portions. */
function replacedBy(portions: ReadonlyMap<string, Portion>, names: Iterable<string>): readonly Replaced[] {
  let replaced: Replaced[] | undefined
  for (const portion of names) {
    const value = portions.get(portion)?.value
    if (!isReference(value)) continue
    replaced ??= []
    replaced.push({ portion, reference: value })
  }
  return replaced ?? NOTHING
}

/** Planted: a tombstone that goes while live copies may still exist (rule E4). */
function shortLived(record: SessionRecord, nowMs: number): SessionRecord {
  return record.kind === 'live' ? record : { ...record, absoluteAtMs: nowMs + 200 }
}

function topOf(record: LiveRecord): Version {
  return record.frontier[0] as Version
}

const NOTHING: readonly Replaced[] = []
/** Touches travel at most this much later than they happened. */
const TOUCH_DELAY_MS_MAX = 60_000
/** Distinct epochs of one node are few; this bounds the cache of their objects. */
const TENURES_KEPT_MAX = 1024

interface DeferredTouch {
  readonly birth: Birth
  readonly touchedAtMs: number
  dueMs: number
}
