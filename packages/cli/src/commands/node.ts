/** `reprise node`: one member in the foreground, for systemd and containers. Its output on stdout is its log. */
import { Command } from 'commander'
import { addConfigFlags, configOf, secretLines } from '../config/flags.ts'

export function nodeCommand(): Command {
  const command = new Command('node')
    .description('run one member of a cluster, until SIGTERM or ^C')
    .addHelpText('after', () => ['', 'From the environment only:', ...secretLines()].join('\n'))
    .action(async (_options: object, self: Command) => {
      const config = await configOf(self)
      const { runNode } = await import('../daemon/run-node.ts')
      // The connections of a second signal, which ends it at once, may still be there.
      process.exit(await runNode(config))
    })
  return addConfigFlags(command)
}
