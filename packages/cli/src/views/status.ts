/** A cluster at a glance: one row for each node, and what is not as it should be. Pure, so that its output can be compared. */
import type { StatusDocument } from '../inquiry/documents.ts'
import type { Column } from '../table.ts'
import { paint } from '../terminal.ts'
import { formatAge, formatBytes, formatCount, formatMs, plural } from '../units.ts'

/** What a node said, or why it did not. */
export type NodeReport =
  | { readonly name: string; readonly admin: string; readonly status: StatusDocument }
  | { readonly name: string; readonly admin: string; readonly status: undefined; readonly why: string }

export interface Issue {
  readonly level: 'critical' | 'warning'
  readonly text: string
}

/** What a person should know, the worst first. */
export function issuesOf(reports: readonly NodeReport[]): Issue[] {
  const issues = reports.flatMap((report): Issue[] =>
    report.status === undefined
      ? [{ level: 'critical', text: `${report.name} does not answer: ${report.why}` }]
      : nodeIssues(report.status),
  )
  const known = reports.flatMap(({ status }) => (status === undefined ? [] : [status]))
  issues.push(...shardIssues(known))
  return issues.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level))
}

const LEVELS = ['critical', 'warning']

function nodeIssues({ name, state, node, process }: StatusDocument): Issue[] {
  const { members, table, streams, droppedInputs, badMessages } = node
  const issues: Issue[] = []
  const warn = (text: string): void => void issues.push({ level: 'warning', text: `${name} ${text}` })
  if (state !== 'ready') warn(`is ${state}`)
  for (const member of members) {
    if (member.state === 'suspect' || member.state === 'unmet') {
      issues.push({
        level: 'critical',
        text: `${name} does not hear ${member.name || member.nodeId} (${member.state})`,
      })
    }
  }
  if (table.evictions > 0) warn(`put out ${plural(table.evictions, 'session')} for want of memory`)
  const areTombstones = table.tombstones >= TOMBSTONE_SHARE_MAX * table.records
  if (areTombstones && table.bytes >= FULL_SHARE * table.bytesMax) {
    warn(`remembers ${plural(table.tombstones, 'dropped session')}, and will refuse new ones when its cache is full`)
  }
  if (streams.ejected > 0)
    warn(`has ${plural(streams.ejected, 'holder')} that ${streams.ejected === 1 ? 'is' : 'are'} too far behind`)
  if (droppedInputs > 0) warn(`dropped ${plural(droppedInputs, 'message')} that it was too busy for`)
  if (badMessages > 0) warn(`got ${plural(badMessages, 'message')} that made no sense`)
  const { p99 } = process.eventLoopDelayMs
  if (p99 >= LOOP_DELAY_MS_MAX) warn(`is busy: its event loop is ${formatMs(p99)} late`)
  return issues
}

/** What the node says that is best informed: one that is ready, else any. */
function shardIssues(known: readonly StatusDocument[]): Issue[] {
  const witness = known.find(({ state }) => state === 'ready') ?? known[0]
  if (witness === undefined) return []
  const issues: Issue[] = []
  const { copies, members } = witness.node
  const alive = aliveCount(members)
  if (copies !== 'all' && alive <= copies) {
    issues.push({
      level: 'warning',
      text: `${copies} copies besides the primary take ${copies + 1} members, and ${alive} live`,
    })
  }
  const lacking = witness.node.shards.filter(({ holders, readyHolders }) => readyHolders.length < holders.length)
  const without = lacking.filter(({ readyHolders }) => readyHolders.length === 0)
  const numbers = (shards: typeof lacking): string => shards.map(({ shard }) => shard).join(', ')
  if (without.length > 0) {
    issues.push({
      level: 'critical',
      text: `nobody is ready for ${plural(without.length, 'shard')}: ${numbers(without)}`,
    })
  }
  const fewer = lacking.filter(({ readyHolders }) => readyHolders.length > 0)
  if (fewer.length > 0) {
    issues.push({
      level: 'warning',
      text: `${plural(fewer.length, 'shard')} with holders that are not ready: ${numbers(fewer)}`,
    })
  }
  return issues
}

