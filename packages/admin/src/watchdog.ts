/**
 * A watchdog for the event loop. A process whose loop stands still keeps its ports open: clients connect, and wait. Ended, its ports
 * refuse, and clients go elsewhere at once, to a server that resumes their sessions.
 *
 * ```
 *  main thread                shared cell               worker
 *     │  a timer adds 1 ──────► beats ◄────── looks ─────┤   eight looks in a row without a beat are a stall:
 *     │                                                  │   a line to stderr, then SIGKILL
 * ```
 *
 * Looks are counted and not milliseconds: a process that is suspended as a whole (SIGSTOP, a laptop asleep) has a worker that does
 * not look either. The worker does not keep the process alive.
 *
 * SIGKILL, because a worker cannot abort the process, and because nothing else is certain: handlers of other signals run in the
 * loop that stands still. It also leaves no core file with sessions in it.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { UsageError } from '@reprise/core'
import type { Logger } from '@reprise/node'
import { BEATS_PER_STALL, STALL_MS_MAX, STALL_MS_MIN } from './constants.ts'

export interface WatchdogOptions {
  /**
   * How long the event loop may stand still, in milliseconds, at least 100. The end comes up to a quarter of it later. Choose
   * seconds: longer than any garbage collection, start-up or synchronous work of the program, and than a debugger's pause.
   */
  readonly stallMs: number
  /** `'kill'` (default) ends the process; `'report'` only writes the line, once for each stall. */
  readonly onStall?: 'kill' | 'report'
  /** Told when the watchdog itself cannot run. Default: silent. */
  readonly logger?: Logger
}

export interface Watchdog {
  /** Watch no more. Safe to call twice. */
  stop(): Promise<void>
}

/** What the worker is given. */
export interface WatchdogData {
  /** `[beats, never written]`: the second is what the worker waits on. */
  readonly cells: Int32Array<SharedArrayBuffer>
  readonly lookMs: number
  readonly stallMs: number
  readonly onStall: 'kill' | 'report'
}

/** Watch this thread's event loop until the process ends. @throws UsageError for options that can never work. */
export function startWatchdog({ stallMs, onStall = 'kill', logger }: WatchdogOptions): Watchdog {
  if (!(stallMs >= STALL_MS_MIN && stallMs <= STALL_MS_MAX)) {
    throw new UsageError(`stallMs must be a number from ${STALL_MS_MIN} to ${STALL_MS_MAX}, not ${stallMs}`)
  }
  const cells = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  const lookMs = stallMs / BEATS_PER_STALL
  const workerData: WatchdogData = { cells, lookMs, stallMs, onStall }
  // Without the arguments of the process, which may load what is meant for the program.
  const worker = new Worker(WORKER, { workerData, name: 'reprise-watchdog', execArgv: [], env: {} })
  worker.unref()
  worker.on('error', (error) => logger?.error('the watchdog cannot run', { error: String(error) }))
  const timer = setInterval(() => Atomics.add(cells, 0, 1), lookMs).unref()
  return {
    stop: async () => {
      clearInterval(timer)
      await worker.terminate()
    },
  }
}

/** `.ts` in a clone and `.js` as published. */
const WORKER = new URL(`./watchdog-worker${extname(import.meta.url)}`, import.meta.url)
