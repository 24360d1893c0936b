/**
 * What the core wants done: the other half of `step(event, outbox)`.
 *
 * The core decides and the driver acts. Everything the core wants of the world is put here during a step; the driver takes
 * it out afterwards and owns the sockets, timers and promises that carry it out.
 */
import type { CheckReport } from './check/check-report.ts'
import type { AlreadyExistsError, RepriseError } from './errors.ts'
import type { SessionKey } from './session/id.ts'
import type { LiveRecord } from './session/record.ts'
import type { Birth, NodeId, Version } from './session/version.ts'

/** `control` is small and ahead of everything; `bulk` carries sync and may wait. */
export type Lane = 'control' | 'bulk'

export interface Send {
  readonly to: NodeId
  readonly lane: Lane
  readonly message: Uint8Array
}

export interface Publish {
  readonly shard: number
  readonly frame: Uint8Array
}

/** The end of a request that a command started. Exactly one per request, unless it is cancelled. */
export type Result =
  | { readonly request: number; readonly kind: 'created'; readonly birth: Birth }
  | { readonly request: number; readonly kind: 'written'; readonly proof: { birth: Birth; version: Version } }
  | { readonly request: number; readonly kind: 'dropped' }
  /** There is room for one more write. */
  | { readonly request: number; readonly kind: 'room' }
  | { readonly request: number; readonly kind: 'resumed'; readonly outcome: Outcome }
  | { readonly request: number; readonly kind: 'checked'; readonly report: CheckReport }
  | { readonly request: number; readonly kind: 'failed'; readonly error: RepriseError | AlreadyExistsError }

/** What a resume found. See `Resumed` in `source.ts` for the meaning of each. */
export type Outcome =
  | Found
  | ({ readonly from: Origin } & (
      | { readonly outcome: 'absent'; readonly reason: 'dropped' | 'expired' | 'not-found' }
      | { readonly outcome: 'unknown' }
    ))

/** Values outside the head (rule B1), by portion, each in the order of its chunks. */
export type Blobs = ReadonlyMap<string, readonly Uint8Array[]>

/** A session that was found. */
export type Found = {
  readonly from: Origin
  /** Undefined when there are none. */
  readonly blobs?: Blobs
} & (
  | { readonly outcome: 'complete'; readonly record: LiveRecord; readonly missing: readonly [] }
  | { readonly outcome: 'partial'; readonly record: LiveRecord; readonly missing: readonly string[] }
)

export interface Origin {
  readonly local: boolean
  readonly answered: readonly NodeId[]
  readonly silent: readonly NodeId[]
  /** Who had large values that the session names; what it names was said by those who answered. */
  readonly chunksFrom?: readonly NodeId[]
}

/** Things that happened, for people and metrics. Ids of sessions are keys; show them as fingerprints. */
export type Notice =
  | { readonly type: 'member:up'; readonly node: NodeId; readonly name: string }
  | { readonly type: 'member:suspect'; readonly node: NodeId; readonly name: string }
  /** The member hands over what it holds and will go. */
  | { readonly type: 'member:leaving'; readonly node: NodeId; readonly name: string }
  | { readonly type: 'member:down'; readonly node: NodeId; readonly name: string; readonly state: 'left' | 'dead' }
  | { readonly type: 'session:superseded'; readonly key: SessionKey; readonly by: NodeId }
  | { readonly type: 'session:evicted'; readonly key: SessionKey }
  /** Some of a large value left the cache; the rest of its session is still here. */
  | { readonly type: 'portion:evicted'; readonly key: SessionKey; readonly portion: string }
  | { readonly type: 'conflict'; readonly key: SessionKey }
  /** A commit that waited for large values took its version: from here on it may survive, whatever becomes of its request. */
  | { readonly type: 'published'; readonly request: number; readonly key: SessionKey; readonly version: Version }
  | { readonly type: 'gap'; readonly sender: NodeId; readonly shard: number; readonly missing: number }
  | { readonly type: 'repaired'; readonly sender: NodeId; readonly shard: number; readonly frames: number }
  | { readonly type: 'gone'; readonly sender: NodeId; readonly shard: number }
  /** A holder was too slow for this node's streams of the shards. It counts again when it has synced. */
  | { readonly type: 'ejected'; readonly node: NodeId; readonly shards: readonly number[] }
  | { readonly type: 'shard:ready'; readonly shard: number }
  | { readonly type: 'shard:left'; readonly shard: number }
  /** Nobody had what was there before, and these members of an earlier life did not come back in time to be asked. */
  | { readonly type: 'members:missing'; readonly nodes: readonly NodeId[] }
  /** This node went before these shards were at all who shall hold them: what only it held of them is lost. */
  | { readonly type: 'handover:incomplete'; readonly shards: readonly number[] }
  | { readonly type: 'bad-message'; readonly from: NodeId; readonly error: Error }

/** Filled by a step, emptied by the driver. Order within each list is the order of decision. */
export class Outbox {
  readonly sends: Send[] = []
  readonly publishes: Publish[] = []
  readonly subscribe: number[] = []
  readonly unsubscribe: number[] = []
  readonly results: Result[] = []
  readonly notices: Notice[] = []
  /** The members to stay connected with, when they changed. */
  members: ReadonlyMap<NodeId, readonly string[]> | undefined
  /** This node's incarnation, when it had to rise: store it before anything else is sent. */
  incarnation: number | undefined

  /** Take out the results, if that is all there is, as after most steps that end a request; else call `drain`. */
  drainResults(): readonly Result[] | undefined {
    const { sends, publishes, subscribe, unsubscribe, notices } = this
    const count = sends.length + publishes.length + subscribe.length + unsubscribe.length + notices.length
    return count === 0 && this.members === undefined && this.incarnation === undefined ? take(this.results) : undefined
  }

  /** Take out everything, leaving the outbox empty for the next step. */
  drain(): Drained {
    const drained: Drained = {
      sends: take(this.sends),
      publishes: take(this.publishes),
      subscribe: take(this.subscribe),
      unsubscribe: take(this.unsubscribe),
      results: take(this.results),
      notices: take(this.notices),
      members: this.members,
      incarnation: this.incarnation,
    }
    this.members = undefined
    this.incarnation = undefined
    return drained
  }
}

export interface Drained {
  readonly sends: readonly Send[]
  readonly publishes: readonly Publish[]
  readonly subscribe: readonly number[]
  readonly unsubscribe: readonly number[]
  readonly results: readonly Result[]
  readonly notices: readonly Notice[]
  readonly members: ReadonlyMap<NodeId, readonly string[]> | undefined
  readonly incarnation: number | undefined
}

/** Everything in a list, which is empty afterwards. Most of them are, at most steps. */
function take<T>(list: T[]): readonly T[] {
  return list.length === 0 ? NOTHING : list.splice(0)
}

const NOTHING: readonly never[] = []
