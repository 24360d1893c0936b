/** TLS servers of the three kinds, and a client that tells whether it was resumed. */

import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import type { SessionSource } from '@reprise/core'
import { type ClusterResumption, type ResumptionOptions, resumeAcrossCluster } from '@reprise/tls'
import { P256 } from './certificates.ts'

export type Kind = 'tls' | 'https' | 'http2'
export const KINDS: readonly Kind[] = ['tls', 'https', 'http2']

/** What the server of a connection knew of it when it became secure. */
export interface Seen {
  readonly socket: TLSSocket
  readonly reused: boolean
  readonly version: string | null
  readonly authorized: boolean
  readonly clientName: string | undefined
  readonly remoteAddress: string | undefined
}

export interface TestServer extends AsyncDisposable {
  readonly server: Server
  readonly port: number
  readonly resumption: ClusterResumption
  /** Connections that became secure, in order. */
  readonly seen: Seen[]
  readonly errors: Error[]
}

/** A plain server of a kind, that says hello. */
export function makeServer(kind: Kind, options: TlsOptions = {}): Server {
  const all = { ...P256, ...options }
  if (kind === 'https') return createHttpsServer(all, (_request, response) => response.end('hello'))
  if (kind === 'http2') {
    return createSecureServer({ ...all, allowHTTP1: true }, (_request, response) => response.end('hello'))
  }
  return createServer(all, (socket) => {
    socket.on('error', () => {})
    socket.resume()
    socket.end('hello')
  })
}

/** A server with resumption, listening on the loopback. */
export async function serve(
  source: SessionSource,
  options: {
    readonly kind?: Kind
    readonly server?: Server
    readonly tls?: TlsOptions
    readonly resumption?: Partial<ResumptionOptions>
  } = {},
): Promise<TestServer> {
  const server = options.server ?? makeServer(options.kind ?? 'tls', options.tls)
  const patient = { lookupDeadlineMs: 10_000 } // A busy machine must not make a full handshake of a resumed one.
  const resumption = await resumeAcrossCluster(server, source, { context: 'test', ...patient, ...options.resumption })
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const seen: Seen[] = []
  const errors: Error[] = []
  server.on('secureConnection', (socket: TLSSocket) => {
    const { subject } = socket.getPeerCertificate()
    seen.push({
      socket,
      reused: socket.isSessionReused(),
      version: socket.getProtocol(),
      authorized: socket.authorized,
      clientName: subject?.CN as string | undefined,
      remoteAddress: socket.remoteAddress,
    })
  })
  server.on('tlsClientError', (error) => errors.push(error))
  const port = await listen(server)
  const dispose = async (): Promise<void> => {
    await resumption.close()
    for (const socket of sockets) socket.destroy()
    await closeServer(server)
  }
  return { server, port, resumption, seen, errors, [Symbol.asyncDispose]: dispose }
}

export async function listen(server: NetServer): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

export async function closeServer(server: NetServer): Promise<void> {
  if (!server.listening) return
  server.close()
  ;(server as { closeAllConnections?: () => void }).closeAllConnections?.()
  await once(server, 'close')
}

/** What a client got. */
export interface Visit {
  readonly reused: boolean
  readonly version: string | null
  /** The newest session; the one it came with when there was no new one. */
  readonly session: Buffer | undefined
  readonly text: string
}

/** Connect, say hello, wait for the answer and for a session, leave. */
export async function visit(port: number, options: ConnectionOptions = {}): Promise<Visit> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'service.test',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...options,
  })
  let session = options.session
  socket.on('session', (fresh) => {
    session = fresh
  })
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  try {
    await once(socket, 'secureConnect')
    const visited = { reused: socket.isSessionReused(), version: socket.getProtocol() }
    socket.write('GET / HTTP/1.1\r\nHost: service.test\r\nConnection: close\r\n\r\n')
    // The server ends after its answer, and what it has to say about sessions comes before that.
    await once(socket, 'end')
    return { ...visited, session, text }
  } finally {
    socket.destroy()
  }
}

/**
 * The session without the server name that newer versions of Node put before it: they would not offer it to another
 * one.
 */
export function unnamed(session: Buffer): Buffer {
  const prefix = Buffer.from('\0nodejs:tls:session:1\0')
  if (!session.subarray(0, prefix.length).equals(prefix)) return session
  return session.subarray(prefix.length + 2 + session.readUInt16BE(prefix.length))
}

/** Options of a client that speaks only this version. */
export const only = (version: 'TLSv1.2' | 'TLSv1.3'): ConnectionOptions => ({
  minVersion: version,
  maxVersion: version,
})

/** Wait until something holds; the test's own time limit is the deadline. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}
