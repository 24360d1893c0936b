/** Bounds and defaults of the gateways, with unit and reason. */
import { ABSOLUTE_MS_MAX, ID_BYTES_MAX } from '@reprise/core'

// The store.

/** Keeps what comes in over gateways apart from sessions of applications, which nobody shall read or drop that way. */
export const PREFIX_DEFAULT = 'kv:'
/** With the longest one a key may still have 191 bytes. With up to five it has the 250 of memcached. */
export const PREFIX_BYTES_MAX = 64
export const KEY_BYTES_MAX_BARE: number = ID_BYTES_MAX
/** Keys that are not served unless asked for: what these caches of Apache httpd hold is password hashes, and whole responses. */
export const REFUSED_DEFAULT: readonly string[] = ['authn-socache:', 'cache-socache:']
/** Prefixes in each of `serve` and `refuse`: every look-up compares with all of them. */
export const PREFIX_RULES_MAX = 64

/** How long a look-up asks others. A round trip in a data centre is far below; a handshake that waits this long is not felt. */
export const READ_DEADLINE_MS_DEFAULT = 20
export const READ_DEADLINE_MS_MAX = 60_000
/** What memcached takes by default. */
export const VALUE_BYTES_MAX_DEFAULT: number = 1024 * 1024
/** Less than the cluster takes (16 MiB), for what is stored with it. */
export const VALUE_BYTES_MAX: number = 15 * 1024 * 1024
/**
 * How long a value outside the head (over 1 KiB) may look for its first holder. A member that froze is noticed later than
 * that, and meanwhile a handshake waits for a client's certificate to be stored. Small values are queued and wait for nobody.
 */
export const WRITE_DEADLINE_MS_DEFAULT = 80
export const WRITE_DEADLINE_MS_MAX = 60_000
/** From this on a value may lie outside the head, with what is stored beside it, or stay there. */
export const OUTSIDE_VALUE_BYTES_MIN = 700
/** Larger values get the time that commits of their size have: no terminator stores such, and they take longer on a busy network. */
export const BRIEF_WRITE_BYTES_MAX: number = 16 * 1024

const DAY_MS = 86_400_000
/** A month, the longest that memcached counts in seconds from now. What is deleted is remembered as long, 260 bytes each. */
export const LIFE_MS_MAX_DEFAULT: number = 30 * DAY_MS
/** The idle time of a key without an end, which no other key has. The cluster's longest; its absolute end comes before. */
export const ENDLESS_IDLE_MS: number = ABSOLUTE_MS_MAX
/** So that every end can be told from that. */
export const LIFE_MS_MAX: number = ABSOLUTE_MS_MAX - DAY_MS
/**
 * How many times its expiry a key may live that turned out to be prolonged. Prolonging it within that costs a touch, over it
 * the value is written anew; but when it is deleted, that has to be remembered as long.
 */
export const PROLONGED_LIVES = 8
/** How often a write is tried again because somebody else dropped the key, or made it, at that moment. */
export const WRITE_TRIES_MAX = 4
/** Bytes of values that are kept opened. Opening one of 200 bytes costs some 4 us, five times the rest of a look-up. */
export const OPENED_BYTES_MAX: number = 8 * 1024 * 1024
/** What one takes besides its bytes: its objects, and its place in a map. */
export const OPENED_ENTRY_BYTES = 300
/** Keys are counted anew when somebody asks after this: at a million keys counting takes some 100 ms. */
export const COUNT_AGE_MS_MAX = 1_000
/** Deletions of a flush between two turns of the event loop. */
export const FLUSH_BATCH = 128

// Servers.

/** Connections of one gateway. A process of Apache httpd has one per thread that looks up at the same moment. */
export const CONNECTIONS_MAX_DEFAULT = 16_384
/** Bytes that wait in all conversations of a gateway for the rest of their request. The one that goes over it is closed. */
export const BUFFERED_BYTES_MAX_DEFAULT: number = 256 * 1024 * 1024
/** Bytes that may wait behind a request that is being answered; then the client's next are left in the socket. */
export const READ_AHEAD_BYTES_MAX: number = 64 * 1024
/** Bytes of answers that a client has not taken; then its next request waits until it has. */
export const UNSENT_BYTES_MAX: number = 1024 * 1024
/** A round of answers ends after this, and what is left of it is the next one: timers, frames and new data get their turn between. */
export const ROUND_MS = 10
/** How long a stop waits for requests under way. A look-up takes at most its deadline, a write a little longer. */
export const STOP_MS_MAX = 1_000
/** What a socket address has room for, its end included, on every system. */
export const SOCKET_PATH_BYTES_MAX = 103
/** Of a password: what is guessed at the speed of a local connection has to be long. */
export const PASSWORD_CHARACTERS_MIN = 16

// sessiond.

/** Writes under way at once: what a node takes in some tens of milliseconds. */
export const SESSIOND_PENDING_MAX = 1_024
/** How often it is looked whether the node holds everything, which changes with the members only. */
export const COVERAGE_CHECK_MS = 5_000
