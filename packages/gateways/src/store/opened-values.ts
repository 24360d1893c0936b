/**
 * Values that were opened lately, by the mark of the record that they are of: a key that is read again and again is decrypted
 * and decoded once. A record that changes has another mark, so nothing here is ever out of date.
 */
import { OPENED_BYTES_MAX, OPENED_ENTRY_BYTES } from '../constants.ts'
import { SecondChanceMap } from '../second-chance.ts'
import type { StoredValue } from './stored-value.ts'

export class OpenedValues {
  readonly #values = new SecondChanceMap<number, StoredValue>(OPENED_BYTES_MAX)

  /** @param mark as `recordMark` gives it. */
  get(mark: number): StoredValue | undefined {
    return this.#values.get(mark)
  }

  /** @param mark of which nothing is here. */
  keep(mark: number, stored: StoredValue): void {
    const bytes = stored.value.length + OPENED_ENTRY_BYTES
    if (bytes <= OPENED_BYTES_MAX / ENTRIES_MIN) this.#values.keep(mark, stored, bytes)
  }
}

/** A value that would leave room for fewer is not kept. */
const ENTRIES_MIN = 128
