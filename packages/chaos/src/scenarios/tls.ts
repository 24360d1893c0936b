/** TLS clients, whose sessions must outlive the member that made them. */
import { scenario } from '../define.ts'
import type { Scenario } from '../scenario.ts'

/** Between two health checks, which come once a second: clients find out before the balancer does. */
const BETWEEN_CHECKS_MS = 400

export const tlsKill: Scenario = scenario({
  name: 'tls-kill',
  summary: 'TLS clients round robin; a member is killed, and comes back with empty memory',
  workload: { kind: 'tls' },
  nemesis: [{ atMs: 5_000 + BETWEEN_CHECKS_MS, lastsMs: 4_000, fault: { kind: 'kill', nodes: ['any'] } }],
  phases: { runMs: 13_000 },
})

export const tlsFreeze: Scenario = scenario({
  name: 'tls-freeze',
  summary: 'TLS clients at random members; one stands still, longer than it takes to be given up',
  workload: { kind: 'tls', balance: 'random' },
  nemesis: [{ atMs: 4_000 + BETWEEN_CHECKS_MS, lastsMs: 12_000, fault: { kind: 'freeze', nodes: ['any'] } }],
  phases: { runMs: 20_000 },
})

export const tlsRollingRestart: Scenario = scenario({
  name: 'tls-rolling-restart',
  summary: 'TLS clients round robin; every member is restarted in order, one every two seconds',
  workload: { kind: 'tls' },
  nemesis: [0, 1, 2, 3, 4].map((node) => {
    return { atMs: 3_000 + node * 2_000, lastsMs: 1, fault: { kind: 'restart', nodes: [node], atOnceMax: 2 } }
  }),
  phases: { runMs: 16_000 },
})

export const tlsPartition: Scenario = scenario({
  name: 'tls-partition',
  summary: 'TLS clients round robin; two of five members are cut off from the others, clients reach both sides',
  workload: { kind: 'tls' },
  nemesis: [{ atMs: 3_000, lastsMs: 12_000, fault: { kind: 'partition', side: ['any', 'any'] } }],
  phases: { runMs: 16_000 },
})
