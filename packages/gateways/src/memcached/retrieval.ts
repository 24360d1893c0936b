/** What the retrieval commands have in common: the items that were found, then `END`. */
import type { Entry } from '../store/key-value.ts'
import type { Context } from './command.ts'

export interface RetrievalOptions {
  /** Say the number of each value, too. */
  readonly hasUnique: boolean
}

export function answerItems(
  keys: readonly string[],
  entries: readonly (Entry | undefined)[],
  { reply, counters, uses }: Context,
  { hasUnique }: RetrievalOptions,
): void {
  for (const [i, key] of keys.entries()) {
    counters.cmd_get += 1
    const entry = entries[i]
    if (entry === undefined) {
      counters.get_misses += 1
      continue
    }
    counters.get_hits += 1
    uses.fetched(key)
    const unique = hasUnique ? ` ${entry.unique}` : ''
    reply.line(`VALUE ${key} ${entry.flags} ${entry.value.length}${unique}`)
    reply.block(entry.value)
  }
  reply.line('END')
}
