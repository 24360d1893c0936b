/**
 * Every bound and default of the core, with its unit, its reason, and what grows when it is raised.
 */
import assert from 'node:assert/strict'

// Keys and placement.

/** Buckets of the hash table. A bucket is the unit of digests: 1,000 records each at a million sessions. */
export const BUCKET_COUNT = 1024
/** Shards: runs of consecutive buckets, the unit that nodes hold and topics carry. More shards balance better and cost
 * a gossip mesh each. */
export const SHARD_COUNT = 64
export const BUCKETS_PER_SHARD: number = BUCKET_COUNT / SHARD_COUNT
/** Holders of a shard besides the primary (rule A2). */
export const COPIES_DEFAULT = 2

// What one session may be.

/** One length byte; longer ids are hashed by whoever makes them. */
export const ID_BYTES_MAX = 255
export const PORTION_NAME_BYTES_MAX = 64
/** Every delta lists all portions, so their number is a cost of each write. */
export const PORTIONS_MAX = 64
/** All values inside a session's head together: the head fits a frame with room for its versions and references. */
export const HEAD_BYTES_MAX: number = 48 * 1024
/** One value as it is stored. It is held in memory as a whole by who writes and who reads it; raising it also raises the
 * memory that one request can ask for. */
export const PORTION_BYTES_MAX: number = 16 * 1024 * 1024
/** All values of one session together, as they are stored: the default cache, so that no default node can take more. */
export const SESSION_BYTES_MAX: number = 64 * 1024 * 1024
/** Tenures in a frontier (rule V3): concurrent primaries of one session that are still told apart. */
export const FRONTIER_TENURES_MAX = 8
/** The longest life of a session: tombstones are kept that long. */
export const ABSOLUTE_MS_MAX: number = 366 * 24 * 3_600_000
export const IDLE_MS_DEFAULT: number = 30 * 60_000
export const ABSOLUTE_MS_DEFAULT: number = 24 * 3_600_000

/** Sessions created here and not committed yet, a few hundred bytes each. Over it the oldest is forgotten. */
export const DRAFTS_MAX = 16_384

// Values outside the head (rule B1).

/** A value larger than this goes outside the head... */
export const OUTSIDE_BYTES_MIN = 1024
/** ...and one that is outside comes back when it is smaller than this, so that a value that wavers does not swing. As many
 * of these as a session may have portions fill the head. */
export const INSIDE_BYTES_MAX = 768
/** Values outside are cut into chunks of this, each with a key and so mostly a shard of its own: one of 64 KiB is spread
 * over four shards, and a ring of a stream keeps 128 of them. Part of the wire: who reads derives the number of chunks. */
export const BLOB_CHUNK_BYTES: number = 16 * 1024
/** Chunks sent and not yet acknowledged by whom their commits wait for, in bytes, over all uploads of a node. Half of one
 * stream's ring, so that an upload never pushes out frames that somebody may still ask for. */
export const UPLOAD_WINDOW_BYTES: number = 1024 * 1024
/** Values of commits that upload, or wait behind one that does. Above it `commit` refuses. */
export const UPLOAD_BYTES_MAX: number = 2 * SESSION_BYTES_MAX
/** Commits that upload, or wait behind one that does. */
export const UPLOADS_MAX = 4096
/** Chunks fetched at once, over all reads of a node: half a mebibyte that may stand in peers' buffers. */
export const BLOB_PULLS_MAX = 32
/** The same as the hedge of pulls (see there), for chunks: they wait behind each other, and a second copy of each would double
 * what a slow link carries. */
export const CHUNK_HEDGE_MS_MIN = 50
export const CHUNK_HEDGE_MS_MAX = 1_000
/** Reads of large values under way at once. */
export const BLOB_READS_MAX = 1024
/** How often a read goes back to the head because what it named is gone. Each time somebody replaced the value meanwhile;
 * who replaces it faster than it can be fetched gets a partial answer. */
export const BLOB_REREADS_MAX = 3
/** Tombstones of chunks live this long: nothing is written under their keys again, so they only have to outlive frames that
 * are under way or repaired. As long as a session's they would outweigh what they free. */
export const BLOB_TOMBSTONE_MS = 60_000
/** Chunks dropped in one sweep: the rest goes with the next one. */
export const BLOB_DROPS_PER_SWEEP = 512
/** Replaced values that wait until the new head has its copies. Over it the oldest ends at its absolute deadline instead. */
export const RELEASES_MAX = 4096

// The table.

