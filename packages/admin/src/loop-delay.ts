/**
 * How long the event loop kept timers waiting: over the last one to two windows, so that a figure is about now and still has seen
 * enough. Two histograms take turns: the older one is read, and the next one begins when it is over.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { LOOP_RESOLUTION_MS, LOOP_WINDOW_MS } from './constants.ts'

/** In milliseconds. */
export interface LoopDelayFigures {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export class LoopDelay implements Disposable {
  #older = begin()
  #newer = this.#older
  readonly #timer = setInterval(() => this.#turn(), LOOP_WINDOW_MS).unref()

  figures(): LoopDelayFigures {
    const older = this.#older
    if (older.count === 0) return { p50: 0, p99: 0, max: 0 }
    return { p50: lateMs(older.percentile(50)), p99: lateMs(older.percentile(99)), max: lateMs(older.max) }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#older.disable()
    this.#newer.disable()
  }

  #turn(): void {
    if (this.#older !== this.#newer) this.#older.disable()
    this.#older = this.#newer
    this.#newer = begin()
  }
}

type DelayHistogram = ReturnType<typeof monitorEventLoopDelay>

function begin(): DelayHistogram {
  const histogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  histogram.enable()
  return histogram
}

/** What is measured is the time between two timers, in nanoseconds: the delay is what it is over that asked for. */
function lateMs(nanoseconds: number): number {
  return Math.max(0, Math.round(nanoseconds / 1_000 - LOOP_RESOLUTION_MS * 1_000) / 1_000)
}
