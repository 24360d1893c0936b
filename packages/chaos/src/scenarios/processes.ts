/** Processes that die, stand still, or are told to go. */
import { SAFETY, scenario } from '../define.ts'
import type { Scenario, Strike } from '../scenario.ts'

const UNNOTICED = [...SAFETY, 'no-errors'] as const

export const kill: Scenario = scenario({
  name: 'kill',
  summary: 'the member that writes most is killed, and comes back with empty memory',
  nemesis: [{ atMs: 5_000, lastsMs: 4_000, fault: { kind: 'kill', nodes: ['primary'] } }],
  phases: { runMs: 13_000 },
  invariants: UNNOTICED,
})

export const killTwo: Scenario = scenario({
  name: 'kill-two',
  summary: 'two members are killed at once; every commit had two copies',
  workload: { confirm: 2 },
  nemesis: [{ atMs: 5_000, lastsMs: 4_000, fault: { kind: 'kill', nodes: ['primary', 'primary'] } }],
  phases: { runMs: 13_000 },
})

export const freeze: Scenario = scenario({
  name: 'freeze',
  summary: 'the member that writes most stands still, longer than it takes to be given up',
  nemesis: [{ atMs: 5_000, lastsMs: 12_000, fault: { kind: 'freeze', nodes: ['primary'] } }],
  phases: { runMs: 20_000 },
  invariants: UNNOTICED,
})

export const stall: Scenario = scenario({
  name: 'stall-5s',
  summary: 'the event loop of one member after another is busy for five seconds',
  nemesis: [
    { atMs: 3_000, lastsMs: 5_000, fault: { kind: 'stall', nodes: ['primary'] } },
    { atMs: 10_000, lastsMs: 5_000, fault: { kind: 'stall', nodes: ['primary'] } },
  ],
  phases: { runMs: 18_000 },
  invariants: UNNOTICED,
})

export const rollingRestart: Scenario = scenario({
  name: 'rolling-restart',
  summary: 'every member is restarted in order, one every two seconds',
  nemesis: [0, 1, 2, 3, 4].map((node) => restart(3_000 + node * 2_000, node, 2)),
  phases: { runMs: 16_000 },
  invariants: UNNOTICED,
})

export const restartTwice: Scenario = scenario({
  name: 'restart-twice',
  summary: 'every member is restarted twice in a row: the second time before it has anything',
  nemesis: [0, 1, 2, 3, 4].flatMap((node) => {
    const atMs = 3_000 + node * 3_000
    return [restart(atMs, node, 2), restart(atMs + 10, node, 2)]
  }),
  phases: { runMs: 20_000 },
  invariants: UNNOTICED,
})

export const joinLeaveStorm: Scenario = scenario({
  name: 'join-leave-storm',
  summary: 'members come and go, several at a time',
  cluster: { nodes: 7, late: [4, 5, 6] },
  nemesis: [
    join(2_000, 3_000, 4),
    join(3_000, 3_000, 5),
    join(4_000, 4_000, 6),
    join(9_000, 2_000, 4),
    restart(10_000, 1),
    join(11_000, 0, 5),
    join(13_000, 2_000, 4),
    join(13_500, 0, 6),
  ],
  phases: { runMs: 19_000 },
  invariants: UNNOTICED,
})

export const mixedWires: Scenario = scenario({
  name: 'mixed-wires',
  summary: 'two of five members speak the previous wire, while members restart and one is killed',
  cluster: { previousWire: [0, 1] },
  nemesis: [
    restart(3_000, 0),
    restart(7_000, 4),
    { atMs: 11_000, lastsMs: 2_000, fault: { kind: 'kill', nodes: ['primary'] } },
  ],
  phases: { runMs: 18_000 },
})

/** @param atOnceMax how many members may be on their way down or up at a time. */
function restart(atMs: number, node: number, atOnceMax = 1): Strike {
  return { atMs, lastsMs: 1, fault: { kind: 'restart', nodes: [node], atOnceMax } }
}

function join(atMs: number, lastsMs: number, node: number): Strike {
  return { atMs, lastsMs, fault: { kind: 'join', nodes: [node] } }
}
