/**
 * Where the values of a commit go, and which are refused: inside the head or outside of it (rule B1).
 *
 * Small values are inside. A large one is outside, and one that was outside stays there until it is clearly small. When what
 * is inside would not fit the head, the largest of the commit's values go outside until it does. Nothing is outside while a
 * member is here that cannot read references: then the head has to hold everything.
 */
import { Buffer } from 'node:buffer'
import {
  HEAD_BYTES_MAX,
  INSIDE_BYTES_MAX,
  OUTSIDE_BYTES_MIN,
  OUTSIDE_WIRE,
  PORTION_BYTES_MAX,
  PORTION_NAME_BYTES_MAX,
  PORTIONS_MAX,
  SESSION_BYTES_MAX,
} from '../constants.ts'
import { LimitError, UsageError } from '../errors.ts'
import type { ABSENT, Portion } from './record.ts'
import { isReference } from './record.ts'
import type { Version } from './version.ts'

export interface PlacedChanges {
  /** New values by portion name, as they are stored, or their lengths; `ABSENT` removes. */
  readonly changes: ReadonlyMap<string, { readonly length: number } | typeof ABSENT>
  /** Values that go outside under these numbers, whatever their size. */
  readonly numbers?: ReadonlyMap<string, Version> | undefined
}

/**
 * The names of the values that go outside; undefined when there are none, the usual case.
 * @param wire the wire version that all members here speak.
 * @throws LimitError, UsageError
 */
export function placeOutside(
  portions: ReadonlyMap<string, Portion>,
  { changes, numbers }: PlacedChanges,
  wire: number,
): ReadonlySet<string> | undefined {
  let outside: Set<string> | undefined
  let insideBytes = 0
  let outsideBytes = 0
  let count = portions.size
  for (const [name, portion] of portions) {
    if (changes.has(name)) continue
    const { value } = portion
    if (value instanceof Uint8Array) insideBytes += value.length
    else if (isReference(value)) outsideBytes += value.byteLength
  }
  for (const [name, value] of changes) {
    assertName(name)
    const known = portions.get(name)
    if (known === undefined) count++
    if (value === null) continue
    if (!isOutside(value.length, known, numbers?.has(name) === true)) {
      insideBytes += value.length
      continue
    }
    outside ??= new Set()
    outside.add(name)
    outsideBytes += value.length
    if (value.length > PORTION_BYTES_MAX) {
      throw new LimitError('PORTION_BYTES_MAX', value.length, PORTION_BYTES_MAX, KEEP_ELSEWHERE)
    }
  }
  if (count > PORTIONS_MAX)
    throw new LimitError('PORTIONS_MAX', count, PORTIONS_MAX, 'keep related things in one portion')
  if (insideBytes + outsideBytes > SESSION_BYTES_MAX) {
    throw new LimitError('SESSION_BYTES_MAX', insideBytes + outsideBytes, SESSION_BYTES_MAX, KEEP_ELSEWHERE)
  }
  if (wire >= OUTSIDE_WIRE) return insideBytes <= HEAD_BYTES_MAX ? outside : moveOut(changes, outside, insideBytes)
  if (outside === undefined && insideBytes <= HEAD_BYTES_MAX) return undefined
  assertFitsHead(changes, outside, numbers, insideBytes)
  return undefined
}

function isOutside(length: number, known: Portion | undefined, isNumbered: boolean): boolean {
  if (isNumbered || length > OUTSIDE_BYTES_MIN) return true
  return length >= INSIDE_BYTES_MAX && known !== undefined && isReference(known.value)
}

/** Move the largest changed values out until the rest fits the head. */
function moveOut(
  changes: PlacedChanges['changes'],
  outside: ReadonlySet<string> | undefined,
  insideBytes: number,
): ReadonlySet<string> {
  const moved = new Set(outside)
  const inside = [...changes].filter(([name]) => !moved.has(name))
  let left = insideBytes
  for (const [name, value] of inside.sort(([, a], [, b]) => (b?.length ?? 0) - (a?.length ?? 0))) {
    if (left <= HEAD_BYTES_MAX || value === null) break
    moved.add(name)
    left -= value.length
  }
  // Only what two primaries wrote at the same time, and merging put together, can still be too much.
  if (left > HEAD_BYTES_MAX) throw new LimitError('HEAD_BYTES_MAX', left, HEAD_BYTES_MAX, 'make some portions smaller')
  return moved
}

function assertFitsHead(
  changes: PlacedChanges['changes'],
  outside: ReadonlySet<string> | undefined,
  numbers: PlacedChanges['numbers'],
  insideBytes: number,
): void {
  let bytes = insideBytes
  for (const name of outside ?? []) bytes += changes.get(name)?.length ?? 0
  if (bytes <= HEAD_BYTES_MAX && (numbers?.size ?? 0) === 0) return
  const advice = 'a member is here that speaks an earlier version of the wire; upgrade it, and larger values are taken'
  throw new LimitError('HEAD_BYTES_MAX', bytes, HEAD_BYTES_MAX, advice)
}

function assertName(name: string): void {
  const nameBytes = Buffer.byteLength(name)
  // Ill-formed text would arrive as something else, and two such names as one.
  if (!name.isWellFormed()) throw new UsageError(`a portion's name is well-formed text: ${JSON.stringify(name)}`)
  if (nameBytes === 0 || nameBytes > PORTION_NAME_BYTES_MAX) {
    throw new UsageError(`a portion's name has 1 to ${PORTION_NAME_BYTES_MAX} bytes: ${JSON.stringify(name)}`)
  }
}

const KEEP_ELSEWHERE = 'keep larger things elsewhere and their name here'
