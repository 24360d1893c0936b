/**
 * A member's admin server: plain HTTP on loopback, read only.
 *
 * ```
 *  GET /livez         200 while the process answers
 *  GET /readyz        200 when everything this node shall hold is here, else 503
 *  GET /status        the node, its TLS resumption and its handshakes, as JSON
 *  GET /certificate   the certificate of the HTTPS server, for `curl --cacert`
 * ```
 *
 * A web page from elsewhere must not read it through a name that it lets point to 127.0.0.1 (DNS rebinding), so the Host
 * header must name this machine.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Node } from '@reprise/node'
import type { Certificate } from '../cluster/messages.ts'
import { listenOnLoopback } from './listen.ts'
import type { Terminator } from './terminator.ts'

export interface AdminOptions {
  readonly name: string
  readonly node: Pick<Node, 'isReady' | 'status'>
  readonly terminator: Pick<Terminator, 'handshakes' | 'resumption'>
  readonly certificate: Certificate
  /** The port to try, or 0. */
  readonly port: number
}

export interface Admin {
  readonly port: number
  close(): Promise<void>
}

export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const server = createServer((request, response) => answer(options, request, response))
  const port = await listenOnLoopback(server, options.port)
  return {
    port,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

const LOCAL_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/i

function answer(options: AdminOptions, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('cache-control', 'no-store')
  response.setHeader('x-content-type-options', 'nosniff')
  if (!LOCAL_HOST.test(request.headers.host ?? '')) return sendText(response, 421, 'this server is 127.0.0.1 only\n')
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return sendText(response, 405, 'read only\n')
  }
  const { name, node, terminator, certificate } = options
  switch (request.url?.split('?', 1)[0]) {
    case '/livez':
      return sendText(response, 200, 'ok\n')
    case '/readyz':
      return node.isReady ? sendText(response, 200, 'ok\n') : sendText(response, 503, 'not ready\n')
    case '/status': {
      const status = {
        schemaVersion: 1,
        name,
        pid: process.pid,
        handshakes: terminator.handshakes(),
        resumption: terminator.resumption.stats(),
        node: node.status(),
      }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(`${JSON.stringify(status)}\n`)
      return
    }
    case '/certificate':
      response.writeHead(200, { 'content-type': 'application/x-pem-file' })
      response.end(certificate.certificatePem)
      return
    default:
      return sendText(response, 404, 'try /status, /readyz, /livez or /certificate\n')
  }
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(text)
}
