/** stunnel before a plain server, in the foreground, as `examples/stunnel` configures it. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { Pair } from './certificates.ts'
import { exampleFile } from './example.ts'
import { freePort, listening, output, type Workshop } from './workshop.ts'

export interface StunnelOptions {
  readonly name: string
  readonly server: Pair
  readonly sessiondPort: number
  readonly backendPort: number
}

/** Resolves when it takes connections. @returns its port. */
export async function startStunnel(workshop: Workshop, options: StunnelOptions): Promise<number> {
  const { name, server, sessiondPort, backendPort } = options
  const port = await freePort()
  const values = {
    PORT: port,
    BACKEND_PORT: backendPort,
    SESSIOND_PORT: sessiondPort,
    CERTIFICATE: server.certificate,
    KEY: server.key,
  }
  const config = workshop.write(`${name}.conf`, exampleFile('stunnel/stunnel.conf', values))
  const stunnel = workshop.spawn('stunnel4', [config])
  await listening(port, stunnel, output(stunnel))
  return port
}

/** Answers whatever is asked, and closes. */
export async function startBackend(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nhello'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
