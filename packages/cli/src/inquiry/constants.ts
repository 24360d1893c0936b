/** Bounds of questions to nodes, with unit and reason. */

/** More than what a node waits for others by default (2 s for copies), so that its own answer says what was late. */
export const PATIENCE_MS_DEFAULT = 3_000
/** Whether a node is ready it says at once, or something is wrong with it. */
export const PROBE_MS_MAX = 1_000
/** A comparison takes a round trip to every member, or as long as one of them is silent. */
export const CHECK_MS_DEFAULT = 3_000
