/**
 * A look at a database file before LMDB maps it. LMDB trusts its file: reading past the end of one that was cut short, or
 * following what is not one of its pages, ends the process with a signal that nobody can catch.
 *
 * ```
 *  page 0 and 1, each 24 bytes of page header, then
 *   0  magic:u32     0xbeefc0de
 *   4  version:u32   2
 *  24  pageSize:u32
 * 120  lastPage:u64
 * 128  transaction:u64      the higher one of both pages counts
 * ```
 *
 * The last pages of a transaction may be free and not written: the thread that writes makes the file as long as it says.
 */
import { Buffer } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import { RepositoryError } from '../errors.ts'

/** @throws RepositoryError when it is no database, or not all of one. A file that is not there is fine. */
export async function assertWhole(path: string): Promise<void> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new RepositoryError(`cannot open ${path}`, { code: 'REPOSITORY_UNREADABLE', cause })
  })
  if (file === undefined) return
  try {
    const { size } = await file.stat()
    const one = await readMeta(file, 0)
    if (one === undefined)
      throw new RepositoryError(`${path} is not a database of LMDB`, { code: 'REPOSITORY_FOREIGN' })
    const two = await readMeta(file, one.pageSize)
    const last = two !== undefined && two.transaction > one.transaction ? two : one
    const wantedBytes = (last.lastPage + 1) * last.pageSize
    if (two === undefined || size < wantedBytes) {
      throw new RepositoryError(`${path} has ${size} bytes of ${wantedBytes}`, { code: 'REPOSITORY_TORN' })
    }
  } finally {
    await file.close()
  }
}

interface Meta {
  readonly pageSize: number
  readonly lastPage: number
  readonly transaction: bigint
}

async function readMeta(file: FileHandle, pageAt: number): Promise<Meta | undefined> {
  const bytes = Buffer.alloc(META_BYTES)
  const { bytesRead } = await file.read(bytes, 0, META_BYTES, pageAt + PAGE_HEADER_BYTES)
  if (bytesRead < META_BYTES || bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt32LE(4) !== VERSION) return undefined
  const pageSize = bytes.readUInt32LE(24)
  if (pageSize < PAGE_BYTES_MIN || pageSize > PAGE_BYTES_MAX) return undefined
  return { pageSize, lastPage: Number(bytes.readBigUInt64LE(120)), transaction: bytes.readBigUInt64LE(128) }
}

const MAGIC = 0xbeefc0de
const VERSION = 2
const PAGE_HEADER_BYTES = 24
const META_BYTES = 136
/** As LMDB has them. */
const PAGE_BYTES_MIN = 256
const PAGE_BYTES_MAX = 65_536
