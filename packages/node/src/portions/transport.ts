/**
 * Transport information: what the next server needs to know to send, or take, the next segment.
 *
 * ```
 *            acknowledged       offset                length
 *  ├──────────────┼───────────────┼─────────────────────┤
 *   the peer has     under way       still to be sent
 * ```
 */
import { isIP } from 'node:net'
import type { PortionCodec } from '@reprise/core'
import { PORTION_TRANSPORT_WINDOW_MAX } from '../constants.ts'
import { definePortion } from './define.ts'
import { integer, ipAddress, object, optional, rule, text } from './shape.ts'

/** One end of a connection. */
export interface Endpoint {
  /** IPv4 or IPv6, as text. */
  readonly address: string
  readonly port: number
}

/** TCP/IP header information of the segment that is next: see RFC 9293, 3.1. Sequence numbers wrap; compare distances. */
export interface SegmentHeader {
  readonly source: Endpoint
  readonly destination: Endpoint
  /** Of the next segment's first byte, 32 bits. */
  readonly sequence: number
  /** The number that is expected from the other end next, 32 bits. */
  readonly acknowledgement: number
}

/** How far a transfer is. */
export interface Transport {
  /** The byte that the next segment begins with, 0 to 2^53 - 1. */
  readonly offset: number
  /** Bytes that the receiver confirmed; at most `offset`. Who sends is to go back to here when in doubt. */
  readonly acknowledged: number
  /** Bytes that may be under way unconfirmed. */
  readonly window: number
  /** Bytes in all, where that is known; at least `offset`. */
  readonly length?: number | undefined
  /** What is transferred, such as an entity tag or the name of an upload, up to 256 characters. */
  readonly content?: string | undefined
  readonly header?: SegmentHeader | undefined
}

const endpoint = object({ address: ipAddress, port: integer({ max: 0xffff }) })

const header = rule(
  object({
    source: endpoint,
    destination: endpoint,
    sequence: integer({ max: 0xffff_ffff }),
    acknowledgement: integer({ max: 0xffff_ffff }),
  }),
  ({ source, destination }) =>
    isIP(source.address) === isIP(destination.address)
      ? undefined
      : { field: 'destination', expected: 'an address of the same IP version as the source' },
)

/** The portion `transport`: how far a transfer is, and between whom. */
export const transport: PortionCodec<Transport> = definePortion({
  name: 'transport',
  version: 1,
  shape: rule(
    object({
      offset: integer(),
      acknowledged: integer(),
      window: integer({ max: PORTION_TRANSPORT_WINDOW_MAX }),
      length: optional(integer()),
      content: optional(text({ max: 256 })),
      header: optional(header),
    }),
    ({ offset, acknowledged, length }) => {
      if (acknowledged > offset) return { field: 'acknowledged', expected: `at most the offset, ${offset}` }
      if (length !== undefined && length < offset)
        return { field: 'length', expected: `at least the offset, ${offset}` }
      return undefined
    },
  ),
})
