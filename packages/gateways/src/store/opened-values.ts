/**
 * Values that were opened lately, by the mark of the record that they are of: a key that is read again and again is decrypted
 * and decoded once. A record that changes has another mark, so nothing here is ever out of date; what is not asked for any
 * more goes when two generations have been filled.
 */
import { OPENED_BYTES_MAX, OPENED_ENTRY_BYTES } from '../constants.ts'
import type { StoredValue } from './stored-value.ts'

export class OpenedValues {
  #young = new Map<number, StoredValue>()
  #old = new Map<number, StoredValue>()
  #youngBytes = 0

  /** @param mark as `recordMark` gives it. */
  get(mark: number): StoredValue | undefined {
    const young = this.#young.get(mark)
    if (young !== undefined) return young
    const old = this.#old.get(mark)
    if (old !== undefined) this.keep(mark, old)
    return old
  }

  keep(mark: number, stored: StoredValue): void {
    const bytes = stored.value.length + OPENED_ENTRY_BYTES
    if (bytes > GENERATION_BYTES_MAX / ENTRIES_MIN) return
    if (this.#youngBytes + bytes > GENERATION_BYTES_MAX) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngBytes = 0
    }
    this.#young.set(mark, stored)
    this.#youngBytes += bytes
  }
}

const GENERATION_BYTES_MAX: number = OPENED_BYTES_MAX / 2
/** A value that would leave room for fewer is not kept. */
const ENTRIES_MIN = 64
