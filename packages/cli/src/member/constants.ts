/** Bounds of what a member's web server takes and sends, with unit and reason. */

/** The download. More than the kernel's socket buffers hold, so that a server that dies in the middle leaves a rest. */
export const DOWNLOAD_BYTES: number = 24 * 1024 * 1024
/** Pace of the download: three seconds, time enough to see it and to kill its server. */
export const DOWNLOAD_BYTES_PER_SECOND: number = 8 * 1024 * 1024
/** One write to the socket, 8 ms at that pace. */
export const DOWNLOAD_SEGMENT_BYTES: number = 64 * 1024
/** How far the download runs ahead of what its session records: one commit per so many bytes. */
export const DOWNLOAD_RECORD_BYTES: number = 1024 * 1024

/** The unit of an upload: hashed, and recorded, as a whole. The last one may be shorter. */
export const UPLOAD_BLOCK_BYTES: number = 64 * 1024
/** An upload is acknowledged, with copies, after so many bytes: what a client sends again after a crash, at most. */
export const UPLOAD_RECORD_BYTES: number = 256 * 1024
export const UPLOAD_BYTES_MAX: number = 1024 * 1024 * 1024

/** Requests with a body that is not an upload carry one item. */
export const BODY_BYTES_MAX = 4_096
export const ITEM_CHARS_MAX = 100
/** What anything costs in the demo's shop. */
export const ITEM_PRICE = { amount: 450, currency: 'EUR' } as const
/** A basket travels whole with each change. */
export const ITEMS_MAX = 100

/** How long a write waits for its copy, in milliseconds: the members of a local cluster share one machine. */
export const COMMIT_DEADLINE_MS = 10_000
/** How long a request looks for its session, in milliseconds. */
export const RESUME_DEADLINE_MS = 5_000
/** 128 bits, which nobody guesses. */
export const SID_BYTES = 16
