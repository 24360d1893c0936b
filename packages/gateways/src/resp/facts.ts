/** What all connections of a gateway share, and what `INFO`, `HELLO` and `CONFIG GET` tell of it. */
import type { Logger } from '@reprise/node'
import type { Credentials } from '../credentials.ts'

/** Counted since the gateway began. */
export interface Counters {
  connections: number
  /** Connected now. */
  clients: number
  commands: number
  errors: number
  hits: number
  misses: number
  inputBytes: number
  outputBytes: number
}

export interface Facts {
  /** What clients must show; undefined: nothing. */
  readonly credentials: Credentials | undefined
  readonly counters: Counters
  /** Forty hexadecimal digits, new at each start. */
  readonly runId: string
  readonly startedAtUnixMs: number
  /** Longest argument, in bytes. */
  readonly argumentBytesMax: number
  /** Connections at once. */
  readonly clientsMax: number
  readonly logger: Logger | undefined
  /** The clock that absolute times are of. */
  nowUnixMs(): number
}

export function emptyCounters(): Counters {
  return { connections: 0, clients: 0, commands: 0, errors: 0, hits: 0, misses: 0, inputBytes: 0, outputBytes: 0 }
}

/** Who a client is that need not say so. */
export const DEFAULT_USER = 'default'
/** The version of Redis whose answers these are: clients choose by it what they ask for. */
export const REDIS_VERSION = '7.0.15'
