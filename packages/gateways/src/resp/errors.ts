/** What a client of the RESP gateway can be told, in Redis's words: programs compare them. */
import { RepriseError } from '@reprise/core'

/** Thrown when what a client sends is no request. It is told so, and its connection ends. */
export class RespProtocolError extends RepriseError {
  constructor(what: string) {
    super('RESP_PROTOCOL', `Protocol error: ${what}`)
  }
}

/** Thrown by commands that refuse what they are asked. Nothing was changed; the message is the reply, its code in front. */
export class RespCommandError extends RepriseError {
  constructor(reply: string) {
    super('RESP_COMMAND', reply)
  }
}

export const syntaxError = (): RespCommandError => new RespCommandError('ERR syntax error')

export const notAnInteger = (): RespCommandError => new RespCommandError('ERR value is not an integer or out of range')

export const notAFloat = (): RespCommandError => new RespCommandError('ERR value is not a valid float')

/** @param command its name in lower case, a subcommand's with its container's. */
export const wrongArity = (command: string): RespCommandError =>
  new RespCommandError(`ERR wrong number of arguments for '${command}' command`)

export const invalidExpiry = (command: string): RespCommandError =>
  new RespCommandError(`ERR invalid expire time in '${command}' command`)
