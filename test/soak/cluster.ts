/** The members of the soak, in processes of their own, some of which are killed and come back. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child } from '../bench/child.ts'
import { START_DEADLINE_MS } from './constants.ts'
import type { MemberCommands } from './member-process.ts'

interface Member {
  readonly name: string
  readonly process: Child<MemberCommands>
  readonly addresses: readonly string[]
  /** Of its TLS server. */
  readonly port: number
}

export interface ClusterOptions {
  readonly members: number
  /** How long a TLS handshake waits for the cluster, in milliseconds. */
  readonly lookupDeadlineMs: number
}

export class SoakCluster implements AsyncDisposable {
  readonly #directory: string
  readonly #aborter = new AbortController()
  /** Undefined while one is away. */
  readonly #members: (Member | undefined)[]

  readonly #lookupDeadlineMs: number

  private constructor({ members, lookupDeadlineMs }: ClusterOptions, directory: string) {
    this.#members = Array.from({ length: members }, () => undefined)
    this.#lookupDeadlineMs = lookupDeadlineMs
    this.#directory = directory
  }

  /** Resolves when all are ready and know each other. */
  static async start(options: ClusterOptions): Promise<SoakCluster> {
    const { members: count } = options
    const cluster = new SoakCluster(options, await mkdtemp(join(tmpdir(), 'reprise-soak-')))
    try {
      await cluster.spawn(0, 1)
      await Promise.all(Array.from({ length: count - 1 }, (_, index) => cluster.spawn(index + 1, count)))
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  /** The ports of the TLS servers that run, by member. */
  get ports(): ReadonlyMap<number, number> {
    return new Map(this.#members.flatMap((member, index) => (member === undefined ? [] : [[index, member.port]])))
  }

  /** Undefined while it is away. */
  process(index: number): Child<MemberCommands> | undefined {
    return this.#members[index]?.process
  }

  /** SIGKILL. Resolves when the process is gone. */
  async kill(index: number): Promise<void> {
    const member = this.#members[index]
    this.#members[index] = undefined
    member?.process.signal('SIGKILL')
    await member?.process[Symbol.asyncDispose]()
  }

  /** Start a member, in a new life if it had one. Resolves when it serves and is ready with so many members. */
  async spawn(index: number, membersMin: number): Promise<void> {
    const name = nameOf(index)
    const module = new URL('./member-process.ts', import.meta.url)
    const child = new Child<MemberCommands>(module, this.#aborter.signal, ['--expose-gc'])
    try {
      const options = {
        name,
        secret: 'sixteen bytes or more of it',
        dataDir: join(this.#directory, name),
        // As it was when it started first, so that it holds as much as the others: the first is never killed.
        join: this.#members[0]?.addresses ?? [],
        readyMs: START_DEADLINE_MS,
      }
      const { addresses, port } = await child.call('start', options, this.#lookupDeadlineMs)
      await child.call('whenReady', membersMin)
      this.#members[index] = { name, process: child, addresses, port }
    } catch (error) {
      await child[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map((member) => member?.process[Symbol.asyncDispose]()))
    this.#aborter.abort()
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** `a` for the first member. */
export function nameOf(index: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + index)
}
