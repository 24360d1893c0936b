/** `reprise bench`: how fast a small cluster is on this machine, in a few seconds. `npm run bench` of the repository measures more. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { PROFILES, type Profile } from '../bench/profiles.ts'
import { ExitCode } from '../failure.ts'
import { listenForInterruption } from '../interruption.ts'
import { dim } from '../terminal.ts'
import { nodesOption } from './arguments.ts'

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
    .addOption(countOption('--clients <count>', 'how many clients, each with one request at a time', 1_024, 16))
    .addOption(countOption('--seconds <count>', 'how long to measure', 600, 5))
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

function countOption(flags: string, help: string, max: number, byDefault: number): Option {
  return new Option(flags, `${help}, 1 to ${max}`).default(byDefault).argParser((text) => {
    const count = Number(text)
    if (Number.isInteger(count) && count >= 1 && count <= max) return count
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`)
  })
}
