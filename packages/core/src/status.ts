/**
 * What a replica tells of itself: a snapshot in numbers and names, for status pages, programs and checkers.
 */
import type { NodeId } from './session/version.ts'

/** A node's part in a shard. */
export type ShardState = 'none' | 'joining' | 'ready'

/** What `status` tells. Durations in milliseconds, sizes in bytes. */
export interface ReplicaStatus {
  readonly nodeId: NodeId
  readonly name: string
  readonly incarnation: number
  readonly ready: boolean
  readonly members: readonly {
    readonly nodeId: NodeId
    readonly name: string
    readonly zone: string
    /** A repository keeps shards beside their holders; its copies do not count. */
    readonly role: 'member' | 'repository'
    /** `leaving`: alive, and handing over what it holds. */
    readonly state: 'unmet' | 'alive' | 'suspect' | 'leaving' | 'left' | 'dead'
    readonly connected: boolean
    readonly incarnation: number
    readonly addresses: readonly string[]
    readonly roundTripMs: number
    readonly heardAgoMs: number
    /** Frames of this node that the member has not acknowledged yet. */
    readonly lagFrames: number
  }[]
  readonly shards: readonly {
    readonly shard: number
    /** The members that shall hold it, best first. */
    readonly holders: readonly NodeId[]
    readonly readyHolders: readonly NodeId[]
    /** This node's part in it. */
    readonly state: ShardState
    /** This node's copy is ready and known to be current: nothing is missing, and every writer is heard. */
    readonly clean: boolean
  }[]
  readonly table: {
    readonly records: number
    readonly bytes: number
    readonly bytesMax: number
    readonly evictions: number
    readonly stubs: number
    /** Of dropped sessions. They are among the records. */
    readonly tombstones: number
  }
  readonly streams: {
    readonly gaps: number
    readonly repairs: number
    readonly waiting: number
    /** Holders that are out of a stream of this node's for being too far behind, counted once for each. */
    readonly ejected: number
  }
  readonly pulls: { readonly underWay: number; readonly sent: number; readonly localHits: number }
  /** Values outside the head: commits that upload or wait behind one, reads that fetch, replaced values to be dropped. */
  readonly blobs: {
    readonly uploads: number
    readonly uploadBytes: number
    readonly reads: number
    readonly releases: number
  }
  readonly syncs: {
    readonly underWay: number
    readonly records: number
    /** Buckets in which this node and another ready holder were found to differ, since the start. Writes that are on their
     * way count for moments; when it grows in a quiet cluster, something was lost that the streams did not notice. */
    readonly differing: number
  }
  readonly badMessages: number
}
