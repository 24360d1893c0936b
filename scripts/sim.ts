/**
 * `npm run sim`: many seeds of the simulator, or one of them in detail.
 *
 *   --seeds N      so many seeds (default 1000), from REPRISE_SEED or from a random one that is printed
 *   --seed S       this one alone, with everything that happens in it
 *   --replay FILE  the scenario in a file that a failure left, in the same detail
 *   --nodes N      so many nodes in all of them; default 3 to 30 by the seed, mostly 3 to 8
 *   --mix M        drawn as the simulator's version M did; default the latest
 *   --jobs N       worker processes (default 1)
 *   --plant B      without this rule of the core, to see that it is noticed; may be repeated
 *   --checks       check the copies all the time, too, and not only at the end
 *   --go-on        report failures and go on to the next seed
 *   --no-shrink    leave a failure as it was found
 *
 * The first line names the seeds. The first failure ends the run with what broke, the command that replays it, and 1. It is
 * shrunk for at most a minute, and leaves two files in `sim-failures/`: the small scenario, and a space-time diagram of it.
 */
import { fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { loadKeyHash } from '@reprise/core'
import type { Mix, Scenario, SimulationOptions, SimulationResult } from '@reprise/testkit'
import {
  drawDiagram,
  LATEST_MIX,
  NODE_COUNT_MAX,
  NODE_COUNT_MIN,
  Recorder,
  shrink,
  simulate,
  simulateScenario,
} from '@reprise/testkit'

/** How often progress is shown, in milliseconds. */
const PROGRESS_MS = 5_000
/** How long a failure is shrunk at most, in milliseconds. */
const SHRINK_MS_MAX = 60_000
const FAILURES = join(import.meta.dirname, '..', 'sim-failures')

interface Arguments {
  readonly firstSeed: number
  readonly seedCount: number
  readonly isOne: boolean
  readonly replay: string | undefined
  readonly nodeCount: number | undefined
  readonly mix: Mix
  readonly jobs: number
  readonly planted: readonly string[]
  readonly checks: boolean
  readonly goesOn: boolean
  readonly shrinks: boolean
}

const keyHash = await loadKeyHash()

async function main(): Promise<void> {
  const args = readArguments()
  if (args.isOne || args.replay !== undefined) return runOne(args)
  if (process.send === undefined) {
    console.log(`seeds ${args.firstSeed}..${args.firstSeed + args.seedCount - 1}`)
    if (args.jobs > 1) return runJobs(args)
  }
  runMany(args)
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      seed: { type: 'string' },
      replay: { type: 'string' },
      nodes: { type: 'string' },
      mix: { type: 'string', default: String(LATEST_MIX) },
      jobs: { type: 'string', default: '1' },
      plant: { type: 'string', multiple: true, default: [] },
      checks: { type: 'boolean', default: false },
      'go-on': { type: 'boolean', default: false },
      'no-shrink': { type: 'boolean', default: false },
    },
  })
  const chosen = values.seed ?? process.env['REPRISE_SEED']
  return {
    firstSeed: chosen === undefined ? randomInt(2 ** 40) : toCount('seed', chosen, 0, Number.MAX_SAFE_INTEGER),
    seedCount: toCount('seeds', values.seeds, 1, 2 ** 40),
    isOne: values.seed !== undefined,
    replay: values.replay,
    nodeCount: values.nodes === undefined ? undefined : toCount('nodes', values.nodes, NODE_COUNT_MIN, NODE_COUNT_MAX),
    mix: toCount('mix', values.mix, 1, LATEST_MIX) as Mix,
    jobs: toCount('jobs', values.jobs, 1, 64),
    planted: values.plant,
    checks: values.checks,
    goesOn: values['go-on'],
    shrinks: !values['no-shrink'],
  }
}

function toCount(name: string, text: string, min: number, max: number): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number
  console.error(`--${name} is a whole number from ${min} to ${max}, not ${text}`)
  process.exit(2)
}

function runOne(args: Arguments): void {
  const log = (line: string): void => console.log(line)
  console.log(args.replay ?? `seed ${args.firstSeed}`)
  const options = { ...optionsOf(args), log }
  const result =
    args.replay === undefined ? simulate(args.firstSeed, options) : simulateScenario(readScenario(args.replay), options)
  const { events, virtualMs, quietAfterMs, traceHash, repairs, workload } = result
  console.log(`${result.nodeCount} nodes, ${events} events in ${virtualMs.toFixed(0)} virtual ms, trace ${traceHash}`)
  console.log(
    `quiet ${quietAfterMs.toFixed(0)} ms after healing, ${repairs} gaps repaired, ${JSON.stringify(workload)}`,
  )
  if (result.violations.length > 0) fail(args, result)
}

