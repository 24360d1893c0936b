/**
 * A node's metrics: what of its status and counters is worth a graph. `docs/metrics.md` lists them.
 *
 * The number of series is bounded: by the kinds that there are of something, and for members by `MEMBER_SERIES_MAX`, beyond which
 * they share a series. There is none by shard or by session.
 */
import type { NodeState, NodeStats, NodeStatus } from '@reprise/node'
import type { AdminNode } from '../admin-node.ts'
import { by, countBy, counter, gauge, latency } from './families.ts'
import type { MetricFamily } from './format.ts'
import { memberMetrics } from './member-metrics.ts'

export function nodeMetrics(node: Pick<AdminNode, 'state' | 'status' | 'stats'>): MetricFamily[] {
  const status = node.status()
  const stats = node.stats()
  return [
    gauge('node_state', 'Where the node is in its life: 1 for the present state.', by('state', stateOf(node.state))),
    ...memberMetrics(status.members),
    ...shardMetrics(status),
    ...tableMetrics(status),
    ...repositoryMetrics(status),
    ...streamMetrics(status),
    ...networkMetrics(status),
    ...requestMetrics(stats),
    counter('events', 'Events of the node.', by('event', stats.events)),
  ]
}

function stateOf(present: NodeState): Record<NodeState, number> {
  return countBy(['starting', 'ready', 'catching-up', 'draining', 'stopped'], [present])
}

function shardMetrics({ copies, shards }: NodeStatus): MetricFamily[] {
  const states = countBy(
    ['none', 'joining', 'ready'],
    shards.map(({ state }) => state),
  )
  // With too few members nobody shall hold the copies that are missing all the same.
  const isShort = ({ holders, readyHolders }: (typeof shards)[number]): boolean =>
    readyHolders.length < (copies === 'all' ? holders.length : copies + 1)
  return [
    gauge('shards', "Shards by this node's part in them.", by('state', states)),
    gauge('shards_clean', 'Shards whose copy here is known to be current.', shards.filter(({ clean }) => clean).length),
    gauge('shards_short', 'Shards with fewer ready holders than copies + 1.', shards.filter(isShort).length),
    gauge(
      'shards_lost',
      'Shards without any ready holder.',
      shards.filter(({ readyHolders }) => readyHolders.length === 0).length,
    ),
  ]
}

function tableMetrics({ table }: NodeStatus): MetricFamily[] {
  return [
    gauge('table_records', 'Sessions in the cache of this node, large values counted by their pieces.', table.records),
    gauge('table_bytes', 'Memory that they take.', table.bytes),
    gauge('table_limit_bytes', 'Memory that they may take.', table.bytesMax),
    counter('table_evictions', 'Sessions that left the cache for want of room.', table.evictions),
    gauge('table_stubs', 'What is remembered of evicted sessions.', table.stubs),
    gauge('table_tombstones', 'What is remembered of dropped sessions; part of the records.', table.tombstones),
  ]
}

/** None of a node that is no repository. */
function repositoryMetrics({ repository }: NodeStatus): MetricFamily[] {
  if (repository === undefined) return []
  const { records, bytes, queued, degraded, failedWrites, lastWriteAgoMs } = repository
  return [
    gauge('repository_records', 'Records that the repository has on disk.', records),
    gauge('repository_bytes', 'Bytes that they take there.', bytes),
    gauge('repository_queued_records', 'Changes that are not on disk yet.', queued),
    gauge(
      'repository_degraded',
      '1 while the disk takes nothing, and the repository goes on in memory.',
      degraded ? 1 : 0,
    ),
    counter('repository_failed_writes', 'Writes that the disk did not take.', failedWrites),
    ...(lastWriteAgoMs === undefined
      ? []
      : [
          gauge(
            'repository_last_write_seconds',
            'Time since the last write; not before the first.',
            lastWriteAgoMs / 1_000,
          ),
        ]),
  ]
}

