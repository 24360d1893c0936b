/**
 * The network between the members of a cluster under test, as something that can be broken, one direction of one pair at a time. Clients and
 * the test itself reach every member whatever is broken here.
 */
import type { LinkConditions } from '../scenario.ts'

/** One direction between two members, by their numbers. */
export interface Link {
  readonly from: number
  readonly to: number
}

/** Made for a number of members, before any of them starts. What is broken is mended by `heal` or `close`, nothing else. */
export interface Links extends AsyncDisposable {
  /** Which conditions these links can have; a scenario that needs more is refused before it begins. */
  readonly can: ReadonlySet<keyof LinkConditions>
  /** Nothing passes any more, and nobody is told: packets vanish, connections stay open. */
  cut(links: readonly Link[]): Promise<void>
  /** These links have these conditions from now on, and no others that they had. One that is cut stays cut. */
  impair(links: readonly Link[], conditions: LinkConditions): Promise<void>
  /** These links are as they were. Default: all of them. */
  heal(links?: readonly Link[]): Promise<void>
  /** Everything that was made for them is gone, also when it was broken. Safe to call twice. */
  close(): Promise<void>
}
