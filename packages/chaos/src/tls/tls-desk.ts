/**
 * The TLS server of a member under test: it asks clients for their certificates, resumes sessions across the cluster, and tells each client
 * where its session came from and whom it takes the client for.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { SessionSource } from '@reprise/core'
import { type ClusterResumption, resumeAcrossCluster } from '@reprise/tls'
import { GOODBYE_MS } from '../constants.ts'
import type { Lifetimes } from './held-session.ts'
import type { Identity } from './identities.ts'

/** What a member serves TLS with: data that can be sent to its process. */
export interface TlsServing extends Lifetimes, Identity {
  /** The address it listens on. */
  readonly host: string
  /** Of the authority that clients' certificates are from, in PEM. */
  readonly ca: string
  /** How long a handshake waits for the cluster. */
  readonly lookupDeadlineMs: number
}

/** What a server tells a client. */
export interface Greeting {
  /** Where the session was; `new` after a full handshake. */
  readonly from: string
  /** The common name of the certificate that came with the session, or with the handshake when that was a full one. */
  readonly client: string
}

export type TlsNode = SessionSource & { readonly isReady: boolean }

export class TlsDesk {
  /** Where it listens. */
  readonly port: number
  readonly #server: Server
  readonly #resumption: ClusterResumption
  readonly #sockets: ReadonlySet<Socket>

  private constructor(server: Server, resumption: ClusterResumption, sockets: ReadonlySet<Socket>) {
    const address = server.address()
    this.port = address !== null && typeof address === 'object' ? address.port : 0
    this.#server = server
    this.#resumption = resumption
    this.#sockets = sockets
  }

  /**
   * Open when the node is ready, as servers do: one that lets clients in before knows nobody whom it could ask for a session.
   * Resolves when it listens. @throws the signal's reason.
   */
  static async open(source: TlsNode, serving: TlsServing, signal: AbortSignal): Promise<TlsDesk> {
    while (!source.isReady) await sleep(READY_LOOK_MS, undefined, { signal })
    const { host, key, cert, ca, lifetimeMs, renewalMs, lookupDeadlineMs } = serving
    const server = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true })
    const lifetimes = { lifetimeMs, renewalMs }
    const resumption = await resumeAcrossCluster(server, source, { context: 'chaos', lookupDeadlineMs, ...lifetimes })
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    server.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => {})
      // Without a reader the end of the client is never seen.
      socket.resume()
      const from = resumption.origin(socket)?.kind ?? 'new'
      const greeting: Greeting = { from, client: socket.getPeerCertificate().subject?.CN?.toString() ?? '' }
      socket.end(JSON.stringify(greeting))
    })
    server.listen(0, host)
    await once(server, 'listening')
    return new TlsDesk(server, resumption, sockets)
  }

  /** Nobody comes in any more, and who is there may leave. Resolves when the sessions made here are with the cluster. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, GOODBYE_MS)
    await closed
    clearTimeout(timer)
    await this.#resumption.close()
  }
}

/** How often it is looked whether the node is ready. */
const READY_LOOK_MS = 20
