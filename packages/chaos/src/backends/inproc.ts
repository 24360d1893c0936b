/**
 * Members as nodes of this process: nothing to start but them, so it is fast, and a debugger sees everything. Their event loop is that of the
 * clients, and nobody can die without the others, so members can only come, go in order, and restart.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode, type Node } from '@reprise/node'
import { DRAIN_MS } from '../constants.ts'
import { ClusterError } from '../errors.ts'
import type { SessionAnswer, SessionCall } from '../member/calls.ts'
import { SessionDesk } from '../member/desk.ts'
import type { FinalCheck } from '../run-record.ts'
import type { Scenario } from '../scenario.ts'
import { TlsDesk } from '../tls/tls-desk.ts'
import type {
  Backend,
  ClusterUnderTest,
  EndFault,
  MemberCondition,
  ResolvedFault,
  StartOptions,
  TlsAddress,
} from './backend.ts'
import { Turns } from './turns.ts'

export const inproc: Backend = {
  name: 'inproc',
  abilities: async () => ({
    faults: new Set(['restart', 'join']),
    conditions: new Set(),
    previousWire: false,
    tls: true,
  }),
  start: (scenario, { tls }) => InprocCluster.start(scenario, tls),
}

interface Running {
  readonly node: Node
  readonly desk: SessionDesk
  /** While it lets clients in. */
  tlsDesk: TlsDesk | undefined
}

class InprocCluster implements ClusterUnderTest {
  readonly memberNames: readonly string[]
  /** Nodes of this process do not end by themselves: an invariant of one that breaks ends it with an event. */
  readonly failed: Promise<Error>
  readonly #scenario: Scenario
  readonly #tls: StartOptions['tls']
  readonly #directory: string
  readonly #running = new Map<number, Running>()
  readonly #addresses = new Map<number, readonly string[]>()
  readonly #expected: Set<number>
  readonly #turns = new Turns()
  /** Ends what waits for a node to be ready. */
  readonly #ending = new AbortController()
  readonly #secret = randomBytes(32)
  readonly #failed = Promise.withResolvers<Error>()
  #stopping: Promise<void> | undefined

  private constructor(scenario: Scenario, tls: StartOptions['tls'], directory: string) {
    this.#scenario = scenario
    this.#tls = tls
    this.#directory = directory
    this.failed = this.#failed.promise
    const { nodes, late = [] } = scenario.cluster
    const members = Array.from({ length: nodes }, (_, member) => member)
    this.memberNames = members.map((member) => `node-${member + 1}`)
    this.#expected = new Set(members.filter((member) => !late.includes(member)))
  }

  static async start(scenario: Scenario, tls: StartOptions['tls']): Promise<InprocCluster> {
    const cluster = new InprocCluster(scenario, tls, await mkdtemp(join(tmpdir(), 'reprise-chaos-')))
    try {
      // Each joins those before it.
      for (const member of cluster.#expected) await cluster.#start(member)
      return cluster
    } catch (cause) {
      await cluster.stop()
      throw new ClusterError(`a member did not start: ${String(cause)}`, { code: 'START', cause })
    }
  }

  get expected(): readonly number[] {
    return [...this.#expected]
  }

  async ask(member: number, call: SessionCall, deadlineMs: number): Promise<SessionAnswer | undefined> {
    const running = this.#running.get(member)
    if (running === undefined) return { isDone: false, isCertain: true, error: 'DOWN: it does not run' }
    const late = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => late.resolve(undefined), deadlineMs)
    try {
      return await Promise.race([running.desk.call(call), late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  tlsAddress(member: number): TlsAddress | undefined {
    const tlsDesk = this.#running.get(member)?.tlsDesk
    return tlsDesk === undefined ? undefined : { host: LOOPBACK, port: tlsDesk.port }
  }

  async condition(member: number): Promise<MemberCondition> {
    const condition = this.#running.get(member)?.desk.condition()
    if (condition === undefined) return 'down'
    // Until it lets TLS clients in it is not there for them.
    const isOpen = this.#tls === undefined || this.tlsAddress(member) !== undefined
    return isOpen ? condition : { ...condition, state: 'starting' }
  }

  async check(member: number): Promise<FinalCheck | undefined> {
    return await this.#running.get(member)?.desk.check()
  }

  async strike({ fault, nodes, lastsMs }: ResolvedFault): Promise<EndFault | undefined> {
    const isRestart = fault.kind === 'restart'
    if (!isRestart && lastsMs === 0) {
      for (const member of nodes) this.#expected.add(member)
      await Promise.all(nodes.map((member) => this.#turns.take(member, () => this.#start(member))))
      return undefined
    }
    const turns = nodes.map((member) => {
      const [start, leave] = [() => this.#start(member), () => this.#leave(member)]
      return isRestart ? this.#turns.hold(member, leave, start) : this.#turns.hold(member, start, leave)
    })
    // A member that goes is on its way when it is told to.
    if (!isRestart) await Promise.all(turns.map(({ begun }) => begun))
    return async () => void (await Promise.all(turns.map(({ end }) => end())))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #start(member: number): Promise<void> {
    if (this.#running.has(member) || this.#stopping !== undefined) return
    const { copies, cacheBytesMax, repositories = [] } = this.#scenario.cluster
    const name = this.memberNames[member] ?? ''
    const isRepository = repositories.includes(member)
    const node = await createNode({
      name,
      cluster: 'chaos',
      secret: this.#secret,
      dataDir: join(this.#directory, name),
      join: [...this.#running.keys()].flatMap((other) => this.#addresses.get(other) ?? []),
      copies,
      readyMs: 0,
      ...(cacheBytesMax !== undefined && !isRepository && { cache: { bytesMax: cacheBytesMax } }),
      ...(isRepository && {
        role: 'repository',
        repository: { directory: join(this.#directory, `${name}-repository`) },
      }),
    })
    node.once('failed', (error) =>
      this.#failed.resolve(new ClusterError(`${name} ended: ${String(error)}`, { code: 'MEMBER' })),
    )
    this.#addresses.set(member, node.addresses)
    const running: Running = { node, desk: new SessionDesk(node), tlsDesk: undefined }
    this.#running.set(member, running)
    if (this.#tls !== undefined) running.tlsDesk = await this.#openTls(node, this.#tls)
  }

  /** @returns undefined when the cluster is stopped before the node is ready. */
  async #openTls(node: Node, tls: NonNullable<StartOptions['tls']>): Promise<TlsDesk | undefined> {
    try {
      return await TlsDesk.open(node, { ...tls, host: LOOPBACK }, this.#ending.signal)
    } catch (error) {
      if (this.#ending.signal.aborted) return undefined
      throw error
    }
  }

  /** It serves until it has gone. */
  async #leave(member: number): Promise<void> {
    const running = this.#running.get(member)
    await closeTls(running)
    await running?.node.stop({ drainMs: DRAIN_MS })
    this.#running.delete(member)
  }

  async #stop(): Promise<void> {
    this.#ending.abort()
    await Promise.all(
      [...this.#running.values()].map(async (running) => {
        await closeTls(running)
        await running.node.stop({ drainMs: 0 })
      }),
    )
    this.#running.clear()
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Clients go elsewhere from now on. */
async function closeTls(running: Running | undefined): Promise<void> {
  const tlsDesk = running?.tlsDesk
  if (running !== undefined) running.tlsDesk = undefined
  await tlsDesk?.close()
}

const LOOPBACK = '127.0.0.1'
