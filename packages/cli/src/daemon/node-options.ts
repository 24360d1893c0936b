/** The configuration as the options of `createNode`. */
import type { Logger, NodeOptions } from '@reprise/node'
import type { Config } from '../config/config.ts'
import { readSecret } from '../config/secrets.ts'

/** The part that the node takes. A repository has no weight, whatever the default is. */
function repositoryOf(config: Config): Pick<NodeOptions, 'role' | 'repository' | 'weight'> {
  const [directory, bytesMax] = [config.get('repository.directory'), config.get('repository.bytesMax')]
  const repository = { ...(directory !== undefined && { directory }), ...(bytesMax !== undefined && { bytesMax }) }
  if (config.get('role') === 'repository') return { role: 'repository', repository }
  // What is given without the role is refused by the node, not passed over.
  return { weight: config.get('weight'), ...(Object.keys(repository).length > 0 && { repository }) }
}

/** @throws CommandError when the file with the secret cannot be used. */
export async function nodeOptionsOf(config: Config, logger: Logger): Promise<NodeOptions> {
  const [name, dataDir, zone] = [config.get('name'), config.get('dataDir'), config.get('zone')]
  const [announce, allow] = [config.get('announce'), config.get('allow')]
  const secret = await readSecret(config)
  return {
    ...(name !== undefined && { name }),
    ...(dataDir !== undefined && { dataDir }),
    ...(zone !== undefined && { zone }),
    ...(secret !== undefined && { secret }),
    ...(announce.length > 0 && { announce }),
    ...(allow.length > 0 && { allow }),
    cluster: config.get('cluster'),
    listen: config.get('listen'),
    join: config.get('join'),
    ...repositoryOf(config),
    copies: config.get('copies'),
    cache: { bytesMax: config.get('cache.bytesMax') },
    lifetime: { idleMs: config.get('lifetime.idleMs'), absoluteMs: config.get('lifetime.absoluteMs') },
    encryption: config.get('encryption'),
    carrier: config.get('carrier'),
    drainMs: config.get('drainMs'),
    // The admin server is there first, to say that the node is not ready yet.
    readyMs: 0,
    logger,
  }
}
