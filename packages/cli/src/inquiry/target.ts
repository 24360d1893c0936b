/**
 * Which nodes a command asks: those of a cluster that `reprise up` started here, or the one that was named.
 *
 * ```
 *  --admin URL  >  --name CLUSTER  >  `admin` of environment and config file  >  the cluster `default`
 * ```
 *
 * A question about the cluster can be answered by any node, so one that does not answer is no reason to fail: the next is
 * asked, and a line on stderr says so.
 */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Config } from '../config/config.ts'
import { addConfigFlags, configOf } from '../config/flags.ts'
import { clusterDirectory } from '../config/locations.ts'
import { readAdminToken } from '../config/secrets.ts'
import { hostAndPort } from '../config/values.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { CLUSTER_NAME_DEFAULT, ClusterStates, type StaleCluster } from '../state/cluster-state.ts'
import { type AdminRequest, ask, type Endpoint, type JsonObject, NoAnswerError } from './admin-client.ts'
import { PATIENCE_MS_DEFAULT } from './constants.ts'

export interface Target {
  /** The cluster's name in the state directory; undefined when an address was given. */
  readonly cluster: string | undefined
  /** At least one. */
  readonly endpoints: readonly Endpoint[]
  readonly token: string | undefined
  /** How long a node may take to answer. */
  readonly patienceMs: number
}

export interface TargetOptions {
  readonly name?: string
  readonly node?: string
  readonly patienceMs?: number
}

/** A node that was asked and did not answer. */
export interface Silent {
  readonly name: string
  readonly why: string
}

export interface Answer {
  readonly endpoint: Endpoint
  readonly body: JsonObject
  /** Who was asked before. */
  readonly silent: readonly Silent[]
}

/** The options of every command that asks. */
export function addTargetOptions(command: Command): Command {
  command
    .addOption(new Option('--name <cluster>', `a cluster that reprise up started (default: ${CLUSTER_NAME_DEFAULT})`))
    .addOption(new Option('--node <name>', 'ask this node of it and no other'))
    .addOption(
      new Option(
        '--patience-ms <ms>',
        `how long a node may take to answer (default: ${PATIENCE_MS_DEFAULT} ms)`,
      ).argParser(readMs),
    )
  return addConfigFlags(command, ['admin', 'adminTokenFile'], {
    admin: 'the admin address of a node, in place of a cluster of reprise up',
    adminTokenFile: 'a file with its admin token',
  })
}

/** @throws CommandError when nothing is found. */
export async function findTarget(options: TargetOptions, command: Command): Promise<Target> {
  const config = await configOf(command)
  const patienceMs = options.patienceMs ?? PATIENCE_MS_DEFAULT
  const given = await readAdminToken(config)
  const named = namedEndpoint(config, options)
  if (named !== undefined) return { cluster: undefined, endpoints: [named], token: given, patienceMs }
  const name = options.name ?? CLUSTER_NAME_DEFAULT
  const stale: StaleCluster[] = []
  const state = new ClusterStates(clusterDirectory(process.env)).read(name, (cluster) => stale.push(cluster))
  if (state === undefined) throw noCluster(name, stale[0])
  if (state.nodes.length === 0) throw stillStarting(name)
  const nodes = options.node === undefined ? state.nodes : state.nodes.filter((node) => node.name === options.node)
  if (nodes.length === 0)
    throw noNode(
      name,
      options.node,
      state.nodes.map((node) => node.name),
    )
  return {
    cluster: name,
    endpoints: nodes.map((node) => ({ name: node.name, url: node.admin })),
    token: given ?? state.adminToken,
    patienceMs,
  }
}

/**
 * Ask one node after the other until one answers. A write is not asked of another one when the first may have begun it.
 * @throws CommandError when none does, or when one says no.
 */
export async function askAny(target: Target, request: Omit<AdminRequest, 'token' | 'patienceMs'>): Promise<Answer> {
  const silent: NoAnswerError[] = []
  for (const endpoint of target.endpoints) {
    try {
      const body = await ask(endpoint, { ...request, token: target.token, patienceMs: target.patienceMs })
      if (silent.length > 0)
        console.error(`reprise: ${silent.map(({ message }) => message).join('; ')}; asked ${endpoint.name}`)
      return { endpoint, body, silent: silent.map(({ endpoint: { name }, why }) => ({ name, why })) }
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error
      if (request.method === 'PUT' && error.isTimeout) throw maybeDone(error)
      silent.push(error)
    }
  }
  throw nobodyAnswers(target, silent)
}

/** Why a command that got no answer at all failed. */
export function nobodyAnswers({ cluster, endpoints }: Target, silent: readonly NoAnswerError[]): CommandError {
  const who =
    endpoints.length === 1 ? (endpoints[0]?.name ?? '') : `none of the ${endpoints.length} nodes of ${cluster}`
  return new CommandError({
    what: endpoints.length === 1 ? `${who} does not answer` : `${who} answers`,
    why: [...new Set(silent.map(({ why }) => why))].join('; '),
    next: cluster === undefined ? 'is it running, and is this its admin address?' : 'look at reprise ps',
    exitCode: silent.every(({ isTimeout }) => isTimeout) ? ExitCode.timeout : ExitCode.unreachable,
  })
}

function maybeDone(cause: NoAnswerError): CommandError {
  return new CommandError(
    {
      what: cause.message,
      why: 'it may have written the session all the same',
      next: 'look with reprise session get before you try again',
      exitCode: ExitCode.timeout,
    },
    { cause },
  )
}

function namedEndpoint(config: Config, { name, node }: TargetOptions): Endpoint | undefined {
  const { value, origin } = config.setting('admin')
  if (origin !== 'flag' && name !== undefined) return undefined
  // Port 0 says where a node shall listen, and not where it does.
  if (origin === 'default' || value.port === 0) return undefined
  if (node !== undefined) {
    throw new CommandError({
      what: 'an address is one node: --node does not go with it',
      next: 'leave out --node, or name the cluster with --name',
      exitCode: ExitCode.usage,
    })
  }
  const address = hostAndPort.show(value)
  return { name: address, url: `http://${address}` }
}

function noCluster(name: string, stale: StaleCluster | undefined): CommandError {
  return new CommandError({
    what: `there is no cluster ${name}`,
    why: stale === undefined ? undefined : `its process ${stale.pid} is gone; what it left was removed`,
    next: 'start one with reprise up, see reprise ps, or name a node with --admin',
    exitCode: ExitCode.unreachable,
  })
}

function stillStarting(name: string): CommandError {
  return new CommandError({
    what: `the cluster ${name} is still starting`,
    next: 'try again in a second',
    exitCode: ExitCode.unreachable,
  })
}

function noNode(cluster: string, node: string | undefined, names: readonly string[]): CommandError {
  return new CommandError({
    what: `the cluster ${cluster} has no node ${node}`,
    next: `its nodes are ${names.join(', ')}`,
    exitCode: ExitCode.usage,
  })
}

/** The value of an option in milliseconds. */
export function readMs(text: string): number {
  const ms = Number(text)
  if (Number.isInteger(ms) && ms > 0 && ms < 2 ** 31) return ms
  throw new InvalidArgumentError('It must be a whole number of milliseconds above 0.')
}
