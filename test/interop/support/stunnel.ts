/** stunnel before a plain server, in the foreground, as docs/stunnel.md has it. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { Pair } from './certificates.ts'
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
  const config = workshop.write(
    `${name}.conf`,
    `foreground = yes
pid =
syslog = no
[shared]
accept = 127.0.0.1:${port}
connect = 127.0.0.1:${backendPort}
cert = ${server.certificate}
key = ${server.key}
sessiond = 127.0.0.1:${sessiondPort}
`,
  )
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
