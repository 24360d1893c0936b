/** A memcached server of our own, on a unix socket in a folder of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './harness.ts'

export interface MemcachedServer extends AsyncDisposable {
  readonly socketPath: string
  /** CPU that it has used, user and system, in microseconds, as it says itself. */
  cpuUs(): Promise<number>
}

/** Start it as it comes, with four threads. Undefined, with one line said, when `memcached` is not installed. */
export async function startMemcached(signal: AbortSignal): Promise<MemcachedServer | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-'))
  const socketPath = join(folder, 'memcached.sock')
  // As root it wants to be told who to be.
  const user = process.getuid?.() === 0 ? ['-u', 'root'] : []
  const server = spawn('memcached', ['-s', socketPath, ...user], { stdio: 'ignore', signal, killSignal: 'SIGKILL' })
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
    console.error('memcached is not installed (npm run system-packages): its rows are left out')
    await dispose()
    return undefined
  }
  await until(async () => existsSync(socketPath), 'the socket of memcached')
  return { socketPath, cpuUs: () => cpuUs(socketPath), [Symbol.asyncDispose]: dispose }
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
