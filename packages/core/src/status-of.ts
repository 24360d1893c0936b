/**
 * What the rooms have to tell, put together: `status()` of a replica, but for what only that counts.
 */
import { isRepository } from './members/member.ts'
import type { Rooms } from './rooms.ts'
import type { ReplicaStatus } from './status.ts'

/** A snapshot that shares nothing with the rooms. */
export function statusOf(rooms: Rooms): Omit<ReplicaStatus, 'badMessages'> {
  const { self, incarnation, config } = rooms.context
  return {
    nodeId: self,
    name: config.name,
    incarnation,
    ready: rooms.isReady,
    members: [...rooms.members.all()].map((member) => ({
      nodeId: member.news.node,
      name: member.news.name,
      zone: member.news.zone,
      role: isRepository(member) ? 'repository' : 'member',
      state: member.isLeaving && member.state === 'alive' ? 'leaving' : member.state,
      connected: member.connected,
      incarnation: member.news.incarnation,
      addresses: member.news.addresses,
      roundTripMs: member.roundTripMs,
      heardAgoMs: rooms.members.silenceMs(member),
      lagFrames: rooms.outgoing.lagFrames(member.news.node),
    })),
    shards: Array.from({ length: rooms.holdings.count }, (_, shard) => ({
      shard,
      holders: rooms.holdings.holders(shard),
      readyHolders: rooms.countedHolders(shard),
      state: rooms.shardState(shard),
      clean: rooms.isClean(shard),
    })),
    table: {
      records: rooms.table.size,
      bytes: rooms.table.bytes,
      bytesMax: rooms.table.bytesMax,
      evictions: rooms.table.evictions,
      stubs: rooms.table.stubs,
      tombstones: rooms.table.tombstones,
    },
    streams: {
      gaps: rooms.incoming.gapCount,
      repairs: rooms.outgoing.repairs,
      waiting: rooms.outgoing.waiting,
      ejected: rooms.outgoing.ejected,
    },
    pulls: { underWay: rooms.puller.underWay, sent: rooms.puller.pulls, localHits: rooms.puller.localHits },
    blobs: {
      uploads: rooms.uploads.count,
      uploadBytes: rooms.uploads.bytes,
      reads: rooms.reader.count,
      releases: rooms.releases.count,
    },
    syncs: {
      underWay: Math.max(rooms.syncReceiver.underWay, rooms.holdings.comparisons),
      records: rooms.syncReceiver.records,
      differing: rooms.syncReceiver.differing,
    },
  }
}
