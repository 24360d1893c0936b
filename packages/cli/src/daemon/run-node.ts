/**
 * One member in the foreground, from its start to its end.
 *
 * ```
 *  watchdog ─► node ─► admin server ─► gateways ─► signals ─► ready
 *                                         │ SIGTERM: /readyz 503, hand over, leave, close
 *                                         ▼
 *                                     exit code 0
 * ```
 *
 * The admin server is there before the node is ready, and until it has gone: what asks it is told what goes on.
 */
import { type Admin, type AdminOptions, endOnSignals, startAdmin, startWatchdog } from '@reprise/admin'
import { loadPage } from '@reprise/dashboard'
import { createNode, type Logger, type Node } from '@reprise/node'
import type { Config } from '../config/config.ts'
import { hostAndPort } from '../config/values.ts'
import { CommandError, ExitCode } from '../failure.ts'
import type { Gateways } from '../gateways.ts'
import { type AdminToken, findAdminToken } from './admin-token.ts'
import { startGatewaysOf } from './gateways.ts'
import { logEvents } from './log-events.ts'
import { createLogger } from './logger.ts'
import { nodeOptionsOf } from './node-options.ts'

/**
 * Run until told to end.
 * @returns the exit code: 0 after an orderly end.
 * @throws what keeps the node from starting.
 */
export async function runNode(config: Config): Promise<number> {
  const logger = createLogger({ level: config.get('log.level'), format: formatOf(config), name: config.get('name') })
  const token = await findAdminToken(config)
  assertAdminIsSafe(config, token)
  const watchdogMs = config.get('watchdogMs')
  const watchdog = watchdogMs > 0 ? startWatchdog({ stallMs: watchdogMs, logger }) : undefined
  const node = await createNode(await nodeOptionsOf(config, logger))
  logEvents(node, logger)
  const failed = new Promise<number>((resolve) => node.once('failed', () => resolve(ExitCode.failure)))
  let gateways: Gateways | undefined
  const admin = await startAdminOf(node, { config, token, logger, gateways: () => gateways?.figures() ?? {} })
  gateways = await startGatewaysOf(node, config, logger).catch(async (error: unknown) => {
    await Promise.all([node.stop(), admin.close()])
    throw error
  })
  const end = endOnSignals({ node, admin, drainMs: config.get('drainMs'), logger })
  logger.info('node started', startFields(node, admin, token))
  warnIfOpen(config, logger)
  void tellWhenReady(node, config, logger)

  const exitCode = await Promise.race([end.ended, failed])
  end.dispose()
  // They serve until the node has gone.
  await gateways.stop()
  // After an orderly end it is closed already; after a failure the node has stopped by itself.
  await admin.close()
  await watchdog?.stop()
  logger.info('node ended', { exitCode })
  return exitCode
}

function formatOf(config: Config): 'json' | 'text' {
  const format = config.get('log.format')
  if (format !== 'auto') return format
  return process.stdout.isTTY ? 'text' : 'json'
}

/** @throws CommandError for what the admin server would refuse, in the words of the configuration and before anything starts. */
function assertAdminIsSafe(config: Config, token: AdminToken | undefined): void {
  const admin = config.get('admin')
  if (token !== undefined || LOOPBACK.test(admin.host)) return
  throw new CommandError({
    what: `${hostAndPort.show(admin)} can be reached from elsewhere, and there is no admin token`,
    why: 'anybody who reaches it could look at the cluster',
    next: 'listen on 127.0.0.1, or give --admin-token-file, REPRISE_ADMIN_TOKEN, or a --data-dir to keep a new one in',
    exitCode: ExitCode.usage,
  })
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|localhost|::1)$/

interface AdminSetting {
  readonly config: Config
  readonly token: AdminToken | undefined
  readonly logger: Logger
  readonly gateways: NonNullable<AdminOptions['gateways']>
}

/** @throws CommandError; the node is stopped then. */
async function startAdminOf(node: Node, { config, token, logger, gateways }: AdminSetting): Promise<Admin> {
  const address = config.get('admin')
  try {
    const page = await loadPage()
    const options = { node, page, gateways, ...address, ...(token !== undefined && { token: token.token }), logger }
    return await startAdmin(options)
  } catch (error) {
    await node.stop()
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (!isTaken) throw error
    const what = `the admin server cannot listen on ${hostAndPort.show(address)}: something else does`
    const next = 'choose another port with --admin, or end what has it'
    throw new CommandError({ what, next, exitCode: ExitCode.failure }, { cause: error })
  }
}

/** What somebody needs to find the node. */
function startFields(node: Node, admin: Admin, token: AdminToken | undefined): object {
  const { nodeId, addresses } = node
  const { ephemeral } = node.status()
  return {
    nodeId,
    addresses,
    admin: admin.url,
    ephemeral,
    ...(token?.file !== undefined && { adminTokenFile: token.file }),
  }
}

/** A node that others can reach lets in whoever reaches it, unless something says who is a member. */
function warnIfOpen(config: Config, logger: Logger): void {
  const isReachable = config.get('listen').some((address) => !/^\/(?:ip4\/127\.|ip6\/::1\/)/.test(address))
  const hasSecret = config.get('secret') !== undefined || config.get('secretFile') !== undefined
  const isGuarded = hasSecret || config.get('allow').length > 0
  if (isReachable && !isGuarded) {
    logger.warn('whoever reaches this node becomes a member and sees all sessions: give the cluster a secret')
  }
}

async function tellWhenReady(node: Node, config: Config, logger: Logger): Promise<void> {
  const readyMs = config.get('readyMs')
  try {
    await node.whenReady({ signal: AbortSignal.timeout(readyMs) })
    const members = node.aliveMembers().length
    logger.info('node ready', { members })
    // The first one of a cluster, or a mistyped name: a second cluster beside the one that was meant.
    const join = config.get('join')
    if (members === 1 && join.length > 0) logger.warn('alone: no member was found at the places to join', { join })
  } catch {
    // It ended before, or others cannot be reached.
    if (node.state === 'starting') logger.warn('not ready yet; serving what is here', { afterMs: readyMs })
  }
}
