/**
 * The limits of this package, each with its reason.
 *
 * What a stranger can make a server hold before it has proven anything is bounded three times: per connection
 * (`CLIENT_HELLO_WIRE_BYTES_MAX`), in number (`PEEKS_MAX`) and in sum (`PEEK_BYTES_MAX`). Over a limit a connection is
 * handed to the server unread: a full handshake, as without Reprise, never a refusal.
 */

import assert from 'node:assert/strict'

/** Longest ClientHello that is read, in bytes of the handshake message. Post-quantum key shares need about 2 KiB. */
export const CLIENT_HELLO_BYTES_MAX: number = 64 * 1024 + 512

/**
 * Records that a ClientHello may be spread over. Each costs about 50 bytes while it is read; honest ones need 1 to 5.
 */
export const CLIENT_HELLO_RECORDS_MAX = 1_024

/** Longest ClientHello on the wire, in bytes, record headers included. Bounds a pending peek. */
export const CLIENT_HELLO_WIRE_BYTES_MAX: number = 4 + CLIENT_HELLO_BYTES_MAX + 5 * CLIENT_HELLO_RECORDS_MAX

/** Longest plaintext in one TLS record, in bytes (RFC 8446, 5.1). */
export const RECORD_BYTES_MAX: number = 16 * 1024

/**
 * PSK identities that are kept of a ClientHello. Only the first of 32 bytes can be used; more tell how many there are.
 */
export const PSK_IDENTITIES_MAX = 16

/**
 * Connections whose ClientHello is awaited at once, per server. Raising it costs about 1.5 KiB each, plus what they
 * sent.
 */
export const PEEKS_MAX = 8_192

/**
 * Bytes that all pending peeks of a server hold together. Raising it lets more slow writers be resumed under attack.
 */
export const PEEK_BYTES_MAX: number = 16 * 1024 * 1024

/** Bytes that may pile up behind a ClientHello while its session is looked up: then the socket is paused. */
export const PEEK_TAIL_BYTES_MAX: number = 16 * 1024

/** Longest PROXY protocol version 1 line, in bytes, with its CRLF (the protocol's own bound). */
export const PROXY_V1_BYTES_MAX = 107

/** Longest PROXY protocol version 2 header, in bytes, extensions (TLVs) included. Larger ones are refused. */
export const PROXY_V2_BYTES_MAX = 4_096

/** Lookups under way at once, per server: what strangers with invented ids can make the cluster search. */
export const LOOKUPS_MAX = 1_024

/** Sessions being handed to the cluster at once, per server. Over it a session is not replicated, and counted. */
export const STORES_MAX = 4_096

/**
 * Longest serialized session that is replicated, in bytes: what Node itself takes. A client certificate adds about 1
 * KiB.
 */
export const SESSION_BYTES_MAX: number = 10 * 1024

/** Ticket keys that a ring keeps: the one in use, the next or the last, and one more for terminators with overlap. */
export const TICKET_KEYS_MAX = 3

assert(CLIENT_HELLO_WIRE_BYTES_MAX < PEEK_BYTES_MAX / 64, 'a few long ClientHellos must not use up the sum of all')
assert(PROXY_V2_BYTES_MAX > PROXY_V1_BYTES_MAX)

/** How long a handshake waits for the cluster, in milliseconds; then it is a full handshake. */
export const LOOKUP_DEADLINE_MS = 50

/** How long `confirm: 'copies'` holds a handshake back, in milliseconds; then it goes on unconfirmed. */
export const CONFIRM_DEADLINE_MS = 20

/**
 * How long the source may take to accept a new session, in milliseconds; then it counts as failed and its place is
 * free.
 */
export const STORE_DEADLINE_MS = 10_000

/** How long a ClientHello may take to arrive, in milliseconds; then the socket is handed over unread. */
export const CLIENT_HELLO_DEADLINE_MS = 10_000

/**
 * How long a TLS session lives, in milliseconds, since the handshake that made it. OpenSSL's own default is the same.
 */
export const SESSION_LIFETIME_MS: number = 5 * 60_000

/** How long TLS 1.3 may renew a session by resuming it, in milliseconds since the last full handshake. */
export const RENEWAL_LIFETIME_MS: number = 24 * 60 * 60_000

/** TLS 1.3 forbids ticket lifetimes over seven days (RFC 8446, 4.6.1), in milliseconds. */
export const LIFETIME_MS_MAX: number = 7 * 24 * 60 * 60_000

/**
 * How often a ticket key is replaced, in milliseconds. Short means less to lose with a key, and more full handshakes.
 */
export const TICKET_ROTATE_MS: number = 12 * 60 * 60_000

/** How often a member asks for the ring, in milliseconds: how long a rotation on demand may take to reach all. */
export const TICKET_POLL_MS = 2_000

/**
 * How long `resumeAcrossCluster` waits for the first answer of the source, in milliseconds; then it goes on without.
 */
export const START_DEADLINE_MS = 2_000

/** How long `close` waits for what is under way, in milliseconds. */
export const CLOSE_DEADLINE_MS = 2_000
