/**
 * A run as lines, one for each thing that happens: the time since clients began, then what. What changes every second, operations and
 * lag, is one line of its own that a terminal shows in place.
 */
import type { RunEvent } from '@reprise/chaos'
import { faultName } from '@reprise/chaos'
import { formatCount, formatMs, plural } from '../units.ts'

type Tick = Extract<RunEvent, { type: 'tick' }>

/** Turns events into lines; keeps what the status needs of earlier ones. */
export class RunLines {
  /** Faults that are on, by when and what. */
  readonly #on = new Map<string, string>()
  #phase: string = PHASES.starting
  #hasBegun = false
  #tick: Tick | undefined
  #failed = 0
  #unknown = 0
  readonly #opening: Opening

  constructor(opening: Opening) {
    this.#opening = opening
  }

  /** The lines to print for an event; most have one or none. */
  linesOf(event: RunEvent): string[] {
    const opening = this.#hasBegun ? [] : [openingLine(this.#opening)]
    this.#hasBegun = true
    return [...opening, ...this.#linesOf(event)]
  }

  #linesOf(event: RunEvent): string[] {
    switch (event.type) {
      case 'phase':
        this.#phase = PHASES[event.phase]
        return [line(event.atMs, '', PHASES[event.phase])]
      case 'fault':
        return [this.#fault(event)]
      case 'tick':
        this.#tick = event
        this.#failed += event.failed
        this.#unknown += event.unknown
        return []
      case 'quiet':
        return [line(event.atMs, 'quiet', `all copies equal, ${formatMs(event.afterMs)} after the heal`)]
      case 'violation':
        // Judged when all is over: the verdict follows at once, and has them all.
        return []
    }
  }

  /** How it is now, in one line; undefined before anything can be said. */
  status(): string | undefined {
    if (this.#tick === undefined) return undefined
    const { atMs, ok, failed, unknown, lagFrames, ready, members } = this.#tick
    const faults = this.#on.size === 0 ? this.#phase : [...this.#on.values()].join('; ')
    const parts = [
      `${formatCount(ok + failed + unknown)} ops/s`,
      `${formatCount(this.#failed)} failed`,
      `${formatCount(this.#unknown)} unknown`,
      `lag ${formatCount(lagFrames)}`,
      `${ready} of ${members} ready`,
    ]
    return line(atMs, '', `${parts.join(', ')} | ${faults}`)
  }

  #fault({ atMs, state, band, memberNames }: Extract<RunEvent, { type: 'fault' }>): string {
    const key = `${band.fromMs} ${JSON.stringify(band.fault)}`
    const name = faultName(band, memberNames)
    if (state === 'begins') this.#on.set(key, name)
    else this.#on.delete(key)
    const lasted = state === 'ends' ? `, after ${formatMs(atMs - band.fromMs)}` : ''
    return line(atMs, state, `${name}${lasted}`)
  }
}

function openingLine({ name, backend, seed, nodes, runMs }: Opening): string {
  return `reprise chaos: ${name} on ${backend}, seed ${seed}: ${plural(nodes, 'node')}, ${formatMs(runMs)}`
}

/** What is run. */
export interface Opening {
  readonly name: string
  readonly backend: string
  readonly seed: number
  readonly nodes: number
  readonly runMs: number
}

function line(atMs: number, mark: string, text: string): string {
  return `${(atMs / 1_000).toFixed(1).padStart(7)} s  ${mark.padEnd(6)} ${text}`
}

const PHASES: Readonly<Record<Extract<RunEvent, { type: 'phase' }>['phase'], string>> = {
  starting: 'the cluster forms',
  running: 'clients come',
  healing: 'everything is to be healed',
  reading: 'everything is read back',
  judging: 'what happened is judged',
}
