/**
 * Processes that a benchmark measures in: each is forked from a module that calls `serve`, answers calls one by one over
 * IPC, and ends when its parent lets go of it or dies.
 */
import { type ChildProcess, fork } from 'node:child_process'

/** What a process can be asked: functions whose arguments and results can be cloned. */
export type Commands = Readonly<Record<string, (...args: never[]) => unknown>>

type Within = (argv: readonly [command: string, ...string[]]) => readonly [command: string, ...string[]]

/** A process, as its parent sees it. Dispose of it to end it. */
export class Child<C extends Commands = Commands> implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #ended: Promise<void>
  readonly #calls = new Map<number, { resolve(value: never): void; reject(reason: unknown): void }>()
  #nextCall = 1

  /**
   * Fork `module`, which is ended when the signal aborts.
   * @param within makes a command out of one that it becomes, such as in another network namespace. Default: it is run as it is.
   */
  constructor(module: URL, signal: AbortSignal, flags: readonly string[] = [], within: Within = (argv) => argv) {
    const [execPath, ...execArgv] = within([
      process.execPath,
      '--conditions=@reprise/source',
      '--no-warnings',
      ...flags,
    ])
    this.#process = fork(module, {
      execPath,
      execArgv,
      serialization: 'advanced',
      signal,
      killSignal: 'SIGKILL',
    })
    this.#ended = new Promise((resolve) => this.#process.once('exit', () => resolve()))
    this.#process.on('message', (answer: Answer) => this.#onAnswer(answer))
    // Aborted, or it could not be started; its calls are rejected when it is gone.
    this.#process.on('error', () => this.#rejectAll())
    this.#process.on('exit', () => this.#rejectAll())
  }

  /** Call one of its functions. @throws what the function threw, as an Error. */
  call<N extends keyof C & string>(name: N, ...args: Parameters<C[N]>): Promise<Awaited<ReturnType<C[N]>>> {
    const call = this.#nextCall++
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject })
      this.#process.send({ call, name, args } satisfies Call, (error) => {
        if (error !== null) this.#rejectAll()
      })
    })
  }

  /** CPU that it used so far, user and system, in microseconds. */
  cpuUs(): Promise<number> {
    return (this as unknown as Child<typeof COMMON>).call('cpuUs')
  }

  /** Stop it where it is, let it go on, or end it without a word. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#process.kill(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_MS)
    await this.#ended
    clearTimeout(timer)
  }

  #onAnswer(answer: Answer): void {
    const waiting = this.#calls.get(answer.call)
    this.#calls.delete(answer.call)
    if ('error' in answer) waiting?.reject(new Error(answer.error))
    else waiting?.resolve(answer.result as never)
  }

  #rejectAll(): void {
    for (const { reject } of this.#calls.values()) reject(new Error('the measured process is gone'))
    this.#calls.clear()
  }
}

/** Make this process a child that answers calls. `stop` runs when the parent lets go. */
export function serve(commands: Commands, stop: () => Promise<void> = async () => {}): void {
  const all: Commands = { ...COMMON, ...commands }
  process.on('message', ({ call, name, args }: Call) => {
    const run = async (): Promise<unknown> => await (all[name] as (...args: unknown[]) => unknown)(...args)
    run().then(
      (result) => answer({ call, result }),
      (error: unknown) => answer({ call, error: describe(error) }),
    )
  })
  process.on('disconnect', () => {
    void stop().finally(() => process.exit())
  })
}

const COMMON = {
  cpuUs: (): number => {
    const { user, system } = process.cpuUsage()
    return user + system
  },
}

interface Call {
  readonly call: number
  readonly name: string
  readonly args: readonly unknown[]
}

type Answer = { readonly call: number; readonly result: unknown } | { readonly call: number; readonly error: string }

/** A parent that is gone wants no answer, and this process is about to end. */
function answer(message: Answer): void {
  process.send?.(message, undefined, undefined, () => {})
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** A child that has not stopped by then is killed. */
const END_MS = 3_000
