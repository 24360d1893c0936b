/**
 * What the clients of a simulated cluster did and were told: the truth that the checkers hold the nodes to.
 *
 * Every write gets a content of its own, so a value that turns up anywhere names the write it came from. Nothing here looks
 * into a node; the workload fills it in, the checkers read it.
 */
import type { Birth, NodeId, Outcome, SessionKey, SessionRecord, Version, WriteProof } from '@reprise/core'
import { compareBirths, compareVersions, covers } from '@reprise/core'

/** One life of one session id. */
export interface SessionLife {
  readonly key: SessionKey
  readonly birth: Birth
  readonly createdAtMs: number
  /** The idle time that it was created with. */
  readonly idleMs: number
  readonly absoluteMs: number
  readonly commits: Commit[]
  readonly drops: Drop[]
  /** When a client last touched it. */
  touchedAtMs: number
}

/** A write that was issued. Its outcome may be unknown to the client. */
export interface Commit {
  readonly kind: 'commit'
  readonly life: SessionLife
  readonly node: NodeId
  /** Which start of the node's process wrote it. */
  readonly nodeLife: number
  readonly version: Version
  /** Text by portion name; null where the portion was removed. */
  readonly changes: ReadonlyMap<string, string | null>
  /** The idle time that it gave the session; undefined: that of what it was built on. */
  readonly idleMs: number | undefined
  readonly issuedAtMs: number
  /** Copies confirmed besides the writer; undefined until it resolved. */
  confirmedCopies: number | undefined
}

export interface Drop {
  readonly kind: 'drop'
  readonly life: SessionLife
  readonly node: NodeId
  readonly nodeLife: number
  readonly issuedAtMs: number
  confirmedCopies: number | undefined
}

export type Write = Commit | Drop

/** A resume, from its start. */
export interface Read {
  readonly key: SessionKey
  readonly node: number
  readonly consistency: 'latest' | 'any'
  readonly portions: readonly string[] | undefined
  readonly proof: WriteProof | undefined
  readonly startedAtMs: number
  readonly deadlineMs: number
}

/** A resume that ended. */
export interface ReadResult {
  readonly read: Read
  readonly outcome: Outcome
  readonly endedAtMs: number
}

export class Ledger {
  readonly keys: readonly SessionKey[]
  readonly #lives = new Map<string, SessionLife>()
  readonly #livesByKey = new Map<SessionKey, SessionLife[]>()
  readonly #commits = new Map<string, Commit>()

  constructor(keys: readonly SessionKey[]) {
    this.keys = keys
  }

  get commitCount(): number {
    return this.#commits.size
  }

  addLife(life: SessionLife): void {
    this.#lives.set(birthName(life.key, life.birth), life)
    const lives = this.#livesByKey.get(life.key)
    if (lives === undefined) this.#livesByKey.set(life.key, [life])
    else lives.push(life)
  }

  life(key: SessionKey, birth: Birth): SessionLife | undefined {
    return this.#lives.get(birthName(key, birth))
  }

  /** All lives of an id, in the order of creation. */
  lives(key: SessionKey): readonly SessionLife[] {
    return this.#livesByKey.get(key) ?? []
  }

  /** @returns the commit that already has this version, if there is one: it is then not added. */
  addCommit(commit: Commit): Commit | undefined {
    const name = versionName(commit.life, commit.version)
    const known = this.#commits.get(name)
    if (known !== undefined) return known
    this.#commits.set(name, commit)
    commit.life.commits.push(commit)
    return undefined
  }

  commit(life: SessionLife, version: Version): Commit | undefined {
    return this.#commits.get(versionName(life, version))
  }
}

/** Whether a record includes the write, or something that ends it. */
export function includes(record: SessionRecord, write: Write): boolean {
  const order = compareBirths(record.birth, write.life.birth)
  if (order !== 0) return order > 0
  if (record.kind === 'dropped') return true
  // A full frontier has forgotten its oldest tenures; what is older than those it keeps counts as included.
  return write.kind === 'commit' && covers(record.frontier, [write.version])
}

/**
 * The earliest time at which a copy that includes a write ends by itself, if nothing used it afterwards. The end is that of the
 * highest version (rule E1): of two primaries that did not know of each other, the higher may have been used before.
 */
export function writeEndsMs(write: Write): number {
  const { life } = write
  const isHigher = ({ version }: Commit): boolean =>
    write.kind === 'commit' && compareVersions(version, write.version) > 0
  const [shortestMs] = idleTimesMs(life)
  const ends = [write, ...life.commits.filter(isHigher)].map((use) => {
    return use.issuedAtMs + ((use.kind === 'commit' ? use.idleMs : undefined) ?? shortestMs)
  })
  return Math.min(...ends, life.createdAtMs + life.absoluteMs)
}

/** The shortest and the longest idle time that a session ever had: what was in force at a write depends on what it was built on. */
export function idleTimesMs({ idleMs, commits }: SessionLife): readonly [shortest: number, longest: number] {
  const given = commits.flatMap((commit) => commit.idleMs ?? [])
  return given.length === 0 ? [idleMs, idleMs] : [Math.min(idleMs, ...given), Math.max(idleMs, ...given)]
}

/** The earliest time at which a session may end by itself, if nothing used it after its last write. */
export function endsEarliestMs(life: SessionLife): number {
  const [first, ...others] = life.commits
  if (first === undefined) return life.createdAtMs + Math.min(life.idleMs, life.absoluteMs)
  return writeEndsMs(
    others.reduce((top, commit) => (compareVersions(commit.version, top.version) > 0 ? commit : top), first),
  )
}

export function describeVersion({ tenure, seq }: Version): string {
  return `(${tenure.epoch},${tenure.node}/${tenure.incarnation % 1_000_000},${seq})`
}

export function describeWrite(write: Write): string {
  const what = write.kind === 'commit' ? `commit ${describeVersion(write.version)}` : 'drop'
  return `${what} of ${write.life.key} by ${write.node} at ${write.issuedAtMs.toFixed(1)} ms`
}

function birthName(key: SessionKey, birth: Birth): string {
  return `${key} ${birth.generation}.${birth.random}`
}

function versionName(life: SessionLife, { tenure, seq }: Version): string {
  return `${birthName(life.key, life.birth)} ${tenure.epoch} ${tenure.node} ${tenure.incarnation} ${seq}`
}
