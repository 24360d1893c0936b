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
 */
export function place(candidates: readonly Candidate[], holdersPerShard: number, keyHash: KeyHash): Placement {
  const able = candidates.filter((candidate) => hundredths(candidate.weight) > 0)
  return Array.from({ length: SHARD_COUNT }, (_, shard) => {
    const ranked = able
      .map((candidate) => ({ candidate, score: score(candidate, shard, keyHash) }))
      .sort((a, b) => b.score - a.score || (a.candidate.node < b.candidate.node ? -1 : 1))
      .map(({ candidate }) => candidate)
    return spreadOverZones(ranked, Math.min(holdersPerShard, able.length))
  })
}

function score(candidate: Candidate, shard: number, keyHash: KeyHash): number {
  const hash = keyHash(`${shard}/${candidate.node}`)
  // 53 uniform bits, never 0 and never 1.
  const uniform = ((hash.hi >>> 0) * 2 ** 21 + (hash.lo >>> 11) + 0.5) / 2 ** 53
  return -hundredths(candidate.weight) / Math.log(uniform)
}

/** Weights travel in hundredths: all nodes must compute with the same number, the member itself included. */
function hundredths(weight: number): number {
  return Math.round(weight * 100)
}

function spreadOverZones(ranked: readonly Candidate[], count: number): NodeId[] {
  const chosen: NodeId[] = []
  const rest = new Set(ranked)
  while (chosen.length < count) {
    const zones = new Set<string>()
    for (const candidate of rest) {
      if (chosen.length === count) break
      if (zones.has(candidate.zone)) continue
      zones.add(candidate.zone)
      rest.delete(candidate)
      chosen.push(candidate.node)
    }
  }
  return chosen
}
