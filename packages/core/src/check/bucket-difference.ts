/**
 * Whether the copies of one bucket differ for good, or only while writes are under way.
 *
 * A digest is an exclusive or, so what two digests differ in is the exclusive or of the records that the two holders do not
 * have alike, and it stays the same when both apply the same writes. A write under way makes it another value for
 * moments. So a difference is for good when the same value is seen again after `CHECK_SETTLE_MS`, in a bucket that is written
 * all the time, too; and copies that were seen equal once had nothing of that kind. Holders that know that something is
 * missing are not held to it: they are repairing it.
 */
import { CHECK_SETTLE_MS, CHECK_SIGHTINGS_MAX } from '../constants.ts'
import type { Context } from '../context.ts'
import type { Hash64 } from '../session/meta-hash.ts'
import type { NodeId } from '../session/version.ts'
import { hashName } from '../table/stubs.ts'
import type { BucketCopy } from '../wire/messages.ts'

/** A bucket that was found to differ, through the rounds of a check. */
export class OpenBucket {
  readonly bucket: number
  readonly #context: Context
  /** Those whose copies count, but for the reference. */
  readonly #others: Map<NodeId, Comparison>
  #reference: NodeId

  /** @param holders of it, the reference first: one that the others are compared with. */
  constructor(context: Context, bucket: number, [reference, ...others]: readonly [NodeId, ...NodeId[]]) {
    this.#context = context
    this.bucket = bucket
    this.#reference = reference
    this.#others = new Map(others.map((node) => [node, new Comparison()]))
  }

  /** Those whose copies are to be looked at. */
  get holders(): readonly NodeId[] {
    return [this.#reference, ...this.#others.keys()]
  }

  /** Nothing is left to be found out. */
  get isDecided(): boolean {
    return this.#every(({ isEqual, lasting }) => isEqual || lasting !== undefined)
  }

  /** Whether copies differed in the same when they were looked at last and before that: not for want of time, nor by writes. */
  get isStuck(): boolean {
    return !this.#every(({ isEqual, isStuck }) => isEqual || !isStuck)
  }

  /**
   * The holders whose copies are not that of the most, if copies differ for good; all of them when no copy is that of most.
   */
  get divergent(): readonly NodeId[] {
    if (this.#every(({ lasting }) => lasting === undefined)) return []
    const groups = new Map<string, NodeId[]>([['', [this.#reference]]])
    for (const [node, { lasting = '' }] of this.#others) groups.set(lasting, [...(groups.get(lasting) ?? []), node])
    const sizes = [...groups.values()].map(({ length }) => length).sort((a, b) => b - a)
    const [most = 0, next = 0] = sizes
    const isTie = most === next
    return [...groups.values()].filter(({ length }) => isTie || length < most).flat()
  }

  /** A holder came whose copy was not known when the bucket was opened. */
  add(node: NodeId): void {
    if (node !== this.#reference && !this.#others.has(node)) this.#others.set(node, new Comparison())
  }

  /** Judge what was seen in one round, which began then. Who does not count any more is left out from then on. */
  judge(copies: ReadonlyMap<NodeId, BucketCopy>, beganAtMs: number): void {
    for (const [node, { isCounted }] of copies) if (!isCounted) this.#remove(node)
    const reference = copies.get(this.#reference)
    if (reference === undefined) return
    for (const [node, comparison] of this.#others) {
      const copy = copies.get(node)
      if (copy === undefined) continue
      const areSure = reference.isSure && copy.isSure
      comparison.onSeen(this.#context, difference(reference, copy), areSure, beganAtMs)
    }
  }

  #remove(node: NodeId): void {
    this.#others.delete(node)
    if (node !== this.#reference) return
    const [next, ...rest] = this.#others.keys()
    if (next === undefined) return
    // What was seen so far was seen beside another copy.
    this.#reference = next
    this.#others.clear()
    for (const other of rest) this.#others.set(other, new Comparison())
  }

  #every(holds: (comparison: Comparison) => boolean): boolean {
    return [...this.#others.values()].every(holds)
  }
}

/** One copy of a bucket beside the reference's. */
class Comparison {
  isEqual = false
  /** The last two looks showed the same difference. */
  isStuck = false
  /** The difference that stayed. */
  lasting: string | undefined
  /** What they differed in, and since when. */
  readonly #sinceMs = new Map<string, number>()
  #last: string | undefined

  onSeen(context: Context, { hi, lo }: Hash64, areSure: boolean, beganAtMs: number): void {
    if (hi === 0 && lo === 0) this.isEqual = true
    if (this.isEqual || this.lasting !== undefined) return
    const name = hashName({ hi, lo })
    const isHasty = context.lacks('check-patience')
    const sinceMs = this.#sinceMs.get(name)
    // Asked for so long after it was seen: answers may have waited here, and say nothing of now.
    const hasStayed = areSure && sinceMs !== undefined && beganAtMs >= sinceMs + CHECK_SETTLE_MS
    if (isHasty || hasStayed) this.lasting = name
    this.isStuck = name === this.#last
    this.#last = name
    // Seen while both were sure of their copies, or it may have been the repair's time that passed.
    if (!areSure) this.#sinceMs.set(name, Number.POSITIVE_INFINITY)
    else if (sinceMs === undefined || sinceMs === Number.POSITIVE_INFINITY) this.#sinceMs.set(name, context.nowMs)
    const [oldest] = this.#sinceMs.keys()
    if (this.#sinceMs.size > CHECK_SIGHTINGS_MAX && oldest !== undefined) this.#sinceMs.delete(oldest)
  }
}

/**
 * What two copies differ in, as the exclusive or of the records that only one of them has.
 *
 * A record that ends about when records are left out may be left out by one holder and not by the other. Both tell of such
 * records: what one has above the limit and the other below it is alike.
 */
export function difference(a: BucketCopy, b: BucketCopy): Hash64 {
  let hi = a.firm.hi ^ b.firm.hi
  let lo = a.firm.lo ^ b.firm.lo
  for (const [above, below] of [
    [a.above, b.below],
    [b.above, a.below],
  ] as const) {
    if (above.length === 0 || below.length === 0) continue
    const names = new Set(below.map(hashName))
    for (const meta of above) {
      if (!names.has(hashName(meta))) continue
      hi ^= meta.hi
      lo ^= meta.lo
    }
  }
  return { hi, lo }
}
