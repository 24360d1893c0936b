/** Bounds and defaults of a cluster on one machine, with unit and reason. */

/** Enough to see that it does not matter which node dies, few enough to read on one screen. */
export const DEMO_NODES_DEFAULT = 5
/** One is killed, and two must remain, so that what is written then has a copy besides its writer. */
export const DEMO_NODES_MIN = 3
export const UP_NODES_DEFAULT = 3
/** Each node is a process of about 100 MB with a connection to every other one. */
export const NODES_MAX = 32

/** Starting N processes takes N times half a second of CPU on a machine that has other things to do as well. */
export const START_DEADLINE_MS = 60_000
/** How long members get to stop by themselves; then they are killed. Nothing is lost by it: the cluster ends here. */
export const STOP_DEADLINE_MS = 3_000
/** What a member wrote last to stderr, kept to be shown when it dies. */
export const STDERR_LINES_MAX = 20
export const STDERR_LINE_CHARS_MAX = 500
/** How often it is looked whether a member that was cut or frozen is where it was: several times what it takes to tell. */
export const REJOIN_LOOK_MS = 1_000
/** How often a member tells its counters when they changed; a screen shows no more. */
export const COUNTERS_INTERVAL_MS = 200

/** Random bytes of the cluster secret: nobody else's process on this machine can join. */
export const SECRET_BYTES = 32
/** The certificate outlives every demo and no memory of it. */
export const CERTIFICATE_DAYS = 30
/** RSA, because it shows what most servers pay for a full handshake. */
export const RSA_BITS = 2_048

/**
 * How long a handshake waits until its session is at another node. A production server waits 20 ms and goes on; here all
 * nodes share one machine, and the point is to see that nothing is lost.
 */
export const CONFIRM_DEADLINE_MS = 2_000
/** How long a handshake waits for the session it resumes, for the same reason. */
export const LOOKUP_DEADLINE_MS = 2_000
/** How long a TLS session can be resumed: a person who plays by hand takes breaks. */
export const TLS_SESSION_LIFETIME_MS: number = 60 * 60_000

/** The whole story of `demo --once`. It takes about ten seconds; this is for machines that do something else as well. */
export const DEMO_ONCE_DEADLINE_MS = 90_000
