/** Sizes of the benchmark, with unit and reason. */

/** As many as a small shop has at a time, and more than fit a processor's cache. */
export const SESSIONS = 2_000
/** What a basket with a handful of things takes. */
export const VALUE_BYTES = 1_024
/** Caches and the compiler warm up; what is measured begins after. */
export const WARM_UP_MS = 1_000
/** Sessions are made by so many at a time. */
export const CREATES_AT_ONCE = 64
