/** Numbers as people read them. */

/** `7.1 ms`, `310 ms`, `4.2 s`: as many figures as mean something. */
export function formatMs(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`

  return `${ms.toFixed(ms < 9.995 ? 1 : 0)} ms`
}

/** A span of time that nobody counts in milliseconds: `12 s`, `4 min`, `3 h`, `2 d`. */
export function formatAge(ms: number): string {
  for (const [unit, unitMs] of AGE_UNITS) if (ms >= 2 * unitMs) return `${Math.floor(ms / unitMs)} ${unit}`
  return `${Math.max(0, Math.floor(ms / 1_000))} s`
}

/** What is left of a time, to the nearest: a session of half an hour that was made a moment ago ends in `30 min`. */
export function formatLeft(ms: number): string {
  const unitMs = AGE_UNITS.find(([, unitMs]) => ms >= 2 * unitMs)?.[1] ?? 1_000
  return formatAge(Math.round(ms / unitMs) * unitMs)
}

/** The next unit is taken from two of it on: `90 s` says more than `1 min`. */
const AGE_UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const

/** `512 B`, `64 KiB`, `8.0 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes >= 1024 * 1024) return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
  if (bytes >= 1024) return `${Math.round(bytes / 1024)} KiB`
  return `${bytes} B`
}

/** `8,388,608`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 session`, `2 sessions`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** The middle one of the values (the lower of two); undefined of none. */
export function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
}
