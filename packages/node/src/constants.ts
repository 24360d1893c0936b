/** Bounds and defaults of a running node, with unit and reason. */

/** `createNode` resolves after this at the latest, ready or not: a node whose peers are down must still serve. */
export const READY_MS_DEFAULT = 10_000
/** How long `stop` waits until others acknowledged this node's last writes. */
export const STOP_FLUSH_MS = 1_000
/** From the goodbye to the end of its connections. A connection that closes in the same moment takes what was just written
 * with it, and who hears no goodbye waits until it would be dead. */
export const GOODBYE_MS = 50
/** How long `stop` hands over what this node holds: longer than it takes to find that a successor died (about 7 s), and
 * a third of the half minute that orchestrators give a process to end. */
export const DRAIN_MS_DEFAULT = 10_000
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
/** Requests in a row that end within their step before the event loop gets its turn: two milliseconds of work. More would let a
 * loop of commits fill the cache with what could not leave yet; fewer would cost each of them a share of a turn. */
export const REQUESTS_AT_ONCE_MAX = 64
/** What peers sent is worked off for so long in one turn of the event loop; the rest waits for the next, after what else the
 * application has to do. */
export const TURN_MS = 10
/** Bytes of frames that may wait for that: half a second of a gigabit. More is dropped, and repaired by number. */
export const INBOX_FRAME_BYTES_MAX: number = 32 * 1024 * 1024
/** Control messages that may wait for that: thousands of acknowledgements and heartbeats, a turn's work. */
export const INBOX_CONTROL_MAX = 16_384
/** And their bytes: as many as of frames. A repair or a push is up to a mebibyte, and so many of the largest would be 16 GiB. */
export const INBOX_CONTROL_BYTES_MAX: number = 32 * 1024 * 1024

/** Bounds of the latency histograms, in seconds: from what a look into the own table takes, over a round trip in a data centre and
 * one around the world, to the longest deadlines. Changing one breaks the graphs of whoever compares with yesterday. */
export const LATENCY_BOUNDS_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

// Typed portions.

/** One byte says the version of a portion's shape; 0 is what was set without a type. */
export const PORTION_VERSION_MAX = 255
/** Characters of a text in a portion, and values of a list, unless its shape says otherwise. A session is held several times. */
export const PORTION_TEXT_MAX = 1_024
export const PORTION_LIST_MAX = 1_000
/** The largest window that TCP can announce: 65,535 shifted by 14 (RFC 7323, 2.3). */
export const PORTION_TRANSPORT_WINDOW_MAX: number = 65_535 * 2 ** 14

// Repositories.

/** From a change to its write: a session that is used a few times in a row is written once. What a crash of everybody loses. */
export const REPOSITORY_WRITE_MS = 20
/** Records and bytes of one write: a few milliseconds of the disk's thread, and a fraction of one of the event loop. */
export const REPOSITORY_BATCH_RECORDS = 256
export const REPOSITORY_BATCH_BYTES: number = 1024 * 1024
/** After a write failed it is tried again, from the first pause to the longest, doubled each time. */
export const REPOSITORY_RETRY_MS_MIN = 250
export const REPOSITORY_RETRY_MS_MAX = 30_000
/** How long a stop waits for the last writes, and for the file to be closed. */
export const REPOSITORY_STOP_MS = 5_000
/** An idle repository writes what time it is this often. */
export const REPOSITORY_HEADER_MS = 60_000
/** A file smaller than this has no room for anything but its own pages. */
export const REPOSITORY_BYTES_MIN: number = 1024 * 1024
