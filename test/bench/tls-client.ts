/** A client of the benches of handshakes and of the soak. It runs in the bench's own process, so that the servers' CPU is theirs alone. */
import type { SecureVersion } from 'node:tls'
import { visit as visitServer } from '../../packages/chaos/src/tls/visit.ts'
import { CLIENT_A } from '../../packages/tls/test/support/certificates.ts'

/** What one visit came to. */
export interface Visit {
  /** From the connect to the first byte of the server, in milliseconds. */
  readonly ms: number
  /** Where the server had the session from. */
  readonly kind: string
  /** The newest session that the server gave. */
  readonly session: Buffer | undefined
}

/** Where a visit goes to, and who comes. */
export interface Destination {
  readonly port: number
  /** The highest version that the client speaks. */
  readonly version: SecureVersion
  /** Whether it has a certificate. Default false. */
  readonly isMutual?: boolean
  /** Gives up. Default: it waits. */
  readonly signal?: AbortSignal
}

/**
 * Connect, with a session if there is one, read what the server says, and leave.
 * @throws whatever breaks the connection, or the signal's reason.
 */
export async function visit(destination: Destination, session?: Buffer): Promise<Visit> {
  const { port, version, isMutual = false, signal } = destination
  const options = {
    port,
    host: '127.0.0.1',
    servername: 'service.test',
    rejectUnauthorized: false,
    maxVersion: version,
    ...(isMutual ? CLIENT_A : {}),
    ...(session === undefined ? {} : { session }),
  }
  const { ms, answer, session: newest } = await visitServer(options, signal)
  return { ms, kind: answer, session: newest }
}
