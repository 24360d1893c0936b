import assert from 'node:assert/strict'
import { checkJson, checkLines, judge } from '../../src/views/check.ts'
import { CHECK_SAMPLE, CHECK_SHORT_SAMPLE } from '../support/fake-admin.ts'

describe('the verdict over a cluster', () => {
  it('is one line when all is well', () => {
    const judgement = judge(CHECK_SAMPLE, [])
    assert.equal(judgement.state, 0)
    assert.deepEqual(checkLines(CHECK_SAMPLE, judgement), [
      'REPRISE OK: 3 members alive, 64 of 64 shards equal at all their holders | members=3 suspect=0 silent=0 shards_ok=64;;;0;64',
    ])
  })

  it('says the worst on the first line and the rest below', () => {
    const judgement = judge(CHECK_SHORT_SAMPLE, [])
    assert.equal(judgement.state, 1)
    assert.deepEqual(checkLines(CHECK_SHORT_SAMPLE, judgement), [
      'REPRISE WARNING: not enough holders: 1 shard with 2 of 3 ready: 3 | members=3 suspect=0 silent=0 shards_ok=63;;;0;64',
      'one reason | another',
    ])
    const line = checkLines(CHECK_SHORT_SAMPLE, { state: 2, reasons: ['a | b'] })
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
    assert.deepEqual(checkJson(CHECK_SHORT_SAMPLE, judge(CHECK_SHORT_SAMPLE, silent), 'node-1', silent), {
      schemaVersion: 1,
      state: 'CRITICAL',
      asked: 'node-1',
      unanswered: silent,
      members: CHECK_SAMPLE.members,
      checkedShards: 64,
      shards: CHECK_SHORT_SAMPLE.shards,
      reasons: ['node-2 does not answer: nothing listens there', ...CHECK_SHORT_SAMPLE.reasons],
    })
  })
})
