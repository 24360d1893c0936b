/**
 * One member process as the cluster sees it: started, told its configuration, heard, and ended by its process id.
 *
 * The process is a child of this one with a channel between them. It cannot outlive its parent: when the channel breaks, the
 * child ends by itself. What it writes to stderr is kept, so that an unexpected end can be explained.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { CommandError, ExitCode } from '../failure.ts'
import { selfArguments } from '../self.ts'
import { STDERR_LINE_CHARS_MAX, STDERR_LINES_MAX } from './constants.ts'
import type { FromMember, MemberConfig, MemberCounters, MemberReady, ToMember } from './messages.ts'

/** How a process ended. */
export interface MemberExit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** What it wrote last to stderr. */
  readonly lastLines: readonly string[]
}

export class MemberProcess {
  readonly name: string
  /** Its peer-to-peer address. Rejects when it ends before. */
  readonly listening: Promise<string>
  /** Resolves when it serves. Rejects when it ends before. */
  readonly ready: Promise<MemberReady>
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<MemberExit>
  readonly #child: ChildProcess
  readonly #lastLines: string[] = []
  readonly #listening = Promise.withResolvers<string>()
  readonly #ready = Promise.withResolvers<MemberReady>()
  readonly #onCounters: (counters: MemberCounters) => void
  #failure: string | undefined

  /** Starts the process, which loads itself and then waits for `start`. */
  constructor(name: string, onCounters: (counters: MemberCounters) => void) {
    this.name = name
    this.#onCounters = onCounters
    this.#child = spawn(process.execPath, selfArguments(['member']), {
      // No descriptor of the terminal: a child that outlives its welcome must not be able to write over the screen.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.listening = this.#listening.promise
    this.ready = this.#ready.promise
    this.exited = this.#watch()
    // Whoever waits hears of it; when nobody waits any more it is no news.
    this.listening.catch(() => {})
    this.ready.catch(() => {})
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  get isRunning(): boolean {
    return this.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  start(config: MemberConfig): void {
    this.#send({ type: 'start', config })
  }

  /** Let it drop the connections to all other members and let none in, or let them in again. */
  setCut(isCut: boolean): void {
    this.#send({ type: isCut ? 'cut' : 'heal' })
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Ask it to stop, and end it when it does not within the deadline. */
  async stop(deadlineMs: number): Promise<MemberExit> {
    this.#send({ type: 'stop' })
    // One that was stopped by a signal hears nothing.
    this.kill('SIGCONT')
    const timer = setTimeout(() => this.kill('SIGKILL'), deadlineMs)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  #watch(): Promise<MemberExit> {
    const child = this.#child
    child.on('message', (message) => this.#onMessage(message as FromMember))
    const lines = createInterface({ input: child.stderr! })
    lines.on('line', (line) => {
      if (process.env['REPRISE_DEBUG'] !== undefined) console.error(`${this.name}: ${line}`)
      this.#lastLines.push(line.slice(0, STDERR_LINE_CHARS_MAX))
      if (this.#lastLines.length > STDERR_LINES_MAX) this.#lastLines.shift()
    })
    const { promise, resolve } = Promise.withResolvers<MemberExit>()
    const onEnd = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
      const exit = { exitCode, signal, lastLines: this.#lastLines }
      const error = new CommandError({
        what: `${this.name} ${describeExit(exit)} before it was ready`,
        why: this.#failure ?? (this.#lastLines.join(' | ') || undefined),
        exitCode: ExitCode.failure,
      })
      this.#listening.reject(error)
      this.#ready.reject(error)
      resolve(exit)
    }
    // 'close' comes after the last line of stderr; a process that never was has no 'close' to wait for.
    child.on('close', onEnd)
    child.on('error', (error) => {
      this.#failure = error.message
      if (child.pid === undefined) onEnd(null, null)
    })
    return promise
  }

  #onMessage(message: FromMember): void {
    switch (message.type) {
      case 'listening':
        return this.#listening.resolve(message.listen)
      case 'ready':
        return this.#ready.resolve(message)
      case 'counters':
        return this.#onCounters(message)
      case 'failed':
        this.#failure = message.message
    }
  }

  #send(message: ToMember): void {
    // A process that is about to end takes no more messages; its end is news enough.
    if (this.#child.connected) this.#child.send(message, () => {})
  }
}

/** `was killed by SIGKILL`, `ended with exit code 1`. */
export function describeExit({ exitCode, signal }: MemberExit): string {
  if (signal !== null) return `was killed by ${signal}`
  return exitCode === null ? 'could not be started' : `ended with exit code ${exitCode}`
}
