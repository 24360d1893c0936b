/** The members of a cluster as one of them sees them. */
import type { StatusDocument } from '../inquiry/documents.ts'
import type { Column } from '../table.ts'
import { paint } from '../terminal.ts'
import { formatAge, formatMs } from '../units.ts'

export interface MemberRow {
  readonly name: string
  readonly peerId: string
  readonly state: StatusDocument['node']['members'][number]['state']
  readonly role: 'member' | 'repository'
  readonly zone: string
  readonly incarnation: number
  readonly addresses: readonly string[]
  /** Null for the one that was asked, and before it was measured. */
  readonly roundTripMs: number | null
  readonly heardAgoMs: number | null
}

/** The one that was asked first, then the others by name. */
export function memberRows({ name, node }: StatusDocument): MemberRow[] {
  const { nodeId: peerId, incarnation, addresses } = node
  const self: MemberRow = {
    name,
    peerId,
    state: 'alive',
    role: node.repository === undefined ? 'member' : 'repository',
    zone: '',
    incarnation,
    addresses,
    roundTripMs: null,
    heardAgoMs: null,
  }
  const others = node.members.map(({ nodeId, connected, roundTripMs, ...member }): MemberRow => {
    const isMeasured = connected && Number.isFinite(roundTripMs)
    const { name, state, role, zone, incarnation, addresses, heardAgoMs } = member
    return {
      name,
      peerId: nodeId,
      state,
      role,
      zone,
      incarnation,
      addresses,
      roundTripMs: isMeasured ? roundTripMs : null,
      heardAgoMs,
    }
  })
  return [self, ...others.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))]
}

export const MEMBER_COLUMNS: readonly Column<MemberRow>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  {
    title: 'STATE',
    cell: ({ state }) => state,
    style: (text, { state }) => paint(STATE_STYLES[state] ?? 'yellow', text),
  },
  { title: 'ROLE', cell: ({ role }) => role },
  { title: 'ZONE', cell: ({ zone }) => zone || '-' },
  { title: 'RTT', cell: ({ roundTripMs }) => (roundTripMs === null ? '-' : formatMs(roundTripMs)), align: 'right' },
  { title: 'HEARD', cell: ({ heardAgoMs }) => (heardAgoMs === null ? '-' : heardText(heardAgoMs)), align: 'right' },
  { title: 'PEER', cell: ({ peerId }) => `…${peerId.slice(-8)}` },
  { title: 'ADDRESS', cell: ({ addresses }) => addresses[0]?.replace(/\/p2p\/[^/]+$/, '') ?? '-' },
]

const STATE_STYLES: Partial<Record<MemberRow['state'], 'green' | 'red' | 'dim'>> = {
  alive: 'green',
  suspect: 'red',
  dead: 'red',
  left: 'dim',
}

function heardText(ms: number): string {
  return `${ms < 10_000 ? formatMs(ms) : formatAge(ms)} ago`
}

/** For programs. */
export function membersJson(asked: string, members: readonly MemberRow[]): object {
  return { schemaVersion: 1, asked, members }
}
