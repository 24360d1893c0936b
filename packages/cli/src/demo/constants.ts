/** Pace and bounds of how the story is shown and of what follows it, with unit and reason. */

/** Between two steps on a screen: time to read a line. */
export const BREATH_MS = 1_000

/** One visit of the light traffic each: enough to see the table move, little for the machine. */
export const TRAFFIC_PAUSE_MS = 150
/** Every so many visits a new client takes the place of the oldest. */
export const TRAFFIC_NEW_CLIENT_EVERY = 12
/**
 * How long a client of the traffic waits for a node, in milliseconds, before it goes to another one. A handshake takes some
 * milliseconds; one that waits for a copy or looks for its session takes two seconds at most.
 */
export const CLIENT_PATIENCE_MS = 3_000
/** A dead node stays dead long enough to be seen. */
export const RESTART_AFTER_MS = 5_000

/** A node that the page looks at tells how it is once a second; one that is silent so long, in milliseconds, is left. */
export const VIEW_SILENCE_MS = 2_000
/** Between two attempts to find a node to look at, in milliseconds. */
export const VIEW_RETRY_MS = 200
/** What a check may take beyond its deadline, in milliseconds, for the way there and back. */
export const CHECK_GRACE_MS = 1_000
/** Of the page's token: 128 bits, which nobody guesses, and short enough for a line with the address. */
export const PAGE_TOKEN_BYTES = 16
/** The name under which other commands find the demo. */
export const DEMO_CLUSTER_NAME = 'demo'

/** Redraws per second at most: ten look alive. */
export const REDRAW_INTERVAL_MS = 100
/** Latencies of each node and sort whose middle is shown. */
export const LATENCIES_MAX = 101
/** What was said last and can still be seen on a large screen. */
export const SAID_MAX = 50
