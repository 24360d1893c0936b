import assert from 'node:assert/strict'
import { benchJson, benchLines } from '../../src/views/bench.ts'

describe('what a benchmark found', () => {
  const SETTING = { profile: 'cart', nodes: 3, clients: 16, durationMs: 5_000 } as const
  const RESULT = {
    operations: 10_000,
    failed: 2,
    tookMs: 5_000.4,
    latencyMs: { p50: 0.842, p90: 4.2, p99: 21.7, max: 1_083 },
  }

  it('has units, and says what was measured and how', () => {
    assert.deepEqual(benchLines(SETTING, RESULT), [
      'PROFILE      RATE      P50     P90    P99    MAX  FAILED',
      'cart     2,000 /s  0.84 ms  4.2 ms  22 ms  1.1 s       2',
      '',
      'Closed loop: 16 clients, each waits for its answer before it asks again.',
      '3 nodes and the clients share one process and its one core; between them is loopback.',
      '2,000 sessions with a value of 1 KiB. Each is found, changed, and confirmed by another node.',
    ])
  })

  it('has a shape for programs', () => {
    assert.deepEqual(benchJson(SETTING, RESULT), {
      schemaVersion: 1,
      profile: 'cart',
      loop: 'closed',
      clients: 16,
      nodes: 3,
      sessions: 2_000,
      valueBytes: 1_024,
      tookMs: 5_000,
      operations: 10_000,
      failed: 2,
      ratePerSecond: 2_000,
      latencyMs: RESULT.latencyMs,
    })
  })
})