export const CACHE_BYTES_DEFAULT: number = 64 * 1024 * 1024
/** Below this a cache holds less than one large session per bucket run and evicts what it just wrote. */
export const CACHE_BYTES_MIN: number = 1024 * 1024
/** Slabs that records lie in. The larger ones: a few hundred records each, so that a million sessions are a few thousand slabs;
 * a snapshot that is not looked at keeps one of them alive. The smaller ones: what an empty table costs. */
export const ARENA_SLAB_BYTES_MAX: number = 256 * 1024
export const ARENA_SLAB_BYTES_MIN: number = 16 * 1024
/** Garbage in the arena, as a share of it. Less costs more copying: at a fifth a rewritten byte is copied about twice. */
export const ARENA_GARBAGE_SHARE_MAX = 0.2
/** Slabs that are cleaned at a time: at most two megabytes are copied, well under a millisecond each quarter of that. */
export const ARENA_CLEAN_SLABS_MAX = 8
/** Emptied slabs that are kept to be used again, so that steady writing leaves nothing to garbage collection. */
export const ARENA_SPARE_SLABS_MAX = 8
/** Records that may not go which one eviction passes over. More would make each write walk over all that is pinned while a
 * holder is slow to acknowledge; less would give up while there is something to evict. */
export const EVICTION_TRIES_MAX = 256
/** Stubs of evicted records a node remembers, about 250 bytes each, beside the budget. When full, misses of the node count as evictions. */
export const STUBS_MAX: number = 64 * 1024
/** Records that the sweep for expired ones looks at per interval: also after the longest one the turn stays under a millisecond. */
export const SWEEP_RECORDS_PER_INTERVAL = 512
/** Also how old the time of a local read may be. */
export const SWEEP_INTERVAL_MS = 100
/** The interval while nothing happens: a tick that nothing else wants costs an idle node a hundredth of a percent of a core. */
export const SWEEP_QUIET_MS: number = 10 * SWEEP_INTERVAL_MS

// The wire.

/** The version of the wire that this code speaks best, and the oldest that it still speaks. A link speaks the lower of its
 * two ends' best. */
export const WIRE_VERSION = 2
export const WIRE_VERSION_MIN = 1
/** The first version of the wire that knows values outside the head. */
export const OUTSIDE_WIRE = 2
/** From this version on, a member answers when it is asked for its digests. */
export const CHECK_WIRE_MIN = 2
/** The first version of the wire that carries floors: which earlier lives of an id must not come back. */
export const FLOOR_WIRE = 2
/** From this version on, a member understands that it was ejected. An older one learns it when it asks for what is gone. */
export const EJECT_WIRE_MIN = 2

// Streams.

/** A frame's batch is closed at this size. Gossip costs per message are flat to 4 KiB and linear above. */
export const FRAME_BYTES_TARGET: number = 32 * 1024
export const FRAME_BYTES_MAX: number = 64 * 1024
/** Frames of one stream kept for repair. At 5 ms a flush this is five seconds of one shard's writes. */
export const RING_FRAMES_MAX = 1024
/** Bytes of one stream kept for repair; 64 shards of it bound a node's rings to 128 MiB in the worst case. */
export const RING_BYTES_MAX: number = 2 * 1024 * 1024
/** Bytes that a frame adds to its batch: its header, and the counts of the batch. */
export const FRAME_HEADER_BYTES_MAX = 64
/** Under load frames are collected at least this long: batches of tens halve the cost of a delta. */
export const FLUSH_INTERVAL_MS = 5
/** Flushes within that time that go at once because somebody waits for copies: a client that commits, waits, and commits
 * again is not load. */
export const FLUSHES_AT_ONCE_MAX = 16
/** A flush of so many deltas is acknowledged before the next one goes: one a shard. Smaller ones pile up nowhere. */
export const FLUSH_LARGE_DELTAS = 64
/** A holder that has not got a flush this long after half of the others is not waited for. Twenty round trips in a cluster,
 * and what a busy event loop takes; longer holds up clients, shorter lets a pause of garbage collection count. */
export const FLUSH_LATE_MS = 50
/** When no holder answers, the next flush goes after this at most, a few busy turns; then the ring and the buffers are the
 * bound. */
export const FLUSH_WAIT_MS_MAX = 250
/** And after this at least: a busy turn of the receiver is no loss. */
export const FLUSH_WAIT_MS_MIN = 20
/** Deltas that wait for a flush. Above it `commit` waits, which keeps lag bounded: a sixth of a second at 50,000 a second. */
export const PENDING_DELTAS_MAX = 8192
/** Bytes of frames that were full before their flush, since the last one: half a ring, if they are all of one stream. */
export const PENDING_BYTES_MAX: number = RING_BYTES_MAX / 2
/** Writes that wait for room, about 100 bytes each. Over it they are refused at once. */
export const ROOM_WAITS_MAX: number = 64 * 1024
/** A member that keeps this share of a ring from being forgotten is ejected: before the ring is full, which would be worse
 * for it, too. */
