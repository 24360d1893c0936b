/**
 * Which members hold which shard: weighted rendezvous hashing, spread over zones first.
 *
 * Every node scores every member for a shard by a hash of both; the highest scores hold it. A member that comes or goes
 * moves only the shards it gains or loses. Weights follow Schindler and Schomaker, "Weighted distributed hash tables"
 * (2005): score = -weight / ln(u) with u uniform from the hash. Nothing depends on two nodes seeing the same members at the
 * same instant, since publishers publish to the shard's topic and holders decide what they subscribe to.
 */
import { SHARD_COUNT } from '../constants.ts'
import type { NodeId } from '../session/version.ts'
import type { KeyHash } from '../table/key-hash.ts'

export interface Candidate {
  readonly node: NodeId
  readonly zone: string
  readonly weight: number
}

/** The holders of each shard, best first. */
export type Placement = readonly (readonly NodeId[])[]

/**
 * @param holdersPerShard how many hold a shard when there are enough candidates: `copies + 1` (rule A2), or Infinity.
 * @param draws remembers hashes from one placement to the next; default for this one only.
 */
export function place(
  candidates: readonly Candidate[],
  holdersPerShard: number,
  keyHash: KeyHash,
  draws: Draws = new Draws(keyHash),
): Placement {
  const able = candidates.filter((candidate) => hundredths(candidate.weight) > 0)
  draws.keepOnly(able)
  // In the order of their names, so that the first of two equal scores is the same for everybody.
  able.sort((a, b) => (a.node < b.node ? -1 : 1))
  const weighted = able.map(({ node, weight }) => ({ weight: hundredths(weight), logs: draws.of(node) }))
  const scores = new Float64Array(able.length)
  return Array.from({ length: SHARD_COUNT }, (_, shard) => {
    for (const [i, { weight, logs }] of weighted.entries()) scores[i] = -weight / (logs[shard] as number)
    return spreadOverZones(able, scores, Math.min(holdersPerShard, able.length))
  })
}

/**
 * What members drew for the shards: the logarithm of a uniform number, which depends on nothing but their names. Placing a cluster
 * anew with each of a thousand members that are met would hash the same names 64,000 times over.
 */
export class Draws {
  readonly #keyHash: KeyHash
  readonly #logs = new Map<NodeId, Float64Array>()

  constructor(keyHash: KeyHash) {
    this.#keyHash = keyHash
  }

  /** By shard; none is 0. */
  of(node: NodeId): Float64Array {
    const known = this.#logs.get(node)
    if (known !== undefined) return known
    const logs = Float64Array.from({ length: SHARD_COUNT }, (_, shard) => {
      const hash = this.#keyHash(`${shard}/${node}`)
      // 53 uniform bits, never 0 and never 1.
      return Math.log(((hash.hi >>> 0) * 2 ** 21 + (hash.lo >>> 11) + 0.5) / 2 ** 53)
    })
    this.#logs.set(node, logs)
    return logs
  }

  /** Forget everybody else: it is bounded by the members that there are. */
  keepOnly(candidates: readonly Candidate[]): void {
    if (this.#logs.size <= 2 * candidates.length) return
    const nodes = new Set(candidates.map(({ node }) => node))
    for (const node of this.#logs.keys()) if (!nodes.has(node)) this.#logs.delete(node)
  }
}

/** Weights travel in hundredths: all nodes must compute with the same number, the member itself included. */
function hundredths(weight: number): number {
  return Math.round(weight * 100)
}

/**
 * The best of each zone, then the next best of each, until there are enough. Scores are above 0. Holders are few and candidates may be a thousand, so each
 * is looked for by itself and nothing is sorted.
 */
function spreadOverZones(candidates: readonly Candidate[], scores: Float64Array, count: number): NodeId[] {
  const chosen = new Set<Candidate>()
  const zones = new Set<string>()
  while (chosen.size < count) {
    let best: Candidate | undefined
    let bestScore = 0
    for (let i = 0; i < candidates.length; i++) {
      const score = scores[i] as number
      if (score <= bestScore) continue
      const candidate = candidates[i] as Candidate
      if (zones.has(candidate.zone) || chosen.has(candidate)) continue
      best = candidate
      bestScore = score
    }
    if (best === undefined) {
      // Every zone had its turn.
      zones.clear()
      continue
    }
    chosen.add(best)
    zones.add(best.zone)
  }
  return [...chosen].map(({ node }) => node)
}
