/** A node that says what a test wants it to say, and has no sessions. */
import { EventEmitter } from 'node:events'
import type { AdminNode } from '@reprise/admin'
import {
  NODE_EVENTS,
  type NodeEvents,
  type NodeState,
  type NodeStats,
  type NodeStatus,
  type Resumed,
  type Session,
  UnavailableError,
} from '@reprise/node'

export class FakeNode extends EventEmitter<NodeEvents> implements AdminNode {
  readonly nodeId = 'me'
  state: NodeState = 'ready'
  members: NodeStatus['members'] = []
  /** This node's part in each of its shards. */
  shardStates: readonly NodeStatus['shards'][number]['state'][] = ['ready', 'ready', 'ready']
  repository: NonNullable<NodeStatus['repository']> | undefined
  addresses: readonly string[] = ['/ip4/127.0.0.1/tcp/4747/p2p/me']

  status(): NodeStatus {
    const shards = this.shardStates.map((state, shard) => {
      const readyHolders = state === 'ready' ? ['me'] : []
      return { shard, holders: ['me'], readyHolders, state, clean: state === 'ready' }
    })
    return {
      nodeId: 'me',
      name: 'web-1',
      incarnation: 7,
      ready: this.state === 'ready',
      members: this.members,
      shards,
      table: { records: 1, bytes: 100, bytesMax: 1_000, evictions: 0, stubs: 0, tombstones: 0 },
      streams: { gaps: 0, repairs: 0, waiting: 0, ejected: 0 },
      pulls: { underWay: 0, sent: 0, localHits: 0 },
      blobs: { uploads: 0, uploadBytes: 0, reads: 0, releases: 0 },
      syncs: { underWay: 0, records: 0, differing: 0 },
      badMessages: 0,
      addresses: this.addresses,
      copies: 2,
      ephemeral: true,
      droppedInputs: 0,
      ...(this.repository !== undefined && { repository: this.repository }),
      network: { peers: [], connections: 0, counters: NETWORK_COUNTERS },
    }
  }

  stats(): NodeStats {
    const latency = { boundsSeconds: [0.1, 1], counts: [1, 2, 3], sumSeconds: 9 }
    return {
      resumes: { complete: 1, partial: 2, absent: 3, unknown: 4, failed: 5 },
      resumesFrom: { local: 1, peers: 2 },
      resumeLatency: latency,
      localReads: { hit: 1, miss: 2 },
      creates: { created: 1, exists: 2, failed: 3 },
      commits: { queued: 1, confirmed: 2, failed: 3 },
      commitLatency: latency,
      touches: 1,
      drops: { dropped: 1, failed: 2 },
      sealsRefused: 1,
      events: Object.fromEntries(NODE_EVENTS.map((name) => [name, 0])) as NodeStats['events'],
    }
  }

  async create(): Promise<Session> {
    throw new UnavailableError('nobody is here', [])
  }

  async resume(): Promise<Resumed> {
    return { outcome: 'unknown', origin: { kind: 'peers', peers: [], silent: [] } }
  }
}

/** A member as the status tells of it. */
export function member(
  nodeId: string,
  changes: Partial<NodeStatus['members'][number]> = {},
): NodeStatus['members'][number] {
  const base = {
    nodeId,
    name: nodeId,
    zone: '',
    role: 'member',
    state: 'alive',
    connected: true,
    incarnation: 1,
  } as const
  return { ...base, addresses: ['/ip4/10.0.0.1/tcp/4747'], roundTripMs: 2, heardAgoMs: 100, lagFrames: 0, ...changes }
}

const NETWORK_COUNTERS = {
  framesIn: 0,
  framesOut: 0,
  framesSkipped: 0,
  foreignFrames: 0,
  publishFailed: 0,
  zombiesClosed: 0,
  stalledClosed: 0,
  dialsFailed: 0,
  refused: 0,
}
