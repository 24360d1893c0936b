/** The words in which a memcached server says no. */
import { RepriseError } from '@reprise/core'
import type { GatewayFailure } from '../errors.ts'
import { GatewayError } from '../errors.ts'

/** Thrown by commands for what is wrong with a request; the message is the answer. */
export class MemcachedRefusal extends RepriseError {
  constructor(answer: string, options?: ErrorOptions) {
    super('MEMCACHED_REFUSAL', answer, options)
  }
}

export const BAD_FORMAT = 'CLIENT_ERROR bad command line format'
export const TOO_LARGE = 'SERVER_ERROR object too large for cache'

const ANSWERS: Readonly<Record<GatewayFailure, string>> = {
  KEY_INVALID: BAD_FORMAT,
  KEY_REFUSED: 'SERVER_ERROR keys with this prefix are not served',
  VALUE_TOO_LARGE: TOO_LARGE,
  STORE_UNAVAILABLE: 'SERVER_ERROR out of memory storing object',
}

/** What to answer for an error; undefined: it is nobody's expectation. */
export function answerFor(error: unknown): string | undefined {
  if (error instanceof MemcachedRefusal) return error.message
  return error instanceof GatewayError ? ANSWERS[error.code] : undefined
}
