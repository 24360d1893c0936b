/** A Redis server of our own, on a unix socket in a folder of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './harness.ts'

export interface Redis extends AsyncDisposable {
  readonly socketPath: string
}

/** Start it without persistence. Undefined, with one line said, when `redis-server` is not installed. */
export async function startRedis(signal: AbortSignal): Promise<Redis | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-'))
  const socketPath = join(folder, 'redis.sock')
  const args = ['--port', '0', '--unixsocket', socketPath, '--save', '', '--appendonly', 'no', '--dir', folder]
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
