/**
 * The hash by which two copies of a record are compared without sending them (rule V4).
 *
 * It covers all that merging looks at: birth, tombstone, frontier, portion versions and whether their values are here, the
 * expiry version, and the floor. Not the deadlines, which differ by clock, and not the bytes, because one version has one content. A
 * bucket's digest is the exclusive or of these over its records, so it is kept by two operations per change.
 *
 * Two independent 32-bit lanes of murmur3 mixing (Appleby, public domain): 64 bits are enough to tell records apart, and
 * no BigInt is on the path of a write.
 */
import { FLOOR_WIRE } from '../constants.ts'
import type { Floor, SessionRecord } from './record.ts'
import { MISSING } from './record.ts'
import type { Tenure } from './version.ts'

export interface Hash64 {
  readonly hi: number
  readonly lo: number
}

/**
 * The record's hash, seeded with its key's hash so that equal records of two keys do not cancel out.
 * @param isWhole as if every value were here.
 */
export function metaHash(key: Hash64, record: SessionRecord, isWhole = false): Hash64 {
  let hi = mix(key.hi, record.birth.generation / 2 ** 32)
  let lo = mix(key.lo, record.birth.generation)
  lo = mix(lo, record.birth.random)
  hi = mix(hi, record.birth.random / 2 ** 16)
  if (record.kind === 'dropped') return { hi: mix(hi, DROPPED_MARK), lo: mix(lo, DROPPED_MARK) }
  for (const entry of record.frontier) {
    lo = mix(mix(lo, tenureHash(entry.tenure).lo), entry.seq)
    hi = mix(mix(hi, tenureHash(entry.tenure).hi), entry.seq)
  }
  // Portions come in no particular order, so each is hashed by itself and they are summed.
  let sumHi = 0
  let sumLo = 0
  for (const [name, { version, value }] of record.portions) {
    const nameHash = mix(textHash(name), value === MISSING && !isWhole ? 1 : 2)
    const { tenure, seq } = version
    sumLo = (sumLo + mix(mix(nameHash, tenureHash(tenure).lo), seq)) | 0
    sumHi = (sumHi + mix(mix(nameHash ^ LANE_MARK, tenureHash(tenure).hi), seq)) | 0
  }
  const { tenure, seq } = record.expiry.version
  lo = mix(mix(mix(lo, sumLo), tenureHash(tenure).lo), seq)
  hi = mix(mix(mix(hi, sumHi), tenureHash(tenure).hi), seq)
  return toggleFloor(key, { hi, lo }, record.floor)
}

/** Put a floor's part into a record's hash, or take it out. */
export function toggleFloor(key: Hash64, meta: Hash64, floor: Floor | undefined): Hash64 {
  if (floor === undefined) return meta
  const { hi, lo } = floorHash(key, floor)
  return { hi: meta.hi ^ hi, lo: meta.lo ^ lo }
}

/** The floor's part of a record's hash: an exclusive or, because who speaks wire 1 knows no floors and hashes without. */
export function floorHash(key: Hash64, { birth }: Floor): Hash64 {
  const hi = mix(mix(key.hi ^ LANE_MARK, birth.generation / 2 ** 32), birth.random / 2 ** 16)
  const lo = mix(mix(key.lo ^ LANE_MARK, birth.generation), birth.random)
  return { hi: mix(hi, lo), lo }
}

/** A record's hash as a link of this version of the wire counts it. */
export function metaOnWire(key: Hash64, meta: Hash64, floor: Floor | undefined, wire: number): Hash64 {
  return wire >= FLOOR_WIRE ? meta : toggleFloor(key, meta, floor)
}

/** Computed once per tenure: nearly all records here were written in a few of them. */
function tenureHash(tenure: Tenure): Hash64 {
  const cached = tenureHashes.get(tenure)
  if (cached !== undefined) return cached
  const { epoch, incarnation, node } = tenure
  const lo = mix(mix(mix(textHash(node), epoch), incarnation), incarnation / 2 ** 32)
  const hi = mix(mix(mix(textHash(node) ^ LANE_MARK, epoch), incarnation / 2 ** 32), incarnation)
  tenureHashes.set(tenure, { hi, lo })
  return { hi, lo }
}

function textHash(text: string): number {
  let hash = text.length
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i))
  return hash
}

function mix(seed: number, value: number): number {
  let hash = Math.imul(seed ^ Math.imul(value | 0, 0xcc9e2d51), 0x1b873593) + 0xe6546b64
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) | 0
}

const DROPPED_MARK = 0x70_6d_62
/** Sets the two lanes apart where they see the same input. */
const LANE_MARK = 0x9e_37_79
const tenureHashes = new WeakMap<Tenure, Hash64>()
