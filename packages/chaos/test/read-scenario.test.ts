import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { scenario } from '../src/define.ts'
import { ScenarioError } from '../src/errors.ts'
import { readScenario } from '../src/read-scenario.ts'

const STRIKE = { atMs: 1_000, lastsMs: 500, fault: { kind: 'kill', nodes: ['any'] } }
const LEAST = { name: 'mine', summary: 'A crash.', nemesis: [STRIKE], phases: { runMs: 5_000 } }

describe('readScenario', () => {
  it('reads the examples of docs/chaos.md', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/chaos.md'), 'utf8')
    const examples = [...text.matchAll(/```json\n(.*?)```/gs)].map(([, example = '']) =>
      readScenario(JSON.parse(example)),
    )
    assert.deepEqual(
      examples.map(({ name }) => name),
      ['tls-two', 'two-at-once'],
    )
  })

  it('fills in what is as usual, as for a scenario in code', () => {
    const input = { ...LEAST, nemesis: [{ ...STRIKE, fault: { kind: 'kill' as const, nodes: ['any' as const] } }] }
    assert.deepEqual(readScenario(JSON.parse(JSON.stringify(LEAST))), scenario(input))
  })

  it('reads every kind of fault', () => {
    const nodes = [1]
    const faults = [
      ...['kill', 'freeze', 'stall', 'restart'].map((kind) => ({ kind, nodes })),
      { kind: 'restart', nodes, atOnceMax: 2 },
      { kind: 'join', nodes: [4] },
      { kind: 'partition', side: ['primary', 1] },
      { kind: 'cut' },
      { kind: 'cut', from: [0], to: [1, 2] },
      {
        kind: 'impair',
        conditions: { lossRate: 0.1, delayMs: 5, jitterMs: 2, duplicateRate: 0, reorderRate: 0, bytesPerSecond: 9 },
      },
      { kind: 'clock-jump', nodes, jumpMs: -5 },
      { kind: 'clock-rate', nodes, rate: 1.01 },
      { kind: 'disk-full', nodes: [2] },
    ]
    const read = readScenario({
      ...LEAST,
      cluster: { nodes: 5, copies: 2, late: [4], repositories: [2] },
      nemesis: faults.map((fault) => ({ ...STRIKE, fault })),
    })
    assert.deepEqual(
      read.nemesis.map(({ fault }) => fault),
      faults,
    )
  })

  const wrong: readonly [what: string, data: unknown, path: string, message: RegExp][] = [
    ['no object', [], 'the scenario', /must be an object/],
    ['nothing', null, 'the scenario', /must be an object/],
    ['a key that is missing', { ...LEAST, phases: undefined }, 'phases', /is missing/],
    ['a key that nobody knows', { ...LEAST, nodes: 5 }, 'nodes', /is not known; there are name, summary, cluster/],
    [
      'a key of every object',
      { ...LEAST, phases: { ...LEAST.phases, constructor: 1 } },
      'phases.constructor',
      /is not known/,
    ],
    ['a number that is text', { ...LEAST, cluster: { nodes: '5' } }, 'cluster.nodes', /must be a number/],
    ['a number that is none', { ...LEAST, phases: { runMs: Number.NaN } }, 'phases.runMs', /must be a number/],
    ['text that is too long', { ...LEAST, summary: 'x'.repeat(301) }, 'summary', /at most 300 characters/],
    ['an activity that nobody does', { ...LEAST, workload: { mix: { buy: 1 } } }, 'workload.mix.buy', /is not known/],
    ['clients that there are not', { ...LEAST, workload: { kind: 'ftp' } }, 'workload.kind', /one of sessions, tls/],
    ['carts of TLS clients', { ...LEAST, workload: { kind: 'tls', keys: 9 } }, 'workload.keys', /is not known/],
    ['an order that nobody keeps', { ...LEAST, workload: { kind: 'tls', balance: 'x' } }, 'workload.balance', /one of/],
    ['no list', { ...LEAST, nemesis: STRIKE }, 'nemesis', /must be a list/],
    [
      'a fault that there is not',
      { ...LEAST, nemesis: [{ ...STRIKE, fault: { kind: 'explode' } }] },
      'nemesis[0].fault.kind',
      /must be one of kill, freeze/,
    ],
    [
      'a kind that every object has',
      { ...LEAST, nemesis: [{ ...STRIKE, fault: { kind: 'constructor' } }] },
      'nemesis[0].fault.kind',
      /must be one of/,
    ],
    [
      'a key of another fault',
      { ...LEAST, nemesis: [STRIKE, { ...STRIKE, fault: { kind: 'kill', nodes: [1], side: [1] } }] },
      'nemesis[1].fault.side',
      /is not known; there are kind, nodes/,
    ],
    [
      'a target that is none',
      { ...LEAST, nemesis: [{ ...STRIKE, fault: { kind: 'kill', nodes: ['all'] } }] },
      'nemesis[0].fault.nodes[0]',
      /a member's number, 'any' or 'primary'/,
    ],
    [
      'an invariant that nobody checks',
      { ...LEAST, invariants: ['luck'] },
      'invariants[0]',
      /must be one of durability/,
    ],
    ['what contradicts itself', { ...LEAST, cluster: { nodes: 3, copies: 3 } }, 'cluster.copies', /from 0 to 2/],
  ]
  for (const [what, data, path, message] of wrong) {
    it(`refuses ${what}, and says where`, () => {
      assert.throws(
        () => readScenario(data),
        (error) => error instanceof ScenarioError && error.path === path && message.test(error.message),
      )
    })
  }
})
