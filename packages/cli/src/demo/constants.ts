/** Pace and bounds of how the story is shown and of what follows it, with unit and reason. */

/** Between two steps on a screen: time to read a line. */
export const BREATH_MS = 1_000

/** One visit of the light traffic each: enough to see the table move, little for the machine. */
export const TRAFFIC_PAUSE_MS = 150
/** Every so many visits a new client takes the place of the oldest. */
export const TRAFFIC_NEW_CLIENT_EVERY = 12
/** A dead node stays dead long enough to be seen. */
export const RESTART_AFTER_MS = 5_000

/** Redraws per second at most: ten look alive. */
export const REDRAW_INTERVAL_MS = 100
/** Latencies of each node and sort whose middle is shown. */
export const LATENCIES_MAX = 101
/** What was said last and can still be seen on a large screen. */
export const SAID_MAX = 50
