/** What can go wrong at this edge besides the caller's mistakes, which are `UsageError`s of `@reprise/core`. */

import { RepriseError } from '@reprise/core'

/**
 * Thrown when this version of Node.js has changed what resumption relies on (see `server-internals.ts`): the server was
 * left as it was, and serves without resumption. Tell us the version.
 */
export class UnsupportedNodeError extends RepriseError {
  /** What was looked for and not found. */
  readonly missing: string

  constructor(missing: string) {
    super('UNSUPPORTED_NODE', `Node.js ${process.version} has no ${missing}, which TLS resumption needs`)
    this.missing = missing
  }
}

/** Why a connection was refused before its ClientHello. */
export type ProxyProtocolFailure = 'PROXY_SOURCE' | 'PROXY_HEADER' | 'PROXY_TIMEOUT' | 'PROXY_LIMIT'

/**
 * Emitted with `'tlsClientError'` when `proxyProtocol: 'require'` refuses a connection, which is then destroyed.
 *
 * - `PROXY_SOURCE`: the sender is not in `proxyFrom`.
 * - `PROXY_HEADER`: it sent something else than a valid header.
 * - `PROXY_TIMEOUT`: the header did not come in time.
 * - `PROXY_LIMIT`: too many connections wait for theirs.
 */
export class ProxyProtocolError extends RepriseError {
  /** The address that the connection came from; undefined for a unix socket. */
  readonly remoteAddress: string | undefined

  constructor(code: ProxyProtocolFailure, message: string, remoteAddress: string | undefined) {
    super(code, message)
    this.remoteAddress = remoteAddress
  }
}

/** Thrown when keys would be rotated although servers may not have those of the last rotation yet. */
export class RotationTooSoonError extends RepriseError {
  /** Milliseconds to wait. */
  readonly waitMs: number

  constructor(waitMs: number) {
    super('ROTATION_TOO_SOON', `the keys were rotated a moment ago; wait ${Math.ceil(waitMs / 1_000)} s`)
    this.waitMs = waitMs
  }
}