function runMany(args: Arguments): void {
  const startedAtMs = performance.now()
  let shownAtMs = startedAtMs
  let events = 0
  let failed = 0
  for (let done = 0; done < args.seedCount; done++) {
    const result = simulate(args.firstSeed + done, optionsOf(args))
    events += result.events
    if (result.violations.length > 0) {
      failed++
      fail(args, result)
      if (!args.goesOn) return
    }
    if (performance.now() - shownAtMs < PROGRESS_MS) continue
    shownAtMs = performance.now()
    console.log(`${done + 1} of ${args.seedCount} seeds`)
  }
  const seconds = (performance.now() - startedAtMs) / 1_000
  const rate = (args.seedCount / seconds).toFixed(0)
  const passed = args.seedCount - failed
  console.log(`${passed} seeds passed in ${seconds.toFixed(1)} s, ${rate} seeds/s, ${events} events, ${failed} failed`)
}

/** Share the seeds out among processes; the first that fails ends all. */
async function runJobs(args: Arguments): Promise<void> {
  const share = Math.ceil(args.seedCount / args.jobs)
  const workers = Array.from({ length: Math.ceil(args.seedCount / share) }, (_, job) => {
    const count = Math.min(share, args.seedCount - job * share)
    const more = [...sizeOf(args), ...(args.goesOn ? ['--go-on'] : []), ...(args.shrinks ? [] : ['--no-shrink'])]
    return fork(import.meta.filename, ['--seeds', String(count), ...more], {
      env: { ...process.env, REPRISE_SEED: String(args.firstSeed + job * share) },
    })
  })
  const codes = workers.map(
    (worker) =>
      new Promise<number>((resolve) => {
        worker.once('exit', (code) => {
          if (code !== 0 && !args.goesOn) for (const other of workers) other.kill()
          resolve(code ?? 0)
        })
      }),
  )
  process.exitCode = Math.max(...(await Promise.all(codes)))
}

function optionsOf({ planted, mix, nodeCount, checks }: Arguments): SimulationOptions {
  return { keyHash, planted, mix, nodeCount, checks }
}

/** What makes the same of a seed again. */
function sizeOf({ planted, mix, nodeCount, checks }: Arguments): string[] {
  return [
    ...(mix === LATEST_MIX ? [] : ['--mix', String(mix)]),
    ...(nodeCount === undefined ? [] : ['--nodes', String(nodeCount)]),
    ...planted.flatMap((rule) => ['--plant', rule]),
    ...(checks ? ['--checks'] : []),
  ]
}

function fail(args: Arguments, result: SimulationResult): void {
  process.exitCode = 1
  const { scenario } = result
  showViolations(result)
  const replay = [
    'npm run sim --',
    ...(args.replay === undefined ? ['--seed', scenario.seed] : ['--replay', args.replay]),
  ]
  console.log(`replay: ${[...replay, ...sizeOf(args)].join(' ')}`)
  leaveFiles(args, args.shrinks ? shrinkIt(args, result) : scenario)
}

function showViolations({ scenario, violations }: SimulationResult): void {
  for (const { rule, atMs, text } of violations) {
    console.log(`seed ${scenario.seed}, at ${atMs.toFixed(1)} ms: ${rule}: ${text}`)
  }
}

function shrinkIt(args: Arguments, result: SimulationResult): Scenario {
  const untilMs = performance.now() + SHRINK_MS_MAX
  const {
    scenario,
    result: small,
    tries,
  } = shrink(result, {
    ...optionsOf(args),
    mayGoOn: () => performance.now() < untilMs,
  })
  const sizes = [result, small].map(({ scenario: { faults, nodeCount }, visits }) => {
    return `${nodeCount} nodes, ${faults.length} faults, ${visits.length} visits`
  })
  console.log(`shrunk from ${sizes[0]} to ${sizes[1]} in ${tries} tries`)
  return scenario
}

/** The scenario, and its diagram. */
function leaveFiles(args: Arguments, scenario: Scenario): void {
  mkdirSync(FAILURES, { recursive: true })
  const name = join(FAILURES, `seed-${scenario.seed}`)
  const file = relative(process.cwd(), `${name}.json`)
  const recorder = new Recorder()
  const { violations, startedAtMs } = simulateScenario(scenario, { ...optionsOf(args), recorder })
  const planted = args.planted.map((rule) => ` --plant ${rule}`).join('')
  const replay = `npm run sim -- --replay ${file}${planted}${args.checks ? ' --checks' : ''}`
  writeFileSync(`${name}.json`, `${JSON.stringify(scenario, undefined, 2)}\n`)
  writeFileSync(`${name}.html`, drawDiagram({ scenario, recorder, violations, replay, startedAtMs }))
  console.log(`replay: ${replay}\ndiagram: ${relative(process.cwd(), `${name}.html`)}`)
}

function readScenario(file: string): Scenario {
  return JSON.parse(readFileSync(file, 'utf8')) as Scenario
}

await main()
