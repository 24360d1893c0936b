/**
 * What a check found, and what that means.
 *
 * | verdict | of a shard |
 * | --- | --- |
 * | `critical` | nobody whose copy counts answered; or copies differ, and their holders do not know it |
 * | `warning` | fewer copies than wanted, a holder that is silent or cannot be asked, records that were evicted, or copies that differ and a holder knows it |
 * | `ok` | `copies + 1` holders answered, and their copies are equal but for writes under way |
 *
 * Wanted are `copies + 1` however few members there are: a cluster that cannot have them is not as safe as it was asked to be.
 * Where every member shall hold everything, they are the members that are here or died lately.
 */
import type { NodeId } from '../session/version.ts'

/** How well a shard, or the cluster, holds what it should; worse from left to right. */
export type CheckVerdict = 'ok' | 'warning' | 'critical'

/** What a check found of one shard. */
export interface ShardCheck {
  readonly shard: number
  readonly verdict: CheckVerdict
  /** How many ready holders it should have. */
  readonly wanted: number
  /** The holders that answered and whose copies count, sorted. */
  readonly readyHolders: readonly NodeId[]
  /** Holders, as last heard, that did not answer. */
  readonly silent: readonly NodeId[]
  /** Buckets whose copies differ, which none of their holders knew: something was lost and not noticed. `holders` are those whose
   * copy is not that of the most, or all of them when no copy is that of most. */
  readonly divergent: readonly { readonly bucket: number; readonly holders: readonly NodeId[] }[]
  /** Buckets that were not seen equal and not seen to differ in the same either: written to all the time, or without a turn in
   * a cache that is too large to be looked at in one check. No alarm. */
  readonly busy: number
  /** Buckets whose copies differ in the same all the time and a holder knows why, such as a repair that takes long; or all the
   * time of a check that was too short to tell. */
  readonly behind: number
  /** Records that a holder put out of its cache before their end, for want of room; of the holder with the most. */
  readonly evicted: number
}

/** What a check of a whole cluster found, as one of its members sees it. */
export interface CheckReport {
  /** The worst of any shard; at least `warning` when a member is silent or cannot be asked. */
  readonly verdict: CheckVerdict
  readonly members: {
    /** Members that are here and will stay, the one that checks included. */
    readonly alive: number
    readonly suspect: number
    /** Members that are handing over what they hold. */
    readonly leaving: number
    /** Those of them that did not answer this check. */
    readonly silent: readonly NodeId[]
    /** Those of them that cannot be asked: they run an earlier version, which knows no checks. */
    readonly unasked: readonly NodeId[]
  }
  readonly shards: readonly ShardCheck[]
  readonly checkedShards: number
  /** What is wrong, for people: one line each, the worst first. */
  readonly reasons: readonly string[]
}

/** Everything about the members that a report tells. `holds` is what each said last of its ready shards. */
export interface CheckedMembers {
  readonly alive: number
  readonly suspect: number
  readonly leaving: number
  readonly silent: readonly CheckedMember[]
  readonly unasked: readonly CheckedMember[]
  nameOf(node: NodeId): string
}

export interface CheckedMember {
  readonly node: NodeId
  holds(shard: number): boolean
}

/** What was found of a shard, before it is judged. */
export type ShardFindings = Omit<ShardCheck, 'verdict' | 'silent'>

/** Judge. */
export function createReport(members: CheckedMembers, findings: readonly ShardFindings[]): CheckReport {
  const shards = findings.map((found) => judgeShard(found, members))
  const { alive, suspect, leaving, silent, unasked } = members
  const isShort = silent.length > 0 || unasked.length > 0
  return {
    verdict: worst([isShort ? 'warning' : 'ok', ...shards.map(({ verdict }) => verdict)]),
    members: { alive, suspect, leaving, silent: nodesOf(silent), unasked: nodesOf(unasked) },
    shards,
    checkedShards: shards.length,
    reasons: reasonsOf(shards, members),
  }
}

function judgeShard(found: ShardFindings, members: CheckedMembers): ShardCheck {
  const { shard, wanted, readyHolders, divergent, behind, evicted } = found
  const silent = nodesOf(members.silent.filter((member) => member.holds(shard)))
  const hasUnasked = members.unasked.some((member) => member.holds(shard))
  const isLost = readyHolders.length === 0 && !hasUnasked
  const isShort = readyHolders.length < wanted || silent.length > 0 || hasUnasked || behind > 0 || evicted > 0
  return { ...found, silent, verdict: isLost || divergent.length > 0 ? 'critical' : isShort ? 'warning' : 'ok' }
}

function reasonsOf(shards: readonly ShardCheck[], { silent, unasked, nameOf }: CheckedMembers): string[] {
  const reasons: string[] = []
  const lost = shards.filter(({ verdict, readyHolders }) => verdict === 'critical' && readyHolders.length === 0)
  if (lost.length > 0) reasons.push(`no ready holder of ${count(lost.length, 'shard')} answered: ${listed(lost)}`)
  const divergent = shards.filter((found) => found.divergent.length > 0)
  for (const { shard, divergent: buckets } of divergent.slice(0, LISTED_MAX)) {
    const holders = [...new Set(buckets.flatMap((bucket) => bucket.holders))].map(nameOf).join(', ')
    reasons.push(`${count(buckets.length, 'bucket')} of shard ${shard} differ and nobody knew: look at ${holders}`)
  }
  const more = divergent.length - LISTED_MAX
  if (more > 0) reasons.push(`so do buckets of ${count(more, 'more shard')}`)
  for (const { node } of silent) reasons.push(`${nameOf(node)} did not answer`)
  for (const { node } of unasked) reasons.push(`${nameOf(node)} runs an earlier version, which cannot be asked`)
  const short = shards.filter(({ readyHolders, wanted }) => readyHolders.length > 0 && readyHolders.length < wanted)
  if (short.length > 0) {
    const fewest = Math.min(...short.map(({ readyHolders }) => readyHolders.length))
    const wanted = Math.max(...short.map((found) => found.wanted))
    reasons.push(
      `not enough holders: ${count(short.length, 'shard')} with ${fewest} of ${wanted} ready: ${listed(short)}`,
    )
  }
  const behind = shards.reduce((sum, found) => sum + found.behind, 0)
  if (behind > 0)
    reasons.push(
      `${count(behind, 'bucket')} not equal yet: a holder knows that it misses something, or there was no time to tell`,
    )
  const evicted = shards.reduce((sum, found) => sum + found.evicted, 0)
  if (evicted > 0) reasons.push(`${count(evicted, 'record')} left caches for want of room: give them more bytes`)
  return reasons
}

function listed(shards: readonly ShardCheck[]): string {
  const numbers = shards.slice(0, LISTED_MAX).map(({ shard }) => shard)
  return `${numbers.join(', ')}${shards.length > LISTED_MAX ? ', …' : ''}`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function nodesOf(members: readonly CheckedMember[]): NodeId[] {
  return members.map(({ node }) => node).sort()
}

function worst(verdicts: readonly CheckVerdict[]): CheckVerdict {
  return verdicts.includes('critical') ? 'critical' : verdicts.includes('warning') ? 'warning' : 'ok'
}

/** Shards that one reason names: a line is to be read. */
const LISTED_MAX = 8