/** The first line. */
export function headline(
  cluster: string | undefined,
  reports: readonly NodeReport[],
  issues: readonly Issue[],
): string {
  const answered = reports.filter(({ status }) => status !== undefined)
  const who = cluster === undefined ? '' : `${cluster}: `
  const found = issues.length === 0 ? 'no issues' : plural(issues.length, 'issue')
  return `${who}${answered.length} of ${plural(reports.length, 'node')} answer${answered.length === 1 ? 's' : ''}, ${found}`
}

export const STATUS_COLUMNS: readonly Column<NodeReport>[] = [
  { title: 'NODE', cell: ({ name, status }) => status?.name ?? name },
  { title: 'STATE', cell: ({ status }) => status?.state ?? 'silent', style: paintState },
  { title: 'MEMBERS', cell: told(({ node }) => String(aliveCount(node.members))), align: 'right' },
  { title: 'SHARDS', cell: told(({ node }) => shardsHeld(node.shards)), align: 'right' },
  { title: 'RECORDS', cell: told(({ node }) => formatCount(node.table.records)), align: 'right' },
  {
    title: 'CACHE',
    cell: told(({ node: { table } }) => `${formatBytes(table.bytes)} of ${formatBytes(table.bytesMax)}`),
    align: 'right',
  },
  { title: 'RESUMES', cell: told(({ stats }) => formatCount(found(stats))), align: 'right' },
  { title: 'LOCAL', cell: told(({ stats }) => share(stats.resumesFrom.local, found(stats))), align: 'right' },
  { title: 'RSS', cell: told(({ process }) => formatBytes(process.rssBytes)), align: 'right' },
  { title: 'LOOP P99', cell: told(({ process }) => formatMs(process.eventLoopDelayMs.p99)), align: 'right' },
  { title: 'UP', cell: told(({ uptimeMs }) => formatAge(uptimeMs)), align: 'right' },
]

/** A cell of what a node told; a dash where it told nothing. */
function told(cell: (status: StatusDocument) => string): (report: NodeReport) => string {
  return ({ status }) => (status === undefined ? '-' : cell(status))
}

function paintState(text: string, { status }: NodeReport): string {
  return paint(status === undefined ? 'red' : status.state === 'ready' ? 'green' : 'yellow', text)
}

/** Itself included. */
function aliveCount(members: StatusDocument['node']['members']): number {
  return 1 + members.filter(({ state }) => state === 'alive').length
}

/** Those it is ready for, of those it holds. */
function shardsHeld(shards: StatusDocument['node']['shards']): string {
  const held = shards.filter(({ state }) => state !== 'none')
  return `${held.filter(({ state }) => state === 'ready').length}/${held.length}`
}

function found({ resumesFrom }: StatusDocument['stats']): number {
  return resumesFrom.local + resumesFrom.peers
}

function share(part: number, whole: number): string {
  return whole === 0 ? '-' : `${Math.round((100 * part) / whole)} %`
}

/** For programs. */
export function statusJson(
  cluster: string | undefined,
  reports: readonly NodeReport[],
  issues: readonly Issue[],
): object {
  return {
    schemaVersion: 1,
    cluster: cluster ?? null,
    nodes: reports.map((report) => {
      const { name, admin, status } = report
      if (status === undefined) return { name, admin, answered: false, why: report.why }
      const { node, stats, process } = status
      return {
        name: status.name,
        admin,
        answered: true,
        peerId: node.nodeId,
        pid: status.pid,
        version: status.version,
        state: status.state,
        uptimeMs: status.uptimeMs,
        membersAlive: aliveCount(node.members),
        shardsHeld: node.shards.filter(({ state }) => state !== 'none').length,
        shardsReady: node.shards.filter(({ state }) => state === 'ready').length,
        records: node.table.records,
        cacheBytes: node.table.bytes,
        cacheBytesMax: node.table.bytesMax,
        evictions: node.table.evictions,
        resumesLocal: stats.resumesFrom.local,
        resumesPeers: stats.resumesFrom.peers,
        rssBytes: process.rssBytes,
        eventLoopDelayP99Ms: process.eventLoopDelayMs.p99,
      }
    }),
    issues,
  }
}

/** What remembers dropped sessions is never put out. Where most of a nearly full cache is that, little is left to make room with. */
const TOMBSTONE_SHARE_MAX = 0.5
const FULL_SHARE = 0.8
/** A node that is late by this much is late for heartbeats too: others begin to suspect it after 1.75 s. */
const LOOP_DELAY_MS_MAX = 500
