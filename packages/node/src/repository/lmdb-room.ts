/**
 * Room in the files of LMDB, made before LMDB needs it.
 *
 * LMDB does not always live through a full disk: a write that fails was seen to corrupt its memory, and a page of a map that
 * the disk has no room for ends the process. So its files are made longer here, with zeros that the disk must have room for,
 * and LMDB writes where they are long enough already. What fails for want of room fails here. It may still fail there, on file
 * systems that write each change to a new place, and in a copy of the file that was made with the zeros left out.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'

/** What LMDB says of a database. */
export interface DatabaseStats {
  readonly pageSize: number
  readonly lastPageNumber: number
  readonly treeDepth: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
}

/** A transaction, as far as its room goes. */
export interface Transaction {
  /** Bytes of each value that is put. */
  readonly putBytes: readonly number[]
  readonly deletes: number
}

/** A file and how long it is known to be. */
export class Room {
  readonly #path: string
  #bytes = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Make the file at least so long. @throws with the system's code, `ENOSPC` for one; then it is as long as it could be made. */
  reach(bytes: number): void {
    if (bytes <= this.#bytes) return
    const file = openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600)
    try {
      this.#bytes = fstatSync(file).size
      while (this.#bytes < bytes) {
        const length = Math.min(ZEROS.length, bytes - this.#bytes)
        this.#bytes += writeSync(file, ZEROS, 0, length, this.#bytes)
      }
    } finally {
      closeSync(file)
    }
  }
}

/** How long the file may be after the transaction, in bytes: an upper bound. LMDB takes pages that became free first. */
export function bytesAfter(stats: DatabaseStats, transactions: readonly Transaction[]): number {
  const pages = transactions.reduce((sum, transaction) => sum + pagesOf(stats, transaction), stats.lastPageNumber + 1)
  return pages * stats.pageSize
}

function pagesOf(stats: DatabaseStats, { putBytes, deletes }: Transaction): number {
  const { pageSize, treeDepth, treeBranchPageCount, treeLeafPageCount } = stats
  const operations = putBytes.length + deletes
  // Each page on the way to a leaf is copied once, and its neighbour if it is joined with that.
  const copied = Math.min(2 * operations * treeDepth, treeBranchPageCount + treeLeafPageCount)
  // A leaf that is split, and now and then a branch above it; values that fit into no leaf have pages of their own.
  const added =
    2 * putBytes.length + putBytes.reduce((sum, bytes) => sum + Math.ceil((bytes + PAGE_HEADER_BYTES) / pageSize), 0)
  const pages = copied + added + treeDepth + 1
  // The numbers of the pages that became free are kept in a tree of its own.
  return pages + FREE_TREE_PAGES + 2 * Math.ceil((pages * PAGE_NUMBER_BYTES) / pageSize)
}

/** Written at a time, where most transactions need less. */
const ZEROS = new Uint8Array(256 * 1024)
/** As LMDB has them. */
const PAGE_HEADER_BYTES = 24
const PAGE_NUMBER_BYTES = 8
/** The ways to what is read and written of that tree: two, each no deeper than eight, which would hold more pages than a file. */
const FREE_TREE_PAGES = 16
