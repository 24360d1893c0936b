/**
 * `npm run sim`: many seeds of the simulator, or one of them in detail.
 *
 *   --seeds N    so many seeds (default 1000), from REPRISE_SEED or from a random one that is printed
 *   --seed S     this one alone, with everything that happens in it
 *   --nodes N    so many nodes in all of them; default 3 to 30 by the seed, mostly 3 to 8
 *   --mix M      drawn as the simulator's version M did; default the latest
 *   --jobs N     worker processes (default 1)
 *   --plant B    without this rule of the core, to see that it is noticed; may be repeated
 *
 * The first line names the seeds. The first failure ends the run with what broke, the command that replays it, and 1.
 */
import { fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { loadKeyHash } from '@reprise/core'
import type { Mix, SimulationResult } from '@reprise/testkit'
import { LATEST_MIX, NODE_COUNT_MAX, NODE_COUNT_MIN, simulate } from '@reprise/testkit'

/** How often progress is shown, in milliseconds. */
const PROGRESS_MS = 5_000

interface Arguments {
  readonly firstSeed: number
  readonly seedCount: number
  readonly isOne: boolean
  readonly nodeCount: number | undefined
  readonly mix: Mix
  readonly jobs: number
  readonly planted: readonly string[]
}

async function main(): Promise<void> {
  const args = readArguments()
  if (args.isOne) return runOne(args)
  if (process.send === undefined) {
    console.log(`seeds ${args.firstSeed}..${args.firstSeed + args.seedCount - 1}`)
    if (args.jobs > 1) return runJobs(args)
  }
  await runMany(args)
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      seed: { type: 'string' },
      nodes: { type: 'string' },
      mix: { type: 'string', default: String(LATEST_MIX) },
      jobs: { type: 'string', default: '1' },
      plant: { type: 'string', multiple: true, default: [] },
    },
  })
  const chosen = values.seed ?? process.env['REPRISE_SEED']
  return {
    firstSeed: chosen === undefined ? randomInt(2 ** 40) : toCount('seed', chosen, 0, Number.MAX_SAFE_INTEGER),
    seedCount: toCount('seeds', values.seeds, 1, 2 ** 40),
    isOne: values.seed !== undefined,
    nodeCount: values.nodes === undefined ? undefined : toCount('nodes', values.nodes, NODE_COUNT_MIN, NODE_COUNT_MAX),
    mix: toCount('mix', values.mix, 1, LATEST_MIX) as Mix,
    jobs: toCount('jobs', values.jobs, 1, 64),
    planted: values.plant,
  }
}

function toCount(name: string, text: string, min: number, max: number): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number
  console.error(`--${name} is a whole number from ${min} to ${max}, not ${text}`)
  process.exit(2)
}

async function runOne(args: Arguments): Promise<void> {
  console.log(`seed ${args.firstSeed}`)
  const result = await run(args, args.firstSeed, (line) => console.log(line))
  const { events, virtualMs, quietAfterMs, traceHash, repairs, workload } = result
  console.log(`${result.nodeCount} nodes, ${events} events in ${virtualMs.toFixed(0)} virtual ms, trace ${traceHash}`)
  console.log(
    `quiet ${quietAfterMs.toFixed(0)} ms after healing, ${repairs} gaps repaired, ${JSON.stringify(workload)}`,
  )
  if (result.violations.length > 0) fail(args, result)
}

async function runMany(args: Arguments): Promise<void> {
  const startedAtMs = performance.now()
  let shownAtMs = startedAtMs
  let events = 0
  for (let done = 0; done < args.seedCount; done++) {
    const result = await run(args, args.firstSeed + done)
    events += result.events
    if (result.violations.length > 0) return fail(args, result)
    if (performance.now() - shownAtMs < PROGRESS_MS) continue
    shownAtMs = performance.now()
    console.log(`${done + 1} of ${args.seedCount} seeds`)
  }
  const seconds = (performance.now() - startedAtMs) / 1_000
  const rate = (args.seedCount / seconds).toFixed(0)
  console.log(`${args.seedCount} seeds passed in ${seconds.toFixed(1)} s, ${rate} seeds/s, ${events} events`)
}

/** Share the seeds out among processes; the first that fails ends all. */
async function runJobs(args: Arguments): Promise<void> {
  const share = Math.ceil(args.seedCount / args.jobs)
  const workers = Array.from({ length: Math.ceil(args.seedCount / share) }, (_, job) => {
    const count = Math.min(share, args.seedCount - job * share)
    const nodes = args.nodeCount === undefined ? [] : ['--nodes', String(args.nodeCount)]
    const planted = args.planted.flatMap((rule) => ['--plant', rule])
    return fork(import.meta.filename, ['--seeds', String(count), '--mix', String(args.mix), ...nodes, ...planted], {
      env: { ...process.env, REPRISE_SEED: String(args.firstSeed + job * share) },
    })
  })
  const codes = workers.map(
    (worker) =>
      new Promise<number>((resolve) => {
        worker.once('exit', (code) => {
          if (code !== 0) for (const other of workers) other.kill()
          resolve(code ?? 0)
        })
      }),
  )
  process.exitCode = Math.max(...(await Promise.all(codes)))
}

async function run(args: Arguments, seed: number, log?: (line: string) => void): Promise<SimulationResult> {
  return simulate(seed, {
    keyHash: await loadKeyHash(),
    planted: args.planted,
    mix: args.mix,
    ...(args.nodeCount === undefined ? {} : { nodeCount: args.nodeCount }),
    ...(log === undefined ? {} : { log }),
  })
}

function fail(args: Arguments, { seed, violations }: SimulationResult): void {
  for (const { rule, atMs, text } of violations) console.log(`seed ${seed}, at ${atMs.toFixed(1)} ms: ${rule}: ${text}`)
  const nodes = args.nodeCount === undefined ? '' : ` --nodes ${args.nodeCount}`
  const mix = args.mix === LATEST_MIX ? '' : ` --mix ${args.mix}`
  const planted = args.planted.map((rule) => ` --plant ${rule}`).join('')
  console.log(`replay: npm run sim -- --seed ${seed}${mix}${nodes}${planted}`)
  process.exitCode = 1
}

await main()
