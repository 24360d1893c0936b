/**
 * `reprise up`: a cluster on this machine for use by hand. It runs until ^C, SIGTERM or `reprise down`, which is how it is
 * meant to end, so the exit code is then 0. A signal before all nodes are ready ends it with 128 and the signal's number.
 *
 * While it runs, other commands find it by its name in the state directory. With `--detach` it runs in the background: this
 * process starts it, waits until it is ready, and goes.
 *
 * Results go to stdout: the table, or with `--json` exactly one line. Everything else goes to stderr.
 */
import { Command, Option } from 'commander'
import { adminUrl } from '../cluster/addresses.ts'
import { UP_NODES_DEFAULT } from '../cluster/constants.ts'
import { hintLines } from '../cluster/hints.ts'
import type { LocalCluster, MemberEnd, MemberView } from '../cluster/local-cluster.ts'
import { describeExit } from '../cluster/member-process.ts'
import type { Confirm } from '../cluster/messages.ts'
import { clusterDirectory } from '../config/locations.ts'
import { CommandError, ExitCode } from '../failure.ts'
import { GATEWAY_NAMES, type GatewayName } from '../gateways.ts'
import { findPage } from '../inquiry/admin-client.ts'
import { aborted, listenForInterruption } from '../interruption.ts'
import { version } from '../manifest.ts'
import {
  assertClusterName,
  CLUSTER_NAME_DEFAULT,
  type ClaimedState,
  type ClusterNode,
  ClusterStates,
} from '../state/cluster-state.ts'
import { tableLines } from '../table.ts'
import { dim } from '../terminal.ts'
import { formatMs, plural } from '../units.ts'
import { columnsOf, nodesJson, nodesOf } from '../views/cluster-nodes.ts'
import { confirmOption, nodesOption } from './arguments.ts'

interface UpOptions {
  readonly nodes: number
  readonly name?: string
  readonly detach?: boolean
  readonly json?: boolean
  readonly restart?: boolean
  readonly confirm: Confirm
  readonly memcached?: boolean
  readonly resp?: boolean
  readonly sessiond?: boolean
}

export function upCommand(): Command {
  return new Command('up')
    .description('start a cluster on this machine, for use by hand; ^C or reprise down stops it')
    .addOption(nodesOption({ min: 1, byDefault: UP_NODES_DEFAULT }))
    .addOption(
      new Option('--name <name>', `the cluster's name (default: ${CLUSTER_NAME_DEFAULT}, or with a number behind)`),
    )
    .option('--detach', 'leave it running in the background')
    .option('--json', 'print one line of JSON when all nodes are ready')
    .option('--restart', 'start a node again that ended')
    .addOption(confirmOption())
    .option('--memcached', 'each node serves clients of memcached, at a port of its own')
    .option('--resp', 'each node serves clients of Redis, at a port of its own')
    .option('--sessiond', 'each node serves stunnel, at a port of its own, and holds everything')
    .action(up)
}

async function up(options: UpOptions): Promise<void> {
  const states = new ClusterStates(clusterDirectory(process.env))
  if (options.detach === true) return await leaveRunning(options, states)
  using state = claimName(states, options.name)
  await runCluster(options, state)
}

/** In the background. */
async function leaveRunning(options: UpOptions, states: ClusterStates): Promise<void> {
  const name = freeName(states, options.name)
  const { startDetached } = await import('../cluster/detached.ts')
  const { nodes, pid, logFile } = await startDetached(states, { ...options, name, gateways: gatewaysOf(options) })
  if (options.json === true) return console.log(JSON.stringify(nodesJson(nodes)))
  printTable(nodes)
  const page = await findPage(nodes[0]?.admin ?? '')
  console.error(detachedLines({ name, pid, logFile, page }).join('\n'))
}

function gatewaysOf(options: UpOptions): readonly GatewayName[] {
  return GATEWAY_NAMES.filter((name) => options[name] === true)
}

/** Until it is asked to end. */
async function runCluster(options: UpOptions, state: ClaimedState | undefined): Promise<void> {
  const { LocalCluster } = await load()
  using interruption = listenForInterruption()
  const { signal } = interruption
  const startedMs = performance.now()
  await using cluster = new LocalCluster({
    ...options,
    gateways: gatewaysOf(options),
    ...(state !== undefined && { adminToken: state.adminToken }),
  })
  cluster.on('ended', (end) => {
    if (signal.aborted) return
    console.error(endLines(end).join('\n'))
    if (options.restart === true && !end.expected) void restart(cluster, end.name, signal, state)
  })
  if (options.json !== true) console.error(`starting ${plural(options.nodes, 'node')} on 127.0.0.1 …`)
  await Promise.race([cluster.start(), aborted(signal)])
  signal.throwIfAborted()

  state?.update(nodesOf(cluster.members))
  if (options.json === true) console.log(JSON.stringify(nodesJson(nodesOf(cluster.members))))
  else {
    printTable(nodesOf(cluster.members))
    const tookMs = performance.now() - startedMs
    const page = await findPage(adminUrl(cluster.members[0]?.info?.ports.admin))
    console.error(readyLines({ members: cluster.members, tookMs, name: state?.name, page }).join('\n'))
  }
  await aborted(signal)
  if (options.json !== true) console.error('stopping')
}

