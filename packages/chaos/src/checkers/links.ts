/** All members reach each other soon after the end of the last fault. */
import { LINKS_WITHIN_MS } from '../constants.ts'
import type { Sample, Violation } from '../run-record.ts'
import { type Evidence, seconds, violation } from './checker.ts'

export function links(evidence: Evidence): Violation[] {
  const { backMs, lastFaultMs } = linksBack(evidence)
  const { linksWithinMs = LINKS_WITHIN_MS } = evidence.scenario.phases
  const at = { startMs: lastFaultMs, endMs: lastFaultMs + linksWithinMs }
  if (backMs === undefined)
    return [violation('links', at, 'members never reached each other again after the last fault')]
  if (backMs <= lastFaultMs + linksWithinMs) return []
  return [violation('links', at, `members reached each other ${seconds(backMs - lastFaultMs)} after the last fault`)]
}

/** When the last fault ended, and when all members that were there in the end reached each other after that. */
export function linksBack({ faults, samples, healedAtMs }: Pick<Evidence, 'faults' | 'samples' | 'healedAtMs'>): {
  readonly lastFaultMs: number
  readonly backMs: number | undefined
} {
  const lastFaultMs =
    faults.length === 0 ? healedAtMs : Math.max(...faults.map(({ untilMs, fromMs }) => untilMs ?? fromMs))
  const rounds = roundsOf(samples)
  const present = (rounds.at(-1) ?? []).filter(({ state }) => state !== 'down').map(({ node }) => node)
  const isWhole = (round: readonly Sample[]): boolean =>
    round.filter(({ node, reachable }) => present.includes(node) && reachable >= present.length - 1).length ===
    present.length
  return {
    lastFaultMs,
    backMs: rounds.find((round) => (round[0]?.atMs ?? 0) >= lastFaultMs && isWhole(round))?.[0]?.atMs,
  }
}

/** Samples of the same moment. */
function roundsOf(samples: readonly Sample[]): Sample[][] {
  const rounds = new Map<number, Sample[]>()
  for (const sample of samples) {
    const round = rounds.get(sample.atMs)
    if (round === undefined) rounds.set(sample.atMs, [sample])
    else round.push(sample)
  }
  return [...rounds.values()].sort((a, b) => (a[0]?.atMs ?? 0) - (b[0]?.atMs ?? 0))
}
