/** redis-server of the system, on a socket in a folder of its own, without persistence. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export function hasRedis(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0
}

export class RedisServer {
  readonly socketPath: string
  readonly #folder: string
  readonly #process: ChildProcess

  private constructor(folder: string, process: ChildProcess) {
    this.#folder = folder
    this.#process = process
    this.socketPath = join(folder, 'redis.sock')
  }

  static async start(...options: readonly string[]): Promise<RedisServer> {
    const folder = mkdtempSync(join(tmpdir(), 'reprise-redis-'))
    const quiet = ['--port', '0', '--unixsocket', join(folder, 'redis.sock'), '--save', '', '--dir', folder]
    const server = new RedisServer(folder, spawn('redis-server', [...quiet, ...options], { stdio: 'ignore' }))
    while (!existsSync(server.socketPath)) await pause(5)
    return server
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
