/**
 * Writes of this node that another node's may yet take the place of.
 *
 * Two servers that write the same field at the same moment do not see each other, and the cluster keeps the later write. The
 * server whose write lost hears of it, finds it here, and merges it again. Bounded by time, number and size: what is forgotten
 * is not lost unless its write is.
 */
import { LRUCache } from 'lru-cache'
import { JOURNAL_CHARACTERS_MAX, JOURNAL_MS, JOURNAL_WRITES_MAX } from './constants.ts'
import type { Fields } from './json.ts'
import type { Write } from './layout.ts'

export class Journal {
  /** By the number of the write, in the order of time: nothing is read by its number, so the least recently used is the oldest. */
  readonly #entries: LRUCache<number, Entry>

  /** @param now milliseconds above zero that only grow. */
  constructor(now: () => number = () => performance.now()) {
    this.#entries = new LRUCache({
      max: JOURNAL_WRITES_MAX,
      maxSize: JOURNAL_CHARACTERS_MAX,
      sizeCalculation: ({ write }) => charactersOf(write),
      ttl: JOURNAL_MS,
      ttlResolution: 0,
      perf: { now },
    })
  }

  add(document: string, write: Write, isSame: Entry['isSame']): void {
    this.forget(write)
    this.#entries.set(write.number, { document, write, isSame })
  }

  has(document: string): boolean {
    return this.#of(document).length > 0
  }

  /** What this node wrote lately to the life of a document that these fields are of, in that order. */
  writesOf(document: string, fields: Fields): readonly Write[] {
    return this.#of(document).flatMap(({ write, isSame }) => (isSame(fields) ? [write] : []))
  }

  /** The write was not made. */
  forget({ number }: Pick<Write, 'number'>): void {
    this.#entries.delete(number)
  }

  #of(document: string): readonly Entry[] {
    // One that is over counts as none.
    return [...this.#entries.rvalues()].filter((entry): entry is Entry => entry?.document === document)
  }
}

/** At least one: the cache takes nothing for free. */
function charactersOf({ changes }: Write): number {
  return [...changes.values()].reduce((sum, change) => sum + JSON.stringify(change).length, 1)
}

interface Entry {
  readonly document: string
  readonly write: Write
  /** Whether a document with these fields is the one that was written, and no later life of its id. */
  isSame(fields: Fields): boolean
}
