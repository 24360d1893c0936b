/** Bounds and defaults of `reprise keys`, with unit and reason. */

/** How often the ring is looked at: how long a rotation on demand may take to reach a server. */
export const POLL_MS_DEFAULT = 2_000
/** How long the newest key serves. A ticket is good for one to two such times. */
export const ROTATE_MS_DEFAULT: number = 12 * 3_600_000
/** Between two rotations: three looks, so that nobody falls behind by two. */
export const SETTLE_MS: number = 3 * POLL_MS_DEFAULT
/** How long HAProxy's runtime API may take to answer: it is on this machine. */
export const HAPROXY_MS_MAX = 5_000
/** Bytes of an answer of it. A list of keys has a few hundred. */
export const HAPROXY_ANSWER_BYTES_MAX: number = 64 * 1024
/** How long a reload command may take. nginx and Apache check their configuration first. */
export const RELOAD_MS_MAX = 60_000
