/** Redis servers of our own. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type SocketServer, startSocketServer } from './socket-server.ts'

/** Start it without persistence. Undefined, with one line said, when `redis-server` is not installed. */
export function startRedis(signal: AbortSignal): Promise<SocketServer | undefined> {
  return start(signal, ['--port', '0'])
}

/** Start two, the second a replica of the first, over loopback. Undefined when `redis-server` is not installed. */
export async function startReplicatedRedis(signal: AbortSignal): Promise<SocketServer | undefined> {
  const port = String(await freePort())
  const primary = await start(signal, ['--port', port, '--bind', '127.0.0.1', '--repl-diskless-sync-delay', '0'])
  if (primary === undefined) return undefined
  const replica = await start(signal, ['--port', '0', '--replicaof', '127.0.0.1', port])
  return {
    socketPath: primary.socketPath,
    [Symbol.asyncDispose]: async () => {
      await replica?.[Symbol.asyncDispose]()
      await primary[Symbol.asyncDispose]()
    },
  }
}

async function start(signal: AbortSignal, network: readonly string[]): Promise<SocketServer | undefined> {
  const argsOf = (socketPath: string, folder: string): readonly string[] => {
    return [...network, '--unixsocket', socketPath, '--save', '', '--appendonly', 'no', '--dir', folder]
  }
  return await startSocketServer('redis-server', argsOf, signal)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was free')
  return address.port
}
