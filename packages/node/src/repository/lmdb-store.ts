/**
 * Records in a file of LMDB, which a thread of its own reads and writes (`lmdb-worker.ts`).
 *
 * Keys are the bucket's number, big-endian, then the session's key: a bucket is a range. The header lies behind all buckets.
 * The file is looked at before LMDB maps it (`lmdb-file.ts`).
 */
import { Buffer } from 'node:buffer'
import { mkdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { SessionKey } from '@reprise/core'
import { BUCKET_COUNT } from '@reprise/core'
import { REPOSITORY_STOP_MS } from '../constants.ts'
import { RepositoryError } from '../errors.ts'
import { assertWhole } from './lmdb-file.ts'
import type { RecordStore, StoreBatch, StoredValue } from './record-store.ts'

type Pair = readonly [key: Uint8Array, value: Uint8Array]

/** What the thread is asked. Keys are bytes here. */
export type StoreRequest = { readonly id: number } & (
  | {
      readonly type: 'write'
      readonly puts: readonly Pair[]
      readonly deletes: readonly Uint8Array[]
      /** See `StoreBatch`. */
      readonly isSmaller: boolean
    }
  | { readonly type: 'read'; readonly start: Uint8Array; readonly end: Uint8Array }
  | { readonly type: 'close' }
)

export interface StoreAnswer {
  readonly id: number
  readonly found: readonly Pair[]
  /** Entries and live bytes of the file, the header included. */
  readonly records: number
  readonly bytes: number
  readonly failure?: { readonly code: string; readonly text: string }
}

type Ask = StoreRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never

export class LmdbStore implements RecordStore {
  readonly #worker: Worker
  readonly #bytesMax: number
  readonly #pending = new Map<number, { resolve: (answer: StoreAnswer) => void; reject: (error: Error) => void }>()
  #nextId = 1
  #entries = 0
  bytes = 0

  /** Use `openLmdbStore`. */
  constructor(worker: Worker, bytesMax: number) {
    this.#worker = worker
    this.#bytesMax = bytesMax
    worker.unref()
    worker.on('message', (answer: StoreAnswer) => this.#onAnswer(answer))
    worker.on('error', (error) => this.#failAll(error))
    worker.on('exit', () => this.#failAll(new Error('its thread has ended')))
  }

  get records(): number {
    return Math.max(0, this.#entries - 1)
  }

  async readHeader(): Promise<Uint8Array | undefined> {
    const { found, records } = await this.#ask({ type: 'read', start: HEADER_KEY, end: END_KEY })
    const header = found[0]?.[1]
    if (header === undefined && records > 0) {
      throw new RepositoryError('it is a database of something else', { code: 'REPOSITORY_FOREIGN' })
    }
    return header
  }

  async readBucket(bucket: number): Promise<readonly StoredValue[]> {
    const { found } = await this.#ask({ type: 'read', start: bucketKey(bucket), end: bucketKey(bucket + 1) })
    return found.map(([key, value]) => ({ bucket, key: decodeKey(key), value }))
  }

  async write({ puts, deletes, isSmaller, header }: StoreBatch): Promise<void> {
    const wantedBytes = puts.reduce((sum, { value }) => sum + value.length, this.bytes)
    if (!isSmaller && puts.length > 0 && wantedBytes > this.#bytesMax) {
      throw new RepositoryError(`over repository.bytesMax, ${this.#bytesMax} bytes`, { code: 'REPOSITORY_FULL' })
    }
    const pairs = puts.map(({ bucket, key, value }): Pair => [encodeKey(bucket, key), value])
    await this.#ask({
      type: 'write',
      puts: [...pairs, [HEADER_KEY, header]],
      deletes: deletes.map(({ bucket, key }) => encodeKey(bucket, key)),
      isSmaller,
    })
  }

  async close(): Promise<void> {
    const closed = this.#ask({ type: 'close' }).catch(() => {})
    await Promise.race([closed, delay(REPOSITORY_STOP_MS, undefined, { ref: false })])
    await this.#worker.terminate()
  }

  #ask(ask: Ask): Promise<StoreAnswer> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      // The process does not end while somebody waits for an answer, and ends when nobody does.
      this.#worker.ref()
      this.#worker.postMessage({ ...ask, id })
    })
  }

  #onAnswer(answer: StoreAnswer): void {
    const waiting = this.#pending.get(answer.id)
    this.#pending.delete(answer.id)
    if (this.#pending.size === 0) this.#worker.unref()
    if (answer.failure !== undefined) {
      waiting?.reject(failureOf(answer.failure))
      return
    }
    this.#entries = answer.records
    this.bytes = answer.bytes
    waiting?.resolve(answer)
  }

  #failAll(cause: Error): void {
    const error = new RepositoryError(cause.message, { code: 'REPOSITORY_UNREADABLE', cause })
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}

/**
 * Open the database in a directory, which is made if it is missing.
 * @throws RepositoryError when there is something else, when it is not whole, or when the package `lmdb` is not there.
 */
export async function openLmdbStore(directory: string, bytesMax: number): Promise<LmdbStore> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new RepositoryError(`cannot make the directory ${directory}`, { code: 'REPOSITORY_UNREADABLE', cause })
  }
  const path = join(directory, 'records.mdb')
  await assertWhole(path)
  const worker = new Worker(WORKER, { workerData: { path }, name: 'reprise-repository', execArgv: [] })
  return new LmdbStore(worker, bytesMax)
}

function failureOf({ code, text }: { readonly code: string; readonly text: string }): RepositoryError {
  if (code === 'ERR_MODULE_NOT_FOUND') {
    return new RepositoryError(
      'a repository with a directory needs the package lmdb beside @reprise/node: npm install lmdb',
      { code: 'REPOSITORY_UNAVAILABLE' },
    )
  }
  return new RepositoryError(text, { code: NO_ROOM.has(code) ? 'REPOSITORY_FULL' : 'REPOSITORY_UNREADABLE' })
}

function bucketKey(bucket: number): Uint8Array {
  return Uint8Array.of(bucket >>> 8, bucket & 0xff)
}

function encodeKey(bucket: number, key: SessionKey): Uint8Array {
  return Buffer.concat([bucketKey(bucket), Buffer.from(key, 'utf8')])
}

function decodeKey(bytes: Uint8Array): SessionKey {
  return Buffer.from(bytes.buffer, bytes.byteOffset + 2, bytes.length - 2).toString('utf8') as SessionKey
}

/** `.ts` in a clone and `.js` as published. */
const WORKER = new URL(`./lmdb-worker${extname(import.meta.url)}`, import.meta.url)
const HEADER_KEY: Uint8Array = bucketKey(BUCKET_COUNT)
const END_KEY: Uint8Array = bucketKey(0xffff)
/** As the system names it, and as LMDB numbers it. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', '28'])
