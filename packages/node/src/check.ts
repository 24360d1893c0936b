/** What callers of `node.check` may ask for, and what they get of what the core found. */
import type { CheckReport } from '@reprise/core'

export interface CheckOptions {
  /**
   * How long to wait for answers and to look at what differs, in milliseconds. Default 5,000, at most 30,000. Under 3,000 a check
   * cannot tell a lasting difference from a write under way, and calls it `behind`, a warning. A check under way that somebody
   * else began may end earlier.
   */
  readonly deadlineMs?: number
  /** Gives up waiting; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Report those shards, too, that are as they should be. Default false. */
  readonly allShards?: boolean
}

/** The report without the shards that nobody asked for. */
export function shorten(report: CheckReport, { allShards = false }: CheckOptions): CheckReport {
  return allShards ? report : { ...report, shards: report.shards.filter(({ verdict }) => verdict !== 'ok') }
}
