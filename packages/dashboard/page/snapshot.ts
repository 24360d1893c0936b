/**
 * What the page reads of a node's `/status`, which comes once a second. Fields that the page does not show are left out, and
 * those that only some servers have are optional.
 */

export interface MemberStatus {
  readonly nodeId: string
  readonly name: string
  readonly zone: string
  readonly state: 'unmet' | 'alive' | 'suspect' | 'leaving' | 'left' | 'dead'
  readonly connected: boolean
  readonly roundTripMs: number
  readonly heardAgoMs: number
  /** Frames of the node that serves the page that the member has not acknowledged yet. */
  readonly lagFrames: number
}

export interface ShardStatus {
  readonly shard: number
  readonly holders: readonly string[]
  readonly readyHolders: readonly string[]
  /** The part of the node that serves the page. */
  readonly state: 'none' | 'joining' | 'ready'
  readonly clean: boolean
}

export interface Histogram {
  /** Upper bounds in seconds, ascending, without the last one, which is infinite. */
  readonly boundsSeconds: readonly number[]
  /** How many fell below each bound and not below the one before, and last those above all. */
  readonly counts: readonly number[]
}

export interface NodeStatus {
  readonly nodeId: string
  readonly name: string
  readonly ready: boolean
  readonly copies: number | 'all'
  readonly members: readonly MemberStatus[]
  readonly shards: readonly ShardStatus[]
  readonly table: {
    readonly records: number
    readonly tombstones: number
    readonly bytes: number
    readonly bytesMax: number
    readonly evictions: number
    readonly stubs: number
  }
  readonly streams: {
    /** Open now. */
    readonly gaps: number
    readonly repairs: number
    readonly waiting: number
    readonly ejected: number
  }
  readonly pulls: { readonly underWay: number; readonly sent: number; readonly localHits: number }
  readonly syncs: { readonly underWay: number; readonly records: number; readonly differing: number }
  readonly badMessages: number
  readonly droppedInputs: number
}

export interface NodeStats {
  readonly resumes: { readonly absent: number; readonly unknown: number }
  readonly resumesFrom: { readonly local: number; readonly peers: number }
  readonly resumeLatency: Histogram
  readonly localReads: { readonly hit: number; readonly miss: number }
  readonly commits: { readonly queued: number; readonly confirmed: number; readonly failed: number }
  readonly drops: { readonly dropped: number }
  readonly events: { readonly conflict: number; readonly gap: number }
}

/** One process of a demo cluster, and what may be done to it. */
export interface DemoNode {
  readonly name: string
  readonly pid: number | null
  readonly state: 'starting' | 'up' | 'stopped' | 'cut' | 'rejoining' | 'down'
}

/** What a demo tells besides. */
export interface Demo {
  readonly nodes: readonly DemoNode[]
  /** The story has been told: now the processes may be broken by hand. */
  readonly isPlaying: boolean
  /** Sessions that clients offered and that were resumed, or not. */
  readonly resumed: number
  readonly lost: number
}

export interface Snapshot {
  readonly name: string
  readonly version: string
  readonly uptimeMs: number
  readonly state: 'starting' | 'ready' | 'catching-up' | 'draining' | 'stopped'
  readonly node: NodeStatus
  readonly stats: NodeStats
  readonly process: {
    readonly rssBytes: number
    readonly heapUsedBytes: number
    readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  }
  readonly demo?: Demo
}

/** Something that happened, as the event stream tells it. */
export interface FeedEvent {
  readonly id: string
  readonly type: string
  readonly atMs: number
  readonly fields: Readonly<Record<string, unknown>>
}
