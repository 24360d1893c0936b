/** Redis behind Sentinel as a cluster under test: the same scenarios, clients and checkers, on hosts that suffer the same. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { NetnsLinks } from '@reprise/chaos'
import type {
  ClusterUnderTest,
  EndFault,
  MemberCondition,
  ResolvedFault,
} from '../../packages/chaos/src/backends/backend.ts'
import { LinkFaults } from '../../packages/chaos/src/backends/link-faults.ts'
import type { SessionAnswer, SessionCall } from '../../packages/chaos/src/member/calls.ts'
import type { FinalCheck } from '../../packages/chaos/src/run-record.ts'
import { FORM_DEADLINE_MS, REDIS_HOSTS } from './constants.ts'
import { RedisHost } from './redis-host.ts'
import { primaryAt } from './sentinel.ts'

export interface RedisClusterOptions {
  readonly hosts: number
  readonly seed: number
  /** Whether writes wait for replicas. */
  readonly waits: boolean
  readonly signal: AbortSignal
}

export class RedisCluster implements ClusterUnderTest {
  readonly memberNames: readonly string[]
  readonly expected: readonly number[]
  /** Nobody watches: what ends by itself shows as errors. */
  readonly failed: Promise<Error> = new Promise(() => {})
  readonly #links: NetnsLinks
  readonly #linkFaults: LinkFaults
  readonly #directory: string
  readonly #hosts: readonly RedisHost[]
  #stopping: Promise<void> | undefined

  private constructor({ waits, signal }: RedisClusterOptions, links: NetnsLinks, directory: string) {
    this.#links = links
    this.#directory = directory
    const { lab } = links
    this.#linkFaults = new LinkFaults(links, lab.hosts.length)
    this.expected = [...lab.hosts.keys()]
    this.memberNames = this.expected.map((number) => `host-${number + 1}`)
    this.#hosts = this.expected.map((number) => {
      return new RedisHost({ number, lab, directory: join(directory, String(number)), waits, signal })
    })
  }

  /** Resolves when applications serve and the replicas are there. */
  static async start(options: RedisClusterOptions): Promise<RedisCluster> {
    const links = await NetnsLinks.open({ members: options.hosts, seed: options.seed })
    const cluster = new RedisCluster(options, links, await mkdtemp(join(tmpdir(), 'reprise-redis-')))
    try {
      await Promise.all(cluster.#hosts.map((host) => host.start()))
      await cluster.#form(options.signal)
      await Promise.all(cluster.#hosts.map((host) => host.serve()))
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  async ask(node: number, call: SessionCall, deadlineMs: number): Promise<SessionAnswer | undefined> {
    const app = this.#hosts[node]?.app
    if (app === undefined) return DOWN
    return await within(deadlineMs, app.call('call', call))
  }

  /** Redis keeps no TLS sessions of anybody's servers. */
  tlsAddress(): undefined {
    return undefined
  }

  async condition(node: number, deadlineMs: number): Promise<MemberCondition> {
    const app = this.#hosts[node]?.app
    if (app === undefined) return 'down'
    // Whether it answers, as a health check has it; what it knows of Redis is another matter.
    const answer = await within(deadlineMs, app.call('isServing'))
    if (answer === undefined) return 'silent'
    const state = answer ? 'ready' : 'starting'
    return { state, lagFrames: 0, reachable: this.expected.length - 1, sessions: 0 }
  }

  async check(node: number): Promise<FinalCheck | undefined> {
    const isWhole = await this.#hosts[node]?.app?.call('isWhole').catch(() => false)
    if (isWhole === true) return { verdict: 'ok', reasons: [], differing: 0, short: 0 }
    return { verdict: 'critical', reasons: ['the primary does not have all its replicas'], differing: 0, short: 1 }
  }

  async strike({ fault, nodes }: ResolvedFault): Promise<EndFault | undefined> {
    if (fault.kind === 'partition' || fault.kind === 'cut' || fault.kind === 'impair') {
      return await this.#linkFaults.begin(fault)
    }
    const hosts = nodes.map((node) => this.#hosts[node]!)
    switch (fault.kind) {
      case 'kill':
        await Promise.all(hosts.map((host) => host.end('SIGKILL')))
        return async () => void (await Promise.all(hosts.map(startAgain)))
      case 'restart': {
        const restarted = Promise.all(
          hosts.map(async (host) => {
            await host.end('SIGTERM')
            await startAgain(host)
          }),
        )
        return async () => void (await restarted)
      }
      case 'freeze':
        for (const host of hosts) host.freeze()
        return async () => {
          for (const host of hosts) host.thaw()
        }
      default:
        throw new Error(`the comparison has no ${fault.kind}`)
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<void> {
    for (const host of this.#hosts) if (host.isFrozen) host.thaw()
    await Promise.all(this.#hosts.map((host) => host.end('SIGKILL')))
    await this.#links.close()
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 })
  }

  /**
   * Until every Sentinel knows the primary, both replicas and both others: without them none would replace a primary that is gone. They look
   * for replicas every ten seconds.
   */
  async #form(signal: AbortSignal): Promise<void> {
    const addresses = this.#links.lab.hosts.slice(0, REDIS_HOSTS).map(({ address }) => address)
    const deadline = performance.now() + FORM_DEADLINE_MS
    for (;;) {
      const known = await Promise.all(addresses.map((address) => knowsEverybody(address).catch(() => false)))
      if (known.every((knows) => knows)) return
      if (performance.now() > deadline) throw new Error(`Redis was not there after ${FORM_DEADLINE_MS} ms`)
      await pause(200, undefined, { signal })
    }
  }
}

/** Whether a Sentinel has found all that it needs to do its work. */
async function knowsEverybody(host: string): Promise<boolean> {
  const fields = await primaryAt(host)
  const others = String(REDIS_HOSTS - 1)
  const [replicas, sentinels] = [fields.get('num-slaves'), fields.get('num-other-sentinels')]
  return fields.get('flags') === 'master' && replicas === others && sentinels === others
}

async function startAgain(host: RedisHost): Promise<void> {
  await host.start()
  await host.serve()
}

async function within<Value>(ms: number, answer: Promise<Value>): Promise<Value | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), ms)
  try {
    return await Promise.race([answer.catch(() => undefined), late])
  } finally {
    clearTimeout(timer)
  }
}

const DOWN: SessionAnswer = { isDone: false, isCertain: true, error: 'DOWN: nobody listens there' }
