/** Clocks that are wrong. */
import { SAFETY, scenario } from '../define.ts'
import type { Scenario } from '../scenario.ts'

const MINUTE_MS = 60_000

export const clockJump: Scenario = scenario({
  name: 'clock-jump',
  summary: 'wall clocks are set ten minutes forward and back, and some stay wrong',
  nemesis: [
    { atMs: 3_000, lastsMs: 6_000, fault: { kind: 'clock-jump', nodes: ['primary'], jumpMs: 10 * MINUTE_MS } },
    { atMs: 5_000, lastsMs: 0, fault: { kind: 'clock-jump', nodes: ['any'], jumpMs: -10 * MINUTE_MS } },
    { atMs: 11_000, lastsMs: 0, fault: { kind: 'clock-jump', nodes: ['any'], jumpMs: 10 * MINUTE_MS } },
  ],
  phases: { runMs: 16_000 },
  invariants: [...SAFETY, 'no-errors'],
})

export const clockSkew: Scenario = scenario({
  name: 'clock-skew',
  summary: 'one clock runs a tenth too fast and one a tenth too slow',
  workload: { idleMs: 8_000 },
  nemesis: [
    { atMs: 2_000, lastsMs: 14_000, fault: { kind: 'clock-rate', nodes: ['any'], rate: 1.1 } },
    { atMs: 2_000, lastsMs: 14_000, fault: { kind: 'clock-rate', nodes: ['any'], rate: 0.9 } },
  ],
  phases: { runMs: 18_000 },
  invariants: [...SAFETY, 'no-errors'],
})
