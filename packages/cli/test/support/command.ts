/** The command `reprise` as a process of its own, with directories of its own for temporary files, state and configuration. */
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

export interface CommandSetting {
  /** A state directory that several commands share. Default: one of its own. */
  readonly home?: Home
  readonly env?: Readonly<Record<string, string>>
  /** What it reads from stdin. Default: nothing. */
  readonly input?: string
}

/** What a person has on a machine: a state directory, a config directory, and where they are. */
export class Home implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'reprise-home-'))

  /** A path in it. */
  path(...parts: readonly string[]): string {
    return join(this.directory, ...parts)
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Run a command to its end. */
export async function runCommand(
  args: readonly string[],
  setting: CommandSetting = {},
): Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }> {
  await using command = new RunningCommand(args, setting)
  const { exitCode } = await command.exited
  return { exitCode, stdout: command.stdout, stderr: command.stderr }
}

export class RunningCommand implements AsyncDisposable {
  readonly child: ChildProcess
  readonly exited: Promise<Exit>
  readonly #directory = mkdtempSync(join(tmpdir(), 'reprise-test-'))
  readonly #ownHome: Home | undefined
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], { home, env = {}, input }: CommandSetting = {}) {
    const { NODE_OPTIONS: _, ...inherited } = process.env
    this.#ownHome = home === undefined ? new Home() : undefined
    const { directory } = home ?? this.#ownHome!
    this.child = spawn(process.execPath, [LAUNCHER, ...args], {
      cwd: directory,
      env: {
        ...inherited,
        TMPDIR: this.#directory,
        XDG_STATE_HOME: join(directory, 'state'),
        XDG_CONFIG_HOME: join(directory, 'config'),
        NO_COLOR: '1',
        ...env,
      },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    this.child.stdin?.end(input)
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
    this.#ownHome?.[Symbol.dispose]()
  }
}
