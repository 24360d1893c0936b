/** Redis servers of our own, on unix sockets in folders of their own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './harness.ts'

export interface Redis extends AsyncDisposable {
  readonly socketPath: string
}

/** Start it without persistence. Undefined, with one line said, when `redis-server` is not installed. */
export function startRedis(signal: AbortSignal): Promise<Redis | undefined> {
  return start(signal, ['--port', '0'])
}

/** Start two, the second a replica of the first, over loopback. Undefined when `redis-server` is not installed. */
export async function startReplicatedRedis(signal: AbortSignal): Promise<Redis | undefined> {
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

async function start(signal: AbortSignal, network: readonly string[]): Promise<Redis | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-'))
  const socketPath = join(folder, 'redis.sock')
  const args = [...network, '--unixsocket', socketPath, '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = spawn('redis-server', args, { stdio: 'ignore', signal, killSignal: 'SIGKILL' })
  const ended = once(server, 'exit').catch(() => undefined)
  const started = await Promise.race([
    once(server, 'spawn').then(() => true),
    once(server, 'error').then(() => false),
  ]).catch(() => false)
  const dispose = async (): Promise<void> => {
    if (started) {
      server.kill()
      await ended
    }
    await rm(folder, { recursive: true, force: true })
  }
  if (!started) {
    console.error('redis-server is not installed (npm run system-packages): its rows are left out')
    await dispose()
    return undefined
  }
  await until(async () => existsSync(socketPath), 'the Redis socket')
  return { socketPath, [Symbol.asyncDispose]: dispose }
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
