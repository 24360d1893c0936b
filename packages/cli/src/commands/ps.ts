/** `reprise ps`: the clusters of `reprise up` on this machine, their nodes, and whether these serve. */
import { Command } from 'commander'
import { clusterDirectory } from '../config/locations.ts'
import { askStatus, NoAnswerError } from '../inquiry/admin-client.ts'
import { PROBE_MS_MAX } from '../inquiry/constants.ts'
import { type ClusterNode, type ClusterState, ClusterStates, type StaleCluster } from '../state/cluster-state.ts'
import { processMark } from '../state/process-mark.ts'
import { tableLines } from '../table.ts'
import { dim } from '../terminal.ts'
import { type ClusterRow, clusterColumns, clustersJson, type NodeState } from '../views/clusters.ts'

interface PsOptions {
  readonly json?: boolean
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
  if (json) return console.log(JSON.stringify(clustersJson(clusters, rows)))
  if (rows.length === 0) return console.error('no cluster runs here; start one with reprise up')
  console.log(tableLines(clusterColumns(Date.now()), rows, { titleStyle: dim }).join('\n'))
}

async function rowsOf(cluster: ClusterState): Promise<ClusterRow[]> {
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
