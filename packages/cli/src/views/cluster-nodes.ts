/** The nodes of a cluster on this machine, and where they are. */
import { adminUrl } from '../cluster/addresses.ts'
import type { MemberView } from '../cluster/local-cluster.ts'
import type { MemberPorts } from '../cluster/messages.ts'
import { GATEWAY_NAMES, type GatewayName } from '../gateways.ts'
import type { ClusterNode } from '../state/cluster-state.ts'
import type { Column } from '../table.ts'

const NODE_COLUMNS: readonly Column<ClusterNode>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'PID', cell: ({ pid }) => String(pid ?? '-'), align: 'right' },
  // The beginning is the same for all.
  { title: 'PEER', cell: ({ peerId }) => `…${peerId?.slice(-8) ?? ''}` },
  { title: 'LISTEN', cell: ({ listen }) => `127.0.0.1:${/\/tcp\/(\d+)/.exec(listen ?? '')?.[1] ?? '-'}` },
  { title: 'ADMIN', cell: ({ admin }) => admin },
  { title: 'TLS PORT', cell: ({ tlsPort }) => String(tlsPort ?? '-'), align: 'right' },
]

/** The columns that there is something in. */
export function columnsOf(nodes: readonly ClusterNode[]): readonly Column<ClusterNode>[] {
  const gateways = GATEWAY_NAMES.filter((name) => nodes.some((node) => node[`${name}Port`] !== undefined))
  const columns = gateways.map((name): Column<ClusterNode> => {
    return { title: name.toUpperCase(), cell: (node) => String(node[`${name}Port`] ?? '-'), align: 'right' }
  })
  return [...NODE_COLUMNS, ...columns]
}

/** The members as other commands and programs see them. */
export function nodesOf(members: readonly MemberView[]): ClusterNode[] {
  return members.map(({ name, pid, info }) => ({
    name,
    pid,
    peerId: info?.peerId,
    listen: info?.listen,
    admin: adminUrl(info?.ports.admin),
    tlsPort: info?.ports.tls,
    ...gatewayPorts(info?.ports),
  }))
}

function gatewayPorts(ports: MemberPorts | undefined): Partial<Record<`${GatewayName}Port`, number>> {
  const there = GATEWAY_NAMES.flatMap((name) => (ports?.[name] === undefined ? [] : [[`${name}Port`, ports[name]]]))
  return Object.fromEntries(there)
}

/** For programs. */
export function nodesJson(nodes: readonly ClusterNode[]): object {
  return { schemaVersion: 1, nodes }
}
