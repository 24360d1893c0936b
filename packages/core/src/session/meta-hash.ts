/**
 * The hash by which two copies of a record are compared without sending them (rule V4).
 *
 * It covers all that merging looks at: birth, tombstone, frontier, portion versions and whether their values are here, and
 * the expiry version. Not the deadlines, which differ by clock, and not the bytes, because one version has one content. A
 * bucket's digest is the exclusive or of these over its records, so it is kept by two operations per change.
 *
 * Two 32-bit lanes of the murmur3 finalizer (Appleby, public domain): 64 bits are enough to tell records apart, and no
 * BigInt is on the path of a write.
 */
import type { SessionRecord } from './record.ts'
import { MISSING } from './record.ts'
import type { Tenure, Version } from './version.ts'

export interface Hash64 {
  readonly hi: number
  readonly lo: number
}

/** The record's hash, seeded with its key's hash so that equal records of two keys do not cancel out. */
export function metaHash(key: Hash64, record: SessionRecord): Hash64 {
  let hi = mix(key.hi, record.birth.generation / 2 ** 32)
  let lo = mix(key.lo, record.birth.generation)
  lo = mix(lo, record.birth.random)
  hi = mix(hi, record.birth.random / 2 ** 16)
  if (record.kind === 'dropped') return { hi: mix(hi, DROPPED_MARK), lo: mix(lo, DROPPED_MARK) }
  for (const entry of record.frontier) {
    lo = mix(lo, versionHash(entry))
    hi = mix(hi, lo)
  }
  // Portions come in no particular order, so each is hashed by itself and they are summed.
  let sumHi = 0
  let sumLo = 0
  for (const [name, portion] of record.portions) {
    const portionHash = mix(mix(textHash(name), versionHash(portion.version)), portion.value === MISSING ? 1 : 2)
    sumLo = (sumLo + portionHash) | 0
    sumHi = (sumHi + mix(portionHash, PORTION_MARK)) | 0
  }
  lo = mix(mix(lo, sumLo), versionHash(record.expiry.version))
  return { hi: mix(mix(hi, sumHi), lo), lo }
}

function versionHash(version: Version): number {
  return mix(tenureHash(version.tenure), version.seq)
}

function tenureHash(tenure: Tenure): number {
  const cached = tenureHashes.get(tenure)
  if (cached !== undefined) return cached
  let hash = mix(textHash(tenure.node), tenure.epoch)
  hash = mix(mix(hash, tenure.incarnation), tenure.incarnation / 2 ** 32)
  tenureHashes.set(tenure, hash)
  return hash
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
const PORTION_MARK = 0x9e_37_79
const tenureHashes = new WeakMap<Tenure, number>()
