/**
 * The errors of Reprise.
 *
 * Three kinds of failure are kept apart. A broken invariant is an assertion and ends the process. A caller's mistake is
 * a `UsageError`. Everything a correct program must expect (a full limit, a lost peer, a session that ended) is one of the
 * classes below: each has a stable `code` to switch on and fields that say what happened; messages are for people and
 * may change. No error tells an id or a value of a session, because errors end up in logs and whoever has an id has the session.
 */

/** The base of every error that Reprise throws on purpose. Switch on `code`, never on the message. */
export class RepriseError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** Thrown when the caller passes something that can never work: a bad option, an id that is too long, a wrong type. */
export class UsageError extends RepriseError {
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE', message, options)
  }
}

/** Thrown when a named limit is reached. Nothing was changed; the message says which limit and what to do. */
export class LimitError extends RepriseError {
  /** The limit's name, as in the table of limits. */
  readonly limit: string
  readonly actual: number
  readonly max: number

  constructor(limit: string, actual: number, max: number, advice: string) {
    super('LIMIT', `${limit}: ${actual} is over the limit of ${max}; ${advice}`)
    this.limit = limit
    this.actual = actual
    this.max = max
  }
}

/** Thrown when a session is created although one with that id lives in the cluster. */
export class AlreadyExistsError extends RepriseError {
  constructor() {
    super('ALREADY_EXISTS', 'a session with that id is alive; resume it, or drop it first')
  }
}

/** Thrown when a session that was dropped is written to. Dropping is for ever; create a new session instead. */
export class DroppedError extends RepriseError {
  constructor() {
    super('DROPPED', 'the session was dropped; what is written to it now is refused')
  }
}

/** Thrown when a session is written to after its idle or absolute deadline. */
export class ExpiredError extends RepriseError {
  constructor() {
    super('EXPIRED', 'the session reached its idle or absolute deadline; create a new one')
  }
}

/** Thrown when a decision needs an answer of the cluster that did not come in time. Trying again later may succeed. */
export class UnavailableError extends RepriseError {
  /** The members that were asked and did not answer in time. */
  readonly silent: readonly string[]

  constructor(message: string, silent: readonly string[]) {
    super('UNAVAILABLE', message)
    this.silent = silent
  }
}

/** Why a commit did not reach the copies that were asked for. */
export type CopiesFailure = 'NOT_ENOUGH_HOLDERS' | 'TIMEOUT' | 'SUPERSEDED' | 'DROPPED' | 'EVICTED'

/**
 * Thrown when `commit({ copies })` cannot confirm that many copies.
 *
 * - `NOT_ENOUGH_HOLDERS`: fewer reachable holders than copies asked for; known at once. The write is queued nevertheless.
 * - `TIMEOUT`: not acknowledged in time or aborted. The outcome is unknown: the write may survive.
 * - `SUPERSEDED`, `DROPPED`: another primary's newer write, or a drop, beat this one at a holder.
 * - `EVICTED`: the session left this node's cache before it was acknowledged, for want of memory.
 */
export class CopiesError extends RepriseError {
  readonly asked: number
  /** The holders that confirmed. */
  readonly confirmed: readonly string[]
  /** The holders that did not. */
  readonly silent: readonly string[]

  constructor(code: CopiesFailure, detail: { asked: number; confirmed: readonly string[]; silent: readonly string[] }) {
    const who = detail.silent.length > 0 ? `; not confirmed by ${detail.silent.join(', ')}` : ''
    super(code, `${detail.confirmed.length} of ${detail.asked} copies confirmed (${code})${who}`)
    this.asked = detail.asked
    this.confirmed = detail.confirmed
    this.silent = detail.silent
  }
}

/** Thrown when bytes from a peer or a file do not decode. The bytes are dropped; nothing of them was used. */
export class WireError extends RepriseError {
  constructor(message: string, options?: ErrorOptions) {
    super('WIRE', message, options)
  }
}

/** Thrown when a sealed value cannot be opened: unknown key, wrong place, or changed bytes. The value is never served. */
export class SealError extends RepriseError {
  constructor(message: string, options?: ErrorOptions) {
    super('SEAL', message, options)
  }
}

/** Thrown by calls that reach a node which is stopping or stopped. */
export class StoppedError extends RepriseError {
  constructor(what = 'the node') {
    super('STOPPED', `${what} is stopped; start a new one`)
  }
}
