/** Who may use a gateway, where that is asked: a user and a password, compared without telling how far they agree. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { UsageError } from '@reprise/core'
import { PASSWORD_CHARACTERS_MIN } from './constants.ts'

export interface Credentials {
  readonly user: string
  /** At least 16 characters: nothing slows down who tries them. */
  readonly password: string
}

/** @throws UsageError */
export function assertCredentials({ user, password }: Credentials): void {
  if (!/^[\x21-\x7e]{1,64}$/.test(user)) throw new UsageError('user: 1 to 64 printable characters without spaces')
  if (/^[\x21-\x7e]*$/.test(password) && password.length >= PASSWORD_CHARACTERS_MIN) return
  throw new UsageError(`password: at least ${PASSWORD_CHARACTERS_MIN} printable characters without spaces`)
}

/** Whether what was shown is them. Both parts are always compared. */
export function areCredentials({ user, password }: Credentials, shownUser: Uint8Array, shown: Uint8Array): boolean {
  const isUser = timingSafeEqual(digest(user), digest(shownUser))
  const isPassword = timingSafeEqual(digest(password), digest(shown))
  return isUser && isPassword
}

/** Digests are of one length, and comparing them tells nothing of what they are of. */
function digest(data: string | Uint8Array): Uint8Array {
  return createHash('sha256').update(data).digest()
}
