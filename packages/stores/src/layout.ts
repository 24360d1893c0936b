/**
 * How a document's fields lie in a session's portions, and which writes a portion includes.
 *
 * A field has a portion of its own, so that two servers which change two fields at the same moment lose nothing. A session has
 * few portions, though, and what was removed still takes its place. So only the first fields get one, and those with short
 * names; the others share a few, by hash of their name. A field that has a portion of its own keeps it, also while it is removed.
 *
 * ```
 * portion `.cart`   { "v": ["tea"], "w": { "9pXr0a1Q": 17, "Zk3mQ8sV": 4 } }   its value, unless removed, and up to which
 * portion `+3`      { "v": { ".a": 1, ".b": 2 }, "w": { ... } }               write of each writer it includes; shared
 * ```
 */
import { Buffer } from 'node:buffer'
import type { JsonValue, PortionValue, Session } from '@reprise/core'
import { FIELD_NAME_BYTES_MAX, OWN_PORTIONS_MAX, WRITERS_REMEMBERED } from './constants.ts'
import type { Fields, JsonMap } from './json.ts'
import { isMap, sameJson } from './json.ts'
import { mergeThreeWays } from './merge.ts'

/** How the documents of one kind lie. */
export interface Layout {
  /** Fields may have portions of their own. */
  readonly hasOwnPortions: boolean
  /** Portions that the other fields share. The same at all servers, for ever. */
  readonly sharedPortions: number
}

/** What one request changed, by field. Undefined stands for a field that is not there. */
export interface Write {
  /** Who writes: random, of one store in one process. */
  readonly writer: string
  /** Of each writer's writes the later one is higher. */
  readonly number: number
  readonly changes: Map<string, { readonly base: JsonValue | undefined; readonly mine: JsonValue | undefined }>
}

/** All fields of a document. */
export function readFields(session: Session): Fields {
  const fields = new Map<string, JsonValue>()
  for (const name of session.portions) {
    const { value } = readPortion(session, name)
    if (!name.startsWith(SHARED)) {
      if (value !== undefined) fields.set(name, value)
      continue
    }
    for (const [field, item] of Object.entries(isMap(value) ? value : {})) {
      if (item !== undefined) fields.set(field, item)
    }
  }
  return fields
}

/**
 * Merge a write into a session, unless it is there already, which it is when a later one of the same writer is: who writes merges
 * its earlier ones first. What changes nothing is struck from the write: were it tried again
 * later, it would undo what others did meanwhile.
 * @param isAgain the write was in the session before: a field that a concurrent one changed altogether stays as that one has it.
 * @returns whether the session has changes to commit.
 */
export function applyWrite(session: Session, write: Write, layout: Layout, seal: boolean, isAgain: boolean): boolean {
  const draft = new Map<string, Portion>()
  let isChanged = false
  for (const [field, { base, mine }] of [...write.changes]) {
    const name = portionOf(session, field, layout, draft)
    const portion = draft.get(name) ?? readPortion(session, name)
    if (!draft.has(name) && (portion.writes[write.writer] ?? 0) >= write.number) continue
    const isShared = name !== field
    const shared = isShared && isMap(portion.value) ? portion.value : {}
    const theirs = isShared ? shared[field] : portion.value
    const merged = mergeThreeWays(base, mine, theirs)
    const isTaken = isAgain && sameJson(merged, mine) && !sameJson(theirs, base)
    if (sameJson(merged, theirs) || isTaken) {
      write.changes.delete(field)
      continue
    }
    isChanged = true
    const value = isShared ? withField(shared, field, merged) : merged
    draft.set(name, { value, writes: portion.writes })
  }
  for (const [name, { value, writes }] of draft) {
    const { [write.writer]: _, ...others } = writes
    const latest = Object.entries({ ...others, [write.writer]: write.number }).slice(-WRITERS_REMEMBERED)
    session.set(name, { v: value, w: Object.fromEntries(latest) }, { seal })
  }
  return isChanged
}

interface Portion {
  readonly value: JsonValue | undefined
  /** By writer the highest of its writes that is included, who wrote last at the end. */
  readonly writes: Readonly<Record<string, number>>
}

/** A portion that is not there, or that this package did not write, has no value. */
function readPortion(session: Session, name: string): Portion {
  const stored: PortionValue | undefined = session.get(name)
  if (stored === undefined || stored instanceof Uint8Array || !isMap(stored)) return NOTHING
  const { v: value, w: writes } = stored
  const numbers = Object.entries(isMap(writes) ? writes : {}).filter((entry): entry is [string, number] => {
    return typeof entry[1] === 'number'
  })
  return { value, writes: Object.fromEntries(numbers) }
}

function portionOf(session: Session, field: string, layout: Layout, draft: ReadonlyMap<string, Portion>): string {
  if (layout.hasOwnPortions && Buffer.byteLength(field) <= FIELD_NAME_BYTES_MAX && field.isWellFormed()) {
    const names = new Set([...session.portions, ...draft.keys()])
    const shared = SHARED + (hash(field) % layout.sharedPortions)
    if (names.has(field)) return field
    const { value } = draft.get(shared) ?? readPortion(session, shared)
    const isSharing = isMap(value) && Object.hasOwn(value, field)
    let own = 0
    for (const name of names) if (!name.startsWith(SHARED)) own++
    if (!isSharing && own < OWN_PORTIONS_MAX) return field
  }
  return SHARED + (hash(field) % layout.sharedPortions)
}

function withField(map: JsonMap, field: string, value: JsonValue | undefined): JsonMap {
  const { [field]: _, ...rest } = map
  return value === undefined ? rest : { ...rest, [field]: value }
}

/** FNV-1a over UTF-16 units: it only has to spread names evenly and alike everywhere. */
export function hash(text: string): number {
  let state = 0x811c9dc5
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193) >>> 0
  return state
}

/** No field begins with it. */
const SHARED = '+'
const NOTHING: Portion = { value: undefined, writes: {} }
