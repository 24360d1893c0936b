/** `reprise ps`: the clusters of `reprise up` on this machine, their nodes, and whether these serve. */
import { Command } from 'commander'
import { clusterDirectory } from '../config/locations.ts'
import { askStatus, NoAnswerError } from '../inquiry/admin-client.ts'
import { PROBE_MS_MAX } from '../inquiry/constants.ts'
import { type ClusterNode, type ClusterState, ClusterStates, type StaleCluster } from '../state/cluster-state.ts'
import { processMark } from '../state/process-mark.ts'
import { type Column, tableLines } from '../table.ts'
import { dim, paint } from '../terminal.ts'
import { formatAge } from '../units.ts'

interface PsOptions {
  readonly json?: boolean
}

/**
 * - `ready`: everything it shall hold is there; `not ready`: it serves what it has
 * - `silent`: the process is there and does not answer
 * - `gone`: there is no such process
 */
type NodeState = 'ready' | 'not ready' | 'silent' | 'gone'

interface Row {
  readonly cluster: ClusterState
  /** Undefined for a cluster that has none yet. */
  readonly node: ClusterNode | undefined
  readonly state: NodeState | 'starting'
}

export function psCommand(): Command {
  return new Command('ps')
    .description('list the clusters that reprise up started, and their nodes')
    .option('--json', 'print JSON for programs')
    .action(ps)
}

async function ps({ json = false }: PsOptions): Promise<void> {
  const stale: StaleCluster[] = []
  const clusters = new ClusterStates(clusterDirectory(process.env)).list((cluster) => stale.push(cluster))
  for (const { name, pid } of stale) console.error(`${name}: its process ${pid} is gone; removed what it left`)
  const rows = (await Promise.all(clusters.map(rowsOf))).flat()
  if (json) return console.log(JSON.stringify(rowsJson(clusters, rows)))
  if (rows.length === 0) return console.error('no cluster runs here; start one with reprise up')
  console.log(tableLines(columns(Date.now()), rows, { titleStyle: dim }).join('\n'))
}

async function rowsOf(cluster: ClusterState): Promise<Row[]> {
  if (cluster.nodes.length === 0) return [{ cluster, node: undefined, state: 'starting' }]
  return await Promise.all(cluster.nodes.map(async (node) => ({ cluster, node, state: await probe(node) })))
}

async function probe({ name, pid, admin }: ClusterNode): Promise<NodeState> {
  if (pid === undefined || processMark(pid) === undefined) return 'gone'
  try {
    return (await askStatus({ name, url: admin }, '/readyz', PROBE_MS_MAX)) === 200 ? 'ready' : 'not ready'
  } catch (error) {
    if (error instanceof NoAnswerError) return 'silent'
    throw error
  }
}

function columns(nowMs: number): readonly Column<Row>[] {
  return [
    { title: 'CLUSTER', cell: ({ cluster }) => cluster.name },
    { title: 'NODE', cell: ({ node }) => node?.name ?? '-' },
    { title: 'PID', cell: ({ cluster, node }) => String(node?.pid ?? cluster.pid), align: 'right' },
    { title: 'STATE', cell: ({ state }) => state, style: (text, { state }) => paint(STATE_STYLES[state], text) },
    { title: 'STARTED', cell: ({ cluster }) => `${formatAge(nowMs - cluster.startedAtMs)} ago` },
    { title: 'ADMIN', cell: ({ node }) => node?.admin ?? '-' },
  ]
}

const STATE_STYLES = { ready: 'green', 'not ready': 'yellow', starting: 'yellow', silent: 'red', gone: 'red' } as const

function rowsJson(clusters: readonly ClusterState[], rows: readonly Row[]): object {
  return {
    schemaVersion: 1,
    clusters: clusters.map((cluster) => ({
      name: cluster.name,
      pid: cluster.pid,
      startedAtMs: cluster.startedAtMs,
      version: cluster.version,
      nodes: rows.flatMap((row) =>
        row.cluster === cluster && row.node !== undefined ? [{ ...row.node, state: row.state }] : [],
      ),
    })),
  }
}
