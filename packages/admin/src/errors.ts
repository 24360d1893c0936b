/**
 * What goes wrong with a request, as HTTP says it: a status, a stable code, what happened, and what to do next.
 *
 * The texts of errors that come from elsewhere are not passed on unless they are known to hold no id and no value; the answer to
 * a request may end up in a log.
 */
import { CopiesError, LimitError, RepriseError, SealError, UsageError } from '@reprise/core'

/** Thrown when a request cannot be answered as it was meant. It becomes the answer. */
export class RequestError extends RepriseError {
  readonly status: number
  /** What whoever asked can do about it. */
  readonly next: string

  constructor(status: number, code: string, message: string, next: string, options?: ErrorOptions) {
    super(code, message, options)
    this.status = status
    this.next = next
  }

  toJSON(): { readonly schemaVersion: 1; readonly error: { code: string; message: string; next: string } } {
    return { schemaVersion: 1, error: { code: this.code, message: this.message, next: this.next } }
  }
}

/** The answer to a request that failed with this error. */
export function toRequestError(cause: unknown): RequestError {
  if (cause instanceof RequestError) return cause
  const known = describe(cause)
  if (known === undefined)
    return new RequestError(500, 'INTERNAL', 'the request failed here', 'see the log of this node')
  const [status, message, next] = known
  return new RequestError(status, codeOf(cause), message, next, { cause })
}

type Description = readonly [status: number, message: string, next: string]

function describe(error: unknown): Description | undefined {
  if (error instanceof UsageError) return [400, error.message, 'correct the request']
  if (error instanceof LimitError) return [413, error.message, 'see the table of limits']
  if (error instanceof CopiesError) return [COPIES_STATUS[error.code] ?? 503, error.message, COPIES_NEXT]
  if (error instanceof SealError) return [500, 'a sealed value could not be opened', 'give this node the sealing keys']
  return BY_CODE[codeOf(error)]
}

function codeOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'TIMEOUT'
  return error instanceof RepriseError ? error.code : ''
}

/** By code, in words for whoever asks over HTTP. */
const BY_CODE: Readonly<Record<string, Description>> = {
  ALREADY_EXISTS: [409, 'a session with this id is alive', 'change it without `create`, or drop it first'],
  DROPPED: [404, 'the session was dropped', 'create a new one'],
  EXPIRED: [404, 'the session reached its deadline', 'create a new one'],
  UNAVAILABLE: [503, 'the members that know of the session did not answer', 'try again, or see /check'],
  STOPPED: [503, 'the node is stopped', 'ask another node'],
  TIMEOUT: [504, 'there was no answer in time', 'try again with a longer deadlineMs'],
}

const COPIES_STATUS: Readonly<Record<string, number>> = { TIMEOUT: 504, SUPERSEDED: 409, DROPPED: 409 }
const COPIES_NEXT = 'the write may survive: look at the session; /check tells which copies are missing'
