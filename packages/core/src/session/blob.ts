/**
 * Values outside the head (rule B1): what names them, and what they are made of.
 *
 * A large value is cut into chunks. Each chunk is a record like any other, in the same table, streams, syncs and pulls, but
 * with a key of its own, so that one big session is spread over many shards. The head's portion holds a *reference*: the
 * blob's number and length, from which the keys of all its chunks follow. A number is never given twice and a chunk never
 * changes, so whoever has a chunk has the right one, and a value cannot be torn.
 *
 * ```
 * head of "s"   upload: reference (number 7 of node a, 40,000 bytes)
 *                  ├── chunk 0: "s", upload, number 7, 0      16,384 bytes
 *                  ├── chunk 1: "s", upload, number 7, 1      16,384 bytes
 *                  └── chunk 2: "s", upload, number 7, 2       7,232 bytes
 * ```
 *
 * A number has the shape of a version, in a tenure of epoch 0 that no session ever has, so that it is sorted, written and
 * hashed as versions are. A chunk has no idle end: it lives to the absolute deadline of its session (rule E3), or until it is
 * dropped. Its tombstone is brief.
 */
import { ABSOLUTE_MS_MAX, BLOB_CHUNK_BYTES, BLOB_TOMBSTONE_MS } from '../constants.ts'
import type { SessionKey } from './id.ts'
import type { BlobReference, LiveRecord, SessionRecord, Tombstone } from './record.ts'
import type { Birth, Incarnation, NodeId, Version } from './version.ts'

/** What the key of a chunk says. */
export interface ChunkName {
  readonly session: SessionKey
  readonly portion: string
  readonly number: Version
  readonly index: number
}

/** The key of a chunk: begins with a character that no byte of an id is, and no two names share one (rule W1). */
export function chunkKey({ session, portion, number, index }: ChunkName): SessionKey {
  const { node, incarnation } = number.tenure
  const lengths = [session.length, portion.length].map((length) => String.fromCharCode(length))
  return `${MARK}${lengths[0]}${session}${lengths[1]}${portion}${incarnation}.${number.seq}.${index}.${node}` as SessionKey
}

export function isChunkKey(key: SessionKey): boolean {
  return key.charCodeAt(0) === MARK_CODE
}

/** What a key says that `isChunkKey` says true of. */
export function chunkName(key: SessionKey): ChunkName {
  const portionAt = 2 + key.charCodeAt(1)
  const numbersAt = portionAt + 1 + key.charCodeAt(portionAt)
  const [incarnation, seq, index] = key.slice(numbersAt).split('.', 3).map(Number) as [number, number, number]
  const node = key.slice(numbersAt + `${incarnation}.${seq}.${index}.`.length)
  return {
    session: key.slice(2, portionAt) as SessionKey,
    portion: key.slice(portionAt + 1, numbersAt),
    number: { tenure: blobTenure(node, incarnation), seq },
    index,
  }
}

/** The tenure of a node's blob numbers. */
export function blobTenure(node: NodeId, incarnation: Incarnation): Version['tenure'] {
  return { epoch: 0, node, incarnation }
}

/** The keys of all chunks of a blob, in order. */
export function chunkKeys(session: SessionKey, portion: string, { number, byteLength }: BlobReference): SessionKey[] {
  return Array.from({ length: chunkCount(byteLength) }, (_, index) => chunkKey({ session, portion, number, index }))
}

export function chunkCount(byteLength: number): number {
  return Math.ceil(byteLength / BLOB_CHUNK_BYTES)
}

/** How many bytes the chunk of that index has. */
export function chunkBytes(byteLength: number, index: number): number {
  return Math.min(BLOB_CHUNK_BYTES, byteLength - index * BLOB_CHUNK_BYTES)
}

export function chunkRecord(birth: Birth, number: Version, absoluteAtMs: number, value: Uint8Array): LiveRecord {
  return {
    kind: 'live',
    birth,
    frontier: [number],
    portions: new Map([[CHUNK_PORTION, { version: number, value }]]),
    expiry: { version: number, idleMs: ABSOLUTE_MS_MAX, idleAtMs: absoluteAtMs, absoluteAtMs },
  }
}

/** The bytes of a chunk, if the record is one that is alive. */
export function chunkValue(record: SessionRecord | undefined, nowMs: number): Uint8Array | undefined {
  if (record?.kind !== 'live' || record.expiry.absoluteAtMs <= nowMs) return undefined
  const value = record.portions.get(CHUNK_PORTION)?.value
  return value instanceof Uint8Array ? value : undefined
}

export function chunkTombstone(birth: Birth, absoluteAtMs: number, nowMs: number): Tombstone {
  return { kind: 'dropped', birth, absoluteAtMs: Math.min(absoluteAtMs, nowMs + BLOB_TOMBSTONE_MS), isBrief: true }
}

/** Ids are made of characters up to 0xFF. */
const MARK_CODE = 0x100
const MARK: string = String.fromCharCode(MARK_CODE)
const CHUNK_PORTION = ''
