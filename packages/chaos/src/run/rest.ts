/**
 * Waits until a healed cluster has come to rest: all members are there, ready and in reach of each other, nobody lags, and a check says that
 * all copies are there and equal.
 */
import type { ClusterUnderTest } from '../backends/backend.ts'
import { QUIET_LOOK_MS } from '../constants.ts'
import type { FinalCheck } from '../run-record.ts'
import type { Time } from '../workload/time.ts'
import type { Sampler } from './sampler.ts'

export interface Rest {
  readonly quietAtMs: number | undefined
  readonly check: FinalCheck | undefined
  /** What is not at rest, for people; undefined when all is. */
  readonly unrest: string | undefined
}

export interface RestOptions {
  readonly cluster: ClusterUnderTest
  readonly sampler: Sampler
  readonly time: Time
  readonly withinMs: number
  /** Who is asked to check. */
  readonly checker: () => number
  /** Whether this check is as good as it can be. */
  readonly isWhole: (check: FinalCheck) => boolean
}

/** How long a cluster may take is a promise that is judged; it is given twice as long, so that a late one shows as late. */
export async function comeToRest(options: RestOptions): Promise<Rest> {
  const { cluster, sampler, time, withinMs, checker, isWhole } = options
  const untilMs = time.nowMs() + 2 * withinMs
  let check: FinalCheck | undefined
  let unrest: string | undefined
  do {
    unrest = await unrestOf(cluster, sampler)
    if (unrest === undefined) {
      check = await cluster.check(checker())
      if (check !== undefined && isWhole(check)) return { quietAtMs: time.nowMs(), check, unrest }
      unrest = check === undefined ? 'a check was not answered' : check.reasons.join('; ')
    }
    await time.sleep(QUIET_LOOK_MS)
  } while (time.nowMs() < untilMs)
  check ??= await cluster.check(checker())
  return { quietAtMs: undefined, check, unrest }
}

/** Wait until all members are ready and in reach of each other. @returns what is not, when it is not in time. */
export async function untilReady(options: Omit<RestOptions, 'checker' | 'isWhole'>): Promise<string | undefined> {
  const { cluster, sampler, time, withinMs } = options
  const untilMs = time.nowMs() + withinMs
  let unrest: string | undefined
  do {
    unrest = await unrestOf(cluster, sampler)
    if (unrest === undefined) return undefined
    await time.sleep(QUIET_LOOK_MS)
  } while (time.nowMs() < untilMs)
  return unrest
}

async function unrestOf(cluster: ClusterUnderTest, sampler: Sampler): Promise<string | undefined> {
  const conditions = await sampler.look()
  const { expected, memberNames } = cluster
  for (const node of expected) {
    const condition = conditions.get(node) ?? 'down'
    const name = memberNames[node] ?? String(node)
    if (typeof condition === 'string') return `${name} is ${condition}`
    if (condition.state !== 'ready') return `${name} is ${condition.state}`
    if (condition.reachable < expected.length - 1)
      return `${name} reaches ${condition.reachable} of ${expected.length - 1} members`
    if (condition.lagFrames > 0) return `others lag ${condition.lagFrames} frames behind ${name}`
  }
  return undefined
}
