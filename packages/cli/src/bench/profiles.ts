/** What the clients of a benchmark do. A file of its own, so that the command's help loads no node. */

/**
 * - `resume`: find a session at a node that does not write it
 * - `cart`: the same, change a portion, and wait until another node has the change
 * - `touch`: the same, and say that it was used
 */
export const PROFILES = ['resume', 'cart', 'touch'] as const
export type Profile = (typeof PROFILES)[number]
