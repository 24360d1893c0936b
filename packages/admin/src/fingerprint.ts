/**
 * How an id of a session is shown to people: as a keyed fingerprint, which says that two lines are about the same session and
 * nothing else. The key is made anew in each process and never leaves it, so that nobody can look an id up by trying.
 */
import { Buffer } from 'node:buffer'
import { createHmac, generateKeySync } from 'node:crypto'
import type { SessionIdInput } from '@reprise/core'

const KEY = generateKeySync('hmac', { length: 256 })

/**
 * The fingerprint of a session's id, for logs and events: 8 hexadecimal digits (32 bits) of HMAC-SHA-256 (RFC 2104), the same
 * for the same id in this process. About 1 in 4 billion pairs of ids share one.
 */
export function fingerprint(id: SessionIdInput): string {
  const bytes = typeof id === 'string' ? Buffer.from(id, 'utf8') : id
  return createHmac('sha256', KEY).update(bytes).digest('hex').slice(0, 8)
}
