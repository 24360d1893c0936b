/** What became of clusters that were to end. */
import { formatMs, plural } from '../units.ts'

/** What became of a cluster. */
export interface EndedCluster {
  readonly name: string
  readonly pid: number
  readonly outcome: 'stopped' | 'was gone'
  readonly nodes: number
  readonly tookMs: number
}

export function endedLine({ name, pid, outcome, nodes, tookMs }: EndedCluster): string {
  if (outcome === 'was gone') return `${name}: its process ${pid} was gone already; removed what it left`
  return `${name}: stopped ${plural(nodes, 'node')} of process ${pid} in ${formatMs(tookMs)}`
}

/** For programs. */
export function endedJson(ended: readonly EndedCluster[]): object {
  return { schemaVersion: 1, clusters: ended }
}
