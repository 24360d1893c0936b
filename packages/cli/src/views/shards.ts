/** The shards of a cluster and who holds them, as one member sees it. */
import type { StatusDocument } from '../inquiry/documents.ts'
import type { Column } from '../table.ts'
import { paint } from '../terminal.ts'

export interface ShardRow {
  readonly shard: number
  /** Members that shall hold it, best first. */
  readonly holders: readonly { readonly name: string; readonly peerId: string; readonly ready: boolean }[]
  /** Holders that placement no longer wants, which hold on until the others have everything. */
  readonly leaving: readonly string[]
}

export function shardRows({ name, node }: StatusDocument): ShardRow[] {
  const names = new Map([[node.nodeId, name], ...node.members.map((member) => [member.nodeId, member.name] as const)])
  const nameOf = (peerId: string): string => names.get(peerId) || `…${peerId.slice(-8)}`
  return node.shards.map(({ shard, holders, readyHolders }) => ({
    shard,
    holders: holders.map((peerId) => ({ name: nameOf(peerId), peerId, ready: readyHolders.includes(peerId) })),
    leaving: readyHolders.filter((peerId) => !holders.includes(peerId)).map(nameOf),
  }))
}

/** Whether everybody who shall hold it does. */
export function isWhole({ holders }: ShardRow): boolean {
  return holders.length > 0 && holders.every(({ ready }) => ready)
}

export const SHARD_COLUMNS: readonly Column<ShardRow>[] = [
  { title: 'SHARD', cell: ({ shard }) => String(shard), align: 'right' },
  {
    title: 'READY',
    cell: ({ holders }) => `${holders.filter(({ ready }) => ready).length} of ${holders.length}`,
    style: (text, row) => paint(isWhole(row) ? 'green' : 'red', text),
  },
  {
    title: 'HOLDERS',
    cell: ({ holders, leaving }) =>
      [
        ...holders.map(({ name, ready }) => (ready ? name : `${name} (not ready)`)),
        ...leaving.map((name) => `${name} (leaving)`),
      ].join(', '),
  },
]

/** For programs. */
export function shardsJson(asked: string, shards: readonly ShardRow[]): object {
  return { schemaVersion: 1, asked, shards }
}
