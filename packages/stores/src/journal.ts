/**
 * Writes of this node that another node's may yet take the place of.
 *
 * Two servers that write the same field at the same moment do not see each other, and the cluster keeps the later write. The
 * server whose write lost hears of it, finds it here, and merges it again. Bounded by time, number and size: what is forgotten
 * is not lost unless its write is.
 */
import { JOURNAL_CHARACTERS_MAX, JOURNAL_MS, JOURNAL_WRITES_MAX } from './constants.ts'
import type { Fields } from './json.ts'
import type { Write } from './layout.ts'

export class Journal {
  readonly #now: () => number
  /** In the order of time. */
  readonly #entries = new Map<number, Entry>()
  #characters = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  add(document: string, write: Write, isSame: Entry['isSame']): void {
    const changes = [...write.changes.values()]
    const characters = changes.reduce((sum, change) => sum + JSON.stringify(change).length, 0)
    this.forget(write)
    this.#entries.set(write.number, { document, write, isSame, characters, atMs: this.#now() })
    this.#characters += characters
    this.#trim()
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
    this.#characters -= this.#entries.get(number)?.characters ?? 0
    this.#entries.delete(number)
  }

  #of(document: string): readonly Entry[] {
    this.#trim()
    return [...this.#entries.values()].filter((entry) => entry.document === document)
  }

  #trim(): void {
    const sinceMs = this.#now() - JOURNAL_MS
    for (const [number, { atMs }] of this.#entries) {
      const isOver = this.#entries.size > JOURNAL_WRITES_MAX || this.#characters > JOURNAL_CHARACTERS_MAX
      if (atMs >= sinceMs && !isOver) return
      this.forget({ number })
    }
  }
}

interface Entry {
  readonly document: string
  readonly write: Write
  /** Whether a document with these fields is the one that was written, and no later life of its id. */
  isSame(fields: Fields): boolean
  readonly characters: number
  readonly atMs: number
}
