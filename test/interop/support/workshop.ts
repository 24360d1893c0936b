/** What an interop test starts and leaves nothing of: a directory, processes that are ended by their ids, ports of the system's choice. */
import assert from 'node:assert/strict'
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class Workshop implements AsyncDisposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'reprise-interop-'))
  readonly #processes = new Set<ChildProcess>()

  path(...names: readonly string[]): string {
    return join(this.directory, ...names)
  }

  /** Write a file. @returns its path. */
  write(name: string, text: string, mode = 0o644): string {
    writeFileSync(this.path(name), text, { mode })
    return this.path(name)
  }

  spawn(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.directory, ...options })
    this.#processes.add(child)
    child.once('exit', () => this.#processes.delete(child))
    return child
  }

  /** End a process, and wait until it has. */
  async end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes].map((child) => this.end(child)))
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 })
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert(typeof address === 'object' && address !== null)
  server.close()
  await once(server, 'close')
  return address.port
}

/** Wait until somebody listens there; the test's own time limit bounds it. */
export async function listening(port: number, child: ChildProcess, said: () => string): Promise<void> {
  for (;;) {
    assert(child.exitCode === null, `it ended with ${child.exitCode}: ${said()}`)
    if (await isListening(port)) return
    await pause(20)
  }
}

export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** What a process has written so far. */
export function output(child: ChildProcess): () => string {
  let text = ''
  const add = (chunk: Buffer): void => {
    text += chunk
  }
  child.stdout?.on('data', add)
  child.stderr?.on('data', add)
  return () => text
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
