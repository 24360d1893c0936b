/**
 * Patterns of keys as Redis has them: `*`, `?`, `[abc]`, `[a-z]`, `[^a]`, and `\` before what is meant literally.
 *
 * They are matched byte by byte, in time proportional to pattern times key at most: only the last `*` is ever tried anew, which
 * is enough, because what an earlier one took is found again by the later one.
 */

/** Whether the key is one of the pattern's. */
export function matchesGlob(pattern: Uint8Array, key: Uint8Array): boolean {
  let at = 0
  let keyAt = 0
  /** Behind the last star, and the first byte of the key that it did not take. */
  let star = -1
  let starKeyAt = 0
  while (keyAt < key.length || at < pattern.length) {
    if (pattern[at] === STAR) {
      star = ++at
      starKeyAt = keyAt
      continue
    }
    const next = keyAt < key.length ? matchOne(pattern, at, key[keyAt] as number) : -1
    if (next >= 0) {
      at = next
      keyAt++
      continue
    }
    if (star < 0 || starKeyAt >= key.length) return false
    at = star
    keyAt = ++starKeyAt
  }
  return true
}

/** Match one byte. @returns where the pattern goes on; -1 when it does not match. */
function matchOne(pattern: Uint8Array, at: number, byte: number): number {
  const token = pattern[at]
  if (token === undefined) return -1
  if (token === QUESTION_MARK) return at + 1
  if (token === OPENING_BRACKET) return matchClass(pattern, at + 1, byte)
  const isEscaped = token === BACKSLASH && at + 1 < pattern.length
  const literal = isEscaped ? pattern[at + 1] : token
  if (literal !== byte) return -1
  return isEscaped ? at + 2 : at + 1
}

/** Match one byte with what is in brackets. Without a closing one the pattern is all in them. */
function matchClass(pattern: Uint8Array, from: number, byte: number): number {
  const isNegated = pattern[from] === CARET
  let isMatch = false
  let at = isNegated ? from + 1 : from
  for (; at < pattern.length && pattern[at] !== CLOSING_BRACKET; at++) {
    if (pattern[at] === BACKSLASH && at + 1 < pattern.length) {
      at++
      isMatch ||= pattern[at] === byte
    } else if (pattern[at + 1] === HYPHEN && at + 2 < pattern.length) {
      const ends = [pattern[at] as number, pattern[at + 2] as number]
      isMatch ||= byte >= Math.min(...ends) && byte <= Math.max(...ends)
      at += 2
    } else isMatch ||= pattern[at] === byte
  }
  if (isMatch === isNegated) return -1
  return Math.min(at + 1, pattern.length)
}

const STAR = 0x2a
const QUESTION_MARK = 0x3f
const OPENING_BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d
const CARET = 0x5e
const HYPHEN = 0x2d
const BACKSLASH = 0x5c
