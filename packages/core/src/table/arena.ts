/**
 * The memory that records lie in: slabs that are filled from front to back, and a slot per record that says where it is now.
 *
 * Nothing is written over. A record that changes goes to the end of the newest slab and leaves garbage where it was. When
 * garbage passes a fifth of the arena, the emptiest slabs are copied together and let go: a log with a greedy cleaner
 * (Rosenblum and Ousterhout, "The design and implementation of a log-structured file system", 1992). So memory is bounded by
 * what lives plus a quarter of it, there are no free lists that fragment, and what a snapshot points to stays as it is: a slab
 * that somebody may still point to is left to garbage collection, the others are used again.
 *
 * The cleaner works a bounded number of slabs each time that a slab's worth of garbage was made.
 */
import {
  ARENA_CLEAN_SLABS_MAX,
  ARENA_GARBAGE_SHARE_MAX,
  ARENA_SLAB_BYTES_MAX,
  ARENA_SLAB_BYTES_MIN,
  ARENA_SPARE_SLABS_MAX,
} from '../constants.ts'
import { Slab } from './slab.ts'

export class Arena {
  /** By index; let go where undefined. */
  readonly #slabs: (Slab | undefined)[] = []
  readonly #freeIndexes: number[] = []
  /** Of the size that slabs have now. */
  readonly #spare: ArrayBuffer[] = []
  /** Per slot the slab's index and the offset in it; of a free slot `FREE` and the next free one. */
  #places = new Uint32Array(2 * SLOTS_INITIAL)
  #slotsUsed = 0
  #freeSlot = NONE
  #current: Slab
  /** Size of the next slab, and the garbage after which the cleaner looks again. */
  #slabBytes: number = ARENA_SLAB_BYTES_MIN
  #capacity = 0
  #garbage = 0
  #garbageSinceCleaning = 0
  #slabsOpened = 0

  constructor() {
    this.#current = this.#open(ARENA_SLAB_BYTES_MIN)
  }

  /** Bytes of all slabs. */
  get capacity(): number {
    return this.#capacity
  }

  /** Bytes in them that are nobody's any more. */
  get garbage(): number {
    return this.#garbage
  }

  /** The slab that a slot's block is in, and where. */
  slab(slot: number): Slab {
    return this.#slabs[this.#places[2 * slot] as number] as Slab
  }

  at(slot: number): number {
    return this.#places[2 * slot + 1] as number
  }

  /** A slot that has no block yet. */
  takeSlot(): number {
    if (this.#freeSlot !== NONE) {
      const slot = this.#freeSlot
      this.#freeSlot = this.#places[2 * slot + 1] as number
      return slot
    }
    const slot = this.#slotsUsed++
    if (2 * slot >= this.#places.length) this.#growPlaces()
    this.#places[2 * slot] = FREE
    return slot
  }

  /**
   * Room for a block, in the slab that `current` names then. Nothing moves until `assign`, before which the whole block is
   * written.
   */
  allocate(length: number): number {
    if (this.#current.used + length > this.#current.capacity)
      this.#current = this.#open(Math.max(length, this.#slabBytes))
    const at = this.#current.used
    this.#current.used += length
    this.#current.live += length
    return at
  }

  get current(): Slab {
    return this.#current
  }

  /** The block is the slot's from now on; the one it had before is garbage. May move other blocks. */
  assign(slot: number, slab: Slab, at: number): void {
    const before = this.#places[2 * slot] as number
    const beforeAt = this.#places[2 * slot + 1] as number
    this.#places[2 * slot] = slab.index
    this.#places[2 * slot + 1] = at
    if (before !== FREE) this.#discard(this.#slabs[before] as Slab, beforeAt)
  }

  /** The slot and its block are nobody's any more. May move other blocks. */
  free(slot: number): void {
    const slab = this.slab(slot)
    const at = this.at(slot)
    this.#places[2 * slot] = FREE
    this.#places[2 * slot + 1] = this.#freeSlot
    this.#freeSlot = slot
    this.#discard(slab, at)
  }

  #discard(slab: Slab, at: number): void {
    const length = slab.length(at)
    slab.live -= length
    this.#garbage += length
    this.#garbageSinceCleaning += length
    if (slab.live === 0 && slab !== this.#current) this.#letGo(slab)
    if (this.#garbageSinceCleaning >= this.#slabBytes) {
      this.#garbageSinceCleaning = 0
      this.#clean()
    }
  }

  #clean(): void {
    for (let cleaned = 0; cleaned < ARENA_CLEAN_SLABS_MAX; cleaned++) {
      if (this.#garbage <= this.#capacity * ARENA_GARBAGE_SHARE_MAX) return
      const slab = this.#emptiest()
      if (slab === undefined) return
      for (let at = 0; at < slab.used; at += slab.length(at)) {
        const slot = slab.slot(at)
        if (this.#places[2 * slot] === slab.index && this.#places[2 * slot + 1] === at) this.#move(slab, at, slot)
      }
      this.#letGo(slab)
    }
  }

  #move(from: Slab, fromAt: number, slot: number): void {
    const at = this.allocate(from.length(fromAt))
    this.#current.copyFrom(from, fromAt, at)
    this.#places[2 * slot] = this.#current.index
    this.#places[2 * slot + 1] = at
    from.live -= from.length(fromAt)
    this.#garbage += from.length(fromAt)
  }

  #emptiest(): Slab | undefined {
    let emptiest: Slab | undefined
    for (const slab of this.#slabs) {
      if (slab === undefined || slab === this.#current) continue
      if (emptiest === undefined || slab.live * emptiest.capacity < emptiest.live * slab.capacity) emptiest = slab
    }
    return emptiest !== undefined && emptiest.live < emptiest.used ? emptiest : undefined
  }

  #letGo(slab: Slab): void {
    this.#garbage -= slab.used - slab.live
    this.#capacity -= slab.capacity
    this.#slabs[slab.index] = undefined
    this.#freeIndexes.push(slab.index)
    const isSpare = !slab.isLent && slab.capacity === this.#slabBytes && this.#spare.length < ARENA_SPARE_SLABS_MAX
    if (isSpare) this.#spare.push(slab.bytes.buffer as ArrayBuffer)
  }

  #open(bytes: number): Slab {
    const spare = bytes === this.#slabBytes ? this.#spare.pop() : undefined
    const index = this.#freeIndexes.pop() ?? this.#slabs.length
    const slab = new Slab(index, spare ?? new ArrayBuffer(bytes))
    slab.serial = ++this.#slabsOpened
    this.#slabs[index] = slab
    this.#capacity += slab.capacity
    // Slabs grow with the arena, so that a small one does not waste a large slab.
    const share = 2 ** Math.floor(Math.log2(this.#capacity / SLABS_WANTED))
    const slabBytes = Math.min(ARENA_SLAB_BYTES_MAX, Math.max(ARENA_SLAB_BYTES_MIN, share))
    if (slabBytes !== this.#slabBytes) this.#spare.length = 0
    this.#slabBytes = slabBytes
    return slab
  }

  #growPlaces(): void {
    const grown = new Uint32Array(this.#places.length + Math.max(2 * SLOTS_INITIAL, (this.#places.length >> 3) & ~1))
    grown.set(this.#places)
    this.#places = grown
  }
}

const SLOTS_INITIAL = 64
const SLABS_WANTED = 32
/** In place of a slab's index: the slot is free. */
const FREE = 0xffff_ffff
/** In place of a slot: there is no further free one. */
const NONE = 0xffff_ffff
