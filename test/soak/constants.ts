/** What the soak is made of, with units and reasons. */

/** Members. Two of them, the first, are never killed: their memory is watched from beginning to end. */
export const MEMBERS = 5
export const SPARED = 2

/** TLS handshakes a second, all members together: about a tenth of what five processes on two cores can do. */
export const HANDSHAKES_PER_SECOND = 300

/** Clients. A prime, so that each comes to another member each time. With so many each comes every two seconds. */
export const CLIENTS = 601

/** How long a TLS session lives, in milliseconds: short, so that sessions come and go all the time. */
export const TLS_LIFETIME_MS = 20_000

/** How long TLS 1.3 renews one, in milliseconds. */
export const TLS_RENEWAL_MS = 40_000

/** A part of the visits comes from somebody new. */
export const STRANGER_RATE = 0.02

/** Of the handshakes that offered a live session, what part must be resumed. An issue says so. */
export const RESUMED_RATE_MIN = 0.999

/** Visits under way at once, at most; what comes above has to wait, and is counted as late. */
export const VISITS_MAX = 150

/** How long a visit may take, in milliseconds: a member that is killed in the middle of it never ends it. */
export const VISIT_DEADLINE_MS = 5_000

/** How often clients look whether somebody is due, in milliseconds. */
export const PACE_MS = 10

/** Application sessions that are made a second, moved to another member, and dropped or left to end. */
export const WANDERERS_PER_SECOND = 20
export const WANDERER_IDLE_MS = 6_000
export const WANDERER_ABSOLUTE_MS = 10_000
/** What ends in less than so much is not looked for, in milliseconds: members do not move it any more. */
export const WANDERER_MARGIN_MS = 2_000
/** When it turns up at another member, in milliseconds. */
export const WANDERER_MOVES_MS = 1_000

/** One is killed every so often, in milliseconds, the first time after half of it, and is away for so long. */
export const KILL_EVERY_MS = 60_000
export const AWAY_MS = 2_000

/**
 * How often memory is measured, in milliseconds. Clients hold still meanwhile: two full garbage collections in every process at
 * once take longer than the 50 ms that a lookup may.
 */
export const SAMPLE_EVERY_MS = 10_000

/** The part of the run, from its end, in which memory is judged: before that caches and compiled code grow. */
export const JUDGED_PART = 0.7

/** Shorter runs say nothing about memory, in milliseconds: it still grows to what it takes. */
export const JUDGED_RUN_MS_MIN = 300_000

/**
 * Bytes by which the memory of a member may grow for each handshake of the cluster. A listener that is forgotten each time is 60 and more.
 */
export const GROWTH_BYTES_MAX = 16

/** How long after the last handshake everything may take to be as it was, in milliseconds: sessions have to end first. */
export const BASELINE_WITHIN_MS: number = TLS_RENEWAL_MS + 30_000

/** How often it is looked, in milliseconds. */
export const BASELINE_EVERY_MS = 500

/** Looks before the load of which the highest count: timers come and go. */
export const BASELINE_LOOKS = 20

/** How long a start may take, in milliseconds, on a machine that does other things. */
export const START_DEADLINE_MS = 60_000
