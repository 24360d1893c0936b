/** Session objects as applications have them. */
import type { SessionData } from 'express-session'

/** A new session whose cookie lasts a minute, unless told otherwise. */
export function sessionWith(data: Partial<SessionData> = {}, maxAgeMs: number | null = 60_000): SessionData {
  const expires = maxAgeMs === null ? null : new Date(Date.now() + maxAgeMs)
  return { cookie: { path: '/', httpOnly: true, originalMaxAge: maxAgeMs, expires }, ...data }
}

/** What was loaded, which must be there. */
export function there<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('there is no session')
  return value
}
