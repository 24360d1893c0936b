/** What came of a small run in which something broke. */
import type { Operation, RunRecord } from '@reprise/chaos'

const operation = (startMs: number, endMs: number | undefined, more: Partial<Operation> = {}): Operation => ({
  client: 1,
  request: 1,
  kind: 'commit',
  session: 217,
  node: 0,
  startMs,
  endMs,
  outcome: 'ok',
  detail: {},
  ...more,
})

export const RECORD_SAMPLE: RunRecord = {
  scenario: {
    name: 'kill-two',
    summary: 'Two of five nodes are killed at the same moment.',
    cluster: { nodes: 5, copies: 2 },
    workload: { clients: 8, rate: 50, keys: 100, mix: { cart: 1 }, confirm: 1 },
    nemesis: [{ atMs: 5_000, lastsMs: 3_000, fault: { kind: 'kill', nodes: ['primary', 'any'] } }],
    phases: { runMs: 20_000, quietWithinMs: 15_000 },
    invariants: ['durability', 'carts'],
  },
  backend: 'proc',
  seed: 42,
  startedAt: '2026-11-21T09:41:07.123Z',
  version: 'reprise 0.1.0',
  replay: 'reprise chaos run kill-two --backend proc --seed 42',
  memberNames: ['node-1', 'node-2', 'node-3', 'node-4', 'node-5'],
  faults: [{ fault: { kind: 'kill', nodes: [1, 3] }, nodes: [1, 3], fromMs: 5_000.4, untilMs: 8_412.3 }],
  samples: [],
  operations: [
    operation(0, 2.004),
    operation(6_010, 6_014, { request: 2 }),
    operation(20, undefined, { request: 3, outcome: 'unknown', detail: { error: 'TIMEOUT' } }),
    operation(30, 31, { request: 4, outcome: 'failed', detail: { error: 'UNAVAILABLE' } }),
    operation(23_000, 23_090, { request: 5, kind: 'final-read' }),
  ],
  healedAtMs: 20_003,
  quietAtMs: 21_240,
  check: { verdict: 'ok', reasons: [], differing: 0, short: 0 },
  violations: [
    { invariant: 'durability', atMs: 23_000.2, session: 217, text: 'item c1-9 is not in the cart' },
    { invariant: 'carts', atMs: 23_001, session: undefined, text: 'two members disagree' },
  ],
}
