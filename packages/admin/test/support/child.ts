/** A process of a test: started with a mode, heard line by line, told things over its channel, and gone at the end of the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

const running = new Set<ChildProcess>()

export class Child {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  /** What it wrote there so far. */
  stderr = ''
  readonly #lines: AsyncIterator<string>

  constructor(file: string, ...args: readonly string[]) {
    const path = fileURLToPath(new URL(file, import.meta.url))
    this.process = spawn(process.execPath, ['--conditions=@reprise/source', path, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    running.add(this.process)
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    const { stdout } = this.process
    if (stdout === null) throw new Error('stdout is a pipe')
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
    this.ended = once(this.process, 'close').then(() => {
      running.delete(this.process)
      return { code: this.process.exitCode, signal: this.process.signalCode, stderr: this.stderr }
    })
  }

  /** The next line that it prints; empty when it ended. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next()
    return done === true ? '' : value
  }

  tell(message: string): void {
    this.process.send(message)
  }
}

/** End what a test left. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}
