/** Numbers for people. Every number has its unit, and none more digits than it deserves. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${BYTE_UNITS[unit]}`
}

const COUNT = new Intl.NumberFormat('en')

export function formatCount(count: number): string {
  return COUNT.format(count)
}

/** A rate per second. */
export function formatRate(perSecond: number): string {
  const digits = perSecond >= 10 || perSecond === 0 ? 0 : 1
  return `${COUNT.format(Number(perSecond.toFixed(digits)))}/s`
}

export function formatMs(ms: number): string {
  if (ms >= 60_000) return formatDuration(ms)
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`
}

export function formatShare(share: number): string {
  return `${(100 * share).toFixed(share > 0.995 && share < 1 ? 1 : 0)} %`
}

const DURATION_UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** The two greatest units: `3 d 4 h`, `2 min 5 s`. */
export function formatDuration(ms: number): string {
  const first = DURATION_UNITS.findIndex(([, unitMs]) => ms >= unitMs)
  if (first < 0) return '0 s'
  const [name, unitMs] = DURATION_UNITS[first] ?? DURATION_UNITS[3]
  const whole = Math.floor(ms / unitMs)
  const next = DURATION_UNITS[first + 1]
  if (next === undefined) return `${whole} ${name}`
  const rest = Math.floor((ms - whole * unitMs) / next[1])
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${next[0]}`
}

/** The time of day on this screen's clock. */
export function formatTime(atMs: number): string {
  return new Date(atMs).toLocaleTimeString('en-GB')
}

/** The end of a peer id, which is what differs. */
export function shortId(nodeId: string): string {
  return `…${nodeId.slice(-8)}`
}
