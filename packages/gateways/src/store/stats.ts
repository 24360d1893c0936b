/** What a store counts. */

/** What a store did since it was made, counted. */
export interface KeyValueStats {
  /** Look-ups that were answered from this node, by others, and not. */
  readonly local: number
  readonly pulled: number
  readonly missed: number
  /** Of the missed ones, those of which nobody could say anything in time. */
  readonly unknown: number
  /** Values that this node cannot open, or that are of a later version: missed, too. */
  readonly unreadable: number
  readonly writes: number
  readonly deletes: number
  /** Writes that were refused because the node could not take them. */
  readonly failed: number
}

/** The same while it is counted. */
export type StoreCounters = { -readonly [Name in keyof KeyValueStats]: number }

export function emptyCounters(): StoreCounters {
  return { local: 0, pulled: 0, missed: 0, unknown: 0, unreadable: 0, writes: 0, deletes: 0, failed: 0 }
}
