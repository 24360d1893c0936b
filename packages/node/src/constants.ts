/** Bounds and defaults of a running node, with unit and reason. */

/** `createNode` resolves after this at the latest, ready or not: a node whose peers are down must still serve. */
export const READY_MS_DEFAULT = 10_000
/** How long `stop` waits until others acknowledged this node's last writes. */
export const STOP_FLUSH_MS = 1_000
/** A cluster secret shorter than this can be guessed. */
export const SECRET_BYTES_MIN = 16
/** Length of a sealing key (AES-256), of its id, of a nonce (NIST SP 800-38D), and of the authentication tag. */
export const SEAL_KEY_BYTES = 32
export const SEAL_KEY_ID_BYTES = 4
export const SEAL_NONCE_BYTES = 12
export const SEAL_TAG_BYTES = 16
/** Older sealing keys that still open values: a session lives a day by default, keys are rotated no faster than that. */
export const SEAL_KEYS_MAX = 16
/** Nesting of plain data that may be set. Deeper data is more likely a cycle or an attack than a basket. */
export const JSON_DEPTH_MAX = 32
/** Timers fire late, never early; a tick closer than this is made at once. */
export const TICK_MS_MIN = 1
/** What a commit's deadline grows by for each MiB that it writes, unless one is given: enough for a link of 30 Mbit/s to each
 * of three holders. */
export const COMMIT_MS_PER_MIB = 1_000
