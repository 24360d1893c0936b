/**
 * Reading sessions whole: the head, and then exactly what it names (rule B1).
 *
 * ```
 *  resume ─► head (puller.ts) ─► all chunks of the asked portions here ─────────────────► complete
 *              ▲                 │ pull those that are not, some at a time
 *              │                 ▼
 *              └── one is gone: somebody replaced the value meanwhile. A few times, then ► partial, naming the portion
 * ```
 *
 * A chunk never changes, so any copy will do and only what is missing is fetched (R4). What was fetched is kept with the read
 * until it is complete: a cache that is too small for the value does not undo it. An answer never mixes two versions of a
 * value, because each has keys of its own.
 */
import { BLOB_PULLS_MAX, BLOB_READS_MAX, BLOB_REREADS_MAX } from '../constants.ts'
import type { Context } from '../context.ts'
import { LimitError, RepriseError } from '../errors.ts'
import type { Blobs, Found, Origin, Outcome } from '../outbox.ts'
import { chunkBytes, chunkKeys, chunkValue } from '../session/blob.ts'
import type { SessionKey } from '../session/id.ts'
import type { BlobReference, LiveRecord } from '../session/record.ts'
import { isReference } from '../session/record.ts'
import type { NodeId } from '../session/version.ts'
import { compareVersions } from '../session/version.ts'
import type { Snapshot } from '../table/entry.ts'
import type { Puller, ResumeCommand } from './puller.ts'

export class BlobReader {
  readonly #context: Context
  readonly #puller: Puller
  readonly #reads = new Set<Read>()
  /** Chunks to be fetched, in the order in which they were asked for. */
  readonly #queue = new Set<Wanted>()
  #underWay = 0
  /** Chunks are being asked for further up, which goes on by itself. */
  #isWorking = false

  constructor(context: Context, puller: Puller) {
    this.#context = context
    this.#puller = puller
  }

  /** Reads that wait for chunks. */
  get count(): number {
    return this.#reads.size
  }

