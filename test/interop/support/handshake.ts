/** A TLS client that makes one handshake at a time, and says how it went. */
import { type ConnectionOptions, connect } from 'node:tls'
import { SERVER_NAME } from './certificates.ts'

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

export interface Visit {
  readonly isReused: boolean
  /** To resume with. */
  readonly session: Buffer
  readonly handshakeMs: number
}

export interface VisitOptions {
  readonly port: number
  readonly version: TlsVersion
  readonly ca: string
  readonly client?: { readonly key: string; readonly cert: string }
  readonly session?: Buffer
}

/** Connect, ask for a page, and wait for a session and the end. Rejects when the handshake fails. */
export function visit({ port, version, ca, client, session }: VisitOptions): Promise<Visit> {
  const options: ConnectionOptions = {
    host: '127.0.0.1',
    port,
    ca,
    servername: SERVER_NAME,
    minVersion: version,
    maxVersion: version,
    ...client,
    ...(session !== undefined && { session }),
  }
  return new Promise((resolve, reject) => {
    const startedMs = performance.now()
    const socket = connect(options)
    let handshakeMs = 0
    let isReused = false
    let latest: Buffer | undefined
    socket.once('secureConnect', () => {
      handshakeMs = performance.now() - startedMs
      isReused = socket.isSessionReused()
      // With TLS 1.3 the session comes behind the handshake: something has to be read first.
      socket.write('GET / HTTP/1.0\r\n\r\n')
    })
    socket.on('session', (given) => {
      latest = given
    })
    socket.on('error', reject)
    socket.on('close', () => {
      const given = latest ?? session
      if (given === undefined) reject(new Error('there was no session'))
      else resolve({ isReused, session: given, handshakeMs })
    })
    socket.resume()
  })
}
