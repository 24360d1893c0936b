/** Records of runs that never were: what a report has to show, drawn from a seed, as many operations as wanted. */
import { Random } from '@reprise/testkit'
import type {
  FaultBand,
  Operation,
  OperationKind,
  OperationOutcome,
  RunRecord,
  Sample,
  Violation,
} from '../../src/run-record.ts'
import type { Scenario } from '../../src/scenario.ts'

export interface FakeOptions {
  readonly seed?: number
  readonly operations?: number
  readonly nodes?: number
  readonly runMs?: number
  readonly violations?: readonly Violation[]
  readonly faults?: readonly FaultBand[]
}

/** A run of 60 s with a crash, a partition and a lossy network, in which some operations go wrong. */
export function fakeRecord(options: FakeOptions = {}): RunRecord {
  const { seed = 1, operations = 4_000, nodes = 5, runMs = 60_000, violations = [] } = options
  const random = new Random(seed)
  const faults = options.faults ?? fakeFaults(nodes, runMs)
  const scenario = fakeScenario(nodes, runMs, faults)
  return {
    scenario,
    backend: 'netns',
    seed,
    startedAt: '2026-11-21T09:41:07.123Z',
    version: '0.1.0 (d1335af)',
    replay: `npx reprise chaos run ${scenario.name} --backend netns --seed ${seed}`,
    memberNames: Array.from({ length: nodes }, (_, node) => `node-${node + 1}`),
    faults,
    samples: fakeSamples(random, nodes, runMs, faults),
    operations: Array.from({ length: operations }, (_, index) =>
      fakeOperation(random, index, (index / operations) * runMs, { nodes, faults }),
    ),
    healedAtMs: runMs,
    quietAtMs: runMs + 1_840,
    check: { verdict: 'ok', reasons: [], differing: 0, short: 0 },
    violations,
  }
}

export function fakeFaults(nodes: number, runMs: number): FaultBand[] {
  const at = (share: number): number => share * runMs
  return [
    { fault: { kind: 'kill', nodes: ['primary'] }, nodes: [1 % nodes], fromMs: at(0.1), untilMs: at(0.17) },
    { fault: { kind: 'freeze', nodes: ['any'] }, nodes: [3 % nodes], fromMs: at(0.25), untilMs: at(0.36) },
    {
      fault: { kind: 'impair', conditions: { lossRate: 0.05, delayMs: 20, jitterMs: 10 } },
      nodes: [],
      fromMs: at(0.32),
      untilMs: at(0.55),
    },
    { fault: { kind: 'partition', side: [0, 4] }, nodes: [0, 4 % nodes], fromMs: at(0.5), untilMs: at(0.75) },
    {
      fault: { kind: 'clock-jump', nodes: [2], jumpMs: 3_600_000 },
      nodes: [2 % nodes],
      fromMs: at(0.6),
      untilMs: at(0.6),
    },
    { fault: { kind: 'disk-full', nodes: [2] }, nodes: [2 % nodes], fromMs: at(0.82), untilMs: undefined },
  ]
}

function fakeScenario(nodes: number, runMs: number, faults: readonly FaultBand[]): Scenario {
  return {
    name: 'a-bad-minute',
    summary: 'A crash, a node that freezes, a lossy network and a partition, one after the other.',
    cluster: { nodes, copies: 2 },
    workload: { clients: 32, rate: 200, keys: 500, mix: { cart: 3, read: 6, touch: 1, drop: 1 }, confirm: 1 },
    nemesis: faults.map(({ fault, fromMs, untilMs = fromMs }) => ({ atMs: fromMs, lastsMs: untilMs - fromMs, fault })),
    phases: { runMs, quietWithinMs: 15_000 },
    invariants: ['durability', 'carts', 'read-your-writes', 'no-resurrection', 'convergence', 'links'],
  }
}

function fakeSamples(random: Random, nodes: number, runMs: number, faults: readonly FaultBand[]): Sample[] {
  const samples: Sample[] = []
  for (let atMs = -3_000; atMs <= runMs + 2_000; atMs += 250) {
    const on = faults.filter((fault) => isOn(fault, atMs))
    const isDown = (node: number): boolean =>
      on.some(({ fault, nodes: hit }) => fault.kind === 'kill' && hit.includes(node))
    const side = on.find(({ fault }) => fault.kind === 'partition')?.nodes
    for (let node = 0; node < nodes; node++) {
      const reached = Array.from({ length: nodes }, (_, other) => other).filter(
        (other) =>
          other !== node && !isDown(other) && (side === undefined || side.includes(other) === side.includes(node)),
      )
      const state = stateAt(faults, node, atMs)
      const isLossy = on.some(({ fault }) => fault.kind === 'impair' || fault.kind === 'freeze')
      const lagFrames =
        side === undefined ? random.below(isLossy ? 90 : 12) : Math.round(random.below(40) + 120 * reached.length)
      samples.push({
        atMs,
        node,
        state,
        lagFrames: state === 'down' ? 0 : lagFrames,
        reachable: reached.length,
        sessions: 500,
      })
    }
  }
  return samples
}

function stateAt(faults: readonly FaultBand[], node: number, atMs: number): Sample['state'] {
  if (atMs < -1_500) return 'starting'
  for (const { fault, nodes, fromMs, untilMs = Infinity } of faults) {
    if (!nodes.includes(node) || atMs < fromMs) continue
    if (atMs < untilMs && fault.kind === 'kill') return 'down'
    if (atMs < untilMs && fault.kind === 'freeze') return 'silent'
    if (fault.kind === 'kill' && atMs < untilMs + 1_500) return 'catching-up'
  }
  return 'ready'
}

function fakeOperation(
  random: Random,
  request: number,
  startMs: number,
  { nodes, faults }: { readonly nodes: number; readonly faults: readonly FaultBand[] },
): Operation {
  const kinds: readonly OperationKind[] = ['create', 'resume', 'resume', 'resume', 'commit', 'commit', 'touch', 'drop']
  const kind = kinds[random.below(kinds.length)] ?? 'resume'
  const node = random.below(nodes)
  const isHit = faults.some((fault) => isOn(fault, startMs) && (fault.nodes.length === 0 || fault.nodes.includes(node)))
  const outcome: OperationOutcome =
    isHit && random.fraction() < 0.04 ? (random.fraction() < 0.5 ? 'failed' : 'unknown') : 'ok'
  const latencyMs =
    (0.4 + random.fraction()) * (kind === 'commit' ? 3 : 0.6) * (isHit ? 4 : 1) * (random.fraction() < 0.01 ? 60 : 1)
  const isLost = outcome === 'unknown' && random.fraction() < 0.3
  return {
    client: random.below(32),
    request,
    kind,
    session: random.below(500),
    node,
    startMs,
    endMs: isLost ? undefined : startMs + (outcome === 'ok' ? latencyMs : 1_000 + random.below(4_000)),
    outcome,
    detail: outcome === 'ok' ? {} : { error: outcome === 'failed' ? 'UNAVAILABLE: no holder answers' : 'TIMEOUT' },
  }
}

function isOn({ fromMs, untilMs = Infinity }: FaultBand, atMs: number): boolean {
  return atMs >= fromMs && atMs < untilMs
}
