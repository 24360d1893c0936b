/**
 * What a node keeps between its lives: who it is, and which life this is.
 *
 * ```
 *  DIR/identity       the private key (libp2p protobuf), mode 0600
 *  DIR/incarnation    the last incarnation used, as decimal text; replaced atomically before it is used
 *  DIR/members        the other members that did not leave, with their addresses, as JSON; a hint, missing or broken at worst
 *  DIR/lock           the process id of the node that uses the directory
 * ```
 *
 * A node without a directory is ephemeral: each start is a new member. With one, a restart is a new life of the same member,
 * whose incarnation lies above all earlier ones even when the wall clock was set back (rule W2).
 */
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EarlierMember } from '@reprise/core'
import { COUNTER_MAX, MEMBERS_MAX, UsageError } from '@reprise/core'
import { generateIdentity, nodeIdOf } from '@reprise/p2p'

export interface DataDir {
  readonly privateKey: Uint8Array
  /** The incarnation of this life. */
  readonly incarnation: number
  /** Whether an earlier life used the directory: then other members probably know more than this node. */
  readonly isReturning: boolean
  /** Members of the earlier life that did not leave: they may know more than this node, and are where they were. */
  readonly earlierMembers: readonly EarlierMember[]
  /** Keep in mind who is there, for the next life. Written in the background, the last list wins. */
  remember(members: ReadonlyMap<string, readonly string[]>): void
  /** Store a higher incarnation. Synchronous, because nothing may be sent under it before; it happens once in a life at most. */
  raise(incarnation: number): void
  /** Write what is still to be written, and let go of the directory. */
  release(): Promise<void>
}

/** @throws UsageError when another live process uses the directory, or when what is in it is not readable. */
export async function openDataDir(path: string, wallMs: number): Promise<DataDir> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await acquireLock(path)
  try {
    const privateKey = await readOrMakeIdentity(path)
    const stored = await readIncarnation(path)
    const incarnation = Math.max((stored ?? 0) + 1, Math.floor(wallMs))
    await writeIncarnation(path, incarnation)
    const membersFile = new MembersFile(join(path, 'members'))
    return {
      privateKey,
      incarnation,
      isReturning: stored !== undefined,
      earlierMembers: await membersFile.read(),
      remember: (members) => membersFile.write(members),
      raise: (higher) => writeAtomicallySync(join(path, 'incarnation'), `${higher}\n`),
      release: async () => {
        await membersFile.written()
        await rm(join(path, 'lock'), { force: true })
      },
    }
  } catch (error) {
    await rm(join(path, 'lock'), { force: true })
    throw error
  }
}

/**
 * Make the identity that a node with this `dataDir` will have, unless there is one already, so that others can be told its
 * id before it first starts. Can be called while the node runs.
 * @throws UsageError when what is in the directory is not readable.
 */
export async function initDataDir(path: string): Promise<{ readonly nodeId: string; readonly isNew: boolean }> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const isNew = !existsSync(join(path, 'identity'))
  return { nodeId: nodeIdOf(await readOrMakeIdentity(path)), isNew }
}

/** Who was there, written one list at a time. Failing to write it costs a hint and nothing else. */
class MembersFile {
  readonly #file: string
  #next: string | undefined
  #writing: Promise<void> | undefined

  constructor(file: string) {
    this.#file = file
  }

  async read(): Promise<EarlierMember[]> {
    const text = await readFile(this.#file, 'utf8').catch(() => '')
    return parseMembers(text)
  }

  write(members: ReadonlyMap<string, readonly string[]>): void {
    this.#next = JSON.stringify([...members].map(([node, addresses]) => ({ node, addresses })))
    this.#writing ??= this.#writeAll()
  }

  async written(): Promise<void> {
    await this.#writing
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      const content = this.#next
      this.#next = undefined
      await writeAtomically(this.#file, `${content}\n`).catch(() => {})
    }
    this.#writing = undefined
  }
}

function parseMembers(text: string): EarlierMember[] {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    return []
  }
  return Array.isArray(list) && list.length <= MEMBERS_MAX ? list.filter(isEarlierMember) : []
}

function isEarlierMember(value: unknown): value is EarlierMember {
  if (typeof value !== 'object' || value === null || !('node' in value) || !('addresses' in value)) return false
  const { node, addresses } = value
  return typeof node === 'string' && Array.isArray(addresses) && addresses.every((one) => typeof one === 'string')
}

async function acquireLock(path: string): Promise<void> {
  const file = join(path, 'lock')
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    try {
      const handle = await open(file, 'wx', 0o600)
      await handle.writeFile(`${process.pid}\n`)
      await handle.close()
      return
    } catch (cause) {
      if (!isCode(cause, 'EEXIST')) throw new UsageError(`cannot write to dataDir ${path}`, { cause })
    }
    const owner = Number(await readFile(file, 'utf8').catch(() => ''))
    if (Number.isInteger(owner) && owner > 0 && owner !== process.pid && isAlive(owner)) {
      throw new UsageError(`dataDir ${path} is used by process ${owner}: give every node a directory of its own`)
    }
    if (owner === process.pid) throw new UsageError(`dataDir ${path} is used by another node of this process`)
    // Its owner was killed. Whoever removes the lock first also takes it first, the others find the new one.
    await rm(file, { force: true })
  }
  throw new UsageError(`dataDir ${path} is fought over by several processes: give every node a directory of its own`)
}

async function readOrMakeIdentity(path: string): Promise<Uint8Array> {
  const file = join(path, 'identity')
  try {
    return await readFile(file)
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw new UsageError(`cannot read ${file}`, { cause: error })
  }
  const { privateKey } = await generateIdentity()
  await writeAtomically(file, privateKey)
  return privateKey
}

async function readIncarnation(path: string): Promise<number | undefined> {
  const file = join(path, 'incarnation')
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw new UsageError(`cannot read ${file}`, { cause: error })
  }
  const stored = Number(text)
  // The next life is one above it, and others must be able to read that.
  if (!/^\d+\s*$/.test(text) || stored >= COUNTER_MAX) {
    throw new UsageError(
      `${file} does not hold a number that a life may have: restore it, or remove the directory to join as a new member`,
    )
  }
  return stored
}

function writeIncarnation(path: string, incarnation: number): Promise<void> {
  return writeAtomically(join(path, 'incarnation'), `${incarnation}\n`)
}

async function writeAtomically(file: string, content: string | Uint8Array): Promise<void> {
  const fresh = `${file}.new`
  await writeFile(fresh, content, { mode: 0o600, flush: true })
  await rename(fresh, file)
}

function writeAtomicallySync(file: string, content: string): void {
  const fresh = `${file}.new`
  writeFileSync(fresh, content, { mode: 0o600, flush: true })
  renameSync(fresh, file)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return isCode(error, 'EPERM')
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** Enough to take over the lock of a dead owner even when several processes try. */
const LOCK_ATTEMPTS = 5
