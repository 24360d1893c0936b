import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SWEEP_INTERVAL_MS, SWEEP_QUIET_MS } from '../src/constants.ts'
import { SweepPace } from '../src/sweep-pace.ts'
import { Cluster, keyOf } from './support/cluster.ts'

describe('the pace of the sweep', () => {
  it('is that of work at first, slow after a sweep that left nothing, and back at once when something happens', () => {
    const pace = new SweepPace(1_000)
    assert.equal(pace.dueMs, 1_000)
    assert.equal(pace.intervals(1_000), 1)
    pace.onSwept(1_000, false)
    assert.equal(pace.dueMs, 1_000 + SWEEP_INTERVAL_MS)
    pace.onSwept(1_000, true)
    assert.equal(pace.dueMs, 1_000 + SWEEP_QUIET_MS)
    pace.wake()
    assert.equal(pace.dueMs, 1_000 + SWEEP_INTERVAL_MS)
  })

  it('lets a sweep come with any tick after an interval, with as much to do as intervals passed', () => {
    const pace = new SweepPace(0)
    pace.onSwept(0, true)
    assert.equal(pace.intervals(SWEEP_INTERVAL_MS - 1), 0)
    assert.equal(pace.intervals(5 * SWEEP_INTERVAL_MS), 5)
    assert.equal(pace.intervals(100 * SWEEP_QUIET_MS), SWEEP_QUIET_MS / SWEEP_INTERVAL_MS)
  })

  it('never wants a tick that then has nothing to sweep, whatever the fractions of the time', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.boolean(), (nowMs, isQuiet) => {
        const pace = new SweepPace(0)
        pace.onSwept(nowMs, isQuiet)
        assert(pace.intervals(pace.dueMs) > 0)
      }),
    )
  })

  it('makes an idle node tick for its heartbeats and hardly for anything else, with sessions or without', () => {
    for (const sessions of [0, 50]) {
      const cluster = Cluster.ready({ nodes: 3 })
      for (let i = 0; i < sessions; i++) cluster.establish('a', `s${i}`, { x: 'y' })
      cluster.run(5_000)
      const before = cluster.ticks
      cluster.run(60_000)
      const perSecond = (cluster.ticks - before) / 3 / 60
      assert(perSecond < 4, `${perSecond} ticks a second and node`)
    }
  })

  it('a session that ended is not found, however quiet it was: who reads lets the time pass first', () => {
    const cluster = new Cluster()
    cluster.start('a', { expectPeers: false })
    cluster.run(5_000)
    const replica = cluster.replica('a')
    cluster.result(cluster.create('a', 's', { assumeNew: true, idleMs: 2_000 }))
    cluster.written(cluster.commit('a', 's', { x: 'y' }))
    const endsAtMs = cluster.nowMs + 2_000
    cluster.run(1_500)
    replica.pass({ nowMs: endsAtMs - 1, wallMs: 0 })
    assert(replica.local(keyOf('s'), undefined) !== undefined)
    replica.pass({ nowMs: endsAtMs, wallMs: 0 })
    assert.equal(replica.local(keyOf('s'), undefined), undefined)
    assert(replica.nextDueMs() <= endsAtMs + SWEEP_INTERVAL_MS)
  })
})
