/**
 * Arithmetic of TCP's sequence numbers: 32 bits that begin anywhere and start over at zero (RFC 9293, 3.4).
 *
 * Two of them cannot be compared as numbers: after 4,294,967,295 comes 0. What is right for any two that are less than 2^31
 * apart, and no two numbers of one window are further, is the sign of their distance.
 */

/** The sequence number `bytes` after this one. */
export function sequenceAfter(sequence: number, bytes: number): number {
  return (sequence + (bytes % SEQUENCES)) % SEQUENCES
}

/** Bytes from one sequence number to another, from -2^31 to 2^31 - 1: negative when `to` was earlier. */
export function sequenceDistance(from: number, to: number): number {
  return (to - from) | 0
}

const SEQUENCES = 2 ** 32
