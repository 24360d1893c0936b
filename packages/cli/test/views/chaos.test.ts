import assert from 'node:assert/strict'
import type { RunRecord } from '@reprise/chaos'
import { tableLines } from '../../src/table.ts'
import { runJson, runLines, SCENARIO_COLUMNS } from '../../src/views/chaos.ts'
import { RECORD_SAMPLE } from '../support/chaos-record.ts'

describe('what came of a run', () => {
  it('says what broke first, and how to see and do it again', () => {
    assert.deepEqual(runLines(RECORD_SAMPLE, '/tmp/out.html'), [
      'BROKEN: durability, carts in kill-two on proc, seed 42.',
      '    23.0 s  durability: item c1-9 is not in the cart',
      '    23.0 s  carts: two members disagree',
      'Operations: 3 ok, 1 failed, 1 unknown.',
      'Requests: 2 served, 2 not; p99 2.0 ms outside of faults, p99 4.0 ms inside of faults.',
      '1 fault, quiet 1.2 s after the heal; 2 invariants judged.',
      'Report: /tmp/out.html',
      'Again:  reprise chaos run kill-two --backend proc --seed 42',
    ])
  })

  it('is short when nothing broke', () => {
    const held: RunRecord = { ...RECORD_SAMPLE, violations: [], operations: [], faults: [] }
    assert.deepEqual(runLines(held, undefined), [
      'NOTHING BROKE: kill-two on proc, seed 42.',
      'Operations: 0 ok, 0 failed, 0 unknown.',
      'Requests: 0 served, 0 not.',
      '0 faults, quiet 1.2 s after the heal; 2 invariants judged.',
      'Again:  reprise chaos run kill-two --backend proc --seed 42',
    ])
  })

  it('has one line for what broke often, and for programs the first hundred', () => {
    const [first] = RECORD_SAMPLE.violations
    const many = { ...RECORD_SAMPLE, violations: new Array(300).fill(first), quietAtMs: undefined }
    const [, second, third] = runLines(many, undefined)
    assert.equal(second, '    23.0 s  durability (300 times): item c1-9 is not in the cart')
    assert.match(third ?? '', /^Operations/)
    assert.match(runLines(many, undefined).join('\n'), /never quiet after the heal/)
    const json = runJson(many, undefined)
    assert.equal(Reflect.get(json, 'violationCount'), 300)
    assert.equal(Reflect.get(json, 'violations').length, 100)
  })

  it('tells what a fault added for who went elsewhere at once', () => {
    const [first] = RECORD_SAMPLE.operations
    const at = (startMs: number, endMs: number, node: number, kind: 'commit' | 'resume') => ({
      ...first!,
      startMs,
      endMs,
      node,
      kind,
    })
    const operations = [
      at(10, 11, 1, 'commit'),
      at(20, 24, 2, 'resume'),
      // The fault is at node 1 from 5.0 s on.
      at(5_100, 5_107, 2, 'resume'),
    ]
    assert.ok(
      runLines({ ...RECORD_SAMPLE, operations }, undefined).includes(
        'Resumed elsewhere: p99 4.0 ms before the first fault, 7.0 ms for 1 session whose last writer it hit.',
      ),
    )
  })

  it('tells what others had of a fault than the clients of who was hit', () => {
    const [, second] = RECORD_SAMPLE.operations
    const atHit = { ...second!, request: 9, node: 1, startMs: 6_000, endMs: 9_000 }
    const record: RunRecord = { ...RECORD_SAMPLE, operations: [...RECORD_SAMPLE.operations, atHit] }
    assert.match(
      runLines(record, undefined).join('\n'),
      /p99 3\.0 s inside of faults, p99 4\.0 ms of them where nobody that was hit was asked\./,
    )
  })

  it('tells what TLS clients were given', () => {
    const [first] = RECORD_SAMPLE.operations
    const offered = { madeMs: 0, livesUntilMs: 9_000, madeBy: 1 }
    const tls = { version: 'TLSv1.2', offered, result: 'resumed', from: 'peers' } as const
    const record: RunRecord = { ...RECORD_SAMPLE, operations: [{ ...first!, kind: 'tls-resume', detail: { tls } }] }
    assert.ok(
      runLines(record, undefined).includes(
        "TLS handshakes with a session: 1 resumed, 1 of them from another member's memory, 0 full, 0 failed; without one: 0 full, 0 failed.",
      ),
    )
    assert.equal(Reflect.get(Reflect.get(runJson(record, undefined), 'handshakes'), 'fromPeers'), 1)
    assert.equal(Reflect.get(runJson(RECORD_SAMPLE, undefined), 'handshakes'), undefined)
  })

  it('lists scenarios with where they can run', () => {
    assert.deepEqual(tableLines(SCENARIO_COLUMNS, [{ scenario: RECORD_SAMPLE.scenario, backends: ['sim', 'proc'] }]), [
      'SCENARIO  NODES  COPIES   LASTS  FAULTS  BACKENDS  SUMMARY',
      'kill-two      5       2  20.0 s       1  sim,proc  Two of five nodes are killed at the same moment.',
    ])
  })
})
