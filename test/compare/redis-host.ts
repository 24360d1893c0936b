/**
 * A host of the comparison: the application, and on the first few hosts a Redis server that keeps an append-only file and a Sentinel. What
 * happens to a host happens to all its processes.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NetnsLab } from '@reprise/chaos'
import { Child } from '../bench/child.ts'
import {
  DOWN_AFTER_MS,
  FAILOVER_TIMEOUT_MS,
  PRIMARY_NAME,
  QUORUM,
  REDIS_HOSTS,
  REDIS_PORT,
  SENTINEL_PORT,
} from './constants.ts'
import type { RedisAppCommands } from './redis-app-process.ts'

export interface RedisHostInit {
  readonly number: number
  readonly lab: NetnsLab
  /** Where it keeps what outlives its processes. */
  readonly directory: string
  /** Whether writes wait for replicas. */
  readonly waits: boolean
  readonly signal: AbortSignal
}

export class RedisHost {
  readonly #init: RedisHostInit
  #servers: readonly ChildProcess[] = []
  #app: Child<RedisAppCommands> | undefined
  /** Its processes stand still. */
  isFrozen = false

  constructor(init: RedisHostInit) {
    this.#init = init
  }

  /** Undefined while it is down. */
  get app(): Child<RedisAppCommands> | undefined {
    return this.#app
  }

  /** Resolves when its processes run; the application may not have found the primary yet. */
  async start(): Promise<void> {
    if (this.#init.number < REDIS_HOSTS) await this.#startServers()
    const { lab, number, signal } = this.#init
    const module = new URL('./redis-app-process.ts', import.meta.url)
    this.#app = new Child<RedisAppCommands>(module, signal, [], (argv) => lab.command(number, argv))
  }

  /** Let the application find the primary. Resolves when it serves. */
  async serve(): Promise<void> {
    const { lab, waits } = this.#init
    const sentinels = lab.hosts.slice(0, REDIS_HOSTS).map(({ address }) => address)
    await this.#app?.call('start', sentinels, waits)
  }

  freeze(): void {
    this.isFrozen = true
    this.#signal('SIGSTOP')
  }

  thaw(): void {
    this.#signal('SIGCONT')
    this.isFrozen = false
  }

  /** End its processes. `SIGTERM`: Redis writes what it has, and tells its replicas. Resolves when they are gone. */
  async end(how: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const [app, servers] = [this.#app, this.#servers]
    this.#app = undefined
    this.#servers = []
    if (how === 'SIGKILL') app?.signal('SIGKILL')
    await app?.[Symbol.asyncDispose]()
    await Promise.all(
      servers.filter(isRunning).map(async (server) => {
        const ended = once(server, 'exit')
        server.kill(how)
        await ended
      }),
    )
  }

  #signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#app?.signal(name)
    for (const server of this.#servers) server.kill(name)
  }

  async #startServers(): Promise<void> {
    const { directory } = this.#init
    const [redis, sentinel] = [join(directory, 'redis.conf'), join(directory, 'sentinel.conf')]
    // Redis and Sentinel write into them what they have become.
    if (!existsSync(redis)) {
      await mkdir(directory)
      await writeFile(redis, this.#redisConfig())
      await writeFile(sentinel, this.#sentinelConfig())
    }
    this.#servers = [this.#spawn([redis]), this.#spawn([sentinel, '--sentinel'])]
  }

  #spawn(argv: readonly string[]): ChildProcess {
    const { lab, number } = this.#init
    const [command, ...rest] = lab.command(number, ['redis-server', ...argv])
    return spawn(command, rest, { stdio: 'ignore' })
  }

  #redisConfig(): string {
    const { number, lab, directory } = this.#init
    const primary = lab.hosts[0]!.address
    return [
      `bind ${lab.hosts[number]!.address} 127.0.0.1`,
      `port ${REDIS_PORT}`,
      'protected-mode no',
      `dir ${directory}`,
      'save ""',
      'appendonly yes',
      'appendfsync everysec',
      'repl-diskless-sync-delay 0',
      ...(number === 0 ? [] : [`replicaof ${primary} ${REDIS_PORT}`]),
      '',
    ].join('\n')
  }

  #sentinelConfig(): string {
    const { number, lab, directory } = this.#init
    const primary = lab.hosts[0]!.address
    return [
      `bind ${lab.hosts[number]!.address} 127.0.0.1`,
      `port ${SENTINEL_PORT}`,
      'protected-mode no',
      `dir ${directory}`,
      `sentinel monitor ${PRIMARY_NAME} ${primary} ${REDIS_PORT} ${QUORUM}`,
      `sentinel down-after-milliseconds ${PRIMARY_NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${PRIMARY_NAME} ${FAILOVER_TIMEOUT_MS}`,
      '',
    ].join('\n')
  }
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}
