/**
 * The watchdog's worker: looks whether the main thread's event loop beats, and ends the process when it does not. It has no event
 * loop of its own to speak of: it sleeps between two looks, and costs nothing meanwhile.
 */
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { BEATS_PER_STALL } from './constants.ts'
import type { WatchdogData } from './watchdog.ts'

const STDERR = 2

function watch({ cells, lookMs, stallMs, onStall }: WatchdogData): never {
  let lastBeat = Atomics.load(cells, 0)
  let looksWithoutBeat = 0
  for (;;) {
    Atomics.wait(cells, 1, 0, lookMs)
    const beat = Atomics.load(cells, 0)
    looksWithoutBeat = beat === lastBeat ? looksWithoutBeat + 1 : 0
    lastBeat = beat
    // One more than there are beats in a stall: the first look may come right after the last beat.
    if (looksWithoutBeat !== BEATS_PER_STALL + 1) continue
    report(stallMs, onStall)
    if (onStall === 'kill') process.kill(process.pid, 'SIGKILL')
  }
}

function report(stallMs: number, onStall: WatchdogData['onStall']): void {
  const what = `reprise: the event loop of process ${process.pid} stood still for ${stallMs} ms`
  const next = onStall === 'kill' ? '; it is ended, so that its ports refuse instead of hanging' : ''
  try {
    writeSync(STDERR, `${what}${next}\n`)
  } catch {
    // Nobody reads it. What has to be done is done all the same.
  }
}

watch(workerData)
