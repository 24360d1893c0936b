/** A server that others wrote, on a unix socket in a folder of its own, for as long as it is measured. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './harness.ts'

export interface SocketServer extends AsyncDisposable {
  readonly socketPath: string
}

/**
 * Start a server. Undefined, with one line said, when the program is not installed.
 * @param argsOf its arguments, given its socket and its folder.
 */
export async function startSocketServer(
  program: string,
  argsOf: (socketPath: string, folder: string) => readonly string[],
  signal: AbortSignal,
): Promise<SocketServer | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'reprise-bench-'))
  const socketPath = join(folder, 'server.sock')
  const server = spawn(program, argsOf(socketPath, folder), { stdio: 'ignore', signal, killSignal: 'SIGKILL' })
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
    console.error(`${program} is not installed (npm run system-packages): its rows are left out`)
    await dispose()
    return undefined
  }
  await until(async () => existsSync(socketPath), `the socket of ${program}`)
  return { socketPath, [Symbol.asyncDispose]: dispose }
}
