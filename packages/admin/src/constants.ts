/** Bounds of a node's admin server, its event stream, its watchdog and its end, with unit and reason. */
import assert from 'node:assert/strict'

// Requests.

/** A token shorter than this, in characters, can be guessed. */
export const TOKEN_CHARS_MIN = 16
/** Connections at once: operators, a page or two, scrapers. More are closed when they are accepted. */
export const CONNECTIONS_MAX = 128
/** Requests that are worked on at once, event streams apart. The probes are answered whatever happens. */
export const REQUESTS_AT_ONCE_MAX = 32
/** Headers of a request, in bytes. */
export const HEADER_BYTES_MAX: number = 8 * 1024
/** Time for a request's headers, and for the whole of it, in milliseconds: who is slower holds a connection for nothing. */
export const HEADERS_MS_MAX = 5_000
export const REQUEST_MS_MAX = 15_000
/** How often slow requests are looked for, in milliseconds. */
export const SLOW_CHECK_MS = 1_000
/** How long a connection without a request is kept, in milliseconds. Longer than the interval of the usual probes (5 s). */
export const KEEP_ALIVE_MS = 10_000
/** A request's body, in bytes. What is larger is set through the library; the bodies of all requests at once fit 128 MiB. */
export const BODY_BYTES_MAX: number = 4 * 1024 * 1024
/** Every request is answered within this, in milliseconds, whatever it waits for. */
export const ANSWER_MS_MAX = 60_000
/** The deadline that a caller may give a check or a session's command, in milliseconds: the answer still has time to leave. */
export const DEADLINE_MS_MAX: number = ANSWER_MS_MAX - 5_000
/** What a check takes at most unless told otherwise, in milliseconds. */
export const CHECK_DEADLINE_MS_DEFAULT = 5_000

// Metrics.

/** Members with metrics of their own. Where there are more, the others share one series. */
export const MEMBER_SERIES_MAX = 64
/** The delay of the event loop is that of the last one to two such windows, in milliseconds. */
export const LOOP_WINDOW_MS = 10_000
/** How finely it is measured, in milliseconds: a timer fires so often. */
export const LOOP_RESOLUTION_MS = 20

// Events.

/** Events that are kept for who comes back with the id of the last one it had. */
export const EVENTS_KEPT = 256
/** Events of one type that are told in a second. The rest is counted: a full cache evicts thousands of sessions a second. */
export const EVENTS_PER_SECOND_MAX = 50
/** Event streams at once. */
export const LISTENERS_MAX = 16
/** Bytes that may wait for one listener; who reads so little is disconnected, and comes back with `Last-Event-ID`. */
export const LISTENER_BYTES_MAX: number = 1024 * 1024
/** A snapshot goes out so often, in milliseconds. */
export const SNAPSHOT_MS = 1_000
/** After so long browsers connect again, in milliseconds. */
export const RECONNECT_MS = 1_000

// Watchdog.

/** The shortest and the longest stall that may be asked for, in milliseconds: a shorter one is what garbage collection and a busy
 * machine do, a longer one nobody waits for. */
export const STALL_MS_MIN = 100
export const STALL_MS_MAX = 3_600_000
/** Beats, and looks at them, in one `stallMs`. More see a stall sooner, by a smaller part of it. */
export const BEATS_PER_STALL = 8

// Ends.

/** An orderly end drains for so long unless told otherwise, in milliseconds: as long as a node does, and a third of the half minute
 * that orchestrators give a process. */
export const END_DRAIN_MS_DEFAULT = 10_000
/** What an orderly end may take beyond the node's `drainMs`, in milliseconds: its last writes, goodbye, open connections. */
export const END_GRACE_MS = 5_000

assert(LISTENERS_MAX + REQUESTS_AT_ONCE_MAX < CONNECTIONS_MAX, 'a probe always finds a connection')
