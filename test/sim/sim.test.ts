/**
 * The simulator on a small fixed set of seeds: what every `npm test` runs. `npm run sim` runs as many as there is time for.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyHash } from '@reprise/core'
import { loadKeyHash } from '@reprise/core'
import type { Scenario, SimulationOptions, SimulationResult } from '@reprise/testkit'
import {
  drawDiagram,
  drawScenario,
  measureGrowth,
  Recorder,
  shrink,
  simulate,
  simulateScenario,
} from '@reprise/testkit'
import { COVERED, PLANTED } from './planted.ts'

/** The fixed seeds, chosen for nothing but being the first. */
const SEEDS = Array.from({ length: 30 }, (_, i) => i + 1)
/** Where a planted bug is looked for when its known seeds no longer show it. */
const PLANTED_SEEDS_MAX = 120

describe('simulation', function () {
  // Whole clusters in virtual time: seconds of work, on a loaded machine some tens.
  this.timeout(120_000)
  this.slow(5_000)

  let keyHash: KeyHash
  before(async () => {
    keyHash = await loadKeyHash()
  })

  const run = (seed: number, options: Partial<SimulationOptions> = {}): SimulationResult =>
    simulate(seed, { keyHash, ...options })

  it(`[I-R1] [I-R2] [I-R3] [I-R4] [I-R5] [I-R6] [I-R7] [I-R8] [I-R9] [I-R10] [I-R11] [I-R12] hold in ${SEEDS.length} clusters under faults`, () => {
    for (const seed of SEEDS) expectNone(run(seed))
  })

  for (const { seed, nodeCount, why } of readSeeds()) {
    it(`seed ${seed} stays mended: ${why}`, () => {
      expectNone(run(seed, { nodeCount, mix: 1 }))
    })
  }

  for (const { why, scenario } of readRegressions()) {
    it(`stays mended: ${why}`, () => expectNone(simulateScenario(scenario, { keyHash })))
  }

  it('[R14] hold in clusters with a repository, which crashes with everybody and comes back with what it had', () => {
    const adapt = (scenario: Scenario): Scenario => {
      const { nodeCount, activeMs, faults } = scenario
      const all = Array.from({ length: nodeCount + 1 }, (_, node) => node)
      const crashes = all.map((node): Scenario['faults'][number] => {
        return { kind: 'crash', node, atMs: activeMs / 2, lastsMs: 200, isSilent: false, hasAmnesia: false }
      })
      const calm = faults.filter(({ kind }) => kind === 'partition' || kind === 'cut')
      return {
        ...scenario,
        nodeCount: nodeCount + 1,
        repositories: [nodeCount],
        wires: [],
        clocks: [],
        liveness: undefined,
        faults: [...calm, ...crashes].sort((a, b) => a.atMs - b.atMs),
      }
    }
    for (const seed of SEEDS.slice(0, 12)) expectNone(run(seed, { adapt }))
  })

  it('replays: the same seed is the same run, event by event', () => {
    for (const seed of [1, 2, 3]) {
      const [first, second] = [run(seed), run(seed, { log: () => {} })]
      assert.ok(first.events > 1_000)
      assert.equal(first.traceHash, second.traceHash)
      assert.equal(first.events, second.events)
    }
    assert.notEqual(run(1).traceHash, run(2).traceHash)
  })

  it('a scenario written down replays as the same run, and a failure shrinks to a small one that fails alike', () => {
    const planted = ['tombstone-life']
    const failed = run(3, { planted })
    const [violation] = failed.violations
    assert.ok(violation !== undefined)
    const written = JSON.parse(JSON.stringify(failed.scenario)) as Scenario
    assert.equal(simulateScenario(written, { keyHash, planted }).traceHash, failed.traceHash)
    const { scenario, result } = shrink(failed, { keyHash, planted, triesMax: 150 })
    assert.equal(result.violations[0]?.rule, violation.rule)
    assert.ok(result.visits.length * 10 < failed.visits.length, `${result.visits.length} visits are left`)
    const recorder = new Recorder()
    const { violations, startedAtMs } = simulateScenario(scenario, { keyHash, planted, recorder })
    const page = drawDiagram({ scenario, recorder, violations, replay: 'npm run sim', startedAtMs })
    assert.ok(page.includes(violation.rule) && page.includes('</svg>') && !page.includes('NaN'))
  })

  it('[liveness] a core gets along with everybody else down, cut off, stopped or slow for good', () => {
    const seeds = Array.from({ length: 400 }, (_, i) => i + 1).filter(
      (seed) => drawScenario(seed).liveness !== undefined,
    )
    for (const seed of seeds.slice(0, 6)) expectNone(run(seed))
  })

  it('[R11] [I-R4] repairs loss by negative acknowledgement alone: a third of all frames lost, nobody crashes', () => {
    let repairs = 0
    for (let seed = 1; seed <= 5; seed++) {
      const result = run(seed, { adapt: (scenario) => lossy(scenario) })
      expectNone(result)
      repairs += result.repairs
    }
    assert.ok(repairs > 50, `${repairs} gaps repaired`)
  })

  it('[R12] [I-R3] a write that waited for copies outlives the crash of its writer', () => {
    let confirmed = 0
    for (let seed = 1; seed <= 5; seed++) {
      const result = run(seed, { adapt: (scenario) => writerCrashes(scenario) })
      expectNone(result)
      confirmed += result.workload.confirmed
    }
    assert.ok(confirmed > 50, `${confirmed} writes confirmed`)
  })

  it('[R3] [R5] sessions go on at other nodes while nodes come and go', () => {
    let complete = 0
    for (const seed of SEEDS) complete += run(seed, { nodeCount: 5 }).workload.complete
    assert.ok(complete > 200, `${complete} complete resumes`)
  })

  it('[R5] a check says ok at rest, and in the middle of faults takes nothing that is under way for a loss', () => {
    let reports = 0
    for (const seed of SEEDS) {
      const result = run(seed, { checks: true })
      expectNone(result)
      assert.equal(result.checks.alarms, 0)
      reports += result.checks.reports
    }
    assert.ok(reports > 3 * SEEDS.length, `${reports} reports`)
  })

  it('[R5] a check finds the copies that differ for good', () => {
    const bug = PLANTED.find(({ lacks }) => lacks[0] === 'flush') ?? assert.fail()
    const { lacks, bend = (scenario) => scenario, seeds } = bug
    const others = Array.from({ length: PLANTED_SEEDS_MAX }, (_, i) => i + 1)
    for (const seed of [...seeds, ...others]) {
      const { violations, checks } = run(seed, { planted: lacks, adapt: bend })
      assert.ok(!violations.some(({ rule }) => rule === 'R5'), `seed ${seed}`)
      if (checks.alarms > 0) return
    }
    assert.fail(`copies differed nowhere in ${PLANTED_SEEDS_MAX} seeds`)
  })

  describe('a planted bug is noticed', () => {
    for (const { lacks, bug, caughtBy, seeds, bend, checks = false } of PLANTED) {
      it(`${caughtBy.map((rule) => `[${rule}]`).join(' ')} without ${lacks.join(' and ')}: ${bug}`, () => {
        const others = Array.from({ length: PLANTED_SEEDS_MAX }, (_, i) => i + 1)
        for (const seed of [...seeds, ...others]) {
          const options = { planted: lacks, checks, ...(bend === undefined ? {} : { adapt: bend }) }
          const [violation] = run(seed, options).violations
          if (violation !== undefined && caughtBy.includes(violation.rule)) return
        }
        assert.fail(`no checker noticed within ${PLANTED_SEEDS_MAX} seeds`)
      })
    }
  })

  it('every rule of the core that can be taken away is planted, or is said to be covered', () => {
    const core = join(import.meta.dirname, '../../packages/core/src')
    const files = readdirSync(core, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
    const hooks = files.flatMap((file) => [...readFileSync(join(core, file), 'utf8').matchAll(/lacks\('([a-z-]+)'\)/g)])
    const listed = new Set([...PLANTED.flatMap(({ lacks }) => lacks), ...Object.keys(COVERED)])
    assert.deepEqual([...new Set(hooks.map(([, rule]) => rule))].sort(), [...listed].sort())
  })

  it('every rule that is covered by another says so', () => {
    for (const rule of Object.keys(COVERED)) {
      assert.ok(!PLANTED.some(({ lacks }) => lacks.length === 1 && lacks[0] === rule), rule)
      for (const seed of [1, 2, 3]) expectNone(run(seed, { planted: [rule] }))
    }
  })

  it('what a write takes follows its holders and not the cluster, nor does what an idle member says grow beyond 50', () => {
    const [small, large] = [30, 60].map((nodeCount) => measureGrowth({ keyHash, nodeCount, copies: 2 }))
    assert.ok(small !== undefined && large !== undefined)
    // A writer is more often a holder itself in a small cluster, and then needs one frame and one acknowledgement less.
    const growth = large.messagesPerDelta / small.messagesPerDelta
    assert.ok(growth > 0.9 && growth < 1.1, `${small.messagesPerDelta}, then ${large.messagesPerDelta} messages`)
    assert.ok(large.idleBytesPerSecond < small.idleBytesPerSecond, `${large.idleBytesPerSecond} bytes a second`)
  })

  it('draws the same scenario for a seed whatever the number of nodes, but for the nodes', () => {
    const { nodeCount: _count, faults: _faults, ...drawn } = drawScenario(7, { mix: 1 })
    const { nodeCount, faults: _otherFaults, ...sized } = drawScenario(7, { nodeCount: 4, mix: 1 })
    assert.equal(nodeCount, 4)
    assert.deepEqual(sized, drawn)
  })
})

function expectNone({ seed, scenario, violations }: SimulationResult): void {
  const text = violations.map(({ rule, atMs, text }) => `at ${atMs.toFixed(1)} ms: ${rule}: ${text}`).join('\n')
  assert.equal(
    violations.length,
    0,
    `seed ${seed}, ${text}\nreplay: npm run sim -- --seed ${seed} --mix ${scenario.mix}`,
  )
}

function lossy(scenario: Scenario): Scenario {
  return { ...scenario, faults: [], conditions: { ...scenario.conditions, frameLossRate: 0.33 } }
}

function writerCrashes(scenario: Scenario): Scenario {
  const { activeMs, workload } = scenario
  return {
    ...scenario,
    nodeCount: 5,
    copies: 2,
    startsCold: false,
    workload: { ...workload, clients: 3, thinkMs: 40, moveRate: 0.5, copies: { 0: 0, 1: 1, 2: 1 } },
    faults: [0, 1].map((node) => ({
      kind: 'crash',
      node,
      atMs: ((node + 1) * activeMs) / 3,
      lastsMs: 300,
      isSilent: node === 0,
      hasAmnesia: false,
    })),
  }
}

/** The scenarios of `regressions/`: what the simulator found and shrank. */
function readRegressions(): { why: string; scenario: Scenario }[] {
  const folder = join(import.meta.dirname, 'regressions')
  return readdirSync(folder).map((file) => {
    const { why, ...scenario } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Scenario & { why: string }
    return { why, scenario }
  })
}

/** The seeds of `seeds.txt`. */
function readSeeds(): { seed: number; nodeCount: number | undefined; why: string }[] {
  const lines = readFileSync(join(import.meta.dirname, 'seeds.txt'), 'utf8').split('\n')
  return lines.flatMap((line) => {
    const [numbers = '', why = ''] = line.split('#')
    const [seed, nodeCount] = numbers.trim().split(/\s+/)
    if (seed === undefined || seed === '') return []
    return [{ seed: Number(seed), nodeCount: nodeCount === undefined ? undefined : Number(nodeCount), why: why.trim() }]
  })
}
