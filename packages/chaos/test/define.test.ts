import assert from 'node:assert/strict'
import { scenario, withNodes } from '../src/define.ts'
import type { Fault, Scenario, ScenarioInput } from '../src/index.ts'
import { SCENARIOS, ScenarioError } from '../src/index.ts'

const INPUT: ScenarioInput = { name: 'some', summary: 'something', nemesis: [], phases: { runMs: 1_000 } }

const struck = (fault: Fault, others: Partial<ScenarioInput> = {}): Scenario =>
  scenario({ ...INPUT, ...others, nemesis: [{ atMs: 0, lastsMs: 100, fault }] })

describe('a scenario', () => {
  it('is completed, and its strikes are in order', () => {
    const kill: Fault = { kind: 'kill', nodes: ['any'] }
    const { cluster, workload, nemesis, phases, invariants } = scenario({
      ...INPUT,
      nemesis: [
        { atMs: 900, lastsMs: 0, fault: kill },
        { atMs: 100, lastsMs: 0, fault: kill },
      ],
    })
    assert(workload.kind !== 'tls')
    assert.deepEqual([cluster.nodes, cluster.copies, workload.confirm, phases.quietWithinMs], [5, 2, 1, 15_000])
    assert.deepEqual(
      nemesis.map(({ atMs }) => atMs),
      [100, 900],
    )
    assert(invariants.includes('durability') && !invariants.includes('no-errors'))
  })

  it('of TLS clients is completed, and held to what such clients see', () => {
    const { workload, invariants } = scenario({ ...INPUT, workload: { kind: 'tls', rate: 5 } })
    assert.deepEqual(workload, { kind: 'tls', clients: 101, rate: 5, balance: 'round-robin', strangerRate: 0.02 })
    assert(invariants.includes('tls-resumed') && !invariants.includes('durability'))
  })

  it('is plain data', () => {
    for (const one of SCENARIOS) assert.deepEqual(JSON.parse(JSON.stringify(one)), one)
  })

  const wrong: readonly (readonly [path: string, make: () => Scenario])[] = [
    ['name', () => scenario({ ...INPUT, name: 'Two Words' })],
    ['cluster.nodes', () => scenario({ ...INPUT, cluster: { nodes: 1 } })],
    ['cluster.nodes', () => scenario({ ...INPUT, cluster: { nodes: 3.5 } })],
    ['cluster.copies', () => scenario({ ...INPUT, cluster: { nodes: 3, copies: 3 } })],
    ['cluster.late', () => scenario({ ...INPUT, cluster: { late: [5] } })],
    ['cluster.late', () => scenario({ ...INPUT, cluster: { nodes: 2, copies: 1, late: [0, 1] } })],
    ['cluster.repositories', () => scenario({ ...INPUT, cluster: { repositories: [1, 1] } })],
    ['cluster.previousWire', () => scenario({ ...INPUT, cluster: { previousWire: [1], repositories: [1] } })],
    ['workload.confirm', () => scenario({ ...INPUT, workload: { confirm: 3 } })],
    ['workload.rate', () => scenario({ ...INPUT, workload: { rate: Number.NaN } })],
    ['workload.mix', () => scenario({ ...INPUT, workload: { mix: { cart: 0 } } })],
    ['workload.clients', () => scenario({ ...INPUT, workload: { kind: 'tls', clients: 1.5 } })],
    ['workload.strangerRate', () => scenario({ ...INPUT, workload: { kind: 'tls', strangerRate: 2 } })],
    ['workload.patienceMs', () => scenario({ ...INPUT, workload: { kind: 'tls', patienceMs: 0 } })],
    ['cluster.previousWire', () => scenario({ ...INPUT, workload: { kind: 'tls' }, cluster: { previousWire: [1] } })],
    ['invariants', () => scenario({ ...INPUT, workload: { kind: 'tls' }, invariants: ['carts'] })],
    ['invariants', () => scenario({ ...INPUT, invariants: ['tls-own'] })],
    ['phases.runMs', () => scenario({ ...INPUT, phases: { runMs: 0 } })],
    ['invariants', () => scenario({ ...INPUT, invariants: [] })],
    [
      'nemesis[0].atMs',
      () => scenario({ ...INPUT, nemesis: [{ atMs: 2_000, lastsMs: 0, fault: { kind: 'kill', nodes: [0] } }] }),
    ],
    [
      'nemesis[0].lastsMs',
      () => scenario({ ...INPUT, nemesis: [{ atMs: 0, lastsMs: 0, fault: { kind: 'stall', nodes: [0] } }] }),
    ],
    ['nemesis[0].fault.nodes', () => struck({ kind: 'kill', nodes: [7] })],
    ['nemesis[0].fault.nodes', () => struck({ kind: 'freeze', nodes: [1, 1] })],
    ['nemesis[0].fault.side', () => struck({ kind: 'partition', side: [] })],
    ['nemesis[0].fault.from', () => struck({ kind: 'cut', from: [-1] })],
    ['nemesis[0].fault.nodes', () => struck({ kind: 'disk-full', nodes: [0] })],
    ['nemesis[0].fault.rate', () => struck({ kind: 'clock-rate', nodes: [0], rate: 0 })],
    ['nemesis[0].fault.conditions.lossRate', () => struck({ kind: 'impair', conditions: { lossRate: 2 } })],
  ]
  for (const [i, [path, make]] of wrong.entries()) {
    it(`is refused for what can never work, by its path: ${path} (${i})`, () => {
      assert.throws(make, (error) => error instanceof ScenarioError && error.path === path && error.code === 'SCENARIO')
    })
  }

  it('can be had in another size, unless it names members that are then not there', () => {
    const original = struck({ kind: 'kill', nodes: [4] })
    assert.equal(withNodes(original, 7).cluster.nodes, 7)
    assert.throws(() => withNodes(original, 4), ScenarioError)
  })
})
