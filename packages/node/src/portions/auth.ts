/** User authentication information: who the client is, and how and when that was found out. */
import type { PortionCodec } from '@reprise/core'
import { definePortion } from './define.ts'
import { instantMs, list, object, optional, text } from './shape.ts'

/** Who the client of a session is. */
export interface Auth {
  /** The user, by the name or number that the application knows, up to 256 characters. */
  readonly userId: string
  /** How the user proved it, such as `password`, `webauthn` or `client-certificate`, up to 64 characters. */
  readonly method: string
  /** When, by the clock of the server that saw it. */
  readonly authenticatedAtMs: number
  /** From when on the user has to prove it again. */
  readonly expiresAtMs?: number | undefined
  /** Up to 256 roles of up to 128 characters. */
  readonly roles?: readonly string[] | undefined
  /** What else is known of the user, such as the claims of a token: plain data by name. */
  readonly claims?: { readonly [name: string]: unknown } | undefined
}

/** The portion `auth`: user authentication information. Sealed. */
export const auth: PortionCodec<Auth> = definePortion({
  name: 'auth',
  version: 1,
  sealed: true,
  shape: object({
    userId: text({ max: 256 }),
    method: text({ max: 64 }),
    authenticatedAtMs: instantMs,
    expiresAtMs: optional(instantMs),
    roles: optional(list(text({ max: 128 }), { max: 256 })),
    claims: optional(object({})),
  }),
})
