/**
 * The thread that owns a repository's database: a disk that is slow, or stands still, holds up nobody else.
 *
 * One request at a time, each in one transaction, answered when that is in the file. What is in the file survives the end of
 * the process; LMDB flushes it to the disk behind. This file imports nothing of the workspace: a thread has no conditions
 * to resolve that by.
 */
import { statSync, truncateSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { RootDatabase } from 'lmdb'
import type { StoreAnswer, StoreRequest } from './lmdb-store.ts'

const { path } = workerData as { readonly path: string }

async function open(): Promise<RootDatabase<Buffer, Buffer>> {
  const { open: openDatabase } = await import('lmdb')
  return openDatabase<Buffer, Buffer>({ path, noSubdir: true, encoding: 'binary', keyEncoding: 'binary' })
}

function handle(database: RootDatabase<Buffer, Buffer>, request: StoreRequest): StoreAnswer['found'] {
  switch (request.type) {
    case 'write':
      database.transactionSync(() => {
        for (const key of request.deletes) database.removeSync(Buffer.from(key))
        for (const [key, value] of request.puts) database.putSync(Buffer.from(key), Buffer.from(value))
      })
      fillUp(database)
      return []
    case 'read': {
      const range = database.getRange({ start: Buffer.from(request.start), end: Buffer.from(request.end) })
      return Array.from(range, ({ key, value }) => [Uint8Array.from(key), Uint8Array.from(value)] as const)
    }
    case 'close':
      return []
  }
}

/** Free pages at the end need not have been written. A file that is as long as it says is known to be whole (`lmdb-file.ts`). */
function fillUp(database: RootDatabase<Buffer, Buffer>): void {
  const { lastPageNumber, pageSize } = database.getStats() as Record<'lastPageNumber' | 'pageSize', number>
  const bytes = (lastPageNumber + 1) * pageSize
  if (statSync(path).size < bytes) truncateSync(path, bytes)
}

function sizeOf(database: RootDatabase<Buffer, Buffer>): Pick<StoreAnswer, 'records' | 'bytes'> {
  const stats = database.getStats() as Record<'entryCount' | 'pageSize' | PageCount, number>
  const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
  return { records: stats.entryCount, bytes: pages * stats.pageSize }
}

type PageCount = 'treeBranchPageCount' | 'treeLeafPageCount' | 'overflowPages'

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