function streamMetrics({ streams, pulls, blobs, syncs, badMessages, droppedInputs }: NodeStatus): MetricFamily[] {
  return [
    gauge('stream_gaps', 'Runs of frames that are missing here and asked for.', streams.gaps),
    counter('stream_repairs', 'Frames sent again to members that missed them.', streams.repairs),
    gauge('stream_waiting_commits', 'Commits that wait for copies.', streams.waiting),
    gauge('stream_ejected', 'Holders that are out of a stream of this node for being too far behind.', streams.ejected),
    gauge('pulls_under_way', 'Sessions being fetched from other members.', pulls.underWay),
    counter('pulls', 'Sessions that other members were asked for.', pulls.sent),
    counter('pulls_saved', 'Resumes that needed nobody else.', pulls.localHits),
    gauge('uploads_under_way', 'Commits that upload large values, or wait behind one.', blobs.uploads),
    gauge('uploads_bytes', 'Large values that they hold.', blobs.uploadBytes),
    gauge('downloads_under_way', 'Reads that fetch large values.', blobs.reads),
    gauge('releases_under_way', 'Replaced large values that are being dropped.', blobs.releases),
    gauge('syncs_under_way', 'Shards being compared with another holder.', syncs.underWay),
    counter('syncs_records', 'Records that came by comparing.', syncs.records),
    counter('syncs_differing', 'Buckets in which two ready holders were found to differ.', syncs.differing),
    counter('bad_messages', 'Messages of other members that were not valid, and dropped.', badMessages),
    counter(
      'dropped_inputs',
      'Messages of other members dropped because too much waited. Frames are repaired.',
      droppedInputs,
    ),
  ]
}

function networkMetrics({ network }: NodeStatus): MetricFamily[] {
  const { counters, peers, connections } = network
  return [
    gauge('network_peers', 'Members that this node has a connection to.', peers.filter(({ link }) => link).length),
    gauge('network_connections', 'Open connections.', connections),
    gauge(
      'network_waiting_bytes',
      'Frames and messages that wait to be written to other members.',
      peers.reduce((bytes, { link, frameBufferedBytes }) => bytes + frameBufferedBytes + (link?.bufferedBytes ?? 0), 0),
    ),
    counter(
      'network_frames',
      'Frames, by direction.',
      by('direction', { in: counters.framesIn, out: counters.framesOut }),
    ),
    counter(
      'network_frames_dropped',
      'Copies of frames that did not go or were not taken, by reason. They are repaired.',
      by('reason', {
        'slow-peer': counters.framesSkipped,
        'not-admitted': counters.foreignFrames,
        'not-published': counters.publishFailed,
      }),
    ),
    counter(
      'network_connections_cut',
      'Connections cut, or not let in, by reason.',
      by('reason', {
        'no-stream': counters.zombiesClosed,
        stalled: counters.stalledClosed,
        'not-allowed': counters.refused,
      }),
    ),
    counter('network_dials_failed', 'Dials of members and join places that failed.', counters.dialsFailed),
  ]
}

function requestMetrics(stats: NodeStats): MetricFamily[] {
  return [
    counter('resumes', 'Resumes, by outcome.', by('outcome', stats.resumes)),
    counter('resumes_found', 'Sessions that resumes found, by where.', by('source', stats.resumesFrom)),
    latency('resume_duration_seconds', 'How long resumes took.', stats.resumeLatency),
    counter('local_reads', 'Looks at what is here without asking, by result.', by('result', stats.localReads)),
    counter('creates', 'Sessions to be created, by outcome.', by('outcome', stats.creates)),
    counter('commits', 'Commits, by outcome.', by('outcome', stats.commits)),
    latency(
      'commit_copies_duration_seconds',
      'How long commits took that waited for copies and got them.',
      stats.commitLatency,
    ),
    counter('touches', 'Sessions touched.', stats.touches),
    counter('drops', 'Sessions to be dropped, by outcome.', by('outcome', stats.drops)),
    counter('seals_refused', 'Sealed values that did not open, and were not served.', stats.sealsRefused),
  ]
}
