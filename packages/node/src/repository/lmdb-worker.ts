/**
 * The thread that owns a repository's database: a disk that is slow, or stands still, holds up nobody else.
 *
 * One request at a time, each in one transaction, answered when that is in the file. What is in the file survives the end of
 * the process; LMDB flushes it to the disk behind. This file imports nothing of other packages: a thread has no conditions
 * to resolve that by.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { RootDatabase } from 'lmdb'
import { REPOSITORY_BATCH_RECORDS } from '../constants.ts'
import { bytesAfter, type DatabaseStats, Room } from './lmdb-room.ts'
import type { StoreAnswer, StoreRequest } from './lmdb-store.ts'

const { path } = workerData as { readonly path: string }

async function open(): Promise<RootDatabase<Buffer, Buffer>> {
  const { open: openDatabase } = await import('lmdb')
  // It is mapped, and a page of it without room on the disk ends the process at the first touch.
  new Room(`${path}-lock`).reach(LOCK_BYTES)
  return openDatabase<Buffer, Buffer>({ path, noSubdir: true, encoding: 'binary', keyEncoding: 'binary' })
}

function handle(database: RootDatabase<Buffer, Buffer>, request: StoreRequest): StoreAnswer['found'] {
  switch (request.type) {
    case 'write':
      makeRoom(database, request)
      database.transactionSync(() => {
        for (const key of request.deletes) database.removeSync(Buffer.from(key))
        for (const [key, value] of request.puts) database.putSync(Buffer.from(key), Buffer.from(value))
      })
      // Free pages at the end need not have been written. A file that is as long as it says is known to be whole (`lmdb-file.ts`).
      room.reach(bytesAfter(statsOf(database), []))
      return []
    case 'read': {
      const range = database.getRange({ start: Buffer.from(request.start), end: Buffer.from(request.end) })
      return Array.from(range, ({ key, value }) => [Uint8Array.from(key), Uint8Array.from(value)] as const)
    }
    case 'close':
      return []
  }
}

/** What only ends things may use what is left for it: that is how room is made when there is none. */
function makeRoom(
  database: RootDatabase<Buffer, Buffer>,
  { puts, deletes, isSmaller }: StoreRequest & { readonly type: 'write' },
): void {
  const transaction = { putBytes: puts.map(([, value]) => value.length), deletes: deletes.length }
  room.reach(bytesAfter(statsOf(database), isSmaller ? [transaction] : [transaction, ENDINGS]))
}

function statsOf(database: RootDatabase<Buffer, Buffer>): DatabaseStats {
  return database.getStats() as DatabaseStats
}

function sizeOf(database: RootDatabase<Buffer, Buffer>): Pick<StoreAnswer, 'records' | 'bytes'> {
  const stats = database.getStats() as Record<'entryCount' | 'pageSize' | PageCount, number>
  const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
  return { records: stats.entryCount, bytes: pages * stats.pageSize }
}

type PageCount = 'treeBranchPageCount' | 'treeLeafPageCount' | 'overflowPages'

const room = new Room(path)
/** The largest batch of them. */
const ENDINGS = { putBytes: [], deletes: REPOSITORY_BATCH_RECORDS }
/** Twice what LMDB makes it. */
const LOCK_BYTES = 16 * 1024

const database = open()
// Whoever asks is told.
database.catch(() => {})
let turn: Promise<void> = Promise.resolve()

parentPort?.on('message', (request: StoreRequest) => {
  turn = turn.then(() => answer(request))
})

async function answer(request: StoreRequest): Promise<void> {
  const { id } = request
  try {
    const opened = await database
    const found = handle(opened, request)
    const size = sizeOf(opened)
    if (request.type === 'close') await opened.close()
    parentPort?.postMessage({ id, found, ...size } satisfies StoreAnswer)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    parentPort?.postMessage({ id, found: [], records: 0, bytes: 0, failure: { code, text: String(error) } })
  }
  if (request.type === 'close') parentPort?.close()
}
