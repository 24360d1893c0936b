/**
 * `reprise chaos`: break a cluster on purpose, as a scenario has it, and judge what its clients saw. The cluster is started for it, on this
 * machine, and gone afterwards, however the run ends.
 *
 * Results go to stdout, what happens meanwhile to stderr. Exit code 5 when an invariant broke; then there is a report, also when
 * none was asked for, since a run on real processes does not come again.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { BackendName, RunRecord } from '@reprise/chaos'
import { Argument, Command, Option } from 'commander'
import { assertPrivileged, BACKEND_DEFAULT, BACKENDS, BACKENDS_HELP } from '../chaos/backends.ts'
import { SEED_MAX } from '../chaos/constants.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { listenForInterruption } from '../interruption.ts'
import { tableLines } from '../table.ts'
import { dim } from '../terminal.ts'
import { nodesOption, wholeOption } from './arguments.ts'

interface ListOptions {
  readonly json?: boolean
}

interface RunCommandOptions {
  readonly seed?: number
  readonly backend: BackendName
  readonly nodes?: number
  readonly report?: string
  readonly json?: boolean
}

export function chaosCommand(): Command {
  return new Command('chaos')
    .description('break a cluster on purpose, and judge what its clients saw')
    .addCommand(
      new Command('list')
        .description('what can be run, and where')
        .option('--json', 'print JSON for programs')
        .action(list),
    )
    .addCommand(
      new Command('run')
        .description('start a cluster, run a scenario against it, and judge; exit code 5 when an invariant broke')
        .addArgument(new Argument('<scenario>', 'a name of reprise chaos list, or a JSON file or module with one'))
        .addOption(wholeOption('--seed <number>', 'what chance draws from', { min: 0, max: SEED_MAX }))
        .addOption(new Option('--backend <name>', 'where it runs').choices(BACKENDS).default(BACKEND_DEFAULT))
        .addOption(nodesOption({ min: 2 }))
        .option('--report <file>', 'write what happened, as a page')
        .option('--json', 'print JSON for programs')
        .addHelpText('after', BACKENDS_HELP)
        .action(run),
    )
}

async function list({ json = false }: ListOptions): Promise<void> {
  const [{ backendsFor, SCENARIOS }, { SCENARIO_COLUMNS, scenariosJson }] = await load()
  const backends = await backendsFor(SCENARIOS)
  const rows = SCENARIOS.map((scenario, index) => ({ scenario, backends: backends[index] ?? [] }))
  if (json) return console.log(JSON.stringify(scenariosJson(rows)))
  console.log(tableLines(SCENARIO_COLUMNS, rows, { titleStyle: dim }).join('\n'))
}

async function run(wanted: string, options: RunCommandOptions): Promise<void> {
  const { backend, json = false, seed = Math.floor(Math.random() * (SEED_MAX + 1)) } = options
  assertPrivileged(backend, process.getuid?.())
  if (options.report !== undefined) assertWritable(options.report)
  const [{ runScenario }, { runJson, runLines }, { findScenario, isFile }, { RunView }] = await load()
  const scenario = await findScenario(wanted)
  using interruption = listenForInterruption()
  const { name, cluster, phases } = scenario
  const nodes = options.nodes ?? cluster.nodes
  using view = new RunView({ name, backend, seed, nodes, runMs: phases.runMs }, process.stderr)
  const made = await runScenario(scenario, {
    backend,
    seed,
    ...(options.nodes !== undefined && { nodes }),
    signal: interruption.signal,
    ...(!json && { onEvent: (event) => view.tell(event) }),
  })
  view[Symbol.dispose]()
  const record = isFile(wanted) ? { ...made, replay: made.replay.replace(scenario.name, quoted(wanted)) } : made
  const report = await writeReport(record, options.report)
  if (json) console.log(JSON.stringify(runJson(record, report)))
  else console.log(['', ...runLines(record, report)].join('\n'))
  if (record.violations.length > 0) process.exitCode = ExitCode.invariant
}

/** Not loaded in `run` itself: tsc leaves the `.ts` in a dynamic import of a function with `using` declarations. */
function load() {
  return Promise.all([
    import('@reprise/chaos'),
    import('../views/chaos.ts'),
    import('../chaos/find-scenario.ts'),
    import('../chaos/run-view.ts'),
  ])
}

/** @returns where it lies; undefined when nobody wanted one, and nothing broke. */
async function writeReport(record: RunRecord, wanted: string | undefined): Promise<string | undefined> {
  const { scenario, seed, violations } = record
  const file =
    wanted ?? (violations.length > 0 ? join(tmpdir(), `reprise-chaos-${scenario.name}-${seed}.html`) : undefined)
  if (file === undefined) return undefined
  const { renderReport } = await import('@reprise/chaos')
  await writeFile(file, renderReport(record))
  return resolve(file)
}

/** Before a run, which takes its time. @throws CommandError */
function assertWritable(file: string): void {
  try {
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) throw new Error('it is a directory')
    accessSync(dirname(resolve(file)), constants.W_OK)
  } catch (error) {
    throw new CommandError(
      {
        what: `no report can be written to ${file}`,
        why: error instanceof Error ? error.message : undefined,
        next: 'give --report a file in a directory that is there, and yours',
        exitCode: ExitCode.usage,
      },
      { cause: error },
    )
  }
}

/** As a shell reads it. */
function quoted(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
