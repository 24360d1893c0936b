/**
 * One client's conversation in the text protocol of memcached, without its socket: bytes in, answers out, in order.
 *
 * ```
 *   line ──► command ──► no block ──────────────────► run ──► line
 *                 ├────► block, CRLF ───────────────► run
 *                 └────► too large: let go of it ───► refuse
 * ```
 *
 * A line that is no command is answered, and what follows it is read as lines again, as a memcached server does. Only what
 * can never become one ends the conversation: a line without an end, a request of HTTP, the binary protocol.
 */
import { Buffer } from 'node:buffer'
import type { Logger } from '@reprise/node'
import type { Conversation, WorkState } from '../conversation.ts'
import type { Credentials } from '../credentials.ts'
import type { Answer, KeyValueStore } from '../store/key-value.ts'
import { authenticate } from './authentication.ts'
import { BINARY_HEADER_BYTES, BINARY_MAGIC, refuseBinary } from './binary.ts'
import type { Command, Context, Request } from './command.ts'
import { COMMANDS } from './command-table.ts'
import { KEYS_LINE_BYTES_MAX, LINE_BYTES_MAX, REPLIES_BYTES_MAX } from './constants.ts'
import type { Counters } from './counters.ts'
import type { FlushTimer } from './flush-timer.ts'
import { LineReader } from './line-reader.ts'
import { answerFor, MemcachedRefusal } from './refusal.ts'
import { ReplyWriter } from './reply-writer.ts'
import { refuseLarge } from './storage.ts'
import type { Uses } from './uses.ts'

/** What all conversations of a gateway share. */
export interface MemcachedShared {
  readonly store: KeyValueStore
  readonly counters: Counters
  readonly uses: Uses
  readonly flushTimer: FlushTimer
  readonly credentials: Credentials | undefined
  readonly logger: Logger | undefined
}

export class MemcachedConversation implements Conversation, Context {
  readonly store: KeyValueStore
  readonly counters: Counters
  readonly uses: Uses
  readonly flushTimer: FlushTimer
  readonly reply: ReplyWriter = new ReplyWriter()
  readonly #shared: MemcachedShared
  readonly #reader = new LineReader()
  /** A command whose block is not there yet. */
  #awaited: Awaited | undefined
  /** Bytes of a block that nobody wants. */
  #unwanted = 0
  #isAuthenticated: boolean
  #hasBegun = false
  #isEnding = false

  constructor(shared: MemcachedShared) {
    this.store = shared.store
    this.counters = shared.counters
    this.uses = shared.uses
    this.flushTimer = shared.flushTimer
    this.#shared = shared
    this.#isAuthenticated = shared.credentials === undefined
    shared.counters.curr_connections += 1
    shared.counters.total_connections += 1
  }

  get bufferedBytes(): number {
    return this.#reader.length
  }

  receive(chunk: Buffer): void {
    this.counters.bytes_read += chunk.length
    this.#reader.push(chunk)
  }

  work(): Answer<WorkState> {
    for (;;) {
      const step = this.#step()
      if (step instanceof Promise) return this.#workOn(step)
      if (step !== undefined) return step
    }
  }

  take(): Buffer | undefined {
    const answers = this.reply.take()
    if (answers !== undefined) this.counters.bytes_written += answers.length
    return answers
  }

  close(): void {
    this.counters.curr_connections -= 1
  }

  end(): void {
    this.#isEnding = true
  }

