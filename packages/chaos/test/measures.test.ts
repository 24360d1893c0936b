import assert from 'node:assert/strict'
import { measure } from '../src/measures.ts'
import type { FaultBand } from '../src/run-record.ts'
import { evidence, finalRead, put, read } from './support/history.ts'

describe('measures', () => {
  const band: FaultBand = { fault: { kind: 'kill', nodes: [0] }, nodes: [0], fromMs: 1_000, untilMs: 5_000 }

  it('count attempts while clients came, and sessions', () => {
    const told = [
      put('1.0', -50),
      put('2.0', 10, { session: 2, outcome: 'unknown' }),
      read(['1.0'], 20),
      finalRead(['1.0']),
    ]
    const { attempts, sessions } = measure({ ...evidence(told), violations: [] })
    assert.deepEqual(attempts, { ok: 1, failed: 0, unknown: 1 })
    assert.equal(sessions, 2)
  })

  it('compare takeovers from a struck writer with takeovers before', () => {
    const told = [
      put('1.0', -50),
      read(['1.0'], 100, { node: 1, tookMs: 10 }),
      // At the writer itself, and of a session that another member wrote: neither is a takeover from who was struck.
      read(['1.0'], 200, { node: 0, tookMs: 500 }),
      put('2.0', 300, { session: 2, node: 2 }),
      read(['2.0'], 1_100, { session: 2, node: 1, tookMs: 500 }),
      read(['1.0'], 1_200, { node: 1, tookMs: 30 }),
      // Only the first of each session counts.
      read(['1.0'], 1_300, { node: 2, tookMs: 500 }),
    ]
    const { takeover } = measure({ ...evidence(told, { faults: [band] }), violations: [] })
    assert.deepEqual(takeover.before, { count: 1, p50Ms: 10, p99Ms: 10 })
    assert.deepEqual(takeover.during, { count: 1, p50Ms: 30, p99Ms: 30 })
    assert.equal(takeover.addedMs, 20)
  })

  it('have none of what there was none of', () => {
    const { takeover, linksBackMs } = measure({ ...evidence([]), violations: [] })
    assert.deepEqual(takeover, { before: undefined, during: undefined, addedMs: undefined })
    assert.equal(linksBackMs, undefined)
  })
})