export const EJECT_RING_SHARE = 0.75
/** It has had the oldest of these frames to acknowledge for so long: a burst that fills a ring at once is nobody's slowness. */
export const EJECT_MS = 1_000
/** The tenure table of one batch: a frame's records rarely have more than a handful. */
export const TENURES_PER_BATCH_MAX = 4096
/** Ranges in one NACK: asking for one gap at a time does not keep up with 20 % loss. */
export const NACK_RANGES_MAX = 16
/** Frames sent again for one NACK; the rest is asked for again. Repairs must not flood what is already slow. */
export const REPAIR_FRAMES_MAX = 64
/** Wait before the first NACK, so that reordering is not taken for loss: a quarter of the round trip, at least this. */
export const NACK_DELAY_MS_MIN = 1
export const NACK_RETRY_MS_MIN = 20
export const NACK_RETRY_MS_MAX = 1_000
/** NACKs without any progress after which the shard is synced from another holder instead. */
export const NACK_TRIES_MAX = 6
/** A frame is repaired at most once per peer in this time: duplicate NACKs cross repairs that are under way. */
export const REPAIR_LINGER_MS = 5
/** Repairs for one peer, a quarter of a gigabit: they go over the control lane, and heartbeats must not wait for them. */
export const REPAIR_BYTES_PER_SECOND: number = 32 * 1024 * 1024
/** What may be repaired at once: the frames of one NACK when they are of usual size. */
export const REPAIR_BYTES_BURST: number = 1024 * 1024
/** Numbers heard ahead of a gap that a receiver remembers, as ranges. Beyond it the newest are asked for again. */
export const AHEAD_RANGES_MAX = 256
/** Acknowledgements wait this long for company unless a frame asks for one. */
export const ACK_DELAY_MS = 16
/** Acknowledge at the latest after this many frames of a stream. */
export const ACK_FRAMES_MAX: number = RING_FRAMES_MAX / 4
/** Numbers also travel ahead of their frames, with heartbeats and hellos. Such a gap is given this long, or two round trips. */
export const NACK_PATIENCE_MS_MIN = 20
/** Quiet time after which an unacknowledged stream is probed, or four round trips; doubling to the maximum. */
export const PROBE_MS_MIN = 40
export const PROBE_MS_MAX = 1_000

// Pull.

export const RESUME_DEADLINE_MS_DEFAULT = 1_000
export const COMMIT_DEADLINE_MS_DEFAULT = 2_000
/** The next holder is asked when the first has not answered within the 95th percentile of round trips, at least this. */
export const HEDGE_MS_MIN = 2
export const HEDGE_MS_INITIAL = 10
export const HEDGE_MS_MAX = 100
/** Pulls under way at once. A herd of clients after a crash waits here instead of in the peers' buffers. */
export const FLIGHTS_MAX = 4096
/** Copies outside their holders are trusted this long without asking (rule R3). */
export const REVALIDATE_MS = 60_000

// Sync.

/** Records per answer, in bytes: a chunk is well under the 10 ms that one turn may take. */
export const SYNC_CHUNK_BYTES: number = 64 * 1024
/** Keys asked for in one message. */
export const SYNC_WANT_MAX = 256
/** Entries of a bucket's listing in one message. */
export const SYNC_ITEMS_MAX = 4096
/** Shards synced at once, so that joining never starves what serves clients. */
export const SYNC_SESSIONS_MAX = 8
export const SYNC_TIMEOUT_MS = 2_000
/** The same for a source that is slow. Above what may stand in its queue, and it is not dead; longer only keeps those waiting who
 * could ask another one. */
export const SYNC_PATIENCE_MS_MAX: number = 8 * SYNC_TIMEOUT_MS
/** Fetched by syncs: a quarter of a gigabit and of a core, so that who joins a full cluster serves meanwhile. A gigabyte takes
 * half a minute; raised, joining is sooner and everything else slower. */
export const SYNC_BYTES_PER_SECOND: number = 32 * 1024 * 1024
/** What may come at once: a few chunks of each sync under way, and most comparisons whole. */
export const SYNC_BYTES_BURST: number = 4 * 1024 * 1024
/** Records this close to their end are not worth moving, and moving them in circles kept dead sessions alive (E2). */
export const SYNC_REMAINING_MS_MIN = 2_000
/** One shard per tick of this is compared with another holder, round robin, as the slow audit. */
export const AUDIT_INTERVAL_MS = 5_000