/** Not loaded in `runCluster` itself: tsc leaves the `.ts` in a dynamic import of a function with `using` declarations. */
function load() {
  return import('../cluster/local-cluster.ts')
}

async function restart(
  cluster: LocalCluster,
  name: string,
  signal: AbortSignal,
  state: ClaimedState | undefined,
): Promise<void> {
  try {
    await cluster.restart(name)
    state?.update(nodesOf(cluster.members))
    const { pid } = cluster.member(name)
    console.error(`${name} is back as pid ${pid}`)
  } catch (error) {
    if (!signal.aborted) console.error(`${name} could not be started again: ${(error as Error).message}`)
  }
}

/** The name that was asked for; else `default`, or with the first number that makes it free. @throws CommandError */
function freeName(states: ClusterStates, asked: string | undefined): string {
  for (const name of candidates(asked)) if (states.read(name, sayStale) === undefined) return name
  throw nameTaken(asked)
}

/**
 * Take a name, as `freeName` finds one.
 * @returns undefined when the state cannot be kept: the cluster works all the same.
 */
function claimName(states: ClusterStates, asked: string | undefined): ClaimedState | undefined {
  if (asked !== undefined) assertClusterName(asked)
  for (const name of candidates(asked)) {
    try {
      if (states.read(name, sayStale) !== undefined) continue
      const state = states.claim(name, version)
      if (state === undefined) continue
      if (name !== (asked ?? CLUSTER_NAME_DEFAULT))
        console.error(`a cluster ${CLUSTER_NAME_DEFAULT} runs already; this one is ${name}`)
      return state
    } catch (error) {
      if (error instanceof CommandError) throw error
      console.error(`reprise: other commands will not find this cluster by name: ${(error as Error).message}`)
      return undefined
    }
  }
  throw nameTaken(asked)
}

function candidates(asked: string | undefined): string[] {
  if (asked !== undefined) return [asked]
  const numbered = Array.from({ length: NAMES_TRIED_MAX - 1 }, (_, index) => `${CLUSTER_NAME_DEFAULT}-${index + 2}`)
  return [CLUSTER_NAME_DEFAULT, ...numbered]
}

function nameTaken(name: string | undefined): CommandError {
  return new CommandError({
    what: name === undefined ? `${NAMES_TRIED_MAX} clusters run already` : `a cluster ${name} runs already`,
    next: 'end it with reprise down, or choose another --name',
    exitCode: ExitCode.failure,
  })
}

function sayStale({ name, pid }: { readonly name: string; readonly pid: number }): void {
  console.error(`reprise: the cluster ${name} of process ${pid} is gone; what it left was removed`)
}

/** A machine that runs more clusters by hand than this has lost count. */
const NAMES_TRIED_MAX = 32

function printTable(nodes: readonly ClusterNode[]): void {
  console.log(tableLines(columnsOf(nodes), nodes, { titleStyle: dim }).join('\n'))
}

interface ReadyCluster {
  readonly members: readonly MemberView[]
  readonly tookMs: number
  /** Undefined: its state could not be kept. */
  readonly name: string | undefined
  /** The address of its page, if it has one. */
  readonly page: string | undefined
}

/** What to try. */
function readyLines({ members, tookMs, name, page }: ReadyCluster): string[] {
  const [first] = members
  const option = name === undefined || name === CLUSTER_NAME_DEFAULT ? '' : ` --name ${name}`
  return [
    '',
    `${plural(members.length, 'node')} ready in ${formatMs(tookMs)}.`,
    '',
    ...hintLines(members),
    'With TLS 1.3 the session comes after the handshake: ask for a page to get it:',
    `  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -tls1_3 -ign_eof \\`,
    `    -connect 127.0.0.1:${first?.info?.ports.tls} -sess_out /tmp/reprise.pem`,
    ...(name === undefined
      ? [`What a node knows: reprise status --admin ${adminUrl(first?.info?.ports.admin)}`]
      : ['What the nodes know, in another terminal:', `  reprise status${option}`, `  reprise check${option}`]),
    ...pageLines(page),
    '',
    '^C stops all.',
  ]
}

interface DetachedCluster {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  readonly page: string | undefined
}

function detachedLines({ name, pid, logFile, page }: DetachedCluster): string[] {
  const option = name === CLUSTER_NAME_DEFAULT ? '' : ` --name ${name}`
  return [
    '',
    `The cluster ${name} runs in the background as pid ${pid}.`,
    `  reprise status${option}`,
    `  reprise down${option}`,
    ...pageLines(page),
    `What it has to say goes to ${logFile}`,
  ]
}

function pageLines(page: string | undefined): string[] {
  return page === undefined ? [] : [`See it in a browser: ${page}`]
}

function endLines(end: MemberEnd): string[] {
  return [`${end.name} (pid ${end.pid}) ${describeExit(end)}`, ...end.lastLines.map((line) => `  ${line}`)]
}
