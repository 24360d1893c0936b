/** What a line of the comparison says of a history by hand. */
import assert from 'node:assert/strict'
import type { Evidence } from '../../packages/chaos/src/checkers/checker.ts'
import { scenario } from '../../packages/chaos/src/define.ts'
import type { Operation, OperationDetail } from '../../packages/chaos/src/run-record.ts'
import { tallyOf } from './tally.ts'

const plan = scenario({ name: 'by-hand', summary: 'nothing', nemesis: [], phases: { runMs: 10_000 } })

type Told = Pick<Operation, 'request' | 'kind' | 'session' | 'startMs' | 'endMs' | 'outcome'> & {
  readonly detail?: OperationDetail
}

const evidenceOf = (told: readonly Told[]): Evidence => ({
  scenario: plan,
  backend: 'netns',
  seed: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  version: '',
  replay: '',
  memberNames: ['a', 'b', 'c', 'd', 'e'],
  faults: [],
  samples: [],
  operations: told.map((operation) => ({ client: 0, node: 0, detail: {}, ...operation })),
  healedAtMs: 10_000,
  quietAtMs: 11_000,
  check: undefined,
})

const put = (request: number, startMs: number, endMs: number, outcome: Operation['outcome'] = 'ok'): Told => ({
  request,
  kind: 'create',
  session: request,
  startMs,
  endMs,
  outcome,
  detail: { item: `${request}.0`, copies: 1, endsMs: 1e9 },
})

const read = (session: number, found: 'complete' | 'absent'): Told => ({
  request: 100 + session,
  kind: 'final-read',
  session,
  startMs: 12_000,
  endMs: 12_001,
  outcome: 'ok',
  detail: { found, items: found === 'complete' ? [`${session}.0`] : [], expects: [] },
})

describe('a line of the comparison', () => {
  it('counts what was confirmed, and what of it is lost', () => {
    const tally = tallyOf(
      evidenceOf([put(1, 0, 10), put(2, 20, 40), put(3, 50, 60, 'unknown'), read(1, 'complete'), read(2, 'absent')]),
    )
    assert.equal(tally.confirmed, 2)
    assert.equal(tally.sessionsLost, 1)
  })

  it('knows the longest time in which nothing was confirmed, to the very end', () => {
    assert.equal(
      tallyOf(evidenceOf([put(1, 0, 100), put(2, 100, 3_100), put(3, 3_100, 9_000)])).longestSilenceMs,
      5_900,
    )
    assert.equal(tallyOf(evidenceOf([put(1, 0, 100)])).longestSilenceMs, 9_900)
  })

  it('takes the attempts at several servers for one request', () => {
    const tally = tallyOf(evidenceOf([put(1, 0, 2_000, 'unknown'), put(1, 2_000, 2_010)]))
    assert.equal(tally.requests, 1)
    assert.equal(tally.p99Ms, 2_010)
    assert.equal(tally.requestsFailed, 0)
    assert.equal(tallyOf(evidenceOf([put(1, 0, 2_000, 'failed')])).requestsFailed, 1)
  })
})
