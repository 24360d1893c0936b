/** A snapshot of a healthy cluster of three, of which the test changes what it is about. */
import type { NodeStatus, Snapshot } from '../../page/snapshot.ts'

export function snapshotOf(node: Partial<NodeStatus> = {}, rest: Partial<Omit<Snapshot, 'node'>> = {}): Snapshot {
  return {
    name: 'node-a',
    version: '0.1.0',
    uptimeMs: 10_000,
    state: 'ready',
    stats: {
      resumes: { absent: 0, unknown: 0 },
      resumesFrom: { local: 0, peers: 0 },
      resumeLatency: { boundsSeconds: [0.001, 0.01], counts: [0, 0, 0] },
      localReads: { hit: 0, miss: 0 },
      commits: { queued: 0, confirmed: 0, failed: 0 },
      drops: { dropped: 0 },
      events: { conflict: 0, gap: 0 },
    },
    process: { rssBytes: 100e6, heapUsedBytes: 40e6, eventLoopDelayMs: { p50: 1, p99: 2, max: 5 } },
    ...rest,
    node: {
      nodeId: 'a',
      name: 'node-a',
      ready: true,
      copies: 2,
      members: ['b', 'c'].map((nodeId) => ({
        nodeId,
        name: `node-${nodeId}`,
        zone: '',
        state: 'alive' as const,
        connected: true,
        roundTripMs: 0.4,
        heardAgoMs: 120,
        lagFrames: 0,
      })),
      shards: [{ shard: 0, holders: ['a', 'b', 'c'], readyHolders: ['a', 'b', 'c'], state: 'ready', clean: true }],
      table: { records: 1, tombstones: 0, bytes: 200, bytesMax: 67_108_864, evictions: 0, stubs: 0 },
      streams: { gaps: 0, repairs: 0, waiting: 0, ejected: 0 },
      pulls: { underWay: 0, sent: 0, localHits: 0 },
      syncs: { underWay: 0, records: 0, differing: 0 },
      badMessages: 0,
      droppedInputs: 0,
      ...node,
    },
  }
}
