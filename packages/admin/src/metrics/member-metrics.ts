/** The metrics of members: how many there are, and how well those are reached that count, by peer up to a bound. */
import type { NodeStatus } from '@reprise/node'
import { MEMBER_SERIES_MAX } from '../constants.ts'
import { by, countBy, gauge } from './families.ts'
import type { MetricFamily, Sample } from './format.ts'

type Member = NodeStatus['members'][number]

export function memberMetrics(members: NodeStatus['members']): MetricFamily[] {
  const states = countBy(
    ['unmet', 'alive', 'suspect', 'leaving', 'left', 'dead'],
    members.map(({ state }) => state),
  )
  const present = members.filter(({ state }) => ['alive', 'suspect', 'leaving'].includes(state))
  return [
    gauge('members', 'Other members that this node knows of, by state.', by('state', states)),
    gauge(
      'member_connected',
      'Whether a member is connected: 1 or 0.',
      series(present, ({ connected }) => (connected ? 1 : 0), Math.min),
    ),
    gauge(
      'member_round_trip_seconds',
      'Round trip to a member.',
      series(present, ({ roundTripMs }) => roundTripMs / 1_000, Math.max),
    ),
    gauge(
      'member_silence_seconds',
      'How long nothing was heard of a member.',
      series(present, ({ heardAgoMs }) => heardAgoMs / 1_000, Math.max),
    ),
  ]
}

/** A series for each member, in the order of their ids; those beyond the bound share the worst of their values. */
function series(
  members: readonly Member[],
  pick: (member: Member) => number,
  worst: (...values: number[]) => number,
): Sample[] {
  const sorted = members.toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
  const samples = sorted.slice(0, MEMBER_SERIES_MAX).map((member): Sample => {
    return { labels: { peer: member.nodeId, name: member.name }, value: pick(member) }
  })
  const rest = sorted.slice(MEMBER_SERIES_MAX).map(pick)
  return rest.length === 0 ? samples : [...samples, { labels: { peer: 'others', name: '' }, value: worst(...rest) }]
}
