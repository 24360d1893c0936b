import assert from 'node:assert/strict'
import type { FaultBand, RunEvent } from '@reprise/chaos'
import { RunLines } from '../../src/chaos/run-lines.ts'

const BAND: FaultBand = {
  fault: { kind: 'freeze', nodes: [1] },
  nodes: [1],
  fromMs: 4_000,
  untilMs: undefined,
}

const NAMES = ['node-1', 'node-2']

const OPENING = { name: 'kill-two', backend: 'sim', seed: 7, nodes: 5, runMs: 20_000 }

const tick = (atMs: number, more: Partial<Extract<RunEvent, { type: 'tick' }>> = {}): RunEvent => ({
  type: 'tick',
  atMs,
  ok: 200,
  failed: 0,
  unknown: 0,
  lagFrames: 3,
  ready: 5,
  members: 5,
  ...more,
})

describe('RunLines', () => {
  it('tells what happens, and nothing of what changes every second', () => {
    const lines = new RunLines(OPENING)
    const events: readonly RunEvent[] = [
      { type: 'phase', atMs: 0, phase: 'starting' },
      { type: 'phase', atMs: 0, phase: 'running' },
      tick(1_000),
      { type: 'fault', atMs: 4_003, state: 'begins', band: BAND, memberNames: NAMES },
      { type: 'fault', atMs: 9_010, state: 'ends', band: { ...BAND, untilMs: 9_010 }, memberNames: NAMES },
      { type: 'phase', atMs: 20_000, phase: 'healing' },
      { type: 'quiet', atMs: 21_240, afterMs: 1_240 },
      {
        type: 'violation',
        atMs: 23_000,
        violation: { invariant: 'carts', atMs: 23_000, session: 2, text: 'an item is there twice' },
      },
    ]
    assert.deepEqual(
      events.flatMap((event) => lines.linesOf(event)),
      [
        'reprise chaos: kill-two on sim, seed 7: 5 nodes, 20.0 s',
        '    0.0 s         the cluster forms',
        '    0.0 s         clients come',
        '    4.0 s  begins freeze node-2',
        '    9.0 s  ends   freeze node-2, after 5.0 s',
        '   20.0 s         everything is to be healed',
        '   21.2 s  quiet  all copies equal, 1.2 s after the heal',
      ],
    )
  })

  it('tells how it is: the last second, what went wrong so far, and the faults that are on', () => {
    const lines = new RunLines(OPENING)
    const status = (event: RunEvent): string | undefined => {
      lines.linesOf(event)
      return lines.status()
    }
    assert.equal(status({ type: 'phase', atMs: 0, phase: 'running' }), undefined)
    assert.match(
      status(tick(1_000, { failed: 2 })) ?? '',
      /202 ops\/s, 2 failed, 0 unknown, lag 3, 5 of 5 ready.*clients come$/,
    )
    lines.linesOf({ type: 'fault', atMs: 4_000, state: 'begins', band: BAND, memberNames: NAMES })
    assert.match(
      status(tick(5_000, { unknown: 1, ready: 4 })) ?? '',
      /201 ops\/s, 2 failed, 1 unknown, lag 3, 4 of 5 ready.*freeze node-2$/,
    )
    lines.linesOf({ type: 'fault', atMs: 9_000, state: 'ends', band: { ...BAND, untilMs: 9_000 }, memberNames: NAMES })
    assert.match(status(tick(10_000)) ?? '', /2 failed, 1 unknown.*clients come$/)
  })
})
