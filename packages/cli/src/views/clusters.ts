/** The clusters of `reprise up` on this machine, one row for each node. */
import type { ClusterNode, ClusterState } from '../state/cluster-state.ts'
import type { Column } from '../table.ts'
import { paint } from '../terminal.ts'
import { formatAge } from '../units.ts'

/**
 * - `ready`: everything it shall hold is there; `not ready`: it serves what it has
 * - `silent`: the process is there and does not answer
 * - `gone`: there is no such process
 */
export type NodeState = 'ready' | 'not ready' | 'silent' | 'gone'

export interface ClusterRow {
  readonly cluster: ClusterState
  /** Undefined for a cluster that has none yet. */
  readonly node: ClusterNode | undefined
  readonly state: NodeState | 'starting'
}

export function clusterColumns(nowMs: number): readonly Column<ClusterRow>[] {
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

/** For programs. */
export function clustersJson(clusters: readonly ClusterState[], rows: readonly ClusterRow[]): object {
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
