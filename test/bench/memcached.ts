/** A memcached server of our own. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { type SocketServer, startSocketServer } from './socket-server.ts'

export interface MemcachedServer extends SocketServer {
  /** CPU that it has used, user and system, in microseconds, as it says itself. */
  cpuUs(): Promise<number>
}

/** Start it as it comes, with four threads. Undefined, with one line said, when `memcached` is not installed. */
export async function startMemcached(signal: AbortSignal): Promise<MemcachedServer | undefined> {
  // As root it wants to be told who to be.
  const user = process.getuid?.() === 0 ? ['-u', 'root'] : []
  const server = await startSocketServer('memcached', (socketPath) => ['-s', socketPath, ...user], signal)
  return server && { ...server, cpuUs: () => cpuUs(server.socketPath) }
}

async function cpuUs(socketPath: string): Promise<number> {
  const socket = connect({ path: socketPath })
  let answer = ''
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    answer += text
    if (answer.endsWith('END\r\n')) socket.end()
  })
  socket.write('stats\r\n')
  await once(socket, 'close')
  const seconds = (name: string): number => Number(new RegExp(`${name} ([\\d.]+)`).exec(answer)?.[1])
  return (seconds('rusage_user') + seconds('rusage_system')) * 1e6
}
