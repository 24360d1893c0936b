/** The errors that a node adds to those of the core. */
import { RepriseError } from '@reprise/core'

/**
 * Why a value is not a typed portion's.
 *
 * - `PORTION_INVALID`: it has not the portion's shape. On `set` the caller's mistake, on `get` the writer's.
 * - `PORTION_MALFORMED`: the bytes are no encoding of anything.
 * - `PORTION_VERSION`: a newer program wrote it, or an older one and the portion has no `upgrade` for that.
 */
export type PortionFailure = 'PORTION_INVALID' | 'PORTION_MALFORMED' | 'PORTION_VERSION'

/** Where and how a value differs from what a portion expects. */
export interface PortionMismatch {
  /** From the portion's name on, such as `purchase.items[2].quantity`. */
  readonly path: string
  readonly expected: string
  /** What is there, by kind, length or number; texts and bytes are never shown. */
  readonly got: string
}

/**
 * Thrown when a value does not fit a typed portion: by `set` before anything of it is kept or sent, by `get` when another
 * program wrote something else. The session and its other portions can be used all the same.
 */
export class PortionError extends RepriseError implements PortionMismatch {
  declare readonly code: PortionFailure
  readonly portion: string
  readonly path: string
  readonly expected: string
  readonly got: string

  constructor(code: PortionFailure, portion: string, mismatch: PortionMismatch, options?: ErrorOptions) {
    const { path, expected, got } = mismatch
    super(code, `${path}: expected ${expected}, got ${got}`, options)
    this.portion = portion
    this.path = path
    this.expected = expected
    this.got = got
  }
}

/**
 * Why a repository cannot use its directory.
 *
 * - `REPOSITORY_TORN`: the file is not whole, or a record in it is not what was written. Restore it, or remove it.
 * - `REPOSITORY_FOREIGN`: the file is something else, or another node's or cluster's.
 * - `REPOSITORY_FULL`: no room on the disk, or in `repository.bytesMax`. A running repository goes on in memory.
 * - `REPOSITORY_UNREADABLE`: the directory cannot be used, or the disk failed.
 * - `REPOSITORY_UNAVAILABLE`: the package `lmdb` is not installed.
 */
export type RepositoryFailure =
  | 'REPOSITORY_TORN'
  | 'REPOSITORY_FOREIGN'
  | 'REPOSITORY_FULL'
  | 'REPOSITORY_UNREADABLE'
  | 'REPOSITORY_UNAVAILABLE'

/** Thrown by `createNode` when a repository cannot start from its directory, of which nothing was used then. */
export class RepositoryError extends RepriseError {
  declare readonly code: RepositoryFailure

  constructor(message: string, { code, ...options }: ErrorOptions & { readonly code: RepositoryFailure }) {
    super(code, message, options)
  }
}
