import assert from 'node:assert/strict'
import { SYNC_PATIENCE_MS_MAX, SYNC_SESSIONS_MAX, SYNC_TIMEOUT_MS } from '../../src/constants.ts'
import { Patience } from '../../src/sync/patience.ts'
import { Cluster, idInShard } from '../support/cluster.ts'

describe('patience with sources of syncs', () => {
  it('waits as usual for who was never silent', () => {
    const patience = new Patience()
    patience.onAnswer('a', SYNC_TIMEOUT_MS - 1)
    assert.equal(patience.ms('a'), SYNC_TIMEOUT_MS)
    assert.equal(patience.window('a'), SYNC_SESSIONS_MAX)
  })

  it('gives who said nothing twice what was waited, then twice what its answers take, up to a bound', () => {
    const patience = new Patience()
    patience.onSilence('a', SYNC_TIMEOUT_MS)
    patience.onSilence('a', SYNC_TIMEOUT_MS)
    assert.equal(patience.ms('a'), 2 * SYNC_TIMEOUT_MS, 'what was asked at once counts once')
    assert.equal(patience.ms('b'), SYNC_TIMEOUT_MS)
    patience.onAnswer('a', 1_500)
    assert.equal(patience.ms('a'), 3_000)
    for (let i = 0; i < 9; i++) patience.onSilence('a', patience.ms('a'))
    assert.equal(patience.ms('a'), SYNC_PATIENCE_MS_MAX)
  })

  it('asks a slow source one thing at a time, and more again while its answers come soon', () => {
    const patience = new Patience()
    patience.onSilence('a', SYNC_TIMEOUT_MS)
    assert.equal(patience.window('a'), 1)
    patience.onAnswer('a', SYNC_TIMEOUT_MS)
    assert.equal(patience.window('a'), 1)
    const windows = Array.from({ length: 6 }, () => {
      patience.onAnswer('a', 10)
      return patience.window('a')
    })
    assert.deepEqual(windows, [2, 2, 3, 3, 3, 4])
    for (let i = 0; i < 30; i++) patience.onAnswer('a', 10)
    assert.equal(patience.window('a'), SYNC_SESSIONS_MAX)
    patience.onAnswer('a', SYNC_TIMEOUT_MS)
    assert.equal(patience.ms('a'), SYNC_TIMEOUT_MS, 'forgotten')
  })

  it('forgets who cannot be reached', () => {
    const patience = new Patience()
    patience.onSilence('a', SYNC_TIMEOUT_MS)
    patience.forget('a')
    assert.equal(patience.ms('a'), SYNC_TIMEOUT_MS)
  })

  for (const planted of [[], ['sync-patience']]) {
    const ends = planted.length === 0 ? 'ends' : 'goes on for ever, with that planted away,'
    it(`[rule P4] a join ${ends} where the only ready holder takes one message in 300 ms`, () => {
      const cluster = Cluster.ready({ nodes: 1, init: () => ({ planted: new Set(planted) }) })
      for (let shard = 0; shard < 8; shard++) cluster.establish('a', idInShard(shard), { x: '1' }, 0)
      let takenAtMs = 0
      cluster.fate = ({ to, type }) => {
        if (to !== 'a' || type === 'heartbeat') return undefined
        takenAtMs = Math.max(cluster.nowMs, takenAtMs) + 300
        return takenAtMs - cluster.nowMs
      }
      cluster.join('b')
      cluster.run(60_000)
      assert.equal(cluster.replica('b').isReady, planted.length === 0)
    })
  }
})
