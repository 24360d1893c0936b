/** From milliseconds of the run to places on the page: the same for everything in the time line. */
import type { RunRecord } from '../run-record.ts'
import { COLUMNS_MAX, X_UNITS } from './constants.ts'

export class TimeAxis {
  readonly fromMs: number
  readonly toMs: number

  constructor({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }) {
    this.fromMs = fromMs
    // A run that did not last is one of a millisecond.
    this.toMs = Math.max(toMs, fromMs + 1)
  }

  get lengthMs(): number {
    return this.toMs - this.fromMs
  }

  /** In units of the drawing; the nearest edge for what lies outside. */
  x(atMs: number): number {
    return Math.round(this.#share(atMs) * X_UNITS)
  }

  /** Of the width, for what is laid over the drawing. */
  percent(atMs: number): string {
    return `${(this.#share(atMs) * 100).toFixed(3)}%`
  }

  /** The share of the width between two moments, in the same way. */
  percentBetween(fromMs: number, untilMs: number): string {
    return `${(Math.max(0, this.#share(untilMs) - this.#share(fromMs)) * 100).toFixed(3)}%`
  }

  /** Which of so many equal parts a moment lies in. */
  partOf(atMs: number, parts: number = COLUMNS_MAX): number {
    return Math.min(parts - 1, Math.floor(this.#share(atMs) * parts))
  }

  /** Round moments, at least as many milliseconds apart as that share of the length. */
  ticks(share: number): number[] {
    const stepMs = niceStep(this.lengthMs * share)
    const ticks: number[] = []
    for (let tick = Math.ceil(this.fromMs / stepMs); tick * stepMs <= this.toMs; tick++) ticks.push(tick * stepMs)
    return ticks
  }

  #share(atMs: number): number {
    return Math.min(1, Math.max(0, (atMs - this.fromMs) / this.lengthMs))
  }
}

/** From the first thing that a run recorded to the last. */
export function timeAxisOf(record: RunRecord): TimeAxis {
  let fromMs = 0
  let toMs = Math.max(record.healedAtMs, record.quietAtMs ?? 0)
  const see = (atMs: number | undefined): void => {
    if (atMs === undefined) return
    if (atMs < fromMs) fromMs = atMs
    if (atMs > toMs) toMs = atMs
  }
  for (const { atMs } of record.samples) see(atMs)
  for (const { atMs } of record.violations) see(atMs)
  for (const { startMs, endMs } of record.operations) see(endMs ?? startMs)
  for (const { fromMs: beganMs, untilMs } of record.faults) see(untilMs ?? beganMs)
  return new TimeAxis({ fromMs, toMs })
}

/** The next 1, 2 or 5 times a power of ten: steps that people count in. */
function niceStep(rough: number): number {
  return nextOf([1, 2, 5], rough)
}

/** The top of a scale: round, and not much higher than what it has to show. */
export function niceTop(value: number): number {
  return nextOf([1, 1.5, 2, 3, 4, 5, 6, 8], value)
}

function nextOf(factors: readonly number[], value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  return (factors.find((factor) => factor * power >= value) ?? 10) * power
}
