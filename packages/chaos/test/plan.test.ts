import assert from 'node:assert/strict'
import { scenario } from '../src/define.ts'
import { type Fault, ScenarioError, type Strike, UnsupportedError } from '../src/index.ts'
import { assertAble, planStrikes, withTargets } from '../src/plan.ts'

const plan = (nemesis: readonly Strike[], seed: number, late: readonly number[] = []) =>
  planStrikes(scenario({ name: 'some', summary: '', cluster: { late }, nemesis, phases: { runMs: 10_000 } }), seed)

const strike = (atMs: number, lastsMs: number, fault: Fault): Strike => ({ atMs, lastsMs, fault })
const SEEDS = Array.from({ length: 50 }, (_, seed) => seed)

describe('a plan', () => {
  it('is the same for the same seed, and draws everybody in time', () => {
    const nemesis = [strike(0, 100, { kind: 'kill', nodes: ['any', 'any'] })]
    const drawn = SEEDS.map((seed) => plan(nemesis, seed)[0]?.targets['nodes'])
    assert.deepEqual(
      SEEDS.map((seed) => plan(nemesis, seed)[0]?.targets['nodes']),
      drawn,
    )
    assert.deepEqual([...new Set(drawn.flat())].sort(), [0, 1, 2, 3, 4])
    for (const nodes of drawn) assert.equal(new Set(nodes).size, 2)
  })

  it('strikes nobody twice at a time, nor whom the strike names', () => {
    for (const seed of SEEDS) {
      const [first, second, third] = plan(
        [
          strike(0, 2_000, { kind: 'kill', nodes: ['any'] }),
          strike(1_000, 2_000, { kind: 'freeze', nodes: ['any', 0] }),
          strike(9_000, 100, { kind: 'kill', nodes: ['any'] }),
        ],
        seed,
      ).map(({ targets }) => targets['nodes'] ?? [])
      assert(first !== undefined && second !== undefined && third !== undefined, `seed ${seed}`)
      assert.notEqual(second[0], first[0], `seed ${seed}`)
      assert.notEqual(second[0], 0, `seed ${seed}`)
    }
  })

  it('lets members join that are not there, and strikes those that are', () => {
    for (const seed of SEEDS) {
      const [killed, joined] = plan(
        [strike(0, 100, { kind: 'kill', nodes: ['any'] }), strike(500, 0, { kind: 'join', nodes: ['any'] })],
        seed,
        [3, 4],
      ).map(({ targets }) => targets['nodes']?.[0])
      assert(killed === 0 || killed === 1 || killed === 2, `seed ${seed}`)
      assert(joined === 3 || joined === 4, `seed ${seed}`)
    }
  })

  it('is refused when nobody is left to be drawn', () => {
    const nemesis = [
      strike(0, 5_000, { kind: 'kill', nodes: [0, 1, 2, 3, 4] }),
      strike(1_000, 100, { kind: 'freeze', nodes: ['any'] }),
    ]
    assert.throws(() => plan(nemesis, 1), ScenarioError)
  })

  it('leaves the primary open', () => {
    const [only] = plan([strike(0, 100, { kind: 'partition', side: ['primary', 1] })], 1)
    assert.deepEqual(only?.targets, { side: ['primary', 1] })
  })

  it('knows what a backend lacks, all of it', () => {
    const nemesis = [
      strike(0, 100, { kind: 'kill', nodes: [0] }),
      strike(0, 100, { kind: 'impair', conditions: { lossRate: 0.1, reorderRate: 0.1 } }),
    ]
    const given = scenario({
      name: 'some',
      summary: '',
      cluster: { previousWire: [1] },
      nemesis,
      phases: { runMs: 1_000 },
    })
    const able = {
      faults: new Set(['impair'] as const),
      conditions: new Set(['lossRate'] as const),
      previousWire: false,
      tls: false,
    }
    assert.throws(
      () => assertAble('proc', able, given),
      (error) =>
        error instanceof UnsupportedError && /no kill, reorderRate, members of the previous wire/.test(error.message),
    )
    const abler = {
      faults: new Set(['impair', 'kill'] as const),
      conditions: new Set(['lossRate', 'reorderRate'] as const),
      previousWire: true,
      tls: false,
    }
    assert.doesNotThrow(() => assertAble('netns', abler, given))
  })

  it('puts found members where their targets were', () => {
    assert.deepEqual(withTargets({ kind: 'kill', nodes: ['primary'] }, { nodes: [3] }), { kind: 'kill', nodes: [3] })
    assert.deepEqual(withTargets({ kind: 'cut', from: ['any'] }, { from: [3], to: [] }), { kind: 'cut', from: [3] })
    assert.deepEqual(withTargets({ kind: 'partition', side: ['any', 2] }, { side: [0, 2] }), {
      kind: 'partition',
      side: [0, 2],
    })
  })
})
