/**
 * I-R4: quiet and healed, all ready holders of a shard have equal digests and equal content; and of I-R12, that every shard
 * has its `copies + 1` ready holders again.
 *
 * It also tells whether the cluster *is* quiet, which is what a run waits for before anything is checked at the end.
 */
import type { Entry, SessionKey } from '@reprise/core'
import { compareBirths, SHARD_COUNT, WIRE_VERSION } from '@reprise/core'
import type { SimulatedNode } from '../cluster.ts'
import { endsEarliestMs } from '../ledger.ts'
import type { Checker, World } from './checker.ts'
import { END_MARGIN_MS, hasEvicted, isEnding, isReady, keepFloors, wireOf } from './checker.ts'
import { isEqualContent } from './merge-laws.ts'

export class Convergence implements Checker {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  onQuiet(): void {
    for (let shard = 0; shard < SHARD_COUNT; shard++) {
      const holders = this.#holders(shard)
      const difference = this.#differenceIn(shard, holders)
      if (difference !== undefined) this.#world.violate('I-R4', difference)
    }
  }

  /** Why the cluster is not quiet yet, or undefined when it is. */
  unrest(): string | undefined {
    const { nodes, options, network } = this.#world.cluster
    if (network.isBehind) return 'something is still on its way'
    for (const { id, replica } of nodes) {
      if (replica === undefined) return `${id} is down`
      if (replica.aliveMembers().length < nodes.length) return `${id} sees only ${replica.aliveMembers().join(', ')}`
      if (!replica.isReady) return `${id} is not ready`
      if (replica.owesAnything) return `${id} has frames that are not acknowledged`
      const { streams, pulls, syncs } = replica.status()
      if (streams.gaps > 0) return `${id} has ${streams.gaps} gaps`
      if (streams.waiting > 0) return `${id} has writes that wait for copies`
      if (pulls.underWay > 0) return `${id} has pulls under way`
      if (syncs.underWay > 0) return `${id} has syncs under way`
    }
    // Repositories come on top, and must be equal as well.
    const beside = options.repositories?.length ?? 0
    const full = Math.min(options.copies + 1, nodes.length - beside) + beside
    for (let shard = 0; shard < SHARD_COUNT; shard++) {
      const holders = this.#holders(shard)
      if (holders.length !== full) return `shard ${shard} has ${holders.length} ready holders of ${full}`
      const difference = this.#differenceIn(shard, holders)
      if (difference !== undefined) return difference
    }
    return undefined
  }

  #holders(shard: number): SimulatedNode[] {
    return this.#world.cluster.nodes.filter((node) => isReady(node, shard))
  }

  #differenceIn(shard: number, [first, ...others]: readonly SimulatedNode[]): string | undefined {
    if (first === undefined) return undefined
    for (const other of others) {
      // As the least of all would compare them: what some links do not carry may have reached one of the two, until the next audit.
      const wire = wireOf(this.#world, this.#world.cluster.nodes)
      const digests = first.table.shardDigests(shard, wire)
      const theirs = other.table.shardDigests(shard, wire)
      for (const [i, digest] of digests.entries()) {
        const bucket = shard * digests.length + i
        const isEqual = theirs[i]?.hi === digest.hi && theirs[i]?.lo === digest.lo
        const where = `bucket ${bucket} (shard ${shard}) differs at ${first.id} and ${other.id}`
        const key = this.#differentKey(bucket, first, other)
        if (key !== undefined) return `${where} in ${key}, behind ${isEqual ? 'equal' : 'different'} digests`
        if (isEqual || this.mayDiffer(bucket, [first, other]) || hasLoneTombstone(bucket, first, other)) continue
        return `${where} by its digests alone`
      }
    }
    return undefined
  }

  #differentKey(bucket: number, a: SimulatedNode, b: SimulatedNode): SessionKey | undefined {
    const wire = wireOf(this.#world, this.#world.cluster.nodes)
    for (const [here, there] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const entry of here.table.bucketEntries(bucket)) {
        const theirs = there.entry(entry.key)
        if (hasEvicted(there, entry.key)) continue
        if (isUnwritten(entry) || this.#isEnding(here, entry) || this.#isEnding(there, theirs)) continue
        if (isBrief(entry) && theirs === undefined) continue
        if (theirs === undefined || !isEqualContent(entry.record, theirs.record, wire)) return entry.key
      }
    }
    return undefined
  }

  /**
   * Whether something in the bucket is about to end, and so counted at one node and not at the other; or was evicted, in
   * versions that may differ until the next audit.
   */
  mayDiffer(bucket: number, nodes: readonly SimulatedNode[]): boolean {
    if (nodes.some((node) => this.#hasStubs(node, bucket))) return true
    return nodes.some((node) => [...node.table.bucketEntries(bucket)].some((entry) => this.#isEnding(node, entry)))
  }

  /** A frozen member counts its stubs, and not where they are. */
  #hasStubs(node: SimulatedNode, bucket: number): boolean {
    const { table } = node
    return (wireOf(this.#world, [node]) === WIRE_VERSION ? table.stubCount(bucket) : table.stubs) > 0
  }

  #isEnding(node: SimulatedNode, entry: Entry | undefined): boolean {
    if (entry === undefined) return false
    return isEnding(this.#world, node, entry.record) || this.#isOver(entry) || this.#isOfOldLife(entry)
  }

  /** A copy that was long on its way to one holder ends there by as much later. */
  #isOver({ key, record }: Entry): boolean {
    const life = record.kind === 'live' ? this.#world.ledger.life(key, record.birth) : undefined
    return life !== undefined && endsEarliestMs(life) - END_MARGIN_MS <= this.#world.nowMs
  }

  /** A tombstone that a later, shorter life of the id replaced elsewhere: when that ended, nothing was left without floors. */
  #isOfOldLife({ key, record }: Entry): boolean {
    if (record.kind !== 'dropped' || keepFloors(this.#world)) return false
    return this.#world.ledger.lives(key).some(({ birth }) => compareBirths(birth, record.birth) > 0)
  }
}

/** Of a chunk: two that dropped it count its time each by itself, and where it is over nothing says as much (rule B1). */
function isBrief({ record }: Entry): boolean {
  return record.kind === 'dropped' && record.isBrief === true
}

function hasLoneTombstone(bucket: number, a: SimulatedNode, b: SimulatedNode): boolean {
  const isAlone = (here: SimulatedNode, there: SimulatedNode): boolean =>
    [...here.table.bucketEntries(bucket)].some((entry) => isBrief(entry) && there.entry(entry.key) === undefined)
  return isAlone(a, b) || isAlone(b, a)
}

/** Created and never committed: nobody else's business. */
function isUnwritten({ record }: Entry): boolean {
  return record.kind === 'live' && record.frontier.length === 0
}
