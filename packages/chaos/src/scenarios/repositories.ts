/** Members that keep everything, and disks. */
import { SAFETY, scenario } from '../define.ts'
import type { Scenario, Strike } from '../scenario.ts'

/** Members 0 to 3 hold sessions, member 4 is a repository. */
const CLUSTER = { nodes: 5, repositories: [4] } as const

export const coldStart: Scenario = scenario({
  name: 'repository-cold-start',
  summary: 'everybody is killed, and one repository brings every session back',
  cluster: CLUSTER,
  workload: { rate: 60 },
  nemesis: killEverybody(5_000),
  phases: { runMs: 18_000, quietWithinMs: 20_000 },
})

export const diskFull: Scenario = scenario({
  name: 'disk-full',
  summary: "a repository's disk is full and then is not; after that everybody is killed",
  cluster: CLUSTER,
  workload: { rate: 60 },
  nemesis: [{ atMs: 2_000, lastsMs: 6_000, fault: { kind: 'disk-full', nodes: [4] } }, ...killEverybody(16_000)],
  phases: { runMs: 29_000, quietWithinMs: 20_000 },
})

export const evicting: Scenario = scenario({
  name: 'evicting',
  summary: 'caches are smaller than the sessions, which a repository has; a member is killed',
  cluster: { ...CLUSTER, cacheBytesMax: 1024 * 1024 },
  workload: { keys: 2_500, zipf: 0.5, itemBytes: 400 },
  nemesis: [{ atMs: 5_000, lastsMs: 2_000, fault: { kind: 'kill', nodes: [0] } }],
  phases: { runMs: 15_000 },
  // What one holder evicted while another was away is found different by an audit, which takes minutes for all shards.
  invariants: SAFETY.filter((name) => name !== 'convergence'),
})

/**
 * One after the other, so that what was confirmed has a moment to reach the disk: what the last ones write has no copy, and so is not
 * confirmed. The repository goes last, and comes back when nobody else is there.
 */
function killEverybody(atMs: number): Strike[] {
  const members = [0, 1, 2, 3].map((node, i): Strike => {
    return { atMs: atMs + i * 300, lastsMs: 5_000, fault: { kind: 'kill', nodes: [node] } }
  })
  return [...members, { atMs: atMs + 2_000, lastsMs: 1_000, fault: { kind: 'kill', nodes: [4] } }]
}
