/** What a command is, and what it is given. */
import type { Answer, KeyValueStore } from '../store/key-value.ts'
import type { Counters } from './counters.ts'
import type { FlushTimer } from './flush-timer.ts'
import type { ReplyWriter } from './reply-writer.ts'
import type { Uses } from './uses.ts'

export interface Context {
  readonly store: KeyValueStore
  readonly reply: ReplyWriter
  readonly counters: Counters
  readonly uses: Uses
  readonly flushTimer: FlushTimer
  /** Say no more to this client once this command is answered. */
  end(): void
}

/** A command line, and the block after it. */
export interface Request {
  /** As the client wrote it. */
  readonly name: string
  /** What stands after the name. */
  readonly args: readonly string[]
  /** Of a command that has one: its data. */
  readonly block: Uint8Array
}

export interface Command {
  /** How many arguments it takes; with others it is no command. */
  readonly argsMin: number
  readonly argsMax: number
  /** The argument that is `noreply` when it is the last. */
  readonly hasNoreply: boolean
  /** Of one with a block: its length. @throws MemcachedRefusal when the line is none; what follows is then read as commands. */
  blockBytes?(args: readonly string[]): number
  /** Answer it. @throws MemcachedRefusal, GatewayError */
  run(request: Request, context: Context): Answer<void>
}

/** Go on with an answer: at once, if it is here. */
export function then<T>(answer: Answer<T>, go: (value: T) => void): Answer<void> {
  if (answer instanceof Promise) return answer.then(go)
  go(answer)
}
