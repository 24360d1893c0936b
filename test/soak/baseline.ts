/** Whether members hold what they held before the load, and no more. */
import { setTimeout as pause } from 'node:timers/promises'
import { nameOf, type SoakCluster } from './cluster.ts'
import { BASELINE_EVERY_MS, BASELINE_LOOKS, BASELINE_WITHIN_MS, MEMBERS } from './constants.ts'
import type { Counts } from './member-process.ts'

/** Something that a member has more of than any had before the load. */
export interface Leftover {
  readonly member: string
  readonly what: string
  readonly count: number
  readonly before: number
}

/** The most of everything that any member has while nobody comes. */
export async function takeBaseline(cluster: SoakCluster): Promise<Counts> {
  const most: Record<string, number> = {}
  for (let look = 0; look < BASELINE_LOOKS; look++) {
    for (const counts of await countsOf(cluster)) {
      for (const [what, count] of Object.entries(counts)) most[what] = Math.max(most[what] ?? 0, count)
    }
    await pause(BASELINE_EVERY_MS)
  }
  return most
}

/** Wait until everything is as it was. @returns what was not, in time. */
export async function backToBaseline(
  cluster: SoakCluster,
  baseline: Counts,
  signal: AbortSignal,
): Promise<readonly Leftover[]> {
  const deadline = performance.now() + BASELINE_WITHIN_MS
  for (;;) {
    const left = leftovers(await countsOf(cluster), baseline)
    if (left.length === 0 || performance.now() > deadline) return left
    await pause(BASELINE_EVERY_MS, undefined, { signal })
  }
}

async function countsOf(cluster: SoakCluster): Promise<readonly Counts[]> {
  const members = Array.from({ length: MEMBERS }, (_, index) => index)
  return await Promise.all(members.map((index) => cluster.process(index)?.call('counts') ?? {}))
}

function leftovers(all: readonly Counts[], baseline: Counts): readonly Leftover[] {
  return all.flatMap((counts, index) =>
    Object.entries(counts)
      .map(([what, count]) => ({ member: nameOf(index), what, count, before: baseline[what] ?? 0 }))
      .filter(({ count, before }) => count > before),
  )
}
