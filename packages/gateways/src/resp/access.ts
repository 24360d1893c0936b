/**
 * Who may use the gateway: everybody who reaches it, or whoever knows a password.
 *
 * Passwords are kept and compared as digests, all of them at every attempt, so that how long it takes tells nothing.
 */
import { createHash, timingSafeEqual } from 'node:crypto'

export interface Credentials {
  /** Default `'default'`, whom `AUTH password` without a name means. */
  readonly user?: string
  readonly password: string
}

export class Access {
  readonly #users: readonly { readonly user: Buffer; readonly password: Buffer }[]

  /** @param credentials of whom to let in; none: everybody, as the default user. */
  constructor(credentials: readonly Credentials[]) {
    this.#users = credentials.map(({ user = DEFAULT_USER, password }) => ({
      user: digest(Buffer.from(user)),
      password: digest(Buffer.from(password)),
    }))
  }

  /** Nobody needs a password. */
  get isOpen(): boolean {
    return this.#users.length === 0
  }

  /** Whether somebody has this name and this password. Without passwords the default user may come with any. */
  admits(user: Uint8Array, password: Uint8Array): boolean {
    const given = { user: digest(user), password: digest(password) }
    if (this.isOpen) return timingSafeEqual(given.user, digest(Buffer.from(DEFAULT_USER)))
    let isKnown = false
    for (const known of this.#users) {
      const isUser = timingSafeEqual(known.user, given.user)
      const isPassword = timingSafeEqual(known.password, given.password)
      isKnown = (isUser && isPassword) || isKnown
    }
    return isKnown
  }
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

export const DEFAULT_USER = 'default'
