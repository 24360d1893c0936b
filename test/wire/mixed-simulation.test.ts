/**
 * The same upgrade under faults: in the simulator some nodes run the code of an earlier wire version as it was, the others
 * the present one, and the checkers hold for all of them.
 */
import assert from 'node:assert/strict'
import type { KeyHash } from '@reprise/core'
import { loadKeyHash, Replica, WIRE_VERSION } from '@reprise/core'
import type { Scenario, SimulationResult } from '@reprise/testkit'
import { simulate } from '@reprise/testkit'
import type { Frozen } from './frozen.ts'
import { FROZEN_VERSIONS, loadFrozen } from './frozen.ts'

const SEEDS = Array.from({ length: 40 }, (_, i) => i + 1)

describe('wire evolution under faults', function () {
  this.timeout(120_000)
  this.slow(10_000)

  let keyHash: KeyHash
  before(async () => {
    keyHash = await loadKeyHash()
  })

  for (const version of FROZEN_VERSIONS) {
    it(`[I-R1] [I-R3] [I-R4] [I-R5] [I-R7] [I-R9] [I-R12] hold in ${SEEDS.length} clusters of which a part runs wire ${version}`, async () => {
      const frozen = await loadFrozen(version)
      const started = new Map<number, number>()
      for (const seed of SEEDS) expectNone(run(seed, version, frozen, started))
      assert.ok((started.get(version) ?? 0) > SEEDS.length && (started.get(WIRE_VERSION) ?? 0) > SEEDS.length)
    })
  }

  const run = (seed: number, version: number, frozen: Frozen, started: Map<number, number>): SimulationResult =>
    simulate(seed, {
      keyHash,
      // The faults that the earlier version was made for: it cannot be mended any more.
      mix: 1,
      coreOf: (wire) => {
        started.set(wire, (started.get(wire) ?? 0) + 1)
        return wire === version ? frozen.Replica : Replica
      },
      adapt: (scenario) => ({ ...scenario, wires: everySecond(scenario, version) }),
    })
})

/** Old and new in turn, the old ones first or last. */
function everySecond({ nodeCount, seed }: Scenario, version: number): number[] {
  return Array.from({ length: nodeCount }, (_, node) => ((node + seed) % 2 === 0 ? version : WIRE_VERSION))
}

function expectNone({ seed, violations }: SimulationResult): void {
  const text = violations.map(({ rule, atMs, text }) => `at ${atMs.toFixed(1)} ms: ${rule}: ${text}`).join('\n')
  assert.equal(violations.length, 0, `seed ${seed}, ${text}`)
}
