import assert from 'node:assert/strict'
import { checkJson, checkLines, judge } from '../../src/views/check.ts'
import { CHECK_SAMPLE } from '../support/fake-admin.ts'

describe('the verdict over a cluster', () => {
  const SHORT = {
    ...CHECK_SAMPLE,
    verdict: 'warning',
    shards: [{ shard: 3, verdict: 'warning', wanted: 3, readyHolders: ['a', 'b'], silent: [] }],
    reasons: ['not enough holders: 1 shard with 2 of 3 ready: 3', 'a | b'],
  } as const

  it('is one line when all is well', () => {
    const judgement = judge(CHECK_SAMPLE, [])
    assert.equal(judgement.state, 0)
    assert.deepEqual(checkLines(CHECK_SAMPLE, judgement), [
      'REPRISE OK: 3 members alive, 64 of 64 shards equal at all their holders | members=3 suspect=0 silent=0 shards_ok=64;;;0;64',
    ])
  })

  it('says the worst on the first line and the rest below', () => {
    const judgement = judge(SHORT, [])
    assert.equal(judgement.state, 1)
    assert.deepEqual(checkLines(SHORT, judgement), [
      'REPRISE WARNING: not enough holders: 1 shard with 2 of 3 ready: 3 | members=3 suspect=0 silent=0 shards_ok=63;;;0;64',
      'a | b',
    ])
    const line = checkLines(SHORT, { state: 2, reasons: ['a | b'] })
    assert.match(line[0] ?? '', /^REPRISE CRITICAL: a \/ b \| members=3 /)
  })

  it('is critical when the check says so, or a node does not answer', () => {
    assert.equal(judge({ ...CHECK_SAMPLE, verdict: 'critical' }, []).state, 2)
    const silentMember = {
      ...CHECK_SAMPLE,
      verdict: 'warning',
      members: { ...CHECK_SAMPLE.members, silent: ['x'] },
    } as const
    assert.equal(judge(silentMember, []).state, 2)
    const judgement = judge(CHECK_SAMPLE, [{ name: 'node-2', why: 'silent for 1.0 s' }])
    assert.deepEqual(judgement, { state: 2, reasons: ['node-2 does not answer: silent for 1.0 s'] })
  })

  it('has a shape for programs', () => {
    const silent = [{ name: 'node-2', why: 'nothing listens there' }]
    assert.deepEqual(checkJson(SHORT, judge(SHORT, silent), 'node-1', silent), {
      schemaVersion: 1,
      state: 'CRITICAL',
      asked: 'node-1',
      unanswered: silent,
      members: { alive: 3, suspect: 0, leaving: 0, silent: [] },
      checkedShards: 64,
      shards: SHORT.shards,
      reasons: ['node-2 does not answer: nothing listens there', ...SHORT.reasons],
    })
  })
})
