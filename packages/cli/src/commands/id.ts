/** `reprise id init`: who a node will be, before it first starts, so that others can be told. */
import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { addConfigFlags, configOf } from '../config/flags.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { identityJson } from '../views/identity.ts'

interface InitOptions {
  readonly json?: boolean
}

export function idCommand(): Command {
  const init = new Command('init')
    .description("make a node's identity in its data directory, or show the one that is there")
    .option('--json', 'print JSON for programs')
    .action((options: InitOptions, command: Command) => initIdentity(options, command))
  return new Command('id')
    .description('the identity of a node')
    .addCommand(addConfigFlags(init, ['dataDir', 'listen', 'announce']))
}

async function initIdentity({ json = false }: InitOptions, command: Command): Promise<void> {
  const config = await configOf(command)
  const dataDir = config.get('dataDir')
  if (dataDir === undefined) {
    throw new CommandError({
      what: 'an identity needs a directory to live in',
      next: 'reprise id init --data-dir DIR, and the same for reprise node',
      exitCode: ExitCode.usage,
    })
  }
  const { initDataDir } = await import('@reprise/node')
  const { nodeId, isNew } = await initDataDir(dataDir)
  const addresses = addressesOf(config, nodeId)
  if (json) return console.log(JSON.stringify(identityJson({ peerId: nodeId, dataDir, isNew, addresses })))
  console.log(nodeId)
  const made = isNew ? 'is made' : 'was there already'
  console.error(
    [
      `The identity ${made}: ${dataDir}/identity, mode 0600.`,
      'Others join it with',
      ...addresses.map((a) => `  ${a}`),
    ].join('\n'),
  )
}

/** Where others find it, as far as that is known: the ports that were given, or a form to fill in. */
function addressesOf(config: Config, nodeId: string): string[] {
  const announce = config.get('announce')
  const listen = announce.length > 0 ? announce : config.get('listen')
  const known = listen.filter((address) => !/\/tcp\/0(?:\/|$)|\/ip4\/0\.0\.0\.0\/|\/ip6\/::\//.test(address))
  const forms = known.length > 0 ? known : ['/dns4/HOST/tcp/PORT']
  return forms.map((address) => (address.includes('/p2p/') ? address : `${address}/p2p/${nodeId}`))
}
