/**
 * A cluster of member processes: starts them, strikes them, asks them, and ends every one of them.
 *
 * A member that starts again is the same member in a new life: it keeps its identity, and its memory is empty.
 *
 * Invariant: nothing outlives the cluster. `stop` resolves when every process is gone and the directory is removed; when this process ends in
 * any other way, its exit handler or the members themselves see to it.
 */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHECK_DEADLINE_MS, START_DEADLINE_MS, STOP_DEADLINE_MS } from '../../constants.ts'
import { ClusterError } from '../../errors.ts'
import type { Condition, SessionAnswer, SessionCall } from '../../member/calls.ts'
import type { MemberAnswer, MemberConfig } from '../../member/messages.ts'
import type { FinalCheck } from '../../run-record.ts'
import type { Fault, FaultKind, Scenario } from '../../scenario.ts'
import type {
  ClusterUnderTest,
  EndFault,
  MemberCondition,
  ResolvedFault,
  StartOptions,
  TlsAddress,
} from '../backend.ts'
import { LinkFaults } from '../link-faults.ts'
import { Turns } from '../turns.ts'
import type { Hosts } from './hosts.ts'
import { describeExit, MemberProcess } from './member-process.ts'
import { SmallDisk } from './small-disk.ts'

interface Member {
  readonly number: number
  readonly name: string
  process: MemberProcess | undefined
  isServing: boolean
  /** Of its TLS server, in its present life. */
  tlsPort: number | undefined
  clockRate: number
}

export interface ProcessClusterInit {
  readonly scenario: Scenario
  readonly hosts: Hosts
  readonly signal: AbortSignal
  /** The module whose `createNode` makes members of the previous wire. */
  readonly previousNode: URL | undefined
  readonly tls: StartOptions['tls']
}

export class ProcessCluster implements ClusterUnderTest {
  readonly memberNames: readonly string[]
  readonly failed: Promise<Error>
  readonly #scenario: Scenario
  readonly #hosts: Hosts
  readonly #previousNode: URL | undefined
  readonly #tls: StartOptions['tls']
  readonly #directory: string
  readonly #members: readonly Member[]
  readonly #expected: Set<number>
  readonly #linkFaults: LinkFaults
  readonly #turns = new Turns()
  /** Of members whose disk is to be full some time. */
  readonly #disks = new Map<number, SmallDisk>()
  readonly #secret = randomBytes(SECRET_BYTES).toString('base64url')
  readonly #failed = Promise.withResolvers<Error>()
  /** Members whose end is no surprise. */
  readonly #ending = new Set<MemberProcess>()
  #stopping: Promise<void> | undefined

