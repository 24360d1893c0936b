/**
 * What a command of RESP is: how it is called, what it does, and what is told about it. `COMMAND`, the check of arguments and
 * the check of who may call it are made from the same description.
 */
import type { Answer, KeyValueStore } from '../store/key-value.ts'
import type { Client } from './client.ts'
import type { Facts } from './facts.ts'
import type { Request } from './reader.ts'
import type { ReplyWriter } from './writer.ts'

/** What Redis calls the flags of a command, those that occur here. `no_auth`: a client that is not known yet may call it. */
export type CommandFlag =
  | 'admin'
  | 'allow_busy'
  | 'denyoom'
  | 'fast'
  | 'loading'
  | 'no_auth'
  | 'noscript'
  | 'readonly'
  | 'stale'
  | 'write'

/** Which arguments are keys: places of the first and the last (negative: from the end), and how far they are apart. */
export interface KeyPlaces {
  readonly first: number
  readonly last: number
  readonly step: number
}

export interface Command {
  /** Lower case; that of a subcommand is `container|name`. */
  readonly name: string
  /** Arguments, the name included; negative: at least that many. */
  readonly arity: number
  readonly flags: readonly CommandFlag[]
  readonly keys: KeyPlaces
  /** What kind of command it is, besides what its flags say. */
  readonly categories: readonly string[]
  readonly summary: string
  /** The version of Redis that brought it. */
  readonly since: string
  readonly group: 'connection' | 'generic' | 'server' | 'string'
  /** Commands that its first argument names; it is only their container then. */
  readonly subcommands?: CommandTable
  /**
   * Answer a request that has as many arguments as `arity` asks for: one reply, written when the answer is there.
   * @throws RespCommandError, GatewayError: they become the reply.
   */
  run(context: Context, request: Request): Answer<void>
}

/** By lower-case name; subcommands by their own part of it. */
export type CommandTable = ReadonlyMap<string, Command>

/** What a command works with. */
export interface Context {
  readonly reply: ReplyWriter
  readonly store: KeyValueStore
  readonly client: Client
  readonly facts: Facts
  /** All that can be called. */
  readonly commands: CommandTable
}

export const NO_KEYS: KeyPlaces = { first: 0, last: 0, step: 0 }
export const ONE_KEY: KeyPlaces = { first: 1, last: 1, step: 1 }
export const ALL_KEYS: KeyPlaces = { first: 1, last: -1, step: 1 }
export const KEYS_AND_VALUES: KeyPlaces = { first: 1, last: -1, step: 2 }

export function tableOf(commands: readonly Command[]): CommandTable {
  return new Map(commands.map((command) => [command.name.slice(command.name.indexOf('|') + 1), command]))
}

/** Go on with an answer, at once if it is here. */
export function whenHere<T>(answer: Answer<T>, next: (value: T) => void): Answer<void> {
  return answer instanceof Promise ? answer.then(next) : next(answer)
}
