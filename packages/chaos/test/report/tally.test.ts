import assert from 'node:assert/strict'
import {
  countDuring,
  tallyErrors,
  tallyHandshakes,
  tallyKinds,
  tallyLatencies,
  tallyRequests,
} from '../../src/report/tally.ts'
import type { FaultBand, HandshakeDetail, Operation } from '../../src/run-record.ts'

const operation = (startMs: number, endMs: number | undefined, more: Partial<Operation> = {}): Operation => ({
  client: 0,
  request: 0,
  kind: 'resume',
  session: 1,
  node: 0,
  startMs,
  endMs,
  outcome: 'ok',
  detail: {},
  ...more,
})

const fault = (fromMs: number, untilMs: number | undefined): FaultBand => ({
  fault: { kind: 'kill', nodes: [0] },
  nodes: [0],
  fromMs,
  untilMs,
})

describe('tally of a run', () => {
  it('tells latencies inside of faults from those outside: a part of the operation is enough', () => {
    const operations = [
      operation(0, 10),
      operation(95, 105),
      operation(120, 150),
      operation(300, 301),
      operation(390, 410),
      operation(500, 504),
    ]
    // Overlapping faults count once, and one without an end lasts.
    const faults = [fault(400, undefined), fault(100, 200), fault(150, 250)]
    assert.deepEqual(tallyLatencies({ operations, faults }), [
      {
        kind: 'resume',
        outside: { count: 2, p50: 1, p90: 10, p99: 10, max: 10 },
        inside: { count: 4, p50: 10, p90: 30, p99: 30, max: 30 },
      },
    ])
  })

  it('takes a request from its first attempt to the end of the last, wherever that was', () => {
    const operations = [
      operation(0, 4, { request: 1 }),
      operation(4, 10, { request: 1, kind: 'commit' }),
      operation(50, 3_050, { request: 2, outcome: 'unknown' }),
      operation(3_060, 3_070, { request: 2, node: 1 }),
      operation(60, 70, { request: 3, outcome: 'failed' }),
      operation(80, undefined, { request: 3, node: 2, outcome: 'unknown' }),
      operation(-50, -40, { request: 4 }),
      operation(70, 71, { request: 6, session: 9, kind: 'drop', outcome: 'unknown' }),
      operation(90, 95, { request: 7, session: 9, outcome: 'failed' }),
      operation(9_000, 9_009, { request: 5, kind: 'final-read' }),
    ]
    assert.deepEqual(tallyRequests({ operations, faults: [fault(100, 200)] }), {
      served: 2,
      unserved: 1,
      movedOn: 2,
      outside: { count: 1, p50: 10, p90: 10, p99: 10, max: 10 },
      inside: { count: 1, p50: 3_020, p90: 3_020, p99: 3_020, max: 3_020 },
      elsewhere: undefined,
    })
  })

  it('tells requests inside of faults apart that asked nobody whom one had hit', () => {
    const operations = [
      operation(110, 140, { request: 1 }),
      operation(140, 190, { request: 1, node: 1 }),
      operation(120, 125, { request: 2, node: 1 }),
      // It was asked before, and after.
      operation(10, 20, { request: 3 }),
      operation(300, 320, { request: 3, node: 1 }),
      operation(310, 311, { request: 4 }),
    ]
    const { inside, elsewhere } = tallyRequests({ operations, faults: [fault(100, 200)] })
    assert.deepEqual([inside?.count, inside?.max], [3, 310])
    assert.deepEqual(elsewhere, { count: 2, p50: 5, p90: 310, p99: 310, max: 310 })
    const network = { ...fault(100, 200), fault: { kind: 'partition', side: [0] } } as const
    assert.equal(tallyRequests({ operations, faults: [network] }).elsewhere?.count, 3)
  })

  it('leaves out of the latencies what did not go well, and what was before and after the clients', () => {
    const operations = [
      operation(0, 5_000, { outcome: 'failed' }),
      operation(0, undefined, { outcome: 'unknown' }),
      operation(0, 9, { kind: 'final-read' }),
      operation(-10, -9, { kind: 'create' }),
    ]
    assert.deepEqual(tallyLatencies({ operations, faults: [] }), [])
  })

  it('counts outcomes by kind, and during a fault', () => {
    const operations = [
      operation(0, 1),
      operation(10, 11, { outcome: 'failed' }),
      operation(12, undefined, { kind: 'commit', outcome: 'unknown' }),
    ]
    assert.deepEqual(tallyKinds(operations), [
      { kind: 'resume', counts: { ok: 1, failed: 1, unknown: 0 } },
      { kind: 'commit', counts: { ok: 0, failed: 0, unknown: 1 } },
    ])
    assert.deepEqual(countDuring(operations, fault(11, 20)), { ok: 0, failed: 1, unknown: 1 })
  })

  it('gathers errors that are the same but for who it was, the most frequent first', () => {
    const failed = (startMs: number, error?: string): Operation =>
      operation(startMs, startMs + 1, { outcome: 'failed', detail: error === undefined ? {} : { error } })
    assert.deepEqual(
      tallyErrors([
        failed(9, 'TIMEOUT: not confirmed by 12D3KooWaaa, 12D3KooWbbb'),
        failed(7),
        failed(8, 'TIMEOUT: not confirmed by 12D3KooWccc'),
        operation(1, 2),
      ]).map(({ error, count, firstMs }) => [error, count, firstMs]),
      [
        ['TIMEOUT: not confirmed by members', 2, 8],
        ['no reason given', 1, 7],
      ],
    )
  })

  it('counts what TLS clients were given for what they offered, while they came', () => {
    const offered = { madeMs: 0, livesUntilMs: 9_000, madeBy: 1 }
    const handshake = (startMs: number, tls: Omit<HandshakeDetail, 'version'>): Operation =>
      operation(startMs, startMs + 1, { kind: 'tls-resume', detail: { tls: { version: 'TLSv1.3', ...tls } } })
    const operations = [
      handshake(-5, { result: 'full' }),
      handshake(10, { offered, result: 'resumed', from: 'peers' }),
      handshake(20, { offered, result: 'resumed', from: 'local' }),
      handshake(30, { offered, result: 'full' }),
      handshake(40, { offered }),
      handshake(50, { result: 'full' }),
    ]
    assert.deepEqual(tallyHandshakes({ operations }), {
      offered: { resumed: 2, full: 1, failed: 1 },
      fromPeers: 1,
      strangers: { full: 1, failed: 0 },
    })
    assert.equal(tallyHandshakes({ operations: [operation(1, 2)] }), undefined)
  })
})
