/**
 * Every message that one member sends to another: what it says and when.
 *
 * Their numbers and bytes are in `codecs/`.
 */
import type { SessionKey } from '../session/id.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import type { NodeId, Version } from '../session/version.ts'
import type { Range } from '../stream/ranges.ts'
import type { KeyedRecord } from './record-codec.ts'

/** A set of shards: bit n of `lo` is shard n, of `hi` shard 32 + n. */
export interface ShardBits {
  readonly hi: number
  readonly lo: number
}

export interface ShardNumber {
  readonly shard: number
  readonly number: number
}

/** `leaving`: it hands over what it holds and will then say `left`. From wire 2 on; before, such a member is alive. */
export type MemberState = 'alive' | 'suspect' | 'left' | 'dead' | 'leaving'

/** What members tell each other of one member. */
export interface MemberNews {
  readonly node: NodeId
  readonly incarnation: number
  readonly state: MemberState
  readonly name: string
  readonly zone: string
  /** Share of shards relative to others; 0 holds nothing. In hundredths on the wire. */
  readonly weight: number
  readonly addresses: readonly string[]
}

/** First message on every connection. */
export interface Greeting {
  readonly type: 'greeting'
  readonly self: MemberNews
  readonly shardCount: number
  readonly bucketCount: number
  readonly copies: number
}
/** "Your incarnation is not above the one I know": the node rises above it (rule W2). */
export interface Refused {
  readonly type: 'refused'
  readonly knownIncarnation: number
}
export interface Heartbeat {
  readonly type: 'heartbeat'
  readonly incarnation: number
  readonly beat: number
  /** The last beat heard from the receiver and how long ago, which gives it the round trip. 0 when none. */
  readonly echo: number
  readonly echoAgeMs: number
  readonly joined: ShardBits
  readonly ready: ShardBits
  /** The highest numbers of the sender's own streams of shards that the receiver joined. */
  readonly streams: readonly ShardNumber[]
}
export interface Members {
  readonly type: 'members'
  readonly members: readonly MemberNews[]
}
/** "I am subscribed to these shards: count on my acknowledgement, and tell me your highest numbers" (rule P1). */
export interface Join {
  readonly type: 'join'
  readonly incarnation: number
  readonly shards: readonly number[]
}
/** The answer to `join`: the sender's highest numbers. */
export interface Hello {
  readonly type: 'hello'
  readonly incarnation: number
  readonly streams: readonly ShardNumber[]
}
export interface Leave {
  readonly type: 'leave'
  readonly incarnation: number
  readonly shards: readonly number[]
}
/** Positions in the receiver's streams: everything up to the number is in memory here. */
export interface Ack {
  readonly type: 'ack'
  readonly incarnation: number
  readonly positions: readonly (ShardNumber & { readonly ready: boolean })[]
}
export interface Nack {
  readonly type: 'nack'
  readonly incarnation: number
  readonly shard: number
  readonly ranges: readonly Range[]
}
/** "I no longer have your frames up to and including this number": the receiver syncs the shard. */
export interface Gone {
  readonly type: 'gone'
  readonly incarnation: number
  readonly shard: number
  readonly upTo: number
}
/** "`node` was too far behind in my streams of these shards, and is out of them": it syncs and joins again. */
export interface Eject {
  readonly type: 'eject'
  /** Whom it is for. Who gets it for another one hands it on. */
  readonly node: NodeId
  /** Whose streams they are. */
  readonly sender: NodeId
  readonly incarnation: number
  readonly shards: readonly number[]
}
export interface Repair {
  readonly type: 'repair'
  /** How long ago the frame was encoded: its remaining times are that much shorter by now (rule E2). */
  readonly ageMs: number
  readonly frame: Uint8Array
}
/** "My last numbers are these, and you have not acknowledged them." */
export interface Probe {
  readonly type: 'probe'
  readonly incarnation: number
  readonly streams: readonly ShardNumber[]
}
/** Records that the receiver does not know, as the sender believes: something newer beat what it wrote. */
export interface Push {
  readonly type: 'push'
  readonly records: readonly KeyedRecord[]
}
export interface Pull {
  readonly type: 'pull'
  readonly request: number
  readonly key: SessionKey
  /** Names of the portions wanted; undefined for all. */
  readonly portions: readonly string[] | undefined
  /** What the asker has: values of these versions need not be sent. */
  readonly have: readonly { readonly name: string; readonly version: Version }[]
}
/** A pull of a chunk of a value outside the head (rule B1). From version 2 of the wire. */
export interface PullChunk {
  readonly type: 'pull-chunk'
  readonly request: number
  readonly key: SessionKey
}
export type AnswerStatus = 'found' | 'absent' | 'evicted'
export interface Answer {
  readonly type: 'answer'
  readonly request: number
  readonly status: AnswerStatus
  /** Whether the answering node is a ready holder of the key's shard: only then does "absent" count. */
  readonly ready: boolean
  /** With `found`: the one record. */
  readonly records: readonly KeyedRecord[]
}
export type SyncScope = 'holder' | 'own'
export interface SyncAsk {
  readonly type: 'sync-ask'
  readonly session: number
  readonly shard: number
  /** `holder`: all that the source has of the shard; `own`: the sessions it is primary of (cold start). */
  readonly scope: SyncScope
  readonly digests: readonly Hash64[]
}
export interface StreamPosition {
  readonly sender: NodeId
  readonly incarnation: number
  readonly number: number
}
export interface SyncOffer {
  readonly type: 'sync-offer'
  readonly session: number
  readonly ready: boolean
  /** Taken before the digests were compared (rule P4). */
  readonly positions: readonly StreamPosition[]
  readonly buckets: readonly { readonly bucket: number; readonly parts: number }[]
}
export interface SyncList {
  readonly type: 'sync-list'
  readonly session: number
  readonly scope: SyncScope
  readonly bucket: number
  readonly part: number
  readonly parts: number
}
export interface SyncItem {
  readonly key: Hash64
  readonly meta: Hash64
}
export interface SyncItems {
  readonly type: 'sync-items'
  readonly session: number
  readonly bucket: number
  readonly part: number
  readonly items: readonly SyncItem[]
}
export interface SyncWant {
  readonly type: 'sync-want'
  readonly session: number
  readonly bucket: number
  readonly keys: readonly Hash64[]
}
/** The records wanted that are still there. `done` is the number of keys dealt with: the rest is asked for again. */
export interface SyncRecords {
  readonly type: 'sync-records'
  readonly session: number
  readonly done: number
  readonly records: readonly KeyedRecord[]
}
/** "Do you hear this member, in this life?" It suspects it, and asks before it declares it dead. From wire 2 on. */
export interface VouchAsk {
  readonly type: 'vouch-ask'
  readonly node: NodeId
  readonly incarnation: number
}
/** "I heard it so long ago." Who does not hear it says nothing. From wire 2 on. */
export interface Vouch {
  readonly type: 'vouch'
  readonly node: NodeId
  readonly incarnation: number
  readonly heardAgoMs: number
}

