/** The one sentence at the top: how the cluster is, as far as the node that serves the page knows. */
import type { Snapshot } from './snapshot.ts'

/** Whether the page hears its node. */
export type Link = 'connecting' | 'live' | 'lost' | 'refused'

export interface Verdict {
  readonly level: 'ok' | 'warning' | 'critical' | 'unknown'
  readonly text: string
}

/** How many holders a shard should have: the copies and the primary's own, or everybody. */
export function wantedHolders({ node: { copies, members } }: Snapshot): number {
  const present = members.filter(({ state }) => state === 'alive' || state === 'suspect').length + 1
  return copies === 'all' ? present : copies + 1
}

export function verdictOf(link: Link, snapshot: Snapshot | undefined): Verdict {
  if (link === 'refused') {
    return { level: 'unknown', text: 'The server wants a token: open the page with #token=… at the end of its address' }
  }
  if (snapshot === undefined) return { level: 'unknown', text: 'Connecting' }
  if (link === 'lost') return { level: 'critical', text: `${snapshot.name} does not answer; trying again` }
  const { node, state } = snapshot
  const without = node.shards.filter(({ readyHolders }) => readyHolders.length === 0).length
  if (without > 0) return { level: 'critical', text: `${count(without, 'shard')} without any ready holder` }
  const wanted = wantedHolders(snapshot)
  const short = node.shards.filter(({ readyHolders }) => readyHolders.length < wanted).length
  if (short > 0) return { level: 'warning', text: `${count(short, 'shard')} short of ${wanted} ready holders` }
  const suspects = node.members.filter((member) => member.state === 'suspect')
  if (suspects.length > 0) {
    return { level: 'warning', text: `${suspects.map(({ name }) => name).join(', ')} not heard` }
  }
  if (state === 'draining') return { level: 'warning', text: `${snapshot.name} is handing over` }
  if (state !== 'ready') return { level: 'warning', text: `${snapshot.name} is catching up` }
  return { level: 'ok', text: 'Every session has all its copies' }
}

function count(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
