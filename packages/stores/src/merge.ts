/**
 * The three-way merge of plain data: what a request made of what it loaded, onto what is there by now.
 *
 * - Where only one side changed something, its change stays.
 * - Maps are merged key by key, to any depth.
 * - Of lists that were only appended to, everything stays: what they had, then what the other added, then what this one added.
 *   Two that added the same added it twice, as they would have one after the other. A list that one side changed otherwise gets what the other appended. Lists of texts and numbers are merged as collections
 *   (what either took out is out, what either put in is in); lists of other things that kept their places, place by place.
 * - Of a map or a list that one side removed stays what the other added to it meanwhile.
 * - Anything else that both changed is as the later writer, which is `mine`, has it: a number counted up twice by two
 *   requests counts once.
 */
import type { JsonValue } from '@reprise/core'
import type { JsonMap } from './json.ts'
import { isList, isMap, sameJson } from './json.ts'

type Value = JsonValue | undefined

/**
 * Merge. Undefined stands for what is not there. No input is changed; parts of them may be in the result.
 * @param base what was loaded.
 * @param mine what it became here.
 * @param theirs what it became elsewhere meanwhile.
 */
export function mergeThreeWays(base: Value, mine: Value, theirs: Value): Value {
  if (sameJson(base, theirs)) return mine
  if (sameJson(base, mine)) return theirs
  if (mine === undefined || theirs === undefined) return mergeRemoval(base, mine, theirs)
  if (isMap(mine) && isMap(theirs)) return mergeMaps(isMap(base) ? base : {}, mine, theirs)
  if (isList(mine) && isList(theirs)) return mergeLists(isList(base) ? base : [], mine, theirs)
  return mine
}

/** One side removed what the other changed: of a map or a list what the other added stays, and nothing else comes back. */
function mergeRemoval(base: Value, mine: Value, theirs: Value): Value {
  const empty = isMap(base) ? {} : isList(base) ? [] : undefined
  if (empty === undefined) return mine
  const merged = mergeThreeWays(base, mine ?? empty, theirs ?? empty)
  return sameJson(merged, empty) ? undefined : merged
}

function mergeMaps(base: JsonMap, mine: JsonMap, theirs: JsonMap): JsonMap {
  const merged: Record<string, JsonValue> = {}
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const value = mergeThreeWays(own(base, name), own(mine, name), own(theirs, name))
    if (value !== undefined) merged[name] = value
  }
  return merged
}

function mergeLists(
  base: readonly JsonValue[],
  mine: readonly JsonValue[],
  theirs: readonly JsonValue[],
): readonly JsonValue[] {
  const [mineAppended, theirsAppended] = [appendedTo(base, mine), appendedTo(base, theirs)]
  if (mineAppended !== undefined) return [...theirs, ...mineAppended]
  if (theirsAppended !== undefined) return [...mine, ...theirsAppended]
  if (sameJson(mine, theirs)) return mine
  if ([...base, ...mine, ...theirs].every(isScalar)) return mergeCollections(base, mine, theirs)
  if (mine.length < base.length || theirs.length < base.length) return mine
  const kept = base.map((item, index) => mergeThreeWays(item, mine[index], theirs[index]) ?? item)
  return [...kept, ...theirs.slice(base.length), ...mine.slice(base.length)]
}

/** What follows the base in a list that begins with it; undefined if it does not. */
function appendedTo(base: readonly JsonValue[], list: readonly JsonValue[]): readonly JsonValue[] | undefined {
  const begins = list.length >= base.length && base.every((item, index) => sameJson(item, list[index]))
  return begins ? list.slice(base.length) : undefined
}

/** Theirs, without what mine took out of the base, with what it put in. The same value may be in it several times. */
function mergeCollections(
  base: readonly JsonValue[],
  mine: readonly JsonValue[],
  theirs: readonly JsonValue[],
): readonly JsonValue[] {
  const added = withoutEach(mine, base)
  return [...withoutEach(theirs, withoutEach(base, mine)), ...added]
}

/** The list without one occurrence of each of those values. */
function withoutEach(list: readonly JsonValue[], values: readonly JsonValue[]): readonly JsonValue[] {
  const counts = new Map<JsonValue, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return list.filter((item) => {
    const left = counts.get(item) ?? 0
    if (left > 0) counts.set(item, left - 1)
    return left === 0
  })
}

function isScalar(value: JsonValue): boolean {
  return typeof value !== 'object' || value === null
}

function own(map: JsonMap, name: string): Value {
  return Object.hasOwn(map, name) ? map[name] : undefined
}
