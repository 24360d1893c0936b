/**
 * The HTTPS server in front of a node: TLS 1.2 and 1.3, whose sessions resume at every member, and a few routes that show
 * what else continues.
 *
 * Every response says in its headers who served, whether the TLS session was resumed, and where it came from.
 */
import { createServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { type Node, purchase } from '@reprise/node'
import { type ClusterResumption, resumeAcrossCluster } from '@reprise/tls'
import { CONFIRM_DEADLINE_MS, LOOKUP_DEADLINE_MS, TLS_SESSION_LIFETIME_MS } from '../cluster/constants.ts'
import type { Certificate, Confirm, MemberCounters } from '../cluster/messages.ts'
import { getBasket, itemsOf, postItem } from './basket.ts'
import { downloadSha256, getDownload } from './download.ts'
import { accepts, type Exchange, factsHeaders, factsOf, sendJson, sendProblem, sendUnknown } from './exchange.ts'
import { listenOnLoopback } from './listen.ts'
import { PAGE_HEADERS, pageHtml, pageJson, pageText } from './page.ts'
import { headUpload, putUpload } from './upload.ts'
import { WebSessions } from './web-session.ts'

export interface TerminatorOptions {
  readonly name: string
  readonly node: Pick<Node, 'nodeId' | 'create' | 'resume' | 'aliveMembers' | 'status'>
  readonly certificate: Certificate
  readonly confirm: Confirm
  /** The port to try, or 0. */
  readonly port: number
}

export interface Terminator {
  readonly port: number
  readonly resumption: ClusterResumption
  /** TLS handshakes since the start, by where the session came from. */
  handshakes(): MemberCounters['handshakes']
  /** Ends all connections. */
  close(): Promise<void>
}

const ROUTES: ReadonlyMap<string, (exchange: Exchange) => Promise<void>> = new Map([
  ['GET /', getPage],
  ['GET /basket', getBasket],
  ['POST /basket/items', postItem],
  ['GET /download', getDownload],
  ['HEAD /download', getDownload],
  ['HEAD /upload', headUpload],
  ['PUT /upload', putUpload],
])

export async function startTerminator(options: TerminatorOptions): Promise<Terminator> {
  const { name, node, certificate, confirm, port } = options
  const server = createServer({
    key: certificate.privateKeyPem,
    cert: certificate.certificatePem,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
  })
  const resumption = await resumeAcrossCluster(server, node, {
    context: 'reprise-demo',
    confirm,
    confirmDeadlineMs: CONFIRM_DEADLINE_MS,
    lookupDeadlineMs: LOOKUP_DEADLINE_MS,
    lifetimeMs: TLS_SESSION_LIFETIME_MS,
  })

  const handshakes = { full: 0, local: 0, peers: 0 }
  server.on('secureConnection', (socket) => {
    const origin = resumption.origin(socket)
    if (origin?.reused !== true) handshakes.full += 1
    else handshakes[origin.kind === 'peers' ? 'peers' : 'local'] += 1
  })

  const sessions = new WebSessions(node)
  const nameOf = (peerId: string): string =>
    node.status().members.find(({ nodeId }) => nodeId === peerId)?.name ?? peerId.slice(-8)
  server.on('request', (request, response) => {
    const socket = request.socket as TLSSocket
    const facts = factsOf(resumption.origin(socket), { node: name, tls: socket.getProtocol(), nameOf })
    for (const [header, value] of Object.entries(factsHeaders(facts))) response.setHeader(header, value)
    void serve({ request, response, facts, sessions })
  })
  // Made while nobody waits for it.
  await downloadSha256()
  const listeningPort = await listenOnLoopback(server, port)
  return {
    port: listeningPort,
    resumption,
    handshakes: () => ({ ...handshakes }),
    close: async () => {
      await resumption.close()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function serve(exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  const path = request.url?.split('?', 1)[0] ?? '/'
  const route = ROUTES.get(`${request.method} ${path}`)
  if (route === undefined) return sendProblem(exchange, 404, `there is no ${request.method} ${path}`)
  try {
    await route(exchange)
  } catch (error) {
    // The write may not have reached another node: it was not acknowledged, and the client knows.
    if (response.headersSent) response.destroy()
    else sendProblem(exchange, 503, error instanceof Error ? error.message : String(error))
  }
}

async function getPage(exchange: Exchange): Promise<void> {
  const { request, response, sessions, facts } = exchange
  const found = await sessions.find(request.headers.cookie, purchase)
  if (found === 'unknown') return sendUnknown(exchange)
  const items = itemsOf(found?.session.get(purchase))
  response.setHeader('vary', 'accept')
  if (accepts(exchange, 'application/json')) return sendJson(exchange, 200, pageJson(facts, items))
  if (accepts(exchange, 'text/html')) {
    // So that loading it again is a new handshake, which is what the page shows.
    response.setHeader('connection', 'close')
    response.writeHead(200, PAGE_HEADERS)
    response.end(pageHtml(facts, items))
    return
  }
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
  response.end(pageText(facts, items))
}
