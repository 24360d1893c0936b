/**
 * Values outside the head: of I-R7, that what is read is one value as it was written, never a mix of two; and of I-R3, that
 * what a confirmed commit names is at as many holders as the commit itself, for as long as its value was not replaced.
 *
 * Each chunk is counted for itself, in the shard of its own key. A crash takes copies away until all holders have it again.
 */
import { Buffer } from 'node:buffer'
import type { Birth, BlobReference, Found, LiveRecord, Notice, SessionKey, Version } from '@reprise/core'
import { BUCKET_COUNT, chunkKeys, compareBirths, compareVersions, isChunkKey, isReference } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import type { Commit, Read, ReadResult, Write } from '../ledger.ts'
import { describeVersion, describeWrite } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { has, hasEnded, isJoined, isReady, isReplaced } from './checker.ts'

export class LargeValues implements Checker {
  readonly #world: World
  /** What the commits that are not confirmed yet name, by portion. */
  readonly #named = new Map<Commit, ReadonlyMap<string, BlobReference>>()
  readonly #promises = new Set<Promised>()
  /** How many holders of a chunk crashed: also before the commit that names it was confirmed, or even written. */
  readonly #crashesWith = new Map<SessionKey, number>()
  readonly #crashedAtMs: number[] = []
  /** When reads began, by the clocks of their nodes. */
  readonly #startedAt = new WeakMap<Read, number>()
  /** When a node let go of the last shard before it went. */
  readonly #leftAtMs = new Map<SimulatedNode, number>()

  constructor(world: World) {
    this.#world = world
  }

  onReadEnd({ read, outcome }: ReadResult): void {
    if (outcome.outcome !== 'complete' && outcome.outcome !== 'partial') return
    if (outcome.outcome === 'partial') this.#checkGaveUp(read, outcome)
    for (const [name, parts] of outcome.blobs ?? []) {
      this.#checkWhole(read, outcome.record, name, Buffer.concat(parts).toString('latin1'))
    }
  }

  onIssued(write: Write): void {
    if (write.kind !== 'commit') return
    const record = this.#world.cluster.nodeById(write.node).entry(write.life.key)?.record
    if (record?.kind !== 'live') return
    const named = new Map<string, BlobReference>()
    for (const name of write.changes.keys()) {
      const portion = record.portions.get(name)
      if (portion === undefined || compareVersions(portion.version, write.version) !== 0) continue
      if (isReference(portion.value)) named.set(name, portion.value)
    }
    if (named.size > 0) this.#named.set(write, named)
  }

