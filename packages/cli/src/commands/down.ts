/**
 * `reprise down`: end a cluster of `reprise up`, wherever it runs on this machine. It is asked to end, as by ^C in its
 * terminal, and this waits until it is gone. Its process id is trusted only together with when that process started.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Command, Option } from 'commander'
import { clusterDirectory } from '../config/locations.ts'
import { CommandError, ExitCode } from '../failure.ts'
import {
  CLUSTER_NAME_DEFAULT,
  type ClusterState,
  ClusterStates,
  isOwnerAlive,
  type StaleCluster,
} from '../state/cluster-state.ts'
import { type EndedCluster, endedJson, endedLine } from '../views/ended-clusters.ts'

interface DownOptions {
  readonly name?: string
  readonly all?: boolean
  readonly json?: boolean
}

export function downCommand(): Command {
  return new Command('down')
    .description('stop a cluster that reprise up started')
    .addOption(new Option('--name <name>', `the cluster's name (default: ${CLUSTER_NAME_DEFAULT})`).conflicts('all'))
    .option('--all', 'stop all of them')
    .option('--json', 'print JSON for programs')
    .action(down)
}

async function down({ name = CLUSTER_NAME_DEFAULT, all = false, json = false }: DownOptions): Promise<void> {
  const states = new ClusterStates(clusterDirectory(process.env))
  const stale: StaleCluster[] = []
  const onStale = (cluster: StaleCluster): void => void stale.push(cluster)
  const running = all ? states.list(onStale) : [states.read(name, onStale)].filter((state) => state !== undefined)
  if (running.length + stale.length === 0 && !all)
    throw noSuchCluster(
      name,
      states.list(() => {}),
    )
  const ended: EndedCluster[] = stale.map((cluster) => ({ ...cluster, outcome: 'was gone', nodes: 0, tookMs: 0 }))
  for (const state of running) ended.push(await stop(state))
  if (json) return console.log(JSON.stringify(endedJson(ended)))
  for (const cluster of ended) console.log(endedLine(cluster))
  if (ended.length === 0) console.error('no cluster runs here')
}

async function stop(state: ClusterState): Promise<EndedCluster> {
  const { name, pid, processMark: mark, nodes } = state
  if (mark === null) throw cannotTell(state)
  const sinceMs = performance.now()
  // `read` made sure a moment ago that it is the same process.
  process.kill(pid, 'SIGTERM')
  while (isOwnerAlive(state)) {
    if (performance.now() - sinceMs > STOP_MS_MAX) throw doesNotEnd(state)
    await sleep(POLL_MS)
  }
  return { name, pid, outcome: 'stopped', nodes: nodes.length, tookMs: Math.round(performance.now() - sinceMs) }
}

function noSuchCluster(name: string, others: readonly ClusterState[]): CommandError {
  return new CommandError({
    what: `there is no cluster ${name}`,
    next: others.length === 0 ? undefined : `these run: ${others.map((state) => state.name).join(', ')}`,
    exitCode: ExitCode.failure,
  })
}

function cannotTell({ name, pid }: ClusterState): CommandError {
  return new CommandError({
    what: `${name} was not stopped`,
    why: `this system does not tell when a process started, so ${pid} may be another one by now`,
    next: 'end it in its own terminal with ^C',
    exitCode: ExitCode.failure,
  })
}

function doesNotEnd({ name, pid }: ClusterState): CommandError {
  return new CommandError({
    what: `${name} was asked to end and is still there after ${STOP_MS_MAX / 1_000} s`,
    why: `its process ${pid} is stopped or very busy`,
    next: `kill -9 ${pid} ends it; its nodes go with it`,
    exitCode: ExitCode.timeout,
  })
}

/** Its members get three seconds before they are killed; the rest is for a busy machine. */
const STOP_MS_MAX = 15_000
const POLL_MS = 50
