/** Every bound of the links, with its reason. */

/**
 * Bytes that one direction of one connection keeps while they are on their way; above, its source is not read. A long fat line has about
 * so much in flight: 5 MB/s at 200 ms. Memory: so much for each direction of each connection, where the line is slow.
 */
export const FLIGHT_BYTES_MAX: number = 1 << 20

/** How long what waits for bandwidth may wait, in milliseconds: the queue of a router, in which more would only grow old. */
export const BANDWIDTH_QUEUE_MS = 400

/** But two reads' worth fit always, or a thin line would stand still between them. In bytes. */
export const BANDWIDTH_QUEUE_BYTES_MIN: number = 16 << 10

/** What leaves a thin line at once, in milliseconds of it: a whole read would arrive in lumps. */
export const SLICE_MS = 10

/** What TCP carries in a packet on Ethernet, in bytes. */
export const SEGMENT_BYTES = 1_448

/** Later packets after which TCP knows that one was lost, and repeats it within a round trip (RFC 5681, fast retransmit). */
export const DUPLICATE_ACKS = 3

/** How long TCP waits for an acknowledgement before it repeats by the clock, in milliseconds, beside the round trip; Linux's minimum. */
export const RETRANSMIT_MS = 200

/** It waits twice as long each time, up to this, in milliseconds. */
export const RETRANSMIT_MS_MAX = 120_000

/** Connections that one member opens to another on a cut link, and that hang. Who dials anew has given up the oldest. */
export const HUNG_CONNECTIONS_MAX = 64

/**
 * How long a hung connection is read before it goes on after a heal, in milliseconds: its dialler may have given up meanwhile, and then
 * the other side never hears of it.
 */
export const HUNG_SETTLE_MS = 20

/** How long a command of the system may take, in milliseconds. They take a few; making a namespace on a busy machine takes its time. */
export const COMMAND_DEADLINE_MS = 20_000

/** Hosts of a lab: the last part of their addresses, less what the switch and the test have. */
export const LAB_HOSTS_MAX = 250

/** What is kept of the words of a helper process that may have to explain its end, in characters. */
export const STDERR_CHARS_MAX = 4_096

/** How finely a loss rate is taken: parts of the whole. */
export const LOSS_STEPS = 100_000
