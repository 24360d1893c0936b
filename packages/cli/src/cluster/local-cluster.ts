/**
 * A cluster of member processes on this machine, for the demo, for use by hand and for tests.
 *
 * It starts the processes, tells them how to find each other, breaks and restarts them, and ends them all. A restarted member
 * is the same member in a new life: it keeps its identity and, as long as nobody else took them, its ports. What it keeps on
 * disk (identities, no sessions) is in a temporary directory.
 *
 * ```
 *           start           ready           kill, or it dies
 *  (none) ────────► starting ────────► up ───────────────────► down ────► starting …
 *                       └── it dies ──────────────────────────►
 *
 *          freeze            thaw
 *      up ────────► stopped ──────┐           it is connected to all that are up
 *      up ────────► cut ──────────┴► rejoining ──────────────────────────────────► up
 *           cut              heal
 * ```
 *
 * Whatever state it is in, a process that dies is down.
 *
 * Invariant: nothing outlives the cluster. `stop` resolves when every process is gone and the directory is removed; when this
 * process ends in any other way its exit handler, or the members themselves (their channel breaks), see to both.
 */
import { randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandError, ExitCode } from '../failure.ts'
import type { GatewayName } from '../gateways.ts'
import { newToken } from '../state/cluster-state.ts'
import { createCertificate } from './certificate.ts'
import { REJOIN_LOOK_MS, SECRET_BYTES, START_DEADLINE_MS, STOP_DEADLINE_MS } from './constants.ts'
import { type MemberExit, MemberProcess } from './member-process.ts'
import type { Certificate, Confirm, MemberCounters, MemberReady } from './messages.ts'

export interface LocalClusterOptions {
  /** How many members. */
  readonly nodes: number
  /** Default `'copies'`: a session resumes elsewhere from the moment the client has it. */
  readonly confirm?: Confirm
  /** What the members' admin servers ask for. Default: a fresh one. */
  readonly adminToken?: string
  /** The gateways that each member has. Default: none. */
  readonly gateways?: readonly GatewayName[]
}

/**
 * `stopped`: its process is frozen, its connections stay open and nobody answers. `cut`: it runs, and no other member
 * reaches it. `rejoining`: it was one of the two, and is not yet where it was.
 */
export type MemberState = 'starting' | 'up' | 'stopped' | 'cut' | 'rejoining' | 'down'

/** A member as it is now. What is undefined is not known yet; what was known stays after its end. */
export interface MemberView {
  readonly name: string
  readonly state: MemberState
  readonly pid: number | undefined
  /** How often it was started. */
  readonly starts: number
  readonly info: MemberReady | undefined
  readonly counters: MemberCounters
}

/** A process that ended. */
export interface MemberEnd extends MemberExit {
  readonly name: string
  readonly pid: number | undefined
  /** This cluster killed it. */
  readonly expected: boolean
}

export interface LocalClusterEvents {
  /** A member's view changed. */
  changed: [MemberView]
  /** A member's process ended, but for those that `stop` ends. */
  ended: [MemberEnd]
}

const NO_COUNTERS: MemberCounters = {
  handshakes: { full: 0, local: 0, peers: 0 },
  records: 0,
  isReady: false,
  connected: 0,
}
const ANY_PORTS = { peer: 0, tls: 0, admin: 0 } as const

/** Everything that is known of one member. */
interface Member {
  readonly name: string
  process: MemberProcess | undefined
  state: MemberState
  starts: number
  info: MemberReady | undefined
  counters: MemberCounters
  killed: boolean
}

