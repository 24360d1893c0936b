/** Networks that part, and networks that are bad. */
import { scenario } from '../define.ts'
import type { LinkConditions, Scenario } from '../scenario.ts'

export const partition: Scenario = scenario({
  name: 'partition',
  summary: 'two of five members are cut off from the others; clients reach both sides',
  nemesis: [{ atMs: 4_000, lastsMs: 15_000, fault: { kind: 'partition', side: ['primary', 'any'] } }],
  phases: { runMs: 19_000 },
})

export const longPartition: Scenario = scenario({
  name: 'partition-70s',
  summary: 'two of five members are cut off for longer than any part of the stack has patience',
  workload: { rate: 60 },
  nemesis: [{ atMs: 4_000, lastsMs: 70_000, fault: { kind: 'partition', side: ['primary', 'any'] } }],
  phases: { runMs: 74_000 },
})

export const oneWay: Scenario = scenario({
  name: 'one-way',
  summary: 'what one member sends reaches nobody, and it hears everybody',
  nemesis: [{ atMs: 4_000, lastsMs: 15_000, fault: { kind: 'cut', from: ['primary'] } }],
  phases: { runMs: 19_000 },
})

export const bridge: Scenario = scenario({
  name: 'bridge',
  summary: 'two sides that do not reach each other, and one member that reaches both',
  nemesis: [
    { atMs: 4_000, lastsMs: 15_000, fault: { kind: 'cut', from: [0, 1], to: [3, 4] } },
    { atMs: 4_000, lastsMs: 15_000, fault: { kind: 'cut', from: [3, 4], to: [0, 1] } },
  ],
  phases: { runMs: 19_000 },
})

export const loss5: Scenario = bad('loss-5', 'every twentieth packet is lost', { lossRate: 0.05 })
export const loss20: Scenario = bad('loss-20', 'every fifth packet is lost', { lossRate: 0.2 })
export const delayJitter: Scenario = bad('delay-jitter', 'packets take 50 ms, give or take 20', {
  delayMs: 50,
  jitterMs: 20,
})
export const duplicateReorder: Scenario = bad('duplicate-reorder', 'packets come twice and overtake each other', {
  delayMs: 10,
  jitterMs: 5,
  duplicateRate: 0.1,
  reorderRate: 0.2,
})
export const narrow: Scenario = bad('narrow', 'a link carries 100 kB a second', { bytesPerSecond: 100_000 })

/** All links have these conditions for a while. */
function bad(name: string, summary: string, conditions: LinkConditions): Scenario {
  return scenario({
    name,
    summary: `${summary}, on every link`,
    workload: { rate: 60 },
    nemesis: [{ atMs: 3_000, lastsMs: 15_000, fault: { kind: 'impair', conditions } }],
    phases: { runMs: 18_000, quietWithinMs: 20_000 },
  })
}
