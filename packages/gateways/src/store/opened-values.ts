/**
 * Values that were opened lately, by the mark of the record that they are of: a key that is read again and again is decrypted
 * and decoded once. A record that changes has another mark, so nothing here is ever out of date. When there is no more room the
 * oldest go, but for those that were asked for since they were kept or last spared: these are spared once (a second chance, Corbató 1968).
 */
import { OPENED_BYTES_MAX, OPENED_ENTRY_BYTES } from '../constants.ts'
import type { StoredValue } from './stored-value.ts'

export class OpenedValues {
  /** In the order in which they were kept or spared. */
  readonly #kept = new Map<number, Kept>()
  #bytes = 0

  /** @param mark as `recordMark` gives it. */
  get(mark: number): StoredValue | undefined {
    const kept = this.#kept.get(mark)
    if (kept === undefined) return undefined
    kept.isUsed = true
    return kept.stored
  }

  /** @param mark that is not here. */
  keep(mark: number, stored: StoredValue): void {
    const bytes = stored.value.length + OPENED_ENTRY_BYTES
    if (bytes > OPENED_BYTES_MAX / ENTRIES_MIN) return
    this.#kept.set(mark, { stored, isUsed: false })
    this.#bytes += bytes
    if (this.#bytes > OPENED_BYTES_MAX) this.#makeRoom()
  }

  /** For more than the one that came: to find the oldest of a map is to walk over all that were deleted before it. */
  #makeRoom(): void {
    for (const [mark, kept] of this.#kept) {
      this.#kept.delete(mark)
      if (kept.isUsed) {
        kept.isUsed = false
        this.#kept.set(mark, kept)
        continue
      }
      this.#bytes -= kept.stored.value.length + OPENED_ENTRY_BYTES
      if (this.#bytes <= OPENED_BYTES_MAX - ROOM_BYTES) return
    }
  }
}

interface Kept {
  readonly stored: StoredValue
  isUsed: boolean
}

/** What is made room for at a time. */
const ROOM_BYTES: number = OPENED_BYTES_MAX / 16
/** A value that would leave room for fewer is not kept. */
const ENTRIES_MIN = 128