// Check.

export const CHECK_DEADLINE_MS_DEFAULT = 5_000
/** More would keep what is known of each bucket for longer, and tell nothing more. */
export const CHECK_DEADLINE_MS_MAX = 30_000
/** Two copies that differ in the same records for so long are not about to become equal: by then a write has left
 * (`FLUSH_WAIT_MS_MAX`), a loss was noticed (`PROBE_MS_MAX`), and who is cut off from the writer knows it (`SUSPECT_MS`). A
 * holder that knows of something missing says so, however long the repair takes. */
export const CHECK_SETTLE_MS = 2_500
/** Buckets that differ are looked at again after this, doubling to the maximum: writes under way arrive in between. */
export const CHECK_ROUND_MS_MIN = 50
export const CHECK_ROUND_MS_MAX = 250
/** Buckets that one check looks at closer at the same time; the next ones take their place. */
export const CHECK_LOOKS_MAX = 256
/** Buckets in one question: 16,000 records in a cache of a million, some five milliseconds of the one who answers. */
export const CHECK_BUCKETS_MAX = 16
/** Differences remembered of two copies of a bucket. One that stays is seen several times before it could be forgotten. */
export const CHECK_SIGHTINGS_MAX = 16
/** Records looked at for the checks of all members together, at a third of a microsecond each: five percent of a core. More
 * finds out sooner what differs in a large cache, and takes that from who serves. */
export const CHECK_RECORDS_PER_SECOND = 150_000
/** What may be looked at in one turn, some ten milliseconds, and so in one round. */
export const CHECK_RECORDS_BURST: number = 32 * 1024
/** Records this close to their end are not compared... */
export const CHECK_END_MS = 10_000
/** ...and of those that are nearer to that limit than this, on either side, each holder says on which side they are: clocks and
 * the time on the way let copies end apart, by as much as this. */
export const CHECK_END_BLUR_MS: number = CHECK_END_MS - SYNC_REMAINING_MS_MIN
/** Such records of one bucket, on each side. A bucket with more is left out: 2,000 sessions a second end then. */
export const CHECK_EDGES_MAX = 32

// Members.

export const HEARTBEAT_MS = 500
/** With more others than this a node beats only those it watches: a full mesh of heartbeats costs each node 60 bytes a second
 * and member, which is 3 kB/s here and would be 60 kB/s at a thousand. */
export const HEARTBEAT_ALL_MAX = 50
/** Others that a node in a large cluster beats in each round besides those it watches for good (SWIM probes one). With three
 * a member that nobody watches is asked for by three others in each round on average, whatever the size. */
export const HEARTBEATS_RANDOM = 3
/** The interval when nothing has changed for `STEADY_AFTER_MS`: a third less traffic, and one lost heartbeat still makes
 * nobody a suspect. */
export const HEARTBEAT_STEADY_MS = 750
export const STEADY_AFTER_MS = 60_000
/** A heartbeat that has news of shards waits this long for more of it: joins and moves come by the dozen. */
export const HEARTBEAT_SOON_MS = 5
/** Silence after which a member is suspected: three heartbeats and a margin for a busy event loop. */
export const SUSPECT_MS: number = 3 * HEARTBEAT_MS + 250
/** Suspicion after which a member is declared dead and its shards move. */
export const DEAD_MS = 5_000
/** Other members that are asked each time whether they hear a suspect (Das et al., "SWIM", 2002). More would add a message
 * each per suspect and round; three miss a member that any of them hears only when all three are unlucky. */
export const VOUCHERS_MAX = 3
/** A suspect is asked after this often: three times before it can be dead. */
export const VOUCH_INTERVAL_MS: number = DEAD_MS / 4
/** How long the word of others keeps a suspect from being declared dead. A path that is broken longer is not a hiccup, and
 * a holder that this node cannot reach is no copy for what it writes. */
export const VOUCHED_MS_MAX = 30_000
/** A round of heartbeats that comes later than this says that this node did not run: half an interval. Less is a busy
 * turn, which the margin of `SUSPECT_MS` covers. */
export const STALL_MS: number = HEARTBEAT_MS / 2
/** A pause after which others may have declared this node dead: the last heartbeat may have been one in steady times. */
export const GIVEN_UP_MS: number = SUSPECT_MS + DEAD_MS - HEARTBEAT_STEADY_MS
/** How much slower than usual a node that stalls judges others, at most, less one: three makes 4 × `SUSPECT_MS` and
 * 4 × `DEAD_MS` the bounds of detection while it stalls. */
