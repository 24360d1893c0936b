/**
 * I-R1: merging gives equal records in any order, grouping and repetition, for states that really occurred.
 */
import type { Hash64, LiveRecord, SessionKey, SessionRecord } from '@reprise/core'
import { compareBirths, mergeRecords, metaHash, metaOnWire, samePortion, WIRE_VERSION } from '@reprise/core'
import type { Checker, World } from './checker.ts'
import { recordsOf } from './checker.ts'

export class MergeLaws implements Checker {
  readonly #world: World
  readonly #seen = new Map<SessionKey, Set<SessionRecord>>()

  constructor(world: World) {
    this.#world = world
  }

  onCheckpoint(): void {
    for (const key of this.#world.ledger.keys) {
      for (const { record } of recordsOf(this.#world, key)) {
        const seen = this.#seen.get(key) ?? new Set()
        this.#seen.set(key, seen)
        if (seen.has(record)) continue
        seen.add(record)
        if (seen.size <= STATES_PER_KEY) continue
        const [oldest] = seen
        seen.delete(oldest as SessionRecord)
      }
    }
  }

  onQuiet(): void {
    this.onCheckpoint()
    for (const [key, seen] of this.#seen) {
      const states = [...seen]
      for (const a of states) {
        this.#expectEqual(key, 'repeated', merge(a, a), a)
        for (const b of states) {
          this.#expectEqual(key, 'in another order', merge(a, b), merge(b, a))
          for (const c of states) {
            this.#expectEqual(key, 'grouped otherwise', merge(merge(a, b), c), merge(a, merge(b, c)))
          }
        }
      }
    }
  }

  #expectEqual(key: SessionKey, how: string, a: SessionRecord, b: SessionRecord): void {
    if (!isEqualRecord(a, b)) this.#world.violate('I-R1', `records of ${key} merge differently when ${how}`)
  }
}

/** Whether two records say the same, values and deadlines of live ones included. */
function isEqualRecord(a: SessionRecord, b: SessionRecord): boolean {
  if (a === b) return true
  if (!isEqualContent(a, b)) return false
  // A tombstone outlives the live copies it met, so its end depends on which those were; by milliseconds, if clocks agree.
  if (a.kind === 'dropped' || b.kind === 'dropped') return true
  return a.expiry.idleAtMs === b.expiry.idleAtMs && a.expiry.absoluteAtMs === b.expiry.absoluteAtMs
}

/**
 * Whether two records say the same but for deadlines, which differ by clock.
 * @param wire that their holders speak with each other.
 */
export function isEqualContent(a: SessionRecord, b: SessionRecord, wire: number = WIRE_VERSION): boolean {
  if (a.kind !== b.kind || compareBirths(a.birth, b.birth) !== 0) return false
  const hashA = hashOn(wire, a)
  const hashB = hashOn(wire, b)
  if (hashA.hi !== hashB.hi || hashA.lo !== hashB.lo) return false
  return a.kind === 'dropped' || hasEqualPortions(a, b as LiveRecord)
}

function hashOn(wire: number, record: SessionRecord): Hash64 {
  return metaOnWire(NO_KEY, metaHash(NO_KEY, record), record.kind === 'live' ? record.floor : undefined, wire)
}

function hasEqualPortions(a: LiveRecord, b: LiveRecord): boolean {
  if (a.portions.size !== b.portions.size) return false
  for (const [name, portion] of a.portions) {
    const other = b.portions.get(name)
    if (other === undefined || !samePortion(portion, other)) return false
  }
  return true
}

function merge(a: SessionRecord, b: SessionRecord): SessionRecord {
  return mergeRecords(a, b).record
}

const NO_KEY = { hi: 0, lo: 0 }
/** Triples of them are tried at the end: 216 per key. */
const STATES_PER_KEY = 6
