import assert from 'node:assert/strict'
import { PROBE_MS_MAX, PROBE_MS_MIN } from '../../src/constants.ts'
import { ProbePace } from '../../src/stream/probe-pace.ts'

const ONE = { shard: 1, number: 5 }
const OTHER = { shard: 2, number: 7 }

/** When the next probes go, if nobody answers. */
function probesFrom(pace: ProbePace, startMs: number, count: number): number[] {
  const timesMs: number[] = []
  for (let nowMs = startMs; timesMs.length < count; nowMs++) {
    if (!pace.mayProbe('a', nowMs)) continue
    pace.onProbe('a', ONE, nowMs)
    timesMs.push(nowMs)
  }
  return timesMs.map((atMs) => atMs - startMs)
}

describe('the pace of probes', () => {
  it('doubles while there is no answer, for each member by itself', () => {
    const pace = new ProbePace()
    assert.deepEqual(probesFrom(pace, 0, 7), [0, 40, 120, 280, 600, 1_240, 2_240])
    assert.equal(pace.mayProbe('b', 1), true)
  })

  it('begins anew when the last probe is answered at once', () => {
    const pace = new ProbePace()
    probesFrom(pace, 0, 1)
    pace.onAck('a', [ONE], 3)
    assert.deepEqual(probesFrom(pace, PROBE_MS_MIN, 2), [0, 40])
  })

  it('is as slow as the answers of the member, and other acknowledgements are no answer', () => {
    const pace = new ProbePace()
    probesFrom(pace, 0, 2)
    pace.onAck('a', [OTHER, { ...ONE, number: 4 }], 45)
    assert.equal(pace.mayProbe('a', 119), false)
    pace.onAck('a', [{ ...ONE, number: 6 }], 700)
    assert.deepEqual(probesFrom(pace, 700, 3), [0, 700, 1_700])
    pace.onAck('a', [ONE], 9_000)
    assert.deepEqual(probesFrom(pace, 9_000, 2), [0, PROBE_MS_MAX])
  })

  it('is forgotten with the member', () => {
    const pace = new ProbePace()
    probesFrom(pace, 0, 5)
    pace.forget('a')
    assert.equal(pace.mayProbe('a', 601), true)
  })
})