  /** Look for a session and report the outcome once, large values included. @throws LimitError */
  resume(command: ResumeCommand, onOutcome: (outcome: Outcome) => void): void {
    const untilMs = this.#context.nowMs + command.deadlineMs
    this.#puller.resume(command, (outcome) => {
      if (!isFound(outcome) || !hasReferences(outcome.record, command.portions)) onOutcome(outcome)
      else if (this.#reads.size >= BLOB_READS_MAX) onOutcome(withValues(outcome, new Map(), namesOf(outcome, command)))
      else {
        const read = new Read(command, untilMs, onOutcome)
        this.#reads.add(read)
        this.#onHead(read, outcome)
      }
    })
  }

  /** A live session, if this node may say by itself what it is (rule R3): undefined unless all is here. */
  local(key: SessionKey, portions: readonly string[] | undefined, maxAgeMs: number | undefined): Snapshot | undefined {
    const copy = this.#puller.localCopy(key, portions, maxAgeMs)
    if (copy === undefined) return undefined
    const { hasOutside } = copy
    const snapshot = copy.snapshot()
    if (!hasOutside) return snapshot
    const blobs = new Map<string, readonly Uint8Array[]>()
    for (const [portion, reference] of references(snapshot.read(), portions)) {
      const parts = this.#partsHere(key, portion, reference)
      if (parts === undefined) return undefined
      blobs.set(portion, parts)
    }
    return snapshot.withBlobs(blobs)
  }

  /** @returns whether such a request was waiting; its outcome is then not reported. */
  cancel(request: number): boolean {
    for (const read of this.#reads) {
      if (read.command.request !== request) continue
      this.#end(read)
      return true
    }
    return this.#puller.cancel(request)
  }

  nextDueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY
    for (const read of this.#reads) dueMs = Math.min(dueMs, read.untilMs)
    return dueMs
  }

  tick(): void {
    for (const read of [...this.#reads]) {
      if (this.#context.nowMs >= read.untilMs && read.head !== undefined) this.#conclude(read, read.head)
    }
  }

  #onHead(read: Read, outcome: Outcome): void {
    if (!this.#reads.has(read)) return
    if (!isFound(outcome)) {
      // When nobody can say any more, what was found first is as good as it gets.
      if (outcome.outcome === 'unknown' && read.head !== undefined) this.#conclude(read, read.head)
      else {
        this.#end(read)
        read.onOutcome(outcome)
      }
      return
    }
    read.head = outcome
    read.hearHead(outcome.from)
    const before = new Map(read.values)
    read.values.clear()
    for (const [portion, reference] of references(outcome.record, read.command.portions)) {
      const known = before.get(portion)
      const isSame = known !== undefined && compareVersions(known.reference.number, reference.number) === 0
      const value = isSame ? known : new Value(reference, chunkKeys(read.command.key, portion, reference))
      read.values.set(portion, value)
      // Looked for twice, and still named by a head that was read after that: it is lost, and not replaced.
      if (value.misses >= VALUE_MISSES_MAX) continue
      for (const [index, key] of value.keys.entries()) this.#want(read, value, index, key)
    }
    this.#goOn(read)
    this.#work()
  }

  #want(read: Read, value: Value, index: number, key: SessionKey): void {
    const { table, nowMs } = this.#context
    if (value.parts[index] !== undefined || value.take(index, chunkValue(table.get(key)?.record, nowMs))) return
    const wanted: Wanted = { read, value, index, key }
    read.wanted.add(wanted)
    this.#queue.add(wanted)
  }

  /** Fetch as much at once as may be. */
  #work(): void {
    if (this.#isWorking) return
    this.#isWorking = true
    for (const wanted of this.#queue) {
      if (this.#underWay >= BLOB_PULLS_MAX) break
      this.#queue.delete(wanted)
      this.#fetch(wanted)
    }
    this.#isWorking = false
  }

  #fetch(wanted: Wanted): void {
    const { read, key } = wanted
    const deadlineMs = Math.max(0, read.untilMs - this.#context.nowMs)
    this.#underWay++
    const look = { request: read.command.request, key, portions: undefined, proof: undefined, deadlineMs }
    try {
      this.#puller.resume({ ...look, consistency: 'any' }, (outcome) => this.#onChunk(wanted, outcome))
    } catch (error) {
      if (!(error instanceof RepriseError)) throw error
      this.#onChunk(wanted, { outcome: 'unknown', from: NOWHERE })
    }
  }

  #onChunk(wanted: Wanted, outcome: Outcome): void {
    this.#underWay--
    const { read, value, index } = wanted
    if (read.wanted.delete(wanted)) {
      const bytes = isFound(outcome) ? chunkValue(outcome.record, this.#context.nowMs) : undefined
      if (value.take(index, bytes)) read.hear(outcome.from)
      else {
        read.isGone = true
        value.misses++
      }
      this.#goOn(read)
    }
    this.#work()
  }

  /** Something came, or will not come. */
  #goOn(read: Read): void {
    const { head } = read
    if (head === undefined || !this.#reads.has(read)) return
    if (read.isGone) this.#readAgain(read, head)
    else if (read.wanted.size === 0) this.#conclude(read, head)
  }

  /** What the head named is gone: a newer head names something else, unless it is lost. */
  #readAgain(read: Read, head: Found): void {
    const { command, untilMs } = read
    const { nowMs } = this.#context
    const mayRead = read.rereads < BLOB_REREADS_MAX && nowMs < untilMs && !this.#context.lacks('blob-reread')
    if (!mayRead) {
      // The rest still counts: it may complete another portion.
      if (read.wanted.size === 0) this.#conclude(read, head)
      return
    }
    read.rereads++
    read.isGone = false
    this.#forget(read)
    const again: ResumeCommand = { ...command, consistency: 'latest', deadlineMs: untilMs - nowMs }
    try {
      this.#puller.resume(again, (outcome) => this.#onHead(read, outcome))
    } catch (error) {
      if (!(error instanceof LimitError)) throw error
      this.#conclude(read, head)
    }
  }

  #conclude(read: Read, head: Found): void {
    this.#end(read)
    const blobs = new Map<string, readonly Uint8Array[]>()
    const missing: string[] = []
    for (const [portion, value] of read.values) {
      const parts = value.whole()
      if (parts === undefined) missing.push(portion)
      else blobs.set(portion, parts)
    }
    read.onOutcome(withValues({ ...head, from: read.origin() }, blobs, missing))
  }

  #end(read: Read): void {
    this.#reads.delete(read)
    this.#forget(read)
  }

  /** Nothing of it is waited for any more. What is under way comes into the table all the same. */
  #forget(read: Read): void {
    for (const wanted of read.wanted) this.#queue.delete(wanted)
    read.wanted.clear()
  }

  #partsHere(session: SessionKey, portion: string, reference: BlobReference): readonly Uint8Array[] | undefined {
    const { table, nowMs } = this.#context
    const parts: Uint8Array[] = []
    for (const [index, key] of chunkKeys(session, portion, reference).entries()) {
      const bytes = chunkValue(table.get(key)?.record, nowMs)
      if (bytes === undefined || bytes.length !== chunkBytes(reference.byteLength, index)) return undefined
      parts.push(bytes)
    }
    return parts
  }
}

