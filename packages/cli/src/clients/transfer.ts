/**
 * Transfers that do not mind losing their server: a client that breaks off goes to the next one and continues there.
 *
 * What the two directions share is the walk: the servers in turn, a TLS session that is offered to each, and the list of
 * parts that came from where.
 */
import { RETRY_PAUSE_MS } from './constants.ts'
import { type Connection, type ConnectOptions, connect, type Target } from './tls-client.ts'

export interface TransferOptions extends Omit<ConnectOptions, 'target' | 'session'> {
  /** Servers to try, the first one first. */
  readonly targets: readonly Target[]
  /** Told whenever bytes came or went. */
  readonly onProgress: (progress: Progress) => void
}

export interface Progress {
  /** Bytes that are done, of `size`. */
  readonly bytes: number
  readonly size: number
  /** Who serves, and from which byte on. */
  readonly node: string
  readonly start: number
}

/** One stretch of a transfer: bytes from `start` to before `end`, over one connection. */
export interface Part {
  readonly node: string
  readonly start: number
  readonly end: number
  /** The TLS session of the part before was resumed. */
  readonly reused: boolean
  /** What the server knew of the transfer when it took over; empty when it said nothing. */
  readonly known: string
}

/**
 * Connect to one server after the other, and let `work` use each connection, until it says that all is done. An error of the
 * work, or of a connection, leads to the next server.
 */
export async function walkServers(
  { targets, signal, ...options }: TransferOptions,
  work: (connection: Connection, target: Target) => Promise<'done' | 'broken'>,
): Promise<void> {
  let session: Buffer | undefined
  for (let index = 0; ; index = (index + 1) % targets.length) {
    signal.throwIfAborted()
    const target = targets[index]!
    try {
      using connection = await connect({ ...options, target, session, signal })
      try {
        if ((await work(connection, target)) === 'done') return
      } finally {
        session = connection.session() ?? session
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof TransferError) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS))
    }
  }
}

/** Thrown when a server answered, and what it said cannot be right: then going on would hide it. */
export class TransferError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TransferError'
  }
}
