/**
 * Ticket keys as the files of terminators: what is in them, not how they are written.
 *
 * ```
 *   HAProxy  tls-ticket-keys FILE           lines of base64: previous, current, next; the last but one seals
 *   nginx    ssl_session_ticket_key FILE    48 bytes each; of several lines of the configuration the first file seals
 *   Apache   SSLSessionTicketKeyFile FILE   48 bytes, one key
 * ```
 *
 * All take 48 bytes: a name of 16, and two secrets of 16. Which secret is which differs between them, and does not matter: only
 * servers of one kind open each other's tickets.
 */
import type { OverlappingKeys } from './overlapping-ring.ts'
import type { TicketKey } from './ticket-keys.ts'

/** The file of HAProxy. */
export function haproxyKeyFile({ previous, current, next }: OverlappingKeys): string {
  return [previous, current, next].map((key) => `${haproxyKey(key)}\n`).join('')
}

/** A key as HAProxy's file and its runtime API have it. */
export function haproxyKey({ key }: TicketKey): string {
  return key.toString('base64')
}

/** The files of nginx, by what is put behind their common name. */
export function nginxKeyFiles({ previous, current, next }: OverlappingKeys): ReadonlyMap<string, Buffer> {
  return new Map([
    ['.current', current.key],
    ['.next', next.key],
    ['.previous', previous.key],
  ])
}

/** The file of Apache httpd, which has room for one key: what was sealed before a rotation is a full handshake after it. */
export function apacheKeyFile({ current }: OverlappingKeys): Buffer {
  return current.key
}
