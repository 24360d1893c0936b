/** One visit of a TLS client: connect, offer the session that it has, read what the server says, and leave. */
import { once } from 'node:events'
import { type ConnectionOptions, connect } from 'node:tls'

export interface Visit {
  /** From the connect to the first byte of the server, in milliseconds; NaN when it never spoke. */
  readonly ms: number
  /** What the server said; empty when it never spoke. */
  readonly answer: string
  /** The client's own view: the handshake was a short one. */
  readonly isResumed: boolean
  /** The newest session that the server gave; undefined when it gave none, as TLS 1.2 does when it resumes. */
  readonly session: Buffer | undefined
}

/**
 * @param options where it goes to and who comes, as `tls.connect` has it.
 * @param signal gives up; default: it waits.
 * @throws what breaks the connection before its orderly end, or the signal's reason.
 */
export async function visit(options: ConnectionOptions, signal?: AbortSignal): Promise<Visit> {
  const startedMs = performance.now()
  const socket = connect(options)
  let ms = Number.NaN
  let answer = ''
  let session: Buffer | undefined
  socket.on('session', (given) => {
    session = given
  })
  socket.on('data', (chunk) => {
    if (answer === '') ms = performance.now() - startedMs
    answer += chunk
  })
  // A server that is killed may end the connection first and break it then; who never spoke was not there.
  socket.on('error', () => {})
  try {
    await once(socket, 'end', signal === undefined ? {} : { signal })
    return { ms, answer, isResumed: socket.isSessionReused(), session }
  } finally {
    socket.destroy()
  }
}
