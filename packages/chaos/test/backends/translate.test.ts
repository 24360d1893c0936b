import assert from 'node:assert/strict'
import { WIRE_VERSION, WIRE_VERSION_MIN } from '@reprise/core'
import { translate } from '../../src/backends/sim/translate.ts'
import { type ScenarioInput, scenario } from '../../src/define.ts'
import { type Fault, SCENARIOS, type Strike, UnsupportedError } from '../../src/index.ts'

const INPUT: ScenarioInput = { name: 'some', summary: '', nemesis: [], phases: { runMs: 10_000 } }
const translated = (fault: Fault, others: Partial<Strike> = {}, input: Partial<ScenarioInput> = {}) =>
  translate(scenario({ ...INPUT, ...input, nemesis: [{ atMs: 1_000, lastsMs: 500, fault, ...others }] }), 1)

describe('a scenario for the simulator', () => {
  it('has the faults by what they do to a process or a network', () => {
    const kinds = (fault: Fault): string[] => translated(fault).scenario.faults.map(({ kind }) => kind)
    assert.deepEqual(kinds({ kind: 'kill', nodes: [0, 1] }), ['crash', 'crash'])
    assert.deepEqual(kinds({ kind: 'freeze', nodes: [0] }), ['pause'])
    assert.deepEqual(kinds({ kind: 'restart', nodes: [0] }), ['leave'])
    assert.deepEqual(kinds({ kind: 'impair', conditions: { lossRate: 0.2 } }), ['storm'])
    assert.deepEqual(kinds({ kind: 'clock-jump', nodes: [0], jumpMs: 5 }), ['clock', 'clock'])
  })

  it('lets what has no end last until everything is healed', () => {
    const { scenario: simulated, faults } = translated({ kind: 'freeze', nodes: [0] }, { lastsMs: 0 })
    assert.equal(simulated.faults[0]?.lastsMs, 9_000)
    assert.equal(faults[0]?.untilMs, undefined)
  })

  it('draws the primary, and says in the record who it was', () => {
    const { scenario: simulated, faults } = translated({ kind: 'kill', nodes: ['primary'] })
    const [fault] = simulated.faults
    assert(fault?.kind === 'crash')
    assert.deepEqual(faults[0]?.nodes, [fault.node])
    assert.deepEqual(faults[0]?.fault, { kind: 'kill', nodes: [fault.node] })
  })

  it('has members of the previous wire, repositories, and who comes late', () => {
    const cluster = { nodes: 4, previousWire: [1], repositories: [2], late: [3] }
    const { scenario: simulated } = translated({ kind: 'join', nodes: [3] }, { lastsMs: 0 }, { cluster })
    assert.deepEqual(simulated.wires, [WIRE_VERSION, WIRE_VERSION_MIN, WIRE_VERSION, WIRE_VERSION])
    assert.deepEqual([simulated.repositories, simulated.lateNodes], [[2], [3]])
    const [fault] = simulated.faults
    assert(fault?.kind === 'join' && fault.end === 'stays')
  })

  it('is refused where only some links are bad', () => {
    assert.throws(() => translated({ kind: 'impair', from: [0], conditions: { delayMs: 5 } }), UnsupportedError)
  })

  it('can be had of all scenarios whose faults there are', () => {
    const refused = SCENARIOS.filter((one) => {
      try {
        translate(one, 1)
        return false
      } catch (error) {
        assert(error instanceof UnsupportedError)
        return true
      }
    })
    assert.deepEqual(
      refused.map(({ name }) => name),
      ['clock-skew', 'disk-full', 'tls-kill', 'tls-freeze', 'tls-rolling-restart', 'tls-partition'],
    )
  })
})
