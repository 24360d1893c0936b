/** A member with TLS servers, for the benches of handshakes. A server says where the session came from, and ends. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { createNode, type Node, type NodeOptions } from '@reprise/node'
import { type ClusterResumption, resumeAcrossCluster } from '@reprise/tls'
import { CLIENT_CA_A, P256, RSA } from '../../packages/tls/test/support/certificates.ts'
import { serve } from './child.ts'

export type TlsCommands = typeof commands

export interface TlsServerOptions {
  readonly key: 'RSA-2048' | 'P-256' | 'RSA-2048 mutual'
  readonly version: 'TLSv1.2' | 'TLSv1.3'
  /** `bare`: a server as Node makes it, with tickets of its own. */
  readonly mode: 'bare' | 'stateful' | 'tickets'
  readonly confirm?: 'queued' | 'copies'
  /** Of lookups and confirmations; default: what resumption has itself. */
  readonly deadlineMs?: number
}

let node: Node
const running: { readonly server: Server; readonly resumption: ClusterResumption | undefined }[] = []

const commands = {
  start: async (options: NodeOptions): Promise<{ nodeId: string; addresses: readonly string[] }> => {
    node = await createNode(options)
    return { nodeId: node.nodeId, addresses: node.addresses }
  },
  whenReady: (members: number): Promise<void> => node.whenReady({ members }),

  /** Start a server. @returns its port on the loopback. */
  listen: async ({ key, version, mode, confirm = 'queued', deadlineMs }: TlsServerOptions): Promise<number> => {
    const clients = key === 'RSA-2048 mutual' ? { requestCert: true, ca: [CLIENT_CA_A] } : {}
    const own = key === 'P-256' ? P256 : RSA
    const server = createServer({ ...own, ...clients, minVersion: version, maxVersion: version })
    const context = `${key} ${version} ${mode} ${confirm}`
    const deadlines = deadlineMs === undefined ? {} : { lookupDeadlineMs: deadlineMs, confirmDeadlineMs: deadlineMs }
    const options = { context, confirm, ...deadlines }
    const resumption = mode === 'bare' ? undefined : await resumeAcrossCluster(server, node, { ...options, mode })
    server.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => {})
      // Without a reader the end of the client is never seen.
      socket.resume()
      socket.end(describe(socket, resumption))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    running.push({ server, resumption })
    return (server.address() as AddressInfo).port
  },

  /** Ticket mode: whether the key is here. */
  ticketKeyIds: (): readonly string[] =>
    running.flatMap(
      ({ resumption }) =>
        resumption
          ?.ticketKeys()
          .slice(0, 1)
          .map(({ id }) => id) ?? [],
    ),

  /** Make sealed sessions of a TLS session's size, as resumption makes them. */
  createSealed: async (ids: readonly string[], bytes: number): Promise<void> => {
    for (const id of ids) {
      const session = await node.create(id, { assumeNew: true, idleMs: 300_000, absoluteMs: 300_000 })
      session.set('tls', new Uint8Array(bytes).fill(7), { seal: true })
      await session.commit()
    }
  },

  /** Look sessions up as resumption does, `times` over, and open them. @returns how many were found at `kind`. */
  lookUp: async (ids: readonly string[], times: number, kind: 'local' | 'peers'): Promise<number> => {
    let found = 0
    for (let time = 0; time < times; time++) {
      for (const id of ids) {
        const resumed = await node.resume(id, { portions: ['tls'], consistency: 'any', deadlineMs: 1_000 })
        if (resumed.outcome !== 'complete' || resumed.origin.kind !== kind) continue
        if (resumed.get('tls') instanceof Uint8Array) found++
      }
    }
    return found
  },
}

function describe(socket: TLSSocket, resumption: ClusterResumption | undefined): string {
  if (resumption === undefined) return socket.isSessionReused() ? 'ticket' : 'new'
  return resumption.origin(socket)?.kind ?? 'new'
}

serve(commands, async () => {
  for (const { server, resumption } of running) {
    server.close()
    await resumption?.close()
  }
  await node?.stop()
})
