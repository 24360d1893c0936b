/**
 * The wish to end: ^C, a closed terminal, `kill`. The first one lets the command end in order; the second one ends the
 * process at once, with its exit handlers.
 */
import { exitCodeOf, InterruptedError } from './failure.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface Interruption extends Disposable {
  /** Aborts at the first wish; its reason is an `InterruptedError`. */
  readonly signal: AbortSignal
  /** As if the signal had come, for instance by a key. */
  interrupt(signal: NodeJS.Signals): void
}

/** Listen until disposed. */
export function listenForInterruption(): Interruption {
  const aborter = new AbortController()
  const interrupt = (signal: NodeJS.Signals): void => {
    if (aborter.signal.aborted) process.exit(exitCodeOf(signal))
    aborter.abort(new InterruptedError(signal))
  }
  for (const signal of SIGNALS) process.on(signal, interrupt)
  return {
    signal: aborter.signal,
    interrupt,
    [Symbol.dispose]: () => {
      for (const signal of SIGNALS) process.off(signal, interrupt)
    },
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Resolves after that time, or when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