/** A read that waits for chunks. */
class Read {
  readonly command: ResumeCommand
  readonly untilMs: number
  readonly onOutcome: (outcome: Outcome) => void
  head: Found | undefined
  readonly values = new Map<string, Value>()
  readonly wanted = new Set<Wanted>()
  /** A chunk of what the head names could not be had. */
  isGone = false
  rereads = 0
  readonly #answered = new Set<NodeId>()
  readonly #silent = new Set<NodeId>()
  readonly #chunksFrom = new Set<NodeId>()

  constructor(command: ResumeCommand, untilMs: number, onOutcome: (outcome: Outcome) => void) {
    this.command = command
    this.untilMs = untilMs
    this.onOutcome = onOutcome
  }

  /** The head may be read several times: all who answered count, and who was silent and never did. */
  hearHead({ answered, silent }: Origin): void {
    for (const node of answered) this.#answered.add(node)
    for (const node of silent) this.#silent.add(node)
  }

  hear(from: Origin): void {
    for (const node of from.answered) this.#chunksFrom.add(node)
  }

  /** Where the whole came from. */
  origin(): Origin {
    const answered = [...this.#answered]
    const silent = [...this.#silent].filter((node) => !this.#answered.has(node))
    const local = answered.length === 0 && this.#chunksFrom.size === 0
    const chunksFrom = this.#chunksFrom.size === 0 ? {} : { chunksFrom: [...this.#chunksFrom] }
    return { local, answered, silent, ...chunksFrom }
  }
}

/** A value that is put together. */
class Value {
  readonly reference: BlobReference
  readonly keys: readonly SessionKey[]
  readonly parts: (Uint8Array | undefined)[]
  /** How often something of it was not found. The head is read again each time. */
  misses = 0
  #left: number

  constructor(reference: BlobReference, keys: readonly SessionKey[]) {
    this.reference = reference
    this.keys = keys
    this.parts = new Array<Uint8Array | undefined>(keys.length)
    this.#left = keys.length
  }

  /** All of it, in order; undefined while something is missing. */
  whole(): readonly Uint8Array[] | undefined {
    return this.#left === 0 ? this.parts.filter((part) => part !== undefined) : undefined
  }

  /** @returns whether these are the bytes of the chunk, as far as their number tells. */
  take(index: number, bytes: Uint8Array | undefined): boolean {
    if (bytes?.length !== chunkBytes(this.reference.byteLength, index)) return false
    if (this.parts[index] === undefined) this.#left--
    this.parts[index] = bytes
    return true
  }
}

interface Wanted {
  readonly read: Read
  readonly value: Value
  readonly index: number
  readonly key: SessionKey
}

function isFound(outcome: Outcome): outcome is Found {
  return outcome.outcome === 'complete' || outcome.outcome === 'partial'
}

function hasReferences({ portions }: LiveRecord, names: readonly string[] | undefined): boolean {
  for (const [name, { value }] of portions) if (isReference(value) && isAsked(name, names)) return true
  return false
}

function* references(
  { portions }: LiveRecord,
  names: readonly string[] | undefined,
): Generator<readonly [string, BlobReference]> {
  for (const [name, { value }] of portions) if (isReference(value) && isAsked(name, names)) yield [name, value]
}

function namesOf({ record }: Found, { portions }: ResumeCommand): string[] {
  return [...references(record, portions)].map(([name]) => name)
}

function isAsked(name: string, names: readonly string[] | undefined): boolean {
  return names === undefined || names.includes(name)
}

/** What was found, with the values outside the head; partial when some are missing. */
function withValues(found: Found, blobs: Blobs, missing: readonly string[]): Found {
  const all = [...found.missing, ...missing]
  const { record, from } = found
  return all.length === 0
    ? { outcome: 'complete', record, missing: [], blobs, from }
    : { outcome: 'partial', record, missing: all, blobs, from }
}

/** A value that the head goes on naming is looked for so often: a message may have been lost, hardly two. */
const VALUE_MISSES_MAX = 2
const NOWHERE: Origin = { local: true, answered: [], silent: [] }
