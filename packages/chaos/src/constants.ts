/** Every bound and pace of a run, with unit and reason. */

/** Copies need other members; a process of about 100 MB each, and a connection to every other one. */
export const MEMBERS_MIN = 2
export const MEMBERS_MAX = 32
/** Clients are promises, and sessions a map; above this the generator would be what is measured. */
export const CLIENTS_MAX = 10_000
export const RATE_MAX = 10_000
export const KEYS_MAX = 100_000
/** A cart of forty is still one that fits a node's memory many times. */
export const ITEM_BYTES_MAX: number = 64 * 1024
/** A day: what is longer is no test. */
export const RUN_MS_MAX: number = 24 * 60 * 60_000
/** Zipf's exponent that is found for the popularity of pages and users. */
export const ZIPF_DEFAULT = 1.1
/** The lifetime of sessions that are not to end during a run, in milliseconds. */
export const LIFETIME_MS: number = 60 * 60_000

/** Starting N processes takes N times half a second of CPU, on a machine that has other things to do as well. */
export const START_DEADLINE_MS = 90_000
/**
 * How long a member that is told to go hands over, in milliseconds. It takes a second or two; but what it has not handed over by then is gone, and
 * the machine may be busy with five members and something else. A deployment gives its servers as long as they need, too.
 */
export const DRAIN_MS = 60_000
/** From being told to go to the end of its process. */
export const STOP_DEADLINE_MS: number = DRAIN_MS + 10_000
/** What a member wrote last to stderr, kept to be shown when it dies. */
export const STDERR_LINES_MAX = 20
export const STDERR_LINE_CHARS_MAX = 500

/** How often members are looked at, and whether they answer: as load balancers do. */
export const SAMPLE_MS = 1_000
/** A member that does not answer within this is silent. */
export const SAMPLE_DEADLINE_MS = 800
/** How long a client waits for one node: longer than the node's own deadline for a commit, so that it can say what came of it. */
export const PATIENCE_MS = 3_000
/** How long a node looks for a session and waits for copies, in milliseconds. */
export const RESUME_DEADLINE_MS = 1_000
export const COMMIT_DEADLINE_MS = 2_000
/** How long a client goes on with one request, from node to node, as long as a browser does. Then somebody sees an error. */
export const REQUEST_MS = 30_000
/** After all nodes were tried the client waits so long before it tries them again. */
export const ROUND_PAUSE_MS = 250
/** Items after which a cart is bought: each is a portion, of which a session has 64, removed ones counted. */
export const CART_ITEMS_MAX = 40
/** When a client looks for a session that it ended: at once, and when everybody should have forgotten that it was asked. */
export const LOOK_AFTER_MS_MIN = 100
export const LOOK_AFTER_MS_MAX = 8_000
/** Clients that fill the cluster with sessions before the run begins, and that read everything back after it. */
export const CLIENTS_AT_ONCE = 16
/** How often a member that does not answer is asked for a session in the end. */
export const FINAL_READ_TRIES = 4
/** In the end each session is looked for at so many members. */
export const FINAL_READ_MEMBERS = 3
/** What a member keeps of sessions that it resumed for a client that has not come back. */
export const HANDLES_MAX = 10_000
/** Who wrote most is counted over this time. */
export const PRIMARY_WINDOW_MS = 5_000

/** TLS sessions live so long unless a scenario says otherwise, and TLS 1.3 renews them so long, as the package has it. */
export const TLS_LIFETIME_MS = 300_000
export const TLS_RENEWAL_MS: number = 24 * 60 * 60_000
/** How long a member's handshake waits for the cluster: longer than in production, so that a slow machine is no miss. */
export const TLS_LOOKUP_DEADLINE_MS = 1_000
/** A client certificate for each, which takes a fraction of a millisecond to make. */
export const TLS_CLIENTS_MAX = 2_000
/** How long clients that are being served have to leave when a member closes its TLS server. */
export const GOODBYE_MS = 1_000
/** By when members have heard what a member that was held up or out of reach missed: what the product promises. */
export const NEWS_MS = 15_000

/** How soon members must reach each other after the last fault, unless a scenario says otherwise: what the product promises. */
export const LINKS_WITHIN_MS = 10_000
/** How often the cluster is asked to check itself while it comes to rest, and how long one check takes at most. */
export const QUIET_LOOK_MS = 250
export const CHECK_DEADLINE_MS = 5_000
/**
 * By how much the end of a session may differ from what its client reckons: the sweep, a round trip, and the two seconds in which what is
 * about to end is no longer moved.
 */
export const END_MARGIN_MS = 3_000
/** Violations of one kind that a record keeps; more say nothing new. */
export const VIOLATIONS_MAX = 50

/** A disk that can be full: many times what a scenario's sessions take. */
export const SMALL_DISK_BYTES: number = 64 * 1024 * 1024
/** It is filled in pieces of this size, and then of half of it, to the last byte. */
export const FILL_BYTES: number = 1024 * 1024
