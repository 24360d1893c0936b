/** `reprise chaos` with clusters of real processes, as small and short as what is to be seen allows. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { Home, RunningCommand, runCommand } from '../support/command.ts'
import { until } from '../support/until.ts'

/** Two nodes hold everything, and none is killed. */
const CALM = {
  name: 'calm',
  summary: 'Nothing happens.',
  cluster: { nodes: 2, copies: 1 },
  workload: { clients: 4, rate: 20, keys: 10 },
  nemesis: [],
  phases: { runMs: 1_500 },
}

/** More nodes die at once than the cluster has copies for. */
const BEYOND = {
  ...CALM,
  name: 'beyond-the-promise',
  summary: 'Both holders die.',
  nemesis: [{ atMs: 1_000, lastsMs: 500, fault: { kind: 'kill', nodes: [0, 1] } }],
  phases: { runMs: 3_000 },
}

describe('reprise chaos', function () {
  // Only bounds a failure: nodes are started on a machine that may be very busy.
  this.timeout(180_000)
  let home: Home

  before(() => {
    home = new Home()
    writeFileSync(home.path('calm.json'), JSON.stringify(CALM))
    writeFileSync(home.path('beyond.mjs'), `export default ${JSON.stringify(BEYOND)}`)
  })

  after(() => home[Symbol.dispose]())

  it('lists what can be run, and where', async () => {
    const { exitCode, stdout, stderr } = await runCommand(['chaos', 'list'])
    assert.equal(exitCode, 0, stderr)
    assert.match(stdout, /^SCENARIO +NODES +COPIES +LASTS +FAULTS +BACKENDS +SUMMARY\n/)
    assert.match(stdout, /^rolling-restart .*proc.*$/m)
    const { scenarios } = JSON.parse((await runCommand(['chaos', 'list', '--json'])).stdout)
    assert.equal(scenarios.length, stdout.trim().split('\n').length - 1)
  })

  it('[R3] runs a scenario of its user’s, and writes what happened as a page', async () => {
    const args = ['chaos', 'run', './calm.json', '--seed', '7', '--report', 'out.html']
    const { exitCode, stdout, stderr } = await runCommand(args, { home })
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`)
    assert.match(stderr, /^reprise chaos: calm on proc, seed 7: 2 nodes, 1\.5 s$/m)
    assert.match(stdout, /^NOTHING BROKE: calm on proc, seed 7\.$/m)
    assert.match(stdout, /^Again: {2}reprise chaos run \.\/calm\.json --backend proc --seed 7$/m)
    const report = readFileSync(home.path('out.html'), 'utf8')
    assert.match(report, /✓ Nothing broke/)
    assert.match(report, /<code>reprise chaos run \.\/calm\.json --backend proc --seed 7<\/code>/)
  })

  it('ends with 5 when an invariant broke, says what, and leaves a report that nobody asked for', async () => {
    await using command = new RunningCommand(['chaos', 'run', './beyond.mjs', '--json'], { home })
    const { exitCode } = await command.exited
    assert.equal(exitCode, 5, `${command.stdout}\n${command.stderr}`)
    assert.equal(command.stderr, '')
    const result = JSON.parse(command.stdout)
    assert.equal(result.verdict, 'broken')
    assert.ok(result.violations.some(({ invariant }: { invariant: string }) => invariant === 'durability'))
    assert.deepEqual(
      result.faults.map(({ kind, nodes }: { kind: string; nodes: string[] }) => [kind, nodes]),
      [['kill', ['node-1', 'node-2']]],
    )
    assert.ok(readFileSync(result.report, 'utf8').includes(`✕ ${result.violations[0].invariant} broken`))
  })

  it('ends with 130 on ^C while clients come, and leaves nothing', async () => {
    await using command = new RunningCommand(['chaos', 'run', './calm.json'], { home })
    await until('clients come', () => command.stderr.includes('clients come'), 120_000)
    command.child.kill('SIGINT')
    assert.deepEqual(await command.exited, { exitCode: 130, signal: null }, command.stderr)
    assert.equal(command.stdout, '')
    assert.deepEqual(command.leftovers, [])
  })

  const refused: readonly [what: string, args: readonly string[], answer: RegExp][] = [
    [
      'a name that it does not know',
      ['rolling-restrat'],
      /no scenario 'rolling-restrat'\n {2}next: did you mean rolling-restart\?/,
    ],
    ['a name that is like none', ['x'], /next: reprise chaos list shows them/],
    ['a file that is not there', ['./none.json'], /\.\/none\.json is no scenario\n {2}why: {2}ENOENT/],
    ['more nodes than it can start', ['./calm.json', '--nodes', '33'], /whole number from 2 to 32/],
    ['a seed that is no number', ['calm', '--seed', 'x'], /whole number from 0 to 4294967295/],
    [
      'a place for the report that is not there',
      ['./calm.json', '--report', 'no/r.html'],
      /no report can be written to no\/r\.html/,
    ],
  ]
  for (const [what, args, answer] of refused) {
    it(`refuses ${what} before anything starts, with exit code 2`, async () => {
      const { exitCode, stderr, stdout } = await runCommand(['chaos', 'run', ...args], { home })
      assert.equal(exitCode, 2, stderr)
      assert.match(stderr, answer)
      assert.equal(stdout, '')
    })
  }

  it('refuses a scenario with a mistake, and says where', async () => {
    writeFileSync(home.path('wrong.json'), JSON.stringify({ ...CALM, phases: { runMS: 5 } }))
    const { exitCode, stderr } = await runCommand(['chaos', 'run', './wrong.json'], { home })
    assert.equal(exitCode, 2)
    assert.match(
      stderr,
      /wrong\.json is no scenario\n {2}why: {2}phases\.runMS: is not known; there are runMs, quietWithinMs/,
    )
  })

  it('refuses a fault that the backend does not have', async () => {
    const strike = { atMs: 0, lastsMs: 500, fault: { kind: 'kill', nodes: [1] } }
    writeFileSync(home.path('crash.json'), JSON.stringify({ ...CALM, nemesis: [strike] }))
    const { exitCode, stderr } = await runCommand(['chaos', 'run', './crash.json', '--backend', 'inproc'], { home })
    assert.equal(exitCode, 2, stderr)
    assert.match(stderr, /inproc .*kill/)
    assert.match(stderr, /next: .*--backend/)
  })
})
