/**
 * The core of Reprise: sessions, their versions and how they merge, the table they live in, the streams that carry them and
 * the repair of those, all as pure decisions. `Replica` is the whole; everything else is a room of it.
 *
 * @example
 * ```js
 * import { loadKeyHash, Outbox, Replica, toSessionKey } from '@reprise/core'
 *
 * const now = { nowMs: 0, wallMs: Date.UTC(2026, 0, 1) }
 * const replica = new Replica({ nodeId: 'a', incarnation: 1, keyHash: await loadKeyHash(), seed: 1 }, now)
 * const out = new Outbox()
 * replica.step({ type: 'tick' }, now, out)
 * const key = toSessionKey('basket-17')
 * const lifetime = { idleMs: 60_000, absoluteMs: 3_600_000, deadlineMs: 100 }
 * replica.step({ type: 'create', request: 1, key, assumeNew: true, ...lifetime }, now, out)
 * console.log(out.drain().results[0].kind) // created
 * ```
 */
export type { CheckReport, CheckVerdict, ShardCheck } from './check/check-report.ts'
export type { CheckCommand } from './check/checker.ts'
export * from './constants.ts'
export type { EarlierMember, Now, ReplicaConfig, ReplicaInit } from './context.ts'
export * from './errors.ts'
export type { Blobs, Drained, Found, Lane, Notice, Origin, Outcome, Publish, Result, Send } from './outbox.ts'
export { Outbox } from './outbox.ts'
export type { Candidate, Placement } from './placement/rendezvous.ts'
export { place } from './placement/rendezvous.ts'
export type { ResumeCommand } from './pull/puller.ts'
export type { Event } from './replica.ts'
export { Replica } from './replica.ts'
export type { ChunkName } from './session/blob.ts'
export { chunkKeys, chunkName, isChunkKey } from './session/blob.ts'
export type { SessionKey } from './session/id.ts'
export { keyBytes, toSessionKey } from './session/id.ts'
export type { Merged } from './session/merge.ts'
export { mergeRecords, samePortion } from './session/merge.ts'
export type { Hash64 } from './session/meta-hash.ts'
export { metaHash, metaOnWire } from './session/meta-hash.ts'
export type { CommitCommand, CreateCommand, DropCommand } from './session/primary.ts'
export type {
  BlobReference,
  Expiry,
  Floor,
  LiveRecord,
  Portion,
  PortionBytes,
  SessionRecord,
  Tombstone,
} from './session/record.ts'
export { ABSENT, endsAtMs, isReference, MISSING } from './session/record.ts'
export type { WriteProof } from './session/token.ts'
export { decodeToken, encodeToken, meetsProof } from './session/token.ts'
export type { Birth, Frontier, NodeId, Tenure, Version } from './session/version.ts'
export { compareBirths, compareTenures, compareVersions, covers, joinFrontiers } from './session/version.ts'
export type * from './source.ts'
export type { ReplicaStatus, ShardState } from './status.ts'
export type { Absence, BucketIndex, BucketTableOptions } from './table/bucket-table.ts'
export { BucketTable } from './table/bucket-table.ts'
export type { BucketChanges } from './table/changes.ts'
export { Changes } from './table/changes.ts'
export type { Entry, Snapshot } from './table/entry.ts'
export type { KeyHash } from './table/key-hash.ts'
export { bucketOf, loadKeyHash, shardOfBucket } from './table/key-hash.ts'
export { COUNTER_MAX, Reader, Writer } from './wire/bytes.ts'
export { FRAME_ID_BYTES } from './wire/frame.ts'
export type { KeyedRecord } from './wire/record-codec.ts'
export { decodeStored, encodeStored } from './wire/stored-record.ts'
