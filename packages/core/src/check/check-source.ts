/**
 * The answering side of a check: stateless, one question in, one answer out, like the source of a sync.
 *
 * The first question is answered from digests that are kept up anyway. The closer look goes over the records of some
 * buckets, because copies of a session end apart by what clocks and the way make of it, and are swept when their turn comes: a
 * plain digest differs for as long. So what ends soon is left out, and of what is near that limit each holder says on which
 * side of it it is (`bucket-difference.ts`). Looks are limited for all askers together; a bucket that there was no time for is
 * left out of the answer, and asked for again.
 */
import {
  BUCKETS_PER_SHARD,
  CHECK_EDGES_MAX,
  CHECK_END_BLUR_MS,
  CHECK_END_MS,
  CHECK_RECORDS_BURST,
  CHECK_RECORDS_PER_SECOND,
} from '../constants.ts'
import type { Context } from '../context.ts'
import { allShards } from '../context.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import type { NodeId } from '../session/version.ts'
import { shardOfBucket } from '../table/key-hash.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { BucketCopy, CheckAsk, CheckLook, CopyState, ShardCopy } from '../wire/messages.ts'

export interface CheckSourcePorts {
  isJoined(shard: number): boolean
  /** Whether this node's copy counts: it is ready, and not about to let go. */
  isCounted(shard: number): boolean
  /** Whether the copy misses nothing that this node knows of, or ought to know of. */
  isSure(shard: number): boolean
}

export class CheckSource {
  readonly #context: Context
  readonly #ports: CheckSourcePorts
  readonly #budget = new TokenBucket(CHECK_RECORDS_PER_SECOND, CHECK_RECORDS_BURST)

  constructor(context: Context, ports: CheckSourcePorts) {
    this.#context = context
    this.#ports = ports
  }

  onAsk(from: NodeId, { check }: CheckAsk): void {
    this.#context.send(from, { type: 'check-answer', check, copies: this.shards() }, 'bulk')
  }

  onLook(from: NodeId, { check, round, buckets }: CheckLook): void {
    this.#context.send(from, { type: 'check-seen', check, round, copies: this.look(buckets) }, 'bulk')
  }

  /** What this node has of each shard that it holds or is about to. */
  shards(): ShardCopy[] {
    const { table } = this.#context
    const joined = allShards().filter((shard) => this.#ports.isJoined(shard))
    return joined.map((shard) => {
      const state = this.#stateOf(shard)
      let evicted = 0
      for (let i = 0; i < BUCKETS_PER_SHARD; i++) evicted += table.stubCount(shard * BUCKETS_PER_SHARD + i)
      return { shard, ...state, evicted, digests: state.isCounted ? table.shardDigests(shard) : [] }
    })
  }

  /** A closer look at as many of the buckets as there is time for now. */
  look(buckets: readonly number[]): BucketCopy[] {
    const { nowMs, table } = this.#context
    const copies: BucketCopy[] = []
    for (const bucket of buckets) {
      const records = 1 + table.bucketCount(bucket) + table.stubCount(bucket)
      if (!this.#budget.take(records, nowMs)) break
      const copy = this.#lookAt(bucket)
      if (copy.above.length <= CHECK_EDGES_MAX && copy.below.length <= CHECK_EDGES_MAX) copies.push(copy)
    }
    return copies
  }

  #lookAt(bucket: number): BucketCopy {
    let [hi, lo] = [0, 0]
    const above: Hash64[] = []
    const below: Hash64[] = []
    const endMs = this.#context.nowMs + CHECK_END_MS
    this.#context.table.eachDigested(bucket, (meta, endsAtMs) => {
      const isFirm = endsAtMs > endMs
      if (isFirm) {
        hi ^= meta.hi
        lo ^= meta.lo
      }
      const isNear = Math.abs(endsAtMs - endMs) <= CHECK_END_BLUR_MS
      // More than that is not sent, and need not be collected.
      const side = isFirm ? above : below
      if (isNear && side.length <= CHECK_EDGES_MAX) side.push(meta)
    })
    const { isCounted, isSure } = this.#stateOf(shardOfBucket(bucket))
    const { table } = this.#context
    // Whether a stub counts is found out by comparing (rule T1), and what was evicted and forgotten nobody knows.
    const isWhole = table.stubCount(bucket) === 0 && !table.forgetsStubs
    return { bucket, isCounted, isSure: isSure && isWhole, firm: { hi, lo }, above, below }
  }

  #stateOf(shard: number): CopyState {
    return { isCounted: this.#ports.isCounted(shard), isSure: this.#ports.isSure(shard) }
  }
}
