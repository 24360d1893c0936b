/** Numbers, times and texts of a report as people read them. */
import { TEXT_MAX } from './constants.ts'

/** A moment of the run, or how long something took, as the axis has it: `12.48 s`. */
export function formatSeconds(ms: number): string {
  return `${ms < 0 ? '−' : ''}${(Math.abs(ms) / 1_000).toFixed(2)} s`
}

/** A moment on the axis, with no more figures than the step needs: `0`, `5 s`, `2.5 s`. */
export function formatTick(ms: number, stepMs: number): string {
  if (ms === 0) return '0'
  const figures = stepMs >= 1_000 ? 0 : stepMs >= 100 ? 1 : stepMs >= 10 ? 2 : 3
  return `${ms < 0 ? '−' : ''}${(Math.abs(ms) / 1_000).toFixed(figures)} s`
}

/** `0.42 ms`, `18.3 ms`, `2.40 s` */
export function formatLatency(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`
}

/** `8,388,608` */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** `1 fault`, `2 faults` */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** A text from the run, at most that long. */
export function clip(text: string, lengthMax: number = TEXT_MAX): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`
}