  async #workOn(waiting: Promise<void>): Promise<WorkState> {
    const startedMs = performance.now()
    for (let step: StepResult = waiting; ; step = this.#step()) {
      if (step instanceof Promise) {
        await step
        // It asked others. What is answered by now does not wait for what the next request asks them.
        if (performance.now() - startedMs > TOGETHER_MS) return 'full'
      } else if (step !== undefined) return step
    }
  }

  /** Do the next thing. Undefined: there may be another. */
  #step(): StepResult {
    if (this.#isEnding) return 'end'
    if (this.reply.length >= REPLIES_BYTES_MAX) return 'full'
    if (this.#unwanted > 0) {
      this.#unwanted -= this.#reader.skip(this.#unwanted)
      return this.#unwanted > 0 ? 'more' : undefined
    }
    if (this.#awaited !== undefined) return this.#stepBlock(this.#awaited)
    if (!this.#hasBegun && this.#reader.peek() === BINARY_MAGIC) return this.#stepBinary()
    const line = this.#reader.line()
    if (line === undefined) return this.#stepIncomplete()
    this.#hasBegun = true
    return this.#guard(undefined, () => this.#onLine(line))
  }

  #stepBlock(awaited: Awaited): StepResult {
    const { byteLength } = awaited
    const bytes = this.#reader.block(byteLength + LINE_END_BYTES)
    if (bytes === undefined) return 'more'
    this.#awaited = undefined
    const request = { ...awaited.request, block: bytes.subarray(0, byteLength) }
    const isWhole = bytes[byteLength] === CR && bytes[byteLength + 1] === LF
    return this.#guard(awaited, () => {
      if (!isWhole) throw new MemcachedRefusal('CLIENT_ERROR bad data chunk')
      return awaited.command === undefined ? this.#authenticate(request.block) : awaited.command.run(request, this)
    })
  }

  /** What is there has no end of a line: it must become one soon, unless it lists keys. */
  #stepIncomplete(): StepResult {
    const { length } = this.#reader
    if (length <= LINE_BYTES_MAX) return 'more'
    const listsKeys = /^ *(?:gets?|gats? +-?\d+) /.test(this.#reader.start(LINE_BYTES_MAX))
    if (listsKeys && length <= KEYS_LINE_BYTES_MAX) return 'more'
    this.counters.countError()
    this.reply.line('CLIENT_ERROR line too long')
    return 'end'
  }

  #stepBinary(): StepResult {
    const header = this.#reader.block(BINARY_HEADER_BYTES)
    if (header === undefined) return 'more'
    this.#shared.logger?.warn('memcached: a client speaks the binary protocol, which is not served; set it to ASCII')
    this.counters.countError()
    this.reply.raw(refuseBinary(header))
    return 'end'
  }

  #onLine(line: string): Answer<void> {
    this.counters.countCommand()
    const tokens = line.split(' ')
    const args = tokens.includes('') ? tokens.filter((token) => token !== '') : tokens
    const name = args.shift()
    if (!this.#isAuthenticated) return this.#onStrangersLine(name, args)
    const command = name === undefined ? undefined : COMMANDS.get(name)
    if (command === undefined || name === undefined) {
      // A web page that was told to send requests here is not to go on with their bodies.
      if (args.at(-1)?.startsWith('HTTP/') !== true) throw new MemcachedRefusal('ERROR')
      this.counters.countError()
      this.end()
      return
    }
    if (args.length < command.argsMin || args.length > command.argsMax) throw new MemcachedRefusal('ERROR')
    if (command.hasNoreply && args.at(-1) === 'noreply') this.reply.mute(true)
    const request = { name, args, block: NOTHING }
    const byteLength = command.blockBytes?.(args)
    if (byteLength === undefined) return command.run(request, this)
    if (byteLength > this.store.limits.valueBytesMax) {
      this.#unwanted = byteLength + LINE_END_BYTES
      return refuseLarge(request, this)
    }
    this.#awaited = { command, request, byteLength }
  }

  /** Of who has not said who it is: `set` with any key, and user and password for its data. */
  #onStrangersLine(name: string | undefined, args: readonly string[]): void {
    const byteLength = Number(args[3])
    const isAttempt = name === 'set' && args.length >= 4 && byteLength >= 0 && byteLength <= LINE_BYTES_MAX
    if (!isAttempt) {
      this.counters.auth_errors += 1
      throw new MemcachedRefusal('CLIENT_ERROR unauthenticated')
    }
    this.#awaited = { command: undefined, request: { name, args, block: NOTHING }, byteLength }
  }

  #authenticate(shown: Uint8Array): void {
    const { credentials } = this.#shared
    this.counters.auth_cmds += 1
    this.#isAuthenticated = credentials === undefined || authenticate(credentials, shown)
    if (!this.#isAuthenticated) {
      this.counters.auth_errors += 1
      this.counters.countError()
      this.end()
    }
    this.reply.line(this.#isAuthenticated ? 'STORED' : 'CLIENT_ERROR authentication failure')
  }

  /** Do something that may be refused; what is refused is answered. @param awaited the command whose block this is. */
  #guard(awaited: Awaited | undefined, work: () => Answer<void>): StepResult {
    try {
      const done = work()
      if (done instanceof Promise)
        return done.catch((error: unknown) => this.#refuse(error)).finally(() => this.#unmute())
    } catch (error) {
      this.#refuse(error)
    }
    if (this.#awaited === undefined || awaited !== undefined) this.#unmute()
  }

  #unmute(): void {
    this.reply.mute(false)
  }

  #refuse(error: unknown): void {
    this.counters.countError()
    const answer = answerFor(error)
    if (answer === undefined) this.#shared.logger?.error('memcached: a command failed', { error: String(error) })
    this.reply.line(answer ?? 'SERVER_ERROR internal error')
  }
}

/** Nothing: go on. */
type StepResult = WorkState | undefined | Promise<void>

interface Awaited {
  /** None: it says who the client is. */
  readonly command: Command | undefined
  readonly request: Request
  readonly byteLength: number
}

const CR = 13
const LF = 10
const LINE_END_BYTES = 2
const NOTHING = Buffer.alloc(0)
/** Answers that take no longer than this leave together. */
const TOGETHER_MS = 1
