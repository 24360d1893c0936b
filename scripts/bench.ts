/**
 * Measures speed: `npm run bench` runs every benchmark of test/bench, `npm run bench -- local-get tls` those that are named.
 *
 *   --list    print the names and what each does, and run nothing
 *   --json    print one JSON document in place of tables
 *   --sustained   run, alone, what takes minutes: a million sessions written for a minute
 *
 * Exits with 1 when a ratio that an issue asks for was missed, or a benchmark failed. Times are reported, never judged.
 */
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { commit, commitSustained } from '../test/bench/commit.ts'
import { encryption } from '../test/bench/encryption.ts'
import { failover } from '../test/bench/failover.ts'
import { gateways } from '../test/bench/gateways.ts'
import { growth } from '../test/bench/growth.ts'
import type { Bench, Measure, Row, Unit } from '../test/bench/harness.ts'
import { localGet } from '../test/bench/local-get.ts'
import { memory } from '../test/bench/memory.ts'
import { repair } from '../test/bench/repair.ts'
import { resume } from '../test/bench/resume.ts'
import { resumeAfter } from '../test/bench/resume-after.ts'
import { startup } from '../test/bench/startup.ts'
import { tls, tlsBusy } from '../test/bench/tls.ts'

const BENCHES: readonly Bench[] = [
  localGet,
  memory,
  commit,
  resume,
  failover,
  repair,
  tls,
  tlsBusy,
  resumeAfter,
  encryption,
  startup,
  growth,
  gateways,
]

/** A benchmark takes ten to thirty seconds; one that has not ended by then hangs. */
const BENCH_MS_MAX = 120_000
/** One that is run by hand may take minutes. */
const SUSTAINED_MS_MAX = 1_800_000

/** What one benchmark came to. */
interface Result {
  readonly bench: Bench
  readonly tookMs: number
  readonly rows: readonly Row[]
  readonly error?: unknown
}

async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const
  const options = { list: flag, json: flag, sustained: flag }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  if (values.list) {
    for (const { name, sketch } of BENCHES) console.log(`${name.padEnd(14)}${sketch}`)
    return
  }
  const benches = values.sustained ? [commitSustained] : choose(positionals)
  const machine = describeMachine()
  if (!values.json) console.log(Object.values(machine).join(', '))
  const results: Result[] = []
  for (const bench of benches) {
    const result = await measure(bench)
    results.push(result)
    if (!values.json) print(result)
  }
  if (values.json) console.log(JSON.stringify({ machine, benches: results.map(toJson) }, undefined, 2))
  const isFine = results.every(({ rows, error }) => error === undefined && rows.every(isWithinGate))
  process.exitCode = isFine ? 0 : 1
}

function choose(names: readonly string[]): readonly Bench[] {
  const known = BENCHES.map(({ name }) => name)
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    console.error(`no benchmark ${unknown.join(', ')}; there are ${known.join(', ')}`)
    process.exit(1)
  }
  return names.length === 0 ? BENCHES : BENCHES.filter(({ name }) => names.includes(name))
}

async function measure(bench: Bench): Promise<Result> {
  const startedMs = performance.now()
  const done = (rest: { rows: readonly Row[]; error?: unknown }): Result => {
    return { bench, tookMs: performance.now() - startedMs, ...rest }
  }
  const maxMs = bench === commitSustained ? SUSTAINED_MS_MAX : BENCH_MS_MAX
  const signal = AbortSignal.timeout(maxMs)
  try {
    return done({ rows: await bench.run(signal) })
  } catch (error) {
    return done({ rows: [], error: signal.aborted ? new Error(`not done after ${maxMs} ms`) : error })
  }
}

function isWithinGate({ gate }: Row): boolean {
  return gate === undefined || gate.isMet
}

function print({ bench, tookMs, rows, error }: Result): void {
  const { name, sketch, expectation } = bench
  console.log(`\n${name}  (${(tookMs / 1_000).toFixed(1)} s)\n  sketch: ${sketch}\n  expect: ${expectation}\n`)
  if (error !== undefined) console.error('  FAILED:', error)
  const table = rows.map(toCells)
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(0, ...table.map((cells) => cells[column]?.length ?? 0)))
  for (const cells of table) {
    // Numbers stand right, words left.
    const aligned = cells.map((cell, i) =>
      i === 1 || i === 2 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
    )
    console.log(`  ${aligned.join('  ').trimEnd()}`)
  }
  for (const peer of new Set(rows.flatMap(({ ratio }) => ratio?.to ?? []))) console.log(`  x: of ${peer}`)
}

function toCells({ what, value, unit, ratio, expected, also = [], gate }: Row): string[] {
  return [
    what,
    show({ what, value, unit }),
    ratio === undefined ? '' : `x ${toDigits(ratio.value)}`,
    expected === undefined ? '' : `expect ${expected}`,
    also.map((measure) => `${measure.what} ${show(measure)}`).join(', '),
    gate === undefined ? '' : `${gate.isMet ? 'ok' : 'MISSED'}: ${gate.asked}`,
  ]
}

function show({ value, unit }: Measure): string {
  return `${toDigits(value)} ${NAMES[unit]}`.trim()
}

/** Three digits that count. */
function toDigits(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US')
  // What is left of a difference can be a little under nothing.
  return (Math.abs(value) < 0.005 ? 0 : value).toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2)
}

const NAMES: Readonly<Record<Unit, string>> = { ns: 'ns', us: 'µs', ms: 'ms', '/s': '/s', '%': '%', B: 'B', '': '' }

function toJson({ bench, tookMs, rows, error }: Result): object {
  const { name, sketch, expectation } = bench
  return { name, sketch, expectation, tookMs, rows, ...(error === undefined ? {} : { error: String(error) }) }
}

function describeMachine(): Readonly<Record<string, string>> {
  return {
    date: new Date().toISOString().slice(0, 16),
    node: `Node ${process.version}`,
    cpus: `${availableParallelism()} x ${cpus()[0]?.model.trim() ?? 'CPU'}`,
    load: `load average ${loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')}`,
  }
}

await main()
