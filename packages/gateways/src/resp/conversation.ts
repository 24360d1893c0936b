/**
 * What one client asks in RESP, and what it is told, in order.
 *
 * A request whose answer is here is answered in the same turn, without a promise; one that must ask other nodes holds up those
 * behind it. Nothing is worked off while more replies wait than a client should make us keep.
 */
import type { Conversation, WorkState } from '../conversation.ts'
import { GatewayError } from '../errors.ts'
import type { Answer, KeyValueStore } from '../store/key-value.ts'
import { textOf } from './arguments.ts'
import type { Client } from './client.ts'
import type { Command, CommandTable, Context } from './command.ts'
import { ECHO_CHARACTERS_MAX, REPLIES_BYTES_MAX } from './constants.ts'
import { RespCommandError, RespProtocolError, wrongArity } from './errors.ts'
import type { Facts } from './facts.ts'
import type { Request, RequestReader } from './reader.ts'
import { ReplyWriter } from './writer.ts'

export interface RespConversationInit {
  readonly store: KeyValueStore
  readonly facts: Facts
  readonly commands: CommandTable
  readonly reader: RequestReader
  readonly client: Client
}

export class RespConversation implements Conversation, Context {
  readonly store: KeyValueStore
  readonly facts: Facts
  readonly commands: CommandTable
  readonly client: Client
  readonly reply: ReplyWriter = new ReplyWriter()
  readonly #reader: RequestReader

  constructor({ store, facts, commands, reader, client }: RespConversationInit) {
    this.store = store
    this.facts = facts
    this.commands = commands
    this.client = client
    this.#reader = reader
    facts.counters.connections += 1
    facts.counters.clients += 1
  }

  get bufferedBytes(): number {
    return this.#reader.pendingBytes
  }

  receive(chunk: Buffer): void {
    this.facts.counters.inputBytes += chunk.length
    this.#reader.push(chunk)
  }

  work(): Answer<WorkState> {
    const stopped = this.#workUntilWaiting()
    return stopped instanceof Promise ? this.#workOn(stopped) : stopped
  }

  take(): Buffer | undefined {
    const replies = this.reply.take()
    if (replies !== undefined) this.facts.counters.outputBytes += replies.length
    return replies
  }

  close(): void {
    this.facts.counters.clients -= 1
  }

  async #workOn(waiting: Promise<void>): Promise<WorkState> {
    for (let stopped: WorkState | Promise<void> = waiting; ; stopped = this.#workUntilWaiting()) {
      if (!(stopped instanceof Promise)) return stopped
      await stopped
    }
  }

  #workUntilWaiting(): WorkState | Promise<void> {
    for (;;) {
      const request = this.#next()
      if (typeof request === 'string') return request
      const answered = this.#answer(request)
      if (answered !== undefined) return answered
    }
  }

  #next(): Request | WorkState {
    if (this.client.isLeaving) return 'end'
    if (this.reply.length >= REPLIES_BYTES_MAX) return 'full'
    this.#reader.isTrusted = this.client.user !== undefined
    try {
      return this.#reader.next() ?? 'more'
    } catch (error) {
      this.client.isLeaving = true
      this.#refuse(error)
      return 'end'
    }
  }

  /** @returns a promise when the answer is not here; it does not reject. */
  #answer(request: Request): Promise<void> | undefined {
    this.facts.counters.commands += 1
    try {
      const command = this.#commandOf(request)
      this.client.lastCommand = command.name
      const answered = command.run(this, request)
      return answered instanceof Promise ? answered.catch((error: unknown) => this.#refuse(error)) : undefined
    } catch (error) {
      this.#refuse(error)
      return undefined
    }
  }

  /** @throws RespCommandError when it is none, has not its arguments, or is not for strangers. */
  #commandOf(request: Request): Command {
    const name = textOf(request[0] as Buffer).toLowerCase()
    let command = this.commands.get(name)
    if (command === undefined) throw unknownCommand(request)
    const [, second] = request
    if (command.subcommands !== undefined && second !== undefined) {
      command = command.subcommands.get(textOf(second).toLowerCase())
      if (command === undefined) throw unknownSubcommand(request)
    }
    const { arity } = command
    if (arity >= 0 ? request.length !== arity : request.length < -arity) throw wrongArity(command.name)
    if (this.client.user === undefined && !command.flags.includes('no_auth')) {
      throw new RespCommandError('NOAUTH Authentication required.')
    }
    return command
  }

  #refuse(error: unknown): void {
    this.facts.counters.errors += 1
    const reply = replyTo(error)
    if (reply === undefined) this.facts.logger?.error('resp: a command failed', { error: String(error) })
    this.reply.error(reply ?? 'ERR internal error')
  }
}

/** What a client is told of an error; undefined for one that nobody expected. */
function replyTo(error: unknown): string | undefined {
  if (error instanceof RespCommandError) return error.message
  if (error instanceof RespProtocolError) return `ERR ${error.message}`
  if (!(error instanceof GatewayError)) return undefined
  switch (error.code) {
    case 'KEY_REFUSED':
      return 'NOPERM this user has no permissions to access one of the keys used as arguments'
    case 'VALUE_TOO_LARGE':
      return 'ERR string exceeds maximum allowed size (proto-max-bulk-len)'
    case 'KEY_INVALID':
    case 'STORE_UNAVAILABLE':
      return `ERR ${error.message}`
  }
}

function unknownCommand([name, ...more]: Request): RespCommandError {
  let shown = ''
  for (const argument of more) {
    if (shown.length >= ECHO_CHARACTERS_MAX) break
    shown += `'${printable(argument, ECHO_CHARACTERS_MAX - shown.length)}' `
  }
  const what = printable(name as Buffer, ECHO_CHARACTERS_MAX)
  return new RespCommandError(`ERR unknown command '${what}', with args beginning with: ${shown}`)
}

function unknownSubcommand([container, name]: Request): RespCommandError {
  const what = printable(name as Buffer, ECHO_CHARACTERS_MAX)
  const help = textOf(container as Buffer).toUpperCase()
  return new RespCommandError(`ERR unknown subcommand '${what}'. Try ${help} HELP.`)
}

/** As much of it as Redis shows: up to a NUL. */
function printable(argument: Uint8Array, charactersMax: number): string {
  const text = textOf(argument.subarray(0, charactersMax))
  const nul = text.indexOf('\0')
  return nul < 0 ? text : text.slice(0, nul)
}
