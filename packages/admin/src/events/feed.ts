/**
 * The last events of a node, numbered, for whoever listens and for who comes back and says which one it had last.
 *
 * An entry is rendered when somebody first wants it: a node that nobody watches pays for keeping its last events and nothing
 * else. An id of a session leaves this file as its fingerprint. Of each type so many are told in a second; the rest is counted.
 */
import type { NodeEvents } from '@reprise/node'
import { NODE_EVENTS } from '@reprise/node'
import type { AdminNode } from '../admin-node.ts'
import { EVENTS_KEPT, EVENTS_PER_SECOND_MAX } from '../constants.ts'
import { fingerprint } from '../fingerprint.ts'

type EventName = keyof NodeEvents

/** One event, as a server-sent event tells it. */
export interface Entry {
  readonly id: string
  readonly type: EventName
  /** JSON, in one line: `{ atMs, fields }`. */
  readonly data: string
}

export class Feed implements Disposable {
  /** Called for each new entry. */
  onEntry: (entry: Entry) => void = () => {}
  readonly #node: AdminNode
  /** Tells the events of this process from those of the one before it, which had the same numbers. */
  readonly #life = Date.now().toString(36)
  readonly #entries: FeedEntry[] = []
  readonly #listeners: readonly (readonly [name: EventName, listener: (...args: never) => void])[]
  readonly #inSecond = new Map<EventName, number>()
  #second = 0
  #count = 0
  #suppressed = 0

  constructor(node: AdminNode) {
    this.#node = node
    this.#listeners = NODE_EVENTS.map((name) => {
      const listener = (detail: unknown): void => this.#add(name, detail)
      node.on(name, listener)
      return [name, listener]
    })
  }

  /** Events that were not told, for being too many of one type in one second. */
  get suppressed(): number {
    return this.#suppressed
  }

  /** The id of the newest event; empty when there was none. */
  get lastId(): string {
    return this.#entries.at(-1)?.id ?? ''
  }

  /**
   * The entries after the one with that id: all that are kept, when the id is of another life or of none.
   * `lost`: how many of those after it are not kept any more.
   */
  after(id: string | undefined): { readonly entries: readonly Entry[]; readonly lost: number } {
    const [life, number] = id?.split('-') ?? []
    const had = life === this.#life ? Number(number) : 0
    const first = this.#count - this.#entries.length + 1
    if (!Number.isSafeInteger(had) || had < 0 || had > this.#count) return { entries: [...this.#entries], lost: 0 }
    return {
      entries: this.#entries.slice(Math.max(0, had + 1 - first)),
      lost: had > 0 ? Math.max(0, first - had - 1) : 0,
    }
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) this.#node.off(name, listener as () => void)
  }

  #add(type: EventName, detail: unknown): void {
    const atMs = Date.now()
    const second = Math.floor(atMs / 1_000)
    if (second !== this.#second) this.#inSecond.clear()
    this.#second = second
    const sameInSecond = (this.#inSecond.get(type) ?? 0) + 1
    this.#inSecond.set(type, sameInSecond)
    if (sameInSecond > EVENTS_PER_SECOND_MAX) {
      this.#suppressed += 1
      return
    }
    const entry = new FeedEntry(`${this.#life}-${++this.#count}`, type, atMs, detail)
    this.#entries.push(entry)
    if (this.#entries.length > EVENTS_KEPT) this.#entries.shift()
    this.onEntry(entry)
  }
}

class FeedEntry implements Entry {
  readonly id: string
  readonly type: EventName
  readonly #atMs: number
  readonly #detail: unknown
  #data: string | undefined

  constructor(id: string, type: EventName, atMs: number, detail: unknown) {
    this.id = id
    this.type = type
    this.#atMs = atMs
    this.#detail = detail
  }

  get data(): string {
    this.#data ??= JSON.stringify({ atMs: this.#atMs, fields: shown(this.#detail) })
    return this.#data
  }
}

/** What of an event's argument is told: `id` becomes `session`, an error its name. */
function shown(detail: unknown): object {
  if (detail instanceof Error) return { error: detail.name }
  if (typeof detail !== 'object' || detail === null) return {}
  if (!('id' in detail) || !(detail.id instanceof Uint8Array)) return detail
  const { id, ...rest } = detail
  return { session: fingerprint(id), ...rest }
}
