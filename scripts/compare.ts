/**
 * The same faults on Reprise and on Redis behind Sentinel: `npm run compare -- kill freeze`. Five hosts, a network namespace each (Linux,
 * root, `npm run system-packages`); every one has the application, and three have Redis, too.
 *
 *   NAME...      scenarios (default: all that both sides have)
 *   --seed S     the same for all runs (default 1)
 *   --only WHAT  reprise, redis or redis-wait; may be repeated
 *   --json       print one JSON document
 *
 * It compares, and judges nothing: exits with 1 only when something could not be run.
 */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { netns } from '../packages/chaos/src/backends/netns.ts'
import type { Scenario } from '../packages/chaos/src/scenario.ts'
import { COMPARED, compareOne, redis, type System } from '../test/compare/compare.ts'
import type { Tally } from '../test/compare/tally.ts'

const SYSTEMS: Readonly<Record<string, System>> = {
  reprise: { name: 'Reprise', start: netns.start },
  redis: { name: 'Redis', start: redis({ waits: false }) },
  'redis-wait': { name: 'Redis, WAIT 1', start: redis({ waits: true }) },
}

interface Row {
  readonly scenario: string
  readonly system: string
  readonly tally: Tally
  readonly load: string
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: Object.keys(SYSTEMS) },
      json: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  const seed = Number(values.seed)
  if (!Number.isSafeInteger(seed)) fail(`--seed is a whole number, not ${values.seed}`)
  // It throws where there are no namespaces.
  await netns.abilities({ previousNode: undefined })
  const aborter = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => aborter.abort(new Error('interrupted')))
  const rows: Row[] = []
  for (const scenario of choose(positionals)) {
    for (const system of values.only.map(systemOf)) {
      if (!values.json) console.log(`${scenario.name}: ${system.name} …`)
      const tally = await compareOne({ scenario, system, seed, signal: aborter.signal })
      rows.push({ scenario: scenario.name, system: system.name, tally, load: loadavg()[0]!.toFixed(1) })
      if (!values.json) console.log(`  ${Object.values(describe(tally)).join('  ')}`)
    }
  }
  if (values.json) console.log(JSON.stringify(rows, undefined, 2))
  else print(rows)
}

function choose(names: readonly string[]): readonly Scenario[] {
  const unknown = names.filter((name) => !COMPARED.some((scenario) => scenario.name === name))
  if (unknown.length > 0)
    fail(`no scenario ${unknown.join(', ')}; there are ${COMPARED.map(({ name }) => name).join(', ')}`)
  return names.length === 0 ? COMPARED : COMPARED.filter(({ name }) => names.includes(name))
}

function systemOf(name: string): System {
  return SYSTEMS[name] ?? fail(`no system ${name}; there are ${Object.keys(SYSTEMS).join(', ')}`)
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

function describe(tally: Tally): Readonly<Record<string, string>> {
  return {
    'confirmed writes': String(tally.confirmed),
    'sessions with one lost': String(tally.sessionsLost),
    'ended sessions back': String(tally.sessionsBack),
    'live sessions denied': String(tally.sessionsDenied),
    'failed requests': `${tally.requestsFailed} of ${tally.requests}`,
    'longest without a write': seconds(tally.longestSilenceMs),
    'request, median and p99': `${Math.round(tally.medianMs)}, ${Math.round(tally.p99Ms)} ms`,
  }
}

/** As Markdown. */
function print(rows: readonly Row[]): void {
  const [first] = rows
  if (first === undefined) return
  const head = ['scenario', 'system', ...Object.keys(describe(first.tally)), 'load']
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  console.log(`\n${line(head)}\n${line(head.map(() => '---'))}`)
  for (const { scenario, system, tally, load } of rows) {
    console.log(line([scenario, system, ...Object.values(describe(tally)), load]))
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

try {
  await main()
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
