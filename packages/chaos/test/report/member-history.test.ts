import assert from 'node:assert/strict'
import { memberHistories, stretches } from '../../src/report/member-history.ts'
import { TimeAxis } from '../../src/report/time-axis.ts'
import type { Sample } from '../../src/run-record.ts'

const AXIS = new TimeAxis({ fromMs: 0, toMs: 800 })

const sample = (atMs: number, more: Partial<Sample> = {}): Sample => ({
  atMs,
  node: 0,
  state: 'ready',
  lagFrames: 0,
  reachable: 4,
  sessions: 0,
  ...more,
})

describe('memberHistories', () => {
  it('keeps the worst of a moment, and carries the last one on', () => {
    const [history] = memberHistories(
      [
        sample(10.1, { lagFrames: 9 }),
        sample(10.4, { state: 'silent', reachable: 2 }),
        sample(10.6, { state: 'draining', lagFrames: 3 }),
        sample(20),
      ],
      1,
      AXIS,
    )
    assert.equal(history?.length, 800)
    assert.equal(history?.[9], undefined)
    assert.deepEqual(history?.[15], { state: 'silent', lagFrames: 9, reachable: 2 })
    assert.deepEqual(
      stretches(history ?? [], ({ state }) => state),
      [
        { from: 10, until: 20, value: 'silent' },
        { from: 20, until: 800, value: 'ready' },
      ],
    )
  })

  it('tells fewer moments of a big cluster, and knows nothing of members that nobody saw', () => {
    const histories = memberHistories([sample(0), sample(0, { node: 700 })], 600, AXIS)
    assert.equal(histories.length, 600)
    assert.equal(histories[0]?.length, 100)
    assert.deepEqual(
      stretches(histories[1] ?? [], ({ state }) => state),
      [],
    )
  })
})
