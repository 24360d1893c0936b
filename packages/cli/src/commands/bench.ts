/** `reprise bench`: how fast a small cluster is on this machine, in a few seconds. `npm run bench` of the repository measures more. */
import { Command, Option } from 'commander'
import { PROFILES, type Profile } from '../bench/profiles.ts'
import { ExitCode } from '../failure.ts'
import { listenForInterruption } from '../interruption.ts'
import { dim } from '../terminal.ts'
import { nodesOption, wholeOption } from './arguments.ts'

interface BenchCommandOptions {
  readonly profile: Profile
  readonly nodes: number
  readonly clients: number
  readonly seconds: number
  readonly json?: boolean
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure a small cluster in this process for a few seconds')
    .addOption(new Option('--profile <name>', 'what clients do').choices(PROFILES).default('resume' satisfies Profile))
    .addOption(nodesOption({ min: 2, byDefault: 3 }))
    .addOption(
      wholeOption('--clients <count>', 'how many clients, each with one request at a time', {
        min: 1,
        max: 1_024,
      }).default(16),
    )
    .addOption(wholeOption('--seconds <count>', 'how long to measure', { min: 1, max: 600 }).default(5))
    .option('--json', 'print JSON for programs')
    .action(bench)
}

async function bench({ profile, nodes, clients, seconds, json = false }: BenchCommandOptions): Promise<void> {
  const [{ runBench }, { benchJson, benchLines }] = await load()
  using interruption = listenForInterruption()
  const { signal } = interruption
  const setting = { profile, nodes, clients, durationMs: seconds * 1_000 }
  if (!json) console.error(`measuring for ${seconds} s …`)
  const result = await runBench({ ...setting, signal })
  console.log(json ? JSON.stringify(benchJson(setting, result)) : benchLines(setting, result, dim).join('\n'))
  if (result.failed > 0) process.exitCode = ExitCode.failure
}

/** Not loaded in `bench` itself: tsc leaves the `.ts` in a dynamic import of a function with `using` declarations. */
function load() {
  return Promise.all([import('../bench/bench.ts'), import('../views/bench.ts')])
}
