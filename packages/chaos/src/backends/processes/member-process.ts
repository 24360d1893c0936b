/**
 * One member as a process of its own: started, told what to be, asked, struck by signals, and ended by its process id.
 *
 * It cannot outlive the runner. Its channel breaks when the runner is gone, and it ends by itself; one that is stopped by a signal cannot,
 * so a guard holds on to it: a shell that reads from the runner, and kills it when there is nobody to read from any more.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { STDERR_LINE_CHARS_MAX, STDERR_LINES_MAX } from '../../constants.ts'
import { ClusterError } from '../../errors.ts'
import type { FromMember, MemberAnswer, MemberCall, MemberConfig, ToMember } from '../../member/messages.ts'

/** How a process ended. */
export interface MemberExit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** What it wrote last to stderr. */
  readonly lastLines: readonly string[]
}

export class MemberProcess {
  /** The port that it listens on. Rejects when it ends before it serves. */
  readonly serving: Promise<number>
  /** The port of its TLS server, if it shall have one. Rejects when it ends before. */
  readonly tlsServing: Promise<number>
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<MemberExit>
  readonly #name: string
  readonly #child: ChildProcess
  readonly #serving = Promise.withResolvers<number>()
  readonly #tlsServing = Promise.withResolvers<number>()
  readonly #calls = new Map<number, (answer: MemberAnswer | undefined) => void>()
  readonly #lastLines: string[] = []
  #guard: ChildProcess | undefined
  #nextCall = 1
  #failure: string | undefined

  /**
   * Starts the process, which loads itself and waits for `start`.
   * @param prefix the command that becomes the process, such as `ip netns exec NAME`; none: it is started as it is.
   */
  constructor(name: string, prefix: readonly string[]) {
    this.#name = name
    const [command = process.execPath, ...args] = [...prefix, process.execPath, ...memberArguments()]
    this.#child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' })
    this.serving = this.#serving.promise
    this.tlsServing = this.#tlsServing.promise
    this.exited = this.#watch()
    // Whoever waits hears of it; when nobody waits any more it is no news.
    this.serving.catch(() => {})
    this.tlsServing.catch(() => {})
  }

  get isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Tell it what to be. */
  start(config: MemberConfig): void {
    this.#send({ type: 'start', config })
  }

  /** @returns its answer; undefined when there was none within the deadline, or it ended meanwhile. */
  async call(call: MemberCall, deadlineMs: number): Promise<MemberAnswer | undefined> {
    const number = this.#nextCall++
    const { promise, resolve } = Promise.withResolvers<MemberAnswer | undefined>()
    this.#calls.set(number, resolve)
    const timer = setTimeout(() => resolve(undefined), deadlineMs)
    this.#send({ type: 'call', number, call })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#calls.delete(number)
    }
  }

  stall(ms: number): void {
    this.#send({ type: 'stall', ms })
  }

  setClock(setting: { readonly jumpMs: number; readonly rate: number }): void {
    this.#send({ type: 'clock', ...setting })
  }

  /** SIGSTOP: the process stands still, and its connections stay open. */
  freeze(): void {
    const { pid } = this.#child
    if (!this.isRunning || pid === undefined) return
    const script = 'kill -STOP "$1"; read -r line || kill -KILL "$1"'
    this.#guard = spawn('sh', ['-c', script, 'sh', String(pid)], { stdio: ['pipe', 'ignore', 'ignore'] })
    this.#guard.stdin?.on('error', () => {})
  }

  /** SIGCONT. */
  thaw(): void {
    this.#guard?.stdin?.end('\n')
    this.#guard = undefined
    this.#child.kill('SIGCONT')
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
    // There is nothing left to guard: nobody else who gets this process id shall be hit.
    this.#guard?.stdin?.end('\n')
    this.#guard = undefined
  }

  /** Kill it without waiting, as an exit handler must. */
  killNow(): void {
    this.#child.kill('SIGKILL')
  }

  /** Ask it to hand over and go, and end it when it does not within the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.#send({ type: 'stop' })
    const timer = setTimeout(() => void this.kill(), deadlineMs)
    await this.exited
    clearTimeout(timer)
  }

  #watch(): Promise<MemberExit> {
    const child = this.#child
    child.on('message', (message) => this.#onMessage(message as FromMember))
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#lastLines.push(line.slice(0, STDERR_LINE_CHARS_MAX))
        if (this.#lastLines.length > STDERR_LINES_MAX) this.#lastLines.shift()
      })
    }
    const { promise, resolve } = Promise.withResolvers<MemberExit>()
    const onEnd = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
      const exit = { exitCode, signal, lastLines: this.#lastLines }
      const why = this.#failure ?? this.#lastLines.join(' | ')
      const failure = new ClusterError(`${this.#name} ${describeExit(exit)} before it served: ${why}`, {
        code: 'START',
      })
      this.#serving.reject(failure)
      this.#tlsServing.reject(failure)
      for (const answer of this.#calls.values()) answer(undefined)
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
      case 'serving':
        return this.#serving.resolve(message.port)
      case 'tls-serving':
        return this.#tlsServing.resolve(message.port)
      case 'answer':
        return this.#calls.get(message.number)?.(message.answer)
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

/** The same conditions and loaders as this process has, but not its debugger or its test runner. */
function memberArguments(): string[] {
  const extension = extname(import.meta.url)
  const main = fileURLToPath(new URL(`../../member/main${extension}`, import.meta.url))
  const inherited = process.execArgv.filter(
    (argument) => !/^--(?:inspect|test|watch|cpu-prof|heap-prof)/.test(argument),
  )
  const source = extension === '.ts' ? ['--conditions=@reprise/source'] : []
  return [...inherited, ...source, main]
}