  private constructor({ scenario, hosts, previousNode, tls }: ProcessClusterInit, directory: string) {
    this.#scenario = scenario
    this.#previousNode = previousNode
    this.#tls = tls
    this.#hosts = hosts
    this.#directory = directory
    this.failed = this.#failed.promise
    const { nodes, late = [] } = scenario.cluster
    this.#members = Array.from({ length: nodes }, (_, number) => ({
      number,
      name: `node-${number + 1}`,
      process: undefined,
      isServing: false,
      tlsPort: undefined,
      clockRate: 1,
    }))
    this.memberNames = this.#members.map(({ name }) => name)
    this.#expected = new Set(this.#members.map(({ number }) => number).filter((number) => !late.includes(number)))
    this.#linkFaults = new LinkFaults(hosts.links, nodes)
  }

  /** Start all members that are there from the beginning. The cluster owns the hosts, also when this fails. */
  static async start(init: ProcessClusterInit): Promise<ProcessCluster> {
    const cluster = new ProcessCluster(init, await mkdtemp(join(tmpdir(), 'reprise-chaos-')))
    process.once('exit', cluster.#onExit)
    try {
      init.signal.throwIfAborted()
      await cluster.#mountDisks()
      const starting = Promise.all([...cluster.#expected].map((number) => cluster.#start(cluster.#member(number))))
      await abortable(starting, init.signal)
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  get expected(): readonly number[] {
    return [...this.#expected]
  }

  async ask(node: number, call: SessionCall, deadlineMs: number): Promise<SessionAnswer | undefined> {
    const { process: child, isServing } = this.#member(node)
    if (child?.isRunning !== true || !isServing) return DOWN
    return (await child.call(call, deadlineMs)) as SessionAnswer | undefined
  }

  tlsAddress(node: number): TlsAddress | undefined {
    const { process: child, isServing, tlsPort: port } = this.#member(node)
    if (child?.isRunning !== true || !isServing || port === undefined) return undefined
    return { host: this.#hosts.addressOf(node), port }
  }

  async condition(node: number, deadlineMs: number): Promise<MemberCondition> {
    const { process: child, isServing } = this.#member(node)
    if (child?.isRunning !== true) return 'down'
    if (!isServing) return { state: 'starting', lagFrames: 0, reachable: 0, sessions: 0 }
    const condition = (await child.call({ kind: 'condition' }, deadlineMs)) as Condition | undefined
    if (condition === undefined) return 'silent'
    // Until it lets TLS clients in it is not there for them.
    return this.#tls === undefined || this.tlsAddress(node) !== undefined
      ? condition
      : { ...condition, state: 'starting' }
  }

  async check(node: number): Promise<FinalCheck | undefined> {
    const deadlineMs = CHECK_DEADLINE_MS + CHECK_ANSWER_MS
    const answer = this.#member(node).process?.call({ kind: 'check' }, deadlineMs)
    return (await answer) as (FinalCheck & MemberAnswer) | undefined
  }

  async strike({ fault, nodes, lastsMs }: ResolvedFault): Promise<EndFault | undefined> {
    if (fault.kind === 'partition' || fault.kind === 'cut' || fault.kind === 'impair') {
      return await this.#linkFaults.begin(fault)
    }
    const ends = await Promise.all(nodes.map((node) => this.#strikeMember(this.#member(node), fault, lastsMs)))
    return ends.every((end) => end === undefined)
      ? undefined
      : async () => void (await Promise.all(ends.map((end) => end?.())))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #strikeMember(
    member: Member,
    fault: Exclude<Fault, { readonly kind: 'partition' | 'cut' | 'impair' }>,
    lastsMs: number,
  ): Promise<EndFault | undefined> {
    switch (fault.kind) {
      case 'kill':
        await this.#kill(member)
        return () => this.#turns.take(member.number, () => this.#start(member))
      case 'restart': {
        const leave = (): Promise<void> => this.#leave(member)
        return this.#turns.hold(member.number, leave, () => this.#start(member)).end
      }
      case 'join':
        return await this.#join(member, lastsMs)
      case 'freeze': {
        const { process: frozen } = member
        frozen?.freeze()
        return async () => frozen?.thaw()
      }
      case 'stall':
        member.process?.stall(lastsMs)
        return async () => {}
      case 'clock-jump':
        member.process?.setClock({ jumpMs: fault.jumpMs, rate: member.clockRate })
        if (lastsMs === 0) return undefined
        return async () => member.process?.setClock({ jumpMs: -fault.jumpMs, rate: member.clockRate })
      case 'clock-rate':
        this.#setRate(member, fault.rate)
        return async () => this.#setRate(member, 1)
      case 'disk-full':
        await this.#disks.get(member.number)?.fill()
        return async () => await this.#disks.get(member.number)?.free()
    }
  }

  /** Who is to go again goes before anybody lets it join anew. */
  async #join(member: Member, lastsMs: number): Promise<EndFault | undefined> {
    const start = (): Promise<void> => this.#start(member)
    if (lastsMs > 0) {
      const held = this.#turns.hold(member.number, start, () => this.#leave(member))
      await held.begun
      return held.end
    }
    this.#expected.add(member.number)
    await this.#turns.take(member.number, start)
    return undefined
  }

  async #mountDisks(): Promise<void> {
    const struck = this.#scenario.nemesis.flatMap(({ fault }) => (fault.kind === 'disk-full' ? fault.nodes : []))
    for (const { number } of this.#members.filter(({ number }) => struck.includes(number))) {
      this.#disks.set(number, await SmallDisk.mount(this.#repositoryOf(number)))
    }
  }

  #repositoryOf(member: number): string {
    return join(this.#directory, `${this.#member(member).name}-repository`)
  }

  #setRate(member: Member, rate: number): void {
    member.clockRate = rate
    member.process?.setClock({ jumpMs: 0, rate })
  }

  async #start(member: Member): Promise<void> {
    if (member.process?.isRunning === true || this.#stopping !== undefined) return
    const child = new MemberProcess(member.name, this.#hosts.prefixOf(member.number))
    member.process = child
    member.isServing = false
    member.tlsPort = undefined
    member.clockRate = 1
    void child.exited.then((exit) =>
      this.#onEnded(member, child, `${member.name} ${describeExit(exit)}`, exit.lastLines),
    )
    child.start(this.#configOf(member))
    this.#hosts.onServing(member.number, await within(START_DEADLINE_MS, child.serving, member.name))
    member.isServing = true
    if (this.#tls !== undefined) member.tlsPort = await within(START_DEADLINE_MS, child.tlsServing, member.name)
  }

  async #kill(member: Member): Promise<void> {
    const { process: child } = member
    if (child === undefined) return
    this.#ending.add(child)
    await child.kill()
  }

  async #leave(member: Member): Promise<void> {
    const { process: child } = member
    if (child === undefined) return
    this.#ending.add(child)
    await child.stop(STOP_DEADLINE_MS)
  }

  #configOf({ number, name }: Member): MemberConfig {
    const { copies, cacheBytesMax, repositories = [], previousWire = [] } = this.#scenario.cluster
    const hosts = this.#hosts
    const isRepository = repositories.includes(number)
    return {
      name,
      cluster: 'chaos',
      secret: this.#secret,
      dataDir: join(this.#directory, name),
      clusterDir: this.#directory,
      listen: hosts.listenOf(number),
      announce: hosts.announceOf(number),
      join: [...this.#expected].filter((other) => other !== number).map((other) => hosts.joinOf(other)),
      copies,
      // A repository is there to have room.
      cacheBytesMax: isRepository ? undefined : cacheBytesMax,
      repositoryDirectory: isRepository ? this.#repositoryOf(number) : undefined,
      detours: hosts.detoursOf(number),
      tls: this.#tls === undefined ? undefined : { ...this.#tls, host: hosts.addressOf(number) },
      nodeModule: previousWire.includes(number) ? this.#previousNode?.href : undefined,
    }
  }

  #onEnded(member: Member, child: MemberProcess, how: string, lastLines: readonly string[]): void {
    if (member.process === child) member.isServing = false
    if (this.#ending.delete(child) || this.#stopping !== undefined) return
    this.#failed.resolve(
      new ClusterError(`${how}, and nobody had told it to: ${lastLines.join(' | ')}`, { code: 'MEMBER' }),
    )
  }

  async #stop(): Promise<void> {
    await Promise.all(
      this.#members.map(async ({ process: child }) => {
        // Nobody waits for what is in memory only.
        await child?.kill()
      }),
    )
    await this.#hosts[Symbol.asyncDispose]()
    for (const disk of this.#disks.values()) await disk.unmount()
    await rm(this.#directory, REMOVE)
    process.off('exit', this.#onExit)
  }

  #member(number: number): Member {
    const member = this.#members[number]
    if (member === undefined) throw new Error(`there is no member ${number}`)
    return member
  }

  /** This process ends without `stop`: an exit handler may only do what is done at once. */
  readonly #onExit = (): void => {
    for (const { process: child } of this.#members) child?.killNow()
    for (const disk of this.#disks.values()) disk.unmountNow()
    rmSync(this.#directory, REMOVE)
  }
}

/** What can happen to processes whose links can be broken, on this system. */
export const PROCESS_FAULTS: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...(SmallDisk.isAvailable ? ['disk-full' as const] : []),
  'kill',
  'freeze',
  'stall',
  'restart',
  'join',
  'partition',
  'cut',
  'impair',
  'clock-jump',
  'clock-rate',
])

async function within<Value>(ms: number, promise: Promise<Value>, name: string): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new ClusterError(`${name} did not serve within ${ms / 1_000} s`, { code: 'START' })),
    ms,
  )
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

async function abortable<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  // Whichever is second is no news.
  promise.catch(() => {})
  aborted.promise.catch(() => {})
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const DOWN = { isDone: false, isCertain: true, error: 'DOWN: nobody listens there' } as const
const SECRET_BYTES = 32
const REMOVE = { recursive: true, force: true, maxRetries: 3 } as const
/** From the end of a check to its answer. */
const CHECK_ANSWER_MS = 2_000
