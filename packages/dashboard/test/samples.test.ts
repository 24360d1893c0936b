import assert from 'node:assert/strict'
import { sampleOf, sumCounts } from '../page/samples.ts'
import type { NodeStats } from '../page/snapshot.ts'
import { snapshotOf } from './support/snapshot.ts'

describe('samples', () => {
  const stats = (local: number, peers: number, counts: readonly number[]): NodeStats => ({
    ...snapshotOf().stats,
    resumesFrom: { local, peers },
    resumeLatency: { boundsSeconds: [0.001, 0.01], counts },
  })
  const at = (uptimeMs: number, seen: NodeStats) => snapshotOf({}, { uptimeMs, stats: seen })

  it('are rates per second over what the server says passed', () => {
    const sample = sampleOf(at(1_000, stats(10, 0, [10, 0, 0])), at(3_000, stats(40, 10, [30, 18, 2])), 0)
    assert.equal(sample.resumesLocal, 15)
    assert.equal(sample.resumesPeers, 5)
    assert.equal(sample.hitRatio, 0.75)
    assert.deepEqual(sample.resumeCounts, [20, 18, 2])
  })

  it('have no hit ratio where nothing was resumed', () => {
    assert.equal(sampleOf(at(1_000, stats(5, 5, [0, 0, 0])), at(2_000, stats(5, 5, [0, 0, 0])), 0).hitRatio, undefined)
  })

  it('add up bucket by bucket', () => {
    const one = sampleOf(at(0, stats(0, 0, [0, 0, 0])), at(1_000, stats(3, 0, [2, 1, 0])), 0)
    assert.deepEqual(sumCounts([one, one], 3), [4, 2, 0])
    assert.deepEqual(sumCounts([], 3), [0, 0, 0])
  })
})
