/** Bounds of the demo's clients, with unit and reason. */

/** A visit takes milliseconds; a machine that compiles something beside the demo takes its time. */
export const VISIT_DEADLINE_MS = 20_000
/** Pages and baskets; transfers are read as streams. */
export const BODY_BYTES_MAX: number = 64 * 1024
/** A client that finds its server dead looks for the next one; a list that is dead as a whole is asked again after this. */
export const RETRY_PAUSE_MS = 100

/** The upload: three seconds at its pace, so that a kill finds it in the middle. */
export const UPLOAD_BYTES: number = 12 * 1024 * 1024
export const UPLOAD_BYTES_PER_SECOND: number = 4 * 1024 * 1024
