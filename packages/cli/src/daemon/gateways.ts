/** The gateways that the configuration asks for. */
import type { Logger, Node } from '@reprise/node'
import { UsageError } from '@reprise/node'
import type { Config } from '../config/config.ts'
import { flagOf } from '../config/options.ts'
import { readGatewayPassword } from '../config/secrets.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { GATEWAY_NAMES, type GatewayName, Gateways } from '../gateways.ts'

/** @throws CommandError when one cannot listen, or would be open to everybody. */
export async function startGatewaysOf(node: Node, config: Config, logger: Logger): Promise<Gateways> {
  const password = await readGatewayPassword(config)
  const listen = new Map<GatewayName, string>()
  for (const name of GATEWAY_NAMES) {
    const address = config.get(name)
    if (address !== undefined) listen.set(name, address)
  }
  const serve = config.get('gateways.serve')
  try {
    return await Gateways.start({
      node,
      listen,
      logger,
      exposed: config.get('gateways.exposed') === 'yes',
      refuse: config.get('gateways.refuse'),
      ...(serve.length > 0 && { serve }),
      ...(password !== undefined && { credentials: { user: config.get('gateways.user'), password } }),
    })
  } catch (error) {
    throw inWords(error)
  }
}

function inWords(error: unknown): unknown {
  if (error instanceof UsageError) {
    const next = `for other machines see ${flagOf('gateways.passwordFile')} and ${flagOf('gateways.exposed')}`
    return new CommandError({ what: error.message, next, exitCode: ExitCode.usage }, { cause: error })
  }
  const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
  if (!isTaken) return error
  const next = `choose another with ${GATEWAY_NAMES.map(flagOf).join(' or ')}, or end what has it`
  return new CommandError(
    { what: `a gateway cannot listen: ${error.message}`, next, exitCode: ExitCode.failure },
    { cause: error },
  )
}