/** Made with `new`, started with `start`, and stopped with `stop` or `await using`. */
export class LocalCluster extends EventEmitter<LocalClusterEvents> implements AsyncDisposable {
  readonly #confirm: Confirm
  readonly #gateways: readonly GatewayName[]
  readonly #members: readonly Member[]
  readonly #adminToken: string
  readonly #secret = randomBytes(SECRET_BYTES)
  readonly #aborter = new AbortController()
  #certificate: Certificate | undefined
  #directory: string | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor({ nodes, confirm = 'copies', adminToken = newToken(), gateways = [] }: LocalClusterOptions) {
    super()
    this.#gateways = gateways
    this.#confirm = confirm
    this.#adminToken = adminToken
    this.#members = Array.from({ length: nodes }, (_, index) => ({
      name: `node-${index + 1}`,
      process: undefined,
      state: 'starting',
      starts: 0,
      info: undefined,
      counters: NO_COUNTERS,
      killed: false,
    }))
  }

  /** All members, in the order of their names. */
  get members(): readonly MemberView[] {
    return this.#members.map(viewOf)
  }

  member(name: string): MemberView {
    return viewOf(this.#member(name))
  }

  /** The certificate that all members show; clients trust it and nothing else. */
  get certificatePem(): string {
    if (this.#certificate === undefined) throw new Error('the cluster has not been started')
    return this.#certificate.certificatePem
  }

  /**
   * Start all members. Resolves when each of them serves and knows all others.
   * @throws CommandError when a member cannot be started, or not in time. What was started runs until `stop`.
   */
  async start(): Promise<void> {
    if (this.#starting !== undefined) throw new Error('the cluster was started before')
    this.#starting = this.#startAll()
    await this.#starting
  }

  /**
   * Send a signal to a member's process.
   * @returns how it ended, when it has.
   */
  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<MemberExit> {
    const member = this.#member(name)
    if (member.process?.isRunning !== true) throw new Error(`${name} does not run`)
    member.killed = true
    member.process.kill(signal)
    return await member.process.exited
  }

  /**
   * Start a member again that ended: the same identity in a new life, at the same ports unless they were taken meanwhile.
   * Resolves when it serves and knows all members that run.
   * @throws CommandError as `start`.
   */
  async restart(name: string): Promise<MemberReady> {
    const member = this.#member(name)
    if (member.state !== 'down') throw new Error(`${name} runs`)
    const process = this.#spawn(member)
    return await this.#untilReady(
      member,
      process,
      this.#addressesBut(member),
      this.#countOf('up') + this.#countOf('starting'),
    )
  }

  /** Freeze a member that is up: its process stands still, and its connections stay open. */
  freeze(name: string): void {
    this.#break(name, 'stopped').kill('SIGSTOP')
  }

  /** Let a frozen member go on. */
  thaw(name: string): void {
    const { member, process } = this.#running(name, 'stopped')
    process.kill('SIGCONT')
    void this.#rejoin(member, process)
  }

  /** Cut a member that is up off from all others; clients reach it as before. */
  cut(name: string): void {
    this.#break(name, 'cut').setCut(true)
  }

  /** Let a member that is cut back to the others. */
  heal(name: string): void {
    const { member, process } = this.#running(name, 'cut')
    process.setCut(false)
    void this.#rejoin(member, process)
  }

  /** End every process, remove what is on disk. Safe to call twice, and while the cluster starts. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #startAll(): Promise<void> {
    process.once('exit', this.#onExit)
    const [first, ...others] = this.#members.map((member) => ({ member, process: this.#spawn(member) }))
    if (first === undefined) return
    // They load themselves meanwhile.
    const [certificate, directory] = await Promise.all([createCertificate(), mkdtemp(join(tmpdir(), 'reprise-'))])
    this.#certificate = certificate
    this.#directory = directory
    const { length } = this.#members
    const firstReady = this.#untilReady(first.member, first.process, [], length)
    // Awaited below, together with the others; if that is never reached, `listening` failed for the same reason.
    firstReady.catch(() => {})
    const address = await within(START_DEADLINE_MS, first.process.listening, this.#aborter.signal)
    await Promise.all([
      firstReady,
      ...others.map(({ member, process }) => this.#untilReady(member, process, [address], length)),
    ])
  }

  async #stop(): Promise<void> {
    this.#aborter.abort()
    await Promise.all(this.#members.map((member) => member.process?.stop(STOP_DEADLINE_MS)))
    await this.#starting?.catch(() => {})
    if (this.#directory !== undefined) await rm(this.#directory, REMOVE)
    process.off('exit', this.#onExit)
  }

  #spawn(member: Member): MemberProcess {
    const child = new MemberProcess(member.name, (counters) => {
      if (member.process !== child) return
      member.counters = counters
      this.emit('changed', viewOf(member))
    })
    member.process = child
    member.starts += 1
    member.counters = NO_COUNTERS
    member.killed = false
    this.#change(member, 'starting')
    void child.exited.then((exit) => this.#onEnded(member, child, exit))
    return child
  }

  async #untilReady(
    member: Member,
    child: MemberProcess,
    joins: readonly string[],
    membersMin: number,
  ): Promise<MemberReady> {
    if (this.#certificate === undefined || this.#directory === undefined) throw new Error('the cluster is not prepared')
    child.start({
      name: member.name,
      cluster: 'reprise-local',
      secret: this.#secret.toString('base64url'),
      dataDir: join(this.#directory, member.name),
      clusterDir: this.#directory,
      join: joins,
      membersMin,
      ports: member.info?.ports ?? ANY_PORTS,
      gateways: this.#gateways,
      certificate: this.#certificate,
      confirm: this.#confirm,
      adminToken: this.#adminToken,
    })
    const info = await within(START_DEADLINE_MS, child.ready, this.#aborter.signal)
    member.info = info
    this.#change(member, 'up')
    return info
  }

  #break(name: string, state: 'stopped' | 'cut'): MemberProcess {
    const { member, process } = this.#running(name, 'up')
    this.#change(member, state)
    return process
  }

  /** Until it is where it was, or is broken anew. */
  async #rejoin(member: Member, process: MemberProcess): Promise<void> {
    this.#change(member, 'rejoining')
    const isOn = (): boolean => member.state === 'rejoining' && member.process === process
    do {
      // What it told last may be from before: it has the time to notice what it missed.
      await sleep(REJOIN_LOOK_MS, undefined, { ref: false })
    } while (isOn() && !this.#isWhole(member))
    if (isOn()) this.#change(member, 'up')
  }

  /** Everything is there that it shall hold, and it can ask everybody. */
  #isWhole(member: Member): boolean {
    const { isReady, connected } = member.counters
    return isReady && connected >= this.#countOf('up')
  }

  #change(member: Member, state: MemberState): void {
    member.state = state
    this.emit('changed', viewOf(member))
  }

  #onEnded(member: Member, child: MemberProcess, exit: MemberExit): void {
    if (this.#stopping !== undefined || member.process !== child) return
    this.#change(member, 'down')
    this.emit('ended', { ...exit, name: member.name, pid: child.pid, expected: member.killed })
  }

  #addressesBut(member: Member): string[] {
    return this.#members.flatMap((other) => (other === member || other.info === undefined ? [] : [other.info.listen]))
  }

  #countOf(state: MemberState): number {
    return this.#members.filter((member) => member.state === state).length
  }

  /** @throws Error unless it runs in that state. */
  #running(name: string, state: MemberState): { readonly member: Member; readonly process: MemberProcess } {
    const member = this.#member(name)
    if (member.process === undefined || member.state !== state) throw new Error(`${name} is ${member.state}`)
    return { member, process: member.process }
  }

  #member(name: string): Member {
    const member = this.#members.find((candidate) => candidate.name === name)
    if (member === undefined) throw new Error(`there is no member ${name}`)
    return member
  }

  /** This process ends without `stop`: an exit handler may only do what is done at once. */
  readonly #onExit = (): void => {
    for (const { process } of this.#members) process?.kill('SIGKILL')
    if (this.#directory !== undefined) rmSync(this.#directory, REMOVE)
  }
}

const REMOVE = { recursive: true, force: true, maxRetries: 3 } as const

function viewOf({ name, state, process, starts, info, counters }: Member): MemberView {
  return { name, state, pid: process?.pid, starts, info, counters }
}

/** The promise's outcome, unless the time is up or the cluster is stopped before. */
async function within<Value>(ms: number, promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(
      new CommandError({
        what: `the cluster was not ready within ${ms / 1_000} s`,
        why: 'the machine is very busy, or something keeps the processes from reaching each other on 127.0.0.1',
        next: 'try fewer nodes, or look at a member with --debug',
        exitCode: ExitCode.timeout,
      }),
    )
  }, ms)
  const onAbort = (): void => reject(new CommandError({ what: 'the cluster was stopped', exitCode: ExitCode.failure }))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