/** "What do you hold, and what are its digests?" From wire 2 on, like all messages of a check. */
export interface CheckAsk {
  readonly type: 'check-ask'
  readonly check: number
}
/** What a holder says of its copy of a shard. */
export interface CopyState {
  /** It is ready and about to stay: a copy that counts. */
  readonly isCounted: boolean
  /** It misses nothing that it knows of, and would know. */
  readonly isSure: boolean
}
export interface ShardCopy extends CopyState {
  readonly shard: number
  /** Records that it had to put out of its cache, and that others may have. */
  readonly evicted: number
  /** Of the shard's buckets, in order; none of a copy that does not count. */
  readonly digests: readonly Hash64[]
}
/** All shards that the sender holds or is about to. */
export interface CheckAnswer {
  readonly type: 'check-answer'
  readonly check: number
  readonly copies: readonly ShardCopy[]
}
/** "These buckets differed: look at them once more." */
export interface CheckLook {
  readonly type: 'check-look'
  readonly check: number
  readonly round: number
  readonly buckets: readonly number[]
}
export interface BucketCopy extends CopyState {
  readonly bucket: number
  /** The digest of what does not end soon. */
  readonly firm: Hash64
  /** Meta hashes of records close to that limit: those that still are in the digest, and those that no longer are. */
  readonly above: readonly Hash64[]
  readonly below: readonly Hash64[]
}
/** Those that there was time for. */
export interface CheckSeen {
  readonly type: 'check-seen'
  readonly check: number
  readonly round: number
  readonly copies: readonly BucketCopy[]
}

export type Message =
  | Greeting
  | Refused
  | Heartbeat
  | Members
  | Join
  | Hello
  | Leave
  | Ack
  | Nack
  | Gone
  | Eject
  | Repair
  | Probe
  | Push
  | Pull
  | PullChunk
  | Answer
  | SyncAsk
  | SyncOffer
  | SyncList
  | SyncItems
  | SyncWant
  | SyncRecords
  | VouchAsk
  | Vouch
  | CheckAsk
  | CheckAnswer
  | CheckLook
  | CheckSeen
