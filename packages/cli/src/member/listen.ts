/** Listening on loopback, at the port a server had before if it is still free. */
import type { Server } from 'node:net'

/**
 * Listen on 127.0.0.1. When the port is taken, on any other.
 * @returns the port.
 */
export async function listenOnLoopback(server: Server, port: number): Promise<number> {
  try {
    return await listen(server, port)
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (!isTaken || port === 0) throw error
    return await listen(server, 0)
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}
