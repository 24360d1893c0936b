/**
 * What a benchmark is, and how its numbers are taken.
 *
 * A time says little on a machine that is shared, so what counts is the ratio to a peer that was measured in the same run,
 * turn and turn about with it: a loop of only the one warms the caches and the processor's clock for itself, and has half
 * the latency. A gate is a ratio or a share that an issue asks for; a run that misses one fails, a slow one does not.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Child } from './child.ts'

/** One benchmark. `npm run bench -- <name>` runs it. */
export interface Bench {
  readonly name: string
  /** What it should cost before anything is measured: bytes x messages x peers. */
  readonly sketch: string
  /** What should come out, in words; numbers are with the rows. */
  readonly expectation: string
  /** Rejects when the signal aborts: what it started is ended then. */
  run(signal: AbortSignal): Promise<readonly Row[]>
}

/** One line of the table. */
export interface Row {
  readonly what: string
  readonly value: number
  readonly unit: Unit
  /** `value` divided by the peer's value of the same run. */
  readonly ratio?: Ratio
  /** What the sketch or an earlier measurement says. */
  readonly expected?: string
  /** Further numbers of the same measurement. */
  readonly also?: readonly Measure[]
  readonly gate?: Gate
}

export type Unit = 'ns' | 'us' | 'ms' | '/s' | '%' | 'B' | ''

export interface Measure {
  readonly what: string
  readonly value: number
  readonly unit: Unit
}

export interface Ratio {
  readonly value: number
  readonly to: string
}

/** What an issue asks for. */
export interface Gate {
  readonly asked: string
  readonly isMet: boolean
}

/** The value below which the share `q` of the samples lies. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = Float64Array.from(samples).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** `value` as a ratio to a peer's. */
export function ratio(value: number, peer: number, to: string): Ratio {
  return { value: value / peer, to }
}

/** Milliseconds that an asynchronous piece of work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

/** Wait for a condition of other processes. @throws when it does not come true in time. */
export async function until(condition: () => Promise<boolean>, what: string, withinMs = 30_000): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited ${withinMs} ms in vain for ${what}`)
    await pause(10)
  }
}

/** The CPU that processes use for a piece of work, less what they use when they are left alone. */
export class CpuMeter {
  readonly #children: readonly Child[]
  readonly #idleUsPerMs: readonly number[]

  private constructor(children: readonly Child[], idleUsPerMs: readonly number[]) {
    this.#children = children
    this.#idleUsPerMs = idleUsPerMs
  }

  /** Watch the processes do nothing for a second. */
  static async calibrate(children: readonly Child[]): Promise<CpuMeter> {
    const raw = new CpuMeter(
      children,
      children.map(() => 0),
    )
    const usedUs = await raw.over(() => pause(IDLE_MS))
    return new CpuMeter(
      children,
      usedUs.map((us) => us / IDLE_MS),
    )
  }

  /** Microseconds of CPU, user and system, that each process used while the work was done. */
  async over(work: () => Promise<unknown>): Promise<number[]> {
    const before = await this.#read()
    const tookMs = await timed(work)
    const after = await this.#read()
    return after.map((us, i) => us - (before[i] as number) - tookMs * (this.#idleUsPerMs[i] as number))
  }

  #read(): Promise<number[]> {
    return Promise.all(this.#children.map((child) => child.cpuUs()))
  }
}

const IDLE_MS = 1_000