export const SELF_DOUBT_MAX = 3
/** Punctual rounds after which a node trusts itself one step more: five seconds, longer than any silence it judges. */
export const SELF_DOUBT_ROUNDS = 10
/** An echo that took longer says that one of the two did not run, and nothing of the way between them. */
export const ROUND_TRIP_MS_MAX: number = 2 * HEARTBEAT_MS
/** A dead member is remembered this long, so that old gossip does not bring it back. */
export const FORGET_MS: number = 10 * 60_000
/** A node that was told of peers but reached none waits this long before it believes to be alone (see ARCHITECTURE). */
export const ALONE_MS = 3_000
/** The same for one that met only members as new as itself: others may be slower to answer, and have everything. What a cluster
 * that starts cold takes longer by, unless somebody was told of nobody. */
export const NEWCOMERS_MS = 1_000
/** A cold start waits for members of an earlier life: `ALONE_MS`, and as much again for each that is missing, at most this.
 * Whoever is away may hold what nobody here has; who never comes back must not keep the others from serving. */
export const COLD_START_MS_MAX: number = 5 * ALONE_MS
/** A joiner waits this long for the hello of a member that is heard and does not answer, when half of the others did: as long as
 * for one that is not heard. A cold start, which needs what it has, waits `COLD_START_MS_MAX`. */
export const HELLO_PATIENCE_MS = 5_000
/** A full mesh with heartbeats of its own is meant for tens of nodes; this refuses a runaway member list. */
export const MEMBERS_MAX = 1024
export const MEMBER_ADDRESSES_MAX = 16
export const ROUND_TRIP_MS_INITIAL = 5

/** Keys of one bucket that changed and are not stored yet. More, and the bucket is stored as a whole; of all buckets
 * together a million, some 100 MB while a disk fails. */
export const CHANGES_MAX = 1_024

assert(Number.isInteger(BUCKETS_PER_SHARD), 'every shard has the same number of buckets')
assert(SHARD_COUNT <= 64, 'readiness is gossiped as one bit per shard in 8 bytes')
assert(HEAD_BYTES_MAX + 8 * 1024 <= FRAME_BYTES_MAX, 'a head and its versions fit one frame')
assert(INSIDE_BYTES_MAX * PORTIONS_MAX <= HEAD_BYTES_MAX, 'as many small values as there may be fit the head')
assert(BLOB_CHUNK_BYTES * 16 <= RING_BYTES_MAX, 'a chunk is a small part of a ring')
assert(BLOB_CHUNK_BYTES + 2 * 1024 <= FRAME_BYTES_TARGET, 'a chunk and its key fit a frame')
assert(UPLOAD_WINDOW_BYTES * 2 <= RING_BYTES_MAX, 'an upload leaves room in every ring')
assert(
  FRAME_BYTES_TARGET + HEAD_BYTES_MAX + 8 * 1024 > FRAME_BYTES_MAX,
  'a full batch is closed before the next record',
)
assert(ACK_FRAMES_MAX < EJECT_RING_SHARE * RING_FRAMES_MAX, 'who acknowledges when it has to is not ejected')
assert(FLUSH_LATE_MS < FLUSH_WAIT_MS_MAX, 'one is late before everybody is waited for in vain')
assert(SYNC_SESSIONS_MAX * SYNC_CHUNK_BYTES < SYNC_BYTES_BURST, 'the rate, not the burst, is what bounds a sync')
assert(ACK_FRAMES_MAX * 2 < RING_FRAMES_MAX, 'acknowledgements come before the ring is full')
assert(CHECK_SETTLE_MS > FLUSH_WAIT_MS_MAX + PROBE_MS_MAX, 'a loss is noticed before it counts as a difference')
assert(CHECK_SETTLE_MS > SUSPECT_MS + STALL_MS, 'who is cut off knows it before it counts as a difference')
assert(CHECK_DEADLINE_MS_DEFAULT > CHECK_SETTLE_MS + 2 * CHECK_ROUND_MS_MAX, 'a difference is told apart in time')
assert(
  CHECK_SIGHTINGS_MAX * CHECK_ROUND_MS_MAX > CHECK_SETTLE_MS + 2 * CHECK_ROUND_MS_MAX,
  'a difference that stays is seen again',
)
assert(DEAD_MS > SUSPECT_MS, 'a member is suspected before it is dead')
assert(SUSPECT_MS > 2 * HEARTBEAT_MS + STALL_MS, 'one lost heartbeat and an unnoticed stall make nobody a suspect')
assert(SUSPECT_MS > 2 * HEARTBEAT_STEADY_MS, 'nor does one lost heartbeat in steady times')
assert(VOUCHED_MS_MAX > 2 * DEAD_MS, 'others are asked several times before their word no longer counts')
