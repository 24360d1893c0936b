/**
 * How long a session lives: the cookie's word first, then the store's, as with every store of express.
 *
 * A cookie with a `maxAge` starts anew at each use, and is kept without its date, which is derived when it is read. A cookie
 * with nothing but a date ends then. The cluster gives a session an idle time when it is made; the session may want a shorter
 * one later, which is kept beside it, or a longer one, for which it is made anew.
 */
import type { JsonValue } from '@reprise/core'
import type { Lifetime } from './documents.ts'
import type { JsonMap } from './json.ts'
import { isList, isMap } from './json.ts'

/** What a store keeps of a session beside its data. */
export interface Meta {
  /** The cookie's attributes. Undefined: the application set none, and gets none. */
  readonly cookie: JsonMap | undefined
  /** Milliseconds without use after which it ends. */
  readonly idleMs: number
  /** The same, as the cluster was told when it was made. */
  readonly madeIdleMs: number
  /** Random, given when it is made, and kept for life. */
  readonly life: string
  /** The texts that it can be found by. */
  readonly tags: readonly string[]
}

/** The field that it is in. */
export const META = '@'

export function metaToJson({ cookie, idleMs, madeIdleMs, life, tags }: Meta): JsonMap {
  return {
    ...(cookie !== undefined && { c: cookie }),
    i: idleMs,
    ...(madeIdleMs !== idleMs && { m: madeIdleMs }),
    l: life,
    ...(tags.length > 0 && { t: tags }),
  }
}

/** @returns undefined for what this package did not write. */
export function metaOf(value: JsonValue | undefined): Meta | undefined {
  if (!isMap(value)) return undefined
  const { c: cookie, i: idleMs, m: madeIdleMs, l: life, t: tags } = value
  if (typeof idleMs !== 'number' || typeof life !== 'string') return undefined
  return {
    cookie: isMap(cookie) ? cookie : undefined,
    idleMs,
    madeIdleMs: typeof madeIdleMs === 'number' ? madeIdleMs : idleMs,
    life,
    tags: isList(tags) ? tags.filter((tag) => typeof tag === 'string') : [],
  }
}

/**
 * The idle time of a session, in milliseconds; 0 or less: it has ended.
 * @param ttlMs what the store gives a session whose cookie says nothing, or all sessions when a function decides.
 */
export function idleMsOf(cookie: JsonMap | undefined, ttlMs: number, isTtlDecided: boolean, nowMs: number): number {
  if (isTtlDecided) return Math.ceil(ttlMs)
  const leftMs = expiresAtMs(cookie) - nowMs
  if (!Number.isFinite(leftMs)) return Math.ceil(ttlMs)
  const maxAgeMs = cookie?.['originalMaxAge']
  return leftMs > 0 && typeof maxAgeMs === 'number' && maxAgeMs > 0 ? Math.ceil(maxAgeMs) : Math.ceil(leftMs)
}

/** What is kept of a cookie: its date only if that is all it says. Fastify notes in it what it was read with. */
export function keptCookie(cookie: JsonMap | undefined): JsonMap | undefined {
  if (cookie === undefined) return undefined
  const { expires, originalExpires: _, ...rest } = cookie
  return isRolling(cookie) || expires === undefined ? rest : { ...rest, expires }
}

/** A cookie as it is handed up, with the date at which it ends. */
export function shownCookie(cookie: JsonMap, remainingMs: number, nowMs: number): Record<string, unknown> {
  if (isRolling(cookie)) return { ...cookie, expires: new Date(nowMs + remainingMs) }
  const atMs = expiresAtMs(cookie)
  return { ...cookie, expires: Number.isFinite(atMs) ? new Date(atMs) : null }
}

/** Milliseconds that a session has left if nobody uses it. */
export function remainingMsOf(meta: Meta, sessionMs: number, nowMs: number): number {
  const idleMs = sessionMs - Math.max(0, meta.madeIdleMs - meta.idleMs)
  const isDated = meta.cookie !== undefined && !isRolling(meta.cookie)
  return isDated ? Math.min(idleMs, expiresAtMs(meta.cookie) - nowMs) : idleMs
}

export function lifetimeOf(idleMs: number, absoluteMs: number): Lifetime {
  return { idleMs, absoluteMs: Math.max(idleMs, absoluteMs) }
}

function isRolling(cookie: JsonMap): boolean {
  return typeof cookie['originalMaxAge'] === 'number'
}

/** Infinity when the cookie says nothing of a date. */
function expiresAtMs(cookie: JsonMap | undefined): number {
  const expires = cookie?.['expires']
  const atMs = typeof expires === 'string' || typeof expires === 'number' ? new Date(expires).valueOf() : Number.NaN
  return Number.isNaN(atMs) ? Number.POSITIVE_INFINITY : atMs
}
