/** Rates from two snapshots: what the charts draw. */
import type { Snapshot } from './snapshot.ts'

/** One moment. Rates are per second since the moment before. */
export interface Sample {
  readonly atMs: number
  readonly commits: number
  readonly resumesLocal: number
  readonly resumesPeers: number
  /** Of the sessions that were found, the share that needed no peer; undefined when there was none. */
  readonly hitRatio: number | undefined
  readonly gaps: number
  readonly repairs: number
  readonly cacheBytes: number
  readonly loopDelayMs: number
  readonly resumeCounts: readonly number[]
}

export function sampleOf(before: Snapshot, next: Snapshot, atMs: number): Sample {
  const seconds = Math.max(0.001, (next.uptimeMs - before.uptimeMs) / 1_000)
  const rate = (read: (snapshot: Snapshot) => number): number => Math.max(0, read(next) - read(before)) / seconds
  const resumesLocal = rate(({ stats }) => stats.resumesFrom.local + stats.localReads.hit)
  const resumesPeers = rate(({ stats }) => stats.resumesFrom.peers)
  const found = resumesLocal + resumesPeers
  return {
    atMs,
    commits: rate(({ stats }) => stats.commits.queued + stats.commits.confirmed),
    resumesLocal,
    resumesPeers,
    hitRatio: found === 0 ? undefined : resumesLocal / found,
    gaps: rate(({ stats }) => stats.events.gap),
    repairs: rate(({ node }) => node.streams.repairs),
    cacheBytes: next.node.table.bytes,
    loopDelayMs: next.process.eventLoopDelayMs.p99,
    resumeCounts: next.stats.resumeLatency.counts.map(
      (count, index) => count - (before.stats.resumeLatency.counts[index] ?? 0),
    ),
  }
}

/** How many of the samples' resumes fell into each bucket of the histogram. */
export function sumCounts(samples: readonly Sample[], length: number): readonly number[] {
  const sums = new Array<number>(length).fill(0)
  for (const { resumeCounts } of samples) {
    for (const [index, count] of resumeCounts.entries()) sums[index] = (sums[index] ?? 0) + count
  }
  return sums
}
