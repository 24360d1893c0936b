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
