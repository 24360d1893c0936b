/**
 * What `reprise up` leaves for the other commands to find it: one file for each cluster, in the user's state directory.
 *
 * ```
 *  claim ──► nodes: []   ── update ──►   nodes: [...]   ── release ──►  (no file)
 *            it starts                   it serves
 *                     └──────── the process died ────────► stale: its process is gone, whoever meets it removes it
 * ```
 *
 * The directory is for its owner only (0700), and so are the files (0600): they hold the admin token. A file is made
 * exclusively and replaced atomically, so a name belongs to one cluster and a reader sees a whole one.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRecord } from '../config/config-file.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { processMark } from './process-mark.ts'

export interface ClusterState {
  readonly schemaVersion: 1
  readonly name: string
  /** The process of `reprise up`; its nodes end with it. */
  readonly pid: number
  /** Tells it from a later process with that id, see `processMark`. Null where the system does not tell. */
  readonly processMark: string | null
  readonly startedAtMs: number
  /** Of the package. */
  readonly version: string
  /** None while the cluster starts. */
  readonly nodes: readonly ClusterNode[]
  /** What every node's admin server asks for. */
  readonly adminToken: string
}

/** A node as `up` tells of it, to programs too. */
export interface ClusterNode {
  readonly name: string
  readonly pid: number | undefined
  readonly peerId: string | undefined
  readonly listen: string | undefined
  readonly admin: string
  readonly tlsPort: number | undefined
  /** Of gateways, where it has them. */
  readonly memcachedPort?: number
  readonly respPort?: number
  readonly sessiondPort?: number
}

/** What is left of a cluster that did not end in order. */
export interface StaleCluster {
  readonly name: string
  readonly pid: number
}

export const CLUSTER_NAME_DEFAULT = 'default'

/** Names are file names. */
const NAME_PATTERN = /^[a-z0-9][a-z0-9._-]{0,62}$/i

/** The clusters of one user on this machine. */
export class ClusterStates {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Where a cluster in the background writes what it has to say. */
  logFile(name: string): string {
    return join(this.#directory, `${name}.log`)
  }

  /** Make the directory. */
  prepare(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
  }

  /**
   * Take a name for a cluster of this process.
   * @returns undefined when a cluster that runs has it.
   * @throws the system's error when the directory cannot be written.
   */
  claim(name: string, version: string): ClaimedState | undefined {
    this.prepare()
    const state: ClusterState = {
      schemaVersion: 1,
      name,
      pid: process.pid,
      processMark: processMark(process.pid) ?? null,
      startedAtMs: Date.now(),
      version,
      nodes: [],
      adminToken: newToken(),
    }
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      try {
        writeFileSync(this.#file(name), toText(state), { mode: 0o600, flag: 'wx' })
        return new ClaimedState(this.#file(name), state)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      }
      if (this.read(name) !== undefined) return undefined
    }
    return undefined
  }

  /**
   * A cluster that runs. What a dead one left is removed, and told to `onStale`.
   * @throws CommandError when the file is there and cannot be understood.
   */
  read(name: string, onStale: (stale: StaleCluster) => void = () => {}): ClusterState | undefined {
    assertClusterName(name)
    const file = this.#file(name)
    if (!existsSync(file)) return undefined
    const state = parseState(file)
    if (isOwnerAlive(state)) return state
    rmSync(file, { force: true })
    onStale({ name, pid: state.pid })
    return undefined
  }

  /** All that run, by name. */
  list(onStale: (stale: StaleCluster) => void): ClusterState[] {
    if (!existsSync(this.#directory)) return []
    const names = readdirSync(this.#directory).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []))
    return names
      .sort()
      .map((name) => this.read(name, onStale))
      .filter((state) => state !== undefined)
  }

  #file(name: string): string {
    return join(this.#directory, `${name}.json`)
  }
}

/** The file of a cluster of this process; it goes with the process, unless that is killed. */
export class ClaimedState implements Disposable {
  readonly #file: string
  #state: ClusterState

  constructor(file: string, state: ClusterState) {
    this.#file = file
    this.#state = state
    process.once('exit', this.#remove)
  }

  get name(): string {
    return this.#state.name
  }

  get adminToken(): string {
    return this.#state.adminToken
  }

  /** Tell the others of the nodes as they are now. */
  update(nodes: readonly ClusterNode[]): void {
    this.#state = { ...this.#state, nodes }
    const fresh = `${this.#file}.${process.pid}.new`
    writeFileSync(fresh, toText(this.#state), { mode: 0o600 })
    renameSync(fresh, this.#file)
  }

  release(): void {
    process.off('exit', this.#remove)
    this.#remove()
  }

  [Symbol.dispose](): void {
    this.release()
  }

  readonly #remove = (): void => rmSync(this.#file, { force: true })
}

/** @throws CommandError (exit code 2) */
export function assertClusterName(name: string): void {
  if (NAME_PATTERN.test(name)) return
  throw new CommandError({
    what: `a cluster cannot be called ${JSON.stringify(name)}`,
    next: 'use up to 63 letters, digits, dots, dashes and underscores',
    exitCode: ExitCode.usage,
  })
}

/** A token nobody guesses, for an admin server. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url')
}

/** Whether the process of `up` still runs, and is that process. */
export function isOwnerAlive({ pid, processMark: mark }: ClusterState): boolean {
  return mark === null ? isProcess(pid) : processMark(pid) === mark
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function toText(state: ClusterState): string {
  return `${JSON.stringify(state, undefined, 2)}\n`
}

function parseState(file: string): ClusterState {
  let state: unknown
  try {
    state = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw unreadable(file, cause)
  }
  if (isState(state)) return state
  throw unreadable(file)
}

/** The fields that other commands act on. */
function isState(value: unknown): value is ClusterState {
  if (!isRecord(value) || value['schemaVersion'] !== 1) return false
  const { pid, processMark: mark, adminToken, nodes } = value
  if (!Number.isInteger(pid) || Number(pid) <= 0 || typeof adminToken !== 'string') return false
  if (mark !== null && typeof mark !== 'string') return false
  return Array.isArray(nodes) && nodes.every((node) => isRecord(node) && typeof node['admin'] === 'string')
}

function unreadable(file: string, cause?: unknown): CommandError {
  return new CommandError(
    {
      what: `${file} does not describe a cluster`,
      why: 'another version of reprise wrote it, or it was edited',
      next: 'use the version that started the cluster; when none runs, remove the file',
      exitCode: ExitCode.failure,
    },
    { cause },
  )
}

const TOKEN_BYTES = 32
/** One for the name, and one for when what a dead cluster left was removed. */
const CLAIM_ATTEMPTS = 2
