/** The command `reprise` as a process of its own, with a directory for temporary files of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './until.ts'

const LAUNCHER = join(import.meta.dirname, '../../bin/reprise.js')

export interface Exit {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

export class RunningCommand implements AsyncDisposable {
  readonly child: ChildProcess
  readonly exited: Promise<Exit>
  readonly #directory = mkdtempSync(join(tmpdir(), 'reprise-test-'))
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[]) {
    const { NODE_OPTIONS: _, ...env } = process.env
    this.child = spawn(process.execPath, [LAUNCHER, ...args], {
      env: { ...env, TMPDIR: this.#directory, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.exited = once(this.child, 'close').then(([exitCode, signal]) => ({ exitCode, signal }))
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** What it has left in its directory for temporary files. */
  get leftovers(): string[] {
    return readdirSync(this.#directory)
  }

  /** Resolves with the first line of stdout. */
  async firstLine(): Promise<string> {
    await until(`a line of output; stderr: ${this.#stderr}`, () => this.#stdout.includes('\n'), 60_000)
    return this.#stdout.slice(0, this.#stdout.indexOf('\n'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM')
    await this.exited
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
