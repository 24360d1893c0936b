/** Whole runs, small ones: virtual time, nodes of this process, and processes. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type RunEvent,
  runScenario,
  ScenarioError,
  scenario,
  tallyHandshakes,
  UnsupportedError,
} from '../../src/index.ts'

const PATIENCE_MS = 60_000
const SMALL = {
  summary: 'small',
  cluster: { nodes: 3, copies: 1 },
  workload: { clients: 8, rate: 40, keys: 20 },
  invariants: ['durability', 'carts', 'read-your-writes', 'no-resurrection', 'no-false-absence', 'convergence'],
} as const
const killed = scenario({
  ...SMALL,
  name: 'killed',
  nemesis: [{ atMs: 500, lastsMs: 1_000, fault: { kind: 'kill', nodes: ['primary'] } }],
  phases: { runMs: 2_500, quietWithinMs: PATIENCE_MS },
})

describe('a run', function () {
  this.timeout(120_000)
  this.slow(15_000)

  it('[R3] [R5] in virtual time is the same for the same seed, and another for another', async () => {
    const [one, again, other] = await Promise.all(
      [5, 5, 6].map((seed) => runScenario(killed, { backend: 'sim', seed })),
    )
    assert(one !== undefined && again !== undefined && other !== undefined)
    assert.deepEqual(one.violations, [])
    assert.deepEqual(
      [one.operations, one.samples, one.faults, one.quietAtMs],
      [again.operations, again.samples, again.faults, again.quietAtMs],
    )
    assert.notDeepEqual(one.operations, other.operations)
    assert(one.operations.some(({ kind, outcome }) => kind === 'commit' && outcome === 'ok'))
    assert(one.samples.some(({ state }) => state === 'down'))
  })

  it('[R5] in one process: members restart, one joins, and nothing is lost', async () => {
    const restarts = scenario({
      ...SMALL,
      name: 'restarts',
      cluster: { nodes: 4, copies: 1, late: [3] },
      nemesis: [
        { atMs: 200, lastsMs: 1, fault: { kind: 'restart', nodes: [0], atOnceMax: 1 } },
        { atMs: 300, lastsMs: 0, fault: { kind: 'join', nodes: [3] } },
        { atMs: 900, lastsMs: 1, fault: { kind: 'restart', nodes: [1], atOnceMax: 1 } },
      ],
      phases: { runMs: 2_000, quietWithinMs: PATIENCE_MS },
    })
    const { violations, faults, samples, replay } = await runScenario(restarts, { backend: 'inproc', seed: 3 })
    assert.deepEqual(violations, [], replay)
    assert.deepEqual(faults.map(({ fault }) => fault.kind).sort(), ['join', 'restart', 'restart'])
    assert.equal(samples.findLast(({ node }) => node === 3)?.state, 'ready')
  })

  it('[R6] in one process: members restart, and TLS clients have short handshakes all the time', async () => {
    const restarts = scenario({
      name: 'tls-restarts',
      summary: 'small',
      cluster: { nodes: 3, copies: 1 },
      workload: { kind: 'tls', clients: 11, rate: 30, balance: 'random', settledMs: 2_000, patienceMs: 20_000 },
      nemesis: [200, 900].map((atMs, node) => {
        return { atMs, lastsMs: 1, fault: { kind: 'restart', nodes: [node], atOnceMax: 1 } }
      }),
      phases: { runMs: 2_500, quietWithinMs: PATIENCE_MS, linksWithinMs: PATIENCE_MS },
    })
    const record = await runScenario(restarts, { backend: 'inproc', seed: 4 })
    assert.deepEqual(record.violations, [], record.replay)
    const { offered, fromPeers, strangers } = tallyHandshakes(record) ?? assert.fail('nobody came')
    assert(offered.resumed > 0 && fromPeers > 0 && fromPeers <= offered.resumed)
    assert.equal(
      record.operations.filter(({ kind, startMs }) => startMs >= 0 && kind !== 'final-read').length,
      offered.resumed + offered.full + offered.failed + strangers.full + strangers.failed,
    )
    assert(record.operations.some(({ kind }) => kind === 'final-read'))
  })

  it('[R3] on processes: the primary is killed, and another one is far away', async () => {
    const events: RunEvent[] = []
    const both = scenario({
      ...killed,
      name: 'both',
      nemesis: [
        ...killed.nemesis,
        { atMs: 200, lastsMs: 2_000, fault: { kind: 'impair', from: ['any'], conditions: { delayMs: 20 } } },
      ],
    })
    const record = await runScenario(both, { backend: 'proc', seed: 9, onEvent: (event) => events.push(event) })
    assert.deepEqual(record.violations, [], record.replay)
    assert.match(record.replay, /chaos run both --backend proc --seed 9/)
    const kill = record.faults.find(({ fault }) => fault.kind === 'kill')
    assert.equal(kill?.nodes.length, 1)
    assert(kill?.untilMs !== undefined, 'it came back')
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'phase' ? [event.phase] : [])),
      ['starting', 'running', 'healing', 'reading', 'judging'],
    )
    const { operations } = record
    assert(
      operations.some(({ kind, startMs }) => kind === 'create' && startMs < 0),
      'sessions were there before',
    )
    const read = new Set(operations.filter(({ kind }) => kind === 'final-read').map(({ session }) => session))
    for (const { session } of operations) assert(read.has(session), `session ${session} was read in the end`)
  })

  it('ends at once when it is told to, with the reason, and leaves nothing behind', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'chaos-test-'))
    const before = process.env['TMPDIR']
    process.env['TMPDIR'] = directory
    const aborter = new AbortController()
    const reason = new Error('enough')
    const onEvent = (event: RunEvent): void => {
      if (event.type === 'phase' && event.phase === 'running') aborter.abort(reason)
    }
    const running = runScenario(killed, { backend: 'proc', seed: 1, signal: aborter.signal, onEvent })
    await assert.rejects(running, (error) => error === reason)
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    assert.deepEqual(readdirSync(directory), [])
    rmdirSync(directory)
    await assert.rejects(runScenario(killed, { backend: 'sim', signal: aborter.signal }), (error) => error === reason)
  })

  it('is refused before anything starts when it can never work there', async () => {
    await assert.rejects(runScenario(killed, { backend: 'inproc' }), UnsupportedError)
    await assert.rejects(runScenario({ ...killed, invariants: [] }, { backend: 'sim' }), ScenarioError)
    const tls = scenario({
      ...SMALL,
      name: 'tls',
      workload: { kind: 'tls' },
      invariants: ['tls-own'],
      nemesis: [],
      phases: { runMs: 1 },
    })
    await assert.rejects(
      runScenario(tls, { backend: 'sim' }),
      (error) => error instanceof UnsupportedError && /the backend sim has no TLS clients/.test(error.message),
    )
    const old = { ...killed, cluster: { ...killed.cluster, previousWire: [0] } }
    await assert.rejects(runScenario(old, { backend: 'proc' }), /members of the previous wire/)
  })
})
