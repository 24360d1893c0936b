/**
 * The process that holds packets back, `netns/shaper.py`: told link by link what they are like, and heard when that is so. Its devices,
 * one for each host, are in its own namespace until somebody moves them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LinkConditions } from '../scenario.ts'
import { STDERR_CHARS_MAX } from './constants.ts'
import { LinksError } from './errors.ts'
import type { Link } from './links.ts'
import { run } from './system-command.ts'

/** What packets can suffer there. */
export const SHAPER_CONDITIONS: ReadonlySet<keyof LinkConditions> = new Set([
  'delayMs',
  'jitterMs',
  'duplicateRate',
  'reorderRate',
  'bytesPerSecond',
])

const SCRIPT = fileURLToPath(new URL('../../netns/shaper.py', import.meta.url))

export interface ShaperOptions {
  /** Whose switch it sends from. */
  readonly namespace: string
  readonly addresses: readonly string[]
  readonly seed: number
}

/** What it is told, less the number of the message. */
interface Order extends Link {
  readonly conditions: LinkConditions
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class Shaper {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #stderr = ''
  #failure: LinksError | undefined

  private constructor({ namespace, addresses, seed }: ShaperOptions) {
    const argv = ['netns', 'exec', namespace, 'python3', SCRIPT, String(seed), ...addresses]
    this.#child = spawn('ip', argv, { stdio: 'pipe' })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#onLine(line))
    this.#child.stderr!.on('data', (chunk) => {
      this.#stderr = `${this.#stderr}${chunk}`.slice(-STDERR_CHARS_MAX)
    })
    this.#child.stdin!.on('error', () => {})
    this.#child.on('error', (error) => this.#onEnd(error.message))
    this.#child.on('close', () => this.#onEnd(this.#stderr.trim()))
  }

  /** Whether this system has what it takes. */
  static async isAvailable(): Promise<boolean> {
    try {
      await access('/dev/net/tun')
      await run('python3', ['--version'])
      return true
    } catch {
      return false
    }
  }

  /** Resolves when its devices are there. The caller closes it. */
  static async start(options: ShaperOptions): Promise<Shaper> {
    const shaper = new Shaper(options)
    await shaper.#answer(READY_ID)
    return shaper
  }

  /** The name of a host's device. */
  static device(host: number): string {
    return `shape${host}`
  }

  /**
   * Resolves when it is so for every packet that comes from then on.
   * @throws LinksError when the process has ended.
   */
  async set({ from, to, conditions }: Order): Promise<void> {
    const id = this.#nextId++
    const answer = this.#answer(id)
    this.#child.stdin!.write(`${JSON.stringify({ id, from, to, conditions })}\n`)
    await answer
  }

  /** Packets that it holds are lost. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#failure !== undefined) return
    const closed = once(this.#child, 'close')
    this.#child.stdin!.end()
    await closed
  }

  #answer(id: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  #onLine(line: string): void {
    const { id = READY_ID }: { readonly id?: number } = JSON.parse(line)
    this.#waiting.get(id)?.resolve()
    this.#waiting.delete(id)
  }

  #onEnd(words: string): void {
    this.#failure ??= new LinksError(`the packet shaper ended${words === '' ? '' : `: ${words}`}`)
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
  }
}

/** What it says first has no number. */
const READY_ID = 0
