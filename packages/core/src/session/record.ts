/**
 * What a node keeps of one session.
 *
 * A record is live or a tombstone. A live record lists every portion with the version that wrote it; the value itself is
 * there, is *absent* (the portion was removed), or is *missing* (this copy knows the version but not the bytes); of a large
 * one there is a *reference* to chunks that are records of their own (rule B1, see `blob.ts`). Deltas, answers to pulls and synced records are all such records, so that merging is the one way anything enters a table.
 */
import type { Birth, Frontier, Version } from './version.ts'
import { compareTenures } from './version.ts'

/** The value of a removed portion. */
export const ABSENT = null
/** The value of a portion of which this copy has only the version. */
export const MISSING = undefined

/** What a head holds in place of a large value (rule B1): from both follow the keys of its chunks. */
export interface BlobReference {
  /** Given once, to one content. */
  readonly number: Version
  readonly byteLength: number
}

export type PortionBytes = Uint8Array | BlobReference | typeof ABSENT | typeof MISSING

export interface Portion {
  readonly version: Version
  readonly value: PortionBytes
}

/** Whether the value lies outside the head. */
export function isReference(value: PortionBytes): value is BlobReference {
  return value !== ABSENT && value !== MISSING && !(value instanceof Uint8Array)
}

/**
 * When a session ends. A register of its own (rule E1): a touch writes it and nothing else. Deadlines are on this node's
 * clock; what travels is the time that remains.
 */
export interface Expiry {
  readonly version: Version
  readonly idleMs: number
  readonly idleAtMs: number
  /** Fixed at birth; between copies the earlier one stays. */
  readonly absoluteAtMs: number
}

export interface LiveRecord {
  readonly kind: 'live'
  readonly birth: Birth
  readonly frontier: Frontier
  readonly portions: ReadonlyMap<string, Portion>
  readonly expiry: Expiry
  /** Earlier lives of the id that this one replaced after a drop. */
  readonly floor?: Floor
}

/** Lives of an id that must not come back (rule E4, `floor.ts`): the dropped one, and all before it. */
export interface Floor {
  readonly birth: Birth
  /** Until then a copy of them may be alive somewhere. */
  readonly untilMs: number
}

/** A dropped session. Kept until no live copy of its birth can exist: the absolute deadline. */
export interface Tombstone {
  readonly kind: 'dropped'
  readonly birth: Birth
  readonly absoluteAtMs: number
  /** Of a chunk: it ends when it says, and not with the last copy that it might meet. */
  readonly isBrief?: true
  /** A later life of the id was here and ended by itself. It may go on elsewhere, so this proves nothing about the id. */
  readonly isFloor?: true
}

export type SessionRecord = LiveRecord | Tombstone

/** The time at which a record stops counting: a live one is no longer readable, a tombstone no longer needed. */
export function endsAtMs(record: SessionRecord): number {
  return record.kind === 'dropped' ? record.absoluteAtMs : Math.min(record.expiry.idleAtMs, record.expiry.absoluteAtMs)
}

/** The highest version that a live record has seen, in whatever part: its next tenure's epoch lies above. */
export function highestVersion(record: LiveRecord): Version {
  const top = record.frontier[0]
  const touched = record.expiry.version
  return top !== undefined && compareTenures(top.tenure, touched.tenure) >= 0 ? top : touched
}

/** Whether the named portions (all, when none are named) have their values here. */
export function missingPortions(record: LiveRecord, names: readonly string[] | undefined): readonly string[] {
  let missing: string[] | undefined
  for (const [name, portion] of record.portions) {
    if (portion.value !== MISSING || (names !== undefined && !names.includes(name))) continue
    missing ??= []
    missing.push(name)
  }
  return missing ?? NONE
}

/**
 * The same record with the values of the portions for which `keep` says false marked missing. References stay: they are
 * smaller than what names them, and who replaces or drops a value has to know what to release.
 */
export function withoutValues(record: LiveRecord, keep: (name: string, portion: Portion) => boolean): LiveRecord {
  let portions: Map<string, Portion> | undefined
  for (const [name, portion] of record.portions) {
    if (portion.value === ABSENT || isReference(portion.value) || keep(name, portion)) continue
    portions ??= new Map(record.portions)
    portions.set(name, { version: portion.version, value: MISSING })
  }
  return portions === undefined ? record : { ...record, portions }
}

/**
 * What a record takes in memory, in bytes: its block in the arena with its share of garbage, its key, and its places in the
 * table's lists. What the byte budget counts; the bench `memory` holds it against the process.
 */
export function recordBytes(key: string, record: SessionRecord): number {
  if (record.kind === 'dropped') return Math.ceil(BLOCK_BYTES * GARBAGE_FACTOR) + key.length + ENTRY_BYTES
  let bytes = BLOCK_BYTES + record.frontier.length * FRONTIER_ENTRY_BYTES
  for (const [name, { value }] of record.portions) bytes += name.length + PORTION_BYTES + insideBytes(value)
  if (record.floor !== undefined) bytes += FLOOR_BYTES
  return Math.ceil(bytes * GARBAGE_FACTOR) + key.length + ENTRY_BYTES
}

/** What a value takes inside its record, in bytes. */
function insideBytes(value: PortionBytes): number {
  if (value === ABSENT || value === MISSING) return 0
  return value instanceof Uint8Array ? value.length : REFERENCE_BYTES
}

const BLOCK_BYTES = 120
const FRONTIER_ENTRY_BYTES = 8
const PORTION_BYTES = 16
/** What stands in a block for a value that lies outside. */
export const REFERENCE_BYTES = 16
/** What a floor takes in a block. */
export const FLOOR_BYTES = 24
/** Up to a fifth of the arena is garbage: nothing before the first rewrite, a quarter of what lives after many. */
const GARBAGE_FACTOR = 1.125
/** The key's header, its place among the keys, in its index and in the arena, its front, and what of these is spare room. */
const ENTRY_BYTES = 80

const NONE: readonly string[] = []
