/**
 * Which records changed since they were kept somewhere else: what a repository still has to write.
 *
 * Keys and nothing else: what is written is the record as it is then, so a session that is used a hundred times between two
 * writes is written once. They are kept by bucket, as they are stored. A bucket of which more changed than `CHANGES_MAX` is
 * *whole*: it is to be made equal to what is here, whatever is stored. So the memory is bounded however long the disk fails.
 */
import { CHANGES_MAX } from '../constants.ts'
import type { SessionKey } from '../session/id.ts'

export interface BucketChanges {
  readonly bucket: number
  /** Undefined: whatever is in the bucket, here and there. */
  readonly keys: readonly SessionKey[] | undefined
}

export class Changes {
  /** In the order in which they first changed; undefined for whole buckets. */
  readonly #buckets = new Map<number, Set<SessionKey> | undefined>()
  #size = 0

  /** How many records are known to wait; a whole bucket counts as one. */
  get size(): number {
    return this.#size
  }

  add(bucket: number, key: SessionKey): void {
    const known = this.#buckets.get(bucket)
    if (known === undefined) {
      if (this.#buckets.has(bucket)) return
      this.#buckets.set(bucket, new Set([key]))
      this.#size++
      return
    }
    if (known.size >= CHANGES_MAX) {
      this.addWhole(bucket)
      return
    }
    this.#size -= known.size
    known.add(key)
    this.#size += known.size
  }

  addWhole(bucket: number): void {
    this.#size += 1 - (this.#buckets.get(bucket)?.size ?? (this.#buckets.has(bucket) ? 1 : 0))
    this.#buckets.set(bucket, undefined)
  }

  /** What is stored is what is here. */
  delete(bucket: number, key: SessionKey): void {
    const known = this.#buckets.get(bucket)
    if (known?.delete(key) !== true) return
    this.#size--
    if (known.size === 0) this.#buckets.delete(bucket)
  }

  /** Take out what waits longest: whole buckets one by one, else up to `countMax` keys of one bucket. */
  take(countMax: number): BucketChanges | undefined {
    const next = this.#buckets.entries().next()
    if (next.done === true) return undefined
    const [bucket, known] = next.value
    if (known === undefined || known.size <= countMax) {
      this.#buckets.delete(bucket)
      this.#size -= known?.size ?? 1
      return { bucket, keys: known === undefined ? undefined : [...known] }
    }
    const keys: SessionKey[] = []
    for (const key of known) {
      if (keys.length === countMax) break
      keys.push(key)
      known.delete(key)
    }
    this.#size -= keys.length
    return { bucket, keys }
  }

  /** What was taken could not be written. */
  giveBack({ bucket, keys }: BucketChanges): void {
    if (keys === undefined) this.addWhole(bucket)
    else for (const key of keys) this.add(bucket, key)
  }
}
