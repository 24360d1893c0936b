/**
 * The errors of the stores. Those of the node pass through as they are; this package imports nothing of it when it runs,
 * because as CommonJS it could not.
 */

/** Thrown when the cluster could not say, or not write, in time. Web frameworks answer it with 503 by its `status`. */
export class StoreUnavailableError extends Error {
  readonly code = 'UNAVAILABLE'
  /** What express answers with. */
  readonly status = 503
  /** What fastify answers with. */
  readonly statusCode = 503

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreUnavailableError'
  }
}

/** Thrown by the constructor for an option that can never work, and for one that does not exist. */
export class StoreOptionError extends Error {
  readonly code = 'USAGE'

  constructor(message: string) {
    super(message)
    this.name = 'StoreOptionError'
  }
}

/** The `code` of an error, however it was made. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
