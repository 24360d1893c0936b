/**
 * Where the records of one shard are: slots by key hash, with open addressing and linear probing (Knuth, "The Art of Computer
 * Programming", volume 3, section 6.4).
 *
 * A cell is the lower half of a hash and a slot. The lowest bits of the hash name the bucket, so the bits above them choose the
 * cell. Equal halves are no equal keys: who looks compares the key, too. Removing moves cells behind the hole into it (algorithm R
 * there), so nothing marks where something was, and looking never becomes slower. One index per shard grows in small steps: no
 * write waits until a million cells have moved.
 */
import { BUCKET_COUNT } from '../constants.ts'
import type { SessionKey } from '../session/id.ts'
import { NO_SLOT } from './slab.ts'

export class SlotIndex {
  /** Pairs of hash and slot; their number is a power of two. A cell without a slot is free. */
  #cells: Int32Array = NO_CELLS
  #count = 0

  /** @param keys by slot. @returns the slot of the key with this hash, or `NO_SLOT`. */
  find(low: number, key: SessionKey, keys: readonly (SessionKey | undefined)[]): number {
    const cells = this.#cells
    const last = cells.length - 2
    for (let at = startOf(low) & last; ; at = (at + 2) & last) {
      const slot = cells[at + 1] as number
      if (slot === NO_SLOT || (cells[at] === low && keys[slot] === key)) return slot
    }
  }

  /** Add a slot that is not here yet. */
  add(low: number, slot: number): void {
    if (2 * ++this.#count > LOAD_MAX * this.#cells.length) this.#grow()
    this.#place(low, slot)
  }

  /** Remove a slot that is here. */
  remove(low: number, slot: number): void {
    const cells = this.#cells
    const last = cells.length - 2
    let hole = startOf(low) & last
    while (cells[hole + 1] !== slot) hole = (hole + 2) & last
    for (let at = (hole + 2) & last; cells[at + 1] !== NO_SLOT; at = (at + 2) & last) {
      // Whoever was placed by looking past the hole moves into it; who began behind it would not be found there.
      const probed = (at - startOf(cells[at] as number)) & last
      if (probed < ((at - hole) & last)) continue
      cells[hole] = cells[at] as number
      cells[hole + 1] = cells[at + 1] as number
      hole = at
    }
    cells[hole + 1] = NO_SLOT
    this.#count--
    if (this.#count === 0) this.#cells = NO_CELLS
  }

  #place(low: number, slot: number): void {
    const cells = this.#cells
    const last = cells.length - 2
    let at = startOf(low) & last
    while (cells[at + 1] !== NO_SLOT) at = (at + 2) & last
    cells[at] = low
    cells[at + 1] = slot
  }

  #grow(): void {
    const before = this.#cells
    this.#cells = new Int32Array(2 * Math.max(CELLS_MIN, before.length)).fill(NO_SLOT)
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] !== NO_SLOT) this.#place(before[at] as number, before[at + 1] as number)
    }
  }
}

/** Where looking for a hash begins; the mask of the index is still to be applied. */
function startOf(low: number): number {
  return (low >>> BUCKET_BITS) << 1
}

const BUCKET_BITS = Math.log2(BUCKET_COUNT)
/** At most three quarters of the cells are taken. */
const LOAD_MAX = 0.75
const CELLS_MIN = 4
/** Of an index with nothing in it. */
const NO_CELLS = new Int32Array(2).fill(NO_SLOT)