  onConfirmed(write: Write): void {
    const named = write.kind === 'commit' ? this.#named.get(write) : undefined
    if (write.kind !== 'commit' || named === undefined) return
    this.#named.delete(write)
    const writer = this.#world.cluster.nodeById(write.node)
    for (const [name, reference] of named) {
      for (const key of chunkKeys(write.life.key, name, reference)) {
        const promise: Promised = {
          write,
          name,
          key,
          shard: this.#world.shardOf(key),
          copies:
            (write.confirmedCopies ?? 0) - (this.#crashesWith.get(key) ?? 0) - this.#leavesSince(write.issuedAtMs),
          writer: writer.life === write.nodeLife && writer.isUp ? writer : undefined,
        }
        this.#promises.add(promise)
        this.#check(promise, 'when it was confirmed')
      }
    }
  }

  onReadStart(read: Read): void {
    const { cluster, nowMs } = this.#world
    this.#startedAt.set(read, cluster.node(read.node).clock.nowMs(nowMs))
  }

  onCrash(node: SimulatedNode): void {
    this.#crashedAtMs.push(this.#world.nowMs)
    for (const key of chunksAt(node)) {
      if (isJoined(node, this.#world.shardOf(key))) this.#crashesWith.set(key, (this.#crashesWith.get(key) ?? 0) + 1)
    }
    for (const promise of this.#promises) {
      if (promise.writer === node) promise.writer = undefined
      else if (isJoined(node, promise.shard) && hasChunk(node, promise)) promise.copies--
    }
  }

  onNotice(node: SimulatedNode, notice: Notice): void {
    // Where too few others are left, who leaves is not replaced.
    if (notice.type === 'shard:left' && node.isLeaving) {
      this.#leftAtMs.set(node, this.#world.nowMs)
      for (const promise of this.#promises) if (promise.shard === notice.shard) promise.copies--
    }
    if (notice.type !== 'portion:evicted' && notice.type !== 'session:evicted') return
    for (const promise of this.#promises) if (promise.write.life.key === notice.key) this.#promises.delete(promise)
  }

  onCheckpoint(): void {
    for (const promise of this.#promises) {
      if (this.#isOver(promise)) this.#promises.delete(promise)
      else if (this.#check(promise, 'later')) this.#renew(promise)
    }
  }

  onQuiet(): void {
    this.onCheckpoint()
    for (const promise of this.#promises) {
      if (promise.copies < 1) continue
      for (const node of this.#world.cluster.up()) {
        if (!isReady(node, promise.shard) || hasChunk(node, promise)) continue
        this.#world.violate('I-R3', `${describe(promise)} is not at ${node.id} in the end`)
      }
    }
  }

  #checkWhole(read: Read, record: LiveRecord, name: string, text: string): void {
    const life = this.#world.ledger.life(read.key, record.birth)
    const version = record.portions.get(name)?.version
    if (life === undefined || version === undefined) return
    const written = this.#world.ledger.commit(life, version)?.changes.get(name)
    if (text === written) return
    const what = `${name} of ${read.key} at ${describeVersion(version)}, read at n${read.node},`
    this.#world.violate('I-R7', `${what} is torn: ${text.length} bytes that are not the ${written?.length} written`)
  }

  /**
   * What a head names and is gone was replaced, and the head is read again (rule B1). A holder that hears of the replacement
   * after it was asked last does not say so, as does one that stood still, and one that the outcome calls silent (rule R1).
   */
  #checkGaveUp(read: Read, { record, missing, from }: Found): void {
    const { cluster, nowMs } = this.#world
    // A holder hears of a write, and what it answered before that is on its way: each as long as the links drawn may take.
    const newsMs = Math.max(NEWS_MS_MIN, 2 * cluster.options.conditions.delayMsMax)
    // By the reader's own clock, which may have been set forward meanwhile.
    const sinceMs = cluster.node(read.node).clock.nowMs(nowMs) - (this.#startedAt.get(read) ?? 0)
    if (sinceMs > read.deadlineMs - ROUND_TRIP_MS_MAX) return
    for (const name of missing) {
      const portion = record.portions.get(name)
      if (portion === undefined || !isReference(portion.value)) continue
      const newer = cluster.up().find((node) => {
        const known = node.entry(read.key)?.record
        if (known?.kind !== 'live' || !isReady(node, this.#world.shardOf(read.key)) || node.isLeaving) return false
        if (node.wokeAtMs > read.startedAtMs || from.silent.includes(node.id)) return false
        const isNear = node.index === read.node || this.#isInReach(read.node, node)
        const sinceMs = this.#replacedAtMs(read.key, { birth: record.birth, name, version: portion.version }, known)
        return isNear && node.isRunning && sinceMs <= Math.max(read.startedAtMs, nowMs - newsMs)
      })
      if (newer === undefined) continue
      const what = `${name} of ${read.key} at ${describeVersion(portion.version)}`
      this.#world.violate('I-R7', `n${read.node} gave up on ${what}, while ${newer.id} knew what had replaced it`)
    }
  }

  /** Connected, and taken for alive: who stood still for long has to meet the others again. */
  #isInReach(reader: number, node: SimulatedNode): boolean {
    const { cluster } = this.#world
    if (!cluster.network.isConnected(reader, node.index)) return false
    return cluster.node(reader).replica?.aliveMembers().includes(node.id) === true
  }

  /** Since when there is, in what a node knows, something newer than the portion: by a write, or by a later life of the id. */
  #replacedAtMs(key: SessionKey, { birth, name, version }: PortionRead, known: LiveRecord): number {
    const life = this.#world.ledger.life(key, known.birth)
    const births = compareBirths(known.birth, birth)
    if (life === undefined || births < 0) return Number.POSITIVE_INFINITY
    if (births > 0) return Math.min(...life.commits.map(({ issuedAtMs }) => issuedAtMs))
    const theirs = known.portions.get(name)?.version
    if (theirs === undefined || compareVersions(theirs, version) <= 0) return Number.POSITIVE_INFINITY
    return this.#world.ledger.commit(life, theirs)?.issuedAtMs ?? Number.POSITIVE_INFINITY
  }

  /** Dropped, ended, or replaced by something that is known: then whoever reads the new head does not miss it. */
  #isOver({ write, name }: Promised): boolean {
    const { commits, drops } = write.life
    if (drops.length > 0 || hasEnded(write, this.#world.nowMs) || isReplaced(this.#world, write)) return true
    return commits.some((commit) => {
      const isNewer = commit.changes.has(name) && compareVersions(commit.version, write.version) > 0
      return isNewer && !this.#isForgotten(commit)
    })
  }

  /** Whether a commit went with its writer, and with nobody else: then what it replaced must still be here (rule B1). */
  #isForgotten(commit: Commit): boolean {
    const writer = this.#world.cluster.nodeById(commit.node)
    if (writer.life === commit.nodeLife && writer.isUp) return false
    if (this.#crashedAtMs.filter((atMs) => atMs >= commit.issuedAtMs).length > 1) return false
    return !this.#world.cluster.up().some((node) => has(node, commit))
  }

  /** Nodes that left meanwhile. What they acknowledged before that counts for the commit, as a crashed one's does. */
  #leavesSince(ms: number): number {
    return [...this.#leftAtMs.values()].filter((atMs) => atMs >= ms).length
  }

  #check(promise: Promised, when: string): boolean {
    if (this.#isOver(promise)) return true
    const { shard, writer, copies } = promise
    const holders = this.#world.cluster
      .up()
      .filter((node) => node !== writer && isJoined(node, shard) && hasChunk(node, promise))
    if (holders.length >= copies) return true
    this.#promises.delete(promise)
    this.#world.violate('I-R3', `${describe(promise)} has ${holders.length} of ${copies} copies ${when}`)
    return false
  }

  /** All holders have it again: from here crashes are counted anew. */
  #renew(promise: Promised): void {
    const full = this.#world.cluster.options.copies + 1
    const counted = this.#world.cluster
      .up()
      .filter((node) => node.replica?.isCounted(promise.shard) && hasChunk(node, promise))
    if (counted.length < full) return
    promise.copies = full
    promise.writer = undefined
  }
}

/** A version of a portion, of one life of its session. */
interface PortionRead {
  readonly birth: Birth
  readonly name: string
  readonly version: Version
}

/** A chunk that a confirmed commit names. */
interface Promised {
  readonly write: Commit
  /** The portion that it is a part of. */
  readonly name: string
  readonly key: SessionKey
  /** Its own, not its session's. */
  readonly shard: number
  copies: number
  /** Who wrote it, while that process runs: its own copy is not among those promised. */
  writer: SimulatedNode | undefined
}

/** The chunks that a node has alive. */
function* chunksAt({ table }: SimulatedNode): Generator<SessionKey> {
  for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
    for (const { key, record } of table.bucketEntries(bucket)) if (record.kind === 'live' && isChunkKey(key)) yield key
  }
}

function hasChunk(node: SimulatedNode, { key }: Promised): boolean {
  return node.entry(key)?.record.kind === 'live'
}

function describe({ write, name, shard }: Promised): string {
  return `a part of ${name} (shard ${shard}), named by the ${describeWrite(write)},`
}

/**
 * What was written less than that ago, while a read was under way, may be known where it was asked about a moment before; longer
 * where links are slow.
 */
const NEWS_MS_MIN = 20
/** Less than that before its deadline a read need not begin anew. */
const ROUND_TRIP_MS_MAX = 100
