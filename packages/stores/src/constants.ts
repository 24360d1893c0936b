/** Bounds and defaults of the stores, with unit and reason. */

/** What connect-redis has, so that nobody's sessions change their length by changing the store. */
export const PREFIX_DEFAULT = 'sess:'
export const TTL_SECONDS_DEFAULT = 86_400
/** A session that is used every day ends after this. A drop is remembered until then, some 260 bytes each: longer is dearer. */
export const ABSOLUTE_TTL_SECONDS_DEFAULT: number = 7 * 86_400
/** Half of the longest life of a session of the cluster: an index lives two such periods. */
export const ABSOLUTE_TTL_SECONDS_MAX: number = 183 * 86_400
/** Ids have 255 bytes; this leaves room for the names of the index. */
export const PREFIX_BYTES_MAX = 64
/** How long reading may look for a session: what `resume` has by itself. */
export const DEADLINE_MS_DEFAULT = 1_000
/** How long a response may wait for copies. Ten times what a busy cluster takes; longer is felt by people. */
export const CONFIRM_DEADLINE_MS_DEFAULT = 250
/** Longest time that can be given for either. */
export const DEADLINE_MS_MAX = 60_000

// How a document lies in a session. A session has at most 64 portions, counting removed ones, over all its life.

/** Bytes of a portion's name; fields with longer names share portions. */
export const FIELD_NAME_BYTES_MAX = 64
/** Fields with a portion of their own. What two servers add at the same moment comes on top, and 64 is never to be exceeded. */
export const OWN_PORTIONS_MAX = 40
/** Portions that further fields share, by hash. */
export const SHARED_PORTIONS = 8
/** The same for an index, which has only such: a few hundred ids each at a hundred thousand sessions. */
export const INDEX_PORTIONS = 32
/** Writers that a portion remembers the last write of, some fifteen bytes each. A writer looks for its own within moments. */
export const WRITERS_REMEMBERED = 32

// Writes of this node that may yet turn out to have lost to one of another node.

/** How long they are kept. Concurrent writes meet within a round trip, or when a partition heals, which no memory outlasts. */
export const JOURNAL_MS = 10_000
export const JOURNAL_WRITES_MAX = 1_024
/** Characters of JSON that they keep together. */
export const JOURNAL_CHARACTERS_MAX: number = 4 * 1024 * 1024
/** How often a write is merged again because another server wrote at that moment. Each time somebody else got through. */
export const WRITE_TRIES_MAX = 8

/** A field over this may make its portion too large for a session's head, 1,024 bytes with what else is in it. Such a write
 * takes as long as its node needs, since one that is late is not written at all. */
export const LARGE_BYTES = 512
/** How long after a write is looked whether it is still there: a busy cluster's frames are there in a tenth of it. Shorter makes
 * more looks of what a client writes in a row. */
export const LOOK_AGAIN_MS = 200

// The index.

/** Documents that all sessions of a prefix are spread over: what one `all()` reads, twice. */
export const INDEX_SHARDS = 16
/** When an entry is tried again that could not be written, and how often: together longer than a crash takes to be noticed. */
export const INDEX_RETRY_MS = 1_000
export const INDEX_TRIES_MAX = 15
/** Sessions looked up at once by a listing: enough to hide round trips, few enough to leave the node to requests. */
export const LISTING_CONCURRENCY = 32
