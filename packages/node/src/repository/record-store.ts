/**
 * Where a repository keeps its records through restarts: a port, so that a test can fill a disk or tear a file.
 *
 * What is stored are bytes under keys, in the order of their buckets; what they mean is the business of `keeper.ts`. A write is
 * one transaction, deletions included: it is there as a whole or not at all, whatever ends the process.
 */
import type { SessionKey } from '@reprise/core'

export interface StoredKey {
  readonly bucket: number
  readonly key: SessionKey
}

export interface StoredValue extends StoredKey {
  readonly value: Uint8Array
}

export interface StoreBatch {
  readonly puts: readonly StoredValue[]
  readonly deletes: readonly StoredKey[]
  /** It takes less room than what it replaces: it is written also when there is none left of what may be taken. */
  readonly isSmaller: boolean
  /** What the store says of itself, replaced with every batch. */
  readonly header: Uint8Array
}

export interface RecordStore {
  /** Records kept, and the bytes that they take on disk. */
  readonly records: number
  readonly bytes: number
  /** What the last batch said of the store; undefined when nothing was ever written. */
  readHeader(): Promise<Uint8Array | undefined>
  /** Everything that is kept of a bucket. */
  readBucket(bucket: number): Promise<readonly StoredValue[]>
  /** @throws RepositoryError when there is no room, or the disk fails: then nothing of the batch is written. */
  write(batch: StoreBatch): Promise<void>
  /** Let go of the file. Nothing is asked of the store afterwards. */
  close(): Promise<void>
}
